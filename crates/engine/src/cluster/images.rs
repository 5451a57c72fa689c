//! Which nodes hold which container images, by the images' names.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::node::NodeImage;
use rustc_hash::FxHashMap;

use crate::ids::NodeRow;

/// The holders of every image. Most images of a cluster are of interest to few pods, so they are asked for by name.
#[derive(Clone, Debug, Default)]
pub struct Images {
    holders: FxHashMap<Str, BTreeMap<NodeRow, i64>>,
    version: u64,
}

impl Images {
    /// The nodes that hold an image of this name, each with the size in bytes that it states; `None` where there is
    /// none.
    pub fn holders(&self, name: &str) -> Option<&BTreeMap<NodeRow, i64>> {
        self.holders.get(name)
    }

    /// Changes whenever any node's images do.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Notes the images of the node in a row. Of two with the same name the later counts.
    pub(crate) fn insert(&mut self, row: NodeRow, images: &[NodeImage]) {
        self.version += u64::from(!images.is_empty());
        for image in images {
            for name in &image.names {
                self.holders.entry(name.clone()).or_default().insert(row, image.size_bytes);
            }
        }
    }

    /// Forgets the images of the node in a row.
    pub(crate) fn remove(&mut self, row: NodeRow, images: &[NodeImage]) {
        self.version += u64::from(!images.is_empty());
        for name in images.iter().flat_map(|image| &image.names) {
            if let Some(rows) = self.holders.get_mut(name) {
                rows.remove(&row);
                if rows.is_empty() {
                    self.holders.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(names: &[&str], size_bytes: i64) -> NodeImage {
        NodeImage { names: names.iter().map(|name| (*name).into()).collect(), size_bytes }
    }

    #[test]
    fn an_image_is_found_by_each_of_its_names_until_its_last_holder_goes() {
        let mut images = Images::default();
        let web = [image(&["web:1", "web@sha256:0"], 5), image(&["web:1"], 7)];
        images.insert(NodeRow(0), &web);
        images.insert(NodeRow(1), &web[..1]);
        let held = |images: &Images, name: &str| {
            images.holders(name).map(|rows| rows.iter().map(|(row, size)| (row.0, *size)).collect::<Vec<_>>())
        };
        assert_eq!(held(&images, "web:1"), Some(vec![(0, 7), (1, 5)]));
        assert_eq!(held(&images, "web@sha256:0"), Some(vec![(0, 5), (1, 5)]));
        images.remove(NodeRow(0), &web);
        assert_eq!(held(&images, "web:1"), Some(vec![(1, 5)]));
        images.remove(NodeRow(1), &web);
        assert_eq!(held(&images, "web:1"), None);
    }
}
