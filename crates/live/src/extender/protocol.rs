//! The messages of the `extender/v1` protocol.
//!
//! The names of fields begin with capitals, as in Go. Answers may use other capitalization, since Go ignores it.
//!
//! Upstream: `k8s.io/kube-scheduler/extender/v1/types.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_flow::{Answer, NodeVictims, PodRef};
use berth_model::Str;
use berth_watch::Metadata;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Args<'a> {
    pod: &'a RawValue,
    nodes: Option<NodeList<'a>>,
    node_names: Option<&'a [Str]>,
}

#[derive(Serialize)]
struct NodeList<'a> {
    metadata: Empty,
    items: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct Empty {}

/// The arguments of a filter or prioritize call.
pub(crate) fn args(pod: &RawValue, names: &[Str], nodes: &[Arc<RawValue>], only_names: bool) -> Vec<u8> {
    let items = || nodes.iter().map(|node| &**node).collect();
    let args = Args {
        pod,
        nodes: (!only_names).then(|| NodeList { metadata: Empty {}, items: items() }),
        node_names: only_names.then_some(names),
    };
    text(&args)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PreemptionArgs<'a, V: Serialize, M: Serialize> {
    pod: &'a RawValue,
    node_name_to_victims: Option<BTreeMap<&'a str, V>>,
    node_name_to_meta_victims: Option<BTreeMap<&'a str, M>>,
}

#[derive(Serialize)]
struct Victims<P> {
    #[serde(rename = "Pods")]
    pods: Vec<P>,
    #[serde(rename = "NumPDBViolations")]
    violations: i64,
}

#[derive(Serialize, Deserialize)]
struct MetaPod {
    #[serde(rename = "UID", alias = "uid", alias = "Uid")]
    uid: String,
}

/// The arguments of a preempt call, for an extender with its own cache.
pub(crate) fn meta_victims(pod: &RawValue, candidates: &[NodeVictims]) -> Vec<u8> {
    let victims = candidates.iter().map(|candidate| {
        let pods = candidate.victims.iter().map(|victim| MetaPod { uid: victim.uid.to_string() }).collect();
        (&*candidate.node, Victims { pods, violations: candidate.violations })
    });
    let none: Option<BTreeMap<&str, ()>> = None;
    text(&PreemptionArgs {
        pod,
        node_name_to_victims: none,
        node_name_to_meta_victims: Some(victims.collect()),
    })
}

/// The same for an extender without a cache: `pods` are those of all candidates, in order.
pub(crate) fn victims(pod: &RawValue, candidates: &[NodeVictims], pods: &[Box<RawValue>]) -> Vec<u8> {
    let mut pods = pods.iter();
    let victims = candidates.iter().map(|candidate| {
        let pods: Vec<&RawValue> = pods.by_ref().take(candidate.victims.len()).map(|pod| &**pod).collect();
        (&*candidate.node, Victims { pods, violations: candidate.violations })
    });
    let none: Option<BTreeMap<&str, ()>> = None;
    text(&PreemptionArgs {
        pod,
        node_name_to_victims: Some(victims.collect()),
        node_name_to_meta_victims: none,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BindingArgs<'a> {
    pod_name: &'a str,
    pod_namespace: &'a str,
    #[serde(rename = "PodUID")]
    pod_uid: &'a str,
    node: &'a str,
}

/// The arguments of a bind call.
pub(crate) fn binding(pod: &PodRef, node: &str) -> Vec<u8> {
    text(&BindingArgs { pod_name: &pod.name, pod_namespace: &pod.namespace, pod_uid: &pod.uid, node })
}

/// The result of a filter call.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Filtered<'a> {
    #[serde(borrow, alias = "nodes")]
    nodes: Option<NodeItems<'a>>,
    #[serde(alias = "nodeNames", alias = "nodenames")]
    node_names: Option<Vec<String>>,
    #[serde(alias = "failedNodes", alias = "failednodes")]
    failed_nodes: Option<BTreeMap<Str, String>>,
    #[serde(alias = "failedAndUnresolvableNodes", alias = "failedandunresolvablenodes")]
    failed_and_unresolvable_nodes: Option<BTreeMap<Str, String>>,
    #[serde(alias = "error")]
    error: String,
}

#[derive(Debug, Deserialize)]
struct NodeItems<'a> {
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

impl Filtered<'_> {
    /// The answer, if it only names nodes of the call.
    pub(crate) fn answer(self, asked: &[Str], only_names: bool, url: &str) -> Result<Answer, String> {
        if !self.error.is_empty() {
            return Err(self.error);
        }
        let names: Vec<String> = match (self.node_names, self.nodes) {
            (Some(names), _) if only_names => names,
            (_, Some(nodes)) => {
                let items = nodes.items.unwrap_or_default();
                items.into_iter().map(|node| Metadata::of(node.get().as_bytes()).name.into_owned()).collect()
            }
            _ => Vec::new(),
        };
        let known: BTreeMap<&str, &Str> = asked.iter().map(|node| (&**node, node)).collect();
        let mut nodes = Vec::with_capacity(names.len());
        for name in &names {
            let Some(node) = known.get(name.as_str()) else {
                return Err(format!(
                    "extender {url:?} claims a filtered node {name:?} which is not found in the input node list"
                ));
            };
            nodes.push(Str::clone(node));
        }
        Ok(Answer::Filtered {
            nodes,
            failed: self.failed_nodes.unwrap_or_default(),
            unresolvable: self.failed_and_unresolvable_nodes.unwrap_or_default(),
        })
    }
}

/// The score of a node.
#[derive(Debug, Deserialize)]
pub(crate) struct Host {
    #[serde(rename = "Host", alias = "host")]
    pub(crate) host: String,
    #[serde(rename = "Score", alias = "score", default)]
    pub(crate) score: i64,
}

/// The result of a preempt call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Preempted {
    #[serde(
        rename = "NodeNameToMetaVictims",
        alias = "nodeNameToMetaVictims",
        alias = "nodenametometavictims"
    )]
    victims: Option<BTreeMap<String, Option<MetaVictims>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MetaVictims {
    #[serde(rename = "Pods", alias = "pods")]
    pods: Option<Vec<MetaPodAnswer>>,
    #[serde(rename = "NumPDBViolations", alias = "numPDBViolations")]
    violations: i64,
}

#[derive(Debug, Deserialize)]
struct MetaPodAnswer {
    #[serde(rename = "UID", alias = "uid", alias = "Uid", default)]
    uid: String,
}

impl Preempted {
    /// The answer, if it only names candidates of the call.
    pub(crate) fn answer(self, candidates: &[NodeVictims], url: &str) -> Result<Vec<NodeVictims>, String> {
        let mut answer = Vec::new();
        for (node, left) in self.victims.unwrap_or_default() {
            let left = left.unwrap_or_default();
            let Some(asked) = candidates.iter().find(|candidate| *candidate.node == *node) else {
                return Err(format!(
                    "extender {url:?} claims to preempt on node {node}, which is not a candidate"
                ));
            };
            let mut victims = Vec::new();
            for pod in left.pods.unwrap_or_default() {
                let victim = asked.victims.iter().find(|victim| *victim.uid == *pod.uid);
                let unknown = || {
                    format!(
                        "extender {url:?} claims to preempt pod (UID: {}) on node: {node}, but the pod is not found on that node",
                        pod.uid
                    )
                };
                victims.push(victim.ok_or_else(unknown)?.clone());
            }
            answer.push(NodeVictims { node: asked.node.clone(), victims, violations: left.violations });
        }
        Ok(answer)
    }
}

/// The result of a bind call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Bound {
    #[serde(rename = "Error", alias = "error")]
    pub(crate) error: String,
}

/// Serialization of texts and numbers cannot fail.
fn text<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn pod(name: &str) -> PodRef {
        PodRef { namespace: "n".into(), name: name.into(), uid: format!("u-{name}").into() }
    }

    fn check(body: Vec<u8>, expected: &str) {
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn an_extender_gets_names_or_whole_nodes() {
        let (names, nodes) = (["n1".into()], [Arc::from(raw(r#"{"kind":"Node"}"#))]);
        check(args(&raw("{}"), &names, &[], true), r#"{"Pod":{},"Nodes":null,"NodeNames":["n1"]}"#);
        check(
            args(&raw("{}"), &names, &nodes, false),
            r#"{"Pod":{},"Nodes":{"metadata":{},"items":[{"kind":"Node"}]},"NodeNames":null}"#,
        );
        check(binding(&pod("a"), "n1"), r#"{"PodName":"a","PodNamespace":"n","PodUID":"u-a","Node":"n1"}"#);
    }

    #[test]
    fn an_answer_may_only_name_nodes_of_the_call() {
        let asked: [Str; 2] = ["n1".into(), "n2".into()];
        let cases = [
            (r#"{"NodeNames":["n2"],"FailedNodes":{"n1":"full"}}"#, true, Ok(vec!["n2"])),
            (r#"{"nodenames":["n2"],"failedNodes":null}"#, true, Ok(vec!["n2"])),
            (r#"{"Nodes":{"items":[{"metadata":{"name":"n1"}}]}}"#, false, Ok(vec!["n1"])),
            (r#"{}"#, true, Ok(vec![])),
            (r#"{"Error":"broken"}"#, true, Err("broken")),
            (
                r#"{"NodeNames":["n3"]}"#,
                true,
                Err(r#"extender "u" claims a filtered node "n3" which is not found in the input node list"#),
            ),
        ];
        for (text, only_names, expected) in cases {
            let answer = serde_json::from_str::<Filtered<'_>>(text).unwrap().answer(&asked, only_names, "u");
            let found = answer.map(|answer| match answer {
                Answer::Filtered { nodes, .. } => nodes,
                other => panic!("no filter's answer: {other:?}"),
            });
            let expected: Result<Vec<Str>, String> =
                expected.map(|nodes| nodes.into_iter().map(Str::from).collect()).map_err(ToOwned::to_owned);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn victims_go_out_and_come_back_by_uid() {
        let candidates =
            [NodeVictims { node: "n1".into(), victims: vec![pod("a"), pod("b")], violations: 1 }];
        check(
            meta_victims(&raw("{}"), &candidates),
            r#"{"Pod":{},"NodeNameToVictims":null,"NodeNameToMetaVictims":{"n1":{"Pods":[{"UID":"u-a"},{"UID":"u-b"}],"NumPDBViolations":1}}}"#,
        );
        check(
            victims(&raw("{}"), &candidates, &[raw("1"), raw("2")]),
            r#"{"Pod":{},"NodeNameToVictims":{"n1":{"Pods":[1,2],"NumPDBViolations":1}},"NodeNameToMetaVictims":null}"#,
        );
        let read = |text: &str| serde_json::from_str::<Preempted>(text).unwrap().answer(&candidates, "u");
        let left = read(r#"{"NodeNameToMetaVictims":{"n1":{"Pods":[{"UID":"u-b"}],"NumPDBViolations":0}}}"#)
            .unwrap();
        assert_eq!(left, [NodeVictims { node: "n1".into(), victims: vec![pod("b")], violations: 0 }]);
        assert_eq!(read(r#"{"NodeNameToMetaVictims":null}"#), Ok(vec![]));
        assert!(read(r#"{"NodeNameToMetaVictims":{"n1":{"Pods":[{"UID":"x"}]}}}"#).is_err());
        assert!(read(r#"{"NodeNameToMetaVictims":{"n9":{}}}"#).is_err());
    }
}
