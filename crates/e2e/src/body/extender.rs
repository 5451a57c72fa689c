//! Extenders, spoken to as upstream speaks to them: what it sends has the names of Go fields; what it gets may be in
//! any case, and here has the small letters that extenders in other languages write.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::placement::priority_class;
use crate::extender::Extender;
use crate::object::{node, node_of_cpu, pod, pod_of_class, pod_of_cpu, with};
use crate::stage::Stage;

pub(super) fn filters_and_prioritizes(stage: &mut Stage) -> Result<()> {
    let extender = Extender::start(|verb, sent| match verb {
        "filter" => {
            let names = sent["NodeNames"].as_array().cloned().unwrap_or_default();
            let kept: Vec<&Value> = names.iter().filter(|name| **name != "refused").collect();
            json!({"nodenames": kept, "failedNodes": {"refused": "too loud"}})
        }
        _ => json!([{"host": "plain", "score": 1}, {"host": "liked", "score": 10}]),
    })?;
    let config = json!({"extenders": [{
        "urlPrefix": extender.url, "filterVerb": "filter", "prioritizeVerb": "prioritize", "weight": 50,
        "nodeCacheCapable": true, "httpTimeout": "5s",
    }]});
    let _scheduler = stage.schedule_by(&config)?;
    stage.nodes(&[node("refused")])?;
    stage.pod(&pod("loud"))?;
    stage.waits_saying("loud", "0/1 nodes are available: 1 too loud.")?;
    stage.nodes(&[node("plain"), node("liked")])?;
    ensure!(stage.placed("loud")? != "refused");
    stage.seen(3)?;
    stage.pod(&pod("choosy"))?;
    ensure!(stage.placed("choosy")? == "liked");
    let filter = extender.sent("filter").pop().context("the extender was not asked to filter")?;
    ensure!(filter["Pod"]["metadata"]["name"] == "choosy", "sent {filter}");
    ensure!(filter["Nodes"].is_null(), "whole nodes are sent to an extender that has its own cache");
    let rated = extender.sent("prioritize").pop().context("the extender was not asked to prioritize")?;
    ensure!(
        rated["NodeNames"].as_array().is_some_and(|names| names.len() == 2),
        "sent {}",
        rated["NodeNames"]
    );
    Ok(())
}

pub(super) fn binds(stage: &mut Stage) -> Result<()> {
    let api = stage.api.clone();
    let extender = Extender::start(move |verb, sent| match verb {
        "filter" => json!({"nodes": sent["Nodes"]}),
        _ => {
            let path = format!(
                "/api/v1/namespaces/{}/pods/{}/binding",
                sent["PodNamespace"].as_str().unwrap_or_default(),
                sent["PodName"].as_str().unwrap_or_default(),
            );
            let binding = json!({
                "apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": sent["PodName"], "uid": sent["PodUID"]},
                "target": {"kind": "Node", "name": sent["Node"]},
            });
            match api.create(&path, &binding) {
                Ok(_) => json!({}),
                Err(error) => json!({"error": format!("{error:#}")}),
            }
        }
    })?;
    let config = json!({"extenders": [{
        "urlPrefix": extender.url, "filterVerb": "filter", "bindVerb": "bind",
        "managedResources": [{"name": "example.com/licence", "ignoredByScheduler": true}],
    }]});
    let _scheduler = stage.schedule_by(&config)?;
    stage.nodes(&[node("host")])?;
    stage.pod(&pod("unmanaged"))?;
    ensure!(stage.placed("unmanaged")? == "host");
    ensure!(extender.sent("filter").is_empty(), "asked about a pod without the extender's resource");
    let limits = json!({"spec": {"containers": [
        {"name": "main", "image": "pause", "resources": {"limits": {"example.com/licence": "1"}}},
    ]}});
    // No node offers the resource: it is the extender's to count.
    stage.pod(&with(pod("managed"), limits))?;
    ensure!(stage.placed("managed")? == "host");
    let sent = extender.sent("filter").pop().context("the extender was not asked to filter")?;
    ensure!(sent["Nodes"]["items"][0]["metadata"]["name"] == "host", "sent {}", sent["Nodes"]);
    ensure!(extender.sent("bind").len() == 1, "{:?}", extender.sent("bind"));
    ensure!(stage.event("managed", "Scheduled")?["type"] == "Normal");
    Ok(())
}

pub(super) fn preempts(stage: &mut Stage) -> Result<()> {
    let extender = Extender::start(|_, sent| {
        // Of all nodes that would do, one is left.
        let victims = &sent["NodeNameToMetaVictims"]["second"];
        json!({"nodeNameToMetaVictims": {"second": {"pods": victims["Pods"], "numPDBViolations": 0}}})
    })?;
    let config = json!({"extenders": [
        {"urlPrefix": extender.url, "preemptVerb": "preempt", "nodeCacheCapable": true},
    ]});
    let _scheduler = stage.schedule_by(&config)?;
    priority_class(&stage.api, "urgent", 1000)?;
    for name in ["first", "second"] {
        stage.nodes(&[node_of_cpu(name, "1")])?;
        stage.pod(&with(pod_of_cpu(&format!("on-{name}"), "1"), json!({"spec": {"nodeName": name}})))?;
    }
    stage.seen(2)?;
    stage.pod(&pod_of_class("urgent", "1", "urgent"))?;
    ensure!(stage.placed("urgent")? == "second");
    ensure!(stage.look("on-first")?.is_some(), "the extender's choice was not heeded");
    let sent = extender.sent("preempt").pop().context("the extender was not asked to preempt")?;
    let uids = &sent["NodeNameToMetaVictims"]["first"]["Pods"];
    let uid = stage.look("on-first")?.unwrap_or_default()["metadata"]["uid"].clone();
    ensure!(*uids == json!([{"UID": uid}]), "sent {sent}");
    Ok(())
}

pub(super) fn dead(stage: &mut Stage) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/extender", crate::control_plane::free_port()?);
    let managed = json!([{"name": "example.com/licence", "ignoredByScheduler": true}]);
    let config = json!({"extenders": [
        {"urlPrefix": url, "filterVerb": "optional", "ignorable": true},
        {"urlPrefix": url, "filterVerb": "filter", "managedResources": managed},
    ]});
    let _scheduler = stage.schedule_by(&config)?;
    stage.nodes(&[node("host")])?;
    let limits = json!({"spec": {"containers": [
        {"name": "main", "image": "pause", "resources": {"limits": {"example.com/licence": "1"}}},
    ]}});
    stage.pod(&with(pod("managed"), limits))?;
    let said = stage.waits("managed")?;
    ensure!(
        said.reason == "SchedulerError" && said.message.to_lowercase().contains("connection refused"),
        "{said:?}"
    );
    // It holds up only those that need it.
    stage.pod(&pod("unmanaged"))?;
    ensure!(stage.placed("unmanaged")? == "host");
    Ok(())
}
