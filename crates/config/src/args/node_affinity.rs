//! Arguments of NodeAffinity: an affinity that is added to that of every pod of the profile.

use super::node_selector::NodeSelectorTerm;
use crate::fields::Fields;

/// What is added to every pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeAffinityArgs {
    /// Nothing where the configuration adds nothing.
    pub added_affinity: Option<AddedAffinity>,
}

/// Which nodes all pods of the profile may use, and which they prefer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddedAffinity {
    /// Terms of which one must hold. Nothing means that every node will do; an empty list, that none will.
    pub required: Option<Vec<NodeSelectorTerm>>,
    /// Terms of which each that holds adds to the score.
    pub preferred: Vec<PreferredTerm>,
}

/// A preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferredTerm {
    /// What it adds to the raw score; 0 adds nothing. Upstream checks no range here.
    pub weight: i32,
    /// The nodes it prefers.
    pub term: NodeSelectorTerm,
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

impl NodeAffinityArgs {
    pub(crate) const FIELDS: &[&str] = &["addedAffinity"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        if fields.get("addedAffinity").is_none() {
            return Self::default();
        }
        let affinity = fields.object("addedAffinity", &[REQUIRED, PREFERRED]);
        let selector = affinity.object(REQUIRED, &["nodeSelectorTerms"]);
        let terms =
            selector.objects("nodeSelectorTerms", NodeSelectorTerm::FIELDS, |t| NodeSelectorTerm::read(&t));
        Self {
            added_affinity: Some(AddedAffinity {
                required: affinity.get(REQUIRED).is_some().then_some(terms),
                preferred: affinity.objects(PREFERRED, &["weight", "preference"], |p| read_preferred(&p)),
            }),
        }
    }
}

fn read_preferred(fields: &Fields<'_>) -> PreferredTerm {
    let weight = fields.int32("weight").unwrap_or_default();
    let preference = fields.object("preference", NodeSelectorTerm::FIELDS);
    let term = NodeSelectorTerm::read(&preference);
    if weight == 0 {
        // Upstream does not look into a term that counts for nothing.
        fields.sink().pardon(preference.path());
    }
    PreferredTerm { weight, term }
}
