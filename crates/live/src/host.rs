//! The name of this machine or pod, and the identity of this process.

/// The host name, as events and leases show it. In a pod it is the pod's name.
pub(crate) fn name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// A name that no other process has, here or on another machine: the holder identity of the lease.
pub(crate) fn identity(host: &str) -> String {
    format!("{host}_{:032x}", fastrand::u128(..))
}
