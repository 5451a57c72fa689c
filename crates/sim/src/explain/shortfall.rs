//! How far a node is from fitting, by the plugin that rejects it.

use berth_engine::ids::NodeRow;
use berth_engine::plugins::{
    inter_pod_affinity, node_affinity, node_name, node_ports, node_resources_fit, node_unschedulable,
    pod_topology_spread, taint_toleration,
};
use berth_engine::view::PodView;
use berth_model::node::TaintEffect;
use berth_model::pod::{HostPort, Protocol};

use super::amount::noun;
use super::company::Company;
use super::labels;
use super::nodes::Objection;
use super::room::Shortage;
use super::spread::Spreads;
use super::words;
use crate::report::quantity;

/// What a pod lacks on nodes. What takes a look at the whole cluster is made once, when it is first needed.
pub(super) struct Shortfalls<'a> {
    pod: PodView<'a>,
    spreads: Option<Spreads<'a>>,
    company: Option<Company<'a>>,
}

impl<'a> Shortfalls<'a> {
    pub(super) fn new(pod: PodView<'a>) -> Self {
        Self { pod, spreads: None, company: None }
    }

    /// Adds to an objection against a node what is missing there.
    pub(super) fn add_to(&mut self, objection: &mut Objection, row: NodeRow) {
        let pod = self.pod;
        match objection.plugin.as_str() {
            node_resources_fit::NAME => room(pod, objection, row),
            taint_toleration::NAME => objection.details.extend(taints(pod, row)),
            node_unschedulable::NAME => objection.details.push("cordoned (spec.unschedulable)".into()),
            node_affinity::NAME => objection.details.extend(labels::missing(pod, row)),
            node_ports::NAME => objection.details.extend(ports(pod, row)),
            pod_topology_spread::NAME => {
                let spreads = self.spreads.get_or_insert_with(|| Spreads::new(pod));
                objection.details.extend(spreads.too_full(row));
            }
            inter_pod_affinity::NAME => {
                let company = self.company.get_or_insert_with(|| Company::new(pod));
                objection.details.extend(company.missing(row));
            }
            node_name::NAME => {
                let wanted = pod.entry().pod.node.as_ref();
                objection.details.extend(wanted.map(|name| format!("the pod names node {name}")));
            }
            _ => {}
        }
    }
}

/// What is missing of each resource that upstream's reasons name.
fn room(pod: PodView<'_>, objection: &mut Objection, row: NodeRow) {
    let cluster = pod.cluster;
    let nodes = cluster.nodes();
    for reason in &objection.reasons {
        if reason == "Too many pods" {
            let (there, allowed) = (nodes.pods(row).len(), nodes.allowed_pods(row));
            objection.details.push(format!("runs {there} pods of {allowed} that it may"));
        }
        let Some(id) = reason.strip_prefix("Insufficient ").and_then(|name| cluster.resources().find(name))
        else {
            continue;
        };
        let Some(shortage) = Shortage::of(cluster, pod.class, row, id) else {
            let keys = cluster.nominated(row).iter().map(|&other| cluster.pods().entry(other).pod.key());
            let keys: Vec<String> = keys.collect();
            let noun = noun(cluster, id);
            objection.details.push(format!("{noun} is kept for {}, nominated to the node", keys.join(", ")));
            continue;
        };
        objection.details.push(shortage.words(cluster));
        objection.short.insert(cluster.resources().name(id).to_string(), quantity(id, shortage.short()));
        objection.short_permille = objection.short_permille.max(shortage.permille());
    }
}

fn taints(pod: PodView<'_>, row: NodeRow) -> Vec<String> {
    let tolerations = &pod.class.spec.tolerations;
    let forbids =
        pod.cluster.nodes().taints(row).iter().filter(|t| t.effect != TaintEffect::PreferNoSchedule);
    let untolerated = forbids.filter(|taint| !tolerations.iter().any(|t| t.tolerates(taint)));
    untolerated.map(|taint| format!("taint {} not tolerated", words::taint(taint))).collect()
}

/// Who holds which of the host ports that the pod wants.
fn ports(pod: PodView<'_>, row: NodeRow) -> Vec<String> {
    let cluster = pod.cluster;
    let mut found = Vec::new();
    for &other in cluster.nodes().pods(row) {
        for held in &cluster.pods().class_of(other).host_ports {
            if pod.class.host_ports.iter().any(|wanted| clash(wanted, held)) {
                let holder = cluster.pods().entry(other).pod.key();
                found.push(format!("port {}/{} is held by {holder}", held.port, protocol(held)));
            }
        }
    }
    found
}

fn clash(a: &HostPort, b: &HostPort) -> bool {
    let any = |port: &HostPort| &*port.ip == "0.0.0.0";
    a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || any(a) || any(b))
}

fn protocol(port: &HostPort) -> &'static str {
    match port.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}
