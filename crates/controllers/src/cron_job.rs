//! CronJobs: one run, as if its time had come.
//!
//! The schedule is not looked at. Upstream: `cronjob/cronjob_controllerv2.go` (`syncCronJob`).

pub use berth_model::workload::Concurrency;

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.suspend`, or `metadata.deletionTimestamp` is set: no run begins.
    pub suspended: bool,
    /// `spec.concurrencyPolicy`.
    pub concurrency: Concurrency,
    /// Its Jobs that have not ended, by the caller's numbers.
    pub active: &'a [u32],
}

/// A change to the Jobs of a CronJob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a Job from `spec.jobTemplate`.
    Create,
    /// Delete a Job.
    Delete(u32),
}

/// The changes at the time of a run.
pub fn reconcile(view: &View<'_>) -> Vec<Change> {
    if view.suspended || (view.concurrency == Concurrency::Forbid && !view.active.is_empty()) {
        return Vec::new();
    }
    let replaced = if view.concurrency == Concurrency::Replace { view.active } else { &[] };
    replaced.iter().map(|&job| Change::Delete(job)).chain([Change::Create]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Change::{Create, Delete};

    #[test]
    fn the_policy_decides_what_happens_to_a_run_that_is_active() {
        let cases: [(bool, Concurrency, &[u32], &[Change]); 6] = [
            (false, Concurrency::Allow, &[], &[Create]),
            (false, Concurrency::Allow, &[1], &[Create]),
            (false, Concurrency::Forbid, &[], &[Create]),
            (false, Concurrency::Forbid, &[1], &[]),
            (false, Concurrency::Replace, &[1, 2], &[Delete(1), Delete(2), Create]),
            (true, Concurrency::Allow, &[], &[]),
        ];
        for (suspended, concurrency, active, expected) in cases {
            let found = reconcile(&View { suspended, concurrency, active });
            assert_eq!(found, expected, "{suspended} {concurrency:?} {active:?}");
        }
    }
}
