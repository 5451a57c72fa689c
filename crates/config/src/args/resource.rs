//! A resource and how much it counts for a score.

use crate::fields::Fields;
use crate::label;

/// A resource that a score looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceWeight {
    /// As in `cpu` or `nvidia.com/gpu`.
    pub name: String,
    /// How much it counts, 1 to 100.
    pub weight: i64,
}

const FIELDS: &[&str] = &["name", "weight"];

/// CPU and memory, equally.
pub(crate) fn defaults() -> Vec<ResourceWeight> {
    equally(&["cpu", "memory"])
}

/// These resources, all with weight 1.
pub(crate) fn equally(names: &[&str]) -> Vec<ResourceWeight> {
    names.iter().map(|name| ResourceWeight { name: (*name).to_owned(), weight: 1 }).collect()
}

/// Reads `resources`: the defaults where there are none, and weight 1 where there is none or 0.
pub(crate) fn read(fields: &Fields<'_>) -> Vec<ResourceWeight> {
    let resources = fields.objects("resources", FIELDS, |resource| ResourceWeight {
        name: resource.text("name").unwrap_or_default(),
        weight: resource.int64("weight").filter(|w| *w != 0).unwrap_or(1),
    });
    if resources.is_empty() { defaults() } else { resources }
}

/// Reads `resources` of a plugin of Berth's own, which upstream's habits do not bind: a weight of 0 is refused, as are
/// a repeated name and one that no resource can have.
pub(crate) fn read_distinct(fields: &Fields<'_>) -> Vec<ResourceWeight> {
    let sink = fields.sink();
    let resources = fields.objects("resources", FIELDS, |resource| {
        let weight = resource.int64("weight").unwrap_or(1);
        if !(1..=100).contains(&weight) {
            sink.invalid(&resource.at("weight"), weight, "not in valid range [1, 100]");
        }
        let name = resource.text("name").unwrap_or_default();
        if name.is_empty() {
            sink.required(&resource.at("name"), "");
        } else {
            for problem in label::key_problems(&name) {
                sink.invalid_text(&resource.at("name"), &name, &problem);
            }
        }
        ResourceWeight { name, weight }
    });
    for (i, resource) in resources.iter().enumerate() {
        if !resource.name.is_empty() && resources[..i].iter().any(|r| r.name == resource.name) {
            sink.duplicate(&fields.at("resources").index(i).child("name"), &resource.name);
        }
    }
    resources
}
