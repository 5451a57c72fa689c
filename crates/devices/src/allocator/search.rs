//! The search itself: depth first, the first full solution wins.

use berth_model::Str;
use berth_model::device::{
    ALLOCATION_RESULTS_MAX, Device, DeviceId, DeviceTaint, DeviceTaintEffect, ResourceClaim, ResourceSlice,
    SubRequest,
};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Inventory;
use super::counters::Counters;
use super::prepare::{Request, key};
use crate::capacity;
use crate::cel::enhanced;
use crate::constraint::{Constraint, RequestName};
use crate::pools::{NodeView, Pool, gather, reaches};
use crate::state::{Amounts, add_amounts, is_nothing, subtract_amounts};

/// A request, or an alternative of it, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) claim: usize,
    pub(super) request: usize,
    pub(super) alternative: usize,
}

/// A device that the node may reach.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) device: &'a Device,
    pub(super) slice: &'a ResourceSlice,
    /// The position of its pool.
    pub(super) pool: usize,
    /// Whether a claim has it for itself.
    pub(super) dedicated: bool,
    /// Whether shares of it are allocated.
    pub(super) shared: bool,
    /// What they take.
    pub(super) taken: Option<&'a Amounts>,
    /// The claims that pick it in this search.
    picked_by: SmallVec<[usize; 2]>,
    /// What shares picked in this search take; present if there is one.
    picked_amounts: Option<Amounts>,
}

impl Candidate<'_> {
    pub(super) fn id(&self) -> DeviceId {
        DeviceId {
            driver: self.slice.driver.clone(),
            pool: self.slice.pool.name.clone(),
            device: self.device.name.clone(),
        }
    }
}

/// A device that is picked for a request.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) candidate: usize,
    pub(super) place: Place,
    /// What a share takes; `None` if the device is not shared.
    pub(super) share: Option<Amounts>,
}

/// Why a branch of the search is left.
enum Stop {
    /// A claim would get more devices than it can hold.
    TooMany,
    /// The attempt is over.
    Fatal(String),
}

/// What picking a device has changed, to be taken back.
#[derive(Default)]
struct Undo {
    counters: bool,
    constraints: usize,
    marked: bool,
    amounts: Option<Amounts>,
    had_amounts: bool,
    result: bool,
}

/// The first taint of a device that keeps it from a request.
pub(super) fn untolerated<'d>(device: &'d Device, ask: &SubRequest) -> Option<&'d DeviceTaint> {
    device.taints.iter().find(|taint| {
        matches!(taint.effect, DeviceTaintEffect::NoSchedule | DeviceTaintEffect::NoExecute)
            && !ask.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    })
}

/// One search.
pub(super) struct Search<'a> {
    pub(super) inventory: &'a Inventory<'a>,
    pub(super) node: NodeView<'a>,
    pub(super) claims: &'a [&'a ResourceClaim],
    pub(super) pools: Vec<Pool<'a>>,
    pub(super) candidates: Vec<Candidate<'a>>,
    /// By claim, request and alternative.
    pub(super) requests: Vec<Vec<Vec<Request<'a>>>>,
    pub(super) constraints: Vec<Vec<Constraint<'a>>>,
    /// By claim, in the order in which they were picked.
    pub(super) picked: Vec<Vec<Picked>>,
    /// The alternative that was chosen, by claim and request.
    pub(super) chosen: FxHashMap<(usize, usize), usize>,
    counters: FxHashMap<usize, Counters<'a>>,
    selectable: FxHashMap<(usize, Place), bool>,
    steps: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        inventory: &'a Inventory<'a>,
        node: NodeView<'a>,
        claims: &'a [&'a ResourceClaim],
    ) -> Self {
        let pools = gather(node, inventory.slices);
        let mut candidates = Vec::new();
        for (at, pool) in pools.iter().enumerate() {
            for slice in &pool.slices {
                for device in &slice.devices {
                    let mut candidate = Candidate {
                        device,
                        slice,
                        pool: at,
                        dedicated: false,
                        shared: false,
                        taken: None,
                        picked_by: SmallVec::new(),
                        picked_amounts: None,
                    };
                    let id = candidate.id();
                    candidate.dedicated = inventory.state.is_dedicated(&id);
                    candidate.shared = inventory.state.is_shared(&id);
                    candidate.taken = inventory.state.consumed(&id);
                    candidates.push(candidate);
                }
            }
        }
        Self {
            inventory,
            node,
            claims,
            pools,
            candidates,
            requests: Vec::new(),
            constraints: Vec::new(),
            picked: claims.iter().map(|_| Vec::new()).collect(),
            chosen: FxHashMap::default(),
            counters: FxHashMap::default(),
            selectable: FxHashMap::default(),
            steps: 0,
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn has_invalid_pool(&self) -> bool {
        self.pools.iter().any(|pool| pool.invalid)
    }

    /// Whether there is a solution, which is then in `picked`.
    pub(super) fn run(&mut self) -> Result<bool, String> {
        self.prepare()?;
        match self.step(Place { claim: 0, request: 0, alternative: 0 }, 0, false, 0) {
            Ok(solved) => Ok(solved),
            Err(Stop::TooMany) => Err("allocation max size exceeded".to_owned()),
            Err(Stop::Fatal(text)) => Err(text),
        }
    }

    /// Finds device number `device` of a request and all that follow. `start` is the first candidate to try: within a
    /// request only combinations are tried, not permutations.
    fn step(&mut self, at: Place, device: i64, in_alternative: bool, start: usize) -> Result<bool, Stop> {
        self.steps += 1;
        if at.claim >= self.claims.len() {
            return Ok(true);
        }
        if at.request >= self.requests[at.claim].len() {
            let next = Place { claim: at.claim + 1, request: 0, alternative: 0 };
            return match self.step(next, 0, false, 0) {
                // Another choice for this claim may leave room for the next.
                Err(Stop::TooMany) => Ok(false),
                other => other,
            };
        }
        let request = &self.requests[at.claim][at.request][at.alternative];
        if !in_alternative && request.parent.is_some() {
            return self.first_available(at);
        }
        if request.all.as_ref().is_some_and(Vec::is_empty) {
            return Ok(false);
        }
        if device >= request.count {
            let next = Place { claim: at.claim, request: at.request + 1, alternative: 0 };
            return self.step(next, 0, false, 0);
        }
        let room = ALLOCATION_RESULTS_MAX as i64 - self.picked[at.claim].len() as i64;
        if request.count - device > room {
            return Err(Stop::TooMany);
        }
        if let Some(all) = &request.all {
            let candidate = all[device as usize];
            let Some(undo) = self.pick(at, candidate, true)? else { return Ok(false) };
            return match self.step(at, device + 1, in_alternative, 0) {
                Ok(true) => Ok(true),
                other => {
                    self.take_back(at, candidate, undo);
                    other
                }
            };
        }
        self.try_candidates(at, device, in_alternative, start)
    }

    /// The first alternative with which all that follows can be found too.
    fn first_available(&mut self, at: Place) -> Result<bool, Stop> {
        let mut always_too_many = true;
        for alternative in 0..self.requests[at.claim][at.request].len() {
            match self.step(Place { alternative, ..at }, 0, true, 0) {
                Err(Stop::TooMany) => continue,
                Err(fatal) => return Err(fatal),
                Ok(true) => {
                    self.chosen.insert((at.claim, at.request), alternative);
                    return Ok(true);
                }
                Ok(false) => always_too_many = false,
            }
        }
        if always_too_many { Err(Stop::TooMany) } else { Ok(false) }
    }

    fn try_candidates(
        &mut self,
        at: Place,
        device: i64,
        in_alternative: bool,
        start: usize,
    ) -> Result<bool, Stop> {
        for candidate in start..self.candidates.len() {
            if !self.is_candidate(at, candidate)? {
                continue;
            }
            let Some(undo) = self.pick(at, candidate, false)? else { continue };
            let found = self.step(at, device + 1, in_alternative, candidate + 1);
            if matches!(found, Ok(true)) {
                return found;
            }
            self.take_back(at, candidate, undo);
            found?;
        }
        Ok(false)
    }

    /// Whether a device is free, matches, and has the capacity.
    fn is_candidate(&mut self, at: Place, candidate: usize) -> Result<bool, Stop> {
        let admin = self.requests[at.claim][at.request][at.alternative].wants_admin_access();
        if self.is_in_use(at, candidate, admin) {
            return Ok(false);
        }
        let selectable = match self.selectable.get(&(candidate, at)) {
            Some(known) => *known,
            None => {
                // Borrowed apart, since the check notes its result.
                let alternatives = std::mem::take(&mut self.requests[at.claim][at.request]);
                let found = self.is_selectable(at, &alternatives[at.alternative], candidate);
                self.requests[at.claim][at.request] = alternatives;
                found.map_err(Stop::Fatal)?
            }
        };
        if !selectable {
            return Ok(false);
        }
        self.has_capacity(at, candidate).map_err(|why| {
            let (claim, name) = self.named(at);
            let id = self.candidates[candidate].id();
            Stop::Fatal(format!("claim {claim}, request {name}: checking capacity for device {id}: {why}"))
        })
    }

    fn named(&self, at: Place) -> (String, &'a Str) {
        let ask = self.requests[at.claim][at.request][at.alternative].ask;
        (key(self.claims[at.claim]), &ask.name)
    }

    /// Requests with admin access take devices in use, but none twice for one claim.
    fn is_in_use(&self, at: Place, candidate: usize, admin: bool) -> bool {
        let candidate = &self.candidates[candidate];
        if admin {
            candidate.picked_by.contains(&at.claim)
        } else {
            candidate.dedicated || !candidate.picked_by.is_empty()
        }
    }

    fn has_capacity(&self, at: Place, candidate: usize) -> Result<bool, String> {
        let ask = self.requests[at.claim][at.request][at.alternative].ask;
        let candidate = &self.candidates[candidate];
        let picked = candidate.picked_amounts.as_ref();
        capacity::fits(candidate.taken, picked, ask.capacity.as_ref(), &candidate.device.capacity)
    }

    /// Whether a device satisfies the selectors of the class and the request, and can be reached.
    pub(super) fn is_selectable(
        &mut self,
        at: Place,
        request: &Request<'a>,
        candidate: usize,
    ) -> Result<bool, String> {
        if let Some(known) = self.selectable.get(&(candidate, at)) {
            return Ok(*known);
        }
        let Candidate { device, slice, .. } = self.candidates[candidate];
        let class = &request.class.selectors;
        let selectable = self.all_match(at, candidate, Some(&request.class.name), class)?
            && self.all_match(at, candidate, None, &request.ask.selectors)?
            && (slice.reach != berth_model::device::Reach::PerDevice || reaches(self.node, &device.reach));
        self.selectable.insert((candidate, at), selectable);
        Ok(selectable)
    }

    fn all_match(
        &self,
        at: Place,
        candidate: usize,
        class: Option<&Str>,
        selectors: &[Str],
    ) -> Result<bool, String> {
        let owner = || match class {
            Some(name) => format!("class {name}"),
            None => format!("claim {}", key(self.claims[at.claim])),
        };
        let candidate = &self.candidates[candidate];
        for (number, expression) in selectors.iter().enumerate() {
            let compiled = self.inventory.selectors.get(expression);
            let selector = compiled
                .as_ref()
                .as_ref()
                .map_err(|error| format!("{}: selector #{number}: CEL compile error: {error}", owner()))?;
            match selector.matches(&candidate.slice.driver, candidate.device).result {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    return Err(format!(
                        "{}: selector #{number} on device {}: CEL runtime error: {}",
                        owner(),
                        candidate.id(),
                        enhanced(&error)
                    ));
                }
            }
        }
        Ok(true)
    }

    /// Picks a device for a request if nothing speaks against it. `must` is set where no other device would do.
    fn pick(&mut self, at: Place, number: usize, must: bool) -> Result<Option<Undo>, Stop> {
        let request = &self.requests[at.claim][at.request][at.alternative];
        let (ask, name, admin) = (request.ask, request.name(), request.wants_admin_access());
        let Candidate { device, pool, .. } = self.candidates[number];
        let shareable = device.allow_multiple_allocations == Some(true);
        if (!admin || !shareable) && self.is_in_use(at, number, admin) {
            return Ok(None);
        }
        let mut undo = Undo::default();
        let candidate = &self.candidates[number];
        // The counters of a device that is shared already are taken.
        let counted = shareable && (candidate.shared || candidate.picked_amounts.is_some());
        if !counted && !device.consumes_counters.is_empty() {
            let (pools, state) = (&self.pools, self.inventory.state);
            let counters = self.counters.entry(pool).or_insert_with(|| Counters::new(&pools[pool], state));
            if !counters.take(device) {
                return Ok(None);
            }
            undo.counters = true;
        }
        let tainted = untolerated(device, ask).is_some();
        if tainted || !self.add_to_constraints(at, number, name, &mut undo) {
            self.take_back(at, number, undo);
            if must && !tainted {
                let (claim, name) = self.named(at);
                let id = self.candidates[number].id();
                return Err(Stop::Fatal(format!(
                    "claim {claim}, request {name}: cannot add device {id} because a claim constraint would not be satisfied"
                )));
            }
            return Ok(None);
        }
        if !shareable {
            self.candidates[number].picked_by.push(at.claim);
            undo.marked = true;
        }
        let share = match self.share(at, number, shareable) {
            Ok(Some(share)) => share,
            Ok(None) => {
                self.take_back(at, number, undo);
                return Ok(None);
            }
            Err(text) => return Err(Stop::Fatal(text)),
        };
        if let Some(amounts) = &share {
            let picked = &mut self.candidates[number].picked_amounts;
            undo.had_amounts = picked.is_some();
            add_amounts(picked.get_or_insert_default(), amounts);
            undo.amounts = Some(amounts.clone());
        }
        self.picked[at.claim].push(Picked { candidate: number, place: at, share });
        undo.result = true;
        Ok(Some(undo))
    }

    fn add_to_constraints(
        &mut self,
        at: Place,
        number: usize,
        name: RequestName<'_>,
        undo: &mut Undo,
    ) -> bool {
        let Candidate { device, slice, .. } = self.candidates[number];
        for constraint in &mut self.constraints[at.claim] {
            if !constraint.add(name, &slice.driver, device) {
                return false;
            }
            undo.constraints += 1;
        }
        true
    }

    /// What a share of a device takes, `Some(None)` if the device is not shared; `None` if there is not enough left.
    fn share(&self, at: Place, number: usize, shareable: bool) -> Result<Option<Option<Amounts>>, String> {
        let (claim, name) = self.named(at);
        let failed = |doing: &str, why: String| {
            let id = self.candidates[number].id();
            format!("claim {claim}, request {name}: {doing} capacity for device {id}: {why}")
        };
        if !self.has_capacity(at, number).map_err(|why| failed("rechecking", why))? {
            return Ok(None);
        }
        if !shareable {
            return Ok(Some(None));
        }
        let ask = self.requests[at.claim][at.request][at.alternative].ask;
        let capacity = &self.candidates[number].device.capacity;
        let consumed = capacity::consumed(ask.capacity.as_ref(), capacity);
        Ok(Some(Some(consumed.map_err(|why| failed("computing consumed", why))?)))
    }

    /// Takes back a pick, in the opposite order.
    fn take_back(&mut self, at: Place, number: usize, undo: Undo) {
        if undo.result {
            self.picked[at.claim].pop();
        }
        let candidate = &mut self.candidates[number];
        if let (Some(amounts), Some(picked)) = (&undo.amounts, &mut candidate.picked_amounts) {
            subtract_amounts(picked, amounts);
            if is_nothing(picked) {
                candidate.picked_amounts = undo.had_amounts.then(Amounts::new);
            }
        }
        if undo.marked {
            candidate.picked_by.retain(|claim| *claim != at.claim);
        }
        let Candidate { device, pool, .. } = *candidate;
        let name = self.requests[at.claim][at.request][at.alternative].name();
        for constraint in self.constraints[at.claim][..undo.constraints].iter_mut().rev() {
            constraint.remove(name);
        }
        if undo.counters
            && let Some(counters) = self.counters.get_mut(&pool)
        {
            counters.give_back(device);
        }
    }
}
