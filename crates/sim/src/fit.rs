//! How many more pods fit: they are placed one after the other, each by the scheduler, until the next one does not fit.
//!
//! Nothing is estimated, so the count is that of placing the pods one by one. Of several workloads, pods are placed in
//! sets: as many of each as the workloads want in proportion. A set that does not fit as a whole is taken back.
//! Nothing is preempted for these pods.

mod on_node;
mod report;
mod shape;
#[cfg(test)]
mod tests;

use berth_engine::cluster::TrialEnd;
use berth_engine::ids::NodeRow;
use berth_engine::scheduler::Scheduler;

use crate::device_claims::ClaimTemplates;
use crate::expand::MAX_PODS;
use crate::run::{Options, Run};

pub use on_node::{Limits, NodeFit, WorkloadFit};
pub use report::{Added, FitReport, FittingPod, NodeShare, Share, Stop};
pub use shape::{Shape, is_new, workload_rows};

/// How many sets of pods fit, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Complete sets.
    pub sets: usize,
    /// The node of each pod, in the order in which they were placed.
    pub nodes: Vec<NodeRow>,
    /// Why there are no more.
    pub end: End,
}

/// Why no more sets were placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The next pod of this shape fits nowhere, in upstream's words.
    Unschedulable {
        /// Which of the shapes it is.
        shape: usize,
        /// The message.
        message: String,
    },
    /// The limit was reached.
    Limit,
}

/// Places sets of pods until one does not fit or there are `limit` of them. They stay in the cluster.
///
/// # Errors
/// With [`Options::verify`], the first decision that differs from the scan's.
pub fn fit(
    scheduler: &mut Scheduler,
    templates: &ClaimTemplates,
    shapes: &[Shape],
    limit: usize,
    options: Options,
) -> Result<Fit, String> {
    let options = Options { preemption: false, ..options };
    let mut fit = Fit { sets: 0, nodes: Vec::new(), end: End::Limit };
    let room = MAX_PODS.saturating_sub(scheduler.cluster().pods().len());
    let per_set: usize = shapes.iter().map(|shape| shape.per_set).sum();
    let limit = limit.min(room / per_set.max(1));
    let mut number = 0;
    while fit.sets < limit {
        let placed = scheduler.trial(|scheduler| {
            let placed = place_set(scheduler, templates, shapes, &mut number, options);
            let end = if matches!(placed, Ok(Ok(_))) { TrialEnd::Commit } else { TrialEnd::RollBack };
            (placed, end)
        })?;
        match placed {
            Ok(nodes) => {
                fit.nodes.extend(nodes);
                fit.sets += 1;
            }
            Err(end) => {
                fit.end = end;
                break;
            }
        }
    }
    Ok(fit)
}

/// Places one set; `Err` says which pod does not fit.
fn place_set(
    scheduler: &mut Scheduler,
    templates: &ClaimTemplates,
    shapes: &[Shape],
    number: &mut usize,
    options: Options,
) -> Result<Result<Vec<NodeRow>, End>, String> {
    let mut nodes = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        for _ in 0..shape.per_set {
            *number += 1;
            let row = shape.add(scheduler.cluster_mut(), templates, *number);
            let outcome = Run::new(scheduler, &[row], options).finish(|_| {})?;
            if let Some(pending) = outcome.pending.into_iter().next() {
                return Ok(Err(End::Unschedulable { shape: at, message: pending.message }));
            }
            nodes.extend(outcome.placed.iter().map(|placed| placed.node));
        }
    }
    Ok(Ok(nodes))
}
