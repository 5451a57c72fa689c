//! A failing history, made as small as it goes: fewer faults, fewer nodes, fewer deeds, fewer steps.

use crate::plan::Plan;
use crate::sabotage::Sabotage;
use crate::world::{Verdict, World};

/// The smallest plan found that still fails, and what comes of it.
pub fn shrink(plan: &Plan, sabotage: Option<Sabotage>) -> (Plan, Verdict) {
    let mut best = plan.clone();
    let mut verdict = World::play(best.clone(), sabotage);
    loop {
        let smaller = smaller(&best).into_iter().find_map(|plan| {
            let verdict = World::play(plan.clone(), sabotage);
            (!verdict.violations.is_empty()).then_some((plan, verdict))
        });
        match smaller {
            Some((plan, found)) => (best, verdict) = (plan, found),
            None => return (best, verdict),
        }
    }
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
