//! The simulated world: one seed, one thread, one clock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use berth_engine::profile::Profile;
use berth_flow::{Input, Now, Report, Request};
use berth_model::object::{Kind, ObjectKey};
use berth_model::pod_manifest::PodManifest;
use berth_wire::Decoder;

use crate::actors::is_ours;
use crate::coverage::{self, Situation, add_up};
use crate::devices::{Allocators, Unpublished};
use crate::injected_bug::InjectedBug;
use crate::instance::Instance;
use crate::network::Network;
use crate::plan::{Fault, Plan};
use crate::recording::Recorded;
use crate::server::Server;
use crate::watch::DecodeCache;

/// Adds a line to the timeline if one is kept.
macro_rules! log {
    ($world:expr, $($line:tt)*) => {
        if $world.keeps_timeline {
            let line = format!($($line)*);
            $world.add_line(&line);
        }
    };
}
pub(crate) use log;

/// How many steps the world has to come to rest after the last fault.
const SETTLE_STEPS: usize = 3_000;

/// The random numbers of a history, and how often each fault was injected.
#[derive(Debug)]
pub struct FaultRng {
    /// The source of all random numbers.
    pub random: fastrand::Rng,
    plan: Plan,
    struck: BTreeMap<Fault, u64>,
    over: bool,
}

impl FaultRng {
    /// Whether a fault is injected now.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let rate = self.plan.rate(fault);
        let strikes = !self.over && rate > 0.0 && self.random.f64() < rate;
        if strikes {
            *self.struck.entry(fault).or_default() += 1;
        }
        strikes
    }

    /// Whether the faults have ended.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// The outcome of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryOutcome {
    /// Violated invariants; the first one ends the history.
    pub violations: Vec<String>,
    /// How often each fault was injected.
    pub struck: BTreeMap<Fault, u64>,
    /// How many pods were bound.
    pub bound: usize,
    /// How often each situation occurred: where a pod was and how it changed, or a request and its outcome.
    pub situations: BTreeMap<Situation, u64>,
    /// What happened, one line each; empty unless the timeline is kept.
    pub timeline: Vec<String>,
    /// A hash of all requests; 0 unless the timeline is kept.
    pub fingerprint: u64,
}

/// A history while it is played.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: FaultRng,
    pub(crate) server: Server,
    pub(crate) decoder: Decoder,
    pub(crate) decode_cache: DecodeCache,
    pub(crate) network: Network,
    pub(crate) instances: Vec<Instance>,
    pub(crate) bug: Option<InjectedBug>,
    pub(crate) step: usize,
    pub(crate) now: Now,
    /// How many pods were created.
    pub(crate) made: usize,
    /// The version of the server before something outside last changed what fits on a node, by node.
    pub(crate) disturbed: BTreeMap<String, u64>,
    pub(crate) allocators: Allocators,
    pub(crate) unpublished: Unpublished,
    started: usize,
    outcome: HistoryOutcome,
    records: bool,
    pub(crate) keeps_timeline: bool,
    /// The recordings of processes that have ended.
    recorded: Vec<Recorded>,
}

impl World {
    /// Plays a history to its end.
    pub fn play(plan: Plan, bug: Option<InjectedBug>) -> HistoryOutcome {
        Self::new(plan, bug, false).into_end().0
    }

    /// Plays a history to its end, with its timeline and fingerprint.
    pub fn story(plan: Plan, bug: Option<InjectedBug>) -> HistoryOutcome {
        let mut world = Self::new(plan, bug, false);
        world.keeps_timeline = true;
        world.into_end().0
    }

    /// Plays a history to its end and records each of its processes, in the order in which they started.
    pub fn record(plan: Plan, bug: Option<InjectedBug>) -> (HistoryOutcome, Vec<Recorded>) {
        Self::new(plan, bug, true).into_end()
    }

    pub(crate) fn new(plan: Plan, bug: Option<InjectedBug>, records: bool) -> Self {
        let rng = FaultRng {
            random: fastrand::Rng::with_seed(plan.seed),
            plan: plan.clone(),
            struck: BTreeMap::new(),
            over: false,
        };
        Self {
            plan,
            rng,
            server: Server::default(),
            decoder: Decoder::new(),
            decode_cache: DecodeCache::default(),
            network: Network::default(),
            instances: Vec::new(),
            bug,
            step: 0,
            now: Now { millis: 1_000, unix_micros: 1_700_000_000_000_000 },
            made: 0,
            disturbed: BTreeMap::new(),
            allocators: Allocators::default(),
            unpublished: Unpublished::new(),
            started: 0,
            outcome: HistoryOutcome::default(),
            records,
            keeps_timeline: false,
            recorded: Vec::new(),
        }
    }

    fn into_end(mut self) -> (HistoryOutcome, Vec<Recorded>) {
        self.set_up();
        self.start(true);
        self.live();
        self.settle();
        let Self { rng, server, mut outcome, mut recorded, mut instances, .. } = self;
        for instance in &mut instances {
            add_up(&mut outcome.situations, instance.take_situations());
        }
        recorded.extend(instances.into_iter().filter_map(Instance::end));
        recorded.sort_by_key(|recorded| recorded.part);
        outcome.struck = rng.struck;
        outcome.bound = server.bindings.len();
        (outcome, recorded)
    }

    fn profiles(&self) -> Vec<Profile> {
        let mut profile = Profile::standard("default-scheduler");
        if let Some(bug) = &self.bug {
            bug.spoil(&mut profile);
        }
        vec![profile]
    }

    /// Starts a scheduler process.
    fn start(&mut self, leads: bool) {
        self.started += 1;
        if leads {
            let seen = self.server.lease().version;
            let _ = self.server.acquire(&self.started.to_string(), seen); // no other process writes in between
        }
        let mut instance =
            Instance::start(self.started, self.plan.connections, self.profiles(), self.records);
        instance.lead(self.now, leads);
        log!(self, "scheduler {} starts, leads: {leads}", self.started);
        self.instances.push(instance);
    }

    /// Kills processes.
    fn kill(&mut self, which: Range<usize>) {
        for mut instance in self.instances.drain(which) {
            add_up(&mut self.outcome.situations, instance.take_situations());
            self.recorded.extend(instance.kill());
        }
    }

    /// Plays the steps with user actions and faults.
    fn live(&mut self) {
        let mut actions = 0;
        while self.step < self.plan.steps && self.outcome.violations.is_empty() {
            if actions < self.plan.user_actions && self.rng.random.usize(0..3) == 0 {
                self.user_acts();
                actions += 1;
            }
            self.inject_process_faults();
            self.run_step();
        }
    }

    /// Injects crashes, changes of the leader, and jumps of the clock.
    fn inject_process_faults(&mut self) {
        if self.rng.strikes(Fault::Crash) {
            let leads = self.instances.last().is_some_and(|instance| instance.leads);
            let gone = self.instances.last().map(|instance| instance.id);
            log!(self, "scheduler {} dies", gone.unwrap_or_default());
            self.kill(self.instances.len().saturating_sub(1)..self.instances.len());
            self.start(leads || self.instances.is_empty());
        }
        if self.rng.strikes(Fault::LeaseTheft) {
            log!(self, "the lease changes hands");
            for instance in &mut self.instances {
                instance.leads = false;
                if self.bug.is_none_or(|bug| !bug.hides_lost_lease(&instance.flow)) {
                    instance.lead(self.now, false);
                }
            }
            self.kill(0..self.instances.len().saturating_sub(1));
            self.start(true);
        }
        if self.rng.strikes(Fault::ClockJump) {
            let jump = self.rng.random.u64(0..20_000);
            self.now.millis += jump;
            self.now.unix_micros += self.rng.random.i64(-3_600_000_000..3_600_000_000);
            log!(self, "the clock jumps by {jump} ms");
        }
    }

    /// Plays one step.
    pub(crate) fn run_step(&mut self) {
        self.step += 1;
        let millis = self.rng.random.u64(5..60);
        self.now.millis += millis;
        self.now.unix_micros += 1_000 * i64::try_from(millis).unwrap_or_default();
        self.agents_act();
        while let Some(pending) = self.network.arrive(self.step) {
            self.before_it_is_done(&pending);
            let reply = pending.carry_out(&mut self.server);
            self.check_devices(&pending);
            let written = self.claim_written(&pending, &reply);
            *self.outcome.situations.entry(coverage::of_reply(&pending.request, &reply)).or_default() += 1;
            log!(self, "scheduler {}: {:?} -> {reply:?}", pending.instance, pending.request);
            for input in written.into_iter().chain([reply]) {
                self.hand(pending.instance, input);
            }
        }
        for at in 0..self.instances.len() {
            let watches = &mut self.instances[at].watches;
            let inputs = watches.deliver(&self.server, &mut self.decode_cache, self.step, &mut self.rng);
            let id = self.instances[at].id;
            for input in inputs {
                self.hand(id, input);
            }
            self.run(at);
        }
    }

    /// Passes an input to a scheduler, if it still runs.
    fn hand(&mut self, id: usize, input: Input) {
        let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == id) else { return };
        let input = match &mut self.bug {
            Some(bug) => bug.of_input(input, &instance.flow),
            None => Some(input),
        };
        if let Some(input) = input {
            instance.take(self.now, input);
        }
    }

    /// Runs the attempts of a scheduler, and checks and sends its actions.
    fn run(&mut self, at: usize) {
        let most = if self.rng.is_over() { 1_000 } else { self.rng.random.usize(1..20) };
        let instance = &mut self.instances[at];
        for _ in 0..most {
            if !instance.attempt(self.now) {
                break;
            }
        }
        let id = instance.id;
        let (actions, reports) = instance.drain();
        let objections = instance.objections();
        for report in reports {
            if let Report::Preempted { preemptor, victims, .. } = &report {
                self.check_victims(preemptor, victims);
            }
            if matches!(report, Report::Assumed(..) | Report::Preempted { .. }) && !self.instances[at].leads {
                self.violation(format!("scheduler {id} decides without the lease: {report:?}"));
            }
            if !matches!(report, Report::Queued { .. }) {
                log!(self, "scheduler {id}: {report:?}");
            }
        }
        for objection in objections {
            self.violation(format!("scheduler {id}: {objection}"));
        }
        for action in actions {
            let actions = match &mut self.bug {
                Some(bug) => bug.of_action(action),
                None => vec![action],
            };
            for action in actions {
                self.fold(&action.request);
                self.before_it_is_sent(id, &action.request);
                if let Some(input) = self.bug.and_then(|bug| bug.secret(&action)) {
                    self.instances[at].flow.take(self.now, input);
                }
                self.network.send(self.step, id, action, &mut self.rng);
            }
        }
    }

    /// Faults and user actions stop. Everything must come to rest, and every pod to its place.
    fn settle(&mut self) {
        self.rng.over = true;
        if self.instances.iter().all(|instance| !instance.leads) {
            self.kill(0..self.instances.len());
            self.start(true);
        }
        log!(self, "the faults are over");
        for _ in 0..SETTLE_STEPS {
            if !self.outcome.violations.is_empty() {
                return;
            }
            self.run_step();
            self.now.millis += 100;
            if self.pending_work().is_none() {
                self.check_final_state();
                return self.restart();
            }
        }
        let why = self.pending_work().unwrap_or_default();
        self.violation(format!("the world does not come to rest: {why}"));
    }

    /// Restarts the scheduler at rest: no object may change.
    fn restart(&mut self) {
        let before = self.server.visible();
        self.kill(0..self.instances.len());
        self.start(true);
        for _ in 0..SETTLE_STEPS {
            if !self.outcome.violations.is_empty() {
                return;
            }
            self.run_step();
            self.now.millis += 100;
            if self.pending_work().is_none() {
                break;
            }
        }
        let after = self.server.visible();
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let changed = keys.into_iter().find(|key| before.get(*key) != after.get(*key));
        if let Some(key) = changed {
            let (old, new) = (before.get(key), after.get(key));
            self.violation(format!("a restart changes {key:?} at rest: {old:?}, then {new:?}"));
        }
    }

    /// Work that is still pending; `None`: the world is at rest.
    fn pending_work(&self) -> Option<String> {
        // Without nodes, the pods of other schedulers stay pending.
        let nodes = self.server.all(Kind::Node).next().is_some();
        let waits_for_agents = |p: &&PodManifest| {
            let others =
                nodes && p.pod.node.is_none() && !is_ours(p) && p.pod.spec.scheduling_gates.is_empty();
            p.pod.terminating || others || self.is_stranded(p)
        };
        if let Some(pod) = self.server.pods().find(waits_for_agents) {
            return Some(format!("pod {} waits for others", pod.pod.key()));
        }
        if let Some(claim) = self.open_claim() {
            return Some(format!("claim {claim} waits for the volume controller or the provisioner"));
        }
        if let Some(claim) = self.stale_claim() {
            return Some(format!("claim {claim} waits for the controller of claims"));
        }
        if let Some(slice) = self.unpublished.keys().next() {
            return Some(format!("slice {slice} is not published yet"));
        }
        if let Some(pending) = self.network.pending().next() {
            return Some(format!("{:?} is in flight", pending.request));
        }
        self.instances.iter().find_map(|instance| {
            let flow = &instance.flow;
            let why = if !instance.watches.are_current(&self.server) {
                "has not received everything yet".to_owned()
            } else if flow.has_due(self.now) {
                "has pods to try".to_owned()
            } else {
                format!("waits until {} ms", flow.next_timer()?)
            };
            Some(format!("scheduler {} {why}", instance.id))
        })
    }

    /// Whether a pod is bound to a node that does not exist.
    pub(crate) fn is_stranded(&self, pod: &PodManifest) -> bool {
        let Some(name) = &pod.pod.node else { return false };
        let key = ObjectKey { kind: Kind::Node, namespace: "".into(), name: name.clone() };
        self.server.get(&key).is_none()
    }

    /// Something outside changed what fits on a node.
    pub(crate) fn mark_disturbed(&mut self, node: &str) {
        self.disturbed.insert(node.to_owned(), self.server.version());
    }

    /// Adds a line to the timeline.
    pub(crate) fn add_line(&mut self, line: &str) {
        self.outcome.timeline.push(format!("{:>4} {:>7} ms  {line}", self.step, self.now.millis));
    }

    /// An invariant is violated.
    pub(crate) fn violation(&mut self, what: String) {
        log!(self, "VIOLATION: {what}");
        self.outcome.violations.push(what);
    }

    fn fold(&mut self, request: &Request) {
        if !self.keeps_timeline {
            return;
        }
        for byte in format!("{request:?}").bytes() {
            self.outcome.fingerprint =
                (self.outcome.fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Profiles share plugins.
pub(crate) type SharedPlugin = Arc<dyn berth_engine::plugin::Plugin>;
