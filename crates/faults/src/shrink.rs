//! Makes a failing history smaller: fewer faults, nodes, user actions and steps.

use crate::injected_bug::InjectedBug;
use crate::plan::Plan;
use crate::world::{HistoryOutcome, World};

/// The smallest plan that was found to fail, and its outcome.
pub fn shrink(plan: &Plan, bug: Option<InjectedBug>) -> (Plan, HistoryOutcome) {
    let mut best = plan.clone();
    let fails = |plan: &Plan| !World::play(plan.clone(), bug).violations.is_empty();
    while let Some(plan) = smaller(&best).into_iter().find(fails) {
        best = plan;
    }
    let outcome = World::story(best.clone(), bug);
    (best, outcome)
}

/// Smaller plans, those that remove most first.
fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    for fault in plan.rates.keys() {
        let mut rates = plan.rates.clone();
        rates.remove(fault);
        plans.push(Plan { rates, ..plan.clone() });
    }
    for (divide, by) in [(2, 0), (1, 1)] {
        let less = |size: usize| (size / divide).saturating_sub(by);
        for plan in [
            Plan { steps: less(plan.steps), ..plan.clone() },
            Plan { user_actions: less(plan.user_actions), ..plan.clone() },
            Plan { nodes: less(plan.nodes), ..plan.clone() },
        ] {
            plans.push(plan);
        }
    }
    plans.retain(|smaller| smaller != plan);
    plans
}
