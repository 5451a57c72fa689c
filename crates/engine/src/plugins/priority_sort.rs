//! Orders the queue: higher priority first, then whoever came first.
//!
//! - **QueueSort**: the shells' queue asks [`less`].
//! - **Depends on** the pod's priority and its arrival.
//! - **Upstream**: plugins/queuesort. No known difference.
//! - **Cost**: two comparisons.

use crate::plugin::Plugin;

/// The plugin's name in configurations.
pub const NAME: &str = "PrioritySort";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrioritySort;

impl Plugin for PrioritySort {
    fn name(&self) -> &'static str {
        NAME
    }
}

/// A pod's place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<T> {
    /// `spec.priority`.
    pub priority: i32,
    /// When the pod entered the queue, in whatever the queue counts arrivals by.
    pub arrival: T,
}

/// Whether `a` is scheduled before `b`. Of two that are equal neither is.
pub fn less<T: Ord>(a: &Place<T>, b: &Place<T>) -> bool {
    a.priority > b.priority || (a.priority == b.priority && a.arrival < b.arrival)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_decides_and_then_arrival() {
        let place = |priority, arrival| Place { priority, arrival };
        let cases = [
            (place(10, 2), place(5, 1), true),
            (place(5, 1), place(10, 2), false),
            (place(-1, 2), place(-2, 1), true),
            (place(5, 1), place(5, 2), true),
            (place(5, 2), place(5, 1), false),
            (place(5, 1), place(5, 1), false),
        ];
        for (a, b, expected) in cases {
            assert_eq!(less(&a, &b), expected, "{a:?} before {b:?}");
        }
    }
}
