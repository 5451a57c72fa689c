//! Whatever the bytes, reading them ends in a configuration or an error.

use berth_config::parse;
use proptest::collection::vec;
use proptest::prelude::*;

const HEADER: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

/// Words that have a meaning in a configuration, so that chance gets past the first field.
const WORDS: [&str; 54] = [
    "profiles",
    "plugins",
    "pluginConfig",
    "args",
    "name",
    "weight",
    "enabled",
    "disabled",
    "multiPoint",
    "filter",
    "score",
    "queueSort",
    "bind",
    "extenders",
    "managedResources",
    "tlsConfig",
    "caData",
    "httpTimeout",
    "leaderElection",
    "leaseDuration",
    "clientConnection",
    "qps",
    "parallelism",
    "NodeResourcesFit",
    "Random",
    "LeastLoad",
    "BestFit",
    "WeightedLeastLoad",
    "PodTopologySpread",
    "NodeAffinity",
    "DynamicResources",
    "GangScheduling",
    "EBSLimits",
    "scoringStrategy",
    "resources",
    "shape",
    "requestedToCapacityRatio",
    "type",
    "addedAffinity",
    "defaultConstraints",
    "maxSkew",
    "nodeSelectorTerms",
    "matchExpressions",
    "operator",
    "values",
    "filterTimeout",
    "defaultWeight",
    "weightLabel",
    "'*'",
    "-1",
    "1e300",
    "~",
    ".nan",
    "99999999999999999999h",
];

fn value() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS.to_vec()).prop_map(ToOwned::to_owned);
    word.clone().prop_recursive(6, 40, 4, move |inner| {
        let entry = (word.clone(), inner.clone()).prop_map(|(k, v)| format!("{k}: {v}"));
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(entry, 0..4).prop_map(|entries| format!("{{{}}}", entries.join(", "))),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn arbitrary_text_after_a_header_never_panics(text in "[ -~\\n]{0,200}") {
        let _ = parse(format!("{HEADER}{text}").as_bytes());
    }

    #[test]
    fn a_recorded_configuration_with_bytes_changed_never_panics(
        line in 0..200_usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let answers = include_str!("upstream/answers.jsonl");
        let answer: serde_json::Value = serde_json::from_str(answers.lines().nth(line).unwrap()).unwrap();
        let mut bytes = answer["config"].as_str().unwrap().as_bytes().to_vec();
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let _ = parse(&bytes);
    }

    #[test]
    fn words_in_any_order_never_panic(
        fields in vec((prop::sample::select(WORDS[..24].to_vec()), value()), 0..4),
    ) {
        let body: String = fields.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        if let Err(error) = parse(format!("{HEADER}{body}").as_bytes()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
