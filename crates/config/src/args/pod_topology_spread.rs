//! Arguments of PodTopologySpread: how pods are spread that say nothing about it themselves.

use crate::fields::Fields;
use crate::label;
use crate::path::Path;

/// What is applied to pods without `topologySpreadConstraints`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodTopologySpreadArgs {
    /// Where the constraints come from.
    pub defaulting: SpreadDefaulting,
}

/// The source of default constraints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SpreadDefaulting {
    /// Upstream's own: over hosts with a skew of 3 and over zones with a skew of 5, both preferred only.
    #[default]
    System,
    /// Those of the configuration, possibly none.
    List(Vec<SpreadConstraint>),
}

/// A constraint. Its selector is that of the services and controllers that own the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// By how many pods domains may differ; above 0.
    pub max_skew: i32,
    /// The node label whose values are the domains.
    pub topology_key: String,
    /// Whether the constraint is a filter or a score.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Below this number of domains the emptiest counts as having no pods; unset means 1.
    pub min_domains: Option<i32>,
    /// Whether nodes that the pod's node affinity excludes count; unset means `Honor`: they do not.
    pub node_affinity_policy: Option<NodeInclusionPolicy>,
    /// Whether nodes with taints that the pod does not tolerate count; unset means `Ignore`: they do.
    pub node_taints_policy: Option<NodeInclusionPolicy>,
}

/// What happens to a pod that would break the constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "upstream's names, described in its documentation")]
pub enum WhenUnsatisfiable {
    DoNotSchedule,
    ScheduleAnyway,
}

/// Whether a rule decides which nodes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "upstream's names, described in its documentation")]
pub enum NodeInclusionPolicy {
    Honor,
    Ignore,
}

const CONSTRAINT: &[&str] = &[
    "maxSkew",
    "topologyKey",
    "whenUnsatisfiable",
    "labelSelector",
    "minDomains",
    "nodeAffinityPolicy",
    "nodeTaintsPolicy",
    "matchLabelKeys",
];

impl PodTopologySpreadArgs {
    pub(crate) const FIELDS: &[&str] = &["defaultConstraints", "defaultingType"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let sink = fields.sink();
        let constraints = fields.objects("defaultConstraints", CONSTRAINT, |constraint| {
            let path = constraint.path().clone();
            (path, read_constraint(&constraint))
        });
        for (i, (path, constraint)) in constraints.iter().enumerate() {
            let same = |(_, c): &(Path, RawConstraint)| {
                c.topology_key == constraint.topology_key && c.when == constraint.when
            };
            if constraints[..i].iter().any(same) {
                sink.duplicate(path, &format!("{{{}, {}}}", constraint.topology_key, constraint.when));
            }
        }
        let path = fields.at("defaultingType");
        let name = fields.text("defaultingType").filter(|n| !n.is_empty());
        let defaulting = match name.as_deref().unwrap_or("System") {
            "System" => {
                if !constraints.is_empty() {
                    sink.invalid_text(&path, "System", "when .defaultConstraints are not empty");
                }
                SpreadDefaulting::System
            }
            "List" => {
                SpreadDefaulting::List(constraints.into_iter().filter_map(|(_, c)| c.finish()).collect())
            }
            other => {
                sink.unsupported(&path, other, &["System", "List"]);
                SpreadDefaulting::System
            }
        };
        Self { defaulting }
    }
}

/// A constraint whose `whenUnsatisfiable` may be any text.
struct RawConstraint {
    max_skew: i32,
    topology_key: String,
    when: String,
    min_domains: Option<i32>,
    node_affinity_policy: Option<NodeInclusionPolicy>,
    node_taints_policy: Option<NodeInclusionPolicy>,
}

impl RawConstraint {
    /// The constraint, if `whenUnsatisfiable` is one of the two; where it is not, that is a problem already.
    fn finish(self) -> Option<SpreadConstraint> {
        let when_unsatisfiable = match self.when.as_str() {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            _ => return None,
        };
        Some(SpreadConstraint {
            max_skew: self.max_skew,
            topology_key: self.topology_key,
            when_unsatisfiable,
            min_domains: self.min_domains,
            node_affinity_policy: self.node_affinity_policy,
            node_taints_policy: self.node_taints_policy,
        })
    }
}

fn read_constraint(fields: &Fields<'_>) -> RawConstraint {
    let sink = fields.sink();
    let max_skew = fields.int32("maxSkew").unwrap_or_default();
    if max_skew <= 0 {
        sink.invalid(&fields.at("maxSkew"), max_skew, "not in valid range (0, inf)");
    }
    let topology_key = fields.text("topologyKey").unwrap_or_default();
    if topology_key.is_empty() {
        sink.required(&fields.at("topologyKey"), "can not be empty");
    } else {
        for problem in label::key_problems(&topology_key) {
            sink.invalid_text(&fields.at("topologyKey"), &topology_key, &problem);
        }
    }
    let when = fields.text("whenUnsatisfiable").unwrap_or_default();
    let supported = ["DoNotSchedule", "ScheduleAnyway"];
    if when.is_empty() {
        sink.required(&fields.at("whenUnsatisfiable"), "can not be empty");
    } else if !supported.contains(&when.as_str()) {
        sink.unsupported(&fields.at("whenUnsatisfiable"), &when, &supported);
    }
    if fields.get("labelSelector").is_some() {
        fields.object("labelSelector", &["matchLabels", "matchExpressions"]);
        let words = "constraint must not define a selector, as they deduced for each pod";
        sink.forbidden(&fields.at("labelSelector"), words);
    }
    if !fields.texts("matchLabelKeys").is_empty() {
        let words = "no effect: default constraints select by the owners of each pod alone";
        sink.warn(&fields.at("matchLabelKeys"), words);
    }
    RawConstraint {
        max_skew,
        topology_key,
        when,
        min_domains: fields.int32("minDomains"),
        node_affinity_policy: policy(fields, "nodeAffinityPolicy"),
        node_taints_policy: policy(fields, "nodeTaintsPolicy"),
    }
}

/// Upstream takes any text here, and takes every text but `Honor` for `Ignore`.
fn policy(fields: &Fields<'_>, name: &str) -> Option<NodeInclusionPolicy> {
    match fields.text(name)?.as_str() {
        "Honor" => Some(NodeInclusionPolicy::Honor),
        "Ignore" => Some(NodeInclusionPolicy::Ignore),
        other => {
            let words = format!("{other:?} is neither \"Honor\" nor \"Ignore\", and is taken for \"Ignore\"");
            fields.sink().warn(&fields.at(name), words);
            Some(NodeInclusionPolicy::Ignore)
        }
    }
}
