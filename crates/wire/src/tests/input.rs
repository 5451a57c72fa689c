//! The forms in which objects come.

use crate::Decoder;

use super::{load, pod, pod_yaml, spec, wrong};

const NODE: &str =
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"NAME"},"status":{"capacity":{"cpu":"1"}}}"#;

fn node(name: &str) -> String {
    NODE.replace("NAME", name)
}

fn names(text: &str) -> Vec<String> {
    let manifests = load(text);
    manifests.nodes.iter().map(|entry| format!("{} {}", entry.value.name, entry.place)).collect()
}

#[test]
fn objects_come_one_by_one_in_lists_and_in_streams() {
    let (a, b) = (node("a"), node("b"));
    let bare = |name: &str| node(name).replace(r#""apiVersion":"v1","kind":"Node","#, "");
    let listed = ["a in, item 1", "b in, item 2"];
    let cases = [
        (format!(r#"{{"apiVersion":"v1","items":[{a},{b}],"kind":"List"}}"#), listed),
        (
            format!(
                r#"{{"kind":"NodeList","apiVersion":"v1","metadata":{{}},"items":[{},{}]}}"#,
                bare("a"),
                bare("b")
            ),
            listed,
        ),
        (format!("[{a},{b}]"), listed),
        (
            format!(
                r#"{{"kind":"List","apiVersion":"v1","items":[{{"kind":"List","apiVersion":"v1","items":[{a}]}},{b}]}}"#
            ),
            listed,
        ),
        (format!("{a}{b}"), ["a in", "b in, document 2"]),
        (format!("\n {a}\n\n{b}\n"), ["a in", "b in, document 2"]),
        (format!("{a}\n---\n{b}"), ["a in", "b in:3"]),
        (format!("---\n{a}\n---\n# nothing\n---\n{b}\n...\n"), ["a in", "b in:6"]),
        (format!("\u{feff}{a}{b}"), ["a in", "b in, document 2"]),
        (format!("# a comment\n--- # another\n{a}\r\n---\r\n{b}"), ["a in", "b in:5"]),
        (format!("%YAML 1.2\n---\n{a}\n---\n{b}"), ["a in", "b in:5"]),
        (format!("apiVersion: v1\nkind: List\nitems:\n- {a}\n- {b}\n"), listed),
    ];
    for (text, expected) in cases {
        assert_eq!(names(&text), expected, "{text}");
    }
    assert!(names(r#"{"kind":"PodList","apiVersion":"v1","items":null}"#).is_empty());
    assert!(names(r#"{"kind":"List","apiVersion":"v1"}"#).is_empty());
}

#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    let labels =
        |labels: &str| pod(&pod_yaml("").replace("name: web", &format!("name: web, labels: {{{labels}}}")));
    let quoted = labels("a: \"1\", b: 'true', c: v1, d: 1.2.3, e: 2026-01-01, f: !!str 5");
    let values: Vec<_> = quoted.pod.spec.labels.iter().map(|(_, value)| value.to_string()).collect();
    assert_eq!(values, ["1", "true", "v1", "1.2.3", "2026-01-01", "5"]);
    for plain in ["1", "1.5", "true", "Yes", "off", "0x1f", "1e3"] {
        assert_eq!(wrong(&pod_yaml(&format!("nodeSelector: {{a: {plain}}}"))).len(), 1, "{plain}");
    }
    for (text, milli) in [("1", 1000), ("0.5", 500), ("1e3", 1_000_000), ("\"250m\"", 250), ("1e-1", 100)] {
        let spec = spec(&pod_yaml(&format!("overhead: {{cpu: {text}}}")));
        assert_eq!(spec.overhead[0].1.milli_value(), milli, "{text}");
    }
    assert_eq!(spec(&pod_yaml("priority: 1e3")).priority, 1000);
}

#[test]
fn null_is_the_same_as_absent() {
    let nulls = pod(&pod_yaml("affinity: null, tolerations: ~, nodeName: null, priority:"));
    assert_eq!(nulls, pod(&pod_yaml("")));
    let created = pod(&pod_yaml("").replace("name: web", "name: web, creationTimestamp: null, labels:"));
    assert_eq!(created.pod.created, None);
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: &l {app: web}}\nspec:\n  nodeSelector:\n    <<: *l\n    disk: ssd\n  containers:\n  - &c {name: a}\n  - {<<: *c, name: b}\n";
    let spec = spec(text);
    assert_eq!((spec.node_selector.len(), spec.containers.len()), (2, 2));
    assert_eq!(&*spec.containers[1].name, "b");
}

#[test]
fn broken_text_is_named_with_its_line_and_spares_other_documents() {
    let text = format!("{}---\nkind: [\n---\n\n\nkind: {{}}\n x: y\n---\n{}", pod_yaml(""), pod_yaml("x: 1"));
    let problems = wrong(&text);
    assert!(problems[0].starts_with("in: broken YAML at line 6, column 7"), "{problems:#?}");
    assert!(problems[1].starts_with("in: broken YAML at line 11,"), "{problems:#?}");
    assert_eq!(problems.len(), 2);
    let json = wrong("{\"apiVersion\": \"v1\",\n \"kind\" \"Pod\"}");
    assert!(json[0].contains("broken JSON: expected `:` at line 2 column"), "{json:#?}");
}

#[test]
fn what_is_no_text_is_refused() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "in: empty; expected Kubernetes objects in YAML or JSON"),
        (b"\n# nothing here\n---\n", "in: empty; expected Kubernetes objects in YAML or JSON"),
        (b"kind: \xff", "in: not UTF-8 (byte 7)"),
        (b"kind: \0", "in: not a text: byte 7 is NUL"),
        (b"\xff\xfek\0", "in: UTF-16 text; expected UTF-8"),
        (
            b"{{ if a }}\nb: {{ c }}\n",
            "in: a template ({{ \u{2026} }}), not a manifest; render it first, for example: helm template \
                                   CHART | berth simulate -f -",
        ),
    ];
    for (bytes, part) in cases {
        let mut loader = crate::Loader::new();
        loader.read("in", bytes);
        let problems = loader.finish().map(|_| ()).unwrap_err().to_string();
        assert_eq!(problems, part);
    }
}

#[test]
fn pods_of_equal_specs_share_one() {
    let pod = |name: &str, volume: &str| {
        pod_yaml(&format!("volumes: [{{name: {volume}, emptyDir: {{}}}}]")).replace("web", name)
    };
    let manifests = load(&format!("{}---\n{}", pod("a", "token-1"), pod("b", "token-2")));
    let specs: Vec<_> = manifests.pods.iter().map(|entry| &entry.value.pod.spec).collect();
    assert!(std::sync::Arc::ptr_eq(specs[0], specs[1]));
}

#[test]
fn an_object_of_a_watch_has_a_key() {
    let cases = [
        (node("a"), "Node a"),
        (r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop"},"spec":{"containers":[{"name":"c"}]}}"#.into(), "Pod shop/p"),
        (r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c"}]}}}}"#.into(), "ReplicaSet default/r"),
    ];
    for (json, expected) in cases {
        let object = Decoder::new().object(&json).unwrap().unwrap();
        let key = object.key();
        assert_eq!((key.to_string().as_str(), key.kind), (expected, object.kind()));
    }
}

#[test]
fn of_a_key_that_occurs_twice_the_last_counts_with_a_warning() {
    let (manifests, warnings) = super::warned(&pod_yaml("priority: 1, priority: 2"));
    assert_eq!(manifests.pods[0].value.pod.spec.priority, 2);
    let text = warnings.to_string();
    assert!(text.starts_with("in: line 4, column "), "{text}");
    assert!(text.ends_with(": the key \"priority\" occurs twice; the last one counts\n"), "{text}");
}

#[test]
fn a_file_of_a_folder_that_holds_no_objects_is_skipped() {
    let mut loader = crate::Loader::new();
    loader.read_from_folder("f/empty.yaml", b"# nothing\n");
    loader.read_from_folder("f/values.yaml", b"replicas: 3\n");
    loader.read_from_folder("f/patch.yaml", b"- op: replace\n  path: /spec\n");
    loader.read_from_folder("f/tsconfig.json", b"{ // a comment\n}");
    loader.read_from_folder("f/node.yaml", node("a").as_bytes());
    let (manifests, warnings) = loader.finish().unwrap();
    assert_eq!(manifests.nodes.len(), 1);
    let expected = "skipped, no Kubernetes objects in: f/values.yaml, f/patch.yaml, f/tsconfig.json\n";
    assert_eq!(warnings.to_string(), expected);
    let mut loader = crate::Loader::new();
    loader.read_from_folder("f/chart.yaml", b"apiVersion: v1\nkind: {{ .Kind }}\n");
    assert!(loader.finish().unwrap_err().to_string().starts_with("f/chart.yaml: a template"));
}

#[test]
fn files_with_variables_are_one_problem() {
    let deployment = |name: &str, replicas: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{replicas: {replicas}, selector: \
             {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c}}]}}}}}}\n"
        )
    };
    let mut loader = crate::Loader::new();
    loader.read("a.yaml", deployment("web", "'${REPLICAS:=3}'").as_bytes());
    loader.read("b.yaml", deployment("'${APP}'", "1").as_bytes());
    loader.read("c.yaml", deployment("'a$'", "1").as_bytes());
    let problems = loader.finish().unwrap_err().to_string();
    let lines: Vec<&str> = problems.lines().collect();
    let [other, variables] = lines.as_slice() else { panic!("{problems}") };
    assert!(other.starts_with("c.yaml: Deployment default/a$: metadata.name: "), "{other}");
    let expected = "a.yaml: has variables (${…}) where values are expected, as is 1 other file; replace them first, for \
                    example: envsubst < FILE | berth simulate -f -, or for Flux: flux build kustomization NAME --path DIR \
                    --kustomization-file FILE --dry-run";
    assert_eq!(*variables, expected);
}

#[test]
fn files_with_placeholders_are_one_problem() {
    let mut loader = crate::Loader::new();
    loader.read("a.yaml", b"{{ if .A }}\n---\nkind: {{ .Kind }}\n---\napiVersion: v1\nkind: Pod\n");
    loader.read(
        "b.yaml",
        b"apiVersion: v1\nkind: Node\nmetadata: {name: 'node-{{id}}', labels: {a: '{{b}}'}}\n",
    );
    loader.read("c.yaml", b"apiVersion: v1\nkind: Node\nmetadata: {name: C, annotations: {a: '{{b}}'}}\n");
    let problems = loader.finish().unwrap_err().to_string();
    let lines: Vec<&str> = problems.lines().collect();
    let [other, template] = lines.as_slice() else { panic!("{problems}") };
    assert!(other.starts_with("c.yaml: Node C: metadata.name: "), "{other}");
    let expected = "a.yaml: a template ({{ … }}), not a manifest, as is 1 other file; render them first, for example: helm \
                    template CHART | berth simulate -f -";
    assert_eq!(*template, expected);
}
