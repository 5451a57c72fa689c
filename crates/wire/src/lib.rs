//! Reading Kubernetes objects: YAML of many documents, JSON, `List`s, as users write them and as `kubectl get` prints
//! them.
//!
//! [`Loader`] takes texts and gives [`Manifests`](berth_model::manifests::Manifests): the objects as the model's
//! values, with the API server's defaults applied and checked as the API server would check what matters here. Nothing
//! stops at the first error: [`Problems`] lists all, each with its place and the path of the field. What is odd but
//! harmless is in [`Warnings`].
//!
//! The way back is [`encode`] for recordings, and [`encode_whole`] for snapshots.
//!
//! There is no IO here; bytes come in.
//!
//! The way of an object: `loader` → `json` or `yaml` (YAML becomes JSON text) → `head` (what kind is it?) → `object` →
//! the wire type of its kind (`pod`, `node`, `storage`, `workload`, `policy`), declared with `decode`'s `wire_object!`,
//! whose `into_model` checks, applies defaults and makes the model's value. A new kind is an entry in
//! [`for_each_object_kind`](berth_model::for_each_object_kind) and an implementation of `object::Format` for its type.

mod context;
mod custom;
mod decode;
mod decoder;
mod encode;
mod head;
mod json;
mod layers;
mod left_out;
mod loader;
mod meta;
mod node;
mod object;
mod pod;
mod policy;
mod pool;
mod problem;
mod resource;
mod selector;
mod storage;
mod syntax;
#[cfg(test)]
mod tests;
mod time;
mod unread;
mod warning;
mod workload;
mod yaml;

pub use custom::{RuleError, Rules};
pub use decoder::Decoder;
pub use encode::{encode, encode_whole};
pub use loader::Loader;
pub use problem::{Problem, Problems};
pub use warning::{Warning, Warnings};
