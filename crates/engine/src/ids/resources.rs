//! The kinds of resources that nodes offer and pods request, and their units.

use berth_model::Str;
use berth_model::quantity::Quantity;
use rustc_hash::FxHashMap;

use crate::ids::ResourceId;

/// The table of resource kinds. CPU, memory and ephemeral storage are always there, the rest as objects mention it.
#[derive(Clone, Debug)]
pub struct Resources {
    names: Vec<Str>,
    index: FxHashMap<Str, ResourceId>,
}

impl Default for Resources {
    fn default() -> Self {
        let mut table = Self { names: Vec::new(), index: FxHashMap::default() };
        for name in ["cpu", "memory", "ephemeral-storage"] {
            table.intern(name);
        }
        table
    }
}

impl Resources {
    /// The id of a resource, made now if it is new.
    pub fn intern(&mut self, name: &str) -> ResourceId {
        if let Some(&id) = self.index.get(name) {
            return id;
        }
        let id = ResourceId(u32::try_from(self.names.len()).expect("fewer than 2^32 kinds of resources"));
        let name: Str = name.into();
        self.names.push(name.clone());
        self.index.insert(name, id);
        id
    }

    /// The id of a resource, if any object mentions it.
    pub fn find(&self, name: &str) -> Option<ResourceId> {
        self.index.get(name).copied()
    }

    /// The name of a resource.
    pub fn name(&self, id: ResourceId) -> &Str {
        &self.names[id.index()]
    }

    /// All kinds with their names, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ResourceId, &Str)> {
        (0u32..).map(ResourceId).zip(&self.names)
    }

    /// How many kinds there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: CPU, memory and ephemeral storage are always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The id and the amount in the unit that the engine counts in: milli-CPU for CPU, base units for the rest,
    /// rounded up.
    pub fn amount(&mut self, name: &str, quantity: Quantity) -> (ResourceId, i64) {
        let id = self.intern(name);
        let amount = if id == ResourceId::CPU { quantity.milli_value() } else { quantity.value() };
        (id, amount)
    }
}

/// Whether a resource is one that users may define (`example.com/gpu`), not one of Kubernetes' own.
///
/// Upstream: `apis/core/v1/helper`, `IsExtendedResourceName`, without the check of the name's syntax, which the API
/// server has made.
pub fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// Whether the scheduler counts a resource beside CPU, memory and ephemeral storage: extended resources, huge pages,
/// resources below `kubernetes.io/` and attachable volumes. Other names are ignored.
///
/// Upstream: scheduler `util/utils.go`, `IsScalarResourceName`.
pub fn is_scalar(name: &str) -> bool {
    is_extended(name)
        || name.starts_with("hugepages-")
        || name.contains("kubernetes.io/")
        || name.starts_with("attachable-volumes-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_resources_are_counted() {
        let cases = [
            ("cpu", false, false),
            ("storage", false, false),
            ("example.com/gpu", true, true),
            ("requests.example.com/gpu", false, false),
            ("kubernetes.io/something", false, true),
            ("node.kubernetes.io/batch-cpu", false, true),
            ("hugepages-2Mi", false, true),
            ("attachable-volumes-aws-ebs", false, true),
        ];
        for (name, extended, scalar) in cases {
            assert_eq!((is_extended(name), is_scalar(name)), (extended, scalar), "{name}");
        }
    }
}
