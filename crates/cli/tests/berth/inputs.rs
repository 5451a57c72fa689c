//! The inputs that people have: folders, charts, dumps, custom resources, mistakes.

use expect_test::expect;

use crate::fixture::{berth, berth_in, cluster, folder};

const NODE: &str = "node n1 4 8Gi";

/// A Deployment of pods with one CPU each.
fn deployment(name: &str, replicas: usize) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: \
         [{{name: c, image: i, resources: {{requests: {{cpu: 1}}}}}}]}}\n"
    )
}

#[test]
fn charts_and_kustomizations_are_named_with_the_command_that_renders_them() {
    let folder = folder("charts");
    for (path, text) in [
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\n"),
        ("chart/templates/web.yaml", "{{- if .Values.web }}\nkind: Deployment\n{{- end }}\n"),
        ("kz/kustomization.yaml", "resources: [app.yaml]\n"),
        ("kz/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"),
        ("part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"),
        ("many/a.yaml", "kind: {{ .Kind }}\n---\nname: {{ .Name }}\n"),
        ("many/b.yaml", "{{ if .Web }}\n"),
        ("both/a/kustomization.yml", "{}\n"),
        ("both/b/kustomization.yml", "{}\n"),
        ("template.yaml", "kind: {{ .Kind }}\n"),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let named =
        "chart chart/Chart.yaml chart/templates kz kz/kustomization.yaml both part many template.yaml";
    let files: String = named.split(' ').map(|name| format!(" -f {name}")).collect();
    let ended = berth_in(&folder, &format!("simulate{files} -k chart -k many -k absent"), b"");
    assert_eq!(ended.code, 2);
    expect![[r#"
        error: chart is a Helm chart; run: helm template chart | berth simulate -f -
        error: chart/Chart.yaml belongs to the Helm chart chart; run: helm template chart | berth simulate -f -
        error: chart/templates belongs to the Helm chart chart; run: helm template chart | berth simulate -f -
        error: kz is a kustomization; use -k kz
        error: kz/kustomization.yaml is a kustomization; use -k kz
        error: both holds 2 kustomizations, of which the first is both/a; for each that you use, use -k both/a
        error: part is a kustomize component; use -k with a kustomization that includes it
        error: chart is a Helm chart; run: helm template chart | berth simulate -f -
        error: many: no kustomization.yaml in this folder; use -f many
        error: absent: no such file or directory
        error: many/a.yaml: a template ({{ … }}), not a manifest, as are 2 other files; render them first, for example: helm template CHART | berth simulate -f -
    "#]].assert_eq(&ended.stderr);
}

#[test]
fn a_folder_is_read_though_some_of_its_files_hold_no_objects() {
    let folder = folder("mixed");
    for (path, text) in [
        ("a.yaml", cluster(NODE)),
        ("b.yaml", deployment("web", 2)),
        ("empty.yaml", "# nothing\n".to_owned()),
        ("values.yaml", "replicas: 3\n".to_owned()),
        ("dashboard.json", "{\"panels\": []}".to_owned()),
    ] {
        std::fs::write(folder.join(path), text).unwrap();
    }
    let ended = berth_in(&folder, "simulate -f .", b"");
    assert_eq!(ended.code, 0, "{ended:#?}");
    expect![[r#"
        warning: skipped, no Kubernetes objects in: ./dashboard.json, ./values.yaml
    "#]]
    .assert_eq(&ended.stderr);
    let strict = berth_in(&folder, "simulate -f . --strict", b"");
    assert_eq!(strict.code, 2);
    assert!(strict.stderr.ends_with("hint: --strict treats warnings as errors\n"), "{strict:#?}");
}

#[test]
fn misspelt_kinds_and_versions_that_are_not_served_are_errors_that_name_the_right_ones() {
    let object = |api_version: &str, kind: &str| {
        format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n")
    };
    let text: String = [
        ("app/v1", "Deployment"),
        ("apps.v1", "Deployment"),
        ("apps/v1", "Deploymnet"),
        ("apps/v1", "deployment"),
        ("extensions/v1beta1", "Deployment"),
        ("apps/v1beta2", "Deployment"),
        ("batch/v1beta1", "CronJob"),
        ("policy/v1beta1", "PodDisruptionBudget"),
        ("v1", "Status"),
    ]
    .map(|(api_version, kind)| object(api_version, kind))
    .concat();
    let ended = berth("simulate -f -", &text);
    assert_eq!(ended.code, 2);
    expect![[r#"
        error: stdin: apiVersion: found "app/v1", but the kind Deployment is in apps/v1
        error: stdin:6: apiVersion: found "apps.v1", but the kind Deployment is in apps/v1
        error: stdin:10: kind: found "Deploymnet", expected Deployment
        error: stdin:14: kind: found "deployment", expected Deployment
        error: stdin:18: apiVersion: found "extensions/v1beta1", but the kind Deployment is in apps/v1
        error: stdin:22: apiVersion: found "apps/v1beta2", which Kubernetes does not serve; use apps/v1
        error: stdin:26: apiVersion: found "batch/v1beta1", which Kubernetes does not serve; use batch/v1
        error: stdin:30: apiVersion: found "policy/v1beta1", which Kubernetes does not serve; use policy/v1
        error: stdin:34: this is an error message of the API server, not an object
    "#]]
    .assert_eq(&ended.stderr);
}

#[test]
fn a_cluster_and_the_manifests_of_its_workloads_give_the_cluster_with_the_changes() {
    let stored = deployment("web", 2).replace("metadata: {name: web}", "metadata: {name: web, uid: u-1}");
    let text = format!("{}{stored}{}", cluster("node n1 9 8Gi"), deployment("web", 4));
    let ended = berth("simulate -f - -o json", &text);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.json()["summary"]["placed"], 4);
}

#[test]
fn custom_resources_make_pods_and_those_without_a_rule_are_named() {
    let custom = |api_version: &str, kind: &str| {
        format!(
            "---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{replicas: 3, template: {{spec: \
             {{containers: [{{name: c, image: i, resources: {{requests: {{cpu: 1}}}}}}]}}}}}}\n"
        )
    };
    let folder = folder("custom");
    let rules =
        "- {group: example.com, kind: Farm, pods: [{template: spec.template, count: spec.replicas}]}\n";
    std::fs::write(folder.join("rules.yaml"), rules).unwrap();
    let text = format!(
        "{}{}{}",
        cluster(NODE),
        custom("argoproj.io/v1alpha1", "Rollout"),
        custom("example.com/v1", "Farm")
    );
    let ended = berth_in(&folder, "simulate -f - -o json", text.as_bytes());
    assert_eq!((ended.code, &ended.json()["summary"]["placed"]), (0, &3.into()));
    expect![[r#"
        warning: stdin:16: Farm default/a: holds containers, but its pods are not simulated: there is no rule for the kind Farm (--workloads FILE adds rules)
    "#]].assert_eq(&ended.stderr);
    assert_eq!(ended.json()["warnings"].as_array().map(Vec::len), Some(1));
    let ended = berth_in(&folder, "simulate -f - -o json --workloads rules.yaml", text.as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    assert_eq!(
        (&ended.json()["summary"]["placed"], &ended.json()["summary"]["pending"]),
        (&4.into(), &2.into())
    );
}

#[test]
fn a_changed_template_of_running_pods_is_rolled_out() {
    let set = "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 1\n  selector: {matchLabels: \
               {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: c, image: i, resources: \
               {requests: {cpu: 100}}}]}\n";
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: db-0, uid: u, labels: {app: db}, ownerReferences: [{apiVersion: \
               apps/v1, kind: StatefulSet, name: db, controller: true}]}\nspec: {nodeName: n1, containers: [{name: c, image: i, \
               resources: {requests: {cpu: 1}}}]}\n";
    let ended = berth("simulate -f -", &format!("{}{pod}{set}", cluster(NODE)));
    assert_eq!((ended.code, &*ended.stderr), (1, ""));
    assert!(ended.stdout.contains("StatefulSet default/db: stuck"), "{}", ended.stdout);
}

#[test]
fn an_input_without_nodes_and_pods_of_other_schedulers_are_pointed_out() {
    let ended = berth("simulate -f -", &cluster("pod a-0 1 1Gi schedulerName: volcano\npod b-0 1 1Gi"));
    assert_eq!(ended.code, 1);
    expect![[r#"
        warning: the input has no nodes, so that every pod stays pending: add those of a cluster (kubectl get nodes -o json, or berth snapshot); no cluster could be asked: kubeconfig /nonexistent/kubeconfig: no such file or directory
        warning: 1 pod pending for other schedulers (volcano); --all-schedulers places them with the first profile
    "#]].assert_eq(&ended.stderr);
}

#[test]
fn quotas_and_autoscalers_count() {
    let quota = "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: '2', requests.cpu: 9}}\n";
    let autoscaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {minReplicas: 3, \
                      maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
    let text = format!(
        "{}{}{quota}{autoscaler}",
        cluster(NODE),
        deployment("web", 1).replace("  replicas: 1\n", "")
    );
    let ended = berth("simulate -f - -o json", &text);
    assert_eq!(ended.json()["summary"]["placed"], 3);
    let most = berth("simulate -f - -o json -q --hpa max", &text).json();
    let count = |what: &str| most["summary"][what].as_u64().unwrap();
    assert_eq!(count("placed") + count("pending"), 9);
    expect![[r#"
        warning: stdin:20: ResourceQuota default/q: exceeded: pods: 3 of 2; the API server would refuse the last pods, which are simulated all the same
    "#]].assert_eq(&ended.stderr);
}

#[test]
fn explain_takes_the_forms_of_kubectl_and_names_what_does_not_exist() {
    let text = format!("{}{}", cluster(NODE), deployment("web", 6));
    let cases = [
        ("pod/web-qspq9-4", "web-qspq9-4"),
        ("deploy/web", "web-qspq9-4"),
        ("deployment/web", "web-qspq9-4"),
    ];
    for (wanted, pod) in cases {
        let ended = berth(&format!("explain {wanted} -f - -o json"), &text);
        assert_eq!(ended.json()["pod"]["name"], pod, "{wanted}");
    }
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: fsat, accessModes: \
                 [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\napiVersion: storage.k8s.io/v1\nkind: \
                 StorageClass\nmetadata: {name: fast}\nprovisioner: p\n";
    let pods = cluster(
        "node n1 4 8Gi
         pod a-0 1 1Gi volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
         pod b-0 1 1Gi nodeSelector: {kubernetes.io/arch: arm64, zone: a}",
    );
    let first = |pod: &str| {
        let ended = berth(&format!("explain {pod} -f - -o json"), &format!("{pods}{claim}"));
        let answer = ended.json()["answer"].as_array().unwrap().clone();
        answer.iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect::<String>()
    };
    expect![[r#"
        Pending: it does not fit on n1, the only node
        Claim data names StorageClass fsat, which is not in the input (there is: fast)
    "#]]
    .assert_eq(&first("a-0"));
    expect![[r#"
        Pending: it does not fit on n1, the only node
        It needs a node with kubernetes.io/arch=arm64 and zone=a; there is none (kubernetes.io/arch: no node; zone: a 1)
        Nearest is n1: kubernetes.io/arch=arm64 is selected, the node has no such label
        None of the single changes that were tried would make it fit
    "#]]
    .assert_eq(&first("b-0"));
}

#[test]
fn plugins_of_other_vendors_are_left_out_if_that_is_asked_for() {
    let folder = folder("unknown_plugins");
    let text = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- plugins:\n    queueSort: \
                {enabled: [{name: Coscheduling}], disabled: [{name: '*'}]}\n    score: {enabled: [{name: NodeResourcesAllocatable}]}\n";
    std::fs::write(folder.join("config.yaml"), text).unwrap();
    let input = cluster("node n1 4 8Gi\npod a-0 1 1Gi");
    let refused = berth_in(&folder, "simulate -f - --config config.yaml", input.as_bytes());
    assert_eq!(refused.code, 2);
    let ended =
        berth_in(&folder, "simulate -f - --config config.yaml --ignore-unknown-plugins", input.as_bytes());
    assert_eq!(ended.code, 0, "{ended:#?}");
    expect![[r#"
        warning: config.yaml: profiles[0].plugins.score.enabled[0]: "NodeResourcesAllocatable" does not exist; it is left out
        warning: config.yaml: profiles[0].plugins.queueSort.enabled[0]: "Coscheduling" does not exist; it is left out
    "#]]
    .assert_eq(&ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_kustomization_is_rendered_by_the_program_that_is_found() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("kustomize");
    for name in ["bin", "app"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("app/kustomization.yaml"), "resources: [app.yaml]\n").unwrap();
    let run = |programs: &[(&str, &str)]| {
        for name in ["kubectl", "kustomize"] {
            let path = folder.join("bin").join(name);
            let _ = std::fs::remove_file(&path); // it need not be there
            if let Some((_, script)) = programs.iter().find(|(of, _)| *of == name) {
                std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        std::fs::write(folder.join("node.yaml"), cluster(NODE)).unwrap();
        let output = crate::fixture::command("simulate -f node.yaml -k app -o json")
            .current_dir(&folder)
            .env("PATH", folder.join("bin"))
            .output()
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let stderr = String::from_utf8(output.stderr).unwrap();
        format!("placed {}\n{stderr}", document["summary"]["placed"])
    };
    let pods = |count: usize| {
        format!("while IFS= read -r line; do echo \"$line\"; done <<'END'\n{}END", deployment("web", count))
    };
    let expected = |verb: &str, count| format!("[ \"$*\" = \"{verb} app\" ] || exit 9\n{}", pods(count));
    let (kubectl, kustomize) = (expected("kustomize", 2), expected("build", 3));
    let out = [
        run(&[("kubectl", &kubectl), ("kustomize", &kustomize)]),
        run(&[("kustomize", &kustomize)]),
        run(&[("kubectl", "echo 'error: no such resource' >&2; exit 1")]),
        run(&[]),
    ]
    .concat();
    expect![[r#"
        placed 2
        placed 3
        placed null
        error: kubectl kustomize app: no such resource
        placed null
        error: app: neither kubectl nor kustomize is on the PATH; install one of them, or run where one is installed: kubectl kustomize app | berth simulate -f -
    "#]].assert_eq(&out);
}

#[test]
fn a_cluster_that_cannot_be_reached_is_named() {
    let folder = folder("kubeconfig");
    let kubeconfig = "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\ncontexts: \
                      [{name: a, context: {cluster: a, user: u}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(folder.join("none.yaml"), kubeconfig).unwrap();
    std::fs::write(folder.join("current.yaml"), format!("{kubeconfig}current-context: a\n")).unwrap();
    let cases = [
        ("snapshot", "error: kubeconfig /nonexistent/kubeconfig: no such file or directory\n"),
        ("snapshot --kubeconfig absent", "error: kubeconfig absent: no such file or directory\n"),
        (
            "snapshot --kubeconfig none.yaml",
            "error: kubeconfig none.yaml: no current context is set; give --context\n",
        ),
        (
            "snapshot --kubeconfig none.yaml --context b",
            "error: no context is named \"b\" in the kubeconfig (there is: a)\n",
        ),
        ("snapshot --kubeconfig current.yaml", "error: cannot reach 127.0.0.1:1: connection refused\n"),
        (
            "explain web",
            "error: kubeconfig /nonexistent/kubeconfig: no such file or directory\nhint: name files with -f to read no \
             cluster\n",
        ),
    ];
    for (arguments, expected) in cases {
        let ended = berth_in(&folder, arguments, b"");
        assert_eq!((ended.code, &*ended.stderr), (2, expected), "{arguments}");
    }
}

#[test]
fn a_file_without_its_flag_and_a_workload_without_its_kind_get_a_hint() {
    let text = format!("{}{}", cluster(NODE), deployment("web", 2));
    let folder = folder("hints");
    std::fs::write(folder.join("a.yaml"), &text).unwrap();
    let ended = berth_in(&folder, "explain web -f a.yaml a.yaml", b"");
    assert!(ended.stderr.ends_with("hint: each file needs its own -f: -f a.yaml\n"), "{ended:#?}");
    let ended = berth_in(&folder, "explain web -f a.yaml", b"");
    assert_eq!(ended.code, 2);
    let expected = "; berth explain deployment/web explains all of them\n";
    assert!(ended.stderr.ends_with(expected), "{ended:#?}");
}

#[test]
fn a_request_that_is_too_large_to_count_is_shown_as_it_is_written() {
    let text = |memory: &str| format!("{}{}", cluster(NODE), cluster(&format!("pod a 1 {memory}")));
    let ended = berth("explain a -f -", &text("8Ei"));
    assert!(ended.stdout.contains("requests cpu 1, memory 8192Pi"), "{ended:#?}");
    let ended = berth("simulate -f - -o json", &text("9223372036854775808"));
    let expected = "Pod default/a: requests 9223372036854775808 of memory, which is too large for 64 bits: kube-scheduler counts \
                    it as -9223372036854775808\n";
    assert!(ended.stderr.ends_with(expected), "{ended:#?}");
}
