//! An API server for tests: it answers by a script, and keeps the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use tokio::sync::Notify;

use crate::client::{Api, Pieces, Transport};

/// An answer: status, Retry-After in seconds, body.
pub(crate) type Said = (u16, Option<u32>, String);

/// A request: method, path with query, body.
pub(crate) type Asked = (String, String, String);

/// The answers and the requests. After the last answer the server is silent.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Said>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    silent: Arc<Notify>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Said>) -> Self {
        let script = Self::default();
        script.answers.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
        script
    }

    /// A client of the server.
    pub(crate) fn api(&self) -> Api {
        let script = self.clone();
        let service = tower::service_fn(move |request| {
            let script = script.clone();
            async move { Ok(script.answer(request).await) }
        });
        Api::over(Transport::new(service))
    }

    async fn answer(&self, request: Request<Body>) -> Response<Pieces> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let asked =
            (parts.method.to_string(), parts.uri.to_string(), String::from_utf8_lossy(&body).into_owned());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let said = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((status, wait, text)) = said else {
            self.silent.notify_one();
            return std::future::pending().await;
        };
        let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        if let Some(wait) = wait {
            response.headers_mut().insert(http::header::RETRY_AFTER, wait.into());
        }
        response
    }

    /// Waits for the first request after the last answer.
    pub(crate) async fn ended(&self) {
        self.silent.notified().await;
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
