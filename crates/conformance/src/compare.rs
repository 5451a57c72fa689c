//! What differs between two answers, in lines that a person can read.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::scenario::Answer;

/// Every difference between upstream's answer and ours. Empty: the answers are equal.
pub fn differences(expected: &Answer, found: &Answer) -> Vec<String> {
    let mut out = Vec::new();
    field(&mut out, "pod", &expected.pod, &found.pod);
    field(&mut out, "preEnqueue", &expected.pre_enqueue, &found.pre_enqueue);
    field(&mut out, "preFilter", &expected.pre_filter, &found.pre_filter);
    map(&mut out, "rejected", &expected.rejected, &found.rejected);
    field(&mut out, "absent", &expected.absent, &found.absent);
    map(&mut out, "scores", &expected.scores, &found.scores);
    field(&mut out, "best", &expected.best, &found.best);
    field(&mut out, "node", &expected.node, &found.node);
    field(&mut out, "message", &expected.message, &found.message);
    field(&mut out, "preemption", &expected.preemption, &found.preemption);
    field(&mut out, "errors", &expected.errors, &found.errors);
    field(&mut out, "allocations", &expected.allocations, &found.allocations);
    let extended = (&expected.extended_resource_claim, &found.extended_resource_claim);
    field(&mut out, "extendedResourceClaim", extended.0, extended.1);
    field(&mut out, "postFilter", &expected.post_filter, &found.post_filter);
    out
}

/// Of a large scenario upstream recorded only the pod, its node and the message.
pub fn brief_differences(expected: &Answer, found: &Answer) -> Vec<String> {
    let mut out = Vec::new();
    field(&mut out, "pod", &expected.pod, &found.pod);
    field(&mut out, "node", &expected.node, &found.node);
    field(&mut out, "message", &expected.message, &found.message);
    out
}

fn field<T: PartialEq + Debug>(out: &mut Vec<String>, name: &str, expected: &T, found: &T) {
    if expected != found {
        out.push(format!("{name}\n      upstream {expected:?}\n      berth    {found:?}"));
    }
}

fn map<T: PartialEq + Debug>(
    out: &mut Vec<String>,
    name: &str,
    expected: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) {
    for (node, value) in expected {
        match found.get(node) {
            Some(other) => field(out, &format!("{name}[{node}]"), value, other),
            None => out.push(format!("{name}[{node}]\n      upstream {value:?}\n      berth    absent")),
        }
    }
    for (node, value) in found.iter().filter(|(node, _)| !expected.contains_key(*node)) {
        out.push(format!("{name}[{node}]\n      upstream absent\n      berth    {value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_score_a_missing_node_and_another_choice_are_each_named() {
        let mut expected = Answer { node: "n1".into(), ..Answer::default() };
        expected.scores.insert("n1".into(), BTreeMap::from([("total".into(), 7)]));
        expected.scores.insert("n2".into(), BTreeMap::new());
        let mut found = Answer { node: "n2".into(), ..Answer::default() };
        found.scores.insert("n1".into(), BTreeMap::from([("total".into(), 8)]));
        let text = differences(&expected, &found).join("\n");
        for part in ["scores[n1]", "scores[n2]", "node\n"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert!(differences(&expected, &expected).is_empty());
    }
}
