//! Carries out what the flow decides: many requests in flight, one at a time for each pod.

mod body;
mod failure;
mod order;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use berth_flow::{
    Action, Answer as Reply, Call, Failure, FailureKind, Input, PodRef, Request, Ticket, Write,
};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Method;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::client::{Api, JSON, STRATEGIC_MERGE};
use crate::extender::{Errand, Extenders};
use crate::message::Inbox;
use crate::reign::Reign;
use crate::watch::{Metadata, escape};
pub(crate) use failure::judge;
use order::{Order, Subject};

/// How many requests are in flight at most, events and extenders not counted.
const IN_FLIGHT: usize = 32;
/// How often a request is sent again that the API server was too busy for.
const BUSY_TRIES: u32 = 10;

type Outcome = Result<Reply, Failure>;

/// Something to carry out.
#[derive(Debug)]
pub(crate) enum Task {
    /// A request to the API server.
    Act(Action),
    /// A question for an extender.
    Extend(Ticket, Errand),
}

/// Who carries out.
pub(crate) struct Actor {
    pub(crate) api: Api,
    pub(crate) reign: Arc<Reign>,
    pub(crate) extenders: Arc<Extenders>,
    pub(crate) inbox: Inbox,
    /// How many requests are in flight.
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Actor {
    /// Runs until there is nothing left to do, and nobody is there to ask for more.
    pub(crate) async fn run(self, mut tasks: UnboundedReceiver<Task>) {
        let actor = Arc::new(self);
        let mut order = Order::default();
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
                    // Nobody is there to be told when the process ends.
                    let _ = actor.inbox.input(Input::Reply(ticket, outcome));
                }
                task = tasks.recv(), if open => match task {
                    Some(Task::Act(action)) => order.push(action),
                    Some(Task::Extend(ticket, errand)) => actor.extend(ticket, errand),
                    None => open = false,
                },
                else => return,
            }
        }
    }

    /// Extenders take as long as they like, and what waits for them waits by itself.
    fn extend(self: &Arc<Self>, ticket: Ticket, errand: Errand) {
        let actor = Arc::clone(self);
        tokio::spawn(async move {
            let may_not = matches!(errand.call, Call::Bind { .. }) && !actor.reign.holds();
            let outcome =
                if may_not { Err(deposed()) } else { actor.extenders.ask(&actor.api, errand).await };
            // Nobody is there to be told when the process ends.
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
                let path = format!("/api/v1/persistentvolumes/{}", escape(&volume));
                let body = body::volume(&namespace, &claim, &claim_uid, reserved);
                self.ask(Method::PATCH, &path, STRATEGIC_MERGE, body).await
            }
            Request::Write(Write::SelectNode { namespace, claim, node }) => {
                let path = format!(
                    "/api/v1/namespaces/{}/persistentvolumeclaims/{}",
                    escape(&namespace),
                    escape(&claim)
                );
                self.ask(Method::PATCH, &path, STRATEGIC_MERGE, body::selected_node(&node)).await
            }
            // Both go another way: see `Task` and the recorder of events.
            Request::Extend { .. } | Request::Emit(_) => Ok(()),
        };
        done.map(|()| Reply::Done)
    }

    /// Says why the victim goes, then deletes it.
    async fn evict(&self, victim: &PodRef, message: &str) -> Result<(), Failure> {
        let path = pod_path(&victim.namespace, &victim.name);
        let answer = self.api.get(&path).await;
        let json = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
        judge(answer)?;
        let found = Metadata::of(std::str::from_utf8(&json).unwrap_or_default());
        if found.uid != *victim.uid {
            return Err(Failure { kind: FailureKind::Gone, message: format!("{victim} is another pod now") });
        }
        let body = body::disruption(victim, message, found.generation, now());
        self.ask(Method::PATCH, &format!("{path}/status"), STRATEGIC_MERGE, body).await?;
        self.ask(Method::DELETE, &path, JSON, body::deletion(victim)).await
    }

    /// Asks until the API server has time.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            // Asked before every request: the lease may run out between two of them.
            if !self.reign.holds() {
                return Err(deposed());
            }
            let answer = self.api.ask(method.clone(), path, content_type, body.clone()).await;
            match &answer {
                Ok(answer) if answer.is_busy() && tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1).clamp(1, 30)))
                        .await;
                }
                _ => return judge(answer),
            }
        }
    }
}

fn deposed() -> Failure {
    Failure { kind: FailureKind::Refused, message: "this scheduler does not lead any more".to_owned() }
}

fn pod_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", escape(namespace), escape(name))
}

fn now() -> String {
    crate::clock::seconds(crate::clock::unix_micros())
}
