//! Every configuration in `answers.jsonl` is loaded here as kube-scheduler 1.37.2 loads it: the same ones are accepted,
//! and resolve to the same plugins, arguments and settings; the others are refused in the same words. The file is
//! written by `oracle/config`; it holds upstream's default first, and of the others what differs from it.

mod rendered;

use berth_config::{Configuration, ProblemKind, find_plugin, parse};
use serde_json::{Map, Value};

/// Configurations of which Berth makes something else than upstream, and why.
const ACCEPTED_HERE: [(&str, &str); 3] = [
    ("comment only", "an empty document is the default"),
    ("type: null document", "an empty document is the default"),
    ("type: anchors", "a field may override the one beside it that a merge key brings"),
];
const REFUSED_HERE: [(&str, &str); 2] = [
    ("two documents", "upstream drops the second in silence"),
    ("two documents, second garbage", "upstream drops the second in silence"),
];
/// Certificates are read when they are first used, by the client that connects.
const NOT_OURS: [&str; 1] = ["extender tls data"];

fn answers() -> Vec<Map<String, Value>> {
    let parse = |line| match serde_json::from_str(line) {
        Ok(Value::Object(answer)) => answer,
        other => panic!("{other:?}: {line}"),
    };
    include_str!("answers.jsonl").lines().map(parse).collect()
}

fn text<'a>(answer: &'a Map<String, Value>, field: &str) -> &'a str {
    answer.get(field).and_then(Value::as_str).unwrap_or("")
}

fn is_listed(list: &[(&str, &str)], name: &str) -> bool {
    list.iter().any(|(n, _)| *n == name)
}

/// Puts what differs into the default.
fn overlay(base: &Value, difference: Option<&Value>) -> Value {
    let mut whole = base.as_object().cloned().unwrap_or_default();
    whole.extend(difference.and_then(Value::as_object).cloned().unwrap_or_default());
    Value::Object(whole)
}

/// No recorded configuration carries certificates.
fn without_data(extenders: &mut Value) {
    for extender in extenders.as_array_mut().into_iter().flatten() {
        for field in ["CertData", "KeyData", "CAData"] {
            if let Some(tls) = extender["TLSConfig"].as_object_mut() {
                tls.remove(field);
            }
        }
    }
}

/// Upstream lists plugins whose feature gate is off; Berth leaves them out.
fn without_gated(points: Value) -> Value {
    let Value::Object(mut points) = points else { return points };
    for list in points.values_mut().filter_map(Value::as_array_mut) {
        let name = |shown: &Value| shown.as_str().and_then(|s| s.split('=').next()).map(ToOwned::to_owned);
        list.retain(|p| name(p).and_then(|n| find_plugin(&n)).is_none_or(|p| p.feature_gate().is_none()));
    }
    points.retain(|_, v| *v != Value::Array(Vec::new()));
    Value::Object(points)
}

#[test]
fn what_upstream_accepts_resolves_to_the_same() {
    let answers = answers();
    let default = &answers[0];
    let base = &default["profiles"]["default-scheduler"];
    let mut count = 0;
    for answer in answers.iter().filter(|a| !a.contains_key("stage")) {
        let name = text(answer, "name");
        if is_listed(&REFUSED_HERE, name) {
            assert!(parse(text(answer, "config").as_bytes()).is_err(), "{name}");
            continue;
        }
        let configuration =
            parse(text(answer, "config").as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut settings = overlay(&default["settings"], answer.get("settings"));
        without_data(&mut settings["Extenders"]);
        assert_eq!(rendered::settings(&configuration), settings, "{name}");
        let profiles = answer["profiles"].as_object().unwrap();
        assert_eq!(configuration.profiles.len(), profiles.len(), "{name}");
        for profile in &configuration.profiles {
            let difference = &profiles[&profile.scheduler_name];
            let points = without_gated(overlay(&base["points"], difference.get("points")));
            assert_eq!(rendered::points(&profile.points), points, "{name}: {}", profile.scheduler_name);
            let mut args = overlay(&base["args"], difference.get("args"));
            // Upstream keeps, and never reads, what is passed to a plugin that takes no arguments.
            args.as_object_mut().unwrap().retain(|plugin, _| base["args"].get(plugin).is_some());
            assert_eq!(rendered::args(&profile.args), args, "{name}: {}", profile.scheduler_name);
        }
        count += 1;
    }
    assert!(count > 80, "only {count} configurations");
}

/// An error of upstream, as Berth puts it.
fn reworded(error: &str) -> String {
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution[0].";
    error.replace(preferred, &format!("{preferred}preference."))
}

#[test]
fn what_upstream_finds_invalid_is_refused_in_the_same_words() {
    let mut count = 0;
    for answer in answers().iter().filter(|a| text(a, "stage") == "validate") {
        let name = text(answer, "name");
        if name == "version internal" {
            assert!(parse(text(answer, "config").as_bytes()).is_err());
            continue;
        }
        let error = parse(text(answer, "config").as_bytes()).expect_err(name);
        let found: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            answer["errors"].as_array().unwrap().iter().filter_map(Value::as_str).map(reworded).collect();
        for error in &expected {
            // Upstream shows an empty map for a repeated name.
            let start = error.strip_suffix("{}").unwrap_or(error);
            let same = |f: &String| if start == error { f == error } else { f.starts_with(start) };
            assert!(found.iter().any(same), "{name}: {error}\nfound {found:#?}");
        }
        // What upstream would find at a later stage is reported along with it.
        let of_validation = |p: &&berth_config::Problem| {
            p.kind != ProblemKind::Plugins && !p.path.contains("args.scoringStrategy")
        };
        assert_eq!(
            error.problems().iter().filter(of_validation).count(),
            expected.len(),
            "{name}: {found:#?}"
        );
        count += 1;
    }
    assert!(count > 30, "only {count} configurations");
}

#[test]
fn what_upstream_cannot_set_up_is_refused_in_the_same_words() {
    let mut count = 0;
    for answer in answers().iter().filter(|a| text(a, "stage") == "build") {
        let name = text(answer, "name");
        let parsed = parse(text(answer, "config").as_bytes());
        if NOT_OURS.contains(&name) {
            assert!(parsed.is_ok(), "{name}");
            continue;
        }
        let error = parsed.expect_err(name);
        let expected = answer["errors"][0].as_str().unwrap();
        match expected.split_once("initializing plugin \"NodeResourcesFit\": ") {
            Some((_, expected)) => {
                let shown = |p: &berth_config::Problem| {
                    p.to_string().replace("profiles[0].pluginConfig[0].args.", "")
                };
                let all: Vec<String> = error.problems().iter().map(shown).collect();
                assert!(all.iter().all(|p| expected.contains(p)), "{name}: {expected}\nfound {all:#?}");
                let length = all.join(", ").len() + if all.len() > 1 { 2 } else { 0 };
                assert_eq!(length, expected.len(), "{name}: {expected}\nfound {all:#?}");
            }
            None => {
                let details: Vec<&str> = error.problems().iter().map(|p| p.detail.as_str()).collect();
                assert!(
                    details.iter().any(|d| expected.ends_with(d)),
                    "{name}: {expected}\nfound {details:#?}"
                );
            }
        }
        count += 1;
    }
    assert!(count > 45, "only {count} configurations");
}

#[test]
fn what_upstream_cannot_read_is_refused() {
    let mut count = 0;
    for answer in answers().iter().filter(|a| text(a, "stage") == "decode") {
        let name = text(answer, "name");
        let parsed = parse(text(answer, "config").as_bytes());
        assert_eq!(parsed.is_ok(), is_listed(&ACCEPTED_HERE, name), "{name}: {parsed:?}");
        count += 1;
    }
    assert!(count > 50, "only {count} configurations");
}

#[test]
fn an_empty_configuration_is_upstreams_default() {
    let header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
    for text in ["", "# nothing\n", header, &format!("---\n{header}---\n")] {
        assert_eq!(parse(text.as_bytes()).unwrap(), Configuration::default(), "{text}");
    }
    assert!(Configuration::default().warnings.is_empty());
}
