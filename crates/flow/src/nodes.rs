//! Nodes that come, change and go.

use berth_engine::event::ClusterEvent;
use berth_model::node::Node;
use berth_model::object::ObjectKey;

use crate::flow::Flow;
use crate::now::Now;

impl Flow {
    /// A node came or changed.
    pub(crate) fn node_applied(&mut self, now: Now, node: Node) {
        let cluster = self.scheduler.cluster_mut();
        let old = cluster.nodes().find(&node.name).map(|row| cluster.nodes().object(row).clone());
        if old.as_ref() == Some(&node) {
            return; // a heartbeat
        }
        let row = cluster.upsert_node(node);
        let label = if old.is_some() { "NodeUpdate" } else { "NodeAdd" };
        self.wake(now, label, &ClusterEvent::Node { row, old: old.as_ref() });
    }

    /// A node is gone. Its pods are left to those who look after them.
    pub(crate) fn node_deleted(&mut self, now: Now, key: &ObjectKey) {
        let cluster = self.scheduler.cluster_mut();
        let Some(row) = cluster.nodes().find(&key.name) else { return };
        let node = cluster.nodes().object(row).clone();
        cluster.remove_node(row);
        self.wake(now, "NodeDelete", &ClusterEvent::NodeGone { node: &node });
    }
}
