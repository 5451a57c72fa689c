//! Allocations in the words of the corpus.

use berth_model::device::{
    AllocatedDevice, Allocation, AllocationConfig, DeviceTaintEffect, DeviceToleration, ResourceClaim,
};
use berth_model::selector::{NodeSelector, Operator, Requirement};
use serde_json::{Map, Value, json};

/// What a claim got.
pub fn allocation(claim: &ResourceClaim, allocation: &Allocation) -> Value {
    let mut fields = Map::new();
    fields.insert("claim".into(), format!("{}/{}", claim.namespace, claim.name).into());
    fields.insert("results".into(), allocation.results.iter().map(result).collect());
    if !allocation.config.is_empty() {
        fields.insert("config".into(), allocation.config.iter().map(config).collect());
    }
    if let Some(selector) = &allocation.node_selector {
        fields.insert("nodeSelector".into(), node_selector(selector));
    }
    Value::Object(fields)
}

fn result(result: &AllocatedDevice) -> Value {
    let mut fields = Map::new();
    fields.insert("request".into(), (&*result.request).into());
    fields.insert("driver".into(), (&*result.device.driver).into());
    fields.insert("pool".into(), (&*result.device.pool).into());
    fields.insert("device".into(), (&*result.device.device).into());
    if result.admin_access {
        fields.insert("adminAccess".into(), true.into());
    }
    if result.share_id.is_some() {
        fields.insert("shareIDPresent".into(), true.into());
    }
    if !result.consumed_capacity.is_empty() {
        let consumed = result
            .consumed_capacity
            .iter()
            .map(|(name, amount)| (name.to_string(), json!(amount.to_string())));
        fields.insert("consumedCapacity".into(), Value::Object(consumed.collect()));
    }
    if !result.tolerations.is_empty() {
        fields.insert("tolerations".into(), result.tolerations.iter().map(toleration).collect());
    }
    let lists = [
        ("bindingConditions", &result.binding_conditions),
        ("bindingFailureConditions", &result.binding_failure_conditions),
    ];
    for (name, conditions) in lists.into_iter().filter(|(_, conditions)| !conditions.is_empty()) {
        fields.insert(name.into(), conditions.iter().map(|condition| Value::from(&**condition)).collect());
    }
    Value::Object(fields)
}

fn toleration(toleration: &DeviceToleration) -> Value {
    let mut fields = Map::new();
    fields.insert("operator".into(), if toleration.exists { "Exists" } else { "Equal" }.into());
    for (name, value) in [("key", &toleration.key), ("value", &toleration.value)] {
        if !value.is_empty() {
            fields.insert(name.into(), (&**value).into());
        }
    }
    if let Some(effect) = &toleration.effect {
        let effect = match effect {
            DeviceTaintEffect::None => "None",
            DeviceTaintEffect::NoSchedule => "NoSchedule",
            DeviceTaintEffect::NoExecute => "NoExecute",
            DeviceTaintEffect::Other(name) => name,
        };
        fields.insert("effect".into(), effect.into());
    }
    if let Some(seconds) = toleration.seconds {
        fields.insert("tolerationSeconds".into(), seconds.into());
    }
    Value::Object(fields)
}

fn config(config: &AllocationConfig) -> Value {
    let parameters: Value = serde_json::from_str(&config.opaque.parameters).unwrap_or(Value::Null);
    let mut fields = Map::new();
    fields.insert("source".into(), if config.from_class { "FromClass" } else { "FromClaim" }.into());
    if !config.requests.is_empty() {
        fields.insert("requests".into(), config.requests.iter().map(|name| Value::from(&**name)).collect());
    }
    fields.insert("opaque".into(), json!({ "driver": &*config.opaque.driver, "parameters": parameters }));
    Value::Object(fields)
}

fn node_selector(selector: &NodeSelector) -> Value {
    let terms = selector.terms.iter().map(|term| {
        let mut fields = Map::new();
        for (name, requirements) in [("matchExpressions", &term.expressions), ("matchFields", &term.fields)] {
            if !requirements.is_empty() {
                fields.insert(name.into(), requirements.iter().map(requirement).collect());
            }
        }
        Value::Object(fields)
    });
    json!({ "nodeSelectorTerms": terms.collect::<Value>() })
}

fn requirement(requirement: &Requirement) -> Value {
    let operator = match requirement.operator {
        Operator::In => "In",
        Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
        Operator::Gt => "Gt",
        Operator::Lt => "Lt",
    };
    let mut fields = Map::new();
    fields.insert("key".into(), (&*requirement.key).into());
    fields.insert("operator".into(), operator.into());
    if !requirement.values.is_empty() {
        fields
            .insert("values".into(), requirement.values.iter().map(|value| Value::from(&**value)).collect());
    }
    Value::Object(fields)
}

/// Gives tolerations in upstream's answer the operator that is the default.
pub fn with_defaults(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            if let Some(Value::Array(tolerations)) = fields.get_mut("tolerations") {
                for toleration in tolerations.iter_mut().filter_map(Value::as_object_mut) {
                    toleration.entry("operator").or_insert_with(|| "Equal".into());
                }
            }
            fields.values_mut().for_each(with_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(with_defaults),
        _ => {}
    }
}
