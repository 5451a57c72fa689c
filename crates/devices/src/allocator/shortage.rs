//! Which requests find too few devices on a node, and what keeps each device from them: for explanations.
//!
//! Each request is looked at alone, beside what is allocated. If each finds enough, they do not all fit together.

use std::collections::BTreeMap;
use std::fmt;

use berth_model::Str;
use berth_model::device::{
    AllocationMode, Ask, ConstraintRule, DeviceId, DeviceTaint, DeviceTaintEffect, Reach, ResourceClaim,
    SubRequest,
};

use super::Inventory;
use super::counters::{Counters, consumption};
use super::prepare::key;
use super::search::{Candidate, Search, untolerated};
use crate::capacity;
use crate::constraint::RequestName;
use crate::pools::{NodeView, Pool, reaches};
use crate::state::amount;

/// How many values of an attribute are named.
const VALUES_NAMED: usize = 3;

/// Why claims cannot be allocated on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// A request, or one alternative of it, finds too few devices.
    Request(RequestShortage),
    /// Each request finds enough devices, but all of them together do not.
    Together {
        /// The claim, `namespace/name`.
        claim: String,
        /// The attributes that must match or differ, in words.
        constraints: Vec<String>,
    },
    /// A pool is not used, because the driver has not published all of it, or what it published contradicts itself.
    Pool {
        /// The driver and the pool.
        pool: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A request that finds too few devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestShortage {
    /// The claim, `namespace/name`.
    pub claim: String,
    /// The request, `request/alternative` for an alternative.
    pub request: Str,
    /// The device class.
    pub class: Str,
    /// How many devices are wanted; `None` for all that match.
    pub wanted: Option<i64>,
    /// How many devices of the class the node can reach.
    pub devices: usize,
    /// How many devices of other classes the node can reach.
    pub others: usize,
    /// How many of them the request could have.
    pub free: usize,
    /// What keeps the others from it, and how many.
    pub obstacles: Vec<(Obstacle, usize)>,
}

/// What keeps a device from a request: the first of these that holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A selector of the request does not match.
    Selector {
        /// The expression.
        expression: Str,
        /// What the devices have of what the expression reads, in words.
        values: String,
    },
    /// Other nodes reach it.
    Elsewhere,
    /// It is allocated to these claims, `namespace/name`.
    Allocated(Vec<String>),
    /// It does not have the capacity, or not enough of it is left.
    Capacity(String),
    /// A counter that it shares is short.
    Counter(String),
    /// It has a taint that the request does not tolerate.
    Taint(String),
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(short) => short.fmt(f),
            Self::Together { claim, constraints } if constraints.is_empty() => {
                write!(f, "claim {claim}: each request finds enough devices, but not all requests together")
            }
            Self::Together { claim, constraints } => {
                let constraints = constraints.join(" and ");
                write!(f, "claim {claim}: each request finds enough devices, but not with {constraints}")
            }
            Self::Pool { pool, problem } => write!(f, "resource pool {pool} is {problem}"),
        }
    }
}

impl fmt::Display for RequestShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, request, class, wanted, devices, others, free, obstacles } = self;
        write!(f, "claim {claim}, request {request}: ")?;
        match wanted {
            Some(1) => write!(f, "1 device of class {class} is wanted, ")?,
            Some(wanted) => write!(f, "{wanted} devices of class {class} are wanted, ")?,
            None => write!(f, "all devices of class {class} are wanted, ")?,
        }
        match devices {
            0 if *others == 0 => write!(f, "the node has no device")?,
            0 => write!(f, "the node has only {others} of other classes")?,
            devices => {
                let are = if *free == 1 { "is" } else { "are" };
                write!(f, "{free} of the node's {devices} {are} free")?;
            }
        }
        for (obstacle, count) in obstacles {
            write!(f, "; {count} {obstacle}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selector { expression, values } => {
                write!(f, "not selected by {expression}")?;
                if values.is_empty() { Ok(()) } else { write!(f, ": {values}") }
            }
            Self::Elsewhere => write!(f, "reached from other nodes only"),
            Self::Allocated(claims) if claims.is_empty() => write!(f, "allocated"),
            Self::Allocated(claims) => write!(f, "allocated to {}", claims.join(", ")),
            Self::Capacity(text) => write!(f, "without enough {text}"),
            Self::Counter(text) => write!(f, "short of {text}"),
            Self::Taint(text) => write!(f, "with taint {text}, not tolerated"),
        }
    }
}

/// What is short on a node for claims that have no devices yet. Empty if a class or a selector is wrong: then the
/// allocator says what. `holders` are the claims that have devices.
pub fn shortages(
    inventory: &Inventory<'_>,
    node: NodeView<'_>,
    claims: &[&ResourceClaim],
    holders: &[&ResourceClaim],
) -> Vec<Shortage> {
    let search = Search::new(inventory, node, claims);
    let counters = search.pools.iter().map(|pool| Counters::new(pool, inventory.state)).collect();
    let taken = Taken { counters, holders };
    let mut short: Vec<Shortage> = search.pools.iter().filter_map(unusable).collect();
    for claim in claims {
        for request in &claim.spec.requests {
            let asks: Vec<(Str, &SubRequest)> = match &request.ask {
                Ask::Exactly(ask) => vec![(request.name.clone(), ask)],
                Ask::FirstAvailable(asks) => {
                    let name = |alternative| RequestName { request: &request.name, alternative };
                    asks.iter().map(|ask| (name(Some(&ask.name)).full(), ask)).collect()
                }
            };
            let all = asks.len();
            let found: Vec<Shortage> = asks
                .into_iter()
                .filter_map(|(name, ask)| of_request(&search, &taken, claim, &name, ask))
                .map(Shortage::Request)
                .collect();
            if found.len() == all {
                short.extend(found); // no alternative is enough
            }
        }
    }
    if short.is_empty() {
        short.extend(claims.iter().filter_map(|claim| together(claim)));
    }
    short
}

fn unusable(pool: &Pool<'_>) -> Option<Shortage> {
    let problem = match pool {
        pool if pool.incomplete => "not used: the driver has not published all of its slices",
        pool if pool.invalid => "not used: its slices contradict each other",
        _ => return None,
    };
    Some(Shortage::Pool { pool: pool.id.to_string(), problem })
}

fn together(claim: &ResourceClaim) -> Option<Shortage> {
    let rule = |rule: &ConstraintRule| match rule {
        ConstraintRule::Match(attribute) => format!("the same {attribute}"),
        ConstraintRule::Distinct(attribute) => format!("different {attribute}"),
    };
    let constraints: Vec<String> =
        claim.spec.constraints.iter().map(|constraint| rule(&constraint.rule)).collect();
    let several = claim.spec.requests.len() > 1 || !constraints.is_empty();
    several.then(|| Shortage::Together { claim: key(claim), constraints })
}

/// What is taken on the node.
struct Taken<'a> {
    /// What is left of counters, by pool.
    counters: Vec<Counters<'a>>,
    /// The claims that have devices.
    holders: &'a [&'a ResourceClaim],
}

/// What one request, or one alternative, lacks; `None` if it finds enough, or cannot be looked at.
fn of_request(
    search: &Search<'_>,
    taken: &Taken<'_>,
    claim: &ResourceClaim,
    name: &Str,
    ask: &SubRequest,
) -> Option<RequestShortage> {
    let class = search.inventory.classes.get(&ask.class)?;
    let (mut others, mut free, mut obstacles) = (0, 0, BTreeMap::<Obstacle, usize>::new());
    let mut unmatched: BTreeMap<&Str, Unmatched> = BTreeMap::new();
    for candidate in &search.candidates {
        if first_unmatched(search, candidate, &class.selectors)?.is_some() {
            others += 1;
        } else if let Some((selector, values)) = first_unmatched(search, candidate, &ask.selectors)? {
            unmatched.entry(selector).or_default().add(values);
        } else if let Some(obstacle) = obstacle(search, taken, candidate, ask) {
            *obstacles.entry(obstacle).or_default() += 1;
        } else {
            free += 1;
        }
    }
    let is_short = match ask.mode {
        AllocationMode::Count(wanted) => (free as i64) < wanted,
        AllocationMode::All => free == 0 || !obstacles.is_empty(),
    };
    let not_selected = unmatched.into_iter().map(|(expression, Unmatched { count, values })| {
        (Obstacle::Selector { expression: expression.clone(), values: words(&values) }, count)
    });
    is_short.then(|| RequestShortage {
        claim: key(claim),
        request: name.clone(),
        class: ask.class.clone(),
        wanted: match ask.mode {
            AllocationMode::Count(wanted) => Some(wanted),
            AllocationMode::All => None,
        },
        devices: search.candidates.len() - others,
        others,
        free,
        obstacles: not_selected.chain(obstacles).collect(),
    })
}

/// What a selector reads of a device, by name, and what the device has of it, in words.
type ValuesRead = Vec<(String, String)>;

/// The devices that a selector does not match.
#[derive(Default)]
struct Unmatched {
    count: usize,
    /// The values that they have of what the selector reads.
    values: BTreeMap<String, Vec<String>>,
}

impl Unmatched {
    fn add(&mut self, values: ValuesRead) {
        self.count += 1;
        for (name, value) in values {
            let known = self.values.entry(name).or_default();
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
}

/// The first selector that does not match a device, with what the device has of what it reads; `Some(None)` if all
/// match, and `None` if one cannot be evaluated.
fn first_unmatched<'s>(
    search: &Search<'_>,
    candidate: &Candidate<'_>,
    selectors: &'s [Str],
) -> Option<Option<(&'s Str, ValuesRead)>> {
    let (driver, device) = (&candidate.slice.driver, candidate.device);
    for text in selectors {
        let compiled = search.inventory.selectors.get(text);
        let selector = compiled.as_ref().as_ref().ok()?;
        if !selector.matches(driver, device).result.ok()? {
            return Some(Some((text, selector.values_read(driver, device))));
        }
    }
    Some(None)
}

fn words(values: &BTreeMap<String, Vec<String>>) -> String {
    let one = |(name, values): (&String, &Vec<String>)| {
        let more = if values.len() > VALUES_NAMED { ", …" } else { "" };
        let named: Vec<&str> = values.iter().take(VALUES_NAMED).map(String::as_str).collect();
        format!("{name} is {}{more}", named.join(", "))
    };
    values.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What keeps a device that is selected.
fn obstacle(
    search: &Search<'_>,
    taken: &Taken<'_>,
    candidate: &Candidate<'_>,
    ask: &SubRequest,
) -> Option<Obstacle> {
    let Candidate { device, slice, .. } = candidate;
    let per_device = slice.reach == Reach::PerDevice;
    if per_device && !reaches(search.node, &device.reach) {
        return Some(Obstacle::Elsewhere);
    }
    if ask.admin_access != Some(true) && candidate.dedicated {
        return Some(Obstacle::Allocated(holders_of(&candidate.id(), taken.holders)));
    }
    if let Some(short) = short_capacity(candidate, ask) {
        return Some(Obstacle::Capacity(short));
    }
    // The counters of a device that is shared already are taken.
    let counted = device.allow_multiple_allocations == Some(true) && candidate.shared;
    if !counted && let Some(short) = short_counter(&taken.counters[candidate.pool], candidate) {
        return Some(Obstacle::Counter(short));
    }
    untolerated(device, ask).map(|taint| Obstacle::Taint(taint_text(taint)))
}

fn holders_of(device: &DeviceId, holders: &[&ResourceClaim]) -> Vec<String> {
    let has = |claim: &&&ResourceClaim| {
        let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
        results.into_iter().any(|result| !result.admin_access && result.device == *device)
    };
    holders.iter().filter(has).map(|claim| key(claim)).collect()
}

fn short_capacity(candidate: &Candidate<'_>, ask: &SubRequest) -> Option<String> {
    let (capacity, taken) = (&candidate.device.capacity, candidate.taken);
    if capacity::fits(taken, None, ask.capacity.as_ref(), capacity) != Ok(false) {
        return None;
    }
    let asked = ask.capacity.iter().flatten();
    let texts = asked.map(|(name, wanted)| {
        let of = capacity.iter().find(|(known, _)| known == name);
        match (of, taken.and_then(|taken| amount(taken, name))) {
            (None, _) => format!("{name}: {wanted} is wanted, it has none"),
            (Some((_, of)), None) => format!("{name}: {wanted} is wanted of {}", of.value),
            (Some((_, of)), Some(taken)) => {
                format!("{name}: {wanted} is wanted, {taken} of {} is taken", of.value)
            }
        }
    });
    let texts: Vec<String> = texts.collect();
    Some(if texts.is_empty() { "capacity".to_owned() } else { texts.join(" and ") })
}

fn short_counter(counters: &Counters<'_>, candidate: &Candidate<'_>) -> Option<String> {
    let short = consumption(candidate.device)
        .find(|((set, counter), amount)| counters.left(set, counter).is_some_and(|left| left < *amount))?;
    let ((set, counter), _) = short;
    Some(format!("counter {counter} of {set}"))
}

fn taint_text(taint: &DeviceTaint) -> String {
    let effect = match taint.effect {
        DeviceTaintEffect::NoExecute => "NoExecute",
        _ => "NoSchedule",
    };
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{effect}", taint.key)
}
