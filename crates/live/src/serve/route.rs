//! The answers by path.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;

use super::access::Access;
use super::page::{self, PageUse};
use super::{Source, configz};
use crate::message::{self, Query, QueuePage, Refusal};

/// The longest time for an answer of the event loop.
const PATIENCE: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

pub(super) type Answer = Response<Full<Bytes>>;

/// Answers requests.
pub(super) struct Routes {
    pub(super) source: Source,
    pub(super) access: Access,
    /// Lets a number of connections read the page.
    pub(super) readers: Arc<Semaphore>,
}

impl Routes {
    /// Answers a client that sent these certificates.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        shown: &[CertificateDer<'_>],
        used: &PageUse,
    ) -> Answer {
        used.ended();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return said(StatusCode::METHOD_NOT_ALLOWED);
        }
        let path = request.uri().path();
        // Who may read the page may read all of it.
        let checked = if path.starts_with(page::PREFIX) { page::PREFIX } else { path };
        if let Err(status) = self.access.check(shown, request.headers(), checked).await {
            return said(status);
        }
        let query = request.uri().query().unwrap_or_default();
        match path {
            "/healthz" | "/livez" => self.alive().await,
            "/readyz" => self.ready().await,
            "/metrics" => self.metrics().await,
            "/configz" => answer(StatusCode::OK, JSON, configz::text(&self.source.configuration)),
            "/debug/queue" => match queue_page(query) {
                Some(page) => self.ask(Query::Queue(page), JSON).await,
                None => answer(StatusCode::BAD_REQUEST, TEXT, QUEUE_USAGE),
            },
            "/explain" => match pod(query) {
                Some((namespace, name)) => self.ask(Query::Explain { namespace, name }, JSON).await,
                None => answer(
                    StatusCode::BAD_REQUEST,
                    TEXT,
                    "/explain needs a pod: /explain?pod=NAMESPACE/NAME\n",
                ),
            },
            _ => match (&self.source.page, path.strip_prefix(page::PREFIX)) {
                (Some(site), Some(rest)) => page::answer(site, rest, query, used).await,
                (Some(_), None) if path == page::PREFIX.trim_end_matches('/') => page::moved(),
                _ => said(StatusCode::NOT_FOUND),
            },
        }
    }

    async fn alive(&self) -> Answer {
        match self.query(Query::Missing).await {
            Some(_) => answer(StatusCode::OK, TEXT, "ok"),
            None => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the event loop does not answer\n"),
        }
    }

    async fn ready(&self) -> Answer {
        let unready = |text: String| answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text);
        match self.query(Query::Missing).await {
            Some(Ok(missing)) if missing.is_empty() => answer(StatusCode::OK, TEXT, "ok"),
            Some(Ok(missing)) => unready(format!("not listed yet: {missing}\n")),
            Some(Err(_)) | None => unready("the event loop does not answer\n".to_owned()),
        }
    }

    async fn metrics(&self) -> Answer {
        // If the event loop does not answer, the gauges keep their last values.
        let _ = self.query(Query::Gauges).await;
        match self.source.metrics.text() {
            Ok(text) => answer(StatusCode::OK, METRICS, text),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        }
    }

    async fn ask(&self, query: Query, content_type: &'static str) -> Answer {
        match self.query(query).await {
            Some(Ok(text)) => answer(StatusCode::OK, content_type, text),
            Some(Err(Refusal::NotFound(text))) => answer(StatusCode::NOT_FOUND, TEXT, text),
            Some(Err(Refusal::Failed(text))) => {
                answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{text}\n"))
            }
            Some(Err(Refusal::Busy)) => {
                let mut busy = said(StatusCode::TOO_MANY_REQUESTS);
                busy.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
                busy
            }
            None => said(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    async fn query(&self, query: Query) -> Option<message::Answer> {
        let asked = self.source.inbox.query(query);
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()
    }
}

const QUEUE_USAGE: &str = "/debug/queue takes limit=N (1 to 5000, by default 500) and continue=NAMESPACE/NAME, the value of \"continue\" in the page before\n";

/// The page that a query string asks for; `None` if it cannot be read.
fn queue_page(query: &str) -> Option<QueuePage> {
    let mut page = QueuePage { after: None, limit: 500 };
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "limit" => page.limit = value.parse().ok().filter(|limit| (1..=5_000).contains(limit))?,
            "continue" => {
                let (namespace, name) = value.split_once('/')?;
                page.after = Some((namespace.to_owned(), name.to_owned()));
            }
            _ => {}
        }
    }
    Some(page)
}

/// The pod that a query string names as `pod=NAMESPACE/NAME`.
fn pod(query: &str) -> Option<(String, String)> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "pod")?;
    let (namespace, name) = value.split_once('/').unwrap_or(("default", &value));
    let is_named = !namespace.is_empty() && !name.is_empty();
    is_named.then(|| (namespace.to_owned(), name.to_owned()))
}

/// Reads a query string in all ways.
#[cfg(fuzzing)]
pub(crate) fn read_query(query: &str) {
    let _ = (queue_page(query), pod(query));
}

pub(super) fn said(status: StatusCode) -> Answer {
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
    fn a_query_asks_for_a_page_of_the_queue() {
        let after = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        let cases = [
            ("", Some((None, 500))),
            ("limit=2&continue=shop%2Fcart", Some((after("shop", "cart"), 2))),
            ("limit=0", None),
            ("limit=5001", None),
            ("limit=many", None),
            ("continue=cart", None),
        ];
        for (query, expected) in cases {
            assert_eq!(
                queue_page(query),
                expected.map(|(after, limit)| QueuePage { after, limit }),
                "{query}"
            );
        }
    }

    #[test]
    fn a_query_names_a_pod() {
        let cases = [
            ("pod=shop/cart", Some(("shop", "cart"))),
            ("a=b&pod=shop%2Fcart", Some(("shop", "cart"))),
            ("%70od=shop%2fc%61rt&pod=other", Some(("shop", "cart"))),
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
