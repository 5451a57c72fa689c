//! How one of several schedulers is chosen to lead.

use crate::duration::Duration;
use crate::fields::Fields;

/// Settings of leader election. Upstream: `component-base/config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderElection {
    /// Whether to elect a leader at all. Where not, nothing else here is checked.
    pub leader_elect: bool,
    /// How long others wait before they take over from a leader that fell silent; longer than the next.
    pub lease_duration: Duration,
    /// How long a leader tries to renew its lease before it gives up.
    pub renew_deadline: Duration,
    /// How long to wait between two tries.
    pub retry_period: Duration,
    /// Always `leases`.
    pub resource_lock: String,
    /// Name of the lease.
    pub resource_name: String,
    /// Namespace of the lease.
    pub resource_namespace: String,
}

impl Default for LeaderElection {
    fn default() -> Self {
        Self {
            leader_elect: true,
            lease_duration: Duration::from_seconds(15),
            renew_deadline: Duration::from_seconds(10),
            retry_period: Duration::from_seconds(2),
            resource_lock: "leases".to_owned(),
            resource_name: "kube-scheduler".to_owned(),
            resource_namespace: "kube-system".to_owned(),
        }
    }
}

impl LeaderElection {
    pub(crate) const FIELDS: &[&str] = &[
        "leaderElect",
        "leaseDuration",
        "renewDeadline",
        "retryPeriod",
        "resourceLock",
        "resourceName",
        "resourceNamespace",
    ];

    /// Reads the settings. As everywhere in upstream's defaulting of these, zero and empty mean the default.
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let text = |name, default| fields.text(name).filter(|t| !t.is_empty()).unwrap_or(default);
        let duration =
            |name, default| fields.duration(name).filter(|d| *d != Duration::ZERO).unwrap_or(default);
        let default = Self::default();
        let read = Self {
            leader_elect: fields.boolean("leaderElect").unwrap_or(default.leader_elect),
            lease_duration: duration("leaseDuration", default.lease_duration),
            renew_deadline: duration("renewDeadline", default.renew_deadline),
            retry_period: duration("retryPeriod", default.retry_period),
            resource_lock: text("resourceLock", default.resource_lock),
            resource_name: text("resourceName", default.resource_name),
            resource_namespace: text("resourceNamespace", default.resource_namespace),
        };
        if read.leader_elect {
            read.validate(fields);
        }
        read
    }

    fn validate(&self, fields: &Fields<'_>) {
        let sink = fields.sink();
        let shown = |duration: Duration| format!("\"{duration}\"");
        for (name, duration) in [
            ("leaseDuration", self.lease_duration),
            ("renewDeadline", self.renew_deadline),
            ("retryPeriod", self.retry_period),
        ] {
            if duration <= Duration::ZERO {
                sink.invalid(&fields.at(name), shown(duration), "must be greater than zero");
            }
        }
        if self.lease_duration <= self.renew_deadline {
            // Upstream shows the value that it is compared with.
            let words = "must be greater than `RenewDeadline`";
            sink.invalid(&fields.at("leaseDuration"), shown(self.renew_deadline), words);
        }
        if self.resource_lock != "leases" {
            let words = "resourceLock value must be \"leases\"";
            sink.invalid_text(&fields.at("resourceLock"), &self.resource_lock, words);
        }
    }
}
