//! `berth up`: a real control plane on this machine, with simulated nodes.
//!
//! [`ControlPlane`](control_plane::ControlPlane) runs upstream's etcd and kube-apiserver as [processes](process), with
//! certificates of its own [`authority`]. The end-to-end tests use the same code.
#![cfg(unix)]

pub mod api;
pub mod authority;
pub mod component;
pub mod control_plane;
pub mod kubeconfig;
pub mod process;
pub mod scheduler;
