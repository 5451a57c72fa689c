//! A resource and how much it counts for a score.

use crate::fields::Fields;

/// A resource that a score looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceWeight {
    /// As in `cpu` or `nvidia.com/gpu`.
    pub name: String,
    /// How much it counts, 1 to 100.
    pub weight: i64,
}

/// CPU and memory, equally.
pub(crate) fn defaults() -> Vec<ResourceWeight> {
    ["cpu", "memory"].map(|name| ResourceWeight { name: name.to_owned(), weight: 1 }).to_vec()
}

/// Reads `resources`: the defaults where there are none, and weight 1 where there is none or 0.
pub(crate) fn read(fields: &Fields<'_>) -> Vec<ResourceWeight> {
    let resources = fields.objects("resources", &["name", "weight"], |resource| ResourceWeight {
        name: resource.text("name").unwrap_or_default(),
        weight: resource.int64("weight").filter(|w| *w != 0).unwrap_or(1),
    });
    if resources.is_empty() { defaults() } else { resources }
}
