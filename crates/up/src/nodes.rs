//! The simulated nodes: one task is the kubelet of all of them.
//!
//! ```text
//!   API server ──watch nodes, pods──► Kubelets ──leases, statuses, deletions──► API server
//!                                       │  ▲ timers
//!                                       ▼  │
//!                              berth_cluster::kubelet::PodRun (what a pod does, and when)
//! ```
//! A node is simulated if it has the annotation [`SIMULATED`]; the annotation [`FAILED`] cuts it off. So all state is in
//! the API server: another process goes on where this one ended, and `kubectl` can do what `berth node` does.

mod admission;
mod node;
mod pod;
mod script;
mod status;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_cluster::Millis;
use berth_cluster::kubelet::{Phase, Timing};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{Api, Change};
use crate::running::now_millis as now;
use admission::{Amounts, Usage};
use pod::{Next, Pod};
use view::{NodeView, PodView};

pub(crate) use view::Meta;
pub(crate) use watch::{Object, Seen, follow};

pub use node::{FAILED, SIMULATED, Shape, complete, new};

/// How many requests are in flight at most.
const WIDTH: usize = 96;
/// The time between two statuses of a node that does not change (`nodeStatusReportFrequency` of a kubelet).
const STATUS_EVERY: Millis = 300_000;
/// The pause after a request that failed.
const RETRY: Millis = 500;
/// How often the counts are renewed.
const COUNT_EVERY: Duration = Duration::from_millis(100);

/// How the simulated nodes behave.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long pods take to start and to end.
    pub timing: Timing,
    /// The time between two renewals of a node's lease.
    pub renew: Duration,
}

/// How many nodes and pods there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Simulated nodes.
    pub nodes: usize,
    /// Those on which pods can be placed.
    pub nodes_in_service: usize,
    /// Those that are cut off.
    pub failed_nodes: usize,
    /// Pods without a node.
    pub pending: usize,
    /// Pods on simulated nodes that do not run yet.
    pub starting: usize,
    /// Pods that run.
    pub running: usize,
    /// Pods that have succeeded or failed.
    pub ended: usize,
}

/// A view of the counts that stays up to date.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Mutex<Counts>>);

impl Counter {
    /// The counts of now.
    pub fn get(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, counts: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

/// Simulates the nodes until the task is dropped. Failures of requests are repeated.
pub async fn run(api: Api, settings: Settings, counter: Counter) {
    let (to_nodes, mut nodes) = mpsc::channel(1024);
    let (to_pods, mut pods) = mpsc::channel(1024);
    let mut watches = JoinSet::new();
    watches.spawn(watch::follow::<NodeView>(api.client().clone(), "/api/v1/nodes", to_nodes));
    watches.spawn(watch::follow::<PodView>(api.client().clone(), "/api/v1/pods", to_pods));
    let mut kubelets = Kubelets::new(settings);
    let mut requests: JoinSet<(About, kube::Result<Value>)> = JoinSet::new();
    let mut count_at = Instant::now();
    loop {
        while requests.len() < WIDTH {
            let Some((about, change)) = kubelets.outbox.pop_front() else { break };
            let api = api.clone();
            requests.spawn(async move { (about, api.send(&change).await) });
        }
        let wake = kubelets.sleep().min(count_at.saturating_duration_since(Instant::now()));
        tokio::select! {
            Some(seen) = nodes.recv() => kubelets.node_seen(seen, now()),
            Some(seen) = pods.recv() => kubelets.pod_seen(seen, now()),
            Some(Ok((about, answer))) = requests.join_next(), if !requests.is_empty() => {
                kubelets.answered(about, &answer, now());
            }
            () = tokio::time::sleep(wake) => {}
        }
        kubelets.wake(now());
        if count_at <= Instant::now() {
            counter.set(kubelets.counts());
            count_at = Instant::now() + COUNT_EVERY;
        }
    }
}

impl Object for NodeView {
    fn meta(&self) -> &view::Meta {
        &self.metadata
    }
}

impl Object for PodView {
    fn meta(&self) -> &view::Meta {
        &self.metadata
    }
}

/// Namespace and name of a pod.
type PodKey = Arc<str>;

/// What a request or a timer is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Pod(PodKey),
    Lease(Arc<str>),
    NodeStatus(Arc<str>),
}

/// A simulated node.
struct Node {
    view: NodeView,
    address: String,
    has_failed: bool,
    /// Whether an answer has shown that its lease exists.
    has_lease: bool,
    /// When its lease is renewed next; a timer for another time is void.
    renew_at: Millis,
    status_due: Millis,
    allocatable: Amounts,
}

struct Kubelets {
    settings: Settings,
    nodes: HashMap<Arc<str>, Node>,
    pods: HashMap<PodKey, Pod>,
    /// Pods on nodes that have not been seen, or that have ended before they were seen.
    others: HashMap<PodKey, PodView>,
    unscheduled: HashSet<PodKey>,
    /// What the pods of each node use.
    usage: HashMap<String, Usage>,
    timers: BinaryHeap<Reverse<(Millis, About)>>,
    outbox: VecDeque<(About, Change)>,
    addresses: HashSet<u32>,
    next_address: u32,
}

impl Kubelets {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            nodes: HashMap::new(),
            pods: HashMap::new(),
            others: HashMap::new(),
            unscheduled: HashSet::new(),
            usage: HashMap::new(),
            timers: BinaryHeap::new(),
            outbox: VecDeque::new(),
            addresses: HashSet::new(),
            next_address: 0,
        }
    }

    /// The time until the next timer.
    fn sleep(&self) -> Duration {
        let next = self.timers.peek().map(|Reverse((at, _))| at.saturating_sub(now()));
        next.map_or(Duration::from_secs(1), Duration::from_millis)
    }

    fn wake(&mut self, now: Millis) {
        while let Some(Reverse((at, _))) = self.timers.peek()
            && *at <= now
        {
            let at = *at;
            let Some(Reverse((_, about))) = self.timers.pop() else { break };
            match about {
                About::Pod(key) => {
                    if let Some(pod) = self.pods.get_mut(&key) {
                        pod.timer = None;
                    }
                    self.attend(&key, now);
                }
                About::Lease(name) => {
                    if self.nodes.get(&name).is_some_and(|node| node.renew_at == at) {
                        self.renew(&name, now);
                    }
                }
                About::NodeStatus(name) => self.report(&name, now),
            }
        }
    }

    fn node_seen(&mut self, seen: Seen<NodeView>, now: Millis) {
        match seen {
            Seen::All(views) => {
                let names: HashSet<&str> = views.iter().map(|view| view.metadata.name.as_str()).collect();
                self.nodes.retain(|name, _| names.contains(&**name));
                for view in views {
                    self.node_is(view, now);
                }
            }
            Seen::Is(view) => self.node_is(view, now),
            Seen::Gone(view) => {
                self.nodes.remove(view.metadata.name.as_str());
            }
        }
    }

    fn node_is(&mut self, view: NodeView, now: Millis) {
        if !view.metadata.annotations.contains_key(SIMULATED) {
            return;
        }
        let name: Arc<str> = view.metadata.name.as_str().into();
        let has_failed = view.metadata.annotations.contains_key(FAILED);
        let (is_ready, address) = (view.is_ready(), view.address().unwrap_or("127.0.0.1").to_owned());
        let before = self.nodes.remove(&name).filter(|node| node.view.metadata.uid == view.metadata.uid);
        let allocatable = view.allocatable();
        let was_cut_off = before.as_ref().is_none_or(|node| node.has_failed);
        let node = match before {
            Some(node) => Node { view, address, has_failed, allocatable, ..node },
            None => {
                let status_due = now + STATUS_EVERY;
                Node { view, address, has_failed, has_lease: false, renew_at: now, status_due, allocatable }
            }
        };
        self.nodes.insert(name.clone(), node);
        if has_failed {
            return;
        }
        if was_cut_off {
            self.renew(&name, now);
            self.attend_all(&name, now);
        }
        // The node lifecycle controller marks a node that was cut off.
        if !is_ready {
            self.report(&name, now);
        }
    }

    /// Takes care of the pods of a node that is new or back.
    fn attend_all(&mut self, name: &str, now: Millis) {
        let waiting: Vec<PodKey> = self
            .others
            .iter()
            .filter(|(_, view)| view.spec.node_name == name && !view.has_ended())
            .map(|(key, _)| key.clone())
            .collect();
        for key in waiting {
            if let Some(view) = self.others.remove(&key) {
                self.pod_is(view, now);
            }
        }
        let known: Vec<PodKey> =
            self.pods.iter().filter(|(_, pod)| pod.node == name).map(|(key, _)| key.clone()).collect();
        for key in known {
            self.attend(&key, now);
        }
    }

    /// Renews a node's lease and sets the timer for the next time.
    fn renew(&mut self, name: &Arc<str>, now: Millis) {
        let Some(node) = self.nodes.get(name).filter(|node| !node.has_failed) else { return };
        let renew = u64::try_from(self.settings.renew.as_millis()).unwrap_or(u64::MAX);
        let change = if node.has_lease {
            let path = format!("{}/{name}", node::LEASES);
            Change::merge(path, json!({"spec": {"renewTime": status::micro_time(now)}}))
        } else {
            let seconds = (renew * 4).div_ceil(1_000).max(1);
            Change::create(node::LEASES, node::lease(&node.view.metadata, seconds, now))
        };
        if node.status_due <= now {
            self.report(name, now);
        }
        self.outbox.push_front((About::Lease(name.clone()), change));
    }

    /// Writes the conditions of a node that works.
    fn report(&mut self, name: &Arc<str>, now: Millis) {
        let Some(node) = self.nodes.get_mut(name).filter(|node| !node.has_failed) else { return };
        node.status_due = now + STATUS_EVERY;
        let body = json!({"status": {"conditions": node::conditions(now, now)}});
        let change = pod::status_patch(&format!("/api/v1/nodes/{name}"), body);
        self.outbox.push_back((About::NodeStatus(name.clone()), change));
    }

    fn pod_seen(&mut self, seen: Seen<PodView>, now: Millis) {
        match seen {
            Seen::All(views) => {
                let keys: HashSet<PodKey> = views.iter().map(key).collect();
                let gone: Vec<PodKey> = (self.pods.keys())
                    .chain(self.others.keys())
                    .chain(&self.unscheduled)
                    .filter(|key| !keys.contains(*key))
                    .cloned()
                    .collect();
                for key in gone {
                    self.pod_gone(&key);
                }
                for view in views {
                    self.pod_is(view, now);
                }
            }
            Seen::Is(view) => self.pod_is(view, now),
            Seen::Gone(view) => self.pod_gone(&key(&view)),
        }
    }

    fn pod_gone(&mut self, key: &PodKey) {
        self.unscheduled.remove(key);
        self.others.remove(key);
        if let Some(mut pod) = self.pods.remove(key) {
            if let Some(ip) = pod.ip {
                self.addresses.remove(&ip);
            }
            release(&mut self.usage, &mut pod);
        }
    }

    fn pod_is(&mut self, view: PodView, now: Millis) {
        let key = key(&view);
        if view.spec.node_name.is_empty() {
            self.unscheduled.insert(key);
            return;
        }
        self.unscheduled.remove(&key);
        if self.pods.get(&key).is_some_and(|pod| pod.uid != view.metadata.uid) {
            self.pod_gone(&key);
        }
        if !self.pods.contains_key(&key) {
            let node = self.nodes.get(view.spec.node_name.as_str());
            let is_ours = node.is_some_and(|node| !node.has_failed);
            if !is_ours || (view.has_ended() && view.metadata.deletion_timestamp.is_none()) {
                self.others.insert(key, view);
                return;
            }
            self.others.remove(&key);
            let ip = (!view.spec.host_network).then(|| self.take_address(view.status.pod_ip.as_deref()));
            let mut pod = Pod::new(&view, self.settings.timing, ip, now);
            self.admit(&mut pod, view.status.start_time.is_none());
            self.pods.insert(key.clone(), pod);
        }
        if let Some(pod) = self.pods.get_mut(&key) {
            pod.update(&view, now);
        }
        self.attend(&key, now);
    }

    /// Counts a pod on its node; rejects it if it is new and does not fit.
    fn admit(&mut self, pod: &mut Pod, is_new: bool) {
        let usage = self.usage.entry(pod.node.clone()).or_default();
        if let Some(node) = self.nodes.get(pod.node.as_str()).filter(|_| is_new)
            && let Err(rejection) = usage.check(&pod.requests, &node.allocatable)
        {
            pod.reject(rejection);
            return;
        }
        usage.add(&pod.requests);
        pod.is_counted = true;
    }

    /// Does what is to be done about a pod now.
    fn attend(&mut self, key: &PodKey, now: Millis) {
        let Some(pod) = self.pods.get_mut(key).filter(|pod| !pod.in_flight) else { return };
        let Some(node) = self.nodes.get(pod.node.as_str()).filter(|node| !node.has_failed) else { return };
        let next = pod.next(&node.address, now);
        if pod.has_ended() {
            release(&mut self.usage, pod);
        }
        match next {
            Next::Send(change) => {
                pod.in_flight = true;
                self.outbox.push_back((About::Pod(key.clone()), change));
            }
            Next::Wait(at) => {
                if pod.timer.is_none_or(|set| at < set) {
                    pod.timer = Some(at);
                    self.timers.push(Reverse((at, About::Pod(key.clone()))));
                }
            }
            Next::Idle => {}
        }
    }

    fn answered(&mut self, about: About, answer: &kube::Result<Value>, now: Millis) {
        let code = match answer {
            Ok(_) => 200,
            Err(kube::Error::Api(status)) => status.code,
            Err(_) => 0,
        };
        let mut retry_at = now + RETRY;
        match &about {
            About::Pod(key) => {
                let Some(pod) = self.pods.get_mut(key) else { return };
                pod.in_flight = false;
                match code {
                    200 => {
                        let version =
                            answer.as_ref().ok().map(|object| &object["metadata"]["resourceVersion"]);
                        pod.acknowledged(version.and_then(Value::as_str));
                        return self.attend(key, now);
                    }
                    // The watch will say that it is gone.
                    404 => return,
                    _ => pod.failed(),
                }
            }
            About::Lease(name) => {
                let Some(node) = self.nodes.get_mut(name) else { return };
                match code {
                    200 => {
                        node.has_lease = true;
                        retry_at = now + u64::try_from(self.settings.renew.as_millis()).unwrap_or(u64::MAX);
                    }
                    404 => node.has_lease = false,
                    409 => {
                        node.has_lease = true;
                        retry_at = now;
                    }
                    _ => {}
                }
                node.renew_at = retry_at;
            }
            About::NodeStatus(_) if matches!(code, 200 | 404) => return,
            About::NodeStatus(_) => {}
        }
        self.timers.push(Reverse((retry_at, about)));
    }

    /// An address for a pod: the one that it had, or one that no pod has.
    fn take_address(&mut self, before: Option<&str>) -> u32 {
        if let Some(number) = before.and_then(pod::number)
            && self.addresses.insert(number)
        {
            return number;
        }
        loop {
            self.next_address = (self.next_address + 1) % pod::ADDRESSES;
            if self.addresses.insert(self.next_address) {
                return self.next_address;
            }
        }
    }

    fn counts(&self) -> Counts {
        let phases =
            |wanted: fn(Option<Phase>) -> bool| self.pods.values().filter(|pod| wanted(pod.phase())).count();
        let ended = phases(|phase| phase.is_some_and(Phase::has_ended));
        Counts {
            nodes: self.nodes.len(),
            nodes_in_service: self.nodes.values().filter(|node| node.view.is_in_service()).count(),
            failed_nodes: self.nodes.values().filter(|node| node.has_failed).count(),
            pending: self.unscheduled.len(),
            starting: phases(|phase| matches!(phase, None | Some(Phase::Pending))),
            running: phases(|phase| phase == Some(Phase::Running)),
            ended: ended + self.others.values().filter(|view| view.has_ended()).count(),
        }
    }
}

/// Frees what a pod has used.
fn release(usage: &mut HashMap<String, Usage>, pod: &mut Pod) {
    if std::mem::take(&mut pod.is_counted)
        && let Some(usage) = usage.get_mut(&pod.node)
    {
        usage.remove(&pod.requests);
    }
}

fn key(view: &PodView) -> PodKey {
    format!("{}/{}", view.metadata.namespace, view.metadata.name).into()
}
