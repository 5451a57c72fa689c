//! `berth up`: a real control plane on this machine, with simulated nodes.
//!
//! [`ControlPlane`](control_plane::ControlPlane) runs upstream's etcd and kube-apiserver as [processes](process), with
//! certificates of its own [`authority`]; the end-to-end tests use the same code. [`nodes`] simulates the nodes.
//! [`Running`](running::Running) is all of it together: one [`Instance`](instance::Instance).
#![cfg(unix)]

pub mod api;
pub mod authority;
pub mod component;
pub mod control_plane;
pub mod fetch;
pub mod find;
pub mod go_build;
pub mod instance;
pub mod kubeconfig;
pub mod load;
pub mod node_commands;
pub mod nodes;
pub mod process;
pub mod provisioner;
pub mod running;
pub mod scheduler;
