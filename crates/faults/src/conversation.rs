//! Short conversations with an API server. The simulated server must answer as the real one does.
//!
//! The end-to-end suite holds them with kube-apiserver. The tests here hold them with the simulated server, and compare
//! the answers with a recorded file.

mod simulated;
#[cfg(test)]
mod tests;

use std::fmt;

pub use simulated::Simulated;

/// How an API server answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request was carried out.
    Done,
    /// The object does not exist (404).
    Gone,
    /// The object is not in the expected state, or exists already (409).
    Conflict,
    /// The version is too old (410).
    Expired,
    /// Refused for another reason, with this status code.
    Refused(u16),
}

impl Outcome {
    /// The meaning of a status code.
    pub fn of_code(code: u16) -> Self {
        match code {
            200..300 => Self::Done,
            404 => Self::Gone,
            409 => Self::Conflict,
            410 => Self::Expired,
            other => Self::Refused(other),
        }
    }
}

/// A pod as an API server shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub version: u64,
    /// The label `app`.
    pub app: String,
    /// `spec.nodeName`, or empty.
    pub node: String,
    /// `status.nominatedNodeName`, or empty.
    pub nominated: String,
    /// Whether it has a deletion timestamp.
    pub terminating: bool,
    /// Status and reason of its conditions `PodScheduled`.
    pub scheduled: Vec<(String, String)>,
}

impl fmt::Display for Shown {
    /// The fields that are equal on all servers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, node, nominated, terminating, scheduled, .. } = self;
        write!(
            f,
            "app {app}, node {node:?}, nominated {nominated:?}, terminating {terminating}, {scheduled:?}"
        )
    }
}

/// A change as a watch delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub change: &'static str,
    /// The pod's name.
    pub pod: String,
    /// The version after the change.
    pub version: u64,
}

/// An API server, as far as conversations need it: the pods of one namespace that no other client uses.
pub trait Api {
    /// POST a pod.
    fn create(&mut self, pod: &str, gated: bool) -> Outcome;
    /// GET a pod.
    fn show(&mut self, pod: &str) -> Option<Shown>;
    /// PUT a pod as it was shown, with another label `app`.
    fn replace(&mut self, pod: &str, shown: &Shown, app: &str) -> Outcome;
    /// POST a binding with a uid.
    fn bind(&mut self, pod: &str, uid: &str, node: &str) -> Outcome;
    /// PATCH the status with a uid: the reason of `PodScheduled=False`, and the nominated node, where an empty one
    /// clears it.
    fn patch(&mut self, pod: &str, uid: &str, reason: Option<&str>, nominated: Option<&str>) -> Outcome;
    /// DELETE a pod with a uid as precondition.
    fn delete(&mut self, pod: &str, uid: &str) -> Outcome;
    /// The version of a listing, and the pods in it.
    fn list(&mut self) -> (u64, Vec<String>);
    /// GET the lease: its version, 0 if there is none, and its holder.
    fn lease(&mut self) -> (u64, String);
    /// POST the lease if `seen` is 0, otherwise PUT it with that version.
    fn acquire(&mut self, holder: &str, seen: u64) -> Outcome;
    /// Up to `count` changes after a version, as a watch delivers them.
    ///
    /// # Errors
    /// The server's refusal.
    fn watch(&mut self, after: u64, count: usize) -> Result<Vec<Delivered>, Outcome>;
}

/// One conversation.
pub struct Conversation {
    /// What it is about.
    pub name: &'static str,
    /// Holds the conversation, and returns what was observed.
    pub hold: fn(&mut dyn Api) -> Vec<String>,
}

/// All conversations.
pub const CONVERSATIONS: [Conversation; 10] = [
    Conversation { name: "a pod is made twice", hold: made_twice },
    Conversation { name: "a stale update", hold: stale_update },
    Conversation { name: "a pod is bound twice", hold: bound_twice },
    Conversation { name: "another pod of its name is bound", hold: bound_by_wrong_uid },
    Conversation { name: "a gated pod is bound", hold: bound_at_gate },
    Conversation { name: "a pod is deleted by its uid", hold: deleted_by_uid },
    Conversation { name: "a bound pod is deleted", hold: deleted_when_bound },
    Conversation { name: "a status is patched", hold: status_patched },
    Conversation { name: "changes are delivered in order", hold: watched },
    Conversation { name: "two want the lease", hold: lease_wanted },
];

/// A uid that no pod has.
const NO_POD: &str = "00000000-0000-0000-0000-000000000000";

fn shown(api: &mut dyn Api, pod: &str) -> Shown {
    api.show(pod).unwrap_or_default()
}

fn say(what: &str, outcome: Outcome) -> String {
    format!("{what}: {outcome:?}")
}

fn look(api: &mut dyn Api, pod: &str) -> String {
    api.show(pod).map_or_else(|| format!("{pod} is not there"), |shown| format!("{pod}: {shown}"))
}

fn made_twice(api: &mut dyn Api) -> Vec<String> {
    let first = api.create("a", false);
    let uid = shown(api, "a").uid;
    let second = api.create("a", false);
    let same = shown(api, "a").uid == uid;
    vec![say("made", first), say("made again", second), format!("it is the first one: {same}")]
}

fn stale_update(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let first = shown(api, "a");
    let mut seen = vec![say("as it was seen", api.replace("a", &first, "new"))];
    let second = shown(api, "a");
    seen.push(format!("the version grows: {}", second.version > first.version));
    seen.push(say("as it was seen before that", api.replace("a", &first, "old")));
    seen.push(look(api, "a"));
    seen.push(say("as it is now", api.replace("a", &second, "newer")));
    let third = shown(api, "a");
    seen.push(say("what is so already", api.replace("a", &third, "newer")));
    seen.push(format!("the version stays: {}", shown(api, "a").version == third.version));
    seen.push(say("one that is not there", api.replace("b", &second, "newer")));
    seen
}

fn bound_twice(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let uid = shown(api, "a").uid;
    let mut seen = vec![say("bound", api.bind("a", &uid, "n1"))];
    seen.push(say("to the same node", api.bind("a", &uid, "n1")));
    seen.push(say("to another node", api.bind("a", &uid, "n2")));
    seen.push(format!("it is on {}", shown(api, "a").node));
    seen
}

fn bound_by_wrong_uid(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let before = shown(api, "a").uid;
    let mut seen = vec![say("by a uid that no pod has", api.bind("a", NO_POD, "n1"))];
    seen.push(say("deleted", api.delete("a", &before)));
    seen.push(say("one that is gone", api.bind("a", &before, "n1")));
    api.create("a", false);
    seen.push(say("by the uid of its predecessor", api.bind("a", &before, "n1")));
    seen.push(format!("it is on {:?}", shown(api, "a").node));
    seen
}

fn bound_at_gate(api: &mut dyn Api) -> Vec<String> {
    let made = api.create("a", true);
    let uid = shown(api, "a").uid;
    let bound = api.bind("a", &uid, "n1");
    vec![say("made", made), say("bound", bound), format!("it is on {:?}", shown(api, "a").node)]
}

fn deleted_by_uid(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let uid = shown(api, "a").uid;
    let mut seen = vec![say("by a uid that no pod has", api.delete("a", NO_POD))];
    seen.push(look(api, "a"));
    seen.push(say("by its own", api.delete("a", &uid)));
    seen.push(look(api, "a"));
    seen.push(say("again", api.delete("a", &uid)));
    seen
}

fn deleted_when_bound(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let uid = shown(api, "a").uid;
    api.bind("a", &uid, "n1");
    let first = api.delete("a", &uid);
    let mut seen = vec![say("deleted", first), format!("terminating: {}", shown(api, "a").terminating)];
    seen.push(say("deleted again", api.delete("a", &uid)));
    seen.push(format!("it is on {:?}", shown(api, "a").node));
    seen
}

fn status_patched(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let uid = shown(api, "a").uid;
    let mut seen = vec![say("a condition", api.patch("a", &uid, Some("Unschedulable"), None))];
    seen.push(look(api, "a"));
    seen.push(say("another reason, and a node", api.patch("a", &uid, Some("SchedulerError"), Some("n1"))));
    seen.push(look(api, "a"));
    seen.push(say("the node alone", api.patch("a", &uid, None, Some("n2"))));
    seen.push(look(api, "a"));
    seen.push(say("no node", api.patch("a", &uid, None, Some(""))));
    seen.push(look(api, "a"));
    seen.push(say("by a uid that no pod has", api.patch("a", NO_POD, Some("Unschedulable"), Some("n3"))));
    seen.push(look(api, "a"));
    let version = shown(api, "a").version;
    seen.push(say("what is so already", api.patch("a", &uid, Some("SchedulerError"), None)));
    seen.push(format!("the version stays: {}", shown(api, "a").version == version));
    seen.push(say("with a nominated node, bound", {
        api.patch("a", &uid, None, Some("n1"));
        api.bind("a", &uid, "n1")
    }));
    seen.push(format!("nominated {:?}", shown(api, "a").nominated));
    seen.push(say("one that is not there", api.patch("b", &uid, Some("Unschedulable"), None)));
    seen
}

fn watched(api: &mut dyn Api) -> Vec<String> {
    api.create("a", false);
    let (version, pods) = api.list();
    let mut seen = vec![format!("listed {pods:?}")];
    let first = shown(api, "a");
    api.create("b", false);
    api.replace("a", &first, "new");
    let uid = shown(api, "b").uid;
    api.delete("b", &uid);
    api.create("b", false);
    let uid = shown(api, "b").uid;
    api.bind("b", &uid, "n1");
    let changes = api.watch(version, 5).unwrap_or_default();
    seen.extend(changes.iter().map(|change| format!("{} {}", change.change, change.pod)));
    let grows = changes.windows(2).all(|pair| pair[0].version < pair[1].version);
    let later = changes.iter().all(|change| change.version > version);
    seen.push(format!("versions grow: {grows}, and are later than the listing's: {later}"));
    if let Some(third) = changes.get(2) {
        let rest = api.watch(third.version, 2).unwrap_or_default();
        seen.extend(rest.iter().map(|change| format!("after the third: {} {}", change.change, change.pod)));
    }
    seen.push(format!("from long ago: {:?}", api.watch(1, 1).err()));
    seen
}

fn lease_wanted(api: &mut dyn Api) -> Vec<String> {
    let mut seen = vec![say("a, who saw none", api.acquire("a", 0))];
    let (first, _) = api.lease();
    seen.push(say("b, who saw none", api.acquire("b", 0)));
    seen.push(say("a, who saw its own", api.acquire("a", first)));
    seen.push(say("b, who saw the one before", api.acquire("b", first)));
    let (second, holder) = api.lease();
    seen.push(format!("it is {holder}'s, the version grows: {}", second > first));
    seen.push(say("b, who saw that", api.acquire("b", second)));
    seen.push(format!("it is {}'s", api.lease().1));
    seen
}
