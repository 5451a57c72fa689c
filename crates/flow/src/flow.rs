//! The state machine itself: inputs in, actions and reports out.

use std::collections::BTreeSet;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::object::Kind;

use crate::action::{Action, PodRef};
use crate::backoff::Backoff;
use crate::input::Input;
use crate::inventory::Inventory;
use crate::now::Now;
use crate::outbox::{Outbox, Purpose};
use crate::queue::{Counts, Queue};
use crate::report::Report;
use crate::settings::Settings;
use crate::step::{Step, Watch};
use crate::track::{Stage, Track, Tracks};

/// The flow of pods to their nodes.
///
/// The shell calls [`Flow::take`] with everything that happens, [`Flow::attempt`] until it says that there is nothing to
/// do, and carries out what [`Flow::drain_actions`] gives. [`Flow::next_timer`] says when to call again though nothing
/// happened.
pub struct Flow {
    pub(crate) settings: Settings,
    pub(crate) scheduler: Scheduler,
    pub(crate) inventory: Inventory,
    pub(crate) tracks: Tracks,
    pub(crate) queue: Queue,
    pub(crate) outbox: Outbox,
    pub(crate) leads: bool,
    /// How often classes had been split when waiting pods were grouped by class last.
    pub(crate) splits: u64,
    /// Pods whose eviction was asked for, by uid: they are going, also where the watch does not say so yet.
    pub(crate) evicting: BTreeSet<Str>,
    missing: Vec<Kind>,
    trying: Option<PodRef>,
}

impl Flow {
    /// What must have been listed before the first decision.
    pub const KINDS: [Kind; Kind::WATCHED.len()] = Kind::WATCHED;

    /// A flow that knows nothing yet, and does not lead.
    pub fn new(settings: Settings) -> Self {
        let backoff = Backoff {
            initial_millis: settings.initial_backoff_millis,
            max_millis: settings.max_backoff_millis,
        };
        Self {
            scheduler: Scheduler::new(Cluster::default(), settings.profiles.clone()),
            settings,
            inventory: Inventory::default(),
            tracks: Tracks::default(),
            queue: Queue::new(backoff),
            outbox: Outbox::default(),
            leads: false,
            splits: 0,
            evicting: BTreeSet::new(),
            missing: Self::KINDS.to_vec(),
            trying: None,
        }
    }

    /// Takes into account that something happened.
    pub fn take(&mut self, now: Now, input: Input) {
        match input {
            Input::Listing(kind) => self.inventory.begin(kind),
            Input::Applied(object) => self.applied(now, object),
            Input::Deleted(key) => self.deleted(now, &key),
            Input::Listed(kind) => {
                for key in self.inventory.finish(kind) {
                    self.deleted(now, &key);
                }
                self.missing.retain(|missing| *missing != kind);
            }
            Input::Unreadable { key, uid, problem } => self.unreadable(&key, &uid, &problem),
            Input::Leads(leads) => {
                self.leads = leads;
                if !leads {
                    self.let_go(now);
                }
            }
            Input::Reply(ticket, outcome) => {
                let Some(errand) = self.outbox.claim(ticket) else { return };
                let is_same = self.tracks.get(errand.pod).is_some_and(|track| track.pod.uid == errand.uid);
                if let (Purpose::Evict { victim }, Err(failure)) = (&errand.purpose, &outcome) {
                    self.evict_failed(now, victim, failure);
                }
                match errand.purpose {
                    _ if !is_same => {} // the pod is gone or bound, so nothing is left to do for it
                    Purpose::Bind => self.bind_replied(now, errand.pod, outcome),
                    Purpose::Volume { attempt } => self.volume_replied(now, errand.pod, attempt, outcome),
                    Purpose::Status => self.status_replied(now, errand.pod, outcome),
                    Purpose::Evict { victim } => self.evict_replied(errand.pod, &victim, outcome),
                    // The watch tells of a claim without devices. If the request fails, a later attempt asks again.
                    Purpose::GiveUp => {}
                    Purpose::Extend { attempt } => {
                        self.extender_replied(now, errand.pod, attempt, outcome);
                    }
                }
            }
        }
    }

    /// Tries the pod whose turn it is. `false`: there is nothing to do at this time.
    pub fn attempt(&mut self, now: Now) -> bool {
        self.attempt_watched(now, 0, &mut |_| ())
    }

    /// As [`Flow::attempt`], for those who want to know more of it: so many alternatives to a placement, which is as much
    /// work as judging all nodes anew, and when each step is over. What is done is the same.
    pub fn attempt_watched(&mut self, now: Now, alternatives: usize, over: &mut dyn FnMut(Step)) -> bool {
        self.run_timers(now);
        if !self.leads || !self.synced() {
            return false;
        }
        let Some(pod) = self.queue.pop(now.millis) else { return false };
        if self.inventory.count(Kind::NodeMetrics) > 0 {
            self.scheduler.cluster_mut().set_now(now.unix_seconds()); // measurements grow stale
        }
        self.trying = Some(self.track(pod).pod.clone());
        self.try_pod(now, pod, &mut Watch { alternatives, over });
        self.trying = None;
        true
    }

    /// The pod that is being tried. Where an attempt broke off in the middle it says which one, and the flow is of no use
    /// any more but for that.
    pub fn trying(&self) -> Option<&PodRef> {
        self.trying.as_ref()
    }

    /// What is to be done, in the order in which it was decided.
    pub fn drain_actions(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.outbox.actions.drain(..)
    }

    /// What there is to tell.
    pub fn drain_reports(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.outbox.reports.drain(..)
    }

    /// Whether there is anything to be done or told.
    pub fn has_news(&self) -> bool {
        !self.outbox.actions.is_empty() || !self.outbox.reports.is_empty()
    }

    /// Whether this scheduler may bind, as far as it was told.
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// When [`Flow::attempt`] may have something to do though nothing happens, in milliseconds.
    pub fn next_timer(&self) -> Option<u64> {
        let queue = self.queue.next_timer(self.settings.flush_millis).filter(|_| self.leads && self.synced());
        queue.into_iter().chain(self.tracks.next_timer()).min()
    }

    /// Whether [`Flow::attempt`] would try a pod at this time.
    pub fn has_due(&self, now: Now) -> bool {
        self.leads && self.synced() && self.queue.has_due(now.millis)
    }

    /// Whether everything was listed that decides.
    pub fn synced(&self) -> bool {
        self.missing.is_empty()
    }

    /// The kinds that were not listed yet.
    pub fn missing(&self) -> &[Kind] {
        &self.missing
    }

    /// How many pods are where in the queue.
    pub fn pending(&self) -> Counts {
        self.queue.counts()
    }

    /// How many pods are put on a node that the API server does not say so of.
    pub fn assumed(&self) -> usize {
        self.tracks.on_their_way().filter(|(_, track)| track.is_binding()).count()
    }

    /// How many actions wait for their replies.
    pub fn in_flight(&self) -> usize {
        self.outbox.in_flight()
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.inventory.count(kind)
    }

    /// The engine with the cluster.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// A pod of the cluster by name: bound, or one that this scheduler places.
    pub fn find_pod(&self, namespace: &Str, name: &Str) -> Option<PodRow> {
        self.tracks.find(namespace, name)
    }

    /// Where a pod is that this scheduler has to place: `active`, `backoff`, `unschedulable`, `gated`, `extending` or
    /// `binding`; `None` where it is bound, or not ours.
    pub fn whereabouts(&self, namespace: &Str, name: &Str) -> Option<&'static str> {
        let row = self.tracks.find(namespace, name)?;
        match &self.tracks.get(row)?.stage {
            Stage::Queued => self.queue.entry(row).map(|entry| entry.place.name()),
            Stage::Extending(_) => Some("extending"),
            Stage::Binding(_) => Some("binding"),
        }
    }

    /// What is known of a pod that is on its way.
    pub(crate) fn track(&self, pod: PodRow) -> &Track {
        self.tracks.get(pod).expect("a pod in the queue has a track")
    }
}
