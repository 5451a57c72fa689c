//! What a candidate does, given the content of the lease and the time.

use std::time::Duration;

use serde_json::{Value, json};

/// The content of a lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The identity of the leader; empty if there is none.
    pub(super) holder: String,
    pub(super) duration_seconds: i64,
    pub(super) acquired: String,
    pub(super) renewed: String,
    pub(super) transitions: i64,
}

impl Record {
    /// Reads the content of a lease; missing fields are empty.
    pub(super) fn read(lease: &Value) -> Self {
        let spec = &lease["spec"];
        let text = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| spec[name].as_i64().unwrap_or_default();
        Self {
            holder: text("holderIdentity"),
            duration_seconds: number("leaseDurationSeconds"),
            acquired: text("acquireTime"),
            renewed: text("renewTime"),
            transitions: number("leaseTransitions"),
        }
    }

    fn spec(&self) -> Value {
        json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration_seconds,
            "acquireTime": self.acquired,
            "renewTime": self.renewed,
            "leaseTransitions": self.transitions,
        })
    }

    /// A new lease.
    pub(super) fn create(&self, name: &str) -> Value {
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": self.spec(),
        })
    }

    /// The lease as it was read, with this content. It has its resource version, so the update fails if another process
    /// has written in the meantime.
    pub(super) fn update(&self, mut lease: Value) -> Value {
        if let (Some(spec), Value::Object(ours)) = (lease["spec"].as_object_mut(), self.spec()) {
            spec.extend(ours);
        } else {
            lease["spec"] = self.spec();
        }
        lease
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another process leads.
    Wait,
    /// Create the lease.
    Create(Record),
    /// Update the lease.
    Update(Record),
}

/// A candidate's view of the lease.
#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    lease: Duration,
    observed: Option<Record>,
    /// When this content was first observed, in milliseconds of the own clock; other clocks are not trusted.
    observed_at: u64,
}

impl Election {
    pub(super) fn new(identity: String, lease: Duration) -> Self {
        Self { identity, lease, observed: None, observed_at: 0 }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Takes the observed content; `None` if there is no lease.
    pub(super) fn observe(&mut self, now_millis: u64, record: Option<Record>) {
        if self.observed != record {
            self.observed = record;
            self.observed_at = now_millis;
        }
    }

    /// Whether this candidate holds the lease, as last observed.
    pub(super) fn leads(&self) -> bool {
        self.observed.as_ref().is_some_and(|record| record.holder == self.identity)
    }

    /// What to do now.
    pub(super) fn next(&self, now_millis: u64, unix_micros: i64) -> Step {
        let now = crate::clock::micros(unix_micros);
        let ours = Record {
            holder: self.identity.clone(),
            duration_seconds: i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX),
            acquired: now.clone(),
            renewed: now,
            transitions: 0,
        };
        let Some(observed) = &self.observed else { return Step::Create(ours) };
        if self.leads() {
            let (acquired, transitions) = (observed.acquired.clone(), observed.transitions);
            return Step::Update(Record { acquired, transitions, ..ours });
        }
        let lasts = u64::try_from(observed.duration_seconds).unwrap_or_default().saturating_mul(1_000);
        let is_valid = self.observed_at.saturating_add(lasts) > now_millis;
        if !observed.holder.is_empty() && is_valid {
            return Step::Wait;
        }
        Step::Update(Record { transitions: observed.transitions.saturating_add(1), ..ours })
    }

    /// The content that releases the lease.
    pub(super) fn released(&self, unix_micros: i64) -> Record {
        let now = crate::clock::micros(unix_micros);
        let transitions = self.observed.as_ref().map_or(0, |record| record.transitions);
        Record {
            holder: String::new(),
            duration_seconds: 1,
            acquired: now.clone(),
            renewed: now,
            transitions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000;

    fn candidate() -> Election {
        Election::new("me".into(), Duration::from_secs(15))
    }

    fn held_by(holder: &str) -> Record {
        Record {
            holder: holder.into(),
            duration_seconds: 15,
            acquired: "A".into(),
            renewed: "R".into(),
            transitions: 3,
        }
    }

    fn shown(step: Step) -> String {
        match step {
            Step::Wait => "wait".into(),
            Step::Create(r) => format!("create {} {}", r.holder, r.transitions),
            Step::Update(r) => format!("update {} {}", r.holder, r.transitions),
        }
    }

    #[test]
    fn a_lease_is_taken_if_it_is_free_or_expired() {
        let cases = [
            (None, 0, "create me 0"),
            (Some(""), 0, "update me 4"),
            (Some("other"), 0, "wait"),
            (Some("other"), 14_999, "wait"),
            (Some("other"), 15_000, "update me 4"),
            (Some("me"), 1_000, "update me 3"),
        ];
        for (holder, later, expected) in cases {
            let mut election = candidate();
            election.observe(1_000, holder.map(held_by));
            assert_eq!(shown(election.next(1_000 + later, NOW)), expected, "{holder:?} after {later} ms");
        }
    }

    #[test]
    fn a_renewal_extends_the_wait() {
        let mut election = candidate();
        election.observe(0, Some(held_by("other")));
        let again = Record { renewed: "R2".into(), ..held_by("other") };
        election.observe(10_000, Some(again.clone()));
        election.observe(20_000, Some(again));
        assert_eq!(shown(election.next(20_000, NOW)), "wait");
        assert_eq!(shown(election.next(25_000, NOW)), "update me 4");
    }

    #[test]
    fn a_leader_keeps_its_acquire_time() {
        let mut election = candidate();
        election.observe(0, Some(held_by("me")));
        let Step::Update(record) = election.next(1, NOW) else { panic!("a leader renews") };
        assert_eq!((&*record.acquired, &*record.renewed), ("A", "2023-11-14T22:13:20.000000Z"));
        let released = election.released(NOW);
        assert_eq!((&*released.holder, released.duration_seconds, released.transitions), ("", 1, 3));
    }

    #[test]
    fn other_fields_of_the_lease_are_kept() {
        let lease = json!({"metadata": {"name": "l", "resourceVersion": "7"}, "spec": {"strategy": "x", "holderIdentity": "a"}});
        let updated = held_by("me").update(lease);
        assert_eq!(updated["metadata"]["resourceVersion"], "7");
        assert_eq!(
            (&updated["spec"]["strategy"], &updated["spec"]["holderIdentity"]),
            (&json!("x"), &json!("me"))
        );
        assert_eq!(Record::read(&updated), held_by("me"));
    }
}
