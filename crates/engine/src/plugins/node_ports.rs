//! Keeps pods off nodes where another pod holds one of their host ports.
//!
//! - **Filter**: no pod on the node has the same port and protocol on the same address; `0.0.0.0` stands for every
//!   address. Ports of containers and of sidecars count, those of other init containers do not.
//! - **Depends on** the ports of the pods on the node.
//! - **Unblocked by** a pod with one of the ports that leaves any node, or a new node where they are free.
//! - **Upstream**: plugins/nodeports. No known difference, also where upstream is odd: where pods of a node hold the
//!   same port (they were bound by hand), preemption takes it for free once one of them leaves, until one comes back.
//! - **Cost**: nothing for pods without host ports; else a look at each class that has some, and one number a node.

use std::sync::Arc;

use berth_model::pod::HostPort;

use crate::cluster::{Change, Cluster, PodChange};
use crate::ids::PodClassId;
use crate::ids::name::PluginName;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{CacheScope, CachedFilter, Filter, Plugin, PreFilter, QueueingHint, Validity, accepts};
use crate::pod_class::PodClass;
use crate::verdict::Rejection;

/// The plugin's name in configurations.
pub const NAME: &str = "NodePorts";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || Arc::new(NodePorts))
        .in_default_profile(0);

const REASON: &str = "node(s) didn't have free ports for the requested pod ports";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodePorts;

#[derive(Debug)]
struct PortFilter {
    class: PodClassId,
    /// By row: how many pods on the node hold one of the ports.
    holders: Vec<u32>,
}

impl Plugin for NodePorts {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let wanted: &[HostPort] = &pod.class.host_ports;
        if wanted.is_empty() {
            return PreFilter::SKIP_CLASS;
        }
        let mut holders = vec![0; pod.cluster.nodes().row_count()];
        let pods = pod.cluster.pods();
        for (_, class, placements) in pods.placed(pods.class_index().with_ports()) {
            if conflict(class, wanted) {
                for placement in placements.entries() {
                    holders[placement.row.index()] += placement.pods;
                }
            }
        }
        PreFilter::cached(PortFilter { class: pod.class_id(), holders })
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        let holds = |class: &PodClass| conflict(class, &pod.class.host_ports);
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => old.is_none() && accepts(self, pod, row),
            ClusterEvent::PodLeft { pod: gone } => gone.row.is_some() && holds(&gone.class),
            ClusterEvent::PodChanged { pod: changed, old } => {
                holds(&old.class) && !holds(pod.cluster.pods().class_of(changed))
            }
            _ => false,
        })
    }
}

fn conflict(class: &PodClass, wanted: &[HostPort]) -> bool {
    class.host_ports.iter().any(|held| wanted.iter().any(|port| clash(held, port)))
}

fn clash(a: &HostPort, b: &HostPort) -> bool {
    const ANY: &str = "0.0.0.0";
    a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || &*a.ip == ANY || &*b.ip == ANY)
}

impl Filter for PortFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let wanted = &node.cluster.pods().class(self.class).host_ports;
        let held = if node.freed_ports().is_empty() && node.added().is_empty() {
            self.holders[node.row.index()] > 0
        } else {
            let there = node.cluster.nodes().pods(node.row).iter().chain(node.added());
            let mut ports = there.flat_map(|&pod| &node.cluster.pods().class_of(pod).host_ports);
            ports.any(|port| wanted.iter().any(|w| clash(port, w)) && !node.freed_ports().contains(port))
        };
        held.then(|| Rejection::unschedulable(REASON))
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let wanted = &node.cluster.pods().class(self.class).host_ports;
        for holder in node.pods() {
            let held = node.cluster.pods().class_of(holder).host_ports.iter();
            let held = held.filter(|port| wanted.iter().any(|wanted| clash(wanted, port)));
            details.extend(held.map(|port| Detail::Port { port: port.clone(), holder }));
        }
    }
}

impl CachedFilter for PortFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        if let Change::Pod(PodChange { row, class, pods, .. }) = change
            && conflict(cluster.pods().class(class), &cluster.pods().class(self.class).host_ports)
        {
            let holders = &mut self.holders[row.index()];
            *holders = holders.saturating_add_signed(pods.into());
        }
        self.holders.resize(cluster.nodes().row_count(), 0);
        Validity::valid_if(!change.invalidates_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, state};
    use crate::plugin::view::Delta;
    use berth_model::pod::Protocol::{Tcp, Udp};
    use berth_model::pod::{Container, PodSpec, Protocol};
    use expect_test::expect;

    type Port<'a> = (&'a str, Protocol, i32);

    fn with_ports(ports: &[Port<'_>]) -> Container {
        let port = |&(ip, protocol, port): &Port<'_>| HostPort { ip: ip.into(), protocol, port };
        Container { host_ports: ports.iter().map(port).collect(), ..Container::default() }
    }

    fn fits(held: &[Port<'_>], wanted: &[Port<'_>]) -> bool {
        let mut world = World::default();
        world.node("n1", |_| {});
        world.pod("running", |pod, spec| {
            pod.node = Some("n1".into());
            spec.containers = vec![with_ports(held)];
        });
        let pod = world.pod("p", |_, spec| spec.containers = vec![with_ports(wanted)]);
        !filter(&NodePorts, &world, pod).contains(REASON)
    }

    #[test]
    fn a_port_is_taken_on_its_address_and_on_all_addresses() {
        let cases: [(&[Port<'_>], &[Port<'_>], bool); 9] = [
            (&[("127.0.0.1", Tcp, 80)], &[], true),
            (&[], &[("127.0.0.1", Tcp, 80)], true),
            (&[("127.0.0.1", Tcp, 80)], &[("127.0.0.1", Tcp, 80)], false),
            (&[("127.0.0.1", Tcp, 80)], &[("127.0.0.2", Tcp, 80)], true),
            (&[("127.0.0.1", Tcp, 80)], &[("127.0.0.1", Udp, 80)], true),
            (&[("127.0.0.1", Tcp, 80)], &[("127.0.0.1", Tcp, 81)], true),
            (&[("127.0.0.1", Tcp, 80)], &[("0.0.0.0", Tcp, 80)], false),
            (&[("0.0.0.0", Tcp, 80)], &[("127.0.0.1", Tcp, 80)], false),
            (&[("0.0.0.0", Tcp, 80)], &[("10.0.0.1", Tcp, 81), ("10.0.0.1", Tcp, 80)], false),
        ];
        for (held, wanted, expected) in cases {
            assert_eq!(fits(held, wanted), expected, "{wanted:?} beside {held:?}");
        }
    }

    #[test]
    fn sidecars_hold_ports_and_other_init_containers_do_not() {
        let port: &[Port<'_>] = &[("0.0.0.0", Tcp, 80)];
        let mut world = World::default();
        let mut running = |node: &str, sidecar| {
            world.node(node, |_| {});
            world.pod(node, |pod, spec: &mut PodSpec| {
                pod.node = Some(node.into());
                spec.init_containers = vec![Container { sidecar, ..with_ports(port) }];
            });
        };
        running("n1", true);
        running("n2", false);
        let pod = world.pod("p", |_, spec| spec.containers = vec![with_ports(port)]);
        expect![[r#"
            n1: Unschedulable: node(s) didn't have free ports for the requested pod ports
            n2: fits
        "#]]
        .assert_eq(&filter(&NodePorts, &world, pod));
    }

    #[test]
    fn a_victim_frees_its_port_and_a_nominated_pod_takes_one() {
        let mut world = World::default();
        let row = world.node("n1", |_| {});
        let ports = |spec: &mut PodSpec| spec.containers = vec![with_ports(&[("0.0.0.0", Tcp, 80)])];
        let holder = world.pod("holder", |pod, spec| {
            pod.node = Some("n1".into());
            ports(spec);
        });
        let nominated = world.pod("nominated", |_, spec| ports(spec));
        let pod = world.pod("p", |_, spec| ports(spec));
        let state = state(&NodePorts, &world, pod);
        let mut delta = Delta::default();
        let fits = |delta: &Delta| state.check(NodeView::with_delta(&world.cluster, row, delta)).is_none();
        assert!(!fits(&delta));
        delta.remove(holder, &world.cluster);
        assert!(fits(&delta));
        delta.add(nominated, &world.cluster);
        assert!(!fits(&delta));
    }

    #[test]
    fn a_port_that_two_pods_hold_is_free_once_one_of_them_leaves_and_taken_when_it_comes_back() {
        let mut world = World::default();
        let row = world.node("n1", |_| {});
        let ports = |spec: &mut PodSpec| spec.containers = vec![with_ports(&[("0.0.0.0", Tcp, 80)])];
        let [first, second] = ["first", "second"].map(|name| {
            world.pod(name, |pod, spec| {
                pod.node = Some("n1".into());
                ports(spec);
            })
        });
        let pod = world.pod("p", |_, spec| ports(spec));
        let state = state(&NodePorts, &world, pod);
        let mut delta = Delta::default();
        let fits = |delta: &Delta| state.check(NodeView::with_delta(&world.cluster, row, delta)).is_none();
        delta.remove(first, &world.cluster);
        assert!(fits(&delta));
        delta.remove(second, &world.cluster);
        delta.add(first, &world.cluster);
        assert!(!fits(&delta));
        delta.remove(first, &world.cluster);
        assert!(fits(&delta));
    }
}
