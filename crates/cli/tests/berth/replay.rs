//! `berth replay` of simulated histories: they are recordings as those of a running scheduler are.

use std::path::PathBuf;

use berth_faults::plan::Plan;
use berth_faults::world::World;

use crate::fixture::{berth_in, folder};

/// Of each of some histories the process that received most, as files.
fn recordings(test: &str) -> (PathBuf, Vec<String>) {
    let folder = folder(test);
    let names = (0..10).map(|seed| {
        let (_, recorded) = World::record(Plan::draw(seed), None);
        let name = format!("{seed}.rec");
        let longest = recorded.into_iter().max_by_key(|recorded| recorded.bytes.len());
        std::fs::write(folder.join(&name), longest.unwrap().bytes).unwrap();
        name
    });
    let names = names.collect();
    (folder, names)
}

#[test]
fn a_simulated_history_is_replayed_stopped_explained_and_played_under_another_configuration() {
    let (folder, names) = recordings("simulated");
    let other = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n\
                 - plugins: {multiPoint: {disabled: [{name: NodeResourcesFit}]}}\n";
    std::fs::write(folder.join("other.yaml"), other).unwrap();
    let (mut differing, mut with_decisions) = (0, 0);
    for name in names {
        let replay = |flags: &str| {
            let ended = berth_in(&folder, &format!("replay {name} -o json {flags}"), b"");
            assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{name} {flags}");
            ended.json()
        };
        let whole = replay("");
        assert_eq!(whole["identical"], true, "{name}");
        let decisions = whole["decisions"].as_array().unwrap();
        let Some(middle) = decisions.get(decisions.len() / 2) else { continue };
        with_decisions += 1;
        let part = replay(&format!("--until {}", middle["time"].as_str().unwrap()));
        let stopped = part["decisions"].as_array().unwrap().len();
        assert!(stopped > 0 && stopped <= decisions.len(), "{name}: {stopped} of {}", decisions.len());
        let pod = middle["pod"].as_str().unwrap();
        let explained = replay(&format!("--explain {pod}"));
        assert_eq!(explained["kind"], "Explanation", "{name}");
        let compared = replay("--config other.yaml");
        differing += compared["differing"].as_u64().unwrap();
    }
    assert!(with_decisions > 5, "{with_decisions}");
    assert!(differing > 0, "without a look at resources some pod goes elsewhere");
}

#[test]
fn a_damaged_history_is_refused() {
    let (folder, names) = recordings("damaged");
    let file = folder.join(&names[0]);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let ended = berth_in(&folder, &format!("replay {}", names[0]), b"");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("its checksum is wrong"), "{}", ended.stderr);
}
