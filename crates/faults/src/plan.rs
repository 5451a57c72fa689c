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
    /// A watch breaks and its changes are lost: the kind is listed again.
    Relist,
    /// A listing is served from an old state.
    StaleList,
    /// The API server refuses a valid request.
    Refused,
    /// A request is carried out, and its answer is lost.
    LostAnswer,
    /// A request is lost.
    LostRequest,
    /// A request takes long.
    SlowRequest,
    /// The scheduler process dies and starts again.
    Crash,
    /// Another scheduler takes the lease.
    LeaseTheft,
    /// The clock jumps.
    ClockJump,
    /// A node is deleted and created again.
    NodeFlap,
    /// A node shrinks.
    NodeShrinks,
    /// A pod is deleted and created again under its name.
    Reincarnation,
    /// Another scheduler binds a pod.
    ForeignBinding,
    /// Another process nominates a pod to a node.
    ForeignNomination,
    /// An extender does not answer, or with an error.
    ExtenderFails,
    /// A driver publishes other devices.
    DevicesWithdrawn,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 18] = [
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
        Self::ForeignNomination,
        Self::ExtenderFails,
        Self::DevicesWithdrawn,
    ];

    /// The factor of its probability: rare occasions need a higher one.
    fn frequency(self) -> f64 {
        match self {
            Self::ExtenderFails => 6.0,
            Self::NodeFlap | Self::NodeShrinks | Self::Reincarnation => 2.0,
            Self::ForeignBinding | Self::ForeignNomination | Self::DevicesWithdrawn => 2.0,
            Self::Crash | Self::LeaseTheft => 0.5,
            _ => 1.0,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Creates a pod.
    CreatePod,
    /// Deletes a pod.
    DeletePod,
    /// Adds a node, or changes the one of that name.
    WriteNode,
    /// Removes a pod's scheduling gates.
    LiftGates,
    /// Changes a pod's label.
    RelabelPod,
    /// Creates or changes the disruption budget.
    WriteBudget,
}

/// What is feature about a pod that a user creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodFeature {
    /// Nothing.
    Plain,
    /// It has a scheduling gate.
    Gate,
    /// It needs a label of a node.
    NodeSelector,
    /// It tolerates the taint.
    Toleration,
    /// It excludes pods with its label from its node.
    AntiAffinity,
    /// It needs a pod with its label in its zone.
    Affinity,
    /// Pods with its label must be spread over zones.
    Spread,
    /// An extender decides about it.
    Licence,
    /// It has a claim on a volume.
    Claim,
    /// It has a claim on devices.
    Device,
}

/// Faults and user actions that must come together, and rarely do so by uniform chance. Half of all histories have a
/// focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Focus {
    /// Preemption on full nodes, while others bind and nominate the same pods.
    Nominations,
    /// Topology spread, while evictions and bindings are delivered late.
    Spreading,
    /// Pods deleted and created again under their names, while others are evicted for them.
    Reincarnations,
    /// Labels change while pods wait, are assumed or are bound, so that equivalence classes split.
    Labels,
    /// Claims, while others bind the pods, requests fail and time runs out.
    Volumes,
    /// Extenders, while the lease changes hands and replies come late.
    Extenders,
    /// Claims on devices, while devices are withdrawn, writes fail and the lease changes hands.
    Devices,
}

impl Focus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Nominations,
        Self::Spreading,
        Self::Reincarnations,
        Self::Labels,
        Self::Volumes,
        Self::Extenders,
        Self::Devices,
    ];

    /// What the focus is drawn from: labels that change must meet a pod that waits for them, which is the rarest of all
    /// that planted violations need.
    const DRAWN: [Self; 9] = [
        Self::Nominations,
        Self::Spreading,
        Self::Reincarnations,
        Self::Labels,
        Self::Labels,
        Self::Labels,
        Self::Volumes,
        Self::Extenders,
        Self::Devices,
    ];

    /// Faults that occur in every history of this focus.
    fn faults(self) -> &'static [Fault] {
        use Fault as F;
        match self {
            Self::Nominations => &[F::ForeignBinding, F::ForeignNomination, F::SlowRequest, F::Crash],
            Self::Spreading => &[F::SlowWatch, F::ClockJump, F::LostAnswer, F::NodeShrinks],
            Self::Reincarnations => &[F::Reincarnation, F::SlowWatch, F::SlowRequest, F::Relist],
            Self::Labels => &[F::SlowWatch, F::SlowRequest, F::RepeatedChanges],
            Self::Devices => &[F::DevicesWithdrawn, F::Refused, F::LostAnswer, F::SlowWatch],
            Self::Volumes => &[F::ForeignBinding, F::LostRequest, F::Refused, F::ClockJump],
            Self::Extenders => {
                &[F::LeaseTheft, F::ExtenderFails, F::SlowRequest, F::Reincarnation, F::Relist]
            }
        }
    }

    /// What users do more often, and how much more.
    fn actions(self) -> &'static [(UserAction, usize)] {
        match self {
            Self::Labels => &[(UserAction::RelabelPod, 12)],
            Self::Spreading => &[(UserAction::RelabelPod, 4), (UserAction::DeletePod, 3)],
            Self::Extenders => &[(UserAction::RelabelPod, 3)],
            Self::Devices => &[(UserAction::DeletePod, 6)],
            _ => &[],
        }
    }

    /// What users do in the last quarter of their time; empty: the same as before. Later events of other kinds would
    /// hide that an event requeued no pod.
    fn last_deeds(self) -> &'static [(UserAction, usize)] {
        match self {
            Self::Labels => &[(UserAction::RelabelPod, 1)],
            Self::Spreading => &[(UserAction::RelabelPod, 2), (UserAction::DeletePod, 1)],
            _ => &[],
        }
    }

    /// Which pods are created more often, and how much more.
    fn features(self) -> &'static [(PodFeature, usize)] {
        match self {
            Self::Nominations | Self::Reincarnations => {
                &[(PodFeature::Plain, 12), (PodFeature::Toleration, 4)]
            }
            Self::Spreading => &[(PodFeature::Spread, 12), (PodFeature::Plain, 6)],
            Self::Labels => {
                &[(PodFeature::AntiAffinity, 24), (PodFeature::Affinity, 8), (PodFeature::Spread, 4)]
            }
            Self::Volumes => &[(PodFeature::Claim, 20)],
            Self::Devices => &[(PodFeature::Device, 24)],
            Self::Extenders => &[(PodFeature::Licence, 16), (PodFeature::AntiAffinity, 4)],
        }
    }

    /// How many nodes there are at most: preemption needs full nodes.
    fn most_nodes(self) -> usize {
        match self {
            Self::Nominations | Self::Reincarnations => 3,
            _ => 7,
        }
    }
}

/// The faults of one history and the size of its world.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The seed of all random draws.
    pub seed: u64,
    /// The seed of how the connections of watches fail, which changes nothing else in a history.
    pub connections: u64,
    /// What is made likely; `None`: nothing.
    pub focus: Option<Focus>,
    /// Each fault's probability, where it can happen; absent: never.
    pub rates: BTreeMap<Fault, f64>,
    /// How many nodes there are at the start.
    pub nodes: usize,
    /// For how many steps users act and faults strike.
    pub steps: usize,
    /// How many things users do at most.
    pub user_actions: usize,
}

impl Plan {
    /// Draws a plan.
    pub fn draw(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed ^ 0x0bad_5eed);
        let focus = if chance.bool() { chance.choice(Focus::DRAWN) } else { None };
        let mut rates = BTreeMap::new();
        for fault in Fault::ALL {
            let certain = focus.is_some_and(|focus| focus.faults().contains(&fault));
            if chance.bool() || certain {
                let least = if certain { 0.03 } else { 0.002 };
                rates.insert(fault, (least + 0.15 * chance.f64() * chance.f64()) * fault.frequency());
            }
        }
        Self {
            seed,
            connections: seed,
            focus,
            rates,
            nodes: chance.usize(1..=focus.map_or(7, Focus::most_nodes)),
            steps: chance.usize(40..200),
            user_actions: chance.usize(5..80),
        }
    }

    /// A fault's probability.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or_default()
    }

    /// Everything that users do at a step, by weight.
    pub fn user_actions_by_weight(&self, step: usize) -> Vec<(UserAction, usize)> {
        const USUAL: [(UserAction, usize); 6] = [
            (UserAction::CreatePod, 10),
            (UserAction::DeletePod, 3),
            (UserAction::WriteNode, 3),
            (UserAction::LiftGates, 1),
            (UserAction::RelabelPod, 1),
            (UserAction::WriteBudget, 2),
        ];
        let last = self.focus.map_or(&[][..], Focus::last_deeds);
        if !last.is_empty() && step > self.steps / 4 * 3 {
            return last.to_vec();
        }
        USUAL.into_iter().chain(self.focus.into_iter().flat_map(Focus::actions).copied()).collect()
    }

    /// All kinds of pods, by weight.
    pub fn pod_features_by_weight(&self) -> impl Iterator<Item = (PodFeature, usize)> {
        const USUAL: [(PodFeature, usize); 10] = [
            (PodFeature::Plain, 3),
            (PodFeature::Gate, 1),
            (PodFeature::NodeSelector, 1),
            (PodFeature::Toleration, 1),
            (PodFeature::AntiAffinity, 2),
            (PodFeature::Affinity, 1),
            (PodFeature::Spread, 2),
            (PodFeature::Licence, 1),
            (PodFeature::Claim, 2),
            (PodFeature::Device, 1),
        ];
        USUAL.into_iter().chain(self.focus.into_iter().flat_map(Focus::features).copied())
    }
}
