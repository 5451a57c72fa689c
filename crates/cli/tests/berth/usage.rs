//! Help, completions and manual pages, made from one declaration.

use crate::fixture::{berth, folder};

#[test]
fn usage_errors_end_with_two_and_help_with_zero() {
    let cases = [
        ("", 2),
        ("--help", 0),
        ("--version", 0),
        ("simulate --help", 0),
        ("simulate", 2),
        ("simulate -f", 2),
        ("simulate -f - --algorithm fastest", 2),
        ("simulate -f - --compare greedy,fastest", 2),
        ("simulate -f - --compare greedy,greedy", 2),
        ("simulate -f - --compare greedy --algorithm random", 2),
        ("simulate -f - -o xml", 2),
        ("simulate -f - --seed -1", 2),
        ("explain", 2),
        ("explain web", 2),
        ("sail", 2),
    ];
    for (arguments, code) in cases {
        let ended = berth(arguments, "");
        assert_eq!(ended.code, code, "berth {arguments}: {ended:#?}");
        assert_eq!(ended.stdout.is_empty(), code != 0, "berth {arguments}: help is data, complaints are not");
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    for command in ["simulate", "explain", "completions", "man"] {
        let help = berth(&format!("{command} --help"), "").stdout;
        assert!(help.contains("Examples:"), "{command}");
        assert!(help.contains(&format!("berth {command}")), "{command}");
    }
    assert!(berth("--help", "").stdout.contains("Exit codes:"));
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = berth(&format!("completions {shell}"), "");
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{shell}");
        for word in ["simulate", "explain", "compare"] {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn manual_pages_are_printed_or_written() {
    let page = berth("man", "").stdout;
    assert!(page.contains(".TH berth 1"));
    let folder = folder("man").join("man1");
    let ended = berth(&format!("man {}", folder.display()), "");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for name in ["berth", "berth-simulate", "berth-explain", "berth-completions", "berth-man"] {
        let page = std::fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
        assert!(page.contains("berth"), "{name}");
    }
}

#[test]
fn the_declaration_of_the_command_line_is_sound() {
    berth_cli::command().debug_assert();
}

#[test]
fn usage_is_shown_with_shares_and_what_is_not_known_is_said() {
    let metrics = "---\n{apiVersion: metrics.k8s.io/v1beta1, kind: PodMetrics, metadata: {name: web-0}, containers: [{name: c, usage: \
                   {cpu: 100m, memory: 3Gi}}]}\n";
    let input = crate::fixture::cluster(
        "node n1 4 8Gi
         pod web-0 1 1Gi nodeName: n1
         pod db-0 2500m 2Gi nodeName: n1
         pod late-0 1 1Gi",
    );
    let mut out = String::new();
    for (arguments, input) in [("", &input), ("--by pod --sort under", &(input.clone() + metrics))] {
        out += &berth(&format!("usage {arguments} -f -"), input).stdout;
    }
    expect_test::expect![[r#"
        NODES (1)
          NODE   PODS  CPU REQ  MEM REQ
          n1     2     3.5 88%  3Gi 38%
          TOTAL  2     3.5 88%  3Gi 38%

        usage is not known: the input has no NodeMetrics or PodMetrics (berth snapshot
        writes them if the cluster has a metrics server)
        no pod has a limit of CPU or memory
        1 pending pod on no node, not counted
        PODS (2)
          POD            CPU REQ  USED    MEM REQ  USED
          default/web-0  1 25%    0.1 2%  1Gi 12%  3Gi 38%
          default/db-0   2.5 62%  -       2Gi 25%  -
          TOTAL          3.5 88%  0.1 2%  3Gi 38%  3Gi 38%

        1 pod of 2 not measured: their usage counts as none
        no pod has a limit of CPU or memory
        1 pending pod on no node, not counted
    "#]]
    .assert_eq(&out);
}
