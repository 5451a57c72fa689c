//! Every object of the golden corpus is read without a word.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use berth_model::object::Object;

use crate::{Decoder, Loader};
use flate2::read::GzDecoder;
use serde_json::value::RawValue;

#[derive(serde::Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) objects: Vec<Box<RawValue>>,
    pub(super) pending: Vec<Box<RawValue>>,
}

pub(super) fn scenarios() -> impl Iterator<Item = Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/golden");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    // Calls of the device allocator and selectors are no scenarios.
    let is_scenarios = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".gz") && !name.starts_with("allocator.") && !name.starts_with("cel.")
    };
    files.retain(|path| is_scenarios(path));
    files.sort();
    assert!(!files.is_empty(), "no corpus in {}", folder.display());
    files.into_iter().flat_map(|path| {
        let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    })
}

#[test]
fn every_object_of_the_corpus_is_read_without_problem_or_warning() {
    let mut count = 0;
    for scenario in scenarios() {
        let mut loader = Loader::new();
        for object in scenario.objects.iter().chain(&scenario.pending) {
            loader.read_json_object(&scenario.name, object.get());
            count += 1;
        }
        match loader.finish() {
            Ok((manifests, warnings)) => {
                let odd: Vec<_> =
                    warnings.iter().filter(|warning| !warning.message.contains("has ended")).collect();
                assert!(odd.is_empty(), "{warnings}");
                assert!(manifests.pods.len() >= scenario.pending.len());
            }
            Err(problems) => panic!("{}:\n{problems}", scenario.name),
        }
    }
    assert!(count > 20_000, "only {count} objects");
}

#[test]
fn an_object_reads_alike_alone_in_a_list_and_as_yaml() {
    for scenario in scenarios().step_by(17).take(12) {
        let texts: Vec<&str> =
            scenario.objects.iter().chain(&scenario.pending).map(|object| object.get()).collect();
        let mut decoder = Decoder::new();
        let alone: Vec<String> = texts
            .iter()
            .filter_map(|text| match decoder.object(text).unwrap() {
                Some(Object::Pod(pod)) if !pod.finished => Some(format!("{pod:?}")),
                _ => None,
            })
            .collect();
        let list = format!(r#"{{"apiVersion":"v1","items":[{}],"kind":"List"}}"#, texts.join(","));
        let yaml = format!("---\n{}\n", texts.join("\n---\n"));
        for text in [list, yaml] {
            let mut loader = Loader::new();
            loader.read("all", text.as_bytes());
            let (manifests, _) = loader.finish().unwrap();
            let loaded: Vec<String> =
                manifests.pods.iter().map(|entry| format!("{:?}", entry.value)).collect();
            assert!(loaded == alone, "{}", scenario.name);
        }
    }
}
