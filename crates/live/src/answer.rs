//! What the flow's thread answers to those who ask.

use berth_engine::scheduler::Scheduler;
use berth_flow::{Flow, Unbound};
use berth_model::object::Kind;
use berth_sim::explain::explain;
use berth_sim::run::Options;
use serde_json::json;
use tokio::sync::oneshot::Sender;

use crate::message::{Answer, Question};
use crate::teller::Teller;

/// Answers a question. Whoever asked may be gone, and then nobody hears it.
pub(crate) fn answer(flow: &Flow, teller: &Teller, question: Question, sender: Sender<Answer>) {
    let answer = match question {
        Question::Gauges => {
            teller.gauge(flow);
            Ok(String::new())
        }
        Question::Missing => {
            let kinds: Vec<&str> = flow.missing().iter().map(|kind| Kind::name(*kind)).collect();
            Ok(kinds.join(", "))
        }
        Question::Queue => Ok(queue(flow, teller)),
        Question::Explain { namespace, name } => return explained(flow, teller, &namespace, &name, sender),
    };
    let _ = sender.send(answer);
}

fn queue(flow: &Flow, teller: &Teller) -> String {
    let shown = |unbound: Unbound<'_>| {
        json!({
            "pod": unbound.pod.to_string(),
            "schedulerName": teller.profile(unbound.profile),
            "queue": unbound.place,
            "plugins": unbound.plugins.iter().map(|name| &**name).collect::<Vec<_>>(),
            "attempts": unbound.attempts,
            "node": unbound.node.map(|node| &**node),
        })
    };
    json!({"pods": flow.unbound().map(shown).collect::<Vec<_>>()}).to_string()
}

/// Explains on a copy of the cluster and on another thread, so that nobody waits for it.
fn explained(flow: &Flow, teller: &Teller, namespace: &str, name: &str, sender: Sender<Answer>) {
    let Some(pod) = flow.find_pod(&namespace.into(), &name.into()) else {
        let _ = sender.send(Err(format!("no pod {namespace}/{name} is known to this scheduler\n")));
        return;
    };
    let scheduler = flow.scheduler();
    let profile =
        scheduler.profile_of(pod).map_or_else(String::new, |profile| teller.profile(profile).to_owned());
    let (cluster, profiles) = (scheduler.cluster().clone(), scheduler.profiles().to_vec());
    std::thread::spawn(move || {
        let options = Options { preemption: true, all_schedulers: false, verify: false };
        let explanation = explain(&mut Scheduler::new(cluster, profiles), pod, profile, options);
        let _ = sender.send(serde_json::to_string(&explanation).map_err(|error| format!("{error}\n")));
    });
}
