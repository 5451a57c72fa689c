//! Prefers nodes that already hold the pod's images.
//!
//! - **Score**: the sizes of the images that the node holds, of init containers, containers and image volumes. An image
//!   counts the more the more nodes hold it, so that pods do not pile up on the one node that has it. Below 23 MiB a
//!   node scores 0, from 1000 MiB an image on it scores 100.
//! - **Depends on** the images that nodes hold: of the node itself, and how many others hold the same. So a node that
//!   comes, goes or changes its images may change every node's score.
//! - **Upstream**: plugins/imagelocality. Known difference: upstream's live cache takes an image's size from the node
//!   that stated it first; here every node's own size counts, as in upstream's snapshots.
//! - **Cost**: the holders of the pod's images for a pod, then one look-up a node.

use std::sync::Arc;

use std::borrow::Cow;

use berth_model::pod::PodSpec;
use berth_model::volume::PodVolumeSource;

use crate::cluster::{Change, Cluster};
use crate::ids::name::PluginName;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{
    CacheScope, CachedScore, MAX_SCORE, Plugin, PreScore, RawScore, Representative, Score, ScoreBound,
    ScoreHints, Validity,
};

/// The plugin's name in configurations.
pub const NAME: &str = "ImageLocality";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::Score], || Arc::new(ImageLocality)).in_default_profile(1);

const MIB: i64 = 1024 * 1024;
const MIN_BYTES: i64 = 23 * MIB;
const MAX_BYTES_PER_IMAGE: i64 = 1000 * MIB;

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageLocality;

/// Scores by row; rows beyond the end hold none of the images.
#[derive(Debug)]
struct ImageScore {
    scores: Vec<i64>,
    highest: i64,
    /// Of which images and how many nodes the scores speak: a node more changes those of all holders.
    version: u64,
    nodes: usize,
}

impl Plugin for ImageLocality {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let nodes = pod.cluster.nodes();
        let mut bytes = Vec::new();
        let mut images = 0;
        for name in image_names(&pod.class.spec) {
            images += 1;
            let Some(holders) = nodes.images().holders(&normalized(name)) else { continue };
            bytes.resize(nodes.row_count(), 0);
            let spread = holders.len() as f64 / nodes.len() as f64;
            for (row, &size) in holders {
                let sum: &mut i64 = &mut bytes[row.index()];
                *sum = sum.wrapping_add((size as f64 * spread) as i64);
            }
        }
        bytes.iter_mut().for_each(|bytes| *bytes = score(*bytes, images));
        PreScore::cached(ImageScore {
            highest: bytes.iter().copied().max().unwrap_or(0),
            scores: bytes,
            version: nodes.images().version(),
            nodes: nodes.len(),
        })
    }
}

/// The images of a pod as it spells them, with repeats.
fn image_names(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let containers = spec.init_containers.iter().chain(&spec.containers).map(|c| &*c.image);
    let volumes = spec.volumes.iter().filter_map(|volume| match &volume.source {
        PodVolumeSource::Image { reference } => Some(&**reference),
        _ => None,
    });
    containers.chain(volumes)
}

/// A name without a tag means the tag `latest`.
fn normalized(name: &str) -> Cow<'_, str> {
    if name.rfind(':') <= name.rfind('/') { format!("{name}:latest").into() } else { name.into() }
}

fn score(bytes: i64, images: i64) -> i64 {
    let max = MAX_BYTES_PER_IMAGE * images;
    MAX_SCORE * (bytes.clamp(MIN_BYTES, max) - MIN_BYTES) / (max - MIN_BYTES)
}

impl Score for ImageScore {
    fn score(&self, _cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (out, group) in out.iter_mut().zip(feasible) {
            *out = self.scores.get(group.row.index()).copied().unwrap_or(0);
        }
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints {
            raw: RawScore::Final(self),
            zero: self.scores.is_empty(),
            ignores_counts: true,
            ..ScoreHints::default()
        }
    }
}

impl ScoreBound for ImageScore {
    fn highest(&self, _cluster: &Cluster, _bounds: &UsageBounds) -> i64 {
        self.highest
    }
}

impl CachedScore for ImageScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let nodes = cluster.nodes();
        let same = self.scores.is_empty() || nodes.len() == self.nodes;
        let unchanged = same && nodes.images().version() == self.version;
        Validity::valid_if(!change.invalidates_nodes() || (!change.invalidates_all() && unchanged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, score};
    use berth_model::node::NodeImage;
    use berth_model::pod::Container;
    use berth_model::volume::PodVolume;

    fn image(name: &str, mib: i64) -> NodeImage {
        NodeImage { names: vec![name.into()], size_bytes: mib * MIB }
    }

    fn container(image: &str) -> Container {
        Container { image: image.into(), ..Container::default() }
    }

    /// Scores of n1, which holds web (200 MiB) and tools (1500 MiB), n2, which holds web, and n3, which holds nothing.
    fn scores(change: impl FnOnce(&mut PodSpec)) -> String {
        let mut world = World::default();
        world.node("n1", |node| node.images = vec![image("web:latest", 200), image("host:5/tools:2", 1500)]);
        world.node("n2", |node| node.images = vec![image("web:latest", 200)]);
        world.node("n3", |_| {});
        let pod = world.pod("p", |_, spec| change(spec));
        score(&ImageLocality, &world, pod)
    }

    #[test]
    fn images_count_by_size_and_by_how_many_nodes_hold_them() {
        // web: 200 MiB x 2/3 = 133 MiB; tools: 1500 MiB x 1/3 = 500 MiB.
        type Change = fn(&mut PodSpec);
        let cases: [(&str, Change, &str); 6] = [
            ("no image is there", |s| s.containers = vec![container("other:1")], "n1: 0, n2: 0, n3: 0"),
            ("one image", |s| s.containers = vec![container("web")], "n1: 11, n2: 11, n3: 0"),
            ("another tag", |s| s.containers = vec![container("web:2")], "n1: 0, n2: 0, n3: 0"),
            (
                "two images share the limit of two",
                |s| s.containers = vec![container("web"), container("host:5/tools:2")],
                "n1: 30, n2: 5, n3: 0",
            ),
            (
                "init containers count",
                |s| {
                    s.containers = vec![container("web")];
                    s.init_containers = vec![container("host:5/tools:2")];
                },
                "n1: 30, n2: 5, n3: 0",
            ),
            (
                "image volumes count",
                |s| {
                    s.containers = vec![container("web")];
                    let source = PodVolumeSource::Image { reference: "host:5/tools:2".into() };
                    s.volumes = vec![PodVolume { name: "v".into(), source }];
                },
                "n1: 30, n2: 5, n3: 0",
            ),
        ];
        for (name, change, expected) in cases {
            assert_eq!(scores(change), expected, "{name}");
        }
    }

    #[test]
    fn a_name_without_a_tag_gets_one() {
        let cases = [
            ("web", "web:latest"),
            ("web:1", "web:1"),
            ("host:5000/web", "host:5000/web:latest"),
            ("host:5000/web:1", "host:5000/web:1"),
            ("host/web@sha256:0", "host/web@sha256:0"),
            ("", ":latest"),
        ];
        for (name, expected) in cases {
            assert_eq!(normalized(name), expected);
        }
    }
}
