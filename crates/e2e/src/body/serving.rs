//! Health is open, all else is for those who may see it.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::client::{Client, eventually};
use crate::control_plane::{ADMIN_TOKEN, SCHEDULER_TOKEN};
use crate::object::{node, pod, pod_of_cpu};
use crate::stage::Stage;
use berth_up::authority::Authority;

/// Metrics that upstream's dashboards and alerts are made of, each with a label or suffix as they query it.
const METRICS: [&str; 11] = [
    "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"scheduled\"}",
    "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"unschedulable\"}",
    "scheduler_pending_pods{queue=\"unschedulable\"}",
    "scheduler_scheduling_attempt_duration_seconds_bucket{profile=\"default-scheduler\",result=\"scheduled\",le=\"0.001\"}",
    "scheduler_pod_scheduling_sli_duration_seconds_count",
    "scheduler_framework_extension_point_duration_seconds_bucket{extension_point=\"Reserve\",profile=\"default-scheduler\",status=\"Success\"",
    "scheduler_framework_extension_point_duration_seconds_bucket{extension_point=\"PostFilter\",profile=\"default-scheduler\",status=\"Unschedulable\"",
    "scheduler_framework_extension_point_duration_seconds_bucket{extension_point=\"Bind\",profile=\"default-scheduler\",status=\"Success\"",
    "scheduler_queue_incoming_pods_total{event=\"UnscheduledPodAdd\",queue=\"active\"}",
    "scheduler_cache_size{type=\"nodes\"}",
    "rest_client_requests_total",
];

pub(super) fn health_and_metrics(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("host")])?;
    stage.pod(&pod("fits"))?;
    stage.pod(&pod_of_cpu("does-not-fit", "100"))?;
    stage.placed("fits")?;
    stage.waits("does-not-fit")?;
    let url = format!("https://127.0.0.1:{}", stage.scheduler()?.port);
    let nobody = Client::new(&url, "of-nobody")?;
    let scheduler = Client::new(&url, SCHEDULER_TOKEN)?;
    let admin = Client::new(&url, ADMIN_TOKEN)?;
    for path in ["/healthz", "/livez", "/readyz"] {
        // Upstream checks a token that is sent also where none is needed, so those who ask for health send a good one.
        let said = eventually(path, || Ok(scheduler.text(path).ok()))?;
        ensure!(said.trim_end() == "ok", "{path}: {said}");
    }
    ensure!(nobody.text("/metrics").is_err(), "metrics are open to an unknown token");
    ensure!(scheduler.text("/metrics").is_err(), "metrics are open to a user without the right");
    let metrics = admin.text("/metrics")?;
    for name in METRICS {
        let family = name.split('{').next().unwrap_or_default();
        let near: Vec<&str> = metrics.lines().filter(|line| line.starts_with(family)).collect();
        ensure!(near.iter().any(|line| line.starts_with(name)), "no metric {name}, but {near:#?}");
    }
    // Upstream counts its cache once a second.
    eventually("one node in the cache", || {
        let size = "\nscheduler_cache_size{type=\"nodes\"} 1\n";
        Ok(admin.text("/metrics")?.contains(size).then_some(()))
    })?;
    let config = admin.text("/configz")?;
    ensure!(config.contains("\"schedulerName\":\"default-scheduler\""), "{config}");
    Ok(())
}

/// Clients that show certificates are who these say, if the cluster's authority vouches for them.
pub(super) fn certificates(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    let scheduler = stage.scheduler()?;
    scheduler.ready()?;
    let url = format!("https://127.0.0.1:{}", scheduler.port);
    let strangers = Authority::open(&stage.plane.folder, "strangers-ca")?;
    let ann = stage.plane.clients()?.client("ann", "system:masters")?;
    let bob = stage.plane.clients()?.client("bob", "nobodies")?;
    let eve = strangers.client("eve", "system:masters")?;
    for (who, identity, expected) in [
        ("with the rights", &ann, 200),
        ("without the rights", &bob, 403),
        ("whom nobody vouches for", &eve, 401),
    ] {
        let status = Client::certified(&url, identity)?.status("/metrics")?;
        ensure!(status == expected, "{status} for a user {who}, not {expected}");
    }
    let status = Client::anonymous(&url)?.status("/metrics")?;
    ensure!(status == 403, "{status} for somebody who says nothing");
    // The right is looked up for who the certificate says, as for who a token says.
    let role = json!({
        "metadata": {"name": "metrics-reader"},
        "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
    });
    let binding = json!({
        "metadata": {"name": "metrics-reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "metrics-reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "nobodies"}],
    });
    let roles = "/apis/rbac.authorization.k8s.io/v1";
    stage.api.create(&format!("{roles}/clusterroles"), &role)?;
    stage.api.create(&format!("{roles}/clusterrolebindings"), &binding)?;
    let bob = Client::certified(&url, &bob)?;
    eventually("a group is given the right", || Ok((bob.status("/metrics")? == 200).then_some(())))?;
    stage.api.delete(&format!("{roles}/clusterrolebindings/metrics-reader"))?;
    stage.api.delete(&format!("{roles}/clusterroles/metrics-reader"))
}
