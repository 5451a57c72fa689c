//! Requests between schedulers and the server: slow, refused, done without an answer.

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::effect::{DeviceReservation, NewDeviceClaim, ReservationError};
use berth_flow::{Action, Answer, Call, Failure, FailureKind, Input, PodRef, Request, Ticket, Write};
use berth_model::Str;
use berth_model::device::ResourceClaim;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::ScheduledCondition;
use berth_model::volume::{BOUND_BY_CONTROLLER, ClaimRef, SELECTED_NODE, Volume};

use crate::plan::Fault;
use crate::server::Server;
use crate::world::FaultRng;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Refused,
    /// It is carried out, and the answer is lost.
    LostAnswer,
    LostRequest,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Which process sent it.
    pub instance: usize,
    /// What the answer refers to.
    pub ticket: Ticket,
    /// What it asks for.
    pub request: Request,
    fate: Fate,
}

/// All requests in flight, by the step in which they arrive.
#[derive(Debug, Default)]
pub struct Network {
    pending: BTreeMap<(usize, u64), Pending>,
    sent: u64,
    /// Events that were recorded.
    pub events: u64,
}

impl Network {
    /// Sends a request.
    pub fn send(&mut self, step: usize, instance: usize, action: Action, rng: &mut FaultRng) {
        if matches!(action.request, Request::Emit(_)) {
            self.events += 1;
            return;
        }
        let slow = if rng.strikes(Fault::SlowRequest) { rng.random.usize(10..60) } else { 0 };
        let of_extender = matches!(action.request, Request::Extend { .. });
        let fate = if rng.strikes(Fault::Refused) || of_extender && rng.strikes(Fault::ExtenderFails) {
            Fate::Refused
        } else if rng.strikes(Fault::LostAnswer) {
            Fate::LostAnswer
        } else if rng.strikes(Fault::LostRequest) {
            Fate::LostRequest
        } else {
            Fate::Answered
        };
        self.sent += 1;
        let due = step + slow + rng.random.usize(0..3);
        let pending = Pending { instance, ticket: action.ticket, request: action.request, fate };
        self.pending.insert((due, self.sent), pending);
    }

    /// Whether no request is in flight.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// The requests in flight.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }

    /// The next request that arrives in this step.
    pub fn arrive(&mut self, step: usize) -> Option<Pending> {
        let first = *self.pending.keys().next()?;
        (first.0 <= step).then(|| self.pending.remove(&first)).flatten()
    }
}

impl Pending {
    /// Carries the request out at the server. Returns the answer.
    pub fn carry_out(&self, server: &mut Server) -> Input {
        let lost =
            || Err(Failure { kind: FailureKind::Unknown, message: "context deadline exceeded".to_owned() });
        let refused = || {
            Err(Failure { kind: FailureKind::Refused, message: "etcdserver: too many requests".to_owned() })
        };
        let outcome = match self.fate {
            Fate::Answered => carry_out(&self.request, server),
            Fate::Refused => refused(),
            Fate::LostRequest => lost(),
            Fate::LostAnswer => {
                let _ = match &self.request {
                    // Its two writes can be parted: the claim is there, and has no devices.
                    Request::Write(Write::MakeDeviceClaim(made)) if server.version().is_multiple_of(2) => {
                        make_device_claim(server, made).map(|_| Answer::Done)
                    }
                    request => carry_out(request, server),
                }; // the answer is lost
                lost()
            }
        };
        Input::Reply(self.ticket, outcome)
    }

    /// Whether the server carries the request out.
    pub fn is_done(&self) -> bool {
        matches!(self.fate, Fate::Answered | Fate::LostAnswer)
    }
}

fn carry_out(request: &Request, server: &mut Server) -> Result<Answer, Failure> {
    let done = match request {
        Request::Bind { pod, node } => server.bind(pod, node),
        Request::SetStatus { pod, condition, nominated_node } => {
            let condition = condition.as_ref().map(|condition| ScheduledCondition {
                status: "False".into(),
                reason: condition.reason.into(),
                message: condition.message.as_str().into(),
            });
            server.patch_status(pod, condition, nominated_node.clone())
        }
        Request::Evict { victim, .. } => match evict(victim, server) {
            Err(failure) if failure.kind == FailureKind::Gone => Ok(()),
            outcome => outcome,
        },
        Request::Write(Write::BindVolume { volume, namespace, claim, claim_uid, .. }) => reserve(
            server,
            volume,
            &ClaimRef { namespace: namespace.clone(), name: claim.clone(), uid: claim_uid.clone() },
        ),
        Request::Write(Write::SelectNode { namespace, claim, node }) => {
            select(server, namespace, claim, node)
        }
        Request::Write(Write::ReserveDevices(reservation)) => reserve_devices(server, reservation),
        Request::Write(Write::MakeDeviceClaim(made)) => {
            make_device_claim(server, made).and_then(|uid| reserve_devices(server, &made.reservation(&uid)))
        }
        Request::Write(Write::GiveUpDevices { namespace, claim, claim_uid, delete }) => {
            give_up_devices(server, (namespace, claim, claim_uid), *delete)
        }
        Request::Extend { call, .. } => return Ok(answer(call)),
        Request::Emit(_) => Ok(()),
    };
    done.map(|()| Answer::Done)
}

fn evict(victim: &PodRef, server: &mut Server) -> Result<(), Failure> {
    server.change_pod(victim, |manifest| manifest.pod.preempted = true)?;
    server.delete_pod(victim)
}

fn reserve(server: &mut Server, volume: &Str, claim: &ClaimRef) -> Result<(), Failure> {
    let key = ObjectKey { kind: Kind::Volume, namespace: "".into(), name: volume.clone() };
    let failure = |kind, message: &str| Err(Failure { kind, message: message.to_owned() });
    let Some(Object::Volume(found)) = server.get(&key) else {
        return failure(FailureKind::Gone, "not found");
    };
    if found.claim.as_ref().is_some_and(|held| held != claim) {
        return failure(FailureKind::Conflict, "the volume is reserved for another claim");
    }
    let mut changed: Volume = found.clone();
    changed.claim = Some(claim.clone());
    changed.annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
    server.put(Object::Volume(changed));
    Ok(())
}

fn select(server: &mut Server, namespace: &Str, claim: &Str, node: &Str) -> Result<(), Failure> {
    let key = ObjectKey { kind: Kind::Claim, namespace: namespace.clone(), name: claim.clone() };
    let Some(Object::Claim(found)) = server.get(&key) else {
        return Err(Failure { kind: FailureKind::Gone, message: "not found".to_owned() });
    };
    let mut changed = found.clone();
    changed.annotations.insert(SELECTED_NODE.into(), node.clone());
    server.put(Object::Claim(changed));
    Ok(())
}

fn give_up_devices(
    server: &mut Server,
    (namespace, name, uid): (&Str, &Str, &Str),
    delete: bool,
) -> Result<(), Failure> {
    let key = ObjectKey { kind: Kind::ResourceClaim, namespace: namespace.clone(), name: name.clone() };
    let mut claim = match server.get(&key) {
        Some(Object::ResourceClaim(found)) if found.uid == *uid => found.clone(),
        _ => return Ok(()),
    };
    if delete {
        server.remove(&key);
        return Ok(());
    }
    claim.release(|_| false);
    server.put(Object::ResourceClaim(claim));
    Ok(())
}

/// Makes the claim for the extended resources of a pod, unless it is there. Returns its uid.
fn make_device_claim(server: &mut Server, made: &NewDeviceClaim) -> Result<Str, Failure> {
    let ResourceClaim { namespace, name, .. } = &made.claim;
    let key = ObjectKey { kind: Kind::ResourceClaim, namespace: namespace.clone(), name: name.clone() };
    if let Some(Object::ResourceClaim(found)) = server.get(&key) {
        return Ok(found.uid.clone());
    }
    let uid = server.uid();
    server.put(Object::ResourceClaim(Box::new(made.created(uid.clone()))));
    Ok(uid)
}

fn reserve_devices(server: &mut Server, wanted: &DeviceReservation) -> Result<(), Failure> {
    let found = match server.get(&wanted.object()) {
        Some(Object::ResourceClaim(found)) if found.uid == wanted.claim_uid => found,
        _ => return Err(Failure { kind: FailureKind::Gone, message: "not found".to_owned() }),
    };
    let changed = wanted.write_into(found).map_err(|error| {
        let kind = match error {
            ReservationError::OtherDevices => FailureKind::Conflict,
            ReservationError::NoDevices => FailureKind::Refused,
        };
        Failure { kind, message: error.message().to_owned() }
    })?;
    if changed != **found {
        server.put(Object::ResourceClaim(Box::new(changed)));
    }
    Ok(())
}

/// The extender's answer. It depends only on the call.
fn answer(call: &Call) -> Answer {
    let likes = |pod: &PodRef, node: &str| {
        !(pod.name.len() + node.bytes().map(usize::from).sum::<usize>()).is_multiple_of(3)
    };
    match call {
        Call::Filter { pod, nodes } => {
            let kept: BTreeSet<Str> = nodes.iter().filter(|node| likes(pod, node)).cloned().collect();
            let failed = nodes.iter().filter(|node| !kept.contains(*node));
            Answer::Filtered {
                failed: failed.map(|node| (node.clone(), "no licence".to_owned())).collect(),
                nodes: kept.into_iter().collect(),
                unresolvable: BTreeMap::new(),
            }
        }
        Call::Prioritize { nodes, .. } => {
            Answer::Scores(nodes.iter().zip(0..).map(|(node, at)| (node.clone(), at % 11)).collect())
        }
        Call::Preempt { candidates, .. } => Answer::Victims(candidates.clone()),
        Call::Bind { .. } => Answer::Done,
    }
}
