//! The volumes of all claims of a pod on one node.
//!
//! Upstream: `volumebinding/binder.go`, `FindPodVolumes`.

use berth_model::volume::{Claim, SELECTED_NODE};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::verdict::{Code, Reason, Rejection};

use super::bound::{BoundVolumes, Unreachable};
use super::claims::PodClaims;
use super::find_volume::{Candidates, Chosen};
use super::provision::{Impossible, Provision};

const NODE_CONFLICT: &str = "node(s) didn't match PersistentVolume's node affinity";
const BIND_CONFLICT: &str = "node(s) didn't find available persistent volumes to bind";
const NOT_ENOUGH_SPACE: &str = "node(s) did not have enough free storage";
const VOLUME_MISSING: &str = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

/// What a pod's claims need, prepared for all nodes.
pub(super) struct Search<'a> {
    bound: BoundVolumes<'a>,
    /// Where the claims are provisioned that are on their way already.
    selected: Selected,
    /// Claims that are provisioned already, then those that may take a volume, by size.
    claims: Vec<Waiting<'a>>,
}

enum Selected {
    /// No claim is on its way.
    Nowhere,
    /// On this node, which need not be there any more.
    On(Option<NodeRow>),
    /// On several nodes, so that none will do.
    Scattered,
}

struct Waiting<'a> {
    claim: &'a Claim,
    /// `None` where the claim is to be provisioned in any case.
    candidates: Option<Candidates<'a>>,
    provision: Provision<'a>,
}

/// The volumes for a pod's unbound claims on one node.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// Claims that take an existing volume.
    pub(super) bindings: SmallVec<[(&'a Claim, Chosen<'a>); 2]>,
    /// Claims whose volume is to be made, and the published capacity that it comes from, in bytes.
    pub(super) provisions: SmallVec<[(&'a Claim, Option<i64>); 2]>,
}

impl<'a> Search<'a> {
    pub(super) fn new(cluster: &'a Cluster, claims: PodClaims<'a>) -> Self {
        let (on_their_way, mut to_match): (Vec<_>, Vec<_>) =
            claims.waiting.into_iter().partition(|(claim, _)| selected_node(claim).is_some());
        to_match.sort_by_key(|(claim, _)| claim.request);
        let mut selected = Selected::Nowhere;
        for node in on_their_way.iter().filter_map(|(claim, _)| selected_node(claim)) {
            selected = selected.and(cluster.nodes().find(node));
        }
        let provisioned = on_their_way.into_iter().map(|(claim, class)| Waiting {
            claim,
            candidates: None,
            provision: Provision::new(claim, class, cluster),
        });
        let matched = to_match.into_iter().map(|(claim, class)| Waiting {
            claim,
            candidates: Some(Candidates::new(claim, cluster)),
            provision: Provision::new(claim, class, cluster),
        });
        Self {
            bound: BoundVolumes::new(&claims.bound, cluster),
            selected,
            claims: provisioned.chain(matched).collect(),
        }
    }

    /// Whether every node will do.
    pub(super) fn accepts_all(&self) -> bool {
        self.bound.are_everywhere() && self.claims.is_empty()
    }

    /// Whether every node will do, whatever volumes there are to choose from.
    pub(super) fn finds_everywhere(&self) -> bool {
        let anywhere = |waiting: &Waiting<'_>| waiting.provision.is_everywhere();
        self.bound.are_everywhere()
            && matches!(self.selected, Selected::Nowhere)
            && self.claims.iter().all(anywhere)
    }

    /// Whether there may be a node about which nothing can be said.
    pub(super) fn may_err(&self) -> bool {
        self.bound.may_err()
    }

    /// Whether neither a volume nor published capacity is there to choose from.
    pub(super) fn has_no_choice(&self) -> bool {
        self.claims.iter().all(|waiting| {
            waiting.candidates.as_ref().is_none_or(Candidates::are_none) && waiting.provision.is_unlimited()
        })
    }

    /// The volumes on a node.
    ///
    /// # Errors
    /// All reasons why the node will not do, in upstream's order.
    pub(super) fn find(&self, row: NodeRow) -> Result<Found<'a>, Rejection> {
        let mut reasons: SmallVec<[Reason; 1]> = SmallVec::new();
        let mut missing = false;
        match self.bound.check(row) {
            Ok(()) => {}
            Err(Unreachable::Conflict) => reasons.push(Reason::Fixed(NODE_CONFLICT)),
            Err(Unreachable::Missing) => missing = true,
            Err(Unreachable::Error(error)) => return Err(error),
        }
        let found = self.find_unbound(row);
        match found {
            Ok(_) => {}
            Err(Impossible::ByClass) => reasons.push(Reason::Fixed(BIND_CONFLICT)),
            Err(Impossible::NoRoom) => reasons.push(Reason::Fixed(NOT_ENOUGH_SPACE)),
        }
        if missing {
            reasons.push(Reason::Fixed(VOLUME_MISSING));
        }
        match found {
            Ok(found) if reasons.is_empty() => Ok(found),
            _ => Err(Rejection { code: Code::UnschedulableAndUnresolvable, reasons }),
        }
    }

    fn find_unbound(&self, row: NodeRow) -> Result<Found<'a>, Impossible> {
        if !self.selected.includes(row) {
            return Err(Impossible::ByClass);
        }
        let mut found = Found::default();
        let mut to_provision: SmallVec<[&Waiting<'a>; 2]> = SmallVec::new();
        for waiting in &self.claims {
            let taken = |name: &str| found.bindings.iter().any(|(_, v)| **v.name == *name);
            match waiting.candidates.as_ref().and_then(|c| c.find(row, taken)) {
                Some(volume) => found.bindings.push((waiting.claim, volume)),
                None => to_provision.push(waiting),
            }
        }
        for waiting in to_provision {
            found.provisions.push((waiting.claim, waiting.provision.check(row)?));
        }
        Ok(found)
    }
}

fn selected_node(claim: &Claim) -> Option<&str> {
    claim.annotations.get(SELECTED_NODE).map(|node| &**node)
}

impl Selected {
    fn and(self, row: Option<NodeRow>) -> Self {
        match self {
            Self::Nowhere => Self::On(row),
            Self::On(before) if before == row => self,
            Self::On(_) | Self::Scattered => Self::Scattered,
        }
    }

    fn includes(&self, row: NodeRow) -> bool {
        match self {
            Self::Nowhere => true,
            Self::On(selected) => *selected == Some(row),
            Self::Scattered => false,
        }
    }
}
