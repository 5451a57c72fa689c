//! The pod spec: everything in it that decides where a pod runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::Str;
use berth_model::execution::{Annotated, Execution};
use berth_model::node::ResourceList;
use berth_model::pod::{ClaimSource, Container, PodResourceClaim, PodSpec};
use berth_model::pod_level::{PodLevel, is_huge_pages};
use berth_model::pod_manifest::{Admission, RestartPolicy, SpecTemplate};
use berth_model::volume::PodVolumeSource;

use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, List, StringMap, UninternedStr, wire_object};
use crate::pod::affinity::AffinityWire;
use crate::pod::container::{ContainerParts, ContainerWire, take_host_ports};
use crate::pod::resources::ResourcesWire;
use crate::pod::spread::{SpreadWire, check_distinct};
use crate::pod::toleration::TolerationWire;
use crate::pod::volume::{VolumeParts, VolumeWire};
use crate::selector::one_of;
use crate::syntax::{check_dns_label, check_labels, check_subdomain};

wire_object! {
    /// `v1.PodSchedulingGate`, `v1.PodOS`: an object with a name.
    pub(crate) struct NamedWire {
        name: Str = "name",
    }
    skipped {}
}

wire_object! {
    /// `v1.PodResourceClaim`.
    pub(crate) struct PodClaimWire {
        name: Str = "name",
        claim: Str = "resourceClaimName",
        template: Str = "resourceClaimTemplateName",
    }
    skipped { "podGroupResourceClaim" }
}

impl IntoModel for PodClaimWire {
    type Out = PodResourceClaim;

    fn into_model(self, cx: &mut Context) -> PodResourceClaim {
        check_dns_label(cx, "name", &self.name);
        let source = match (non_empty(self.claim), non_empty(self.template)) {
            (Some(name), None) => {
                check_subdomain(cx, "resourceClaimName", &name);
                ClaimSource::Claim(name)
            }
            (None, Some(name)) => {
                check_subdomain(cx, "resourceClaimTemplateName", &name);
                ClaimSource::Template(name)
            }
            (None, None) => ClaimSource::Unknown,
            (Some(_), Some(_)) => {
                cx.problem("resourceClaimName and resourceClaimTemplateName exclude each other");
                ClaimSource::Unknown
            }
        };
        PodResourceClaim { name: self.name, source }
    }
}

wire_object! {
    /// `v1.PodSpec`.
    pub(crate) struct PodSpecWire {
        volumes: List<VolumeWire> = "volumes",
        init_containers: List<ContainerWire> = "initContainers",
        containers: List<ContainerWire> = "containers",
        node_selector: StringMap = "nodeSelector",
        node_name: UninternedStr = "nodeName",
        host_network: bool = "hostNetwork",
        host_users: Option<bool> = "hostUsers",
        affinity: AffinityWire = "affinity",
        scheduler_name: Str = "schedulerName",
        tolerations: List<TolerationWire> = "tolerations",
        priority_class: Str = "priorityClassName",
        priority: Option<i32> = "priority",
        runtime_class: Str = "runtimeClassName",
        preemption_policy: Str = "preemptionPolicy",
        overhead: ResourceList = "overhead",
        spread: List<SpreadWire> = "topologySpreadConstraints",
        os: NamedWire = "os",
        gates: Vec<NamedWire> = "schedulingGates",
        claims: List<PodClaimWire> = "resourceClaims",
        restart_policy: Str = "restartPolicy",
        resources: ResourcesWire = "resources",
        grace: Option<i64> = "terminationGracePeriodSeconds",
        deadline: Option<i64> = "activeDeadlineSeconds",
    }
    skipped {
        "ephemeralContainers" "dnsPolicy"
        "serviceAccountName" "serviceAccount" "automountServiceAccountToken" "hostPID" "hostIPC"
        "shareProcessNamespace" "securityContext" "imagePullSecrets" "hostname" "subdomain" "hostAliases" "dnsConfig"
        "readinessGates" "enableServiceLinks" "setHostnameAsFQDN" "hostnameOverride" "workloadRef"
        "schedulingGroup" "evictionResponders"
    }
}

impl IntoModel for PodSpecWire {
    type Out = SpecTemplate;

    fn into_model(self, cx: &mut Context) -> SpecTemplate {
        if self.containers.0.is_empty() {
            cx.problem_at("containers", "missing; expected at least one container");
        }
        check_labels(cx, "nodeSelector", &self.node_selector.0);
        check_names(cx, &self.init_containers.0, &self.containers.0, &self.claims.0);
        check_volumes(cx, &self.volumes.0);
        check_mounts(cx, "initContainers", &self.init_containers.0, &self.volumes.0);
        check_mounts(cx, "containers", &self.containers.0, &self.volumes.0);
        check_huge_pages(cx, &self.containers.0);
        check_distinct(cx, &self.spread.0);
        let execution = self.execution(cx);
        let network = self.host_network;
        let init_containers = containers(cx, "initContainers", self.init_containers, network);
        let containers = containers(cx, "containers", self.containers, network);
        let never_preempts = match &*self.preemption_policy {
            "" => false,
            name => one_of(cx, "preemptionPolicy", name, PREEMPTION_POLICIES),
        };
        let os = operating_system(cx, self.os.name);
        let scheduler_name = non_empty(self.scheduler_name).unwrap_or_else(|| cx.intern("default-scheduler"));
        // Volumes that are everywhere decide nothing, and their generated names would make every pod's spec its own.
        let (mut volumes, mut ephemeral_claims) = (Vec::new(), Vec::new());
        let has_empty_dir = self.volumes.0.iter().any(|parts| parts.is_empty_dir);
        for VolumeParts { volume, claim, .. } in self.volumes.0 {
            volumes.push(volume);
            ephemeral_claims.extend(claim);
        }
        volumes.retain(|volume| volume.source != PodVolumeSource::Local);
        let mut spec = PodSpec {
            scheduler_name,
            priority: self.priority.unwrap_or_default(),
            never_preempts,
            scheduling_gates: gates(cx, self.gates),
            node_selector: self.node_selector.0,
            node_affinity: self.affinity.node.0.unwrap_or_default(),
            tolerations: self.tolerations.0,
            spread: self.spread.0,
            init_containers,
            containers,
            overhead: self.overhead,
            pod_requests: self.resources.requests,
            pod_limits: self.resources.limits.unwrap_or_default(),
            volumes,
            host_network: network,
            user_namespace: self.host_users == Some(false),
            resource_claims: self.claims.0,
            os,
            ..PodSpec::default()
        };
        let admission = Admission {
            has_priority: self.priority.is_some(),
            priority_class: non_empty(self.priority_class),
            runtime_class: non_empty(self.runtime_class),
            pod_level: PodLevel::of(&spec),
        };
        if let Some(pod_level) = &admission.pod_level {
            pod_level.complete(&mut spec);
        }
        SpecTemplate {
            spec,
            pod_affinity: self.affinity.pod.0.unwrap_or_default(),
            pod_anti_affinity: self.affinity.anti.0.unwrap_or_default(),
            node: non_empty(self.node_name.0),
            admission,
            ephemeral_claims,
            has_empty_dir,
            execution,
        }
    }
}

impl PodSpecWire {
    /// What the pod does on its node.
    fn execution(&self, cx: &mut Context) -> Arc<Execution> {
        let of = |parts: &[ContainerParts]| parts.iter().map(|parts| parts.execution).collect();
        Execution::shared(Execution {
            restart_policy: match &*self.restart_policy {
                "" => RestartPolicy::Always,
                name => one_of(cx, "restartPolicy", name, RESTART_POLICIES),
            },
            // Upstream takes a negative period for one second.
            grace_seconds: self.grace.map_or(30, |seconds| u32::try_from(seconds).unwrap_or(1)),
            active_deadline_seconds: self.deadline.and_then(|seconds| u32::try_from(seconds).ok()),
            init_containers: of(&self.init_containers.0),
            containers: of(&self.containers.0),
            annotated: Annotated::default(),
        })
    }
}

fn operating_system(cx: &mut Context, name: Str) -> Option<Str> {
    let name = non_empty(name)?;
    cx.within(Step::Field("os"), |cx| one_of(cx, "name", &name, SYSTEMS));
    Some(name)
}

const PREEMPTION_POLICIES: &[(&str, bool)] = &[("Never", true), ("PreemptLowerPriority", false)];
const SYSTEMS: &[(&str, ())] = &[("linux", ()), ("windows", ())];
const RESTART_POLICIES: &[(&str, RestartPolicy)] = &[
    ("Always", RestartPolicy::Always),
    ("OnFailure", RestartPolicy::OnFailure),
    ("Never", RestartPolicy::Never),
];

/// Volumes have names of their own.
fn check_volumes(cx: &mut Context, volumes: &[VolumeParts]) {
    for (at, VolumeParts { volume, .. }) in volumes.iter().enumerate() {
        if volumes[..at].iter().any(|earlier| earlier.volume.name == volume.name) {
            cx.problem_at("volumes", format!("{} is the name of two volumes", quoted(&volume.name)));
        }
    }
}

/// A container mounts volumes of its pod. Those that a StatefulSet adds are checked there.
fn check_mounts(
    cx: &mut Context,
    field: &'static str,
    containers: &[ContainerParts],
    volumes: &[VolumeParts],
) {
    for name in containers.iter().flat_map(|parts| &parts.mounted) {
        if !volumes.iter().any(|parts| parts.volume.name == *name) {
            cx.refusal_at(field, no_such_volume(name));
        }
    }
}

/// That a volume is mounted that the pod does not have.
pub(crate) fn no_such_volume(name: &str) -> String {
    format!("a container mounts the volume {}, which the pod does not have", quoted(name))
}

/// Huge pages need a request for CPU or memory beside them.
fn check_huge_pages(cx: &mut Context, containers: &[ContainerParts]) {
    let requests = || containers.iter().flat_map(|parts| &parts.container.requests).map(|(name, _)| &**name);
    if requests().any(is_huge_pages) && !requests().any(|name| matches!(name, "cpu" | "memory")) {
        cx.refusal_at("containers", "huge pages are requested without cpu or memory");
    }
}

/// In Go an empty string is the same as none.
pub(crate) fn non_empty(text: Str) -> Option<Str> {
    (!text.is_empty()).then_some(text)
}

fn containers(
    cx: &mut Context,
    field: &'static str,
    parts: List<ContainerWire>,
    host_network: bool,
) -> Vec<Container> {
    cx.within(Step::Field(field), |cx| {
        let take = |(at, parts)| cx.within(Step::Index(at), |cx| take_host_ports(cx, parts, host_network));
        parts.0.into_iter().enumerate().map(take).collect()
    })
}

fn gates(cx: &mut Context, gates: Vec<NamedWire>) -> Vec<Str> {
    let names: Vec<Str> = gates.into_iter().map(|gate| gate.name).collect();
    if names.iter().any(|name| name.is_empty()) {
        cx.problem_at("schedulingGates", "a gate has no name");
    }
    names
}

/// Containers refer to claims by their names, so names must differ.
fn check_claims(cx: &mut Context, claims: &[PodResourceClaim]) {
    let mut seen = BTreeSet::new();
    if let Some(claim) = claims.iter().find(|claim| !seen.insert(&claim.name)) {
        let message = format!("{} is the name of two of them", quoted(&claim.name));
        cx.problem_at("resourceClaims", message);
    }
}

/// A status is found by the container's name, so names must differ. So must the names of claims.
fn check_names(
    cx: &mut Context,
    init: &[ContainerParts],
    containers: &[ContainerParts],
    claims: &[PodResourceClaim],
) {
    check_claims(cx, claims);
    let mut seen = BTreeSet::new();
    for (field, list) in [("initContainers", init), ("containers", containers)] {
        for (at, parts) in list.iter().enumerate() {
            let name = &parts.container.name;
            if !name.is_empty() && !seen.insert(name) {
                cx.within(Step::Field(field), |cx| {
                    cx.within(Step::Index(at), |cx| {
                        cx.problem_at(
                            "name",
                            format!("{} is the name of another container too", quoted(name)),
                        );
                    });
                });
            }
        }
    }
}
