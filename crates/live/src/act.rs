//! Carries out the flow's actions: many requests in flight, but one at a time for each pod.

mod body;
mod devices;
mod failure;
mod send_queue;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use berth_flow::{
    Action, Answer as Reply, Call, Failure, FailureKind, Input, PodRef, Request, Ticket, Write,
};
use berth_watch::Metadata;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Method;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::client::{Api, JSON, STRATEGIC_MERGE};
use crate::extender::{ExtenderCall, Extenders};
use crate::lease_guard::LeaseGuard;
use crate::message::Inbox;
use crate::metrics::Metrics;
use crate::resource::segment;
pub(crate) use failure::judge;
use send_queue::{SendQueue, Subject};

/// The limit on requests in flight, without events and extenders.
const IN_FLIGHT: usize = 32;
/// The number of retries if the API server is overloaded.
const BUSY_TRIES: u32 = 10;

type Outcome = Result<Reply, Failure>;

/// An action to carry out.
#[derive(Debug)]
pub(crate) enum Task {
    /// A request to the API server.
    Act(Action),
    /// A call of an extender.
    Extend(Ticket, ExtenderCall),
}

/// Carries out actions.
pub(crate) struct Actor {
    pub(crate) api: Api,
    pub(crate) lease_guard: Arc<LeaseGuard>,
    pub(crate) extenders: Arc<Extenders>,
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Arc<Metrics>,
    /// The number of requests in flight.
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Actor {
    /// Runs until the event loop has ended and all requests are answered.
    pub(crate) async fn run(self, mut tasks: UnboundedReceiver<Task>) {
        let actor = Arc::new(self);
        let mut order = SendQueue::default();
        let mut running = FuturesUnordered::new();
        let mut open = true;
        loop {
            while running.len() < IN_FLIGHT
                && let Some((subject, action)) = order.next()
            {
                running.push(actor.carry_out(subject, action));
            }
            actor.requests.store(running.len(), Ordering::Relaxed);
            tokio::select! {
                Some((subject, ticket, outcome)) = running.next(), if !running.is_empty() => {
                    order.done(subject);
                    // Without an event loop the process is about to end.
                    let _ = actor.inbox.input(Input::Reply(ticket, outcome));
                }
                task = tasks.recv(), if open => match task {
                    Some(Task::Act(action)) => order.push(action),
                    Some(Task::Extend(ticket, call)) => actor.extend(ticket, call),
                    None => open = false,
                },
                else => return,
            }
        }
    }

    /// Calls an extender in a task of its own, so that a slow extender delays no other request.
    fn extend(self: &Arc<Self>, ticket: Ticket, call: ExtenderCall) {
        let actor = Arc::clone(self);
        tokio::spawn(async move {
            let is_forbidden = matches!(call.call, Call::Bind { .. }) && !actor.lease_guard.holds();
            let outcome =
                if is_forbidden { Err(not_leading()) } else { actor.extenders.ask(&actor.api, call).await };
            // Without an event loop the process is about to end.
            let _ = actor.inbox.input(Input::Reply(ticket, outcome));
        });
    }

    async fn carry_out(&self, subject: Subject, action: Action) -> (Subject, Ticket, Outcome) {
        (subject, action.ticket, self.send(action.request).await)
    }

    async fn send(&self, request: Request) -> Outcome {
        let done = match request {
            Request::Bind { pod, node } => {
                let path = format!("{}/binding", pod_path(&pod.namespace, &pod.name));
                self.ask(Method::POST, &path, JSON, body::binding(&pod, &node)).await
            }
            Request::SetStatus { pod, condition, nominated_node } => {
                let path = format!("{}/status", pod_path(&pod.namespace, &pod.name));
                let body = body::status(&pod, condition.as_ref(), nominated_node.as_deref(), now());
                self.ask(Method::PATCH, &path, STRATEGIC_MERGE, body).await
            }
            Request::Evict { victim, message } => match self.evict(&victim, &message).await {
                Err(failure) if failure.kind == FailureKind::Gone => Ok(()),
                done => done,
            },
            Request::Write(Write::BindVolume { volume, namespace, claim, claim_uid, reserved }) => {
                let path = format!("/api/v1/persistentvolumes/{}", segment(&volume));
                let body = body::volume(&namespace, &claim, &claim_uid, reserved);
                self.ask(Method::PATCH, &path, STRATEGIC_MERGE, body).await
            }
            Request::Write(Write::SelectNode { namespace, claim, node }) => {
                let path = format!(
                    "/api/v1/namespaces/{}/persistentvolumeclaims/{}",
                    segment(&namespace),
                    segment(&claim)
                );
                self.ask(Method::PATCH, &path, STRATEGIC_MERGE, body::selected_node(&node)).await
            }
            Request::Write(Write::ReserveDevices(reservation)) => self.reserve_devices(&reservation).await,
            Request::Write(Write::MakeDeviceClaim(made)) => self.make_device_claim(&made).await,
            Request::Write(Write::GiveUpDevices { namespace, claim, claim_uid, delete }) => {
                self.give_up_devices(&namespace, &claim, &claim_uid, delete).await
            }
            // These two are not sent here: see `Task::Extend` and `EventRecorder`.
            Request::Extend { .. } | Request::Emit(_) => Ok(()),
        };
        done.map(|()| Reply::Done)
    }

    /// Writes the condition `DisruptionTarget` of the victim, then deletes it.
    async fn evict(&self, victim: &PodRef, message: &str) -> Result<(), Failure> {
        let path = pod_path(&victim.namespace, &victim.name);
        let answer = self.api.get(&path).await;
        let json = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
        judge(answer)?;
        let found = Metadata::of(&json);
        if found.uid != *victim.uid {
            return Err(Failure {
                kind: FailureKind::Gone,
                message: format!("{victim} was replaced by another pod of the same name"),
            });
        }
        let body = body::disruption(victim, message, found.generation, now());
        self.ask(Method::PATCH, &format!("{path}/status"), STRATEGIC_MERGE, body).await?;
        self.ask(Method::DELETE, &path, JSON, body::deletion(victim)).await
    }

    /// Sends a request, and retries while the API server is overloaded.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        self.ask_for(method, path, content_type, body).await.map(drop)
    }

    /// As [`Actor::ask`], for the body of the answer.
    async fn ask_for(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Bytes, Failure> {
        let mut tries = 0;
        loop {
            // Checked before every request: the lease may expire between two of them.
            if !self.lease_guard.holds() {
                return Err(not_leading());
            }
            let answer = self.api.ask(method.clone(), path, content_type, body.clone()).await;
            match &answer {
                Ok(answer) if answer.is_busy() && tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1).clamp(1, 30)))
                        .await;
                }
                _ => {
                    let body = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
                    return judge(answer).map(|()| body);
                }
            }
        }
    }
}

fn not_leading() -> Failure {
    Failure { kind: FailureKind::Refused, message: "this scheduler is not the leader any more".to_owned() }
}

fn pod_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", segment(namespace), segment(name))
}

fn now() -> String {
    crate::clock::seconds(crate::clock::unix_micros())
}
