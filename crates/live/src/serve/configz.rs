//! The configuration of this process, as a `KubeSchedulerConfiguration`, without the addresses and certificates of
//! extenders.

use berth_config::{Configuration, ExtensionPoints, ResolvedProfile, WeightedPlugin};
use berth_engine::name::PluginName;
use serde_json::{Value, json};

/// The body of `/configz`, with upstream's key.
pub(super) fn text(configuration: &Configuration) -> String {
    json!({"kubescheduler.config.k8s.io": value(configuration)}).to_string()
}

fn value(configuration: &Configuration) -> Value {
    let election = &configuration.leader_election;
    let client = &configuration.client_connection;
    let profiles: Vec<Value> = configuration.profiles.iter().map(profile).collect();
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "parallelism": configuration.parallelism,
        "percentageOfNodesToScore": configuration.percentage_of_nodes_to_score,
        "podInitialBackoffSeconds": configuration.pod_initial_backoff_seconds,
        "podMaxBackoffSeconds": configuration.pod_max_backoff_seconds,
        "leaderElection": {
            "leaderElect": election.leader_elect,
            "leaseDuration": election.lease_duration.to_string(),
            "renewDeadline": election.renew_deadline.to_string(),
            "retryPeriod": election.retry_period.to_string(),
            "resourceLock": election.resource_lock,
            "resourceName": election.resource_name,
            "resourceNamespace": election.resource_namespace,
        },
        "clientConnection": {"kubeconfig": client.kubeconfig, "qps": client.qps, "burst": client.burst},
        "profiles": profiles,
        "extenders": configuration.extenders.iter().map(extender).collect::<Vec<_>>(),
    })
}

fn profile(profile: &ResolvedProfile) -> Value {
    let points = &profile.points;
    let ExtensionPoints { queue_sort, pre_filter, filter, post_filter, pre_score, score, reserve, .. } =
        points;
    json!({
        "schedulerName": profile.scheduler_name,
        "percentageOfNodesToScore": profile.percentage_of_nodes_to_score,
        "tieBreak": profile.tie_break.config_name(),
        "plugins": {
            "preEnqueue": enabled(&points.pre_enqueue),
            "queueSort": enabled(queue_sort),
            "preFilter": enabled(pre_filter),
            "filter": enabled(filter),
            "postFilter": enabled(post_filter),
            "preScore": enabled(pre_score),
            "score": {"enabled": score.iter().map(weighted).collect::<Vec<_>>()},
            "reserve": enabled(reserve),
            "permit": enabled(&points.permit),
            "preBind": enabled(&points.pre_bind),
            "bind": enabled(&points.bind),
            "postBind": enabled(&points.post_bind),
        },
    })
}

fn enabled(names: &[PluginName]) -> Value {
    json!({"enabled": names.iter().map(|name| json!({"name": **name})).collect::<Vec<_>>()})
}

fn weighted(plugin: &WeightedPlugin) -> Value {
    json!({"name": *plugin.name, "weight": plugin.weight})
}

fn extender(extender: &berth_config::Extender) -> Value {
    json!({
        "filterVerb": extender.filter_verb,
        "prioritizeVerb": extender.prioritize_verb,
        "preemptVerb": extender.preempt_verb,
        "bindVerb": extender.bind_verb,
        "weight": extender.weight,
        "nodeCacheCapable": extender.node_cache_capable,
        "ignorable": extender.ignorable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_can_be_read_again() {
        let configuration = Configuration::default();
        let mut shown = value(&configuration);
        assert_eq!(shown["profiles"][0]["schedulerName"], "default-scheduler");
        // All plugins are named, so the default ones must be disabled first.
        let plugins = shown["profiles"][0]["plugins"].as_object_mut().unwrap();
        plugins.values_mut().for_each(|point| point["disabled"] = json!([{"name": "*"}]));
        let again = berth_config::parse(shown.to_string().as_bytes()).unwrap();
        assert_eq!(again.profiles[0].points, configuration.profiles[0].points);
        assert_eq!(again.leader_election, configuration.leader_election);
    }
}
