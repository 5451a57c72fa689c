//! Reading Kubernetes objects: YAML of many documents, JSON, `List`s, as users write them and as `kubectl get` prints them.
//!
//! [`Loader`] takes texts and gives [`Manifests`]: the objects as the model's values, with the API server's defaults
//! applied and checked as the API server would check what matters here. Nothing stops at the first error: [`Problems`]
//! lists all, each with its place and the path of the field. What is odd but harmless is in [`Warnings`].
//!
//! The way back, for recordings, is [`encode`].
//!
//! There is no IO here; bytes come in.
//!
//! The way of an object: `loader` → `json` or `yaml` (YAML becomes JSON text) → `head` (what kind is it?) → `object` →
//! the twin of its kind (`pod`, `node`, `storage`, `workload`, `policy`), declared with `decode`'s `wire_object!`, whose
//! `finish` checks, applies defaults and makes the model's value.

mod context;
mod decode;
mod decoder;
mod encode;
mod head;
mod json;
mod kind;
mod loader;
mod manifests;
mod meta;
mod node;
mod object;
mod object_key;
mod place;
mod pod;
mod policy;
mod pool;
mod problem;
pub mod resource;
mod selector;
mod storage;
mod syntax;
#[cfg(test)]
mod tests;
mod time;
mod warning;
mod workload;
mod yaml;

pub use decoder::Decoder;
pub use encode::encode;
pub use kind::Kind;
pub use loader::Loader;
pub use manifests::Manifests;
pub use object::Object;
pub use object_key::ObjectKey;
pub use place::{Entry, Place};
pub use pod::{Admission, PodLevel, PodManifest, PodTemplate, ScheduledCondition};
pub use policy::{LimitRange, LimitRangeItem, LimitScope, NodeMetrics, PriorityClass, RuntimeClass};
pub use problem::{Problem, Problems};
pub use warning::{Warning, Warnings};
pub use workload::{JobProgress, PodCount, Rollout, Share, Workload, WorkloadKind};
