//! Input that cannot be used: every problem in a line of its own, exit code 2, no panic.

use expect_test::expect;

use crate::fixture::{Ended, berth, berth_in, cluster, folder};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

/// The run must end with 2, print nothing to stdout, and every line of stderr must begin as they do.
fn refused(ended: &Ended, what: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{what}: {ended:#?}");
    let begins = |line: &str| ["error: ", "hint: ", "warning: "].iter().any(|word| line.starts_with(word));
    assert!(!ended.stderr.is_empty() && ended.stderr.lines().all(begins), "{what}: {ended:#?}");
}

#[test]
fn each_problem_names_file_document_object_field_and_what_was_found() {
    let container = |requests: &str| {
        format!("{POD}spec: {{containers: [{{name: c, image: i, resources: {{requests: {requests}}}}}]}}\n")
    };
    let cases = [
        ("broken YAML", "a: [1,\n".to_string()),
        ("a wrong type", format!("{POD}spec: {{priority: high, containers: [{{name: c, image: i}}]}}\n")),
        ("an impossible quantity", container("{cpu: 1x}")),
        ("a negative request", container("{memory: -1Gi}")),
        ("an unknown operator", format!("{POD}spec: {{tolerations: [{{key: k, operator: Like}}], containers: [{{name: c, image: i}}]}}\n")),
        ("a selector that does not parse", "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {selector: {matchExpressions: [{key: k, operator: Near}]}}\n".into()),
        ("an empty file", String::new()),
        ("no object", "just words\n".into()),
        ("no kind", "apiVersion: v1\nmetadata: {name: p}\n".into()),
        ("broken JSON", "{\"apiVersion\": \"v1\",".into()),
    ];
    let mut out = String::new();
    for (case, text) in cases {
        let ended = berth("simulate -f -", &text);
        refused(&ended, case);
        out += &format!("# {case}\n{}", ended.stderr);
    }
    expect![[r##"
        # broken YAML
        error: stdin: broken YAML at line 1, column 4: unclosed bracket '['
        # a wrong type
        error: stdin: Pod default/p: spec.priority: found "high", expected an integer: leave out the quotes
        # an impossible quantity
        error: stdin: Pod default/p: spec.containers[0].resources.requests.cpu: found "1x", but a quantity ends in one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3
        # a negative request
        error: stdin: Pod default/p: spec.containers[0].resources.requests.memory: found -1073741824, expected a quantity that is not negative
        # an unknown operator
        error: stdin: Pod default/p: spec.tolerations[0].operator: found "Like", expected one of Equal, Exists
        # a selector that does not parse
        error: stdin: PodDisruptionBudget default/b: spec.selector.matchExpressions[0].operator: found "Near", expected one of In, NotIn, Exists, DoesNotExist
        error: stdin: PodDisruptionBudget default/b: spec.selector.matchExpressions[0].values: missing; the operators In and NotIn need at least one value
        # an empty file
        error: stdin: empty; expected Kubernetes objects in YAML or JSON
        # no object
        error: stdin: not a Kubernetes object: apiVersion and kind are missing
        # no kind
        error: stdin: not a Kubernetes object: kind is missing
        # broken JSON
        error: stdin: broken JSON: EOF while parsing a value at line 1 column 20
    "##]].assert_eq(&out);
}

#[test]
fn several_problems_are_reported_together() {
    let folder = folder("several_problems");
    std::fs::write(folder.join("bad.yaml"), "apiVersion: v1\nkind: Pod\n").unwrap();
    std::fs::write(folder.join("good.yaml"), cluster("node n1 4 8Gi")).unwrap();
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::fs::write(folder.join("binary.json"), b"\xff\xfe\x00\x01").unwrap();
    std::fs::write(folder.join("latin.yaml"), b"name: sp\xe4ti\n").unwrap();
    let ended = berth_in(
        &folder,
        "simulate -f missing.yaml -f good.yaml -f bad.yaml -f empty -f binary.json -f latin.yaml -f - -f -",
        cluster("node n1 4 8Gi").as_bytes(),
    );
    refused(&ended, "several");
    expect![[r#"
        error: missing.yaml: no such file or directory
        error: empty: no .yaml, .yml or .json file in this folder or below it
        error: stdin (-) is given twice, but can be read only once
        error: bad.yaml: Pod (without name): metadata.name: missing; every object needs a name
        error: bad.yaml: Pod (without name): has no spec
        error: binary.json: UTF-16 text; expected UTF-8
        error: latin.yaml: not UTF-8 (byte 9)
    "#]]
    .assert_eq(&ended.stderr);
}

#[test]
fn hostile_input_ends_soon_and_without_panic() {
    let cases = [
        ("nested lists", "[".repeat(200_000)),
        ("nested maps", "{a: ".repeat(100_000)),
        ("nested JSON", "{\"a\":".repeat(100_000)),
        ("indented maps", (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("many documents", "---\na\n".repeat(100_000)),
        ("one long line", "x".repeat(5_000_000)),
        ("aliases of aliases", aliases()),
        ("brackets that do not match", "]}{[\"'&*!|>%@`".repeat(20_000)),
        ("a NUL", "a\0b".into()),
    ];
    for (case, text) in cases {
        for command in ["simulate -f -", "explain web -f -"] {
            refused(&berth(command, &text), case);
        }
    }
    let noise: Vec<u8> = (0..2_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused(&berth_in(&folder("noise"), "simulate -f -", &noise), "noise");
}

/// The billion laughs.
fn aliases() -> String {
    let mut text = "a0: &a0 [x, x]\n".to_string();
    for n in 1..40 {
        text += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
    }
    text
}

#[test]
fn many_problems_are_counted() {
    let text = "---\napiVersion: v1\nkind: Pod\n".repeat(500);
    let ended = berth("simulate -f -", &text);
    refused(&ended, "many");
    assert_eq!(ended.stderr.lines().count(), 21);
    assert!(ended.stderr.lines().last().is_some_and(|line| line.starts_with("error: and ")));
}

#[test]
fn problems_of_a_configuration_have_places_and_paths() {
    let folder = folder("bad_configuration");
    std::fs::write(folder.join("c.yaml"), cluster("node n1 4 8Gi")).unwrap();
    let head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
    let cases = [
        (
            "fields",
            format!(
                "{head}parallelism: 0\nprofiles:\n- schedulerName: ''\n  percentageOfNodesToScore: 101\n"
            ),
        ),
        ("syntax", format!("{head}profiles: [\n")),
        ("another kind", POD.to_string()),
    ];
    let mut out = String::new();
    for (case, text) in cases {
        std::fs::write(folder.join("s.yaml"), text).unwrap();
        let ended = berth_in(&folder, "simulate -f c.yaml --config s.yaml", b"");
        refused(&ended, case);
        out += &format!("# {case}\n{}", ended.stderr);
    }
    let ended = berth_in(&folder, "simulate -f c.yaml --config missing.yaml", b"");
    refused(&ended, "missing");
    out += &format!("# missing\n{}", ended.stderr);
    expect![[r##"
        # fields
        error: s.yaml:3:14: parallelism: Invalid value: 0: should be an integer value greater than zero
        error: s.yaml:5:18: profiles[0].schedulerName: Required value
        error: s.yaml:6:29: profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]
        # syntax
        error: s.yaml:3:11: cannot be read as YAML: unclosed bracket '[' at line 3, column 11
        # another kind
        error: s.yaml: no kind "Pod" is registered for version "v1": only kind "KubeSchedulerConfiguration" of "kubescheduler.config.k8s.io/v1" is read
        # missing
        error: missing.yaml: no such file or directory
    "##]].assert_eq(&out);
}
