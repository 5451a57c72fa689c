//! How to talk to the API server.

use crate::fields::Fields;

/// Settings of the client. Upstream: `component-base/config`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConnection {
    /// Path of a kubeconfig file; empty where the command line or the pod says it.
    pub kubeconfig: String,
    /// The `Accept` header; empty leaves it to the client.
    pub accept_content_types: String,
    /// The `Content-Type` of what is sent.
    pub content_type: String,
    /// Requests a second.
    pub qps: f32,
    /// Requests at once above that rate; not below 0.
    pub burst: i32,
}

impl Default for ClientConnection {
    fn default() -> Self {
        Self {
            kubeconfig: String::new(),
            accept_content_types: String::new(),
            content_type: "application/vnd.kubernetes.protobuf".to_owned(),
            qps: 50.0,
            burst: 100,
        }
    }
}

impl ClientConnection {
    pub(crate) const FIELDS: &[&str] = &["kubeconfig", "acceptContentTypes", "contentType", "qps", "burst"];

    /// Reads the settings; zero and empty mean the default.
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let text = |name, default| fields.text(name).filter(|t| !t.is_empty()).unwrap_or(default);
        let default = Self::default();
        let read = Self {
            kubeconfig: text("kubeconfig", default.kubeconfig),
            accept_content_types: text("acceptContentTypes", default.accept_content_types),
            content_type: text("contentType", default.content_type),
            qps: fields.float32("qps").filter(|q| *q != 0.0).unwrap_or(default.qps),
            burst: fields.int32("burst").filter(|b| *b != 0).unwrap_or(default.burst),
        };
        if read.burst < 0 {
            fields.sink().invalid(&fields.at("burst"), read.burst, "must be non-negative");
        }
        read
    }
}
