//! The objects of `resource.k8s.io/v1`.

use super::{load, wrong};

const SLICE: &str = "{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s}, spec: {driver: \
                     gpu.example.com, pool: {name: p, resourceSliceCount: 1}, ";

fn slice(spec: &str) -> String {
    format!("{SLICE}{spec}}}}}\n")
}

fn claim(devices: &str) -> String {
    format!(
        "{{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {{name: c}}, spec: {{devices: {{{devices}}}}}}}\n"
    )
}

fn request(exactly: &str) -> String {
    claim(&format!("requests: [{{name: gpu, exactly: {{deviceClassName: gpu, {exactly}}}}}]"))
}

#[test]
fn a_request_is_for_one_device_unless_it_says_otherwise() {
    use berth_model::device::{AllocationMode, Ask};
    let mode = |exactly: &str| {
        let claims = load(&request(exactly)).resource_claims;
        match &claims[0].value.spec.requests[0].ask {
            Ask::Exactly(one) => one.mode,
            Ask::FirstAvailable(_) => panic!("{exactly}"),
        }
    };
    assert_eq!(mode(""), AllocationMode::Count(1));
    assert_eq!(mode("count: 3"), AllocationMode::Count(3));
    assert_eq!(mode("allocationMode: All"), AllocationMode::All);
}

#[test]
fn what_the_api_server_refuses_is_named_with_its_field() {
    let node = "nodeName: n1, ";
    let device = |fields: &str| slice(&format!("{node}devices: [{{name: d, {fields}}}]"));
    let cases = [
        (
            request("allocationMode: Some"),
            "spec.devices.requests[0].exactly.allocationMode",
            "All, ExactCount",
        ),
        (request("allocationMode: All, count: 2"), "exactly.count", "must not be given"),
        (request("count: -1"), "exactly.count", "must be above zero"),
        (
            claim("requests: [{name: gpu}]"),
            "spec.devices.requests[0]",
            "exactly one of exactly and firstAvailable",
        ),
        (
            claim(
                "requests: [{name: gpu, exactly: {deviceClassName: gpu}}], constraints: [{requests: [nic], \
                 matchAttribute: example.com/numa}]",
            ),
            "spec.devices.constraints[0].requests",
            "expected the name of a request",
        ),
        (
            claim(
                "requests: [{name: gpu, exactly: {deviceClassName: gpu}}], constraints: [{matchAttribute: numa}]",
            ),
            "matchAttribute",
            "expected a domain and a name",
        ),
        (slice(""), "spec", "exactly one of nodeName, nodeSelector, allNodes and perDeviceNodeSelection"),
        (slice("nodeName: n1, allNodes: true"), "spec", "exclude each other"),
        (device("attributes: {model: {string: a, int: 1}}"), "attributes.model", "exactly one value"),
        (device("attributes: {'-a': {int: 1}}"), "attributes", "expected at most 32 letters"),
        (device("capacity: {memory: {value: 1Q}}"), "capacity.memory.value", "quantities must match"),
        (
            device("capacity: {memory: {value: 8Gi, requestPolicy: {default: 1Gi}}}"),
            "capacity",
            "needs allowMultipleAllocations: true",
        ),
        (device("bindingConditions: [a]"), "devices[0]", "only used together"),
    ];
    for (text, field, part) in cases {
        let problems = wrong(&text);
        let found = problems.iter().any(|problem| problem.contains(field) && problem.contains(part));
        assert!(found, "no {field} with {part:?} in {problems:#?}\nin:\n{text}");
    }
}

#[test]
fn a_pod_names_a_claim_or_a_template() {
    use berth_model::pod::ClaimSource;
    let pod = |claims: &str| super::pod_yaml(&format!("resourceClaims: [{claims}]"));
    let sources = |text: &str| -> Vec<ClaimSource> {
        let claims = super::pod(text).pod.spec.resource_claims.clone();
        claims.into_iter().map(|claim| claim.source).collect()
    };
    let text = pod("{name: a, resourceClaimName: c}, {name: b, resourceClaimTemplateName: t}");
    assert_eq!(sources(&text), [ClaimSource::Claim("c".into()), ClaimSource::Template("t".into())]);
    let both = wrong(&pod("{name: a, resourceClaimName: c, resourceClaimTemplateName: t}"));
    assert!(both[0].contains("exclude each other"), "{both:?}");
    let twice = wrong(&pod("{name: a, resourceClaimName: c}, {name: a, resourceClaimName: d}"));
    assert!(twice[0].contains("is the name of two of them"), "{twice:?}");
}
