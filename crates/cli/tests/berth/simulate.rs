//! `berth simulate`: where pods go, what is printed, and how it ends.

use std::io::Read;

use expect_test::expect;

use crate::fixture::{berth, berth_in, cluster, command, folder};

#[test]
fn the_exit_code_says_whether_pods_wait() {
    let fits = cluster("node n1 4 8Gi\npod a-0 1 1Gi");
    let waits = cluster("node n1 4 8Gi\npod a-0 8 1Gi");
    let cases = [
        ("every pod has a place", "simulate -f -", &fits, 0),
        ("a pod waits", "simulate -f -", &waits, 1),
        ("a pod waits and may", "simulate -f - --allow-pending", &waits, 0),
        ("a pod waits under one of the algorithms", "simulate -f - --compare greedy,random", &waits, 1),
        ("no pod waits under any", "simulate -f - --compare greedy,random", &fits, 0),
        ("the scan decides the same", "simulate -f - --verify", &waits, 1),
    ];
    for (case, arguments, input, code) in cases {
        let ended = berth(arguments, input);
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{case}");
    }
}

#[test]
fn the_table_shows_placements_nodes_evictions_and_what_waits() {
    let input = cluster(
        "node n1 4 8Gi
         node n2 4 8Gi taints: [{key: gpu, value: a100, effect: NoSchedule}]
         pod low-0 3 1Gi nodeName: n1, priority: -5
         pod vip-0 4 1Gi priority: 10
         pod web-0 2 6Gi tolerations: [{key: gpu, operator: Exists}]
         pod big-0 64 1Gi
         pod big-1 64 1Gi",
    );
    let ended = berth("simulate -f -", &input);
    expect![[r#"
        PLACED (2)
          POD            NODE
          default/vip-0  n1
          default/web-0  n2

        NODES (2)
          NODE  STATE    PODS  CPU                  MEMORY
          n1             1/9   ########## 100% 4/4  #---------  12% 1Gi/8Gi
          n2    tainted  1/9   #####-----  50% 2/4  ########--  75% 6Gi/8Gi

        EVICTED (1)
          POD            NODE  FOR
          default/low-0  n1    default/vip-0

        PENDING (2)
          default/big-0, default/big-1
            0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated
            taint(s). preemption: 0/2 nodes are available: 2 Preemption is not helpful
            for scheduling.

        2 nodes, 5 pods: 2 placed, 2 pending, 1 evicted (greedy)
    "#]]
    .assert_eq(&ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn the_comparison_has_a_column_for_each_algorithm() {
    let input = cluster(
        "node n1 4 8Gi
         node n2 4 8Gi
         pod a-0 1 1Gi
         pod a-1 1 1Gi
         pod a-2 1 1Gi",
    );
    let ended = berth("simulate -f - --compare greedy,least-load,best-fit", &input);
    // The times differ from run to run, and with them the width of the columns.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    let stable: String = ended.stdout.lines().filter(|line| !line.contains("time")).map(words).collect();
    expect![[r#"
        greedy least-load best-fit
        placed 3 3 3
        pending 0 0 0
        evicted 0 0 0
        nodes used 2 2 1
        cpu mean 37.5% 37.5% 37.5%
        cpu max 50.0% 50.0% 75.0%
        cpu imbalance 12.5% 12.5% 37.5%
        memory mean 18.8% 18.8% 18.8%
        memory max 25.0% 25.0% 37.5%
        memory imbalance 6.2% 6.2% 18.8%

        2 nodes, 3 pods; imbalance: standard deviation of the nodes' utilization
        2 pods are not on the same node under all algorithms (-o wide names them)
    "#]]
    .assert_eq(&stable);
}

#[test]
fn options_change_what_is_decided() {
    let evicting = cluster("node n1 4 8Gi\npod low-0 3 1Gi nodeName: n1, priority: -5\npod vip-0 4 1Gi");
    let foreign = cluster("node n1 4 8Gi\npod a-0 1 1Gi schedulerName: volcano");
    let spread = cluster("node n1 4 8Gi\nnode n2 8 16Gi\npod a-0 1 1Gi");
    let cases = [
        ("a pod evicts another of lower priority", "", &evicting, "1 placed, 0 pending, 1 evicted"),
        ("unless told not to", "--no-preemption", &evicting, "0 placed, 1 pending"),
        ("a pod of another scheduler waits", "", &foreign, "0 placed, 1 pending"),
        ("unless all schedulers are meant", "--all-schedulers", &foreign, "1 placed, 0 pending"),
        ("greedy prefers the emptier node", "", &spread, "(greedy)"),
        ("an algorithm is named in the result", "--algorithm best-fit", &spread, "(best-fit)"),
    ];
    for (case, options, input, expected) in cases {
        let ended = berth(&format!("simulate -f - {options}"), input);
        assert!(ended.stdout.contains(expected), "{case}: {ended:#?}");
    }
    let node = |algorithm| {
        let document = berth(&format!("simulate -f - -o json --algorithm {algorithm}"), &spread).json();
        document["placements"][0]["node"].as_str().map(str::to_string)
    };
    assert_eq!(node("greedy").as_deref(), Some("n2"));
    assert_eq!(node("best-fit").as_deref(), Some("n1"));
}

#[test]
fn pods_are_spread_over_equal_nodes_unless_the_first_name_is_asked_for() {
    let nodes =
        ["a", "b", "c"].map(|zone| (0..20).map(|n| format!("node {zone}-{n} 4 8Gi\n")).collect::<String>());
    let pods: String = (0..60).map(|n| format!("pod service{n}-0 10m 1Mi\n")).collect();
    let input = cluster(&format!("{}{pods}", nodes.concat()));
    let by_zone = |options: &str| {
        let document = berth(&format!("simulate -f - -o json --verify {options}"), &input).json();
        let placements = document["placements"].as_array().unwrap().clone();
        ["a", "b", "c"].map(|zone| {
            let in_zone = |p: &&serde_json::Value| p["node"].as_str().unwrap().starts_with(zone);
            placements.iter().filter(in_zone).count()
        })
    };
    assert_eq!(by_zone("--tie-break first-name")[2], 0);
    let [a, b, c] = by_zone("");
    assert!(a + b + c == 60 && a.min(b).min(c) > 10, "{a} {b} {c}");
    assert_eq!(by_zone("--tie-break hashed"), [a, b, c]);
}

#[test]
fn a_seed_chooses_and_only_random_takes_one() {
    let lines: String = (0..8)
        .map(|n| format!("node n{n} 4 8Gi\n"))
        .chain((0..8).map(|n| format!("pod a-{n} 1 1Gi\n")))
        .collect();
    let input = cluster(&lines);
    let run = |arguments: &str| berth(&format!("simulate -f - -o json {arguments}"), &input);
    assert_eq!(run("--algorithm random --seed 1").json(), run("--algorithm random --seed 1").json());
    assert_ne!(run("--algorithm random --seed 1").json(), run("--algorithm random --seed 2").json());
    let warning = "warning: --seed has no effect: only the algorithm random uses it\n";
    assert_eq!(run("--seed 1").stderr, warning);
    assert_eq!(run("--seed 1 -q").stderr, "");
}

#[test]
fn files_folders_and_stdin_are_read_together_in_a_fixed_order() {
    let folder = folder("read_together");
    std::fs::create_dir_all(folder.join("apps/deep")).unwrap();
    std::fs::create_dir_all(folder.join("apps/.hidden")).unwrap();
    let write = |name: &str, lines: &str| std::fs::write(folder.join(name), cluster(lines)).unwrap();
    write("cluster.yaml", "node n1 4 8Gi");
    write("apps/b.yml", "pod b-0 100m 1Mi");
    write("apps/deep/c.yaml", "pod c-0 100m 1Mi");
    write("apps/a.yaml", "pod a-0 100m 1Mi");
    write("apps/notes.txt", "pod notes-0 100m 1Mi");
    write("apps/.hidden/a.yaml", "pod a-0 100m 1Mi");
    let stdin = cluster("pod stdin-0 100m 1Mi");
    for arguments in
        ["simulate -f cluster.yaml -f apps -f - -o json", "simulate -f cluster.yaml apps - -o json"]
    {
        let ended = berth_in(&folder, arguments, stdin.as_bytes());
        let document = ended.json();
        let placed = document["placements"].as_array().unwrap();
        let names: Vec<&str> = placed.iter().map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a-0", "b-0", "c-0", "stdin-0"], "{arguments}");
    }
}

#[test]
fn a_configuration_decides_and_what_has_no_effect_is_said() {
    let folder = folder("configuration");
    std::fs::write(folder.join("cluster.yaml"), cluster("node n1 4 8Gi\nnode n2 8 16Gi\npod a-0 1 1Gi"))
        .unwrap();
    let text = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n\
                extenders: [{urlPrefix: 'http://127.0.0.1:1/', filterVerb: filter}]\nprofiles:\n\
                - schedulerName: default-scheduler\n  pluginConfig:\n  - name: NodeResourcesFit\n    args:\n\
                \x20     scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 100}]}\n\
                - schedulerName: second\n";
    std::fs::write(folder.join("scheduler.yaml"), text).unwrap();
    let ended = berth_in(&folder, "simulate -f cluster.yaml --config scheduler.yaml -o json", b"");
    let document = ended.json();
    assert_eq!(document["algorithm"], "default-scheduler, second");
    assert_eq!(document["placements"][0]["node"], "n1");
    assert_eq!(
        ended.stderr,
        "warning: scheduler.yaml: extenders[0] (http://127.0.0.1:1/) is not called in a simulation\n"
    );
    let quiet = berth_in(&folder, "simulate -q -f cluster.yaml --config scheduler.yaml", b"");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn warnings_are_counted_and_can_be_silenced() {
    let input = cluster("node n1 4 8Gi\npod a-0 1 1Gi nodeName: gone\npod a-1 1 1Gi nodeName: gone")
        + "---\napiVersion: example.com/v1\nkind: Boat\nmetadata: {name: b}\n";
    let ended = berth("simulate -f -", &input);
    expect![[r#"
        warning: bound to a node that is not in the input: Pod default/a-0 on gone, Pod default/a-1 on gone (first in stdin:11)
        warning: skipped, kinds that Berth does not know: example.com/v1/Boat (1)
    "#]].assert_eq(&ended.stderr);
    assert_eq!(ended.code, 0);
    assert_eq!(berth("simulate -q -f -", &input).stderr, "");
}

#[test]
fn an_input_without_nodes_or_pods_is_no_error() {
    let cases = [
        ("simulate -f -", cluster("pod a-0 1 1Gi"), 1, "0 nodes, 1 pod: 0 placed, 1 pending (greedy)\n"),
        ("simulate -f -", cluster("node n1 4 8Gi"), 0, "1 node, 0 pods: 0 placed, 0 pending (greedy)\n"),
    ];
    for (arguments, input, code, last) in cases {
        let ended = berth(arguments, &input);
        assert_eq!(ended.code, code);
        assert!(ended.stdout.ends_with(last), "{ended:#?}");
    }
}

#[test]
fn colours_are_for_terminals_only() {
    let input = cluster("node n1 4 8Gi\npod a-0 8 1Gi");
    assert!(!berth("simulate -f -", &input).stdout.contains('\u{1b}'));
    let folder = folder("colours");
    std::fs::write(folder.join("c.yaml"), input).unwrap();
    let forced = |name: &str, value: &str| {
        let mut command = command("simulate -f c.yaml");
        command.current_dir(&folder).env("CLICOLOR_FORCE", "1").env(name, value);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(forced("TERM", "xterm").contains('\u{1b}'));
    assert!(!forced("NO_COLOR", "1").contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let folder = folder("closed_pipe");
    let lines: String = (0..5000).map(|n| format!("node n{n} 4 8Gi\n")).collect();
    std::fs::write(folder.join("c.yaml"), cluster(&lines)).unwrap();
    let mut child = command("simulate -f c.yaml -o json").current_dir(&folder).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn the_short_table_says_what_it_leaves_out_and_wide_leaves_nothing_out() {
    let lines: String = (0..60).map(|n| format!("node n{n} 4 8Gi\npod a-{n} 1 1Gi\n")).collect();
    let input = cluster(&lines);
    let short = berth("simulate -f -", &input).stdout;
    assert_eq!(short.matches("  and 20 more; -o wide shows all\n").count(), 2);
    let wide = berth("simulate -f - -o wide", &input).stdout;
    assert!(!wide.contains("more; -o wide"));
    assert!((0..60).all(|n| wide.contains(&format!("default/a-{n} "))));
    assert!(wide.contains("SCORE"));
}

#[test]
fn a_selection_lists_its_pods_and_counts_all() {
    let input = cluster("node n1 4 8Gi\npod web-0 1 1Gi\npod db-0 1 1Gi\npod big-0 9 1Gi");
    let ended = berth("simulate -f - -l app=web", &input);
    assert_eq!(ended.code, 1, "the pod that is pending counts, shown or not");
    expect![[r#"
        PLACED (1)
          POD            NODE
          default/web-0  n1

        NODES (1)
          NODE  PODS  CPU                  MEMORY
          n1    2/9   #####-----  50% 2/4  ###-------  25% 2Gi/8Gi

        1 node, 3 pods: 2 placed, 1 pending (greedy)
        only pods of this selection are listed: app=web
    "#]]
    .assert_eq(&ended.stdout);
    let document = berth("simulate -f - -l app!=web -n default -o json", &input).json();
    assert_eq!(document["selection"], "namespace default, app notin (web)");
    assert_eq!(document["placements"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["summary"]["placed"], 2);
}

#[test]
fn objects_without_a_namespace_belong_to_the_one_that_is_given() {
    let input = cluster("node n1 4 8Gi\npod web-0 1 1Gi");
    let document = berth("simulate -f - -n shop -o json", &input).json();
    assert_eq!(document["placements"][0]["namespace"], "shop");
}
