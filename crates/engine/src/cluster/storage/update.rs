//! Storage objects that come, change and go one by one, as watches tell it.
//!
//! Where an object is equal to what is known nothing happens. What is known beyond the objects is kept up to date as
//! far as the object matters to it.

use std::sync::OnceLock;

use berth_model::Str;
use berth_model::volume::{Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume};

use crate::cluster::trial::Undo;
use crate::cluster::{Change, Cluster};

/// Notes an object as it is before it changes, in case a trial runs.
macro_rules! note {
    ($cluster:ident, $undo:ident, $map:ident, $name:expr) => {
        $cluster.note(|cluster| {
            let name: &str = &$name;
            let name = Str::from(name);
            let before = cluster.storage.$map.get(&name).cloned();
            Undo::$undo(name, before.map(Box::new))
        })
    };
}

impl Cluster {
    /// Adds or replaces a claim.
    pub fn upsert_claim(&mut self, claim: Claim) {
        let key = (claim.namespace.clone(), claim.name.clone());
        if self.storage.claims.get(&key) != Some(&claim) {
            self.note_claim(&key.0, &key.1);
            self.storage.claims.insert(key.clone(), claim);
            self.claim_changed(&key.0, &key.1);
        }
    }

    /// Forgets a claim.
    pub fn remove_claim(&mut self, namespace: &Str, name: &Str) {
        self.note_claim(namespace, name);
        if self.storage.claims.remove(&(namespace.clone(), name.clone())).is_some() {
            self.claim_changed(namespace, name);
        }
    }

    fn note_claim(&mut self, namespace: &Str, name: &Str) {
        self.note(|cluster| {
            let before = cluster.storage.claim(namespace, name).cloned();
            Undo::Claim(namespace.clone(), name.clone(), before.map(Box::new))
        });
    }

    fn claim_changed(&mut self, namespace: &Str, name: &Str) {
        self.changes.push(Change::Storage);
        if let Some(attached) = self.volume_index.attached.get_mut() {
            attached.claim_changed(namespace, name, &self.pods, &self.storage);
        }
    }

    /// Adds or replaces a volume.
    pub fn upsert_volume(&mut self, volume: Volume) {
        let name = volume.name.clone();
        if self.storage.volumes.get(&name) != Some(&volume) {
            note!(self, Volume, volumes, name);
            let before = self.storage.volumes.insert(name.clone(), volume);
            self.volume_changed(&name, before.as_ref());
        }
    }

    /// Forgets a volume.
    pub fn remove_volume(&mut self, name: &Str) {
        note!(self, Volume, volumes, name);
        if let Some(before) = self.storage.volumes.remove(name) {
            self.volume_changed(name, Some(&before));
        }
    }

    fn volume_changed(&mut self, name: &Str, before: Option<&Volume>) {
        self.changes.push(Change::Storage);
        if let Some(mut available) = self.volume_index.available.take() {
            available.volume_changed(before, self.storage.volumes.get(name), self);
            self.volume_index.available = available.into();
        }
        let source = |volume: Option<&Volume>| volume.map(|v| v.source.clone());
        if let Some(attached) = self.volume_index.attached.get_mut()
            && source(before) != source(self.storage.volumes.get(name))
        {
            attached.volume_changed(name, &self.pods, &self.storage);
        }
    }

    /// Adds or replaces a storage class.
    pub fn upsert_class(&mut self, class: StorageClass) {
        if self.storage.classes.get(&class.name) != Some(&class) {
            note!(self, StorageClass, classes, class.name);
            self.storage.classes.insert(class.name.clone(), class);
            self.class_changed();
        }
    }

    /// Forgets a storage class.
    pub fn remove_class(&mut self, name: &str) {
        note!(self, StorageClass, classes, name);
        if self.storage.classes.remove(name).is_some() {
            self.class_changed();
        }
    }

    /// Unbound claims of the class count for its provisioner. PodClasses hardly ever change.
    fn class_changed(&mut self) {
        self.volume_index.attached = OnceLock::new();
        self.changes.push(Change::Storage);
    }

    /// Adds or replaces which drivers run on a node.
    pub fn upsert_csi_node(&mut self, node: CsiNode) {
        if self.storage.csi_nodes.get(&node.node) != Some(&node) {
            note!(self, CsiNode, csi_nodes, node.node);
            self.storage.csi_nodes.insert(node.node.clone(), node);
            self.csi_nodes_changed();
        }
    }

    /// Forgets which drivers run on a node.
    pub fn remove_csi_node(&mut self, node: &str) {
        note!(self, CsiNode, csi_nodes, node);
        if self.storage.csi_nodes.remove(node).is_some() {
            self.csi_nodes_changed();
        }
    }

    fn csi_nodes_changed(&mut self) {
        self.volume_index.least_limits = OnceLock::new();
        self.changes.push(Change::Storage);
    }

    /// Adds or replaces a driver.
    pub fn upsert_csi_driver(&mut self, driver: CsiDriver) {
        if self.storage.csi_drivers.get(&driver.name) != Some(&driver) {
            note!(self, CsiDriver, csi_drivers, driver.name);
            self.storage.csi_drivers.insert(driver.name.clone(), driver);
            self.changes.push(Change::Storage);
        }
    }

    /// Forgets a driver.
    pub fn remove_csi_driver(&mut self, name: &str) {
        note!(self, CsiDriver, csi_drivers, name);
        if self.storage.csi_drivers.remove(name).is_some() {
            self.changes.push(Change::Storage);
        }
    }

    /// Adds or replaces published capacity.
    pub fn upsert_capacity(&mut self, capacity: StorageCapacity) {
        let key = (capacity.namespace.clone(), capacity.name.clone());
        if self.storage.capacities.get(&key) != Some(&capacity) {
            let class = capacity.storage_class.clone();
            self.note_capacity(&key.0, &key.1);
            let before = self.storage.capacities.insert(key, capacity);
            self.capacity_changed(before.map(|c| c.storage_class).filter(|c| *c != class));
            self.capacity_changed(Some(class));
        }
    }

    /// Forgets published capacity.
    pub fn remove_capacity(&mut self, namespace: &Str, name: &Str) {
        self.note_capacity(namespace, name);
        if let Some(before) = self.storage.capacities.remove(&(namespace.clone(), name.clone())) {
            self.capacity_changed(Some(before.storage_class));
        }
    }

    fn note_capacity(&mut self, namespace: &Str, name: &Str) {
        self.note(|cluster| {
            let key = (namespace.clone(), name.clone());
            let before = cluster.storage.capacities.get(&key).cloned();
            Undo::Capacity(key.0, key.1, before.map(Box::new))
        });
    }

    fn capacity_changed(&mut self, class: Option<Str>) {
        let Some(class) = class else { return };
        self.changes.push(Change::Storage);
        if let Some(mut available) = self.volume_index.available.take() {
            available.capacity_changed(&class, self);
            self.volume_index.available = available.into();
        }
    }

    /// Adds or replaces an attachment.
    pub fn upsert_attachment(&mut self, attachment: Attachment) {
        let name = attachment.name.clone();
        if self.storage.attachments.get(&name) != Some(&attachment) {
            note!(self, Attachment, attachments, name);
            self.storage.attachments.insert(name.clone(), attachment);
            self.attachment_changed(&name);
        }
    }

    /// Forgets an attachment.
    pub fn remove_attachment(&mut self, name: &Str) {
        note!(self, Attachment, attachments, name);
        if self.storage.attachments.remove(name).is_some() {
            self.attachment_changed(name);
        }
    }

    fn attachment_changed(&mut self, name: &Str) {
        self.changes.push(Change::Storage);
        if let Some(attached) = self.volume_index.attached.get_mut() {
            attached.attachment_changed(name, &self.storage);
        }
    }
}
