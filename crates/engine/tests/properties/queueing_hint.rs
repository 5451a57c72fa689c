//! What plugins say of events against the decision made again: a pod that fits now was woken.

use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_engine::plugin::QueueingHint;
use berth_engine::scheduler::Scheduler;
use berth_engine::view::PodView;
use proptest::prelude::*;

use crate::config;
use crate::history::{Happening, History, PodShape, Step};

/// A pod that waits, and the plugins that rejected it.
struct Waiting {
    pod: PodRow,
    rejecting: Vec<PluginName>,
}

impl Waiting {
    /// Decides again; answers whether the pod fits.
    fn decide(&mut self, scheduler: &Scheduler) -> bool {
        self.rejecting = match scheduler.scan_by(0, self.pod) {
            Decision::Place(..) => return true,
            Decision::Gated(verdict) => vec![verdict.plugin],
            Decision::Unschedulable { plugins, .. } => plugins,
            Decision::Error { .. } => Vec::new(),
        };
        false
    }

    /// Takes an event as a queue does: unless a plugin says that it may help, the pod is not tried again.
    fn hear(&mut self, scheduler: &Scheduler, happened: &[Happening]) -> Result<(), String> {
        let view = PodView::new(scheduler.cluster(), self.pod);
        let profile = &scheduler.profiles()[0];
        let hint = |one: &Happening| profile.queueing_hint(view, &self.rejecting, &one.event());
        let woken = happened.iter().any(|one| hint(one) == QueueingHint::Queue);
        if woken {
            if self.decide(scheduler) {
                self.rejecting = Vec::new(); // it is asked about again each time
            }
            return Ok(());
        }
        match scheduler.scan_by(0, self.pod) {
            Decision::Place(node, _) => {
                let node = scheduler.cluster().nodes().name(node);
                let rejecting = &self.rejecting;
                Err(format!("rejected by {rejecting:?}, it fits on {node} after {happened:?}, and sleeps"))
            }
            _ => Ok(()),
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pod_that_may_fit_now_is_woken(
        shapes in proptest::collection::vec(PodShape::picky(), 1..6),
        before in proptest::collection::vec(Step::any(), 1..30),
        after in proptest::collection::vec(Step::any(), 1..30),
    ) {
        let mut history = History::default();
        let mut run = || -> Result<(), String> {
            for step in &before {
                history.take(step, &mut |_, _| Ok(()))?;
            }
            let mut waiting: Vec<Waiting> = Vec::new();
            for shape in &shapes {
                let mut new = Waiting { pod: history.wait(shape), rejecting: Vec::new() };
                if !new.decide(history.scheduler()) {
                    waiting.push(new);
                }
            }
            for step in &after {
                history.take(step, &mut |scheduler, happened| {
                    waiting.iter_mut().try_for_each(|pod| pod.hear(scheduler, happened))
                })?;
            }
            Ok(())
        };
        run().map_err(TestCaseError::fail)?;
    }
}
