//! Which pods keep the pod off a node, or are missing there.

use std::collections::BTreeMap;

use super::filter::AffinityFilter;
use super::incoming::Incoming;
use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodClassId, PodRow, Sym};
use crate::plugin::detail::{Detail, Domain};
use crate::pod_class::Term;
use crate::pod_class::matcher::Matcher;

/// The pods that are in the way, by domain: which pods the term selects that excludes, and the first of the pods by
/// name.
#[derive(Debug, Default)]
pub(super) struct InTheWay {
    excluded: BTreeMap<Domain, (Option<Matcher>, PodRow)>,
    excluding: BTreeMap<Domain, (Option<Matcher>, PodRow)>,
}

impl InTheWay {
    /// Looks at all pods that concern the pod.
    pub(super) fn find(cluster: &Cluster, class: PodClassId) -> Self {
        let (incoming, pods) = (Incoming::new(cluster, class), cluster.pods());
        let own = incoming.class;
        let mut found = Self::default();
        for (id, class, placements) in
            pods.placed(&pods.class_index().excluding(own.anti_affinity.iter(), &own.labels))
        {
            let excluded: Vec<&Term> =
                own.anti_affinity.iter().filter(|t| incoming.selects(t, class)).collect();
            let excluding: Vec<&Term> =
                class.anti_affinity.iter().filter(|t| incoming.is_selected_by(t)).collect();
            for placement in placements.entries() {
                let first = first_of(cluster, id, placement.row);
                for (terms, map) in [(&excluded, &mut found.excluded), (&excluding, &mut found.excluding)] {
                    for term in terms {
                        add(map, cluster, placement.row, term, first);
                    }
                }
            }
        }
        found
    }
}

fn add(
    map: &mut BTreeMap<Domain, (Option<Matcher>, PodRow)>,
    cluster: &Cluster,
    row: NodeRow,
    term: &Term,
    pod: Option<PodRow>,
) {
    let (Some(value), Some(pod)) = (cluster.nodes().label(row, term.topology_key), pod) else { return };
    let key = |pod: PodRow| cluster.pods().entry(pod).pod.key();
    let known = map.entry((term.topology_key, value)).or_insert_with(|| (term.selector.clone(), pod));
    if key(pod) < key(known.1) {
        *known = (term.selector.clone(), pod);
    }
}

/// The first pod of a class on a node, by name.
fn first_of(cluster: &Cluster, class: PodClassId, row: NodeRow) -> Option<PodRow> {
    let pods = cluster.nodes().pods(row).iter().copied();
    pods.filter(|&pod| cluster.pods().entry(pod).class == class)
        .min_by_key(|&pod| cluster.pods().entry(pod).pod.key())
}

/// What is missing on a node. Of what is in the way only the pod's own terms are named if there are such: replicas
/// mostly avoid each other both ways.
pub(super) fn explain(filter: &AffinityFilter, cluster: &Cluster, row: NodeRow, details: &mut Vec<Detail>) {
    let incoming = Incoming::new(cluster, filter.class);
    let domain = |key: Sym| Some((key, cluster.nodes().label(row, key)?));
    let known = details.len();
    for term in &incoming.class.affinity {
        let pods = || filter.affinity_count(term.topology_key, row);
        match domain(term.topology_key) {
            None => details.push(Detail::MissingLabel(term.topology_key)),
            Some(domain) if pods() == 0 => {
                details.push(Detail::Affinity { selector: term.selector.clone(), domain });
            }
            Some(_) => {}
        }
    }
    let in_the_way = || filter.in_the_way.get_or_init(|| InTheWay::find(cluster, filter.class));
    if details.len() == known {
        let found = &in_the_way().excluded;
        for key in incoming.class.anti_affinity.iter().map(|term| term.topology_key) {
            if let Some(domain) = domain(key)
                && let Some((selector, pod)) = found.get(&domain)
            {
                details.push(Detail::AntiAffinity { selector: selector.clone(), domain, pod: *pod });
            }
        }
    }
    if details.len() == known {
        let found =
            in_the_way().excluding.iter().filter(|((key, value), _)| domain(*key) == Some((*key, *value)));
        details.extend(found.map(|(&domain, (selector, pod))| Detail::ExistingAntiAffinity {
            selector: selector.clone(),
            domain,
            pod: *pod,
        }));
    }
}
