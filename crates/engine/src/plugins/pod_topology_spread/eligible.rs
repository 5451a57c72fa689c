//! Which nodes take part in the count of a constraint.

use super::{Constraint, PodView};
use crate::cluster::Domains;
use crate::ids::NodeRow;
use crate::plugins::taint_toleration::untolerated;

/// Whether each row takes part, for each constraint in turn.
///
/// Free rows take no part; nor do nodes that lack a label of one of the constraints, where `all_labels` says so; nor do
/// nodes that the pod's node affinity or taints exclude, where the constraint honors them.
pub(super) fn eligible(pod: PodView<'_>, constraints: &[Constraint], all_labels: bool) -> Vec<Vec<bool>> {
    let nodes = pod.cluster.nodes();
    let domains: Vec<Option<&Domains>> = constraints.iter().map(|c| nodes.domains(c.topology_key)).collect();
    let rows: Vec<NodeRow> = nodes
        .rows()
        .filter(|&row| !all_labels || domains.iter().all(|d| d.is_some_and(|d| d.of(row).is_some())))
        .collect();
    let required = &pod.class.required_nodes;
    let excluded: Vec<NodeRow> = if required.is_empty() || !constraints.iter().any(|c| c.honor_node_affinity)
    {
        Vec::new()
    } else {
        let symbols = pod.cluster.symbols();
        let matches = |row| required.matches(nodes.name(row), |key| nodes.label(row, key), symbols);
        rows.iter().copied().filter(|&row| !matches(row)).collect()
    };
    let tainted: Vec<bool> = if constraints.iter().any(|c| c.honor_node_taints) {
        nodes.taint_sets().iter().map(|set| untolerated(set, &pod.class.spec.tolerations)).collect()
    } else {
        Vec::new()
    };
    let of = |constraint: &Constraint| {
        let mut takes_part = vec![false; nodes.row_count()];
        for &row in &rows {
            takes_part[row.index()] = !(constraint.honor_node_taints && tainted[nodes.taint_set(row)]);
        }
        for &row in excluded.iter().filter(|_| constraint.honor_node_affinity) {
            takes_part[row.index()] = false;
        }
        takes_part
    };
    constraints.iter().map(of).collect()
}
