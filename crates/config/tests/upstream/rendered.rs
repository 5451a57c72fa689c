//! What a configuration resolves to, in the form in which upstream's answers are recorded.

use berth_config::{
    AddedAffinity, Configuration, Extender, ExtensionPoints, NodeSelectorTerm, Operator, PluginArgs,
    ResourceWeight, ScoringStrategy, ShapePoint, SpreadConstraint, SpreadDefaulting, WeightedPlugin,
    WhenUnsatisfiable,
};
use berth_engine::name::PluginName;
use serde_json::{Map, Value, json};

pub(crate) fn points(points: &ExtensionPoints) -> Value {
    let weighted = |plugins: &[WeightedPlugin]| -> Vec<String> {
        plugins.iter().map(|p| format!("{}={}", p.name, p.weight)).collect()
    };
    let names = |plugins: &[PluginName]| -> Vec<String> { plugins.iter().map(|p| p.to_string()).collect() };
    let all = json!({
        "preEnqueue": names(&points.pre_enqueue),
        "queueSort": names(&points.queue_sort),
        "preFilter": names(&points.pre_filter),
        "filter": names(&points.filter),
        "postFilter": names(&points.post_filter),
        "preScore": names(&points.pre_score),
        "score": weighted(&points.score),
        "reserve": names(&points.reserve),
        "permit": names(&points.permit),
        "preBind": names(&points.pre_bind),
        "bind": names(&points.bind),
        "postBind": names(&points.post_bind),
        "placementGenerate": names(&points.placement_generate),
        "placementScore": weighted(&points.placement_score),
        "podGroupPostFilter": names(&points.pod_group_post_filter),
    });
    present(all)
}

pub(crate) fn args(args: &PluginArgs) -> Value {
    let fit = &args.node_resources_fit;
    let (strategy, ratio) = match &fit.scoring_strategy {
        ScoringStrategy::LeastAllocated => ("LeastAllocated", Value::Null),
        ScoringStrategy::MostAllocated => ("MostAllocated", Value::Null),
        ScoringStrategy::RequestedToCapacityRatio(points) => {
            ("RequestedToCapacityRatio", json!({ "Shape": shape(points) }))
        }
    };
    let (defaulting, constraints) = match &args.pod_topology_spread.defaulting {
        SpreadDefaulting::System => ("System", Value::Null),
        SpreadDefaulting::List(list) => ("List", or_null(list.iter().map(constraint).collect())),
    };
    json!({
        "DefaultPreemption": {
            "MinCandidateNodesPercentage": args.default_preemption.min_candidate_nodes_percentage,
            "MinCandidateNodesAbsolute": args.default_preemption.min_candidate_nodes_absolute,
        },
        "DynamicResources": {
            "FilterTimeout": args.dynamic_resources.filter_timeout.to_string(),
            "BindingTimeout": args.dynamic_resources.binding_timeout.to_string(),
        },
        "InterPodAffinity": {
            "HardPodAffinityWeight": args.inter_pod_affinity.hard_pod_affinity_weight,
            "IgnorePreferredTermsOfExistingPods":
                args.inter_pod_affinity.ignore_preferred_terms_of_existing_pods,
        },
        "NodeAffinity": { "AddedAffinity": args.node_affinity.added_affinity.as_ref().map(affinity) },
        "NodeResourcesBalancedAllocation": { "Resources": resources(&args.balanced_allocation.resources) },
        "NodeResourcesFit": {
            "IgnoredResources": or_null(fit.ignored_resources.iter().map(|r| json!(r)).collect()),
            "IgnoredResourceGroups": or_null(fit.ignored_resource_groups.iter().map(|r| json!(r)).collect()),
            "ScoringStrategy": {
                "Type": strategy,
                "Resources": resources(&fit.resources),
                "RequestedToCapacityRatio": ratio,
            },
        },
        "PodTopologySpread": { "DefaultConstraints": constraints, "DefaultingType": defaulting },
        "VolumeBinding": {
            "BindTimeoutSeconds": args.volume_binding.bind_timeout_seconds,
            "Shape": shape(&args.volume_binding.shape),
        },
    })
}

pub(crate) fn settings(c: &Configuration) -> Value {
    let (client, election) = (&c.client_connection, &c.leader_election);
    let mut by_address: Vec<&Extender> = c.extenders.iter().collect();
    by_address.sort_by_key(|e| &e.url_prefix);
    let asked: Vec<&String> = c.extenders.iter().map(|e| &e.url_prefix).collect();
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "Parallelism": c.parallelism,
        "PercentageOfNodesToScore": c.percentage_of_nodes_to_score,
        "PodInitialBackoffSeconds": c.pod_initial_backoff_seconds,
        "PodMaxBackoffSeconds": c.pod_max_backoff_seconds,
        "EnableProfiling": c.enable_profiling,
        "EnableContentionProfiling": c.enable_contention_profiling,
        "DelayCacheUntilActive": c.delay_cache_until_active,
        "ClientConnection": {
            "Kubeconfig": client.kubeconfig,
            "AcceptContentTypes": client.accept_content_types,
            "ContentType": client.content_type,
            "QPS": number(client.qps),
            "Burst": client.burst,
        },
        "LeaderElection": {
            "LeaderElect": election.leader_elect,
            "LeaseDuration": election.lease_duration.to_string(),
            "RenewDeadline": election.renew_deadline.to_string(),
            "RetryPeriod": election.retry_period.to_string(),
            "ResourceLock": election.resource_lock,
            "ResourceName": election.resource_name,
            "ResourceNamespace": election.resource_namespace,
        },
        // Upstream keeps them as written, which in the recorded configurations is by address.
        "Extenders": or_null(by_address.into_iter().map(extender).collect()),
        "Asked": asked,
    })
}

/// Go leaves the point off a whole number.
fn number(value: f32) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

/// Go shows a list that was never set as null.
fn or_null(list: Vec<Value>) -> Value {
    if list.is_empty() { Value::Null } else { list.into() }
}

fn resources(resources: &[ResourceWeight]) -> Vec<Value> {
    resources.iter().map(|r| json!({ "Name": r.name, "Weight": r.weight })).collect()
}

fn shape(points: &[ShapePoint]) -> Vec<Value> {
    points.iter().map(|p| json!({ "Utilization": p.utilization, "Score": p.score })).collect()
}

/// An object without the fields that hold nothing, as `omitempty` makes it.
fn present(fields: Value) -> Value {
    let Value::Object(fields) = fields else { return fields };
    let kept = fields.into_iter().filter(|(_, v)| !v.is_null() && *v != json!([]));
    Value::Object(kept.collect::<Map<_, _>>())
}

fn constraint(c: &SpreadConstraint) -> Value {
    present(json!({
        "maxSkew": c.max_skew,
        "topologyKey": c.topology_key,
        "whenUnsatisfiable": match c.when_unsatisfiable {
            WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
            WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
        },
        "minDomains": c.min_domains,
        "nodeAffinityPolicy": c.node_affinity_policy.map(|p| format!("{p:?}")),
        "nodeTaintsPolicy": c.node_taints_policy.map(|p| format!("{p:?}")),
    }))
}

fn affinity(a: &AddedAffinity) -> Value {
    let preferred =
        |p: &berth_config::PreferredTerm| json!({ "weight": p.weight, "preference": term(&p.term) });
    present(json!({
        "requiredDuringSchedulingIgnoredDuringExecution": a.required.as_ref().map(|terms| {
            json!({ "nodeSelectorTerms": terms.iter().map(term).collect::<Vec<_>>() })
        }),
        "preferredDuringSchedulingIgnoredDuringExecution": a.preferred.iter().map(preferred).collect::<Vec<_>>(),
    }))
}

fn term(t: &NodeSelectorTerm) -> Value {
    let name = |operator: Operator| format!("{operator:?}");
    let labels: Vec<Value> = t
        .match_expressions
        .iter()
        .map(|r| present(json!({ "key": r.key, "operator": name(r.operator), "values": r.values })))
        .collect();
    let equality = |equal| if equal { "In" } else { "NotIn" };
    let fields: Vec<Value> = t
        .match_fields
        .iter()
        .map(|r| json!({ "key": r.key, "operator": equality(r.equal), "values": [r.value] }))
        .collect();
    present(json!({ "matchExpressions": labels, "matchFields": fields }))
}

fn extender(e: &Extender) -> Value {
    let managed = e.managed_resources.iter();
    let managed = managed.map(|r| json!({ "Name": r.name, "IgnoredByScheduler": r.ignored_by_scheduler }));
    json!({
        "URLPrefix": e.url_prefix,
        "FilterVerb": e.filter_verb,
        "PreemptVerb": e.preempt_verb,
        "PrioritizeVerb": e.prioritize_verb,
        "Weight": e.weight,
        "BindVerb": e.bind_verb,
        "EnableHTTPS": e.enable_https,
        "TLSConfig": e.tls.as_ref().map(|t| json!({
            "Insecure": t.insecure,
            "ServerName": t.server_name,
            "CertFile": t.cert_file,
            "KeyFile": t.key_file,
            "CAFile": t.ca_file,
        })),
        "HTTPTimeout": e.http_timeout.to_string(),
        "NodeCacheCapable": e.node_cache_capable,
        "ManagedResources": or_null(managed.collect()),
        "Ignorable": e.ignorable,
    })
}
