//! What happens at a later time.

use std::collections::BTreeSet;

use crate::Millis;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A command of the user, by its place.
    Command(usize),
    /// Something happens to a pod on its node.
    Pod(u32),
    /// A node that does not answer is looked at.
    NodeHealth(u32),
    /// Nodes of a zone may get the taint that evicts pods, by the zone's number.
    TaintZone(usize),
    /// A pod does not tolerate the taints of its node any longer.
    Tolerated(u32),
    /// A controller looks at its object again.
    Workload(u32),
    /// A CronJob is due.
    CronJob(u32),
    /// A Job that has ended is deleted.
    JobTtl(u32),
    /// A node is drained.
    Drain(u32),
    /// Pods of nodes that do not exist any more are removed.
    PodGarbage,
    /// A volume for a claim is ready, by the place of the claim among those that were asked for.
    Volume(usize),
    /// The series of the report get a value.
    Sample,
}

/// Timers in the order of their times; those of one time in the order of their kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Millis, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Millis, timer: Timer) {
        self.due.insert((at, timer));
    }

    pub(crate) fn next(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next timer that is due.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<Timer> {
        let first = self.due.first().filter(|(at, _)| *at <= now).copied()?;
        self.due.remove(&first);
        Some(first.1)
    }
}
