//! No input makes the reader panic, run out of stack, or grow beyond measure.

use proptest::prelude::*;

use super::{pod_yaml, wrong};
use crate::{Decoder, Loader};

fn read(bytes: &[u8]) {
    let mut loader = Loader::new();
    loader.read("in", bytes);
    let _ = loader.finish().map_err(|problems| problems.to_string());
}

#[test]
fn deep_nesting_is_refused_and_costs_no_stack() {
    let deep = 100_000;
    let pod = pod_yaml("");
    let texts = [
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a: {}", "[".repeat(deep)),
        format!("a: {}{}", "[".repeat(deep), "]".repeat(deep)),
        "- ".repeat(deep),
        (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        format!(r#"{{"kind":"List","apiVersion":"v1","items":{}{}}}"#, "[".repeat(deep), "]".repeat(deep)),
        format!("{}1{}", r#"{"kind":"List","apiVersion":"v1","items":["#.repeat(deep), "]}".repeat(deep)),
        pod.replace("image: i", &format!("image: {}{}", "[".repeat(100), "]".repeat(100))),
    ];
    for text in texts {
        let problems = wrong(&text);
        assert!(!problems.is_empty(), "{}", &text[..60.min(text.len())]);
    }
    let mismatch = format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":{}{}}}}}"#,
        "[".repeat(deep),
        "]".repeat(deep)
    );
    assert!(wrong(&mismatch)[0].contains("metadata.name"), "{:?}", wrong(&mismatch));
}

#[test]
fn the_deepest_yaml_that_is_read_fits_the_stack_of_a_test() {
    let depth = 120;
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {}{}\n",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    assert_eq!(wrong(&text), Vec::<String>::new());
}

#[test]
fn aliases_do_not_explode() {
    let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in ('a'..'m').zip('b'..'n') {
        let aliases = vec![format!("*{from}"); 10].join(", ");
        text.push_str(&format!("{to}: &{to} [{aliases}]\n"));
    }
    assert!(wrong(&text)[0].contains("aliases make the document many times larger"), "{:?}", wrong(&text));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(3000));
    assert!(wrong(&long)[0].contains("aliases make the document many times larger"), "{:?}", wrong(&long));
}

#[test]
fn an_object_of_many_megabytes_is_refused_unread() {
    let containers = "{},".repeat(4 << 20);
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"x"}},"spec":{{"containers":[{containers}{{}}]}}}}"#
    );
    let problems = wrong(&text);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("no object of more than 3 MiB"), "{problems:?}");
}

#[test]
fn endless_problems_end_the_reading() {
    let problems = wrong(&"---\nx\n".repeat(200_000));
    assert_eq!(problems.len(), 1000);
}

/// Valid manifests that mutations start from.
fn seeds() -> Vec<String> {
    let full = "nodeSelector: {a: b}, priority: 5, tolerations: [{key: a, operator: Exists}], affinity: {podAffinity: \
                {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z, labelSelector: {matchLabels: {a: b}}}]}}, \
                topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule}], volumes: \
                [{name: v, persistentVolumeClaim: {claimName: c}}], overhead: {cpu: 1m}";
    let json = r#"{"apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"a":"b"},
        "creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"1"},
        "limits":{"cpu":2.5}},"ports":[{"containerPort":80}]}]},"status":{"phase":"Running","conditions":[]}},
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"NoExecute"}]},
        "status":{"allocatable":{"cpu":"4"},"images":[{"names":["a"],"sizeBytes":5}]}}],"kind":"List"}"#;
    vec![
        pod_yaml(full),
        json.to_owned(),
        format!("{}---\n{json}", pod_yaml("")),
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: \
         {labels: {a: b}}, spec: {containers: [{name: c}]}}, volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: \
         [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}\n"
            .to_owned(),
    ]
}

#[test]
fn the_seeds_of_the_mutations_are_valid() {
    for seed in seeds() {
        assert_eq!(wrong(&seed), Vec::<String>::new(), "{seed}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
        let _ = Decoder::new().object(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn text_of_yaml_and_json_signs_never_panics(text in "[-a1:{}\\[\\],\"'&*!|>%#\n ?~.\\\\]{0,200}") {
        read(text.as_bytes());
    }

    #[test]
    fn a_damaged_manifest_never_panics(
        seed in 0usize..4,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, "\\PC{0,8}"), 1..5),
    ) {
        let mut bytes = seeds()[seed].clone().into_bytes();
        for (at, length, new) in cuts {
            let start = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new.into_bytes());
        }
        read(&bytes);
    }

    #[test]
    fn a_value_of_the_wrong_type_anywhere_is_a_problem_or_harmless(
        path in 0usize..8,
        value in prop::sample::select(vec!["null", "true", "1", "-1.5e300", "\"x\"", "[]", "[1]", "{}", "{\"a\":[{}]}"]),
    ) {
        let keys = ["metadata", "spec", "status", "spec.containers", "spec.affinity", "status.conditions", "spec.volumes", "kind"];
        let (outer, inner) = keys[path].split_once('.').unwrap_or((keys[path], ""));
        let value = if inner.is_empty() { value.to_owned() } else { format!("{{\"{inner}\":{value}}}") };
        read(format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a"}},"{outer}":{value}}}"#).as_bytes());
    }
}
