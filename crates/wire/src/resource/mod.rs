//! Devices: the objects of `resource.k8s.io/v1`.
//!
//! Upstream: `pkg/apis/resource/validation`, `pkg/apis/resource/v1/defaults.go`, with the default feature gates.

mod claim;
mod class;
mod rule;
mod slice;
mod value;
