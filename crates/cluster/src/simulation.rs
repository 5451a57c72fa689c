//! The simulation: the store, the controllers, the nodes and the scheduler, and the order in which they act.
//!
//! Everything that happens at one time happens in rounds: controllers act until none has anything to do, then the
//! scheduler tries the pods that it knows, and so on until nothing changes. Then time goes to the next timer. So the
//! same input gives the same history, and it does not matter in which steps a caller lets time pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use berth_engine::profile::Profile;
use berth_model::execution::Span;
use berth_model::manifests::Manifests;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::PodSpec;
use berth_model::pod_manifest::PodManifest;
use berth_model::{Str, UnixSeconds};
use berth_sim::device_claims::ClaimTemplates;

use crate::Millis;
use crate::budgets::Budgets;
use crate::command::Scheduled;
use crate::kubelet::{Phase, PodRun, Timing, seed_of};
use crate::nodes::Nodes;
use crate::pods::{Counted, PodRecord, PodTable};
use crate::quotas::Quotas;
use crate::record::{Cause, Note, Recorder};
use crate::scheduler::Shell;
use crate::server::pod_key;
use crate::store::Store;
use crate::timers::{Timer, Timers};
use crate::volumes::Claims;
use crate::workloads::Workloads;

/// `--terminated-pod-gc-threshold`: of more pods that have ended the oldest are removed.
const TERMINATED_PODS: usize = 12_500;

/// What a simulation depends on beside the objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is drawn depends on it.
    pub seed: u64,
    /// The time of the beginning.
    pub start: UnixSeconds,
    /// How long pods take where neither their commands nor their annotations say it.
    pub timing: Timing,
    /// The profiles of the scheduler.
    pub profiles: Vec<Profile>,
    /// Whether pods are evicted for others.
    pub preemption: bool,
    /// How often the series of the report get a value.
    pub sample_every: Millis,
    /// The pod that is followed, or the workload whose first pod is: `name` or `namespace/name`.
    pub follow: Option<String>,
}

/// The cluster in virtual time.
pub struct Simulation {
    pub(crate) settings: Settings,
    pub(crate) now: Millis,
    pub(crate) store: Store,
    pub(crate) pods: PodTable,
    /// Pods that have ended and still exist, in the order in which they were made.
    pub(crate) ended: BTreeSet<u32>,
    pub(crate) nodes: Nodes,
    pub(crate) workloads: Workloads,
    pub(crate) budgets: Budgets,
    pub(crate) claims: Claims,
    pub(crate) timers: Timers,
    /// What the user does; what is done once is taken away then.
    pub(crate) commands: Vec<Option<Scheduled>>,
    pub(crate) scheduler: Shell,
    pub(crate) recorder: Recorder,
    /// What admission consults.
    pub(crate) policy: Manifests,
    pub(crate) quotas: Quotas,
    pub(crate) claim_templates: ClaimTemplates,
    /// Problems that end the simulation.
    pub(crate) problems: Vec<String>,
    /// What is odd, once each.
    pub(crate) warnings: BTreeMap<String, u64>,
}

impl Simulation {
    /// The cluster with these objects at time 0, and what the user does later.
    pub fn new(settings: Settings, manifests: Manifests, commands: Vec<Scheduled>) -> Self {
        let mut simulation = Self {
            scheduler: Shell::new(&settings),
            settings,
            now: 0,
            store: Store::default(),
            pods: PodTable::default(),
            ended: BTreeSet::new(),
            nodes: Nodes::default(),
            workloads: Workloads::default(),
            budgets: Budgets::default(),
            claims: Claims::default(),
            timers: Timers::default(),
            commands: commands.into_iter().map(Some).collect(),
            recorder: Recorder::default(),
            policy: Manifests::default(),
            quotas: Quotas::default(),
            claim_templates: ClaimTemplates::of(&manifests),
            problems: Vec::new(),
            warnings: BTreeMap::new(),
        };
        simulation.load(manifests);
        for (place, command) in simulation.commands.iter().flatten().enumerate() {
            simulation.timers.set(command.at, Timer::Command(place));
        }
        simulation.timers.set(0, Timer::Sample);
        simulation
    }

    /// The time that has passed.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Problems that make the result worthless, each a sentence.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// What is odd about the input or the run, each a sentence, and how often it occurred.
    pub fn warnings(&self) -> impl Iterator<Item = (&str, u64)> {
        self.warnings.iter().map(|(text, count)| (text.as_str(), *count))
    }

    /// When something happens next; `None` if nothing happens any more.
    pub fn next_wake(&self) -> Option<Millis> {
        let flow = self.scheduler.next_timer().map(|at| at.max(self.now));
        self.timers.next().into_iter().chain(flow).min()
    }

    /// Lets everything happen that happens up to a time, this time included.
    pub fn advance(&mut self, until: Millis) {
        self.settle();
        while let Some(at) = self.next_wake().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let mut samples = false;
            while let Some(timer) = self.timers.pop(self.now) {
                samples |= timer == Timer::Sample;
                self.fire(timer);
            }
            self.settle();
            if samples {
                self.recorder.sample(self.now);
            }
        }
        self.now = self.now.max(until);
    }

    /// Lets controllers and the scheduler act until nothing changes.
    fn settle(&mut self) {
        loop {
            let mut changed = false;
            while let Some(id) = self.workloads.pop_dirty() {
                self.sync_workload(id);
                changed = true;
            }
            changed |= self.sync_budgets();
            changed |= self.run_scheduler();
            if !changed {
                return;
            }
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Command(place) => self.command(place),
            Timer::Pod(id) => self.pod_wakes(id),
            Timer::NodeHealth(node) => self.check_node(node),
            Timer::TaintZone(zone) => self.taint_zone(zone),
            Timer::Tolerated(id) => self.toleration_ends(id),
            Timer::Workload(id) => self.workloads.wake(id),
            Timer::CronJob(id) => self.cron_job_is_due(id),
            Timer::JobTtl(id) => self.delete_workload(id),
            Timer::Drain(node) => self.drain(node),
            Timer::PodGarbage => self.collect_pods(),
            Timer::Volume(place) => self.volume_is_ready(place),
            Timer::Sample => self.timers.set(self.now + self.settings.sample_every, Timer::Sample),
        }
    }

    /// The time in seconds since the Unix epoch.
    pub(crate) fn unix_seconds(&self) -> UnixSeconds {
        self.settings.start + i64::try_from(self.now / 1_000).unwrap_or(i64::MAX)
    }

    /// Notes something odd.
    pub(crate) fn warn(&mut self, text: String) {
        *self.warnings.entry(text).or_default() += 1;
    }

    /// Adds a line to the story of the pod that is followed.
    pub(crate) fn tell(&mut self, text: String) {
        self.recorder.story.push(Note { at: self.now, text });
    }

    /// Changes a pod's record, and the counters of all that count it.
    pub(crate) fn change_record<T>(
        &mut self,
        id: u32,
        change: impl FnOnce(&mut PodRecord) -> T,
    ) -> Option<T> {
        let record = self.pods.get_mut(id)?;
        let before = record.counted();
        let result = change(record);
        let after = record.counted();
        self.recorder.pod_changed(self.now, record, before, after);
        if let Some(owner) = record.owner {
            self.workloads.count(owner, before, after);
        }
        for budget in &record.budgets {
            self.budgets.count(*budget, before, after);
        }
        Some(result)
    }

    /// Creates a pod: stores it, and lets all that count pods know it.
    pub(crate) fn create_pod(&mut self, mut manifest: PodManifest, made: Made) -> Option<u32> {
        if manifest.pod.uid.is_empty() {
            manifest.pod.uid = self.store.new_uid();
        }
        let now = self.unix_seconds();
        manifest.pod.created.get_or_insert(now);
        let spec = manifest.pod.spec.clone();
        let key = pod_key(&spec.namespace, &manifest.pod.name);
        self.ensure_namespace(&spec.namespace);
        let group = self.group_of(&made, &spec);
        let requests: Arc<[(usize, i64)]> = self.recorder.requests(&spec).into();
        let follows = self.is_followed(&key, made.owner);
        let record = PodRecord {
            key: key.clone(),
            uid: manifest.pod.uid.clone(),
            execution: manifest.execution.clone(),
            owner: made.owner,
            group,
            budgets: self.budgets.selecting(&spec),
            priority: spec.priority,
            requests,
            created: self.now,
            bound: None,
            node: None,
            run: None,
            phase: Phase::Pending,
            ready: false,
            ready_since: 0,
            serves: false,
            terminating: false,
            grace: manifest.execution.grace_seconds,
            revision: made.revision,
            index: made.index,
            counted: false,
            followed: follows,
            tolerates_until: None,
        };
        if let Err(failure) = self.store.create(Object::Pod(Box::new(manifest))) {
            self.warn(format!("Pod {}/{}: {}", key.namespace, key.name, failure.message));
            return None;
        }
        self.recorder.created += 1;
        self.recorder.groups[group].created += 1;
        let id = self.pods.add(record);
        if let Some(owner) = made.owner {
            self.workloads.get_mut(owner).pods.insert(id);
        }
        self.count_new(id);
        if follows {
            let owner = made.owner.map(|owner| format!(" by {}", self.label_of(owner))).unwrap_or_default();
            self.tell(format!("{} is created{owner}", key.name));
        }
        Some(id)
    }

    /// A pod without a controller gets one.
    pub(crate) fn own_pod(&mut self, id: u32, owner: u32, revision: u64, index: Option<i32>) {
        let label = self.label_of(self.workloads.top(owner));
        let group = self.recorder.group(&label);
        let now = self.now;
        let Some(record) = self.pods.get_mut(id) else { return };
        let before = std::mem::replace(&mut record.group, group);
        (record.owner, record.revision, record.index) = (Some(owner), revision, index);
        let counted = record.counted();
        self.pods.no_orphan(id);
        self.recorder.regroup(now, before, group, counted.serves);
        self.workloads.get_mut(owner).pods.insert(id);
        self.workloads.count(owner, Counted::default(), counted);
    }

    /// Counts a pod that was just made.
    fn count_new(&mut self, id: u32) {
        let Some(record) = self.pods.get(id) else { return };
        let (before, after) = (Counted::default(), record.counted());
        self.recorder.pod_changed(self.now, record, before, after);
        if let Some(owner) = record.owner {
            self.workloads.count(owner, before, after);
        }
        for budget in &record.budgets {
            self.budgets.count(*budget, before, after);
        }
        self.budgets.pod_made(id, record);
    }

    /// The node's agent sees a pod that was bound. A pod that `runs` was on its node before the simulation began.
    pub(crate) fn start_pod(&mut self, id: u32, node: u32, runs: bool) {
        let (now, timing, seed) = (self.now, self.settings.timing, self.settings.seed);
        let timing = if runs { Timing { start: Span::fixed(0), ..timing } } else { timing };
        let of_job = self.pods.get(id).and_then(|pod| pod.owner).is_some_and(|owner| self.is_job(owner));
        let works = self.nodes.get(node).is_some_and(|state| state.works);
        let first = self.change_record(id, |record| {
            let first = record.bound.is_none();
            record.bound.get_or_insert(now);
            record.node = Some(node);
            let seed = seed_of(seed, &record.uid);
            record.run = works.then(|| PodRun::start(record.execution.clone(), timing, of_job, seed, now));
            first
        });
        let Some(record) = self.pods.get(id) else { return };
        if first == Some(true) && !runs {
            let (wait, priority, group) = (now - record.created, record.priority, record.group);
            self.recorder.waits.entry(priority).or_default().push(wait);
            self.recorder.groups[group].waits.push(wait);
        }
        self.nodes.place(node, id);
        self.observe_run(id);
    }

    /// A pod's node's agent has something to do.
    fn pod_wakes(&mut self, id: u32) {
        let now = self.now;
        if let Some(run) = self.pods.get_mut(id).and_then(|record| record.run.as_mut()) {
            run.advance(now);
            self.observe_run(id);
        }
    }

    /// Writes what a pod's node's agent sees, and sets the timer for what it does next.
    pub(crate) fn observe_run(&mut self, id: u32) {
        let now = self.now;
        let Some(record) = self.pods.get(id) else { return };
        let Some(run) = &record.run else { return };
        if run.done().is_some_and(|done| done <= now) {
            return self.remove_pod(id);
        }
        if let Some(next) = run.next_wake() {
            self.timers.set(next, Timer::Pod(id));
        }
        let (phase, is_ready) = (run.phase(), run.is_ready());
        let before = (record.phase, record.serves);
        if record.phase == phase && record.ready == is_ready && record.serves == is_ready {
            return;
        }
        let (followed, name) = (record.followed, record.key.name.clone());
        let reference = record.reference();
        self.change_record(id, |record| {
            if is_ready && !record.ready {
                record.ready_since = now;
            }
            record.phase = phase;
            record.ready = is_ready;
            record.serves = is_ready;
        });
        if followed {
            match phase {
                Phase::Running if is_ready && !before.1 => self.tell(format!("{name} runs and is ready")),
                Phase::Succeeded | Phase::Failed => {
                    self.tell(format!("{name} has ended: {}", phase.name()));
                }
                _ => {}
            }
        }
        if phase.has_ended() && !before.0.has_ended() {
            self.pod_ended(id, phase == Phase::Succeeded);
            // It cannot fail: the pod is stored.
            let _ = self.store.change_pod(&reference, |manifest| manifest.finished = true);
            self.release_device_claims(&pod_key(&reference.namespace, &reference.name));
        } else if phase == Phase::Running && before.0 == Phase::Pending {
            let started = self.unix_seconds();
            let _ = self.store.change_pod(&reference, |manifest| manifest.pod.started = Some(started));
        }
    }

    fn pod_ended(&mut self, id: u32, succeeded: bool) {
        let Some(record) = self.pods.get(id) else { return };
        let group = &mut self.recorder.groups[record.group];
        if succeeded {
            self.recorder.succeeded += 1;
            group.succeeded += 1;
        } else {
            self.recorder.failed += 1;
            group.failed += 1;
        }
        let namespace = record.key.namespace.clone();
        if let Some(node) = record.node {
            self.nodes.leave(node, id);
        }
        self.quota_has_room(&namespace);
        self.ended.insert(id);
        if self.ended.len() > TERMINATED_PODS
            && let Some(oldest) = self.ended.pop_first()
        {
            self.remove_pod(oldest);
        }
    }

    /// DELETE a pod: one that is not on a node is gone at once, another one when its node's agent has ended it.
    pub(crate) fn delete_pod(&mut self, id: u32, cause: Option<Cause>) {
        let now = self.now;
        let Some(record) = self.pods.get(id) else { return };
        let (first, reference, grace) = (!record.terminating, record.reference(), record.grace);
        let (ended, followed, name) = (record.phase.has_ended(), record.followed, record.key.name.clone());
        let (group, owner, waits) = (record.group, record.owner, record.node.is_none());
        if first && !ended {
            if let Some(cause) = cause {
                *self.recorder.evictions.entry(cause).or_default() += 1;
                self.recorder.groups[group].evicted += 1;
            }
            if followed {
                let why = cause.map(|cause| format!(" ({})", cause.name())).unwrap_or_default();
                self.tell(format!("{name} is deleted{why}"));
                if let Some(owner) = owner {
                    self.workloads.get_mut(owner).follows += 1;
                }
            }
            if let Some(owner) = owner.filter(|owner| cause.is_some() && self.is_job(*owner)) {
                self.count_failure(owner);
            }
        }
        if waits || ended {
            return self.remove_pod(id);
        }
        if first {
            self.change_record(id, |record| record.terminating = true);
            // It cannot fail: the pod is stored.
            let _ = self.store.change_pod(&reference, |manifest| manifest.pod.terminating = true);
        }
        if let Some(run) = self.pods.get_mut(id).and_then(|record| record.run.as_mut()) {
            run.delete(grace, now);
            self.observe_run(id);
        }
    }

    /// Removes a pod's object and record.
    pub(crate) fn remove_pod(&mut self, id: u32) {
        self.change_record(id, |record| {
            record.terminating = true;
            record.node = None;
            record.serves = false;
        });
        let Some(record) = self.pods.get(id) else { return };
        if !record.phase.has_ended() {
            self.recorder.deleted += 1;
        }
        self.change_record(id, |record| {
            if !record.phase.has_ended() {
                record.phase = Phase::Failed;
            }
        });
        let Some(record) = self.pods.remove(id) else { return };
        self.ended.remove(&id);
        self.release_device_claims(&record.key);
        if let Some(object) = self.store.remove(&record.key)
            && let Object::Pod(manifest) = &*object
        {
            for claim in &manifest.ephemeral_claims {
                let own = format!("{}-{}", record.key.name, claim.name).into();
                self.delete_claim(&record.key.namespace, &own);
            }
        }
        self.nodes.forget_pod(id);
        self.quota_has_room(&record.key.namespace);
        if let Some(owner) = record.owner {
            self.workloads.get_mut(owner).pods.remove(&id);
            self.workloads.wake(owner);
        }
        self.budgets.pod_removed(id, &record);
    }

    /// Whether a pod that is made is followed: it is named, it is the first one of a workload that is named, or it is made
    /// instead of one that was followed.
    fn is_followed(&mut self, key: &ObjectKey, owner: Option<u32>) -> bool {
        let Some(followed) = self.settings.follow.as_deref() else { return false };
        let is_named = |key: &ObjectKey| match followed.split_once('/') {
            Some((namespace, name)) => *key.namespace == *namespace && *key.name == *name,
            None => *key.name == *followed,
        };
        let is_first = |owner: u32| {
            self.recorder.story.is_empty() && is_named(&self.workloads.get(self.workloads.top(owner)).key)
        };
        if is_named(key) || owner.is_some_and(is_first) {
            return true;
        }
        let Some(owner) = owner else { return false };
        let state = self.workloads.get_mut(owner);
        let succeeds = state.follows > 0;
        state.follows = state.follows.saturating_sub(1);
        succeeds
    }

    /// The group of the report that a pod belongs to.
    fn group_of(&mut self, made: &Made, spec: &PodSpec) -> usize {
        let namespace = &spec.namespace;
        let label = match (made.owner, &made.group, &spec.controller) {
            (Some(owner), ..) => self.label_of(self.workloads.top(owner)),
            (None, Some(group), _) => format!("{namespace}/{group}"),
            (None, None, Some(controller)) => {
                let label = format!("{} {namespace}/{}", controller.kind, controller.name);
                let text = "is not in the input: its pods are not made again";
                self.warn(format!("{label} {text}"));
                label
            }
            (None, None, None) => format!("pods of {namespace}"),
        };
        self.recorder.group(&label)
    }

    /// What the user calls a workload: `Deployment shop/web`.
    pub(crate) fn label_of(&self, id: u32) -> String {
        self.workloads.get(id).key.to_string()
    }

    /// Namespaces that objects are in exist.
    fn ensure_namespace(&mut self, name: &Str) {
        let key = ObjectKey { kind: Kind::Namespace, namespace: Str::default(), name: name.clone() };
        if self.store.get(&key).is_none() {
            self.store.put(Object::Namespace(crate::load::namespace(name)));
        }
    }
}

/// What is known of a pod that is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// The workload that controls it.
    pub(crate) owner: Option<u32>,
    /// The number of the template that it is made from.
    pub(crate) revision: u64,
    /// The ordinal or completion index.
    pub(crate) index: Option<i32>,
    /// The group that the report counts it in, if it has no controller.
    pub(crate) group: Option<Str>,
}
