//! What several score plugins share: resources of nodes as scores look at them, load, normalization, curves.

pub mod axis;
pub mod load;
pub(crate) mod normalize;
pub(crate) mod reference;
pub mod shape;
