//! Where the API server keeps the objects of each kind.

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
    /// The field selector; empty for all objects.
    pub(crate) selector: &'static str,
}

impl Resource {
    /// The objects of a kind. Pods that have ended use no resources of their nodes, so they are left out.
    pub(crate) fn of(kind: Kind) -> Self {
        let api = kind.api();
        let selector = match kind {
            Kind::Pod => "status.phase!=Succeeded,status.phase!=Failed",
            _ => "",
        };
        Self { api_version: api.api_version, kind: api.name, plural: api.resource, selector }
    }

    /// The path of the collection over all namespaces, with a query.
    pub(crate) fn path(self, query: &[(&str, String)]) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(query);
        if !self.selector.is_empty() {
            encoded.append_pair("fieldSelector", self.selector);
        }
        format!("/{root}/{}/{}?{}", self.api_version, self.plural, encoded.finish())
    }
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(name, SEGMENT)
}

/// All characters but those that RFC 3986 calls unreserved.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_group_version_and_selector() {
        let paths = [Kind::Node, Kind::StorageClass, Kind::Pod]
            .map(|kind| Resource::of(kind).path(&[("watch", "1".to_owned())]));
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
