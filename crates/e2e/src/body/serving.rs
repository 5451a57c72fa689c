//! Health is open, all else is for those who may see it.

use anyhow::{Result, ensure};

use crate::client::{Client, eventually};
use crate::control_plane::{ADMIN_TOKEN, SCHEDULER_TOKEN};
use crate::object::{node, pod, pod_of_cpu};
use crate::stage::Stage;

/// Metrics that upstream's dashboards and alerts are made of, each with a label or suffix as they query it.
const METRICS: [&str; 9] = [
    "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"scheduled\"}",
    "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"unschedulable\"}",
    "scheduler_pending_pods{queue=\"unschedulable\"}",
    "scheduler_scheduling_attempt_duration_seconds_bucket{profile=\"default-scheduler\",result=\"scheduled\",le=\"0.001\"}",
    "scheduler_pod_scheduling_sli_duration_seconds_count",
    "scheduler_framework_extension_point_duration_seconds_bucket",
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
