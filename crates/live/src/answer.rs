//! The event loop's answers to queries.

use std::collections::BTreeMap;

use berth_flow::{PendingPodInfo, SchedulingLoop};
use berth_model::object::Kind;
use serde_json::json;
use tokio::sync::oneshot::Sender;

use crate::explain::Explainer;
use crate::message::{Answer, Query, QueuePage, Refusal};
use crate::reporter::Reporter;

/// Answers a query. A client that has gone does not get the answer.
pub(crate) fn answer(
    flow: &SchedulingLoop,
    reporter: &Reporter,
    explainer: &mut Explainer,
    query: Query,
    sender: Sender<Answer>,
) {
    let answer = match query {
        Query::Gauges => {
            reporter.set_gauges(flow);
            Ok(String::new())
        }
        Query::Missing => {
            let kinds: Vec<&str> = flow.missing().iter().map(|kind| Kind::name(*kind)).collect();
            Ok(kinds.join(", "))
        }
        Query::Queue(page) => Ok(queue(flow, reporter, &page)),
        Query::Explain { namespace, name } => {
            match flow.find_pod(&namespace.as_str().into(), &name.as_str().into()) {
                Some(pod) => {
                    let profile = flow.scheduler().profile_of(pod);
                    let profile =
                        profile.map_or_else(String::new, |index| reporter.profile(index).to_owned());
                    return explainer.explain(flow, pod, profile, sender);
                }
                None => Err(Refusal::NotFound(format!("this scheduler knows no pod {namespace}/{name}\n"))),
            }
        }
    };
    let _ = sender.send(answer);
}

/// A page of the pods that are not bound, by namespace and name.
fn queue(flow: &SchedulingLoop, reporter: &Reporter, page: &QueuePage) -> String {
    let mut pods = BTreeMap::new();
    let mut remaining = 0_usize;
    for unbound in flow.pending_pods() {
        let key = (&*unbound.pod.namespace, &*unbound.pod.name);
        if page.after.as_ref().is_some_and(|(namespace, name)| key <= (namespace, name)) {
            continue;
        }
        pods.insert(key, unbound);
        if pods.len() > page.limit {
            pods.pop_last();
            remaining += 1;
        }
    }
    let shown = |unbound: &PendingPodInfo<'_>| {
        json!({
            "pod": unbound.pod.to_string(),
            "schedulerName": reporter.profile(unbound.profile),
            "queue": unbound.place,
            "plugins": unbound.plugins.iter().map(|name| &**name).collect::<Vec<_>>(),
            "attempts": unbound.attempts,
            "node": unbound.node.map(|node| &**node),
        })
    };
    let mut document = json!({"pods": pods.values().map(shown).collect::<Vec<_>>()});
    if let (1.., Some(((namespace, name), _))) = (remaining, pods.last_key_value()) {
        document["continue"] = format!("{namespace}/{name}").into();
        document["remaining"] = remaining.into();
    }
    document.to_string()
}
