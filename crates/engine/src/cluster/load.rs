//! Measured load, by node, and the time against which measurements are fresh or stale.
//!
//! A measurement does not know of pods that came later. Pods on the node that had not started when it was made (no
//! start time, or a later one) are *unseen*, and their requests are added to what was measured. This follows from the
//! pods and the measurement alone, not from the order in which they were told, and each pod that is placed adds to the
//! load.

use berth_model::UnixSeconds;
use berth_model::load::{MeasuredUsage, MeasuredUtilization};
use berth_model::node::Node;
use berth_model::pod::Pod;

use super::trial::Undo;
use super::{Change, Cluster};
use crate::ids::{NodeRow, PodRow};
use crate::pod_class::PodClass;

/// Measurements by node row. Rows beyond the end have none.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    now: Option<UnixSeconds>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    usage: Option<MeasuredUsage>,
    /// Requests of pods that the usage does not contain; zero where there is no usage.
    unseen_cpu_milli: i64,
    unseen_memory_bytes: i64,
    utilization: MeasuredUtilization,
}

impl Row {
    /// Answers whether that changes anything.
    fn count(&mut self, pod: &Pod, class: &PodClass, sign: i64) -> bool {
        let Some(usage) = self.usage else { return false };
        let seen = pod.started.is_some_and(|started| usage.taken.is_none_or(|taken| started <= taken));
        if !seen {
            let count = |sum: i64, amount: i64| sum.wrapping_add(amount.wrapping_mul(sign));
            self.unseen_cpu_milli = count(self.unseen_cpu_milli, class.scored_cpu);
            self.unseen_memory_bytes = count(self.unseen_memory_bytes, class.scored_memory);
        }
        !seen
    }

    /// Whether anything here goes stale one day.
    fn has_time(&self) -> bool {
        let utilization = Some(self.utilization).filter(|u| !u.is_empty());
        self.usage.and_then(|u| u.taken).or(utilization.and_then(|u| u.taken)).is_some()
    }
}

impl Loads {
    /// The time against which measurements are fresh or stale; `None` until it is set: nothing is stale then.
    pub fn now(&self) -> Option<UnixSeconds> {
        self.now
    }

    /// Measured CPU of a node with the requests of unseen pods, in milli-CPU; `None` where there is no measurement, or
    /// none that is at most `freshness_seconds` old.
    pub fn cpu_milli(&self, row: NodeRow, freshness_seconds: i64) -> Option<i64> {
        let at = self.rows.get(row.index())?;
        let measured = self.fresh_usage(at, freshness_seconds)?.cpu_milli?;
        Some(measured.saturating_add(at.unseen_cpu_milli))
    }

    /// Measured memory of a node with the requests of unseen pods, in bytes; `None` as for [`Loads::cpu_milli`].
    pub fn memory_bytes(&self, row: NodeRow, freshness_seconds: i64) -> Option<i64> {
        let at = self.rows.get(row.index())?;
        let measured = self.fresh_usage(at, freshness_seconds)?.memory_bytes?;
        Some(measured.saturating_add(at.unseen_memory_bytes))
    }

    /// How busy a node's disks are, in thousandths; `None` as for [`Loads::cpu_milli`].
    pub fn disk_milli(&self, row: NodeRow, freshness_seconds: i64) -> Option<i64> {
        self.fresh_utilization(row, freshness_seconds)?.disk_milli
    }

    /// How busy a node's network is, in thousandths; `None` as for [`Loads::cpu_milli`].
    pub fn network_milli(&self, row: NodeRow, freshness_seconds: i64) -> Option<i64> {
        self.fresh_utilization(row, freshness_seconds)?.network_milli
    }

    fn fresh_usage(&self, at: &Row, freshness_seconds: i64) -> Option<MeasuredUsage> {
        at.usage.filter(|usage| self.is_fresh(usage.taken, freshness_seconds))
    }

    fn fresh_utilization(&self, row: NodeRow, freshness_seconds: i64) -> Option<MeasuredUtilization> {
        let utilization = self.rows.get(row.index())?.utilization;
        self.is_fresh(utilization.taken, freshness_seconds).then_some(utilization)
    }

    fn is_fresh(&self, taken: Option<UnixSeconds>, freshness_seconds: i64) -> bool {
        match (taken, self.now) {
            (Some(taken), Some(now)) => now.saturating_sub(taken) <= freshness_seconds,
            _ => true,
        }
    }

    /// What a node was measured to use.
    pub(super) fn usage(&self, row: NodeRow) -> Option<MeasuredUsage> {
        self.rows.get(row.index())?.usage
    }

    fn row_mut(&mut self, row: NodeRow) -> &mut Row {
        if self.rows.len() <= row.index() {
            self.rows.resize(row.index() + 1, Row::default());
        }
        &mut self.rows[row.index()]
    }

    /// A node came or changed.
    pub(super) fn read_annotations(&mut self, row: NodeRow, node: &Node) {
        let utilization = MeasuredUtilization::from_annotations(&node.annotations);
        if !utilization.is_empty() || row.index() < self.rows.len() {
            self.row_mut(row).utilization = utilization;
        }
    }

    /// A node left.
    pub(super) fn clear(&mut self, row: NodeRow) {
        if let Some(at) = self.rows.get_mut(row.index()) {
            *at = Row::default();
        }
    }

    /// A pod came to the node (1) or left it (-1). Answers whether that changes anything.
    pub(super) fn count(&mut self, row: NodeRow, pod: &Pod, class: &PodClass, sign: i64) -> bool {
        self.rows.get_mut(row.index()).is_some_and(|at| at.count(pod, class, sign))
    }
}

impl Cluster {
    /// Measured load.
    pub fn loads(&self) -> &Loads {
        &self.loads
    }

    /// Sets or clears what a node was measured to use. Disk and network come with the node itself, as annotations.
    pub fn set_measured(&mut self, node: NodeRow, usage: Option<MeasuredUsage>) {
        self.note(|cluster| Undo::Measured(node, cluster.loads.usage(node)));
        let pods: &[PodRow] = self.nodes.pods(node);
        let at = self.loads.row_mut(node);
        *at = Row { usage, utilization: at.utilization, ..Row::default() };
        for &pod in pods {
            at.count(&self.pods.entry(pod).pod, self.pods.class_of(pod), 1);
        }
        self.changes.push(Change::Load(Some(node)));
    }

    /// Sets the time against which measurements are fresh or stale.
    ///
    /// Only what is kept of plugins that read measured load is prepared again, and only if some measurement has a time.
    pub fn set_now(&mut self, now: UnixSeconds) {
        if self.loads.now == Some(now) {
            return;
        }
        self.note(|cluster| Undo::Now(cluster.loads.now));
        self.restore_now(Some(now));
    }

    /// Sets the time, which may be unset.
    pub(super) fn restore_now(&mut self, now: Option<UnixSeconds>) {
        self.loads.now = now;
        if self.loads.rows.iter().any(Row::has_time) {
            self.changes.push(Change::Load(None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, labels};
    use crate::scheduler::algorithm::fixture::{running, waiting};
    use berth_model::load::{DISK_UTILIZATION, UTILIZATION_TIME};
    use proptest::prelude::*;

    fn measured(cpu_milli: i64, taken: i64) -> Option<MeasuredUsage> {
        Some(MeasuredUsage { cpu_milli: Some(cpu_milli), memory_bytes: Some(0), taken: Some(taken) })
    }

    #[test]
    fn a_measurement_leaves_with_its_node_and_stays_when_the_node_changes() {
        let mut world = World::default();
        let row = world.node("n1", |node| node.annotations = labels(&[(DISK_UTILIZATION, "0.5")]));
        world.cluster.set_measured(row, measured(700, 1));
        let all = |world: &World| {
            let loads = world.cluster.loads();
            (loads.cpu_milli(row, 9), loads.disk_milli(row, 9), loads.network_milli(row, 9))
        };
        assert_eq!(all(&world), (Some(700), Some(500), None));
        world.node("n1", |_| {});
        assert_eq!(all(&world), (Some(700), None, None));
        world.cluster.remove_node(row);
        assert_eq!(world.node("n2", |_| {}), row, "the row is used again");
        assert_eq!(all(&world), (None, None, None));
    }

    #[test]
    fn time_is_a_change_of_load_if_a_measurement_has_one() {
        let mut world = World::default();
        let timed = world.node("n1", |_| {});
        let timeless = world.node("n2", |node| node.annotations = labels(&[(DISK_UTILIZATION, "0.5")]));
        let annotated = world.node("n3", |node| {
            node.annotations = labels(&[(DISK_UTILIZATION, "0.5"), (UTILIZATION_TIME, "1")]);
        });
        world.node("n4", |_| {});
        world.cluster.set_measured(timed, measured(1, 1));
        let mut changes = |now: i64| {
            let since = world.cluster.changes().next();
            world.cluster.set_now(now);
            world.cluster.changes().since(since).unwrap().to_vec()
        };
        assert_eq!(changes(5), [Change::Load(None)]);
        assert_eq!(changes(5), []);
        assert_eq!(changes(12), [Change::Load(None)]);
        let loads = world.cluster.loads();
        let fresh = [10, 11].map(|limit| {
            [timed, annotated].map(|row| loads.cpu_milli(row, limit).or(loads.disk_milli(row, limit)))
        });
        assert_eq!(fresh, [[None, None], [Some(1), Some(500)]]);
        assert_eq!(loads.disk_milli(timeless, 0), Some(500));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Run { started: Option<i64> },
        Assign,
        Unassign(usize),
        Remove(usize),
        Measure(Option<i64>),
        RemoveNode,
        AddNode,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            proptest::option::of(0i64..10).prop_map(|started| Step::Run { started }),
            Just(Step::Assign),
            (0usize..9).prop_map(Step::Unassign),
            (0usize..9).prop_map(Step::Remove),
            proptest::option::of(0i64..10).prop_map(Step::Measure),
            Just(Step::RemoveNode),
            Just(Step::AddNode),
        ]
    }

    proptest! {
        #[test]
        fn what_is_unseen_is_the_sum_over_the_pods_whatever_the_order_of_events(
            steps in proptest::collection::vec(step(), 1..40)
        ) {
            let mut world = World::default();
            let mut row = Some(world.node("n1", |_| {}));
            let mut pods: Vec<PodRow> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                let request = format!("{}m", number + 1);
                let request = [("cpu", request.as_str()), ("memory", "1")];
                match step {
                    Step::Run { started } => pods.push(running(&mut world, "r", "n1", &request, started)),
                    Step::Assign => {
                        let pod = waiting(&mut world, "w", &request);
                        row.into_iter().for_each(|row| world.cluster.assign(pod, row));
                        pods.push(pod);
                    }
                    Step::Unassign(at) if at < pods.len() => {
                        let pod = pods.swap_remove(at);
                        world.cluster.unassign(pod);
                        world.cluster.remove_pod(pod);
                    }
                    Step::Remove(at) if at < pods.len() => world.cluster.remove_pod(pods.swap_remove(at)),
                    Step::Measure(taken) => {
                        let usage = taken.and_then(|taken| measured(1000, taken));
                        row.into_iter().for_each(|row| world.cluster.set_measured(row, usage));
                    }
                    Step::RemoveNode => row.take().into_iter().for_each(|row| world.cluster.remove_node(row)),
                    Step::AddNode => row = Some(world.node("n1", |_| {})),
                    Step::Unassign(_) | Step::Remove(_) => {}
                }
                let Some(row) = row else { continue };
                let cluster = &world.cluster;
                let usage = cluster.loads.rows.get(row.index()).and_then(|at| at.usage);
                let unseen = |taken: i64| {
                    let on_node = cluster.nodes().pods(row).iter().map(|&pod| cluster.pods().entry(pod));
                    let late = on_node.filter(|e| e.pod.started.is_none_or(|started| started > taken));
                    late.map(|e| cluster.pods().class(e.class).scored_cpu).sum::<i64>()
                };
                let expected = usage.map(|usage| 1000 + unseen(usage.taken.unwrap()));
                prop_assert_eq!(cluster.loads().cpu_milli(row, 0), expected);
            }
        }
    }
}
