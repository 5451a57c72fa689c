//! Which faults a history has, and how often: a random subset with random rates (swarm testing).

use std::collections::BTreeMap;
use std::fmt;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A watch lags behind.
    SlowWatch,
    /// Changes are delivered twice.
    RepeatedChanges,
    /// A watch breaks and its changes are lost: the kind is listed anew.
    Relist,
    /// A listing is served from an old state.
    StaleList,
    /// A request is refused for no good reason.
    Refused,
    /// A request is done, but the answer does not come.
    LostAnswer,
    /// A request is not done, and the answer does not come.
    LostRequest,
    /// A request takes long.
    SlowRequest,
    /// The scheduler dies and starts anew.
    Crash,
    /// Another scheduler takes the lease.
    LeaseTheft,
    /// The clock jumps.
    ClockJump,
    /// A node goes and comes back.
    NodeFlap,
    /// A node shrinks.
    NodeShrinks,
    /// A pod is made again under its name.
    Reincarnation,
    /// Another scheduler binds a pod.
    ForeignBinding,
    /// An extender does not answer, or with an error.
    ExtenderFails,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::SlowWatch,
        Self::RepeatedChanges,
        Self::Relist,
        Self::StaleList,
        Self::Refused,
        Self::LostAnswer,
        Self::LostRequest,
        Self::SlowRequest,
        Self::Crash,
        Self::LeaseTheft,
        Self::ClockJump,
        Self::NodeFlap,
        Self::NodeShrinks,
        Self::Reincarnation,
        Self::ForeignBinding,
        Self::ExtenderFails,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The faults of one history and the size of its world.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What all chance comes from.
    pub seed: u64,
    /// Each fault's chance, where it can happen; absent: never.
    pub rates: BTreeMap<Fault, f64>,
    /// How many nodes there are at the start.
    pub nodes: usize,
    /// How many steps the users have their way.
    pub steps: usize,
    /// How many things users do at most.
    pub deeds: usize,
}

impl Plan {
    /// Draws a plan.
    pub fn draw(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed ^ 0x0bad_5eed);
        let mut rates = BTreeMap::new();
        for fault in Fault::ALL {
            if chance.bool() {
                rates.insert(fault, 0.002 + 0.15 * chance.f64() * chance.f64());
            }
        }
        Self {
            seed,
            rates,
            nodes: chance.usize(1..8),
            steps: chance.usize(40..200),
            deeds: chance.usize(5..80),
        }
    }

    /// A fault's chance.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or_default()
    }
}
