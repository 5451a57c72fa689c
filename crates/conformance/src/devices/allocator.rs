//! One call of the device allocator: allocations, errors, and how many steps the search took.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use berth_devices::NodeView;
use berth_devices::allocator::{Found, Inventory, allocate};
use berth_devices::selectors::Selectors;
use berth_devices::state::AllocatedState;
use berth_model::Str;
use berth_model::device::{DeviceClass, ResourceClaim, ResourceSlice};
use berth_model::labels::Labels;
use berth_model::object::Object;
use berth_wire::Decoder;
use serde::Deserialize;
use serde_json::Value;

use super::shown;
use crate::family::Tally;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    node: Node,
    classes: Vec<Value>,
    slices: Vec<Value>,
    allocated_claims: Vec<Value>,
    claims: Vec<Value>,
    expected: Value,
}

#[derive(Deserialize)]
struct Node {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<Str, Str>,
}

/// Allocates for the claims of a line and compares all that upstream answered.
///
/// # Errors
/// When the line is no case, or an object cannot be read.
pub fn run(line: &str) -> Result<Tally> {
    let case: Case = serde_json::from_str(line)?;
    let classes: BTreeMap<Str, DeviceClass> =
        objects(&case.classes, class)?.into_iter().map(|class| (class.name.clone(), class)).collect();
    let slices = objects(&case.slices, slice)?;
    let mut state = AllocatedState::default();
    for claim in objects(&case.allocated_claims, claim)? {
        if let Some(allocation) = &claim.allocation {
            state.add(allocation);
        }
    }
    let claims = objects(&case.claims, claim)?;
    let labels: Labels = case.node.metadata.labels.into_iter().collect();
    let node = NodeView { name: &case.node.metadata.name, labels: &labels };
    let slices: Vec<&ResourceSlice> = slices.iter().collect();
    let selectors = Selectors::default();
    let inventory = Inventory { classes: &classes, slices: &slices, state: &state, selectors: &selectors };
    let wanted: Vec<&ResourceClaim> = claims.iter().collect();
    let found = answer(&allocate(&inventory, node, &wanted), &wanted);
    let mut expected = case.expected;
    shown::with_defaults(&mut expected);
    let mut tally = Tally { scenarios: 1, answers: 1, ..Tally::default() };
    if found != expected {
        tally.mismatches = 1;
        tally.shown.push(format!("{}\n      upstream {expected}\n      berth    {found}", case.name));
    }
    Ok(tally)
}

fn answer(found: &Found, claims: &[&ResourceClaim]) -> Value {
    let mut fields = serde_json::Map::new();
    match &found.allocations {
        Ok(Some(allocations)) => {
            let all = claims
                .iter()
                .zip(allocations)
                .map(|(claim, allocation)| shown::allocation(claim, allocation));
            fields.insert("allocations".into(), all.collect());
        }
        Ok(None) => {
            fields.insert("none".into(), true.into());
        }
        Err(error) => {
            fields.insert("error".into(), error.text.as_str().into());
            if error.node_local {
                fields.insert("nodeLocal".into(), true.into());
            }
        }
    }
    fields.insert("steps".into(), found.steps.into());
    Value::Object(fields)
}

fn objects<T>(texts: &[Value], take: fn(Object) -> Option<T>) -> Result<Vec<T>> {
    let mut decoder = Decoder::new();
    let mut read = |value: &Value| {
        let object = decoder.object(&value.to_string()).map_err(|problems| anyhow!("{problems}"))?;
        object.and_then(take).ok_or_else(|| anyhow!("{} is not expected here", value["kind"]))
    };
    texts.iter().map(&mut read).collect()
}

fn class(object: Object) -> Option<DeviceClass> {
    match object {
        Object::DeviceClass(class) => Some(class),
        _ => None,
    }
}

fn slice(object: Object) -> Option<ResourceSlice> {
    match object {
        Object::ResourceSlice(slice) => Some(slice),
        _ => None,
    }
}

fn claim(object: Object) -> Option<ResourceClaim> {
    match object {
        Object::ResourceClaim(claim) => Some(*claim),
        _ => None,
    }
}
