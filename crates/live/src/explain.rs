//! Explanations, computed one at a time on a thread of their own, so that no pod waits for them.
//!
//! The event loop only copies the cluster. So that many requests cannot stop it, at most one explanation waits while
//! another one is computed, and copying takes at most [`SHARE`] of the event loop's time. Further requests are refused.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;
use berth_flow::SchedulingLoop;
use berth_sim::explain::explain;
use berth_sim::run::Options;
use tokio::sync::oneshot;

use crate::message::{Answer, Refusal};

/// One explanation is computed, and one waits.
const MOST: usize = 2;
/// Copies of the cluster take at most one part in this many of the event loop's time.
const SHARE: u32 = 20;

/// An explanation to compute.
struct Job {
    scheduler: Scheduler,
    pod: PodRow,
    profile: String,
    sender: oneshot::Sender<Answer>,
}

/// Sends explanations to the thread that computes them.
#[derive(Debug)]
pub(crate) struct Explainer {
    jobs: Sender<Job>,
    /// The explanations that wait or are computed.
    open: Arc<AtomicUsize>,
    /// The cluster is not copied again before this time.
    not_before: Instant,
}

impl Explainer {
    /// Starts the thread. It ends with the explainer.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (explainer, jobs) = Self::new();
        let open = Arc::clone(&explainer.open);
        std::thread::Builder::new().name("explain".to_owned()).spawn(move || compute(&jobs, &open))?;
        Ok(explainer)
    }

    fn new() -> (Self, Receiver<Job>) {
        let (sender, jobs) = channel();
        (Self { jobs: sender, open: Arc::default(), not_before: Instant::now() }, jobs)
    }

    /// Explains where a pod is, or refuses to.
    pub(crate) fn explain(
        &mut self,
        flow: &SchedulingLoop,
        pod: PodRow,
        profile: String,
        sender: oneshot::Sender<Answer>,
    ) {
        let start = Instant::now();
        if start < self.not_before || self.open.load(Ordering::Relaxed) >= MOST {
            let _ = sender.send(Err(Refusal::Busy)); // the client may have gone
            return;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        let copied = flow.scheduler();
        let scheduler = Scheduler::new(copied.cluster().clone(), copied.profiles().to_vec());
        self.not_before = Instant::now() + start.elapsed() * SHARE;
        // Without its thread nothing is computed any more, and the client hears that there is no answer.
        let _ = self.jobs.send(Job { scheduler, pod, profile, sender });
    }
}

fn compute(jobs: &Receiver<Job>, open: &AtomicUsize) {
    for Job { mut scheduler, pod, profile, sender } in jobs {
        if !sender.is_closed() {
            let options = Options { preemption: true, all_schedulers: false, verify: false };
            let explained = AssertUnwindSafe(|| explain(&mut scheduler, pod, profile, options));
            let answer = match catch_unwind(explained) {
                Ok(explanation) => serde_json::to_string(&explanation).map_err(|error| error.to_string()),
                Err(_) => Err("the explanation panicked: a bug in Berth; the log has the reason".to_owned()),
            };
            let _ = sender.send(answer.map_err(Refusal::Failed));
        }
        drop(scheduler);
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use berth_engine::profile::Profile;
    use berth_flow::{Input, Now, Settings};
    use berth_wire::Decoder;

    use super::*;

    #[test]
    fn explanations_are_computed_one_at_a_time_and_more_are_refused() {
        let mut flow = SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")]));
        let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"n","name":"a","uid":"u"},"spec":{"containers":[{"name":"c"}]}}"#;
        let pod = Decoder::new().object(json).unwrap().unwrap();
        flow.take(Now { millis: 0, unix_micros: 0 }, Input::Applied(pod));
        let pod = flow.find_pod(&"n".into(), &"a".into()).unwrap();
        let (mut explainer, jobs) = Explainer::new();
        let open = Arc::clone(&explainer.open);
        let mut request = || {
            explainer.not_before = Instant::now();
            let (sender, answer) = oneshot::channel();
            explainer.explain(&flow, pod, "default-scheduler".to_owned(), sender);
            answer
        };
        let (mut first, second, mut third) = (request(), request(), request());
        assert_eq!(third.try_recv(), Ok(Err(Refusal::Busy)));
        // A client that has gone costs nothing.
        drop(second);
        drop(explainer);
        compute(&jobs, &open);
        let text = first.try_recv().unwrap().unwrap();
        assert!(text.contains(r#""kind":"Explanation""#), "{text}");
        assert_eq!(open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_explanation_that_panics_stops_no_other() {
        let flow = SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")]));
        let (mut explainer, jobs) = Explainer::new();
        let open = Arc::clone(&explainer.open);
        let (sender, mut answer) = oneshot::channel();
        explainer.explain(&flow, PodRow(0), String::new(), sender); // there is no such pod
        drop(explainer);
        compute(&jobs, &open);
        assert!(matches!(answer.try_recv(), Ok(Err(Refusal::Failed(_)))));
        assert_eq!(open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn copies_of_the_cluster_take_a_part_of_the_time() {
        let flow = SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")]));
        let (mut explainer, _jobs) = Explainer::new();
        explainer.not_before = Instant::now() + std::time::Duration::from_secs(60);
        let (sender, mut answer) = oneshot::channel();
        explainer.explain(&flow, PodRow(0), String::new(), sender);
        assert_eq!(answer.try_recv(), Ok(Err(Refusal::Busy)));
    }
}
