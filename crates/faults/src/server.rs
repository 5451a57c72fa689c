//! The simulated API server. It follows the rules of the real one, as far as a scheduler depends on them.
//!
//! Upstream: `pkg/registry/core/pod/storage/storage.go` (`BindingREST`), `strategy.go`.

use std::collections::BTreeMap;

use berth_flow::{Failure, FailureKind, PodRef};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::{PodManifest, ScheduledCondition};
use berth_wire::encode;
use serde_json::json;

use crate::watch::line;

/// A change as watches deliver it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version of the store after it.
    pub version: u64,
    /// The object.
    pub key: ObjectKey,
    /// The object after the change; `None` if it was deleted.
    pub object: Option<Object>,
    /// Whether the object was created.
    pub is_first: bool,
    /// The object as JSON with its version, or of a deleted object what identifies it.
    json: String,
}

impl Change {
    fn new(version: u64, key: ObjectKey, object: Option<Object>, is_first: bool) -> Self {
        let json = match &object {
            // All metadata has a name.
            Some(object) => {
                let metadata = format!(r#""metadata":{{"resourceVersion":"{version}","#);
                encode(object).replacen(r#""metadata":{"#, &metadata, 1)
            }
            None => {
                let version = version.to_string();
                let metadata =
                    json!({"namespace": &*key.namespace, "name": &*key.name, "resourceVersion": version});
                json!({ "metadata": metadata }).to_string()
            }
        };
        Self { version, key, object, is_first, json }
    }

    /// The line of a watch.
    pub fn line(&self) -> String {
        let event_type = match (&self.object, self.is_first) {
            (None, _) => "DELETED",
            (Some(_), true) => "ADDED",
            (Some(_), false) => "MODIFIED",
        };
        line(event_type, &self.json)
    }
}

/// All objects, and the log of their changes.
#[derive(Debug, Default)]
pub struct Server {
    objects: BTreeMap<ObjectKey, Object>,
    log: Vec<Change>,
    /// The indexes in the log of the changes of each kind.
    log_of: BTreeMap<Kind, Vec<usize>>,
    uids: u64,
    lease: Lease,
    /// Changes up to this version are not delivered any more.
    compacted: u64,
    /// The node of each pod that was ever bound, by uid.
    pub bindings: BTreeMap<Str, Str>,
    /// The priority of each pod that was ever created, by uid.
    pub priorities: BTreeMap<Str, i32>,
}

/// The lease of the leader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Its version; 0 if it was never held.
    pub version: u64,
    /// Its holder.
    pub holder: Str,
}

fn refuse<T>(kind: FailureKind, message: String) -> Result<T, Failure> {
    Err(Failure { kind, message })
}

impl Server {
    /// The number of changes so far.
    pub fn version(&self) -> u64 {
        self.log.len() as u64
    }

    /// The changes after a version.
    pub fn since(&self, version: u64) -> &[Change] {
        &self.log[usize::try_from(version).unwrap_or(usize::MAX).min(self.log.len())..]
    }

    /// The changes of a kind after a version.
    pub fn changes_of(&self, kind: Kind, version: u64) -> impl DoubleEndedIterator<Item = &Change> {
        let of_kind = self.log_of.get(&kind).map_or(&[][..], |indexes| indexes);
        let first = of_kind.partition_point(|&index| self.log[index].version <= version);
        of_kind[first..].iter().map(|&index| &self.log[index])
    }

    /// The objects of a kind as they were at a version, by name.
    pub fn list_at(&self, kind: Kind, version: u64) -> Vec<Object> {
        self.last_changes(kind, version).filter_map(|change| change.object.clone()).collect()
    }

    /// The same as JSON.
    pub fn json_at(&self, kind: Kind, version: u64) -> Vec<String> {
        self.last_changes(kind, version).map(|change| change.json.clone()).collect()
    }

    /// An object as JSON with its version; `None` if it does not exist.
    pub fn json_of(&self, key: &ObjectKey) -> Option<&str> {
        let change = self.changes_of(key.kind, 0).rev().find(|change| change.key == *key)?;
        change.object.as_ref().map(|_| change.json.as_str())
    }

    /// The last change of each object that existed at a version.
    fn last_changes(&self, kind: Kind, version: u64) -> impl Iterator<Item = &Change> {
        let mut found = BTreeMap::new();
        for change in self.changes_of(kind, 0).take_while(|change| change.version <= version) {
            match &change.object {
                Some(_) => found.insert(&change.key, change),
                None => found.remove(&change.key),
            };
        }
        found.into_values()
    }

    /// All objects, without the conditions of pods: these depend on the time of the last attempt.
    pub fn visible(&self) -> BTreeMap<ObjectKey, Object> {
        let mut objects = self.objects.clone();
        for object in objects.values_mut() {
            if let Object::Pod(manifest) = object {
                manifest.scheduled = None;
            }
        }
        objects
    }

    /// An object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }

    /// All objects of a kind, by name.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        let first = ObjectKey { kind, namespace: "".into(), name: "".into() };
        self.objects.range(first..).take_while(move |(key, _)| key.kind == kind).map(|(_, object)| object)
    }

    /// All pods that have not finished.
    pub fn pods(&self) -> impl Iterator<Item = &PodManifest> {
        self.all(Kind::Pod).filter_map(|object| match object {
            Object::Pod(pod) => Some(&**pod),
            _ => None,
        })
    }

    /// A new uid.
    pub fn uid(&mut self) -> Str {
        self.uids += 1;
        format!("uid-{}", self.uids).into()
    }

    /// Stores an object.
    pub fn put(&mut self, object: Object) {
        let key = object.key();
        if let Object::Pod(pod) = &object {
            self.priorities.insert(pod.pod.uid.clone(), pod.pod.spec.priority);
        }
        let is_first = self.objects.insert(key.clone(), object.clone()).is_none();
        self.push(Change::new(self.version() + 1, key, Some(object), is_first));
    }

    fn push(&mut self, change: Change) {
        self.log_of.entry(change.key.kind).or_default().push(self.log.len());
        self.log.push(change);
    }

    /// POST an object.
    ///
    /// # Errors
    /// If an object of this name exists.
    pub fn create(&mut self, object: Object) -> Result<(), Failure> {
        let key = object.key();
        if self.objects.contains_key(&key) {
            return refuse(
                FailureKind::Conflict,
                format!("{} \"{}\" already exists", key.kind.name(), key.name),
            );
        }
        self.put(object);
        Ok(())
    }

    /// PUT an object that was read at a version. If it is equal to the stored one, nothing changes.
    ///
    /// # Errors
    /// If it does not exist, or has changed since.
    pub fn replace(&mut self, object: Object, seen: u64) -> Result<(), Failure> {
        let key = object.key();
        let Some(before) = self.objects.get(&key) else {
            return refuse(FailureKind::Gone, format!("\"{}\" not found", key.name));
        };
        let changes = *before != object;
        if self.version_of(&key) != seen {
            return refuse(FailureKind::Conflict, "the object has been modified".to_owned());
        }
        if changes {
            self.put(object);
        }
        Ok(())
    }

    /// The version of the last change of an object; 0 if it never existed.
    pub fn version_of(&self, key: &ObjectKey) -> u64 {
        let mut latest_first = self.changes_of(key.kind, 0).rev();
        latest_first.find(|change| change.key == *key).map_or(0, |change| change.version)
    }

    /// The lease.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// POST the lease, or PUT it if `seen` is its version.
    ///
    /// # Errors
    /// If another process has written it since.
    pub fn acquire(&mut self, holder: &str, seen: u64) -> Result<(), Failure> {
        if self.lease.version != seen {
            return refuse(FailureKind::Conflict, "the lease has been modified".to_owned());
        }
        self.lease = Lease { version: seen + 1, holder: holder.into() };
        Ok(())
    }

    /// Compacts the log: the changes so far are not delivered any more.
    pub fn compact(&mut self) {
        self.compacted = self.version();
    }

    /// The changes after a version; `None` if the version is too old (410 Gone), so that the client must list.
    pub fn watch(&self, version: u64) -> Option<&[Change]> {
        (version >= self.compacted).then(|| self.since(version))
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &ObjectKey) {
        if self.objects.remove(key).is_some() {
            self.push(Change::new(self.version() + 1, key.clone(), None, false));
        }
    }

    /// Changes a pod in place.
    ///
    /// # Errors
    /// If it does not exist, or has another uid.
    pub fn change_pod(&mut self, pod: &PodRef, change: impl FnOnce(&mut PodManifest)) -> Result<(), Failure> {
        let mut manifest = self.find(pod)?.clone();
        change(&mut manifest);
        self.put(Object::Pod(Box::new(manifest)));
        Ok(())
    }

    fn find(&self, pod: &PodRef) -> Result<&PodManifest, Failure> {
        let key = ObjectKey { kind: Kind::Pod, namespace: pod.namespace.clone(), name: pod.name.clone() };
        match self.objects.get(&key) {
            Some(Object::Pod(found)) if found.pod.uid == pod.uid => Ok(found),
            Some(_) => refuse(FailureKind::Conflict, format!("pod {pod} is another one: the uid differs")),
            None => refuse(FailureKind::Gone, format!("pods \"{}\" not found", pod.name)),
        }
    }

    /// PATCH `pods/status`: the condition `PodScheduled`, and the nominated node; an empty name clears it. If nothing
    /// differs, nothing changes.
    ///
    /// # Errors
    /// The refusal of the real API server.
    pub fn patch_status(
        &mut self,
        pod: &PodRef,
        condition: Option<ScheduledCondition>,
        nominated: Option<Str>,
    ) -> Result<(), Failure> {
        let before = match self.find(pod) {
            // Upstream takes the uid in a patch for a change of it.
            Err(Failure { kind: FailureKind::Conflict, .. }) => {
                return refuse(FailureKind::Refused, "metadata.uid: field is immutable".to_owned());
            }
            found => found?,
        };
        let mut after = before.clone();
        if condition.is_some() {
            after.scheduled = condition;
        }
        if let Some(node) = nominated {
            after.pod.nominated_node = Some(node).filter(|node| !node.is_empty());
        }
        if after != *before {
            self.put(Object::Pod(Box::new(after)));
        }
        Ok(())
    }

    /// POST `pods/binding`.
    ///
    /// # Errors
    /// The refusal of the real API server.
    pub fn bind(&mut self, pod: &PodRef, node: &Str) -> Result<(), Failure> {
        let found = &self.find(pod)?.pod;
        if found.terminating {
            return refuse(
                FailureKind::Conflict,
                format!("pod {} is being deleted, cannot be assigned to a host", pod.name),
            );
        }
        if let Some(bound) = &found.node {
            return refuse(
                FailureKind::Conflict,
                format!("pod {} is already assigned to node \"{bound}\"", pod.name),
            );
        }
        if !found.spec.scheduling_gates.is_empty() {
            return refuse(
                FailureKind::Conflict,
                format!("pod {} has non-empty .spec.schedulingGates", pod.name),
            );
        }
        self.bindings.insert(pod.uid.clone(), node.clone());
        self.change_pod(pod, |manifest| {
            manifest.pod.node = Some(node.clone());
            manifest.pod.nominated_node = None;
        })
    }

    /// DELETE a pod with its uid as a precondition. A pod that is not bound is deleted at once; a bound one is
    /// terminating until the kubelet has ended it.
    ///
    /// # Errors
    /// The refusal of the real API server.
    pub fn delete_pod(&mut self, pod: &PodRef) -> Result<(), Failure> {
        let found = &self.find(pod)?.pod;
        let is_bound = found.node.is_some();
        if !found.terminating {
            self.change_pod(pod, |manifest| manifest.pod.terminating = true)?;
        }
        if is_bound { Ok(()) } else { self.end_pod(pod) }
    }

    /// Removes a pod.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn end_pod(&mut self, pod: &PodRef) -> Result<(), Failure> {
        let key = self.find(pod)?.key();
        self.remove(&key);
        Ok(())
    }
}
