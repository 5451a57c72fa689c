//! Flags about leader election. They override the configuration.

use berth_config::{Duration, LeaderElection};

use crate::failure::Failure;

/// Flags about leader election; each one overrides a field of the configuration.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Leader election")]
pub(super) struct LeaderArgs {
    /// Start a leader election client and gain leadership before scheduling. Enable this for replicated schedulers
    /// [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new(), hide_possible_values = true)]
    leader_elect: Option<bool>,
    /// Duration that other candidates wait after the last observed renewal before they try to acquire leadership
    /// [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = Duration::parse)]
    leader_elect_lease_duration: Option<Duration>,
    /// Duration in which the leader retries to renew its lease before it stops leading [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = Duration::parse)]
    leader_elect_renew_deadline: Option<Duration>,
    /// Duration to wait between attempts to acquire or renew leadership [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = Duration::parse)]
    leader_elect_retry_period: Option<Duration>,
    /// Type of the resource object for locking [default: leases]
    #[arg(long, value_name = "KIND", value_parser = ["leases"], hide = true)]
    leader_elect_resource_lock: Option<String>,
    /// Name of the lease [default: kube-scheduler]
    #[arg(long, value_name = "NAME")]
    leader_elect_resource_name: Option<String>,
    /// Namespace of the lease [default: kube-system]
    #[arg(long, value_name = "NAME")]
    leader_elect_resource_namespace: Option<String>,
}

impl LeaderArgs {
    /// Writes the flags that were given into the settings.
    ///
    /// # Errors
    /// If the durations contradict each other.
    pub(super) fn apply(&self, election: &mut LeaderElection) -> Result<(), Failure> {
        fn set<T: Clone>(field: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        set(&mut election.leader_elect, self.leader_elect.as_ref());
        set(&mut election.lease_duration, self.leader_elect_lease_duration.as_ref());
        set(&mut election.renew_deadline, self.leader_elect_renew_deadline.as_ref());
        set(&mut election.retry_period, self.leader_elect_retry_period.as_ref());
        set(&mut election.resource_lock, self.leader_elect_resource_lock.as_ref());
        set(&mut election.resource_name, self.leader_elect_resource_name.as_ref());
        set(&mut election.resource_namespace, self.leader_elect_resource_namespace.as_ref());
        if election.leader_elect { check(election) } else { Ok(()) }
    }
}

/// A leader must stop before another one starts, and must be able to retry before that.
fn check(election: &LeaderElection) -> Result<(), Failure> {
    let LeaderElection { lease_duration, renew_deadline, retry_period, .. } = *election;
    let mut problems = Vec::new();
    if retry_period <= Duration::ZERO {
        problems.push(format!("--leader-elect-retry-period: {retry_period} must be greater than zero"));
    }
    if renew_deadline <= retry_period {
        problems.push(format!("--leader-elect-renew-deadline: {renew_deadline} must be greater than the retry period, {retry_period}"));
    }
    if lease_duration <= renew_deadline {
        problems.push(format!("--leader-elect-lease-duration: {lease_duration} must be greater than the renew deadline, {renew_deadline}"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::inputs(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u32) -> Option<Duration> {
        Some(Duration::from_seconds(seconds))
    }

    #[test]
    fn flags_override_the_configuration() {
        let mut election = LeaderElection::default();
        let args = LeaderArgs {
            leader_elect_lease_duration: seconds(30),
            leader_elect_resource_name: Some("berth".to_owned()),
            ..LeaderArgs::default()
        };
        args.apply(&mut election).unwrap();
        let expected = LeaderElection {
            lease_duration: Duration::from_seconds(30),
            resource_name: "berth".to_owned(),
            ..LeaderElection::default()
        };
        assert_eq!(election, expected);
    }

    #[test]
    fn durations_must_agree_if_a_leader_is_elected() {
        let cases = [(5, Some(true), 1), (5, Some(false), 0), (11, None, 0)];
        for (lease, leader_elect, problems) in cases {
            let args = LeaderArgs {
                leader_elect_lease_duration: seconds(lease),
                leader_elect,
                ..LeaderArgs::default()
            };
            let found =
                args.apply(&mut LeaderElection::default()).err().map_or(0, |failure| failure.problems.len());
            assert_eq!(found, problems, "{lease} s, {leader_elect:?}");
        }
    }
}
