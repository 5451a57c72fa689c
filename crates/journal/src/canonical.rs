//! Actions as bytes that depend on nothing but their values: no compiler, no word size, no library version.
//!
//! Each value has one encoding: a variant is one byte, a number eight bytes (little endian), a text or a list its
//! length and its contents, an optional value one byte before it. So different actions have different bytes. The
//! numbers of the variants are part of the format of recordings: a new variant gets a new number, and no number is used
//! again.

use berth_devices::extended::RequestMapping;
use berth_engine::effect::DeviceReservation;
use berth_flow::{Action, Call, Condition, Event, NodeVictims, PodRef, Request, Write};
use berth_model::device::{Consumer, ResourceClaim};
use berth_model::object::Object;

/// Appends an action.
pub(crate) fn action(out: &mut Vec<u8>, action: &Action) {
    let Action { ticket, request } = action;
    number(out, ticket.0);
    match request {
        Request::Bind { pod, node } => {
            out.push(1);
            pod_ref(out, pod);
            text(out, node);
        }
        Request::SetStatus { pod, condition, nominated_node } => {
            out.push(2);
            pod_ref(out, pod);
            optional(out, condition.as_ref(), self::condition);
            optional(out, nominated_node.as_deref(), text);
        }
        Request::Evict { victim, message } => {
            out.push(3);
            pod_ref(out, victim);
            text(out, message);
        }
        Request::Write(Write::BindVolume { volume, namespace, claim, claim_uid, reserved }) => {
            out.push(4);
            [volume, namespace, claim, claim_uid].into_iter().for_each(|part| text(out, part));
            out.push((*reserved).into());
        }
        Request::Write(Write::SelectNode { namespace, claim, node }) => {
            out.push(5);
            [namespace, claim, node].into_iter().for_each(|part| text(out, part));
        }
        Request::Extend { extender, call } => {
            out.push(6);
            number(out, *extender as u64);
            self::call(out, call);
        }
        Request::Emit(event) => {
            out.push(7);
            self::event(out, event);
        }
        Request::Write(Write::ReserveDevices(reservation)) => {
            out.push(8);
            self::reservation(out, reservation);
        }
        Request::Write(Write::MakeDeviceClaim(made)) => {
            out.push(9);
            claim(out, &made.claim);
            list(out, &made.mappings, |out, RequestMapping { container, resource, request }| {
                [container, resource, request].into_iter().for_each(|part| text(out, part));
            });
        }
        Request::Write(Write::GiveUpDevices { namespace, claim, claim_uid, delete }) => {
            out.push(10);
            [namespace, claim, claim_uid].into_iter().for_each(|part| text(out, part));
            out.push((*delete).into());
        }
    }
}

fn reservation(out: &mut Vec<u8>, reservation: &DeviceReservation) {
    let DeviceReservation { namespace, claim, claim_uid, allocation, consumer } = reservation;
    let Consumer { api_group, resource, name, uid } = consumer;
    [namespace, claim, api_group, resource, name, uid].into_iter().for_each(|part| text(out, part));
    out.push(allocation.is_some().into());
    if allocation.is_some() {
        self::claim(out, &ResourceClaim { allocation: allocation.clone(), ..ResourceClaim::default() });
    }
    text(out, claim_uid);
}

/// A claim as manifests have it: equal claims have one text.
fn claim(out: &mut Vec<u8>, claim: &ResourceClaim) {
    text(out, &berth_wire::encode(&Object::ResourceClaim(Box::new(claim.clone()))));
}

fn call(out: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Filter { pod, nodes } => {
            out.push(1);
            pod_ref(out, pod);
            list(out, nodes, |out, node| text(out, node));
        }
        Call::Prioritize { pod, nodes } => {
            out.push(2);
            pod_ref(out, pod);
            list(out, nodes, |out, node| text(out, node));
        }
        Call::Preempt { pod, candidates } => {
            out.push(3);
            pod_ref(out, pod);
            list(out, candidates, |out, NodeVictims { node, victims, violations }| {
                text(out, node);
                list(out, victims, pod_ref);
                signed(out, *violations);
            });
        }
        Call::Bind { pod, node } => {
            out.push(4);
            pod_ref(out, pod);
            text(out, node);
        }
    }
}

fn condition(out: &mut Vec<u8>, condition: &Condition) {
    let Condition { reason, message, generation, again } = condition;
    text(out, reason);
    text(out, message);
    signed(out, *generation);
    out.push((*again).into());
}

fn event(out: &mut Vec<u8>, event: &Event) {
    let Event { regarding, related, warning, reason, action, note, reporter } = event;
    pod_ref(out, regarding);
    optional(out, related.as_ref(), pod_ref);
    out.push((*warning).into());
    [reason, action, note.as_str(), reporter].into_iter().for_each(|part| text(out, part));
}

fn pod_ref(out: &mut Vec<u8>, pod: &PodRef) {
    let PodRef { namespace, name, uid } = pod;
    [namespace, name, uid].into_iter().for_each(|part| text(out, part));
}

fn optional<T: ?Sized>(out: &mut Vec<u8>, value: Option<&T>, write: fn(&mut Vec<u8>, &T)) {
    out.push(value.is_some().into());
    if let Some(value) = value {
        write(out, value);
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    number(out, items.len() as u64);
    items.iter().for_each(|item| write(out, item));
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn signed(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&number.to_le_bytes());
}
