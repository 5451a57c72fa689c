//! Where the API server keeps each kind of object.

use berth_model::object::Kind;

/// A collection of all objects of one kind, over all namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Group and version.
    pub(crate) api_version: &'static str,
    /// The kind's name in the API.
    pub(crate) kind: &'static str,
    /// The name of the collection in paths.
    pub(crate) plural: &'static str,
    /// Which of its objects are wanted, as a field selector; empty means all.
    pub(crate) selector: &'static str,
}

impl Resource {
    /// The objects of a kind. Pods that have ended hold nothing on their nodes, so they are left out.
    pub(crate) fn of(kind: Kind) -> Self {
        let api = kind.api();
        let selector = match kind {
            Kind::Pod => "status.phase!=Succeeded,status.phase!=Failed",
            _ => "",
        };
        Self { api_version: api.api_version, kind: api.name, plural: api.resource, selector }
    }

    /// The path of the collection, with a query.
    pub(crate) fn path(self, query: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let selector = self.selector.replace("!=", "%21%3D").replace(',', "%2C");
        let mut path = format!("/{root}/{}/{}?{query}", self.api_version, self.plural);
        if !selector.is_empty() {
            path.push_str("&fieldSelector=");
            path.push_str(&selector);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_group_version_and_selector() {
        let paths =
            [Kind::Node, Kind::StorageClass, Kind::Pod].map(|kind| Resource::of(kind).path("watch=1"));
        assert_eq!(
            paths,
            [
                "/api/v1/nodes?watch=1",
                "/apis/storage.k8s.io/v1/storageclasses?watch=1",
                "/api/v1/pods?watch=1&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
            ]
        );
    }
}
