//! Changes of devices that would place a waiting pod.

use berth_engine::cluster::{Cluster, TrialEnd};
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::scheduler::Scheduler;
use berth_model::device::{Reach, ResourceClaim, ResourceSlice};

use super::suggestion::{Change, Suggestion};

/// How many claims are tried on a node.
const TRIED: usize = 8;

/// The first claim on devices of a node without which the pod would fit.
pub(super) fn give_back(
    scheduler: &mut Scheduler,
    profile: usize,
    pod: PodRow,
    node: NodeRow,
) -> Option<Suggestion> {
    let cluster = scheduler.cluster();
    let object = cluster.nodes().object(node);
    let own = |claim: &ResourceClaim| {
        let sources = &cluster.pods().entry(pod).pod.claim_statuses;
        sources.iter().any(|status| status.claim.as_ref() == Some(&claim.name))
    };
    let is_there = |claim: &&ResourceClaim| {
        let selector = claim.allocation.as_ref().and_then(|allocation| allocation.node_selector.as_ref());
        selector.is_some_and(|selector| selector.matches(&object.name, &object.labels)) && !own(claim)
    };
    let claims: Vec<ResourceClaim> =
        cluster.devices().claims().filter(is_there).take(TRIED).cloned().collect();
    claims.into_iter().find_map(|claim| {
        let description = said(&claim);
        let free = ResourceClaim { allocation: None, reserved_for: Vec::new(), devices: Vec::new(), ..claim };
        scheduler.trial(|scheduler| {
            scheduler.cluster_mut().upsert_device_claim(free);
            let taken = scheduler.diagnose(profile, pod).choice();
            let suggestion = taken.map(|(taken, _)| Suggestion {
                change: Change::Devices,
                node: scheduler.cluster().nodes().name(taken).to_string(),
                description,
            });
            (suggestion, TrialEnd::RollBack)
        })
    })
}

fn said(claim: &ResourceClaim) -> String {
    let pods: Vec<String> =
        claim.reserved_for.iter().map(|consumer| format!("{}/{}", claim.namespace, consumer.name)).collect();
    let of = if pods.is_empty() { String::new() } else { format!(", which {} uses", pods.join(", ")) };
    format!("the devices of claim {}/{}{of}, given back", claim.namespace, claim.name)
}

/// Another node like this one has the same devices, all free.
pub(super) fn copy_slices(cluster: &mut Cluster, node: &str) {
    let of_node = |slice: &&ResourceSlice| matches!(&slice.reach, Reach::Node(name) if **name == *node);
    let slices: Vec<ResourceSlice> = cluster.devices().slices().values().filter(of_node).cloned().collect();
    for mut slice in slices {
        slice.name = format!("another-{}", slice.name).into();
        slice.pool.name = format!("another-{}", slice.pool.name).into();
        slice.reach = Reach::Node(format!("another-{node}").into());
        cluster.upsert_slice(slice);
    }
}

#[cfg(test)]
mod tests {
    use berth_engine::profile::Profile;
    use berth_engine::scheduler::Scheduler;

    use crate::explain::explain;
    use crate::fixture::{node, world};
    use crate::run::Options;

    const OPTIONS: Options = Options { preemption: true, all_schedulers: false, verify: false };

    fn class() -> &'static str {
        "---\napiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\n\
         spec: {selectors: [{cel: {expression: 'device.driver == \"d\"'}}]}\n"
    }

    /// A slice of the node with these devices.
    fn slice(devices: &str) -> String {
        format!(
            "---\napiVersion: resource.k8s.io/v1\nkind: ResourceSlice\nmetadata: {{name: s}}\n\
             spec: {{driver: d, nodeName: n1, pool: {{name: n1, generation: 1, resourceSliceCount: 1}}, {devices}}}\n"
        )
    }

    fn claim(name: &str, spec: &str, status: &str) -> String {
        format!(
            "---\napiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {{name: {name}, namespace: default}}\n\
             spec: {{devices: {{{spec}}}}}\n{status}\n"
        )
    }

    fn pod() -> &'static str {
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\
         spec: {resourceClaims: [{name: c, resourceClaimName: mine}], containers: [{name: c, image: i}]}\n"
    }

    /// The details of the only node, and what would help.
    fn explained(slice: &str, more: &str, wanted: &str) -> (Vec<String>, Vec<String>) {
        let text =
            [&node("n1", "", ""), "\n", class(), slice, more, &claim("mine", wanted, ""), pod()].concat();
        let world = world(&text);
        let mut scheduler =
            Scheduler::new(world.cluster.clone(), vec![Profile::standard("default-scheduler")]);
        let explanation = explain(&mut scheduler, world.waiting[0], "greedy".into(), OPTIONS);
        let rejections = explanation.nodes.into_iter().flat_map(|node| node.rejections);
        let details = rejections.flat_map(|rejection| rejection.details).collect();
        (details, explanation.suggestions.into_iter().map(|found| found.description).collect())
    }

    const TWO: &str = "devices: [{name: a, attributes: {model: {string: small}}}, {name: b, attributes: {model: {string: large}}}]";
    const TAINTED: &str = "devices: [{name: a, taints: [{key: k, value: v, effect: NoSchedule}]}]";
    const SHARED: &str =
        "devices: [{name: a, allowMultipleAllocations: true, capacity: {bandwidth: {value: 10G}}}]";
    const MATCHED: &str =
        "devices: [{name: a, attributes: {numa: {int: 0}}}, {name: b, attributes: {numa: {int: 1}}}]";

    /// What a request for devices of the class asks for more, and what the node lacks.
    fn check(devices: &str, more: &str, cases: &[(&str, &str)]) {
        for (ask, expected) in cases {
            let wanted = format!("requests: [{{name: r, exactly: {{deviceClassName: gpu, {ask}}}}}]");
            let (details, _) = explained(devices, more, &wanted);
            assert_eq!(details, [format!("claim default/mine, request r: {expected}")], "{wanted}");
        }
    }

    #[test]
    fn a_node_whose_devices_do_not_suffice_says_what_keeps_each_device() {
        let cases = [
            ("count: 3", "3 devices of class gpu are wanted, 2 of the node's 2 are free"),
            (
                "selectors: [{cel: {expression: 'device.attributes[\"d\"].model == \"huge\"'}}]",
                "1 device of class gpu is wanted, 0 of the node's 2 are free; \
                 2 not selected by device.attributes[\"d\"].model == \"huge\": model is small, large",
            ),
        ];
        check(&slice(TWO), "", &cases);
        let cases = [
            (
                "count: 2",
                "2 devices of class gpu are wanted, 1 of the node's 2 is free; 1 allocated to default/theirs",
            ),
            (
                "allocationMode: All",
                "all devices of class gpu are wanted, 1 of the node's 2 is free; 1 allocated to default/theirs",
            ),
        ];
        check(&slice(TWO), &theirs(), &cases);
        let why = "1 device of class gpu is wanted, 0 of the node's 1 are free; 1 with taint k=v:NoSchedule, not tolerated";
        check(&slice(TAINTED), "", &[("count: 1", why)]);
        let why = "1 device of class gpu is wanted, 0 of the node's 1 are free; \
                   1 without enough bandwidth: 11G is wanted of 10G";
        check(&slice(SHARED), "", &[("capacity: {requests: {bandwidth: 11G}}", why)]);
        check("", "", &[("count: 1", "1 device of class gpu is wanted, the node has no device")]);
    }

    #[test]
    fn requests_that_do_not_fit_together_are_told() {
        let wanted = "requests: [{name: r, exactly: {deviceClassName: gpu, count: 2}}], constraints: [{matchAttribute: d/numa}]";
        let (details, _) = explained(&slice(MATCHED), "", wanted);
        assert_eq!(
            details,
            ["claim default/mine: each request finds enough devices, but not with the same d/numa"]
        );
    }

    /// A claim that has device a of the node.
    fn theirs() -> String {
        claim(
            "theirs",
            "requests: [{name: r, exactly: {deviceClassName: gpu}}]",
            "status: {allocation: {devices: {results: [{request: r, driver: d, pool: n1, device: a}]}, \
             nodeSelector: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [n1]}]}]}}, \
             reservedFor: [{resource: pods, name: other, uid: u}]}",
        )
    }

    #[test]
    fn counters_that_are_short_are_named() {
        let counters = "sharedCounters: [{name: slices, counters: {memory: {value: 40Gi}}}]".to_owned();
        let of = |name: &str, body: &str| {
            slice(body).replace("name: s}", &format!("name: {name}}}")).replace("Count: 1", "Count: 2")
        };
        let partitions = "devices: [{name: a, consumesCounters: [{counterSet: slices, counters: {memory: {value: 30Gi}}}]}, \
                          {name: b, consumesCounters: [{counterSet: slices, counters: {memory: {value: 20Gi}}}]}]";
        let slices = of("s1", &counters) + &of("s2", partitions);
        let (details, _) =
            explained(&slices, &theirs(), "requests: [{name: r, exactly: {deviceClassName: gpu}}]");
        let expected = "claim default/mine, request r: 1 device of class gpu is wanted, 0 of the node's 2 are free; \
                        1 allocated to default/theirs; 1 short of counter memory of slices";
        assert_eq!(details, [expected]);
    }

    #[test]
    fn devices_that_are_given_back_or_one_more_node_may_help() {
        let wanted = "requests: [{name: r, exactly: {deviceClassName: gpu}}]";
        let (_, help) = explained(&slice("devices: [{name: a}]"), &theirs(), wanted);
        let expected = [
            "the devices of claim default/theirs, which default/other uses, given back",
            "one more node like n1",
        ];
        assert_eq!(help, expected);
    }
}
