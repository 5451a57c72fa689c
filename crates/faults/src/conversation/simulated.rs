//! Conversations with the simulated API server.

use berth_flow::{Failure, FailureKind, PodRef};
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::{PodManifest, ScheduledCondition};
use berth_wire::Decoder;

use super::{Api, Delivered, Outcome, Shown};
use crate::server::{Change, Server};

/// The server of simulated histories.
#[derive(Default)]
pub struct Simulated {
    server: Server,
    decoder: Decoder,
}

impl Simulated {
    /// A server whose first changes were compacted.
    pub fn new() -> Self {
        let mut simulated = Self::default();
        for pod in ["earlier", "later"] {
            simulated.create(pod, false);
            let uid = simulated.show(pod).unwrap_or_default().uid;
            simulated.delete(pod, &uid);
        }
        simulated.server.compact();
        simulated
    }

    fn find(&self, pod: &str) -> Option<&PodManifest> {
        match self.server.get(&key(pod)) {
            Some(Object::Pod(found)) => Some(found),
            _ => None,
        }
    }
}

fn key(pod: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Pod, namespace: "default".into(), name: pod.into() }
}

fn reference(pod: &str, uid: &str) -> PodRef {
    PodRef { namespace: "default".into(), name: pod.into(), uid: uid.into() }
}

fn outcome(result: Result<(), Failure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(failure) => match failure.kind {
            FailureKind::Gone => Outcome::Gone,
            FailureKind::Conflict => Outcome::Conflict,
            FailureKind::Unknown | FailureKind::Refused => Outcome::Refused(422),
        },
    }
}

impl Api for Simulated {
    fn create(&mut self, pod: &str, gated: bool) -> Outcome {
        let uid = self.server.uid();
        let gates = if gated { r#""schedulingGates":[{"name":"example.com/wait"}],"# } else { "" };
        let json = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{pod}","namespace":"default","uid":"{uid}",
                "labels":{{"app":"first"}}}},"spec":{{{gates}"containers":[{{"name":"c"}}]}}}}"#
        );
        match self.decoder.object(&json) {
            Ok(Some(object)) => outcome(self.server.create(object)),
            _ => Outcome::Refused(400),
        }
    }

    fn show(&mut self, pod: &str) -> Option<Shown> {
        let version = self.server.version_of(&key(pod));
        let manifest = self.find(pod)?;
        let found = &manifest.pod;
        let scheduled = manifest.scheduled.iter().map(|c| (c.status.to_string(), c.reason.to_string()));
        let text = |text: &Option<berth_model::Str>| text.as_deref().unwrap_or_default().to_owned();
        Some(Shown {
            uid: found.uid.to_string(),
            version,
            app: found.spec.labels.get("app").map(ToString::to_string).unwrap_or_default(),
            node: text(&found.node),
            nominated: text(&found.nominated_node),
            terminating: found.terminating,
            scheduled: scheduled.filter(|(status, _)| !status.is_empty()).collect(),
        })
    }

    fn replace(&mut self, pod: &str, shown: &Shown, app: &str) -> Outcome {
        let Some(found) = self.find(pod) else { return Outcome::Gone };
        let mut changed = found.clone();
        let mut spec = (*changed.pod.spec).clone();
        spec.labels.insert("app".into(), app.into());
        changed.pod.spec = spec.into();
        outcome(self.server.replace(Object::Pod(Box::new(changed)), shown.version))
    }

    fn bind(&mut self, pod: &str, uid: &str, node: &str) -> Outcome {
        outcome(self.server.bind(&reference(pod, uid), &node.into()))
    }

    fn patch(&mut self, pod: &str, uid: &str, reason: Option<&str>, nominated: Option<&str>) -> Outcome {
        let condition = reason.map(|reason| ScheduledCondition {
            status: "False".into(),
            reason: reason.into(),
            message: "".into(),
        });
        let nominated = nominated.map(Into::into);
        outcome(self.server.patch_status(&reference(pod, uid), condition, nominated))
    }

    fn delete(&mut self, pod: &str, uid: &str) -> Outcome {
        outcome(self.server.delete_pod(&reference(pod, uid)))
    }

    fn list(&mut self) -> (u64, Vec<String>) {
        (self.server.version(), self.server.pods().map(|pod| pod.pod.name.to_string()).collect())
    }

    fn lease(&mut self) -> (u64, String) {
        let lease = self.server.lease();
        (lease.version, lease.holder.to_string())
    }

    fn acquire(&mut self, holder: &str, seen: u64) -> Outcome {
        outcome(self.server.acquire(holder, seen))
    }

    fn watch(&mut self, after: u64, count: usize) -> Result<Vec<Delivered>, Outcome> {
        let Some(changes) = self.server.watch(after) else { return Err(Outcome::Expired) };
        let delivered = |change: &Change| Delivered {
            change: match &change.object {
                None => "DELETED",
                Some(_) if change.is_first => "ADDED",
                Some(_) => "MODIFIED",
            },
            pod: change.key.name.to_string(),
            version: change.version,
        };
        Ok(changes.iter().map(delivered).take(count).collect())
    }
}
