//! The fingerprint of a flow's actions: their number and a hash.

use berth_flow::Action;
use twox_hash::XxHash3_64;

use crate::canonical;
use crate::entry::Entry;

/// A running hash of actions: equal for equal actions in equal order, on every machine and in every build. XXH3 of each
/// action's canonical bytes, with the hash of the actions before it as the seed.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    hash: u64,
    actions: u64,
    /// The number of actions at the last call of [`Fingerprint::news`].
    reported: u64,
    buffer: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of no action.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action.
    pub fn add(&mut self, action: &Action) {
        self.buffer.clear();
        canonical::action(&mut self.buffer, action);
        self.hash = XxHash3_64::oneshot_with_seed(self.hash, &self.buffer);
        self.actions += 1;
    }

    /// The entry to record, if an action was added since the last call.
    pub fn news(&mut self) -> Option<Entry> {
        let (actions, hash) = self.value();
        (std::mem::replace(&mut self.reported, actions) != actions).then_some(Entry::Did(actions, hash))
    }

    /// The number of actions, and their hash.
    pub fn value(&self) -> (u64, u64) {
        (self.actions, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use berth_flow::{Call, Condition, Event, NodeVictims, PodRef, Request, Ticket, Write};

    use super::*;

    fn pod(name: &str) -> PodRef {
        PodRef { namespace: "shop".into(), name: name.into(), uid: format!("u-{name}").into() }
    }

    /// One action of each kind.
    fn actions() -> Vec<Action> {
        let condition = Condition {
            reason: "Unschedulable",
            message: "0/1 nodes are available: 1 Too many pods.".to_owned(),
            generation: 3,
            again: true,
        };
        let event = Event {
            regarding: pod("a"),
            related: Some(pod("b")),
            warning: true,
            reason: "FailedScheduling",
            action: "Scheduling",
            note: "no room".to_owned(),
            reporter: "default-scheduler".into(),
        };
        let candidates = vec![NodeVictims { node: "n1".into(), victims: vec![pod("c")], violations: -1 }];
        let nodes = vec!["n1".into(), "n2".into()];
        let extend = |call| Request::Extend { extender: 1, call };
        let requests = [
            Request::Bind { pod: pod("a"), node: "n1".into() },
            Request::SetStatus { pod: pod("a"), condition: Some(condition), nominated_node: None },
            Request::SetStatus { pod: pod("a"), condition: None, nominated_node: Some("".into()) },
            Request::Evict { victim: pod("b"), message: "preempted".to_owned() },
            Request::Write(Write::BindVolume {
                volume: "v".into(),
                namespace: "shop".into(),
                claim: "data".into(),
                claim_uid: "c1".into(),
                reserved: true,
            }),
            Request::Write(Write::SelectNode {
                namespace: "shop".into(),
                claim: "data".into(),
                node: "n1".into(),
            }),
            extend(Call::Filter { pod: pod("a"), nodes: Vec::clone(&nodes) }),
            extend(Call::Prioritize { pod: pod("a"), nodes }),
            extend(Call::Preempt { pod: pod("a"), candidates }),
            extend(Call::Bind { pod: pod("a"), node: "n1".into() }),
            Request::Emit(event),
        ];
        (1..).zip(requests).map(|(ticket, request)| Action { ticket: Ticket(ticket), request }).collect()
    }

    fn fingerprint(actions: &[Action]) -> (u64, u64) {
        let mut fingerprint = Fingerprint::new();
        actions.iter().for_each(|action| fingerprint.add(action));
        fingerprint.value()
    }

    /// A change of this number breaks the comparison with recordings that exist: it needs a new format in `block.rs`.
    #[test]
    fn a_fingerprint_is_the_same_in_every_build() {
        assert_eq!(fingerprint(&actions()), (11, 3_245_085_150_207_048_540));
    }

    #[test]
    fn every_action_and_their_order_count() {
        let all = actions();
        let whole = fingerprint(&all);
        for at in 0..all.len() {
            let mut fewer = all.clone();
            let removed = fewer.remove(at);
            assert_ne!(fingerprint(&fewer).1, whole.1, "without {removed:?}");
            let mut swapped = all.clone();
            swapped.rotate_left(at);
            assert_eq!(fingerprint(&swapped) == whole, at == 0, "from {removed:?} on");
        }
    }
}
