//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.
//!
//! Upstream: `pkg/apis/apps/v1/defaults.go`, core `v1/defaults.go` (`SetDefaults_ReplicationController`).

use berth_model::Str;
use berth_model::pod_manifest::PodTemplate;
use berth_model::selector::LabelSelector;
use berth_model::workload::{PodCount, ScaledFor, Workload, WorkloadKind, WorkloadTiming};

use crate::context::{Context, Step};
use crate::decode::{IntoModel, List, Obj, StringMap, wire_object};
use crate::meta::{Meta, MetaField};
use crate::pod::{TemplateWire, no_such_volume};
use crate::selector::{LabelSelectorWire, one_of};
use crate::storage::ClaimWire;
use crate::syntax::check_labels;
use crate::workload::rollout::StrategyWire;

wire_object! {
    /// `v1.StatefulSetOrdinals`.
    pub(crate) struct OrdinalsWire {
        start: i32 = "start",
    }
    skipped {}
}

wire_object! {
    /// The specs of `apps/v1` controllers.
    pub(crate) struct ControllerSpecWire {
        replicas: Option<i32> = "replicas",
        selector: Obj<LabelSelectorWire> = "selector",
        template: Obj<TemplateWire> = "template",
        claim_templates: List<ClaimWire> = "volumeClaimTemplates",
        ordinals: OrdinalsWire = "ordinals",
        strategy: StrategyWire = "strategy",
        update_strategy: StrategyWire = "updateStrategy",
        management: Str = "podManagementPolicy",
        paused: bool = "paused",
        min_ready: i32 = "minReadySeconds",
    }
    skipped {
        "revisionHistoryLimit" "progressDeadlineSeconds" "serviceName"
        "persistentVolumeClaimRetentionPolicy"
    }
}

wire_object! {
    /// A controller of `apps/v1`.
    pub(crate) struct ControllerWire {
        meta: MetaField = "metadata",
        spec: ControllerSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

impl ControllerWire {
    pub(crate) fn into_model(self, cx: &mut Context, kind: WorkloadKind) -> Workload {
        let meta = self.meta.named(cx);
        let spec = self.spec;
        let selector = spec.selector.0;
        cx.within(Step::Field("spec"), |cx| {
            if selector.is_none() {
                cx.problem_at(
                    "selector",
                    "missing; expected a label selector that matches the template's labels",
                );
            }
            let template = template(cx, spec.template.0);
            check_selects(cx, selector.as_ref(), &template);
            let count = match kind {
                WorkloadKind::DaemonSet => PodCount::PerNode,
                _ => PodCount::Replicas { count: replicas(cx, spec.replicas), first: spec.ordinals.start },
            };
            let (field, strategy) = match kind {
                WorkloadKind::Deployment => ("strategy", spec.strategy),
                _ => ("updateStrategy", spec.update_strategy),
            };
            let rollout = cx.within(Step::Field(field), |cx| strategy.into_model(cx, kind));
            let parallel = match &*spec.management {
                "" => false,
                name => {
                    one_of(cx, "podManagementPolicy", name, &[("OrderedReady", false), ("Parallel", true)])
                }
            };
            let claim_templates = spec.claim_templates.0;
            let is_claim =
                |message: &str| claim_templates.iter().any(|claim| message == no_such_volume(&claim.name));
            cx.refusals.retain(|refusal| !is_claim(&refusal.message));
            Workload {
                sets_replicas: spec.replicas.is_some(),
                claim_templates,
                rollout,
                parallel,
                paused: spec.paused,
                timing: WorkloadTiming {
                    min_ready_seconds: spec.min_ready.max(0),
                    ..WorkloadTiming::default()
                },
                ..workload(kind, meta, selector, template, count)
            }
        })
    }
}

wire_object! {
    /// `v1.ReplicationControllerSpec`.
    pub(crate) struct ReplicationSpecWire {
        replicas: Option<i32> = "replicas",
        selector: StringMap = "selector",
        template: Obj<TemplateWire> = "template",
    }
    skipped { "minReadySeconds" }
}

wire_object! {
    /// `v1.ReplicationController`.
    pub(crate) struct ReplicationControllerWire {
        meta: MetaField = "metadata",
        spec: ReplicationSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

impl IntoModel for ReplicationControllerWire {
    type Out = Workload;

    fn into_model(self, cx: &mut Context) -> Workload {
        let meta = self.meta.named(cx);
        let spec = self.spec;
        cx.within(Step::Field("spec"), |cx| {
            check_labels(cx, "selector", &spec.selector.0);
            let template = template(cx, spec.template.0);
            let labels = if spec.selector.0.is_empty() { &template.labels } else { &spec.selector.0 };
            let selector = Some(LabelSelector::from_labels(labels));
            check_selects(cx, selector.as_ref(), &template);
            let count = PodCount::Replicas { count: replicas(cx, spec.replicas), first: 0 };
            let sets_replicas = spec.replicas.is_some();
            Workload {
                sets_replicas,
                ..workload(WorkloadKind::ReplicationController, meta, selector, template, count)
            }
        })
    }
}

fn replicas(cx: &mut Context, count: Option<i32>) -> i32 {
    let count = count.unwrap_or(1);
    if count < 0 {
        cx.problem_at("replicas", format!("found {count}, expected an integer that is not negative"));
    }
    count
}

/// The template of a controller's spec, which must be there.
pub(crate) fn template(cx: &mut Context, template: Option<PodTemplate>) -> PodTemplate {
    template.unwrap_or_else(|| {
        cx.problem_at("template", "missing; expected a pod template");
        PodTemplate::default()
    })
}

fn check_selects(cx: &mut Context, selector: Option<&LabelSelector>, template: &PodTemplate) {
    if selector.is_some_and(|selector| !selector.matches(&template.labels)) {
        cx.within(Step::Field("template"), |cx| {
            cx.within(Step::Field("metadata"), |cx| {
                cx.problem_at(
                    "labels",
                    "are not matched by the selector, so the controller would not know its pods",
                );
            });
        });
    }
}

/// The annotation by which a Deployment counts its ReplicaSets.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotations by which a Deployment remembers for which size it scaled a ReplicaSet.
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(crate) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// A workload without what only some kinds have.
pub(crate) fn workload(
    kind: WorkloadKind,
    meta: Meta,
    selector: Option<LabelSelector>,
    template: PodTemplate,
    count: PodCount,
) -> Workload {
    let number = |key| meta.annotations.get(key).and_then(|text| text.parse().ok());
    let scaled_for = number(DESIRED).zip(number(MAX)).map(|(desired, max)| ScaledFor { desired, max });
    Workload {
        revision: meta.annotations.get(REVISION).and_then(|text| text.parse().ok()),
        scaled_for,
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        labels: meta.labels,
        created: meta.created,
        controller: meta.controller,
        terminating: meta.terminating,
        selector,
        template,
        count,
        ..Workload::empty(kind)
    }
}
