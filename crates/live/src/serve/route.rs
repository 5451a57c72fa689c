//! What is answered on which path.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;

use super::access::Access;
use super::{Source, configz};
use crate::message::Question;

/// The flow's thread has so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

type Answer = Response<Full<Bytes>>;

/// Answers requests.
pub(super) struct Routes {
    pub(super) source: Source,
    pub(super) access: Access,
}

impl Routes {
    /// Answers a client that has shown these certificates.
    pub(super) async fn answer(&self, request: Request<Incoming>, shown: &[CertificateDer<'_>]) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return said(StatusCode::METHOD_NOT_ALLOWED);
        }
        let path = request.uri().path();
        if let Err(status) = self.access.check(shown, request.headers(), path).await {
            return said(status);
        }
        let query = request.uri().query().unwrap_or_default();
        match path {
            "/healthz" | "/livez" => self.alive().await,
            "/readyz" => self.ready().await,
            "/metrics" => self.metrics().await,
            "/configz" => answer(StatusCode::OK, JSON, configz::text(&self.source.configuration)),
            "/debug/queue" => self.ask(Question::Queue, JSON).await,
            "/explain" => match pod(query) {
                Some((namespace, name)) => self.ask(Question::Explain { namespace, name }, JSON).await,
                None => answer(StatusCode::BAD_REQUEST, TEXT, "name a pod: /explain?pod=NAMESPACE/NAME\n"),
            },
            _ => said(StatusCode::NOT_FOUND),
        }
    }

    async fn alive(&self) -> Answer {
        match self.question(Question::Missing).await {
            Some(_) => answer(StatusCode::OK, TEXT, "ok"),
            None => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the flow's thread does not answer\n"),
        }
    }

    async fn ready(&self) -> Answer {
        let unready = |text: String| answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text);
        match self.question(Question::Missing).await {
            Some(Ok(missing)) if missing.is_empty() => answer(StatusCode::OK, TEXT, "ok"),
            Some(Ok(missing)) => unready(format!("not listed yet: {missing}\n")),
            Some(Err(_)) | None => unready("the flow's thread does not answer\n".to_owned()),
        }
    }

    async fn metrics(&self) -> Answer {
        // Where the flow does not answer, older figures are better than none.
        let _ = self.question(Question::Gauges).await;
        match self.source.metrics.text() {
            Ok(text) => answer(StatusCode::OK, METRICS, text),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        }
    }

    async fn ask(&self, question: Question, content_type: &'static str) -> Answer {
        match self.question(question).await {
            Some(Ok(text)) => answer(StatusCode::OK, content_type, text),
            Some(Err(text)) => answer(StatusCode::NOT_FOUND, TEXT, text),
            None => said(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    async fn question(&self, question: Question) -> Option<Result<String, String>> {
        let asked = self.source.inbox.ask(question);
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()
    }
}

/// The pod that a query names.
fn pod(query: &str) -> Option<(String, String)> {
    let value = query
        .split('&')
        .find_map(|field| field.strip_prefix("pod="))?
        .replace("%2F", "/")
        .replace("%2f", "/");
    let (namespace, name) = value.split_once('/').unwrap_or(("default", &value));
    let is_named = !namespace.is_empty() && !name.is_empty();
    is_named.then(|| (namespace.to_owned(), name.to_owned()))
}

fn said(status: StatusCode) -> Answer {
    answer(status, TEXT, format!("{}\n", status.canonical_reason().unwrap_or_default()))
}

fn answer(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, http::HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_pod() {
        let cases = [
            ("pod=shop/cart", Some(("shop", "cart"))),
            ("a=b&pod=shop%2Fcart", Some(("shop", "cart"))),
            ("pod=cart", Some(("default", "cart"))),
            ("pod=", None),
            ("pod=/cart", None),
            ("", None),
        ];
        for (query, expected) in cases {
            let expected = expected.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
            assert_eq!(pod(query), expected, "{query}");
        }
    }
}
