//! Devices: the objects of `resource.k8s.io/v1`.
//!
//! Upstream: `pkg/apis/resource/validation`, `pkg/apis/resource/v1/defaults.go`, with the default feature gates.

mod claim;
mod class;
mod rule;
mod slice;
mod value;

use berth_model::device::{DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice};
use serde::de::DeserializeSeed as _;

use claim::{ClaimTemplateWire, ResourceClaimWire};
use class::ClassWire;
use rule::RuleWire;
use slice::SliceWire;

use crate::context::Context;
use crate::decode::{Decode, Seed};

/// An object of `resource.k8s.io/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceObject {
    /// `DeviceClass`.
    Class(DeviceClass),
    /// `ResourceSlice`.
    Slice(ResourceSlice),
    /// `ResourceClaim`.
    Claim(Box<ResourceClaim>),
    /// `ResourceClaimTemplate`.
    Template(ResourceClaimTemplate),
    /// `DeviceTaintRule`.
    Rule(DeviceTaintRule),
}

/// Reads one object of this kind from JSON.
///
/// # Errors
/// All that is wrong with it, each with its field.
pub fn read(kind: &str, json: &str) -> Result<DeviceObject, Vec<String>> {
    let mut cx = Context::default();
    cx.keep_annotations = true;
    let cx = &mut cx;
    let read = (|| -> serde_json::Result<Option<DeviceObject>> {
        Ok(Some(match kind {
            "DeviceClass" => DeviceObject::Class(wire::<ClassWire>(cx, json)?.finish(cx)),
            "ResourceSlice" => DeviceObject::Slice(wire::<SliceWire>(cx, json)?.finish(cx)),
            "ResourceClaim" => DeviceObject::Claim(Box::new(wire::<ResourceClaimWire>(cx, json)?.finish(cx))),
            "ResourceClaimTemplate" => DeviceObject::Template(wire::<ClaimTemplateWire>(cx, json)?.finish(cx)),
            "DeviceTaintRule" => DeviceObject::Rule(wire::<RuleWire>(cx, json)?.finish(cx)),
            _ => return Ok(None),
        }))
    })();
    let problems: Vec<String> =
        cx.problems.iter().map(|remark| format!("{}: {}", remark.field, remark.message)).collect();
    match read {
        Ok(Some(object)) if problems.is_empty() => Ok(object),
        Ok(Some(_)) => Err(problems),
        Ok(None) => Err(vec![format!("{kind} is no kind of resource.k8s.io/v1")]),
        Err(error) => Err(vec![format!("broken JSON: {error}")]),
    }
}

fn wire<'de, T: Decode<'de>>(cx: &mut Context, json: &'de str) -> serde_json::Result<T> {
    Seed::<T>::new(cx).deserialize(&mut serde_json::Deserializer::from_str(json))
}
