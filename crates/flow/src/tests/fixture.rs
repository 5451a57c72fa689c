//! A loop with a scripted shell: it answers requests when a test says so.

use berth_engine::effect::Write;
use berth_engine::profile::Profile;
use berth_model::object::{Kind, ObjectKey};
use berth_wire::Decoder;

use crate::SchedulingLoop;
use crate::action::{Action, Request, Ticket};
use crate::input::{Answer, Failure, FailureKind, Input, Now};
use crate::report::Report;
use crate::settings::Settings;

/// A loop that leads and has listed all kinds.
pub(crate) struct World {
    pub(crate) flow: SchedulingLoop,
    pub(crate) now: Now,
    decoder: Decoder,
    pub(crate) actions: Vec<Action>,
    pub(crate) reports: Vec<Report>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut world = Self::unlisted(change);
        for kind in SchedulingLoop::KINDS {
            world.take(Input::Listing(kind));
            world.take(Input::Listed(kind));
        }
        world.take(Input::Leads(true));
        world
    }

    pub(crate) fn unlisted(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(vec![Profile::standard("default-scheduler")]);
        change(&mut settings);
        Self {
            flow: SchedulingLoop::new(settings),
            now: Now { millis: 1_000, unix_micros: 1_000_000 },
            decoder: Decoder::new(),
            actions: Vec::new(),
            reports: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, input: Input) {
        self.flow.take(self.now, input);
    }

    /// Advances both clocks.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now.millis += millis;
        self.now.unix_micros += i64::try_from(millis).unwrap() * 1_000;
    }

    pub(crate) fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).unwrap().unwrap();
        self.take(Input::Applied(object));
    }

    pub(crate) fn node(&mut self, name: &str, cpu: u32) {
        self.node_with(name, cpu, "");
    }

    /// `more` is appended to the metadata. It must begin with a comma.
    pub(crate) fn node_with(&mut self, name: &str, cpu: u32, more: &str) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}"{more}}},"status":{{"allocatable":{{"cpu":"{cpu}","memory":"8Gi","pods":"110"}}}}}}"#
        ));
    }

    pub(crate) fn pod(&mut self, name: &str, cpu: u32) {
        self.pod_with(name, cpu, "", "");
    }

    /// `spec` and `status` are inserted into the pod. Each must end with a comma.
    pub(crate) fn pod_with(&mut self, name: &str, cpu: u32, spec: &str, status: &str) {
        self.pod_of(name, &format!("uid-{name}"), cpu, spec, status);
    }

    pub(crate) fn pod_of(&mut self, name: &str, uid: &str, cpu: u32, spec: &str, status: &str) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"{uid}","generation":1}},"spec":{{{spec}"containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}]}},"status":{{{status}"phase":"Pending"}}}}"#
        ));
    }

    /// The watch delivers a bound pod.
    pub(crate) fn bound(&mut self, name: &str, cpu: u32, node: &str) {
        self.pod_with(name, cpu, &format!(r#""nodeName":"{node}","#), "");
    }

    pub(crate) fn delete(&mut self, kind: Kind, name: &str) {
        let namespace = if kind.is_namespaced() { "default" } else { "" };
        self.take(Input::Deleted(ObjectKey { kind, namespace: namespace.into(), name: name.into() }));
    }

    /// Runs attempts until none is left. Returns the requests as text, without events. Status writes succeed at once.
    pub(crate) fn run(&mut self) -> Vec<String> {
        while self.flow.attempt(self.now) {}
        self.reports.extend(self.flow.drain_reports());
        let actions: Vec<Action> = self.flow.drain_actions().collect();
        for action in &actions {
            if matches!(action.request, Request::SetStatus { .. }) {
                self.flow.take(self.now, Input::Reply(action.ticket, Ok(Answer::Done)));
            }
        }
        let requests = actions.iter().filter_map(|action| match &action.request {
            Request::Emit(_) => None,
            request => Some(describe(request)),
        });
        let requests = requests.collect();
        self.actions.extend(actions);
        requests
    }

    /// The ticket of the last action with a request that matches.
    pub(crate) fn ticket(&self, fits: impl Fn(&Request) -> bool) -> Ticket {
        self.actions.iter().rev().find(|action| fits(&action.request)).unwrap().ticket
    }

    /// Answers the last binding request.
    pub(crate) fn answer_bind(&mut self, outcome: Result<Answer, Failure>) {
        let ticket = self.ticket(|request| matches!(request, Request::Bind { .. }));
        self.take(Input::Reply(ticket, outcome));
    }

    /// Reason and note of all events so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let event = |action: &Action| match &action.request {
            Request::Emit(event) => Some(format!("{} {}: {}", event.regarding, event.reason, event.note)),
            _ => None,
        };
        self.actions.iter().filter_map(event).collect()
    }
}

/// A failure of a kind.
pub(crate) fn failure(kind: FailureKind) -> Result<Answer, Failure> {
    Err(Failure { kind, message: "no".to_owned() })
}

/// A request as text.
fn describe(request: &Request) -> String {
    match request {
        Request::Bind { pod, node } => format!("bind {} to {node}", pod.name),
        Request::SetStatus { pod, condition, nominated_node } => {
            let condition = condition.as_ref().map(|c| format!(" {}: {}", c.reason, c.message));
            let nominated = nominated_node.as_ref().map(|node| format!(" nominated to {node:?}"));
            format!("{}{}{}", pod.name, condition.unwrap_or_default(), nominated.unwrap_or_default())
        }
        Request::Evict { victim, .. } => format!("evict {}", victim.name),
        Request::Write(Write::BindVolume { volume, claim, .. }) => {
            format!("bind volume {volume} to claim {claim}")
        }
        Request::Write(Write::SelectNode { claim, node, .. }) => format!("select {node} for claim {claim}"),
        Request::Write(Write::ReserveDevices(reservation)) => {
            format!("reserve devices of claim {}", reservation.claim)
        }
        Request::Write(Write::MakeDeviceClaim(made)) => format!("make claim {}", made.claim.name),
        Request::Write(Write::GiveUpDevices { claim, delete, .. }) => {
            format!("{} claim {claim}", if *delete { "delete" } else { "clear" })
        }
        Request::Extend { extender, call } => format!("extender {extender}: {call:?}"),
        Request::Emit(event) => format!("{event:?}"),
    }
}
