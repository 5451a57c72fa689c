//! Objects of kinds that are not read: which of them have no effect on scheduling, and which are mistakes.

use berth_model::object::Kind;
use serde_json::Value;

use crate::context::quoted;

/// The kinds of Kubernetes itself that have no effect on scheduling, by group. A group that the API server serves is
/// here even if all of its kinds are read, so that misspelt kinds are found.
const BUILTIN: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "PodTemplate",
            "Secret",
            "ServiceAccount",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("apps", &["ControllerRevision"]),
    ("autoscaling", &["Scale"]),
    ("batch", &[]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle", "PodCertificateRequest"]),
    ("coordination.k8s.io", &["Lease", "LeaseCandidate"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("events.k8s.io", &["Event"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "IPAddress", "NetworkPolicy", "ServiceCIDR"]),
    ("node.k8s.io", &[]),
    ("policy", &["Eviction"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("resource.k8s.io", &["ResourcePoolStatusRequest"]),
    ("scheduling.k8s.io", &[]),
    ("storage.k8s.io", &["VolumeAttributesClass"]),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

/// Groups of well-known extensions whose objects make no pods, but for those that rules expand.
const EXTENSIONS: &[&str] = &[
    "acme.cert-manager.io",
    "argoproj.io",
    "bitnami.com",
    "cert-manager.io",
    "cilium.io",
    "config.istio.io",
    "crd.projectcalico.org",
    "dashboard.grafana.com",
    "external-secrets.io",
    "extensions.istio.io",
    "gateway.networking.k8s.io",
    "generators.external-secrets.io",
    "helm.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "keda.sh",
    "kustomize.toolkit.fluxcd.io",
    "kyverno.io",
    "monitoring.coreos.com",
    "networking.gke.io",
    "networking.istio.io",
    "notification.toolkit.fluxcd.io",
    "policy.networking.k8s.io",
    "projectcalico.org",
    "security.istio.io",
    "snapshot.storage.k8s.io",
    "source.toolkit.fluxcd.io",
    "telemetry.istio.io",
    "traefik.containo.us",
    "traefik.io",
    "velero.io",
    "wgpolicyk8s.io",
];

/// Kinds whose controllers deploy objects that lie elsewhere, by group.
const DEPLOYERS: &[(&str, &[&str])] = &[
    ("argoproj.io", &["Application", "ApplicationSet"]),
    ("fleet.cattle.io", &["Bundle", "GitRepo"]),
    ("helm.cattle.io", &["HelmChart"]),
    ("helm.toolkit.fluxcd.io", &["HelmRelease"]),
    ("kustomize.toolkit.fluxcd.io", &["Kustomization"]),
];

/// What an object of a kind that is not read is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It has no effect on scheduling.
    Harmless,
    /// It belongs to an extension whose objects make no pods unless they hold containers.
    Extension,
    /// It deploys objects that lie elsewhere.
    Deploys,
    /// Berth does not know the kind.
    Unknown,
    /// The kind or the API version is wrong: why.
    Mistake(String),
}

/// Judges an object by its `apiVersion` and `kind`, which [`Kind::of`] does not know.
pub(crate) fn judge(api_version: &str, kind: &str) -> Unread {
    let group = api_version.split_once('/').map(|(group, _)| group);
    let group = group.or((api_version == "v1").then_some(""));
    if group
        .is_some_and(|group| BUILTIN.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind)))
    {
        return Unread::Harmless;
    }
    if let Some(mistake) = mistake(api_version, group, kind) {
        return Unread::Mistake(mistake);
    }
    match group {
        Some(group) if DEPLOYERS.iter().any(|(of, kinds)| *of == group && kinds.contains(&kind)) => {
            Unread::Deploys
        }
        Some(group) if EXTENSIONS.contains(&group) => Unread::Extension,
        _ => Unread::Unknown,
    }
}

/// What is wrong with a pair that looks like one of Kubernetes but is none.
fn mistake(api_version: &str, group: Option<&str>, kind: &str) -> Option<String> {
    if group == Some("") && kind == "Status" {
        return Some("this is an error message of the API server, not an object".to_owned());
    }
    if group.is_some_and(|group| group == "kustomize.config.k8s.io") {
        return Some(
            "a kustomization is not an object; render it first: kubectl kustomize FOLDER".to_owned(),
        );
    }
    let is_served = |group: &str| BUILTIN.iter().any(|(known, _)| *known == group);
    // Groups with a domain belong to extensions, whose kinds may have any name.
    let of_kubernetes = group.is_none_or(|group| is_served(group) || !group.contains('.'));
    let near_group =
        |right: &str| group.is_some_and(|group| !group.is_empty() && distance(group, right) <= 2);
    let candidates = Kind::ALL.iter().filter(|known| {
        let same_name = known.name.eq_ignore_ascii_case(kind);
        let near_name = kind.len() > 4 && distance(known.name, kind) <= 2;
        match group {
            Some(group) if group == known.group() => same_name || near_name,
            _ => same_name && (of_kubernetes || near_group(known.group())),
        }
    });
    let right = candidates.min_by_key(|known| distance(known.name, kind))?;
    Some(match (right.name == kind, group == Some(right.group())) {
        (true, _) => {
            format!(
                "apiVersion: found {}, but the kind {kind} is in {}",
                quoted(api_version),
                right.api_version
            )
        }
        (false, true) => format!("kind: found {}, expected {}", quoted(kind), right.name),
        (false, false) => format!(
            "found apiVersion {} and kind {}, expected {} and {}",
            quoted(api_version),
            quoted(kind),
            right.api_version,
            right.name
        ),
    })
}

/// Versions that the API server serves beside the one that is in the table of kinds.
const ALSO_SERVED: &[(&str, Kind)] = &[("autoscaling/v1", Kind::Autoscaler)];

/// What is wrong with the version of a kind that is read, if the API server does not serve it.
pub(crate) fn removed_version(api_version: &str, kind: Kind) -> Option<String> {
    let served = kind.api().api_version;
    let is_served = api_version == served || ALSO_SERVED.contains(&(api_version, kind));
    (!is_served).then(|| {
        format!("apiVersion: found {}, which Kubernetes does not serve; use {served}", quoted(api_version))
    })
}

/// Whether an object holds a list of containers, or a container, a script or steps with an image, anywhere.
pub(crate) fn has_containers(json: &Value) -> bool {
    match json {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            let is_one = |value: &Value| value.is_object();
            let found = match key.as_str() {
                "containers" => {
                    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_one))
                }
                "container" | "script" => value.get("image").is_some(),
                "steps" => {
                    value.as_array().is_some_and(|list| list.iter().any(|step| step.get("image").is_some()))
                }
                _ => false,
            };
            found || has_containers(value)
        }),
        Value::Array(items) => items.iter().any(has_containers),
        _ => false,
    }
}

/// How many letters must be added, left out, replaced or swapped with their neighbour to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len().max(b.len()) > 64 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_without_effect_are_known_and_others_are_not() {
        let cases = [
            ("v1", "ConfigMap", Unread::Harmless),
            ("rbac.authorization.k8s.io/v1", "Role", Unread::Harmless),
            ("apps/v1", "ControllerRevision", Unread::Harmless),
            ("monitoring.coreos.com/v1", "ServiceMonitor", Unread::Extension),
            ("argoproj.io/v1alpha1", "Workflow", Unread::Extension),
            ("argoproj.io/v1alpha1", "Application", Unread::Deploys),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", Unread::Deploys),
            ("example.com/v1", "AccessList", Unread::Unknown),
            ("longhorn.io/v1beta2", "Node", Unread::Unknown),
            ("cluster.x-k8s.io/v1beta1", "MachineDeployment", Unread::Unknown),
        ];
        for (api_version, kind, expected) in cases {
            assert_eq!(judge(api_version, kind), expected, "{api_version} {kind}");
        }
    }

    #[test]
    fn a_misspelt_kind_or_group_is_a_mistake_that_names_the_right_one() {
        let cases = [
            ("app/v1", "Deployment", "apiVersion: found \"app/v1\", but the kind Deployment is in apps/v1"),
            ("apps.v1", "Deployment", "apiVersion: found \"apps.v1\", but the kind Deployment is in apps/v1"),
            ("v1", "Deployment", "apiVersion: found \"v1\", but the kind Deployment is in apps/v1"),
            (
                "extensions/v1beta1",
                "Deployment",
                "apiVersion: found \"extensions/v1beta1\", but the kind Deployment is in apps/v1",
            ),
            ("apps/v1", "Deploymnet", "kind: found \"Deploymnet\", expected Deployment"),
            ("apps/v1", "deployment", "kind: found \"deployment\", expected Deployment"),
            ("v2", "pod", "found apiVersion \"v2\" and kind \"pod\", expected v1 and Pod"),
            ("v1", "Status", "this is an error message of the API server, not an object"),
        ];
        for (api_version, kind, expected) in cases {
            assert_eq!(
                judge(api_version, kind),
                Unread::Mistake(expected.to_owned()),
                "{api_version} {kind}"
            );
        }
    }

    #[test]
    fn a_version_that_is_not_served_names_the_one_that_is() {
        let kind = Kind::Workload(berth_model::workload::WorkloadKind::CronJob);
        assert_eq!(removed_version("batch/v1", kind), None);
        let expected = "apiVersion: found \"batch/v1beta1\", which Kubernetes does not serve; use batch/v1";
        assert_eq!(removed_version("batch/v1beta1", kind).as_deref(), Some(expected));
    }

    #[test]
    fn containers_are_found_at_any_depth() {
        let cases = [
            (r#"{"spec":{"a":[{"containers":[{"image":"i"}]}]}}"#, true),
            (r#"{"spec":{"containers":["a"]}}"#, false),
            (r#"{"spec":{"containers":[]}}"#, false),
            (r#"{"spec":{"container":[{}]}}"#, false),
            (r#"{"spec":{"templates":[{"script":{"image":"i","source":"s"}}]}}"#, true),
            (r#"{"spec":{"steps":[{"name":"a"},{"image":"i"}]}}"#, true),
            (r#"{"spec":{"steps":[{"setWeight":20}]}}"#, false),
        ];
        for (json, expected) in cases {
            assert_eq!(has_containers(&serde_json::from_str(json).unwrap()), expected, "{json}");
        }
    }

    #[test]
    fn distance_counts_letters() {
        let cases =
            [("Pod", "Pod", 0), ("Deploymnet", "Deployment", 1), ("Jobs", "Job", 1), ("apps", "batch", 4)];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
