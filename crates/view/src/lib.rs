//! The page: a cluster as a map, its pending pods with their reasons, and answers to "what if", in a browser.
//!
//! The crate knows the documents of `berth-sim` and the scheduling loop, and neither files nor command lines. A shell
//! implements [`Source`], which answers questions with JSON documents; [`Site`] makes the responses to requests from it,
//! and [`serve`] puts them on a socket. [`file()`] writes a page with its documents in it, which needs no server.
//! [`Moment`] is a copy of what a scheduling loop knows, and [`TimelineRecorder`] observes one over time.
//!
//! The page is rendered here, its behaviour is plain JavaScript in `assets/`, and both are in the binary. Names and
//! labels come from the users of the cluster: the templates escape them, and the scripts only set text, which the
//! Content-Security-Policy enforces (`require-trusted-types-for`).

mod assets;
mod decisions;
mod devices;
mod difference;
mod explanation;
mod file;
mod moment;
mod page;
mod question;
mod serve;
mod site;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod timeline;

pub use decisions::{Decision, DecisionList};
pub use devices::{ClaimRequest, ClaimedDevice, DeviceAsk, DeviceClaim, DeviceClaimList};
pub use difference::{After, Difference, Fate, PodChange};
pub use explanation::PodExplanation;
pub use file::{Documents, file};
pub use moment::{Moment, node_fit};
pub use question::{OPTIONS, Question, quoted};
pub use serve::{ServeError, Server};
pub use site::{Response, Site};
pub use source::{Document, Elsewhere, OverTime, PageInfo, PluginWeight, Refusal, Source};
pub use state::{ClusterState, ListedPod, NodeState, PodGroup, PodList};
pub use timeline::{Point, Queue, Timeline, TimelineRecorder, Waits, time};
