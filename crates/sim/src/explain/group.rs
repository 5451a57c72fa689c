//! The pods of a workload, or pods that a selector selects: the first one that stays pending is explained; if there is
//! none, the answer says where all of them are.

use std::collections::BTreeSet;

use berth_engine::cluster::TrialEnd;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use serde::Serialize;

use super::{Explanation, explain};
use crate::report::API_VERSION;
use crate::run::{Options, Run};
use crate::world::World;

/// What is said about several pods.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupAnswer {
    /// Why the first of them that stays pending is pending.
    Pending(Box<Explanation>),
    /// All of them have a node.
    Placed(GroupPlacement),
}

/// Several pods of which none is pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPlacement {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `GroupPlacement`.
    pub kind: &'static str,
    /// What the pods have in common, as in `Deployment shop/web`.
    pub subject: String,
    /// The pods, by namespace and name.
    pub pods: Vec<PlacedPod>,
}

/// A pod that is on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlacedPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Whether it runs there already; otherwise the scheduler would put it there.
    pub running: bool,
}

/// Runs the scheduler over all pending pods and answers for `members`, which `is_member` recognizes among the pods that
/// controllers make on the way.
///
/// # Errors
/// With [`Options::verify`], the first decision that differs from the scan's.
pub fn explain_group(
    world: World,
    profiles: Vec<Profile>,
    subject: String,
    is_member: impl Fn(&berth_model::pod::Pod) -> bool,
    algorithm: String,
    options: Options,
) -> Result<GroupAnswer, String> {
    let World { cluster, waiting, rollouts, changes, .. } = world;
    let mut scheduler = Scheduler::new(cluster, profiles);
    let pods = scheduler.cluster().pods();
    let key = |row: PodRow, scheduler: &Scheduler| {
        let pod = &scheduler.cluster().pods().entry(row).pod;
        (pod.spec.namespace.clone(), pod.name.clone())
    };
    let running: BTreeSet<(Str, Str)> = pods
        .rows()
        .filter(|&row| pods.entry(row).pod.node.is_some())
        .map(|row| key(row, &scheduler))
        .collect();
    let found = scheduler.trial(|scheduler| {
        let run = Run::new(scheduler, &waiting, options).rolling_out(rollouts).draining(&changes);
        let found = run.finish(|_| {}).map(|outcome| {
            let member = |row: &PodRow| is_member(&scheduler.cluster().pods().entry(*row).pod);
            match outcome.pending.iter().map(|pending| pending.pod).find(member) {
                // A pod that was there from the start is explained as of its turn, others as of the end.
                Some(row) if waiting.contains(&row) => Found::Waiting(row),
                Some(row) => Found::Made(Box::new(explain(scheduler, row, algorithm.clone(), options))),
                None => Found::None(placed(scheduler, &is_member, &running)),
            }
        });
        (found, TrialEnd::RollBack)
    })?;
    Ok(match found {
        Found::Made(explanation) => GroupAnswer::Pending(explanation),
        Found::None(pods) => GroupAnswer::Placed(GroupPlacement {
            api_version: API_VERSION,
            kind: "GroupPlacement",
            subject,
            pods,
        }),
        Found::Waiting(row) => {
            Run::new(&mut scheduler, &waiting, options).until(row)?;
            GroupAnswer::Pending(Box::new(explain(&mut scheduler, row, algorithm, options)))
        }
    })
}

/// What a run over all pods shows about a group.
enum Found {
    /// This pod of the input stays pending.
    Waiting(PodRow),
    /// A pod that a controller made on the way stays pending.
    Made(Box<Explanation>),
    /// No pod stays pending.
    None(Vec<PlacedPod>),
}

fn placed(
    scheduler: &Scheduler,
    is_member: impl Fn(&berth_model::pod::Pod) -> bool,
    running: &BTreeSet<(Str, Str)>,
) -> Vec<PlacedPod> {
    let pods = scheduler.cluster().pods();
    let members = pods.rows().map(|row| &pods.entry(row).pod).filter(|pod| is_member(pod));
    let placed = members.map(|pod| PlacedPod {
        namespace: pod.spec.namespace.to_string(),
        name: pod.name.to_string(),
        node: pod.node.as_ref().map(ToString::to_string).unwrap_or_default(),
        running: running.contains(&(pod.spec.namespace.clone(), pod.name.clone())),
    });
    let mut placed: Vec<PlacedPod> = placed.collect();
    placed.sort();
    placed
}
