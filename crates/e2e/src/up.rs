//! Tests of `berth up`, for `tests/up.rs`.

pub(crate) mod machine;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_up::process::started;
use serde_json::{Value, json};

use crate::client::{Client, eventually, within};
use machine::{Machine, deployment};

/// A test: a sentence for its name, and what it does.
pub struct Test {
    /// What holds.
    pub name: &'static str,
    /// Fails if it does not.
    pub play: fn() -> Result<()>,
}

/// All tests.
pub const TESTS: [Test; 13] = [
    Test { name: "a deployment runs on simulated nodes", play: a_deployment_runs },
    Test { name: "the page of the scheduler shows the cluster", play: the_page_is_served },
    Test { name: "jobs end as their commands say", play: jobs_end },
    Test { name: "the pods of a failed node run elsewhere", play: a_node_fails },
    Test { name: "nodes are added, drained and listed", play: nodes_change },
    Test { name: "a second start continues with the same objects", play: a_second_start_continues },
    Test {
        name: "a killed component is started again, and nothing acknowledged is lost",
        play: components_die,
    },
    Test { name: "after a kill of berth nothing runs on", play: berth_is_killed },
    Test { name: "a cluster that is loaded runs as it did", play: a_cluster_is_loaded },
    Test {
        name: "a node rejects a pod that does not fit, and a claim gets a volume",
        play: a_pod_is_rejected,
    },
    Test { name: "the script of the page on CI works as it stands", play: the_page_on_ci },
    Test { name: "the README's example works as it stands", play: the_readme },
    Test { name: "what cannot work is refused with a reason", play: refusals },
];

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// The pods of an app that are ready, as (name, node).
fn ready(api: &Client, app: &str) -> Result<Vec<(String, String)>> {
    let pods = api.list(&format!("{PODS}?labelSelector=app={app}"))?;
    let is_ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array();
        pod["metadata"]["deletionTimestamp"].is_null()
            && conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named = |pod: &Value| (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"]));
    Ok(pods.iter().filter(is_ready).map(named).collect())
}

fn await_ready(api: &Client, app: &str, count: usize) -> Result<Vec<(String, String)>> {
    eventually(&format!("{count} pods of {app} are ready"), || {
        Ok(Some(ready(api, app)?).filter(|pods| pods.len() == count))
    })
}

fn a_deployment_runs() -> Result<()> {
    for scheduler in ["berth", "upstream"] {
        let mut machine = Machine::new()?;
        let id = machine.up("a", &["--nodes", "3", "--scheduler", scheduler])?;
        let api = machine.api("a")?;
        let nodes = api.list("/api/v1/nodes")?;
        let is_ready = |node: &Value| node["status"]["conditions"][3]["status"] == "True";
        ensure!(nodes.len() == 3 && nodes.iter().all(is_ready), "three nodes are to be ready: {nodes:?}");
        api.create(DEPLOYMENTS, &deployment("web", 6))?;
        let pods = await_ready(&api, "web", 6)?;
        for node in ["node-0", "node-1", "node-2"] {
            ensure!(pods.iter().any(|(_, on)| on == node), "no pod is on {node}: {pods:?}");
        }
        ensure!(machine.ok(&["up", "list"])?.contains("running"), "the list says that it runs");
        ensure!(machine.ok(&["up", "logs", "--name", "a"])?.contains("scheduler\n"), "there is a log");
        let running = machine.components("a")?;
        ensure!(running.len() == 4, "four components run: {running:?}");
        machine.ok(&["up", "stop", "a"])?;
        ensure!(machine.ended(id)? == Some(0), "stopping is no failure");
        let left: Vec<_> = running.iter().filter(|(_, id)| started(*id).is_some()).collect();
        ensure!(left.is_empty(), "stopped, but these run: {left:?}");
    }
    Ok(())
}

fn the_page_is_served() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "3", "--ui"])?;
    let address = eventually("the address of the page is printed", || {
        let said = machine.said("a")?;
        let line = said.split_once("the cluster in a browser: http://").map(|(_, rest)| rest);
        Ok(line.and_then(|rest| rest.split_once('/')).map(|(address, _)| address.to_owned()))
    })?;
    let get = |path: &str| -> Result<String> {
        let mut stream = TcpStream::connect(&address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ensure!(get("/")?.contains("assets/app.js"), "no page");
    machine.api("a")?.create(DEPLOYMENTS, &deployment("web", 2))?;
    eventually("the page shows the pods", || {
        let answer = get("/api/v1/cluster")?;
        let body = answer.split_once("\r\n\r\n").context("no body")?.1;
        let summary = serde_json::from_str::<Value>(body)?["summary"].clone();
        Ok((summary["nodes"] == 3 && summary["pods"] == 2).then_some(()))
    })?;
    let refused = machine.refused(&["up", "--name", "b", "--ui", "--scheduler", "upstream"])?;
    ensure!(refused.contains("--ui: only Berth's scheduler has a page"), "{refused}");
    Ok(())
}

fn jobs_end() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "1"])?;
    let api = machine.api("a")?;
    for (name, script) in [("good", "sleep 1"), ("bad", "exit 3")] {
        let container = json!({"name": "c", "image": "i", "command": ["sh", "-c", script]});
        let spec = json!({"restartPolicy": "Never", "containers": [container]});
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": {"spec": spec}},
        });
        api.create("/apis/batch/v1/namespaces/default/jobs", &job)?;
    }
    for (name, condition) in [("good", "Complete"), ("bad", "Failed")] {
        eventually(&format!("job {name} is {condition}"), || {
            let job =
                api.get(&format!("/apis/batch/v1/namespaces/default/jobs/{name}"))?.context("no job")?;
            let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
            Ok(conditions.iter().any(|c| c["type"] == condition && c["status"] == "True").then_some(()))
        })?;
    }
    let pods = api.list(&format!("{PODS}?labelSelector=job-name=bad"))?;
    let code = &pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"];
    ensure!(code == 3, "the exit code is {code}");
    Ok(())
}

fn a_node_fails() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "4", "--node-grace", "4s"])?;
    let api = machine.api("a")?;
    api.create(DEPLOYMENTS, &deployment("web", 8))?;
    let before = await_ready(&api, "web", 8)?;
    // This one stays: it tolerates the loss for five minutes, as pods do by default.
    let spec = json!({"nodeName": "node-1", "containers": [{"name": "c", "image": "i"}]});
    api.create(PODS, &json!({"metadata": {"name": "stays", "labels": {"app": "stays"}}, "spec": spec}))?;
    await_ready(&api, "stays", 1)?;
    machine.ok(&["node", "fail", "node-1", "--name", "a"])?;
    within(Duration::from_secs(60), "all pods run on other nodes", || {
        let now = ready(&api, "web")?;
        Ok((now.len() == 8 && now.iter().all(|(_, node)| node != "node-1")).then_some(()))
    })?;
    ensure!(machine.ok(&["node", "list", "--name", "a"])?.contains("Unknown,failed"), "the list shows it");
    // The node is cut off: what was deleted stays until it is back.
    let on_node = || api.list(&format!("{PODS}?fieldSelector=spec.nodeName=node-1"));
    let lost = before.iter().filter(|(_, node)| node == "node-1").count();
    ensure!(on_node()?.len() == lost + 1, "the lost pods wait for their node");
    ensure!(ready(&api, "stays")?.is_empty(), "the pod that stays is not ready on a lost node");
    machine.ok(&["node", "recover", "node-1", "--name", "a"])?;
    eventually("the node is ready, and its lost pods are gone", || {
        let node = api.get("/api/v1/nodes/node-1")?.context("no node")?;
        let taints = node["spec"]["taints"].as_array().map_or(0, Vec::len);
        Ok((taints == 0 && on_node()?.len() == 1).then_some(()))
    })?;
    await_ready(&api, "stays", 1).map(|_| ())
}

fn nodes_change() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "2"])?;
    let api = machine.api("a")?;
    api.create(DEPLOYMENTS, &deployment("web", 6))?;
    await_ready(&api, "web", 6)?;
    let added = machine.ok(&["node", "add", "2", "--cpu", "3", "--name", "a"])?;
    ensure!(added == "node-2\nnode-3\n", "{added}");
    machine.ok(&["node", "drain", "node-0", "--name", "a"])?;
    let pods = await_ready(&api, "web", 6)?;
    ensure!(pods.iter().all(|(_, node)| node != "node-0"), "{pods:?}");
    let list = machine.ok(&["node", "list", "--name", "a"])?;
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    ensure!(line("node-0").contains("Ready,cordoned  zone-a     0  8"), "{list}");
    ensure!(line("node-3").contains(" 3    32Gi"), "{list}");
    let refused = machine.refused(&["node", "fail", "node-9", "--name", "a"])?;
    ensure!(refused.contains("there is no node node-9"), "{refused}");
    Ok(())
}

fn a_second_start_continues() -> Result<()> {
    let mut machine = Machine::new()?;
    let folder = machine.home.join("own folder");
    let args = ["--nodes", "2", "--data-dir", folder.to_str().context("a path in UTF-8")?];
    let first = machine.up("a", &args)?;
    let api = machine.api("a")?;
    api.create(DEPLOYMENTS, &deployment("web", 2))?;
    let before = await_ready(&api, "web", 2)?;
    machine.ok(&["up", "stop", "a"])?;
    machine.ended(first)?;
    machine.up("a", &args[2..])?;
    let after = await_ready(&machine.api("a")?, "web", 2)?;
    ensure!(before == after, "{before:?} is to be {after:?}");
    // A deployment that is scaled shows that the controllers and the scheduler work.
    let api = machine.api("a")?;
    api.patch(&format!("{DEPLOYMENTS}/web"), &json!({"spec": {"replicas": 4}}))?;
    await_ready(&api, "web", 4)?;
    Ok(())
}

fn components_die() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "2"])?;
    let api = machine.api("a")?;
    for (round, component) in
        ["etcd", "kube-apiserver", "kube-controller-manager", "scheduler"].into_iter().enumerate()
    {
        let (_, id) = (machine.components("a")?.into_iter())
            .find(|(name, _)| name == component)
            .with_context(|| format!("{component} does not run"))?;
        let app = format!("web-{round}");
        let created = api.create(DEPLOYMENTS, &deployment(&app, 2))?;
        kill(id)?;
        eventually("the deployment that was acknowledged is there", || {
            let Ok(now) = api.get(&format!("{DEPLOYMENTS}/{app}")) else { return Ok(None) };
            let now = now.context("the acknowledged deployment is lost")?;
            Ok((now["metadata"]["uid"] == created["metadata"]["uid"]).then_some(()))
        })?;
        eventually("its pods run", || Ok(ready(&api, &app).ok().filter(|pods| pods.len() == 2)))?;
        let said = machine.said("a")?;
        ensure!(said.contains(&format!("{component} has ended (signal: 9")), "{said}");
        ensure!(said.contains(&format!("{component} was started again")), "{said}");
    }
    Ok(())
}

fn kill(id: u32) -> Result<()> {
    let done = std::process::Command::new("kill").args(["-9", &id.to_string()]).status()?;
    ensure!(done.success(), "process {id} cannot be killed");
    Ok(())
}

fn berth_is_killed() -> Result<()> {
    let mut machine = Machine::new()?;
    let first = machine.up("a", &["--nodes", "1"])?;
    let running = machine.components("a")?;
    ensure!(running.len() == 4, "four components run: {running:?}");
    machine.kill(first)?;
    if cfg!(target_os = "linux") {
        eventually("the kernel ends the components", || {
            Ok(running.iter().all(|(_, id)| started(*id).is_none()).then_some(()))
        })?;
    }
    ensure!(machine.ok(&["up", "list"])?.contains("stopped"), "the list says that it does not run");
    machine.up("a", &[])?;
    ensure!(
        running.iter().all(|(_, id)| started(*id).is_none()),
        "an old component runs beside the new ones"
    );
    Ok(())
}

fn a_cluster_is_loaded() -> Result<()> {
    let mut machine = Machine::new()?;
    let first = machine.up("first", &["--nodes", "3"])?;
    let api = machine.api("first")?;
    api.create(DEPLOYMENTS, &deployment("web", 5))?;
    await_ready(&api, "web", 5)?;
    for (kind, list) in [("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")] {
        let name = kind.to_lowercase();
        let mut set = deployment(&name, 3);
        set["kind"] = json!(kind);
        if kind == "DaemonSet" {
            set["spec"].as_object_mut().context("a spec")?.remove("replicas");
        }
        api.create(&format!("/apis/apps/v1/namespaces/default/{list}"), &set)?;
        await_ready(&api, &name, 3)?;
    }
    let placed = |api: &Client| -> Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        for app in ["web", "statefulset", "daemonset"] {
            all.extend(ready(api, app)?);
        }
        all.sort();
        Ok(all)
    };
    let before = placed(&api)?;
    let kubeconfig = machine.ok(&["up", "kubeconfig", "first"])?;
    let snapshot = machine.ok(&["snapshot", "--kubeconfig", kubeconfig.trim()])?;
    let file = machine.file("snapshot.json", &snapshot)?;
    machine.ok(&["up", "stop", "first"])?;
    machine.ended(first)?;
    machine.up("copy", &["-f", file.to_str().context("a path in UTF-8")?])?;
    let api = machine.api("copy")?;
    eventually("the copied pods are ready", || Ok((placed(&api)?.len() == before.len()).then_some(())))?;
    // Long enough for a controller that sees something to do to do it.
    std::thread::sleep(Duration::from_secs(3));
    let after = placed(&api)?;
    ensure!(before == after, "the pods were {before:?}, and are {after:?}");
    api.patch(&format!("{DEPLOYMENTS}/web"), &json!({"spec": {"replicas": 6}}))?;
    await_ready(&api, "web", 6)?;
    Ok(())
}

fn a_pod_is_rejected() -> Result<()> {
    let mut machine = Machine::new()?;
    machine.up("a", &["--nodes", "1", "--node-cpu", "2"])?;
    let api = machine.api("a")?;
    let container = json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "2500m"}}});
    let pod = json!({"metadata": {"name": "big"}, "spec": {"nodeName": "node-0", "containers": [container]}});
    api.create(PODS, &pod)?;
    let status = eventually("the pod fails", || {
        let pod = api.get(&format!("{PODS}/big"))?.context("no pod")?;
        Ok((pod["status"]["phase"] == "Failed").then(|| pod["status"].clone()))
    })?;
    ensure!(status["reason"] == "OutOfcpu", "{status}");
    let message =
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 2500, used: 0, capacity: 2000";
    ensure!(status["message"] == message, "{status}");

    let class = json!({
        "metadata": {"name": "fast"}, "provisioner": "disks.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    api.create("/apis/storage.k8s.io/v1/storageclasses", &class)?;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    for (name, class) in [("default", Value::Null), ("chosen", json!("fast"))] {
        let mut spec =
            json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        if !class.is_null() {
            spec["storageClassName"] = class;
        }
        api.create(claims, &json!({"metadata": {"name": name}, "spec": spec}))?;
        let volumes = json!([{"name": "v", "persistentVolumeClaim": {"claimName": name}}]);
        let spec = json!({"containers": [{"name": "c", "image": "i"}], "volumes": volumes});
        api.create(PODS, &json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}))?;
        await_ready(&api, name, 1)?;
    }
    let claim = api.get(&format!("{claims}/chosen"))?.context("no claim")?;
    let volume = claim["spec"]["volumeName"].as_str().context("a bound claim")?.to_owned();
    let path = format!("/api/v1/persistentvolumes/{volume}");
    let affinity = &api.get(&path)?.context("no volume")?["spec"]["nodeAffinity"];
    ensure!(affinity.to_string().contains("zone-a"), "{affinity}");
    api.delete(&format!("{PODS}/chosen"))?;
    api.delete(&format!("{claims}/chosen"))?;
    eventually("the volume goes with its claim", || Ok(api.get(&path)?.is_none().then_some(())))
}

fn the_page_on_ci() -> Result<()> {
    let machine = Machine::new()?;
    let page = crate::testbed::workspace().join("docs/how-to/try-a-configuration-in-ci.md");
    let said = machine.shell(&script(&page, "## The script")?)?;
    ensure!(said.contains("the node with the most pods:       2 node-"), "{said}");
    ensure!(machine.ok(&["up", "list"])?.contains("stopped"), "the script stops what it started");
    Ok(())
}

fn the_readme() -> Result<()> {
    let machine = Machine::new()?;
    let root = crate::testbed::workspace();
    symlink(root.join("examples"), machine.home.join("examples"))?;
    let script = script(&root.join("README.md"), "## A control plane to try things on")?;
    // The components are there already.
    let script = script.replace(" --fetch", "");
    let said = machine.shell(&format!("set -eu\ntrap 'berth up stop' EXIT\n{script}"))?;
    let (_, last) = said.rsplit_once("successfully rolled out").context("no rollout")?;
    let running: Vec<&str> = last.lines().filter(|line| line.contains(" Running ")).collect();
    ensure!(running.len() == 6 && running.iter().all(|line| !line.contains("node-1")), "{said}");
    ensure!(last.lines().any(|line| line.contains(" Terminating ") && line.contains("node-1")), "{said}");
    Ok(())
}

/// The first script below a heading of a page.
fn script(page: &Path, heading: &str) -> Result<String> {
    let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let section = text.split_once(&format!("\n{heading}\n")).map(|(_, section)| section);
    let block = section.and_then(|section| section.split("```sh\n").nth(1)?.split("```").next());
    block.map(str::to_owned).with_context(|| format!("{} has no script below {heading}", page.display()))
}

fn refusals() -> Result<()> {
    let mut machine = Machine::new()?;
    let bin = crate::testbed::bin();
    let bin = bin.to_str().context("a path in UTF-8")?;
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let said = machine.refused(&["up", "--components", bin, "--port", &port])?;
    ensure!(said.contains(&format!("port {port} of 127.0.0.1 is taken by another program")), "{said}");

    let none = machine.file("empty", "")?;
    let none = none.parent().context("a folder")?.join("no-components");
    fs::create_dir_all(&none)?;
    let said = machine.refused(&["up", "--components", none.to_str().context("UTF-8")?])?;
    ensure!(said.contains("no-components/etcd is not there; --components must name a folder"), "{said}");
    for name in ["etcd", "kube-apiserver", "kube-controller-manager"] {
        let wrong = none.join(name);
        fs::write(&wrong, "#!/bin/sh\necho hello\n")?;
        fs::set_permissions(&wrong, fs::Permissions::from_mode(0o755))?;
    }
    let said = machine.refused(&["up", "--components", none.to_str().context("UTF-8")?])?;
    ensure!(said.contains("is not kube-apiserver: asked for its version, it says \"hello\""), "{said}");

    let config =
        machine.file("scheduler.yaml", "apiVersion: kubescheduler.config.k8s.io/v1\nkind: Wrong\n")?;
    let said =
        machine.refused(&["up", "--components", bin, "--config", config.to_str().context("UTF-8")?])?;
    ensure!(said.contains("scheduler.yaml"), "{said}");

    let foreign = machine.home.join("foreign");
    fs::create_dir_all(&foreign)?;
    fs::write(foreign.join("thesis.txt"), "do not delete")?;
    let foreign_text = foreign.to_str().context("UTF-8")?;
    let said = machine.refused(&["up", "--components", bin, "--data-dir", foreign_text])?;
    ensure!(said.contains("is not a folder of berth up") && said.contains("Nothing was changed"), "{said}");
    ensure!(fs::read_dir(&foreign)?.count() == 1, "the folder has only what it had");

    let id = machine.up("a", &["--nodes", "1"])?;
    let said = machine.refused(&["up", "--components", bin, "--name", "a"])?;
    ensure!(said.contains(&format!("\"a\" runs already (process {id})")), "{said}");
    machine.ok(&["up", "stop", "a"])?;
    machine.ended(id)?;
    fs::remove_file(machine.home.join("data/berth/up/a/pki/ca.key"))?;
    let said = machine.refused(&["up", "--components", bin, "--name", "a"])?;
    ensure!(said.contains("is damaged") && said.contains("pki/ca.key is missing"), "{said}");
    let said = machine.refused(&["up", "stop", "b"])?;
    ensure!(said.contains("no control plane is named \"b\" (there is: a"), "{said}");
    Ok(())
}
