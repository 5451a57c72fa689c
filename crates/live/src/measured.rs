//! What nodes are measured to use, for profiles that decide by it: asked of the metrics API now and then, which cannot be
//! watched.

use std::time::Duration;

use berth_engine::plugins;
use berth_engine::profile::Profile;
use berth_model::object::Kind;
use http::StatusCode;

use crate::client::Api;
use crate::message::{Closed, Inbox, Told};
use crate::resource::Resource;
use crate::watch::Page;

/// How often it is asked; metrics servers measure no more often.
const PERIOD: Duration = Duration::from_secs(15);

/// Whether a profile decides by it.
pub(crate) fn wanted(profile: &Profile) -> bool {
    let reads_load = |name: &str| plugins::find(name).is_some_and(|entry| entry.reads_load);
    profile.score.iter().any(|(plugin, _)| reads_load(&plugin.name()))
}

/// Asks for ever. Where there is no metrics API, the profiles go on without it.
pub(crate) async fn poll(api: Api, inbox: Inbox) {
    let mut complained = false;
    loop {
        match once(&api, &inbox).await {
            Ok(Ok(())) => complained = false,
            Ok(Err(why)) => {
                if !complained {
                    tracing::warn!("nodes are not measured, load is what their pods request: {why}");
                }
                complained = true;
            }
            Err(Closed) => return,
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn once(api: &Api, inbox: &Inbox) -> Result<Result<(), String>, Closed> {
    let kind = Kind::NodeMetrics;
    let resource = Resource::of(kind);
    let answer = match api.get(&resource.path("limit=0")).await {
        Ok(answer) if answer.status == StatusCode::OK => answer,
        Ok(answer) => return Ok(Err(answer.status.to_string())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let page: Page<'_> = match serde_json::from_slice(&answer.body) {
        Ok(page) => page,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let era = inbox.era();
    for told in [Told::Listing, Told::Lines(page.lines(resource)), Told::Listed] {
        inbox.tell(kind, era, told).await?;
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
    fn measurements_are_told_as_a_listing_and_their_absence_is_no_end() {
        let list = r#"{"items":[{"metadata":{"name":"n1"},"usage":{"cpu":"1"}}]}"#.to_owned();
        let script = Script::new([(404, None, String::new()), (200, None, list)]);
        let (sender, receiver) = mpsc::channel();
        let (_flow, era) = watch::channel(0);
        let inbox = Inbox::new(sender, era);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (absent, there) = runtime.block_on(async {
            let api = script.api();
            (once(&api, &inbox).await, once(&api, &inbox).await)
        });
        assert_eq!((absent, there), (Ok(Err("404 Not Found".to_owned())), Ok(Ok(()))));
        let told: Vec<Told> = receiver
            .try_iter()
            .filter_map(|message| match message {
                Message::Watched(watched) => Some(watched.told),
                _ => None,
            })
            .collect();
        let [Told::Listing, Told::Lines(lines), Told::Listed] = told.as_slice() else { panic!("{told:?}") };
        assert!(lines.starts_with(
            br#"{"type":"ADDED","object":{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","#
        ));
    }
}
