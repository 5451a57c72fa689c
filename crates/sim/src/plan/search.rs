//! The search for the cheapest nodes.
//!
//! It begins with the cheapest numbers of nodes that the relaxation allows, adds nodes until all pods fit, takes away
//! and replaces nodes as long as all pods still fit, and at last tries everything that is cheaper, if that is not too
//! much. Every step is judged by a simulation with the real scheduler.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::pod::PodSpec;
use rustc_hash::FxHashMap;

use super::node_type::Price;
use super::relaxation::Relaxation;
use super::simulator::{Open, PodName, Simulated, Simulator};

/// How much work all simulations together may be: a unit is a pod that is tried, or a node that a spec is compared with.
const MAX_WORK: usize = 25_000_000;
/// How many simulations are made at least, and at most.
const SIMULATIONS: (usize, usize) = (50, 3_000);
/// How many cheaper sets of nodes are listed at most.
const MAX_LISTED: usize = 20_000;
/// How many sets are tried at most if adding nodes has given up.
const MAX_RETRIED: usize = 1_500;
/// How many steps the listing takes at most.
const MAX_STEPS: usize = 2_000_000;
/// By how much the cheapest mix of the relaxation is enlarged, in percent of it.
const PERCENTS: [u64; 8] = [100, 102, 105, 110, 120, 140, 180, 260];
/// If a number of nodes does not help, these multiples of it are tried.
const TIMES: [u32; 4] = [1, 2, 4, 8];
/// How many nodes of one type are replaced by how many of another type.
const EXCHANGES: [(u32, u32); 8] = [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2), (1, 4)];

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// How many nodes of each type.
    pub(super) counts: Vec<u32>,
    /// Pods that no number of nodes makes fit.
    pub(super) hopeless: Vec<Open>,
    /// No cheaper set of nodes than this makes the other pods fit.
    pub(super) bound: Price,
    /// The most nodes that were tried for the hopeless pods, and the pods that were pending all the same.
    pub(super) tried: Option<(Vec<u32>, Vec<Open>)>,
}

/// A search in progress.
pub(super) struct Search<'a> {
    simulator: &'a mut Simulator,
    relaxation: &'a Relaxation,
    /// Pods that need not fit.
    except: BTreeSet<PodName>,
    /// Whether all pods fit that the relaxation counts, so that its constraints hold.
    is_relaxed: bool,
    budget: usize,
    /// The most nodes that were tried in vain when growing ended.
    tried: Option<(Vec<u32>, Vec<Open>)>,
}

impl<'a> Search<'a> {
    /// A search whose simulations are so much work each.
    pub(super) fn new(simulator: &'a mut Simulator, relaxation: &'a Relaxation, work: usize) -> Self {
        let budget = (MAX_WORK / work.max(1)).clamp(SIMULATIONS.0, SIMULATIONS.1);
        Self { simulator, relaxation, except: BTreeSet::new(), is_relaxed: true, budget, tried: None }
    }

    /// Finds the cheapest nodes.
    ///
    /// # Errors
    /// As [`Simulator::simulate`].
    pub(super) fn finish(mut self) -> Result<Found, String> {
        let (bound, mut counts) = self.relaxation.solve();
        if let Some(enough) = self.scaled(&counts)? {
            counts = enough;
        }
        let hopeless = self.grow(&mut counts)?;
        if let Some((cost, counts)) = self.fitting_all(&hopeless)? {
            let hopeless = hopeless.into_iter().filter(|open| open.beyond_help).collect();
            return Ok(Found { counts, hopeless, bound: cost, tried: None });
        }
        self.is_relaxed = hopeless.iter().all(|open| open.beyond_help);
        let bound = if self.is_relaxed { bound } else { Price(0) };
        self.shrink(&mut counts, bound)?;
        let bound = self.try_cheaper(&mut counts, bound)?;
        Ok(Found { counts, hopeless, bound, tried: self.tried })
    }

    fn prices(&self) -> Vec<Price> {
        self.simulator.candidates.iter().map(|candidate| candidate.of.price).collect()
    }

    fn max(&self, at: usize) -> u32 {
        self.simulator.candidates[at].of.max
    }

    fn fits(&mut self, counts: &[u32]) -> Result<bool, String> {
        self.simulator.fits(counts, &self.except)
    }

    /// The same mix of nodes, and so much more of each type that all pods fit: the scheduler packs less tightly than the
    /// relaxation.
    fn scaled(&mut self, start: &[u32]) -> Result<Option<Vec<u32>>, String> {
        if start.iter().all(|count| *count == 0) {
            return Ok(None);
        }
        for percent in PERCENTS {
            let more = |(at, count): (usize, &u32)| {
                let scaled = (u64::from(*count) * percent).div_ceil(100);
                u32::try_from(scaled).unwrap_or(u32::MAX).min(self.max(at))
            };
            let next: Vec<u32> = start.iter().enumerate().map(more).collect();
            if self.fits(&next)? {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    fn is_exhausted(&self) -> bool {
        self.simulator.count >= self.budget
    }

    /// Adds nodes until nothing helps any more; returns the pods that are left.
    fn grow(&mut self, counts: &mut Vec<u32>) -> Result<Vec<Open>, String> {
        let mut now = self.simulator.simulate(counts)?;
        loop {
            let open: Vec<&Open> = now.pending.iter().filter(|open| !open.beyond_help).collect();
            if open.is_empty() {
                break;
            }
            let mut better = None;
            self.tried = None;
            for next in self.larger(&open, counts) {
                let end = self.simulator.simulate(&next)?;
                if is_better(&end, &now) {
                    better = Some((next, end));
                    break;
                }
                let nodes = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
                if self.tried.as_ref().is_none_or(|(most, _)| nodes(&next) > nodes(most)) {
                    self.tried = Some((next, end.pending));
                }
            }
            let Some((next, end)) = better else { break };
            (*counts, now) = (next, end);
        }
        self.except = now.pending.iter().map(|open| open.name.clone()).collect();
        Ok(now.pending)
    }

    /// Larger numbers of nodes to try: more of each type that the pending pods fit on by themselves, then more of all
    /// types. The scheduler may put other pods on the first new nodes, so that a few nodes need not help where many do.
    fn larger(&self, open: &[&Open], counts: &[u32]) -> Vec<Vec<u32>> {
        let types = self.by_value(open, counts);
        let more = |at: usize, number: u32| counts[at].saturating_add(number).min(self.max(at));
        let mut larger = Vec::new();
        for times in TIMES {
            for &(at, number) in &types {
                let mut next = counts.to_vec();
                next[at] = more(at, number.saturating_mul(times));
                larger.push(next);
            }
            // Some pods spread over nodes of several types.
            let all = types.iter().map(|(at, _)| *at);
            let mut next = counts.to_vec();
            all.for_each(|at| next[at] = more(at, times));
            larger.push(next);
        }
        larger.retain(|next| *next != counts);
        larger.dedup();
        larger
    }

    /// The types that help pending pods, with the number of nodes that would take them by their requests; the type that
    /// takes most for its price first.
    fn by_value(&self, open: &[&Open], counts: &[u32]) -> Vec<(usize, u32)> {
        let mut places = FxHashMap::default();
        let mut specs: Vec<(&PodSpec, usize)> = Vec::new();
        for open in open {
            let place = *places.entry(Arc::as_ptr(&open.spec)).or_insert_with(|| {
                specs.push((&open.spec, 0));
                specs.len() - 1
            });
            specs[place].1 += 1;
        }
        let mut types: Vec<(f64, usize, u32)> = Vec::new();
        for (at, candidate) in self.simulator.candidates.iter().enumerate() {
            let left = candidate.of.max.saturating_sub(counts[at]);
            let packed = candidate.pack(&specs);
            if left > 0 && packed.on_one > 0 {
                let nodes = packed.fitting.div_ceil(packed.on_one);
                let value = packed.share / candidate.of.price.0 as f64;
                types.push((value, at, u32::try_from(nodes).unwrap_or(u32::MAX).min(left)));
            }
        }
        types.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        types.into_iter().map(|(_, at, nodes)| (at, nodes)).collect()
    }

    /// The cheapest nodes on which the pods fit that growing has given up, if there are few sets to try.
    fn fitting_all(&mut self, left: &[Open]) -> Result<Option<(Price, Vec<u32>)>, String> {
        if left.iter().all(|open| open.beyond_help) {
            return Ok(None);
        }
        let of = |open: &Open| open.beyond_help.then(|| open.name.clone());
        let except = std::mem::replace(&mut self.except, left.iter().filter_map(of).collect());
        let mut list = List { search: self, below: Price(u64::MAX), listed: Vec::new(), steps: 0 };
        let is_complete = list.extend(&mut vec![0; self.simulator.candidates.len()], 0, Price(0));
        let mut listed = list.listed;
        listed.sort();
        let are_few = is_complete && listed.len() <= MAX_RETRIED;
        for (cost, counts) in listed.into_iter().filter(|_| are_few) {
            if self.is_exhausted() {
                break;
            }
            if self.fits(&counts)? {
                return Ok(Some((cost, counts)));
            }
        }
        self.except = except;
        Ok(None)
    }

    /// Takes away and exchanges nodes until nothing gets cheaper.
    fn shrink(&mut self, counts: &mut [u32], bound: Price) -> Result<(), String> {
        let prices = self.prices();
        let mut dearest: Vec<usize> = (0..counts.len()).collect();
        dearest.sort_by_key(|at| std::cmp::Reverse(prices[*at]));
        loop {
            let before = self.relaxation.cost(counts);
            for &at in &dearest {
                self.take_away(counts, at)?;
            }
            for &from in &dearest {
                for &to in &dearest {
                    for exchange in EXCHANGES {
                        if from != to && prices[from].times(exchange.0) > prices[to].times(exchange.1) {
                            self.exchange(counts, from, to, exchange)?;
                        }
                    }
                }
            }
            let cost = self.relaxation.cost(counts);
            if cost == before || cost <= bound || self.is_exhausted() {
                return Ok(());
            }
        }
    }

    /// Takes away as many nodes of a type as can go.
    fn take_away(&mut self, counts: &mut [u32], at: usize) -> Result<(), String> {
        let mut step = counts[at];
        while step > 0 && !self.is_exhausted() {
            let mut next = counts.to_vec();
            next[at] = next[at].saturating_sub(step);
            if step <= counts[at] && self.may_fit(&next) && self.fits(&next)? {
                counts[at] -= step;
            } else {
                step /= 2;
            }
        }
        Ok(())
    }

    /// Replaces as many nodes of a type by nodes of another one as can be.
    fn exchange(
        &mut self,
        counts: &mut [u32],
        from: usize,
        to: usize,
        (less, more): (u32, u32),
    ) -> Result<(), String> {
        let mut times = counts[from] / less;
        while times > 0 && !self.is_exhausted() {
            let mut next = counts.to_vec();
            next[from] = next[from].saturating_sub(less * times);
            next[to] = next[to].saturating_add(more * times);
            if less * times <= counts[from] && self.may_fit(&next) && self.fits(&next)? {
                counts.copy_from_slice(&next);
            } else {
                times /= 2;
            }
        }
        Ok(())
    }

    /// Whether these numbers are worth a simulation. If some pods fit nowhere, the relaxation asks for too much.
    fn may_fit(&self, counts: &[u32]) -> bool {
        let within = (0..counts.len()).all(|at| counts[at] <= self.max(at));
        within && (!self.is_relaxed || self.relaxation.allows(counts))
    }

    /// Tries all sets of nodes that are cheaper, the cheapest first, if they are few. Returns the bound that is proven
    /// then: everything that is cheaper was tried or cannot fit.
    fn try_cheaper(&mut self, counts: &mut Vec<u32>, bound: Price) -> Result<Price, String> {
        let best = self.relaxation.cost(counts);
        if best <= bound {
            return Ok(best);
        }
        let mut list = List { search: self, below: best, listed: Vec::new(), steps: 0 };
        let is_complete = list.extend(&mut vec![0; counts.len()], 0, Price(0));
        let mut listed = list.listed;
        if !is_complete {
            return Ok(bound);
        }
        listed.sort();
        for (cost, next) in listed {
            if self.is_exhausted() {
                return Ok(cost.max(bound));
            }
            if self.fits(&next)? {
                *counts = next;
                return Ok(cost);
            }
        }
        Ok(best)
    }
}

/// The sets of nodes below a price that may fit.
struct List<'s, 'a> {
    search: &'s Search<'a>,
    below: Price,
    listed: Vec<(Price, Vec<u32>)>,
    steps: usize,
}

impl List<'_, '_> {
    /// Lists the sets that begin with the numbers before `at`, which cost so much; `false` if they are too many.
    fn extend(&mut self, counts: &mut Vec<u32>, at: usize, cost: Price) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.listed.len() > MAX_LISTED {
            return false;
        }
        if at == counts.len() {
            if self.search.may_fit(counts) {
                self.listed.push((cost, counts.clone()));
            }
            return true;
        }
        let candidate = &self.search.simulator.candidates[at].of;
        let (price, max) = (candidate.price, candidate.max);
        for number in 0..=max {
            let cost = Price(cost.0.saturating_add(price.times(number).0));
            if cost >= self.below {
                break;
            }
            counts[at] = number;
            if !self.extend(counts, at + 1, cost) {
                return false;
            }
        }
        counts[at] = 0;
        true
    }
}

fn is_better(end: &Simulated, than: &Simulated) -> bool {
    (end.pending.len(), end.stuck) < (than.pending.len(), than.stuck)
}
