//! What is decided for a pod.

use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::scan::Diagnosis;
use crate::scan::message;
use crate::verdict::{Code, Verdict};

/// What was decided for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Put it on this node, which has this total score.
    Place(NodeRow, i64),
    /// It must not enter the queue.
    Gated(Verdict),
    /// It fits nowhere.
    Unschedulable {
        /// Upstream's sentence, without what preemption adds to it.
        message: String,
        /// Whether evictions may help on any node.
        resolvable: bool,
        /// The plugins that rejected it, sorted: only what they wait for can help (upstream:
        /// `Diagnosis.UnschedulablePlugins`). None where there are no nodes at all.
        plugins: Vec<PluginName>,
    },
    /// A plugin could not answer, so that nothing can be said (upstream: reason `SchedulerError`).
    Error {
        /// What went wrong.
        message: String,
    },
}

impl Decision {
    /// What an diagnosis comes to.
    pub fn of(diagnosis: &Diagnosis, cluster: &Cluster) -> Self {
        if let Some(verdict) = &diagnosis.gated {
            return Self::Gated(verdict.clone());
        }
        if let Some(error) = diagnosis.error() {
            return Self::Error { message: error.message() };
        }
        if let Some((node, score)) = diagnosis.choice() {
            return Self::Place(node, score);
        }
        let verdicts = || diagnosis.rejected_early.iter().chain(diagnosis.rejected.iter().map(|(_, v)| v));
        Self::Unschedulable {
            message: diagnosis.message(cluster),
            resolvable: verdicts().any(|verdict| verdict.rejection.code == Code::Unschedulable),
            plugins: rejecting(&diagnosis.prefilter_plugins, verdicts()),
        }
    }

    /// What comes of a pod where there is no node.
    pub fn without_nodes() -> Self {
        Self::Unschedulable { message: message::NO_NODES.into(), resolvable: false, plugins: Vec::new() }
    }
}

/// The plugins that excluded nodes or rejected some, sorted; the framework's own rejections name none.
pub(crate) fn rejecting<'a>(
    prefilter_plugins: &[PluginName],
    verdicts: impl Iterator<Item = &'a Verdict>,
) -> Vec<PluginName> {
    let mut plugins = prefilter_plugins.to_vec();
    for verdict in verdicts {
        if !verdict.plugin.is_empty() && !plugins.contains(&verdict.plugin) {
            plugins.push(verdict.plugin.clone());
        }
    }
    plugins.sort_unstable();
    plugins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, labels};
    use crate::plugin::profile::Profile;
    use crate::scan::diagnose;
    use crate::scheduler::Scheduler;
    use crate::storage_fixture::disk_volume;
    use berth_model::node::Taint;
    use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
    use berth_model::volume::Disk;

    /// The decision about a pod, the same by the scan, over columns and by what is kept.
    fn decide(world: World, pod: crate::ids::PodRow) -> Decision {
        let profile = Profile::standard("default-scheduler");
        let scanned = Decision::of(&diagnose(&profile, &world.cluster, pod), &world.cluster);
        let mut scheduler = Scheduler::new(world.cluster, vec![profile]);
        for _ in 0..3 {
            assert_eq!(scheduler.decide_by(0, pod), scanned);
        }
        scanned
    }

    fn plugins(decision: Decision) -> Vec<PluginName> {
        match decision {
            Decision::Unschedulable { plugins, .. } => plugins,
            other => panic!("{other:?}"),
        }
    }

    fn only(name: &str) -> NodeSelector {
        let field =
            Requirement { key: "metadata.name".into(), operator: Operator::In, values: vec![name.into()] };
        NodeSelector { terms: vec![NodeSelectorTerm { expressions: Vec::new(), fields: vec![field] }] }
    }

    #[test]
    fn every_plugin_that_rejects_a_node_is_named_once() {
        let mut world = World::default();
        world.node("a", |n| n.unschedulable = true);
        world.node("b", |n| n.labels = labels(&[("disk", "ssd")]));
        world.node("c", |_| {});
        let pod = world.pod("web", |_, spec| spec.node_selector = labels(&[("disk", "hdd")]));
        assert_eq!(plugins(decide(world, pod)), ["NodeAffinity", "NodeUnschedulable"]);
    }

    #[test]
    fn who_narrows_the_nodes_is_named_beside_who_rejects_the_rest() {
        let mut world = World::default();
        let taint =
            Taint { key: "a".into(), effect: berth_model::node::TaintEffect::NoSchedule, value: "".into() };
        world.node("a", |n| n.taints = vec![taint]);
        world.node("b", |_| {});
        let pod = world.pod("web", |_, spec| spec.node_affinity.required = Some(only("a")));
        assert_eq!(plugins(decide(world, pod)), ["NodeAffinity", "TaintToleration"]);
    }

    #[test]
    fn where_there_is_no_node_no_plugin_has_rejected_the_pod() {
        let mut world = World::default();
        let pod = world.pod("web", |_, _| {});
        assert_eq!(decide(world, pod), Decision::without_nodes());
    }

    #[test]
    fn one_node_about_which_a_plugin_cannot_answer_is_an_error_though_others_fit() {
        let mut world = World::default();
        world.node("a", |_| {});
        world.node("b", |_| {});
        world.csi_node("b", &[("ebs.csi.aws.com", Some(5))]);
        let bad = || disk_volume("bad", Disk::AwsElasticBlockStore { id: "aws://x".into() });
        world.pod("old", |pod, spec| {
            pod.node = Some("b".into());
            spec.volumes = vec![bad()];
        });
        let pod = world.pod("web", |_, spec| {
            spec.volumes = vec![disk_volume("good", Disk::AwsElasticBlockStore { id: "vol-1".into() })];
        });
        match decide(world, pod) {
            Decision::Error { message } => {
                assert!(message.starts_with("running \"NodeVolumeLimits\""), "{message}")
            }
            other => panic!("{other:?}"),
        }
    }
}
