use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::volume::*;
use berth_wire::Kind;
pub(crate) trait Shim {
    fn update_pod(&mut self, row: PodRow, pod: Pod);
    fn remove_namespace(&mut self, _: &Str) {}
    fn remove_owner(&mut self, _: Kind, _: &Str, _: &Str) {}
    fn remove_budget(&mut self, _: &Str, _: &Str) {}
    fn upsert_volume(&mut self, o: Volume);
    fn upsert_claim(&mut self, o: Claim);
    fn upsert_class(&mut self, o: StorageClass);
    fn upsert_csi_node(&mut self, o: CsiNode);
    fn upsert_csi_driver(&mut self, o: CsiDriver);
    fn upsert_capacity(&mut self, o: StorageCapacity);
    fn upsert_attachment(&mut self, o: Attachment);
    fn remove_volume(&mut self, o: &Str);
    fn remove_claim(&mut self, n: &Str, o: &Str);
    fn remove_class(&mut self, o: &Str);
    fn remove_csi_node(&mut self, o: &Str);
    fn remove_csi_driver(&mut self, o: &Str);
    fn remove_capacity(&mut self, n: &Str, o: &Str);
    fn remove_attachment(&mut self, o: &Str);
}
impl Shim for Cluster {
    fn update_pod(&mut self, row: PodRow, pod: Pod) {
        let node = self.pods().entry(row).pod.node.clone();
        if node != pod.node {
            if node.is_some() {
                self.unassign(row);
            }
            if let Some(n) = pod.node.as_ref().and_then(|n| self.nodes().find(n)) {
                self.assign(row, n);
            }
        }
        if pod.terminating {
            self.mark_terminating(row, pod.preempted);
        }
    }
    fn upsert_volume(&mut self, o: Volume) {
        self.storage_mut().volumes.insert(o.name.clone(), o);
    }
    fn upsert_claim(&mut self, o: Claim) {
        self.storage_mut().claims.insert((o.namespace.clone(), o.name.clone()), o);
    }
    fn upsert_class(&mut self, o: StorageClass) {
        self.storage_mut().classes.insert(o.name.clone(), o);
    }
    fn upsert_csi_node(&mut self, o: CsiNode) {
        self.storage_mut().csi_nodes.insert(o.node.clone(), o);
    }
    fn upsert_csi_driver(&mut self, o: CsiDriver) {
        self.storage_mut().csi_drivers.insert(o.name.clone(), o);
    }
    fn upsert_capacity(&mut self, o: StorageCapacity) {
        self.storage_mut().capacities.insert((o.namespace.clone(), o.name.clone()), o);
    }
    fn upsert_attachment(&mut self, o: Attachment) {
        self.storage_mut().attachments.insert(o.name.clone(), o);
    }
    fn remove_volume(&mut self, o: &Str) {
        self.storage_mut().volumes.remove(o);
    }
    fn remove_claim(&mut self, n: &Str, o: &Str) {
        self.storage_mut().claims.remove(&(n.clone(), o.clone()));
    }
    fn remove_class(&mut self, o: &Str) {
        self.storage_mut().classes.remove(o);
    }
    fn remove_csi_node(&mut self, o: &Str) {
        self.storage_mut().csi_nodes.remove(o);
    }
    fn remove_csi_driver(&mut self, o: &Str) {
        self.storage_mut().csi_drivers.remove(o);
    }
    fn remove_capacity(&mut self, n: &Str, o: &Str) {
        self.storage_mut().capacities.remove(&(n.clone(), o.clone()));
    }
    fn remove_attachment(&mut self, o: &Str) {
        self.storage_mut().attachments.remove(o);
    }
}
