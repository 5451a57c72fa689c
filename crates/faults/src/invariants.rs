//! What must always hold, checked against the objects of the API server.

use std::collections::BTreeMap;
use std::fmt::Write;

use berth_engine::cluster::Cluster;
use berth_engine::decision::Decision;
use berth_engine::ids::ResourceId;
use berth_flow::{Input, PodRef, Request, SchedulingLoop};
use berth_model::Str;
use berth_model::object::{Kind, Object};
use berth_model::pod::Pod;
use berth_model::pod_manifest::PodManifest;

use crate::actors::{is_ours, reference};
use crate::instance::{Instance, LICENCE};
use crate::network::Pending;
use crate::world::World;

impl World {
    /// A request is about to be sent.
    pub(crate) fn before_it_is_sent(&mut self, instance: usize, request: &Request) {
        let Request::Bind { pod, .. } = request else { return };
        if *self.server.lease().holder != *instance.to_string() {
            self.violation(format!("scheduler {instance} binds pod {pod} without the lease"));
        }
        let twice = self.network.pending().any(|pending| {
            pending.instance == instance
                && matches!(&pending.request, Request::Bind { pod: other, .. } if other == pod)
        });
        if twice {
            self.violation(format!("scheduler {instance} sends two bindings of pod {pod} at once"));
        }
    }

    /// A request is about to be carried out.
    pub(crate) fn before_it_is_done(&mut self, pending: &Pending) {
        self.before_devices_are_written(pending);
        match &pending.request {
            Request::Bind { pod, node } if pending.is_done() => {
                let binds = self
                    .server
                    .pods()
                    .any(|p| reference(p) == *pod && p.pod.node.is_none() && !p.pod.terminating);
                let by_newest = self.instances.last().is_some_and(|i| i.id == pending.instance);
                if binds && !by_newest {
                    self.mark_disturbed(node); // the newest process has not decided it, and cannot know of it
                }
                if binds
                    && self.is_overcommitted_with(pod, node)
                    && !self.is_excused(pending.instance, pod, node)
                {
                    self.violation(format!("node {node} is overcommitted by pod {pod}"));
                }
            }
            _ => {}
        }
    }

    /// A victim must have a lower priority than its preemptor.
    pub(crate) fn check_victims(&mut self, preemptor: &PodRef, victims: &[PodRef]) {
        for victim in victims {
            let of = |pod: &PodRef| self.server.priorities.get(&pod.uid).copied();
            let (high, low) = (of(preemptor), of(victim));
            if high <= low {
                self.violation(format!("pod {victim} ({low:?}) is evicted for pod {preemptor} ({high:?})"));
            }
        }
    }

    /// Whether something outside has changed what fits on a node after the version that the process had seen when it
    /// decided about a pod. Nothing checks a decision again before it is bound, here as upstream (`schedule_one.go`,
    /// `bindingCycle`), however long the binding takes.
    fn is_excused(&self, instance: usize, pod: &PodRef, node: &Str) -> bool {
        let Some(disturbed) = self.disturbed.get(&**node) else { return false };
        let decided_by = self.instances.iter().find(|decided_by| decided_by.id == instance);
        decided_by.is_none_or(|process| process.seen_for(&pod.uid).is_some_and(|seen| *disturbed >= seen))
    }

    fn is_overcommitted_with(&self, pod: &PodRef, node: &Str) -> bool {
        let Some(Object::Node(object)) =
            self.server.all(Kind::Node).find(|object| object.key().name == *node)
        else {
            return false;
        };
        let room =
            object.allocatable.iter().find(|(name, _)| &**name == "cpu").map_or(0, |(_, q)| q.milli_value());
        let there = self.server.pods().filter(|p| p.pod.node.as_ref() == Some(node) || reference(p) == *pod);
        let cpu = |p: &PodManifest| {
            let requests = p.pod.spec.containers.iter().flat_map(|c| &c.requests);
            requests.filter(|(name, _)| &**name == "cpu").map(|(_, q)| q.milli_value()).sum::<i64>()
        };
        let (count, used) = there.fold((0, 0), |(count, used), p| (count + 1, used + cpu(p)));
        used > room || count > 6
    }

    /// Checks the state after nothing is left to do: every pod is where it must be, and every scheduler agrees with the
    /// API server.
    pub(crate) fn check_final_state(&mut self) {
        let fresh = self.fresh();
        let truth = picture(fresh.flow.scheduler().cluster());
        let mut found = Vec::new();
        for instance in &self.instances {
            let (flow, id) = (&instance.flow, instance.id);
            if flow.in_flight() > 0 {
                found.push(format!(
                    "scheduler {id} waits for {} answers that will not come",
                    flow.in_flight()
                ));
            }
            if flow.assumed() > 0 {
                found.push(format!("scheduler {id} still assumes {} pods", flow.assumed()));
            }
            let believed = picture(flow.scheduler().cluster());
            let places = flow.pending();
            let queued = places.active + places.backoff + places.unschedulable + places.gated;
            let unbound = self.server.pods().filter(|p| is_ours(p) && p.pod.node.is_none()).count();
            if queued != unbound {
                found.push(format!(
                    "scheduler {id} has {queued} pods in its queue, and {unbound} are pending"
                ));
            }
            if believed != truth {
                found.push(format!("scheduler {id} sees another cluster:\n{believed}--- truth:\n{truth}"));
            }
        }
        for manifest in self.server.pods().filter(|p| is_ours(p) && p.pod.node.is_none()) {
            let pod = &manifest.pod;
            let leader = self.instances.iter().find(|instance| instance.leads);
            let place = leader.and_then(|leader| leader.flow.place_of(&pod.spec.namespace, &pod.name));
            // No pod is terminating any more, so no nomination can hold. A pod that PreEnqueue rejects, because of a gate
            // or a claim that is gone, is not tried, so it keeps its nomination, as in upstream (scheduling_queue.go,
            // `Add`).
            if let Some(node) = &pod.nominated_node
                && place != Some("gated")
            {
                found.push(format!("pod {} is still nominated to node {node}", pod.key()));
            }
            match place {
                None => found.push(format!("pod {} is lost", pod.key())),
                Some(_) => found.extend(misplaced(&fresh.flow, manifest)),
            }
            let truth = answer(&fresh.flow, pod);
            for instance in &self.instances {
                let believed = answer(&instance.flow, pod);
                if believed != truth {
                    let (id, pod) = (instance.id, pod.key());
                    found.push(format!("scheduler {id} says of pod {pod}: {believed:?}, truth: {truth:?}"));
                }
            }
        }
        found.extend(self.claims_in_excess());
        for violation in found {
            self.violation(violation);
        }
    }

    /// Pods with more than one claim for extended resources: the devices of all but one are lost until the pod ends.
    fn claims_in_excess(&self) -> Vec<String> {
        let mut owners: BTreeMap<&Str, usize> = BTreeMap::new();
        for object in self.server.all(Kind::ResourceClaim) {
            if let Object::ResourceClaim(claim) = object
                && let Some(owner) = claim.extended_owner()
            {
                *owners.entry(&owner.name).or_default() += 1;
            }
        }
        owners.retain(|_, count| *count > 1);
        owners
            .into_iter()
            .map(|(owner, count)| format!("pod {owner} has {count} claims for extended resources"))
            .collect()
    }

    /// A new scheduler that has received all objects.
    fn fresh(&self) -> Instance {
        let mut fresh =
            Instance::start(0, 0, vec![berth_engine::profile::Profile::standard("default-scheduler")], false);
        for kind in SchedulingLoop::KINDS {
            fresh.flow.take(self.now, Input::Listing(kind));
            for object in self.server.list_at(kind, self.server.version()) {
                fresh.flow.take(self.now, Input::Applied(object));
            }
            fresh.flow.take(self.now, Input::Listed(kind));
        }
        fresh
    }
}

/// The violation if a pod waits although it fits on a node.
fn misplaced(truth: &SchedulingLoop, manifest: &PodManifest) -> Option<String> {
    let pod = &manifest.pod;
    let mut limits = pod.spec.containers.iter().flat_map(|container| &container.limits);
    let asks_extender = limits.any(|(resource, _)| **resource == *LICENCE);
    let row = truth.find_pod(&pod.spec.namespace, &pod.name)?;
    match truth.scheduler().scan_by(0, row) {
        Decision::Place(node, _) if !asks_extender => {
            let node = truth.scheduler().cluster().nodes().name(node);
            Some(format!("pod {} waits although it fits on node {node}: no event requeued it", pod.key()))
        }
        _ => None,
    }
}

/// The plain scan's answer for a pod: each node with its score, or the plugin that rejected it.
fn answer(flow: &SchedulingLoop, pod: &Pod) -> Option<Vec<(String, Option<i64>)>> {
    let row = flow.find_pod(&pod.spec.namespace, &pod.name)?;
    let (found, nodes) = (flow.scheduler().diagnose(0, row), flow.scheduler().cluster().nodes());
    let fits = found.feasible.iter().zip(&found.totals);
    let fits = fits.map(|(&node, &total)| (nodes.name(node).to_string(), Some(total)));
    let not = found.rejected.iter().map(|(node, v)| (format!("{} {}", nodes.name(*node), v.plugin), None));
    Some(fits.chain(not).collect())
}

/// The content of a cluster as text.
fn picture(cluster: &Cluster) -> String {
    let mut out = String::new();
    for (name, row) in cluster.nodes().by_name() {
        let nodes = cluster.nodes();
        let mut pods: Vec<String> =
            nodes.pods(row).iter().map(|&pod| cluster.pods().entry(pod).pod.key()).collect();
        pods.sort();
        let mut nominated: Vec<String> =
            cluster.nominated(row).iter().map(|&pod| cluster.pods().entry(pod).pod.key()).collect();
        nominated.sort();
        let cpu = nodes.requested(row, ResourceId::CPU);
        let _ = writeln!(out, "{name}: {cpu}m of pods {pods:?}, nominated {nominated:?}"); // writing to a string cannot fail
    }
    let mut pods: BTreeMap<String, String> = BTreeMap::new();
    for row in cluster.pods().rows() {
        let pod = &cluster.pods().entry(row).pod;
        pods.insert(
            pod.key(),
            format!("{} {:?} {:?} {:?}", pod.uid, pod.node, pod.nominated_node, pod.spec.labels),
        );
    }
    let claims: Vec<_> = cluster
        .devices()
        .claims()
        .map(|claim| (&claim.name, &claim.uid, &claim.allocation, &claim.reserved_for))
        .collect();
    let storage = cluster.storage();
    let _ = writeln!(
        out,
        "{pods:#?}\n{claims:?}\n{:?}\n{:?}\n{:?}",
        storage.claims,
        storage.volumes,
        cluster.budgets().len()
    );
    out
}
