//! Measured load: what nodes were seen to use, as opposed to what their pods request.
//!
//! CPU and memory come from `metrics.k8s.io` NodeMetrics objects. Kubernetes has no such object for disks and networks,
//! so those come from annotations of the node, which any agent on the node can write:
//!
//! | annotation | value |
//! | --- | --- |
//! | [`DISK_UTILIZATION`] | the busy part of the disks' throughput, `0` to `1`, for example `0.35` |
//! | [`NETWORK_UTILIZATION`] | the used part of the network's bandwidth, `0` to `1` |
//! | [`UTILIZATION_TIME`] | when both were measured, in seconds since the Unix epoch; without it they never go stale |

use crate::labels::Labels;
use crate::node::ResourceList;
use crate::quantity::Quantity;
use crate::{Str, UnixSeconds};

/// The node annotation that tells how busy the node's disks are.
pub const DISK_UTILIZATION: &str = "berth.dev/disk-utilization";
/// The node annotation that tells how busy the node's network is.
pub const NETWORK_UTILIZATION: &str = "berth.dev/network-utilization";
/// The node annotation that tells when the utilization was measured.
pub const UTILIZATION_TIME: &str = "berth.dev/utilization-time";

/// `metrics.k8s.io/v1beta1.NodeMetrics`: what a node was measured to use, by resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMetrics {
    /// `metadata.name`: the node's name.
    pub node: Str,
    /// `timestamp`: the end of the interval that was measured.
    pub timestamp: Option<UnixSeconds>,
    /// `usage`, by resource: `cpu` in cores, `memory` in bytes.
    pub usage: ResourceList,
}

/// `metrics.k8s.io/v1beta1.PodMetrics`: what the containers of a pod were measured to use. No decision depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodMetrics {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`: the pod's name.
    pub pod: Str,
    /// `timestamp`: the end of the interval that was measured.
    pub timestamp: Option<UnixSeconds>,
    /// `containers[].name` and `containers[].usage`: `cpu` in cores, `memory` in bytes.
    pub containers: Vec<(Str, ResourceList)>,
}

/// What a node was measured to use, as far as scheduling looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredUsage {
    /// `usage.cpu`, in milli-CPU.
    pub cpu_milli: Option<i64>,
    /// `usage.memory`, in bytes.
    pub memory_bytes: Option<i64>,
    /// `timestamp`: the end of the interval that was measured; without it the measurement never goes stale.
    pub taken: Option<UnixSeconds>,
}

impl MeasuredUsage {
    /// Reads the `usage` and `timestamp` of a NodeMetrics object. Resources other than CPU and memory are not measured
    /// there; negative amounts are left out.
    pub fn new(usage: &ResourceList, taken: Option<UnixSeconds>) -> Self {
        let amount = |name: &str| {
            let found = usage.iter().find(|(n, _)| &**n == name)?;
            Some(found.1).filter(|amount| !amount.is_negative())
        };
        Self {
            cpu_milli: amount("cpu").map(Quantity::milli_value),
            memory_bytes: amount("memory").map(Quantity::value),
            taken,
        }
    }
}

/// How busy a node's disks and network are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredUtilization {
    /// The busy part of the disks' throughput, in thousandths, 0 to 1000.
    pub disk_milli: Option<i64>,
    /// The used part of the network's bandwidth, in thousandths, 0 to 1000.
    pub network_milli: Option<i64>,
    /// When it was measured.
    pub taken: Option<UnixSeconds>,
}

impl MeasuredUtilization {
    /// Reads a node's annotations. What cannot be read counts as absent, and a time that cannot be read makes all of it
    /// absent, since it may be stale. [`unreadable`] says what is wrong.
    pub fn from_annotations(annotations: &Labels) -> Self {
        let time = annotations.get(UTILIZATION_TIME).map(|text| text.parse::<UnixSeconds>());
        let Ok(taken) = time.transpose() else { return Self::default() };
        let part = |key| annotations.get(key).and_then(|text| utilization_milli(text));
        Self { disk_milli: part(DISK_UTILIZATION), network_milli: part(NETWORK_UTILIZATION), taken }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.disk_milli.is_none() && self.network_milli.is_none()
    }
}

/// The annotations of measured load that cannot be read: key, value, and what is allowed.
pub fn unreadable(annotations: &Labels) -> Vec<(&'static str, &str, &'static str)> {
    let wrong = |key, is_readable: fn(&str) -> bool, allowed| {
        let text = annotations.get(key)?;
        (!is_readable(text)).then_some((key, &**text, allowed))
    };
    let (part, time) = ("a number from 0 to 1, as in 0.35", "whole seconds since the Unix epoch");
    let is_part = |text: &str| utilization_milli(text).is_some();
    let is_time = |text: &str| text.parse::<UnixSeconds>().is_ok();
    [
        wrong(DISK_UTILIZATION, is_part, part),
        wrong(NETWORK_UTILIZATION, is_part, part),
        wrong(UTILIZATION_TIME, is_time, time),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A fraction of capacity in thousandths, rounded up. A percentage such as `35` is refused, not taken for 35 times the
/// capacity.
fn utilization_milli(text: &str) -> Option<i64> {
    let milli = Quantity::parse(text).ok()?.milli_value();
    (0..=1000).contains(&milli).then_some(milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_metrics_tell_cpu_and_memory_and_nothing_below_zero() {
        let amount = |text| Quantity::parse(text).unwrap();
        let usage = vec![("cpu".into(), amount("156340512n")), ("memory".into(), amount("2Ki"))];
        let expected = MeasuredUsage { cpu_milli: Some(157), memory_bytes: Some(2048), taken: Some(7) };
        assert_eq!(MeasuredUsage::new(&usage, Some(7)), expected);
        let usage = vec![("cpu".into(), amount("-1")), ("pods".into(), amount("3"))];
        assert_eq!(MeasuredUsage::new(&usage, None), MeasuredUsage::default());
    }

    #[test]
    fn utilization_is_a_fraction_and_what_cannot_be_read_is_absent() {
        let cases: &[(&str, Option<i64>)] = &[
            ("0.35", Some(350)),
            ("0", Some(0)),
            ("1", Some(1000)),
            ("350m", Some(350)),
            ("0.0001", Some(1)),
            ("35", None),
            ("35%", None),
            ("-0.1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let annotations =
                Labels::from_iter([(DISK_UTILIZATION, *text), (UTILIZATION_TIME, "1764000000")]);
            let read = MeasuredUtilization::from_annotations(&annotations);
            assert_eq!((read.disk_milli, read.network_milli), (*expected, None), "{text}");
            assert_eq!(read.is_empty(), expected.is_none());
            assert_eq!(read.taken, Some(1_764_000_000));
            let expected_wrong = if expected.is_none() { vec![DISK_UTILIZATION] } else { vec![] };
            let wrong: Vec<&str> = unreadable(&annotations).into_iter().map(|(key, ..)| key).collect();
            assert_eq!(wrong, expected_wrong, "{text}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_read_makes_the_measurement_absent() {
        let annotations = Labels::from_iter([(NETWORK_UTILIZATION, "0.5"), (UTILIZATION_TIME, "yesterday")]);
        assert!(MeasuredUtilization::from_annotations(&annotations).is_empty());
        assert_eq!(
            unreadable(&annotations),
            [(UTILIZATION_TIME, "yesterday", "whole seconds since the Unix epoch")]
        );
    }
}
