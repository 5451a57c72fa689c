//! Pools of devices as one node sees them.
//!
//! Upstream: `structured/internal/incubating/pools_incubating.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use berth_model::Str;
use berth_model::device::{CounterSet, Device, Reach, ResourceSlice};
use berth_model::labels::Labels;

/// What decides about a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
}

/// A pool by driver and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PoolId {
    pub(crate) driver: Str,
    pub(crate) name: Str,
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.driver, self.name)
    }
}

/// What a node sees of a pool.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    pub(crate) id: PoolId,
    /// The driver has not published all of its slices yet. Nothing is allocated from it.
    pub(crate) incomplete: bool,
    /// Its slices contradict each other. Nothing is allocated from it.
    pub(crate) invalid: bool,
    /// Slices with devices that the node may reach, by name.
    pub(crate) slices: Vec<&'a ResourceSlice>,
    /// Slices with devices that other nodes reach; they consume the same counters.
    pub(crate) elsewhere: Vec<&'a ResourceSlice>,
    /// The counters that devices share.
    pub(crate) counters: BTreeMap<Str, &'a CounterSet>,
}

/// Whether a node can reach something.
pub(crate) fn reaches(node: NodeView<'_>, reach: &Reach) -> bool {
    match reach {
        Reach::Node(name) => **name == *node.name,
        Reach::AllNodes => true,
        Reach::Selected(selector) => selector.matches(node.name, node.labels),
        Reach::Nowhere | Reach::PerDevice => false,
    }
}

/// Slices whose devices belong to compatibility groups are ignored while that feature is off.
fn is_usable(slice: &ResourceSlice) -> bool {
    !slice.devices.iter().any(|device| device.has_compatibility_groups)
}

/// The pools that the node sees among all slices: those without binding conditions first, each part by driver and name.
pub(crate) fn gather<'a>(node: NodeView<'_>, slices: &[&'a ResourceSlice]) -> Vec<Pool<'a>> {
    let mut seen: BTreeMap<PoolId, Vec<&'a ResourceSlice>> = BTreeMap::new();
    for slice in slices.iter().filter(|slice| is_usable(slice)) {
        let relevant = match &slice.reach {
            Reach::PerDevice => slice.devices.iter().any(|device| reaches(node, &device.reach)),
            reach => reaches(node, reach),
        };
        if relevant {
            let id = PoolId { driver: slice.driver.clone(), name: slice.pool.name.clone() };
            add_newest(seen.entry(id).or_default(), slice);
        }
    }
    let mut pools: Vec<Pool<'a>> =
        seen.into_iter().filter_map(|(id, found)| pool(id, found, slices)).collect();
    pools.sort_by_key(has_binding_conditions);
    pools
}

/// Only slices of the newest generation count.
fn add_newest<'a>(known: &mut Vec<&'a ResourceSlice>, slice: &'a ResourceSlice) {
    let newest = known.first().map_or(slice.pool.generation, |first| first.pool.generation);
    if slice.pool.generation > newest {
        known.clear();
    }
    if slice.pool.generation >= newest {
        known.push(slice);
    }
}

fn pool<'a>(id: PoolId, mut found: Vec<&'a ResourceSlice>, all: &[&'a ResourceSlice]) -> Option<Pool<'a>> {
    let first = found.first()?;
    let (generation, wanted) = (first.pool.generation, first.pool.slice_count);
    let is_complete = |count: usize| i64::try_from(count) == Ok(wanted);
    let mut elsewhere = Vec::new();
    if !is_complete(found.len()) {
        // Slices that the node does not see may complete the pool, or replace it.
        let of_pool = |slice: &&&ResourceSlice| slice.driver == id.driver && slice.pool.name == id.name;
        if all.iter().filter(of_pool).any(|slice| slice.pool.generation > generation) {
            return None;
        }
        let whole: Vec<&ResourceSlice> = all
            .iter()
            .filter(of_pool)
            .filter(|slice| slice.pool.generation == generation && is_usable(slice))
            .copied()
            .collect();
        if !is_complete(whole.len()) {
            return Some(Pool { incomplete: true, ..Pool::empty(id) });
        }
        elsewhere =
            whole.into_iter().filter(|slice| found.iter().all(|one| one.name != slice.name)).collect();
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Some(build(id, found, elsewhere))
}

fn build<'a>(id: PoolId, found: Vec<&'a ResourceSlice>, elsewhere: Vec<&'a ResourceSlice>) -> Pool<'a> {
    let counts = |slice: &&ResourceSlice| !slice.shared_counters.is_empty();
    let (counting, slices): (Vec<_>, Vec<_>) = found.into_iter().partition(counts);
    let (counting_elsewhere, elsewhere): (Vec<_>, Vec<_>) = elsewhere.into_iter().partition(counts);
    let invalid = |id| Pool { invalid: true, ..Pool::empty(id) };
    let mut names = BTreeSet::new();
    if !slices.iter().flat_map(|slice| &slice.devices).all(|device| names.insert(&device.name)) {
        return invalid(id);
    }
    let mut counters: BTreeMap<Str, &CounterSet> = BTreeMap::new();
    for set in counting.into_iter().chain(counting_elsewhere).flat_map(|slice| &slice.shared_counters) {
        if counters.insert(set.name.clone(), set).is_some() {
            return invalid(id);
        }
    }
    let known = |device: &Device| {
        device.consumes_counters.iter().all(|consumed| {
            counters.get(&consumed.name).is_some_and(|set| {
                consumed
                    .counters
                    .iter()
                    .all(|(name, _)| set.counters.iter().any(|(counter, _)| counter == name))
            })
        })
    };
    if !slices.iter().chain(&elsewhere).flat_map(|slice| &slice.devices).all(known) {
        return invalid(id);
    }
    Pool { slices, elsewhere, counters, ..Pool::empty(id) }
}

fn has_binding_conditions(pool: &Pool<'_>) -> bool {
    pool.slices.iter().flat_map(|slice| &slice.devices).any(|device| device.binding_conditions.is_some())
}

impl Pool<'_> {
    fn empty(id: PoolId) -> Self {
        Self {
            id,
            incomplete: false,
            invalid: false,
            slices: Vec::new(),
            elsewhere: Vec::new(),
            counters: BTreeMap::new(),
        }
    }
}
