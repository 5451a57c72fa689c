//! The example of an extender answers what its configuration asks.

use std::path::Path;

use anyhow::Result;

use super::text;

const CONFIGURATION: &str = "examples/extender/scheduler.yaml";
const PROGRAM: &str = "examples/extender/extender.py";

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let configuration = berth_config::parse(text(root, CONFIGURATION)?.as_bytes())?;
    let program = text(root, PROGRAM)?;
    let mut problems =
        configuration.warnings.iter().map(|w| format!("{CONFIGURATION}: {w}")).collect::<Vec<_>>();
    for extender in &configuration.extenders {
        for verb in
            [&extender.filter_verb, &extender.prioritize_verb, &extender.preempt_verb, &extender.bind_verb]
        {
            if !verb.is_empty() && !program.contains(&format!("\"/{verb}\"")) {
                problems.push(format!("{CONFIGURATION}: {PROGRAM} has no verb {verb}"));
            }
        }
        let port = extender.url_prefix.rsplit(':').next().unwrap_or_default();
        if !program.contains(&format!("else {port}\n")) {
            problems.push(format!("{CONFIGURATION}: {PROGRAM} does not listen on {port}"));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::{Value, json};

    use super::*;
    use crate::tree;

    /// What the program's functions say, as the lines of a document each; nothing where there is no Python.
    fn asked(args: &Value) -> Option<Vec<Value>> {
        let script = "import json, sys, extender\n\
                      args = json.loads(sys.argv[1])\n\
                      for verb in ('/filter', '/prioritize'):\n    print(json.dumps(extender.VERBS[verb](args)))";
        let folder = tree::root().join("examples/extender");
        let mut python = Command::new("python3");
        python.args(["-B", "-c", script, &args.to_string()]).current_dir(folder);
        let said = python.output().ok().filter(|said| said.status.success())?;
        String::from_utf8_lossy(&said.stdout).lines().map(|line| serde_json::from_str(line).ok()).collect()
    }

    #[test]
    fn the_example_keeps_pods_off_nodes_about_to_be_serviced_and_prefers_cheap_ones() -> Result<()> {
        let node =
            |name: &str, annotations: Value| json!({"metadata": {"name": name, "annotations": annotations}});
        let nodes = [
            node("serviced", json!({"example.com/maintenance": "2020-01-01T00:00:00+00:00"})),
            node("cheap", json!({"example.com/hourly-price": "0.2"})),
            node("dear", json!({"example.com/hourly-price": "0.7"})),
            json!({"metadata": {"name": "free"}}),
        ];
        let Some(said) = asked(&json!({"Pod": {}, "Nodes": {"items": nodes}})) else { return Ok(()) };
        let failed = json!({"serviced": "node(s) about to be serviced"});
        assert_eq!(said[0], json!({"Nodes": {"items": nodes[1..]}, "FailedAndUnresolvableNodes": failed}));
        let score = |name: &str, score: i64| json!({"Host": name, "Score": score});
        assert_eq!(
            said[1],
            json!([score("serviced", 10), score("cheap", 7), score("dear", 0), score("free", 10)])
        );
        Ok(())
    }
}
