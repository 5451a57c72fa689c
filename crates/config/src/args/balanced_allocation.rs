//! Arguments of NodeResourcesBalancedAllocation: which resources should be used in equal parts.

use super::resource::{self, ResourceWeight};
use crate::fields::Fields;

/// The resources to balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancedAllocationArgs {
    /// Each name once, all with weight 1.
    pub resources: Vec<ResourceWeight>,
}

impl Default for BalancedAllocationArgs {
    fn default() -> Self {
        Self { resources: resource::defaults() }
    }
}

impl BalancedAllocationArgs {
    pub(crate) const FIELDS: &[&str] = &["resources"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let resources = resource::read(fields);
        for (i, resource) in resources.iter().enumerate() {
            let path = fields.at("resources").index(i);
            if resources[..i].iter().any(|r| r.name == resource.name) {
                fields.sink().duplicate(&path.child("name"), &resource.name);
            }
            if resource.weight != 1 {
                fields.sink().invalid(&path.child("weight"), resource.weight, "must be 1");
            }
        }
        Self { resources }
    }
}
