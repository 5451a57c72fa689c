//! One selector over one device: the result, the texts of errors, the cost.

use anyhow::{Result, anyhow};
use berth_devices::cel::{Selector, enhanced};
use berth_model::object::Object;
use berth_wire::Decoder;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::Tally;

#[derive(Deserialize)]
struct Case {
    name: String,
    expression: String,
    device: Value,
    expected: Answer,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Answer {
    matches: Option<bool>,
    compile_error: Option<String>,
    runtime_error: Option<String>,
    reported: Option<String>,
    cost: Option<u64>,
    cost_varies: bool,
}

/// Evaluates the selector of a line and compares all that upstream said.
///
/// # Errors
/// When the line is no case, or its device cannot be read.
pub fn run(line: &str) -> Result<Tally> {
    let Case { name, expression, device, expected } = serde_json::from_str(line)?;
    let found = answer(&expression, device, expected.cost_varies)?;
    let mut tally = Tally { scenarios: 1, answers: 1, ..Tally::default() };
    if found != expected {
        tally.mismatches = 1;
        tally
            .shown
            .push(format!("{name} {expression}\n      upstream {expected:?}\n      berth    {found:?}"));
    }
    Ok(tally)
}

fn answer(expression: &str, mut device: Value, cost_varies: bool) -> Result<Answer> {
    let selector = match Selector::compile(expression) {
        Ok(selector) => selector,
        Err(text) => return Ok(Answer { compile_error: Some(text), ..Answer::default() }),
    };
    let fields = device.as_object_mut().ok_or_else(|| anyhow!("the device is no object"))?;
    let driver =
        fields.remove("driver").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    fields.insert("name".to_owned(), json!("device"));
    // Upstream's own table has a device with names that no API server would take; the selector does not look at them.
    if let Some(Value::Object(attributes)) = fields.get_mut("attributes") {
        *attributes = std::mem::take(attributes)
            .into_iter()
            .map(|(name, value)| (name.replace("xxxxxxxx", "x").replace("x-", "x_"), value))
            .collect();
    }
    // A selector may see a device without driver, which no slice can have.
    let spec = json!({
        "driver": if driver.is_empty() { "none.example.com" } else { &driver },
        "pool": { "name": "pool", "resourceSliceCount": 1 },
        "allNodes": true,
        "devices": [device],
    });
    let slice = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": { "name": "slice" },
        "spec": spec,
    });
    let read = Decoder::new().object(&slice.to_string()).map_err(|problems| anyhow!("{problems}"))?;
    let Some(Object::ResourceSlice(slice)) = read else { anyhow::bail!("not a slice") };
    let device = slice.devices.first().ok_or_else(|| anyhow!("no device"))?;
    let answer = selector.matches(&driver, device);
    let cost = answer.cost.filter(|_| !cost_varies);
    Ok(match answer.result {
        Ok(matches) => Answer { matches: Some(matches), cost, cost_varies, ..Answer::default() },
        Err(text) => Answer {
            reported: Some(enhanced(&text)),
            runtime_error: Some(text),
            cost,
            cost_varies,
            ..Answer::default()
        },
    })
}
