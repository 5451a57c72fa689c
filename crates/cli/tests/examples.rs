//! What comes of the examples: they are what a new user tries first.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs `berth` where the README's commands are run.
fn berth(args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command.args(args.split_whitespace()).current_dir(root()).output().expect("berth can be run")
}

/// The document that a simulation prints, and its exit code. Nothing may be said on stderr.
fn simulate(args: &str) -> (Value, Option<i32>) {
    let output = berth(&format!("simulate -o json -f examples/cluster.yaml {args}"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
    let document = serde_json::from_slice(&output.stdout).expect("JSON on stdout");
    (document, output.status.code())
}

/// The nodes of the pods whose names begin so.
fn nodes_of<'a>(document: &'a Value, prefix: &str) -> Vec<&'a str> {
    let placements = document["placements"].as_array().map_or(&[][..], Vec::as_slice);
    let ours = placements.iter().filter(|p| p["name"].as_str().is_some_and(|n| n.starts_with(prefix)));
    ours.filter_map(|p| p["node"].as_str()).collect()
}

/// The zones of nodes, sorted; the last part of a node's name begins with its zone.
fn zones(nodes: &[&str]) -> Vec<char> {
    let letter = |node: &&str| node.rsplit('-').next()?.chars().next();
    let mut zones: Vec<char> = nodes.iter().filter_map(letter).collect();
    zones.sort_unstable();
    zones
}

#[test]
fn the_cluster_alone_leaves_nothing_to_do() {
    let (document, code) = simulate("");
    assert_eq!(code, Some(0));
    assert_eq!(document["summary"]["nodes"], 12);
    assert_eq!(document["summary"]["placed"], 0);
    assert_eq!(document["summary"]["pending"], 0);
}

#[test]
fn the_whole_shop_fits() {
    let (document, code) = simulate("-f examples/shop");
    assert_eq!(code, Some(0));
    assert_eq!(document["summary"]["placed"], 47);
    assert_eq!(document["summary"]["pending"], 0);
    assert_eq!(document["summary"]["evicted"], 0);
}

#[test]
fn the_shop_is_where_its_manifests_want_it() {
    let (document, _) = simulate("-f examples/shop");
    for (app, wanted) in [("web-", "aabbcc"), ("checkout-", "abc"), ("orders-db-", "abc"), ("search-", "abc")]
    {
        let found: String = zones(&nodes_of(&document, app)).into_iter().collect();
        assert_eq!(found, wanted, "{app}");
    }
    let agents = nodes_of(&document, "log-shipper-");
    assert_eq!(agents.len(), 12, "one on every node, the cordoned one too");
    assert!(nodes_of(&document, "image-resizer-").iter().all(|node| *node == "spot-b1"));
    assert!(!nodes_of(&document, "payments-").contains(&"spot-b1"));
    let mut payments = zones(&nodes_of(&document, "payments-"));
    payments.dedup();
    assert_eq!(payments.len(), 2, "two zones");
}

#[test]
fn the_training_takes_a_notebooks_gpu_and_eight_gpus_are_nowhere() {
    let (document, code) = simulate("-f examples/ml");
    assert_eq!(code, Some(1));
    assert_eq!(nodes_of(&document, "train-vision-"), ["gpu-b1", "gpu-a1"]);
    assert_eq!(document["summary"]["evicted"], 1);
    assert_eq!(document["evicted"][0]["name"], "notebook-ana-0");
    assert_eq!(nodes_of(&document, "notebook-ana-0"), ["gpu-c1"], "it comes back where a GPU is left");
    let pending = document["pending"].as_array().map_or(0, Vec::len);
    assert_eq!(pending, 1);
    assert_eq!(document["pending"][0]["name"], "finetune-llm-0");
    let message = document["pending"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("9 Insufficient nvidia.com/gpu"), "{message}");
}

#[test]
fn without_preemption_the_second_trainer_waits_too() {
    let (document, code) = simulate("-f examples/ml --no-preemption --allow-pending");
    assert_eq!(code, Some(0));
    assert_eq!(document["summary"]["evicted"], 0);
    assert_eq!(document["summary"]["pending"], 2);
}

#[test]
fn every_algorithm_places_the_shop_and_says_the_same_twice() {
    for algorithm in ["greedy", "random", "least-load", "best-fit", "weighted-least-load"] {
        let args = format!("-f examples/shop --algorithm {algorithm}");
        let (document, code) = simulate(&args);
        assert_eq!(code, Some(0), "{algorithm}");
        assert_eq!(document["summary"]["pending"], 0, "{algorithm}");
        assert_eq!(simulate(&args).0, document, "{algorithm}");
    }
}

#[test]
fn the_fast_path_decides_the_examples_as_the_scan_does() {
    let (_, code) = simulate("-f examples/shop -f examples/ml --verify --allow-pending");
    assert_eq!(code, Some(0));
}

#[test]
fn every_pod_that_claims_gpus_gets_its_own() {
    let output = berth("simulate -o json -f examples/gpus");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON on stdout");
    assert_eq!(document["summary"]["placed"], 16);
    let placements = document["placements"].as_array().map_or(&[][..], Vec::as_slice);
    let devices = |placement: &Value| -> Vec<String> {
        let devices = placement["devices"].as_array().cloned().unwrap_or_default();
        devices.iter().map(|device| format!("{}/{}", device["pool"], device["device"])).collect()
    };
    let mut all: Vec<String> = placements.iter().flat_map(devices).collect();
    let counts: Vec<usize> = placements.iter().map(|placement| devices(placement).len()).collect();
    let with_five = counts.iter().filter(|count| **count == 5).count();
    assert_eq!(with_five, 9, "each training pod has four GPUs and a network card: {counts:?}");
    all.sort();
    let had = all.len();
    all.dedup();
    assert_eq!(had - all.len(), 1, "the notebooks share one GPU, and no other is had twice");
}
