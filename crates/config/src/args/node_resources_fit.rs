//! Arguments of NodeResourcesFit: which resources it leaves out, and whether it prefers empty nodes or full ones.

use super::resource::{self, ResourceWeight};
use super::shape::{self, ShapePoint};
use crate::fields::Fields;
use crate::label;

/// What fits, and what fits best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeResourcesFitArgs {
    /// Resources that the filter does not look at. Where extenders manage resources that the scheduler ignores, those
    /// take the place of what the configuration lists here.
    pub ignored_resources: Vec<String>,
    /// The filter does not look at resources whose name has one of these before its slash.
    pub ignored_resource_groups: Vec<String>,
    /// How nodes score.
    pub scoring_strategy: ScoringStrategy,
    /// The resources that count for the score. A name may occur twice, as in upstream.
    pub resources: Vec<ResourceWeight>,
}

/// How NodeResourcesFit scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScoringStrategy {
    /// The emptier the better.
    LeastAllocated,
    /// The fuller the better.
    MostAllocated,
    /// By a function of utilization, of one point at least.
    RequestedToCapacityRatio(Vec<ShapePoint>),
}

impl Default for NodeResourcesFitArgs {
    fn default() -> Self {
        Self {
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            scoring_strategy: ScoringStrategy::LeastAllocated,
            resources: resource::defaults(),
        }
    }
}

impl NodeResourcesFitArgs {
    pub(crate) const FIELDS: &[&str] = &["ignoredResources", "ignoredResourceGroups", "scoringStrategy"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let mut args = Self {
            ignored_resources: fields.texts("ignoredResources"),
            ignored_resource_groups: fields.texts("ignoredResourceGroups"),
            ..Self::default()
        };
        args.validate_ignored(fields);
        if fields.get("scoringStrategy").is_some() {
            let strategy =
                fields.object("scoringStrategy", &["type", "resources", "requestedToCapacityRatio"]);
            args.resources = resource::read(&strategy);
            args.scoring_strategy = read_strategy(&strategy, &args.resources);
        }
        args
    }

    fn validate_ignored(&self, fields: &Fields<'_>) {
        for (i, name) in self.ignored_resources.iter().enumerate() {
            for problem in label::key_problems(name) {
                fields.sink().invalid_text(&fields.at("ignoredResources").index(i), name, &problem);
            }
        }
        for (i, group) in self.ignored_resource_groups.iter().enumerate() {
            let path = fields.at("ignoredResourceGroups").index(i);
            if group.contains('/') {
                fields.sink().invalid_text(&path, group, "resource group name can't contain '/'");
            }
            for problem in label::key_problems(group) {
                fields.sink().invalid_text(&path, group, &problem);
            }
        }
    }
}

fn read_strategy(fields: &Fields<'_>, resources: &[ResourceWeight]) -> ScoringStrategy {
    let sink = fields.sink();
    let name = fields.text("type").unwrap_or_default();
    let supported = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
    if !supported.contains(&name.as_str()) {
        sink.unsupported(&fields.at("type"), &name, &supported);
    }
    for (i, resource) in resources.iter().enumerate() {
        if !(1..=100).contains(&resource.weight) {
            let path = fields.at("resources").index(i).child("weight");
            let words = format!("resource weight of {} not in valid range (0, 100]", resource.name);
            sink.invalid(&path, resource.weight, &words);
        }
    }
    let ratio = fields.get("requestedToCapacityRatio").is_some();
    let ratio_fields = fields.object("requestedToCapacityRatio", &["shape"]);
    let shape = shape::read(&ratio_fields);
    match (name.as_str(), ratio) {
        ("RequestedToCapacityRatio", true) => shape::validate(&shape, &ratio_fields),
        ("RequestedToCapacityRatio", false) => {
            sink.required(ratio_fields.path(), "must be specified when type is RequestedToCapacityRatio");
        }
        (_, true) => {
            sink.forbidden(ratio_fields.path(), "must be nil when type is not RequestedToCapacityRatio");
        }
        (_, false) => {}
    }
    match name.as_str() {
        "RequestedToCapacityRatio" => ScoringStrategy::RequestedToCapacityRatio(shape),
        "MostAllocated" => ScoringStrategy::MostAllocated,
        _ => ScoringStrategy::LeastAllocated,
    }
}
