//! Which nodes take part in the count of a constraint.

use super::{Constraint, PodView};
use crate::cluster::{Change, Cluster, Domains};
use crate::ids::NodeRow;
use crate::plugins::taint_toleration::untolerated;
use crate::pod_class::PodClass;

/// The rule for the nodes of one pod class.
struct Eligibility<'a> {
    cluster: &'a Cluster,
    class: &'a PodClass,
    /// The labels that a node must have.
    labels: Vec<Option<&'a Domains>>,
}

impl<'a> Eligibility<'a> {
    /// A node must have the labels of all constraints, where `all_labels` says so.
    fn new<'c>(
        cluster: &'a Cluster,
        class: &'a PodClass,
        constraints: impl Iterator<Item = &'c Constraint>,
        all_labels: bool,
    ) -> Self {
        let labels = constraints.filter(|_| all_labels).map(|c| cluster.nodes().domains(c.topology_key));
        Self { cluster, class, labels: labels.collect() }
    }

    /// Whether a node takes part in the count of a constraint.
    ///
    /// Nodes without the labels take no part; nor do nodes that the pod's node affinity or taints exclude, where the
    /// constraint honors them.
    fn of(&self, row: NodeRow, constraint: &Constraint) -> bool {
        self.has_labels(row)
            && (!constraint.honor_node_affinity || self.is_wanted(row))
            && (!constraint.honor_node_taints || self.is_tolerated(row))
    }

    fn has_labels(&self, row: NodeRow) -> bool {
        self.labels.iter().all(|domains| domains.is_some_and(|d| d.of(row).is_some()))
    }

    fn is_wanted(&self, row: NodeRow) -> bool {
        let (nodes, required) = (self.cluster.nodes(), &self.class.required_nodes);
        required.is_empty()
            || required.matches(nodes.name(row), |key| nodes.label(row, key), self.cluster.symbols())
    }

    fn is_tolerated(&self, row: NodeRow) -> bool {
        !untolerated(self.cluster.nodes().taints(row), &self.class.spec.tolerations)
    }
}

/// What a change of a node means to the counts of constraints.
pub(super) enum NodeChange {
    /// A constraint's label was on no node when it was counted: all must be counted again.
    Anew,
    /// Nothing: a later change says that the node went.
    Nothing,
    /// Whether the node takes part now, for each constraint in turn.
    Parts(Vec<bool>),
}

impl NodeChange {
    /// Asks for a node that came, changed or went.
    pub(super) fn of<'c>(
        change: Change,
        row: NodeRow,
        (cluster, class): (&Cluster, &PodClass),
        constraints: impl Iterator<Item = &'c Constraint> + Clone,
        all_labels: bool,
    ) -> Self {
        let is_there = cluster.nodes().is_live(row);
        if !constraints.clone().all(Constraint::has_known_label) {
            return Self::Anew;
        }
        if !is_there && matches!(change, Change::NodeChanged(_)) {
            return Self::Nothing;
        }
        let rule = Eligibility::new(cluster, class, constraints.clone(), all_labels);
        Self::Parts(constraints.map(|constraint| is_there && rule.of(row, constraint)).collect())
    }
}

/// Whether each row takes part, for each constraint in turn. Free rows take no part.
pub(super) fn eligible(pod: PodView<'_>, constraints: &[Constraint], all_labels: bool) -> Vec<Vec<bool>> {
    if constraints.is_empty() {
        return Vec::new(); // as for most pods: no service selects them
    }
    let nodes = pod.cluster.nodes();
    let rule = Eligibility::new(pod.cluster, pod.class, constraints.iter(), all_labels);
    let mut labelled = vec![false; nodes.row_count()];
    nodes.rows().for_each(|row| labelled[row.index()] = true);
    for domains in &rule.labels {
        match domains {
            Some(domains) => domains.mark_out(&mut labelled),
            None => labelled.fill(false),
        }
    }
    let lists = constraints.iter().map(|constraint| {
        let mut list = labelled.clone();
        if constraint.honor_node_affinity && !pod.class.required_nodes.is_empty() {
            nodes.rows().for_each(|row| list[row.index()] &= rule.is_wanted(row));
        }
        if constraint.honor_node_taints {
            nodes.rows().for_each(|row| list[row.index()] &= rule.is_tolerated(row));
        }
        list
    });
    lists.collect()
}
