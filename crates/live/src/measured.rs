//! The measured usage of nodes, for profiles that score by it. It is polled from the metrics API, which has no watches.

use std::time::Duration;

use berth_engine::plugins;
use berth_engine::profile::Profile;
use berth_model::object::Kind;
use berth_watch::{EventType, WatchEvent};

use crate::client::Api;
use crate::list;
use crate::message::{Closed, Delivery, Inbox};
use crate::resource::Resource;

/// The time between two requests; metrics servers measure no more often.
const PERIOD: Duration = Duration::from_secs(15);

/// Whether a profile scores by measured usage.
pub(crate) fn wanted(profile: &Profile) -> bool {
    let reads_load = |name: &str| plugins::find(name).is_some_and(|entry| entry.reads_load);
    profile.score.iter().any(|(plugin, _)| reads_load(&plugin.name()))
}

/// Polls until the event loop ends. Without a metrics API, the plugins use the requests of pods.
pub(crate) async fn poll(api: Api, inbox: Inbox) {
    let mut logged = false;
    loop {
        match once(&api, &inbox).await {
            Ok(Ok(())) => logged = false,
            Ok(Err(why)) => {
                if !logged {
                    tracing::warn!("no node metrics, using the requests of pods as load: {why}");
                }
                logged = true;
            }
            Err(Closed) => return,
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn once(api: &Api, inbox: &Inbox) -> Result<Result<(), String>, Closed> {
    let kind = Kind::NodeMetrics;
    let objects = match list::at_once(api, Resource::of(kind)).await {
        Ok(objects) => objects,
        Err(why) => return Ok(Err(why)),
    };
    let event = |object| WatchEvent { event_type: EventType::Added, object };
    let events = objects.into_iter().map(event).collect();
    let epoch = inbox.epoch();
    for delivery in [Delivery::Listing, Delivery::Events(events), Delivery::Listed(String::new())] {
        inbox.deliver(kind, epoch, delivery).await?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::watch;

    use super::*;
    use crate::fake::Script;
    use crate::message::Message;

    #[test]
    fn measurements_are_delivered_as_a_list_and_may_be_absent() {
        let list = r#"{"items":[{"metadata":{"name":"n1"},"usage":{"cpu":"1"}}]}"#.to_owned();
        let script = Script::new([(404, None, String::new()), (200, None, list)]);
        let (sender, receiver) = mpsc::channel();
        let (_flow, epoch) = watch::channel(0);
        let inbox = Inbox::new(sender, epoch);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (absent, there) = runtime.block_on(async {
            let api = script.api();
            (once(&api, &inbox).await, once(&api, &inbox).await)
        });
        assert_eq!((absent, there), (Ok(Err("404 Not Found".to_owned())), Ok(Ok(()))));
        let delivered: Vec<Delivery> = receiver
            .try_iter()
            .filter_map(|message| match message {
                Message::Watch(message) => Some(message.delivery),
                _ => None,
            })
            .collect();
        let [Delivery::Listing, Delivery::Events(events), Delivery::Listed(_)] = delivered.as_slice() else {
            panic!("{delivered:?}")
        };
        assert!(
            events[0].object.starts_with(br#"{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","#)
        );
    }
}
