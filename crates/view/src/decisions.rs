//! Decisions about pods, one by one: `DecisionList` of `berth.dev/v1alpha1`.

use berth_sim::report::API_VERSION;
use serde::Serialize;

/// A part of the decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionList {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `DecisionList`.
    pub kind: &'static str,
    /// How many decisions there are in all.
    pub total: usize,
    /// The decisions, in order.
    pub decisions: Vec<Decision>,
}

/// An attempt to place a pod that came to a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// How many decisions were made before it: with this number as `at`, the documents are those that it saw.
    pub at: usize,
    /// The time (RFC 3339).
    pub time: String,
    /// The pod, as `namespace/name`.
    pub pod: String,
    /// The number of the attempt for this pod, from 1 on.
    pub attempt: u32,
    /// The node; absent if the pod was not placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The total score of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// Why the pod was not placed, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl DecisionList {
    /// The document.
    pub fn new(total: usize, decisions: Vec<Decision>) -> Self {
        Self { api_version: API_VERSION, kind: "DecisionList", total, decisions }
    }
}
