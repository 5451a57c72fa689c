//! What an expression reads of a device: for explanations of why it does not match.

use berth_model::Str;
use berth_model::device::{Attribute, Device};

use super::tree::{Kind, Node};
use super::value::Value;

/// Something that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// `device.driver`.
    Driver,
    /// `device.attributes[domain].id`, or `device.capacity[domain].id`.
    Entry { capacity: bool, domain: String, id: String },
}

/// All that an expression reads, each once, in the order of the text.
pub(super) fn reads(root: &Node) -> Vec<Read> {
    let mut found = Vec::new();
    visit(root, &mut found);
    found
}

fn visit(node: &Node, found: &mut Vec<Read>) {
    if let Some(read) = read(node) {
        if !found.contains(&read) {
            found.push(read);
        }
        return;
    }
    match &node.kind {
        Kind::Literal(_) | Kind::Ident(_) | Kind::Struct(_) => {}
        Kind::Select { operand, .. } => visit(operand, found),
        Kind::Call { target, args, .. } => {
            target.as_deref().into_iter().chain(args).for_each(|node| visit(node, found));
        }
        Kind::List { elements, .. } => elements.iter().for_each(|node| visit(node, found)),
        Kind::Map { entries } => {
            entries.iter().flat_map(|entry| [&entry.key, &entry.value]).for_each(|node| visit(node, found));
        }
        Kind::Fold(fold) => {
            [&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result]
                .into_iter()
                .for_each(|node| visit(node, found));
        }
    }
}

fn read(node: &Node) -> Option<Read> {
    let (operand, id) = selection(node)?;
    if is_device(operand) && id == "driver" {
        return Some(Read::Driver);
    }
    let (table, domain) = selection(operand)?;
    let (device, table) = selection(table)?;
    let capacity = match table.as_str() {
        "attributes" => false,
        "capacity" => true,
        _ => return None,
    };
    is_device(device).then_some(Read::Entry { capacity, domain, id })
}

fn is_device(node: &Node) -> bool {
    matches!(&node.kind, Kind::Ident(name) if name == "device")
}

/// `operand.name`, `operand["name"]`, `operand.?name` or `operand[?"name"]`.
fn selection(node: &Node) -> Option<(&Node, String)> {
    match &node.kind {
        Kind::Select { operand, field, .. } => Some((operand, field.clone())),
        Kind::Call { function, target: None, args }
            if matches!(function.as_str(), "_[_]" | "_[?_]" | "_?._") =>
        {
            let [operand, key] = &args[..] else { return None };
            match &key.kind {
                Kind::Literal(Value::String(name)) => Some((operand, name.to_string())),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Read {
    /// What is read, and what the device has of it, in words.
    pub(super) fn of(&self, driver: &str, device: &Device) -> (String, String) {
        match self {
            Self::Driver => ("driver".to_owned(), driver.to_owned()),
            Self::Entry { capacity, domain, id } => {
                let full = format!("{domain}/{id}");
                let is_named = |name: &Str| **name == *full || (domain == driver && **name == **id);
                let value = if *capacity {
                    let found = device.capacity.iter().find(|(name, _)| is_named(name));
                    found.map(|(_, capacity)| capacity.value.to_string())
                } else {
                    let found = device.attributes.iter().find(|(name, _)| is_named(name));
                    found.map(|(_, attribute)| text(attribute))
                };
                (id.clone(), value.unwrap_or_else(|| "missing".to_owned()))
            }
        }
    }
}

fn text(attribute: &Attribute) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    match attribute {
        Attribute::Int(value) => value.to_string(),
        Attribute::Bool(value) => value.to_string(),
        Attribute::String(value) | Attribute::Version(value) => value.to_string(),
        Attribute::Ints(values) => list(values.iter().map(i64::to_string).collect()),
        Attribute::Bools(values) => list(values.iter().map(bool::to_string).collect()),
        Attribute::Strings(values) | Attribute::Versions(values) => {
            list(values.iter().map(Str::to_string).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selector;
    use super::*;
    use berth_model::device::Capacity;
    use berth_model::quantity::Amount;

    #[test]
    fn an_expression_tells_what_it_reads_of_a_device() {
        let capacity = Capacity { value: Amount::parse("40Gi").unwrap(), policy: None };
        let device = Device {
            attributes: vec![
                ("example.com/numa".into(), Attribute::Int(1)),
                ("model".into(), Attribute::String("a100".into())),
            ],
            capacity: vec![("memory".into(), capacity)],
            ..Device::default()
        };
        let cases = [
            (r#"device.driver == "other""#, "driver=d"),
            (r#"device.attributes["d"].model == "h100""#, "model=a100"),
            (
                r#"device.attributes["d"]["model"] == "h100" || device.attributes["d"].model == "b200""#,
                "model=a100",
            ),
            (r#"device.attributes["example.com"].?numa.orValue(0) > 1"#, "numa=1"),
            (r#"device.capacity["d"].memory.isGreaterThan(quantity("80Gi"))"#, "memory=40Gi"),
            (r#"has(device.attributes["d"].age) && device.attributes["d"].age > 1"#, "age=missing"),
            (r#"["x"].exists(m, m == device.attributes["d"].model)"#, "model=a100"),
            ("false", ""),
        ];
        for (expression, expected) in cases {
            let selector = Selector::compile(expression).unwrap();
            let read = selector.values_read("d", &device);
            let read: Vec<String> = read.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(read.join(" "), expected, "{expression}");
        }
    }
}
