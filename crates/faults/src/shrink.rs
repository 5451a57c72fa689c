//! A failing history, made as small as it goes: fewer faults, fewer nodes, fewer deeds, fewer steps.

use crate::plan::Plan;
use crate::sabotage::Sabotage;
use crate::world::{Verdict, World};

/// The smallest plan found that still fails, and what comes of it.
pub fn shrink(plan: &Plan, sabotage: Option<Sabotage>) -> (Plan, Verdict) {
    let mut best = plan.clone();
    let fails = |plan: &Plan| !World::play(plan.clone(), sabotage).violations.is_empty();
    while let Some(plan) = smaller(&best).into_iter().find(fails) {
        best = plan;
    }
    let verdict = World::story(best.clone(), sabotage);
    (best, verdict)
}

/// Plans that are a little smaller, the boldest first.
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
            Plan { deeds: less(plan.deeds), ..plan.clone() },
            Plan { nodes: less(plan.nodes), ..plan.clone() },
        ] {
            plans.push(plan);
        }
    }
    plans.retain(|smaller| smaller != plan);
    plans
}
