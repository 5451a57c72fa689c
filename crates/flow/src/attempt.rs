//! One attempt to place a pod.

use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_engine::preemption;
use berth_model::Str;

use crate::action::{Condition, Event};
use crate::flow::Flow;
use crate::now::Now;
use crate::queue::Group;
use crate::report::{Attempted, Refusal, Report};
use crate::step::{Step, Watch};

/// The longest note that the API server takes.
const NOTE_LIMIT: usize = 1024;

/// Why a pod was not placed.
pub(crate) struct Unplaced {
    pub(crate) message: String,
    /// Who rejected it; empty where it could not be judged.
    pub(crate) plugins: Vec<PluginName>,
    /// Who made preemption impossible; beside `plugins` these decide which events requeue the pod.
    pub(crate) against_preemption: Vec<PluginName>,
    pub(crate) is_error: bool,
    /// What becomes of its nomination: nothing, or another node, or none.
    pub(crate) nominate: Option<Option<Str>>,
}

impl Unplaced {
    /// The pod could not be judged or bound.
    pub(crate) fn error(message: String) -> Self {
        Self { is_error: true, ..Self::rejected(message, Vec::new(), Some(None)) }
    }

    /// The pod fits nowhere.
    pub(crate) fn rejected(message: String, plugins: Vec<PluginName>, nominate: Option<Option<Str>>) -> Self {
        Self { message, plugins, against_preemption: Vec::new(), is_error: false, nominate }
    }
}

/// Why a pod fits nowhere.
struct Unfit {
    message: String,
    /// Whether it may fit somewhere once others are gone.
    resolvable: bool,
    plugins: Vec<PluginName>,
}

impl Flow {
    /// Tries a pod that is in flight.
    pub(crate) fn try_pod(&mut self, now: Now, pod: PodRow, watch: &mut Watch<'_>) {
        let profile = self.track(pod).profile;
        if self.scheduler.cluster().pods().entry(pod).pod.terminating {
            let what = self.track(pod).pod.to_string();
            self.emit(
                pod,
                true,
                "FailedScheduling",
                "Scheduling",
                format!("skip schedule deleting pod: {what}"),
            );
            self.queue.remove(pod); // only its deletion is left to come
            return;
        }
        let decision = self.scheduler.decide_by(profile, pod);
        watch.over(Step::Decision);
        match decision {
            Decision::Place(..) if self.wants_extenders(pod) => self.extend(now, pod),
            Decision::Place(node, score) => self.put(now, pod, (node, score), watch),
            Decision::Gated(_) => drop(self.queue.set_gated(pod, true, now.millis)),
            Decision::Error { message } => self.could_not_judge(now, pod, message),
            Decision::Unschedulable { message, resolvable, plugins } => {
                self.fits_nowhere(now, pod, Unfit { message, resolvable, plugins }, watch);
            }
        }
    }

    /// A pod could not be judged: it is tried again after its backoff.
    pub(crate) fn could_not_judge(&mut self, now: Now, pod: PodRow, message: String) {
        self.not_placed(now, pod, Unplaced::error(message));
    }

    /// A pod fits nowhere as things are; others may have to go for it.
    fn fits_nowhere(&mut self, now: Now, pod: PodRow, unfit: Unfit, watch: &mut Watch<'_>) {
        let Unfit { message, resolvable, plugins } = unfit;
        let profile = self.track(pod).profile;
        self.give_up_devices(pod);
        if self.wants_preempting_extenders(pod) {
            let diagnosis = self.scheduler.diagnose(profile, pod);
            return self.consider_preemption(now, pod, message, plugins, &diagnosis);
        }
        // Without nodes or preemption there is nothing to hope for.
        let mut unplaced = Unplaced::rejected(message, plugins, Some(None));
        let mut has_room = false;
        let has_nodes = !self.scheduler.cluster().nodes().is_empty();
        if has_nodes && self.scheduler.profiles()[profile].preempts {
            let found = self.scheduler.preempt(profile, pod, resolvable);
            watch.over(Step::PostFilter);
            let cluster = self.scheduler.cluster();
            if let Some(best) = preemption::best(&found.candidates, cluster).first().copied().cloned() {
                unplaced.message.push_str(&best.suffix(cluster));
                unplaced.nominate = Some(Some(cluster.nodes().name(best.node).clone()));
                has_room = self.evict_for(now, pod, &best);
            } else {
                unplaced.message.push_str(&found.suffix());
                unplaced.against_preemption.clone_from(&found.rejecting);
                if found.ineligible.is_some() {
                    unplaced.nominate = None; // it waits for those who are going already, say
                }
            }
        }
        self.not_placed(now, pod, unplaced);
        if has_room {
            self.try_at_once(pod);
        }
    }

    /// What a pod waits for has happened already.
    pub(crate) fn try_at_once(&mut self, pod: PodRow) {
        if self.queue.activate(pod) {
            self.report_queued("active", "ForceActivate");
        }
    }

    /// Puts a pod back into the queue, and tells everyone why.
    pub(crate) fn not_placed(&mut self, now: Now, pod: PodRow, unplaced: Unplaced) {
        let Unplaced { message, plugins, against_preemption, is_error, nominate } = unplaced;
        let track = self.track(pod);
        let (profile, reference) = (track.profile, track.pod.clone());
        let attempts = self.queue.entry(pod).map_or(0, |entry| entry.attempts);
        if is_error {
            self.queue.fail(pod, now.millis);
            self.report_queued("backoff", "ScheduleAttemptFailure");
        } else {
            let class = self.scheduler.cluster().pods().entry(pod).class;
            let mut rejecting = [plugins.as_slice(), &against_preemption].concat();
            rejecting.sort_unstable();
            rejecting.dedup();
            if plugins.is_empty() {
                rejecting.clear(); // any event may help
            }
            self.queue.reject(pod, Group { profile, class, plugins: rejecting }, now.millis);
            self.report_queued("unschedulable", "ScheduleAttemptFailure");
        }
        if let Some(node) = &nominate {
            self.nominate(now, pod, node.as_ref());
        }
        let nominated = self.scheduler.cluster().pods().entry(pod).pod.nominated_node.clone();
        self.emit(pod, true, "FailedScheduling", "Scheduling", message.clone());
        let reason = if is_error { "SchedulerError" } else { "Unschedulable" };
        let generation = self.track(pod).generation;
        self.write_status(
            pod,
            Some(Condition { reason, message: message.clone(), generation, again: false }),
            nominate,
        );
        let attempted = Attempted { pod: reference, profile, attempts };
        let refusal = Refusal { message, plugins, nominated };
        self.outbox.report(match is_error {
            true => Report::Failed(attempted, refusal),
            false => Report::Unschedulable(attempted, refusal),
        });
    }

    /// Records an event about a pod.
    pub(crate) fn emit(
        &mut self,
        pod: PodRow,
        warning: bool,
        reason: &'static str,
        action: &'static str,
        note: String,
    ) {
        let track = self.track(pod);
        let reporter = self.settings.profiles[track.profile].scheduler_name.clone();
        let regarding = track.pod.clone();
        let note = truncated(note);
        self.outbox.emit(Event { regarding, related: None, warning, reason, action, note, reporter });
    }

    pub(crate) fn report_queued(&mut self, queue: &'static str, event: &'static str) {
        self.outbox.report(Report::Queued { queue, event });
    }
}

/// A note as long as the API server takes it. Upstream: `schedule_one.go` (`truncateMessage`).
pub(crate) fn truncated(mut note: String) -> String {
    const SUFFIX: &str = " ...";
    if note.len() > NOTE_LIMIT {
        let mut end = NOTE_LIMIT - SUFFIX.len();
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        note.push_str(SUFFIX);
    }
    note
}
