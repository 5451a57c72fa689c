//! Arguments of WeightedLeastLoad: where the weights of nodes come from, and of which resources a load is made.

use berth_engine::load;
use berth_engine::plugins::weighted_least_load::{WeightedLeastLoad, parse_weight};

use super::freshness;
use super::resource::{self, ResourceWeight};
use crate::fields::Fields;
use crate::label;

/// Weights of nodes, and what counts as load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedLeastLoadArgs {
    /// Where the weight of a node comes from.
    pub weight: WeightSource,
    /// The weight, in thousandths, of a node where the source has no number. Nodes of zero and less are a last resort.
    pub default_weight_milli: i64,
    /// Each name once; `disk` and `network` stand for what is measured of them.
    pub resources: Vec<ResourceWeight>,
    /// Measurements that are older, in seconds, count as absent; not below 0.
    pub freshness_seconds: i64,
}

/// Where the weight of a node comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightSource {
    /// What the node offers of each resource.
    Capacity,
    /// The label of this key.
    Label(String),
    /// The annotation of this key.
    Annotation(String),
}

const LABEL: &str = "weightLabel";
const ANNOTATION: &str = "weightAnnotation";
const DEFAULT: &str = "defaultWeight";

impl Default for WeightedLeastLoadArgs {
    fn default() -> Self {
        Self {
            weight: WeightSource::Capacity,
            default_weight_milli: WeightedLeastLoad::default().default_weight_milli,
            resources: resource::defaults(),
            freshness_seconds: load::FRESHNESS_SECONDS,
        }
    }
}

impl WeightedLeastLoadArgs {
    pub(crate) const FIELDS: &[&str] = &[LABEL, ANNOTATION, DEFAULT, "resources", freshness::FIELD];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let default = Self::default();
        let weight = read_source(fields);
        let allowed = "must be a number, as in 4, 2.5 or 500m";
        let default_weight = fields.number_or_text(DEFAULT, allowed, parse_weight);
        if default_weight.is_some() && weight == WeightSource::Capacity {
            let words =
                format!("no effect: the weight is the node's capacity without {LABEL} or {ANNOTATION}");
            fields.sink().warn(&fields.at(DEFAULT), words);
        }
        let resources = resource::read_distinct(fields);
        Self {
            weight,
            default_weight_milli: default_weight.unwrap_or(default.default_weight_milli),
            resources: if resources.is_empty() { default.resources } else { resources },
            freshness_seconds: freshness::read(fields),
        }
    }
}

fn read_source(fields: &Fields<'_>) -> WeightSource {
    let sink = fields.sink();
    let (label, annotation) = (fields.text(LABEL), fields.text(ANNOTATION));
    if let Some(key) = &label {
        for problem in label::key_problems(key) {
            sink.invalid_text(&fields.at(LABEL), key, &problem);
        }
    }
    if let Some(key) = &annotation {
        // Keys of annotations may have capitals before the slash, too.
        for problem in label::key_problems(&key.to_lowercase()) {
            sink.invalid_text(&fields.at(ANNOTATION), key, &problem);
        }
        if label.is_some() {
            sink.forbidden(&fields.at(ANNOTATION), &format!("may not be set beside {LABEL}"));
        }
    }
    match (label, annotation) {
        (Some(key), _) => WeightSource::Label(key),
        (None, Some(key)) => WeightSource::Annotation(key),
        (None, None) => WeightSource::Capacity,
    }
}
