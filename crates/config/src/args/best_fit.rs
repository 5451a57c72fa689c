//! Arguments of BestFit: how much room in one resource counts beside room in another.

use berth_engine::load;

use super::resource::{self, ResourceWeight};
use crate::fields::Fields;

/// The resources that count more than others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BestFitArgs {
    /// Each name once. A resource that is not listed has weight 1.
    pub resources: Vec<ResourceWeight>,
}

impl BestFitArgs {
    pub(crate) const FIELDS: &[&str] = &["resources"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let resources = resource::read_distinct(fields);
        for (i, resource) in resources.iter().enumerate() {
            let name = resource.name.as_str();
            if [load::DISK, load::NETWORK].contains(&name) {
                let words = format!("no effect: {name} is measured, and no pod requests it");
                fields.sink().warn(&fields.at("resources").index(i), words);
            }
        }
        Self { resources }
    }
}
