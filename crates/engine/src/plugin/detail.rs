//! Details of a rejection, as data: what a node lacks to take a pod. Explanations are made of them.

use berth_devices::allocator::Shortage;
use berth_model::Str;
use berth_model::node::Taint;
use berth_model::pod::HostPort;
use berth_model::selector::Requirement;

use crate::ids::{PodRow, ResourceId, Sym};
use crate::pod_class::matcher::Matcher;

/// A topology domain: the label and its value.
pub type Domain = (Sym, Sym);

/// What a node lacks to take a pod, or which pod is in the way.
#[derive(Clone, Debug)]
pub enum Detail {
    /// Less of a resource is left than the pod requests, in the resource's unit.
    Resource {
        /// The resource.
        resource: ResourceId,
        /// What the pod requests.
        need: i64,
        /// What is left on the node; below zero if the node is overcommitted.
        free: i64,
        /// What the node offers in all.
        offered: i64,
    },
    /// The node runs as many pods as it may.
    Pods {
        /// How many run there.
        running: i64,
        /// How many may run there.
        allowed: i64,
    },
    /// A taint that the pod does not tolerate.
    Taint(Taint),
    /// Claims find too few devices on the node.
    Devices(Box<Shortage>),
    /// The node is cordoned.
    Cordoned,
    /// The pod names another node.
    NodeName(Str),
    /// The pod's node selector wants another value of a label.
    Label {
        /// The label.
        key: Str,
        /// The value that the pod wants.
        wanted: Str,
        /// The value that the node has.
        found: Option<Str>,
    },
    /// A requirement of the required node affinity that the node does not meet, of the term that lacks least.
    Requirement {
        /// The requirement.
        requirement: Requirement,
        /// The value of the node's label; `None` if the requirement is about the node's name.
        found: Option<Option<Str>>,
        /// How many terms there are.
        terms: usize,
    },
    /// No term of the required node affinity can match any node.
    NoTerm,
    /// The node affinity that the profile adds for all pods does not match.
    AddedAffinity,
    /// A pod on the node holds a host port that the pod wants.
    Port {
        /// The port, as it is held.
        port: HostPort,
        /// The pod that holds it.
        holder: PodRow,
    },
    /// The node lacks the label by which pods are counted.
    MissingLabel(Sym),
    /// The node's domain would have too many pods that a spread constraint counts.
    Spread {
        /// The domain.
        domain: Domain,
        /// How many of these pods it would have.
        pods: i64,
        /// How many the emptiest domain has.
        smallest: i64,
        /// How many more are allowed.
        max_skew: i64,
    },
    /// No pod that a term of the pod's affinity wants is in the domain.
    Affinity {
        /// Which pods are wanted; `None`: none can be.
        selector: Option<Matcher>,
        /// The domain.
        domain: Domain,
    },
    /// A pod that the pod's anti-affinity excludes is in the domain.
    AntiAffinity {
        /// Which pods are excluded.
        selector: Option<Matcher>,
        /// The domain.
        domain: Domain,
        /// One of them.
        pod: PodRow,
    },
    /// A pod in the domain has anti-affinity to the pod.
    ExistingAntiAffinity {
        /// Which pods it excludes.
        selector: Option<Matcher>,
        /// The domain.
        domain: Domain,
        /// That pod.
        pod: PodRow,
    },
    /// A sentence, for what has no structure.
    Text(Str),
}
