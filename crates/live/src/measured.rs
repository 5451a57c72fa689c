//! What nodes are measured to use, for profiles that decide by it: asked of the metrics API now and then, which cannot be
//! watched.

use std::time::Duration;

use berth_engine::profile::Profile;
use http::StatusCode;

use crate::client::Api;
use crate::message::{Closed, Inbox, Told};
use crate::resource::NODE_METRICS;
use crate::watch::Page;

/// How often it is asked; metrics servers measure no more often.
const PERIOD: Duration = Duration::from_secs(15);

/// The plugins that look at it.
const PLUGINS: [&str; 2] = ["LeastLoad", "WeightedLeastLoad"];

/// Whether a profile decides by it.
pub(crate) fn wanted(profile: &Profile) -> bool {
    profile.score.iter().any(|(plugin, _)| PLUGINS.contains(&plugin.name()))
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
    let Some(kind) = NODE_METRICS.kind() else { return Ok(Ok(())) };
    let answer = match api.get(&NODE_METRICS.path("limit=0")).await {
        Ok(answer) if answer.status == StatusCode::OK => answer,
        Ok(answer) => return Ok(Err(answer.status.to_string())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let page: Page<'_> = match serde_json::from_slice(&answer.body) {
        Ok(page) => page,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let era = inbox.era();
    for told in [Told::Listing, Told::Lines(page.lines(NODE_METRICS)), Told::Listed] {
        inbox.tell(kind, era, told).await?;
    }
    Ok(Ok(()))
}
