//! The name of this machine or pod, and of this process.

use crate::backoff::random;

/// As in events and leases: what the kernel calls this machine, or in a pod the pod's name.
pub(crate) fn name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match kernel.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "unknown".to_owned()),
        name => name.to_owned(),
    }
}

/// A name that no other process has, here or elsewhere.
pub(crate) fn identity(host: &str) -> String {
    format!("{host}_{:016x}{:016x}", random(u64::MAX - 1), random(u64::MAX - 1))
}
