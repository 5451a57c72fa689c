//! Requests and their responses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::StatusCode;

use crate::assets;
use crate::page::{page, policy};
use crate::question::Question;
use crate::source::{Document, Elsewhere, Refusal, Source};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// How many questions may wait for their turn.
const WAITING_MAX: usize = 16;
/// How many nodes an explanation lists by default.
const EXPLAINED_NODES: usize = 100;
/// How many decisions are listed by default, and at most.
const LISTED_DECISIONS: usize = 50;
const DECISIONS_MAX: usize = 1_000;

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The content type.
    pub content_type: &'static str,
    /// The policy of a page.
    pub policy: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The page and its API. Questions are answered one at a time.
pub struct Site {
    title: String,
    documents: Documents,
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// Where the documents come from.
enum Documents {
    Here(Arc<dyn Source>),
    Elsewhere(Arc<dyn Elsewhere>),
}

impl Site {
    /// A site that shows what a source knows.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            title: source.title(),
            documents: Documents::Here(source),
            turn: Mutex::new(()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A site that shows the documents of another server.
    pub fn elsewhere(title: String, server: Arc<dyn Elsewhere>) -> Self {
        Self {
            title,
            documents: Documents::Elsewhere(server),
            turn: Mutex::new(()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Answers a GET request. It may compute for a while, so that it must not run on a thread that serves connections.
    pub fn answer(&self, path: &str, query: &str) -> Response {
        if path == "/" {
            let body = page(&self.title, None).into_string();
            let policy = policy("'self'", "'self'", "'self'") + "; frame-ancestors 'none'";
            return Response { policy: Some(policy), ..response(StatusCode::OK, HTML, body) };
        }
        if let Some(asset) = path.strip_prefix("/assets/").and_then(assets::find) {
            return response(StatusCode::OK, asset.content_type, asset.text);
        }
        let source = match &self.documents {
            Documents::Here(source) => source,
            Documents::Elsewhere(server) => return forwarded(&**server, path, query),
        };
        let asked = path.strip_prefix("/api/v1/").and_then(|name| document(name, query));
        let Some(asked) = asked else {
            return problem(StatusCode::NOT_FOUND, &["there is no such page".to_owned()]);
        };
        let asked = asked.and_then(|document| Ok((document, Question::read(query)?)));
        match asked {
            Ok((document, question)) => self.ask(&**source, &document, &question),
            Err(why) => problem(StatusCode::BAD_REQUEST, &[why]),
        }
    }

    fn ask(&self, source: &dyn Source, document: &Document, question: &Question) -> Response {
        let others = self.waiting.fetch_add(1, Ordering::SeqCst);
        let response = if others > WAITING_MAX {
            problem(
                StatusCode::TOO_MANY_REQUESTS,
                &["too many questions wait for an answer; try again".to_owned()],
            )
        } else {
            // The lock guards no data, so that a panic under it leaves nothing half done.
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            match source.answer(document, question) {
                Ok(json) => response(StatusCode::OK, JSON, json),
                Err(Refusal::Invalid(problems)) => problem(StatusCode::BAD_REQUEST, &problems),
                Err(Refusal::Busy(why)) => problem(StatusCode::TOO_MANY_REQUESTS, &[why]),
                Err(Refusal::NotFound(why)) => problem(StatusCode::NOT_FOUND, &[why]),
                Err(Refusal::Failed(why)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &[why]),
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        response
    }
}

/// What another server answers. Its refusals are sentences here, as those of this server.
fn forwarded(server: &dyn Elsewhere, path: &str, query: &str) -> Response {
    let separator = if query.is_empty() { "" } else { "?" };
    if !path.starts_with("/api/v1/") {
        return problem(StatusCode::NOT_FOUND, &["there is no such page".to_owned()]);
    }
    match server.get(&format!("{}{separator}{query}", &path[1..])) {
        Ok((status, body)) if status == StatusCode::OK || body.starts_with(b"{") => {
            response(status, JSON, body)
        }
        Ok((status, _)) => problem(status, &[format!("the scheduler answers {status}")]),
        Err(why) => problem(StatusCode::BAD_GATEWAY, &[format!("the scheduler does not answer: {why}")]),
    }
}

/// The document that an address names; `None` if there is none.
fn document(name: &str, query: &str) -> Option<Result<Document, String>> {
    Some(Ok(match name {
        "info" => Document::Info { compared: Vec::new() },
        "cluster" => Document::Cluster,
        "pods" => Document::Pods,
        "simulation" => Document::Simulation,
        "difference" => Document::Difference,
        "claims" => Document::Claims,
        "fit" => return Some(fit(query)),
        "timeline" => Document::Timeline,
        "decisions" => return Some(decisions(query)),
        "explanation" => return Some(explanation(query)),
        "comparison" => {
            let parameters = form_urlencoded::parse(query.as_bytes());
            let algorithms =
                parameters.filter(|(key, _)| key == "compare").map(|(_, value)| value.into_owned());
            Document::Comparison { algorithms: algorithms.collect() }
        }
        _ => return None,
    }))
}

/// Reads `node=NAME`.
fn fit(query: &str) -> Result<Document, String> {
    let node = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "node");
    let (_, node) = node.ok_or("expected a node, as in node=n1")?;
    Ok(Document::Fit { node: node.into_owned() })
}

/// Reads `pod=NAMESPACE/NAME` and `limit=N`.
fn decisions(query: &str) -> Result<Document, String> {
    let (mut pod, mut limit) = (None, LISTED_DECISIONS);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "pod" => pod = Some(value.into_owned()),
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=DECISIONS_MAX).contains(limit));
                limit = number
                    .ok_or_else(|| format!("limit={value}: expected a number from 1 to {DECISIONS_MAX}"))?;
            }
            _ => {}
        }
    }
    Ok(Document::Decisions { pod, limit })
}

/// Reads `pod=NAMESPACE/NAME` and `nodes=N`.
fn explanation(query: &str) -> Result<Document, String> {
    let (mut pod, mut nodes) = (None, EXPLAINED_NODES);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "pod" => pod = Some(value.into_owned()),
            "nodes" => {
                nodes =
                    value.parse().map_err(|_| format!("nodes={value}: expected a number, as in nodes=100"))?
            }
            _ => {}
        }
    }
    let pod = pod.ok_or("expected a pod, as in pod=shop/cart-0")?;
    Ok(Document::Explanation { pod, nodes })
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    Response { status, content_type, policy: None, body: body.into() }
}

/// `{"problems": ["…"]}`
fn problem(status: StatusCode, problems: &[String]) -> Response {
    response(status, JSON, serde_json::json!({ "problems": problems }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with what it was asked.
    struct Echo;

    impl Source for Echo {
        fn answer(&self, document: &Document, question: &Question) -> Result<String, Refusal> {
            match document {
                Document::Simulation => Err(Refusal::Invalid(vec!["no node is named n1".to_owned()])),
                Document::Pods => Err(Refusal::Failed("it differs".to_owned())),
                _ => Ok(format!("{document:?} {}", question.command_line())),
            }
        }

        fn title(&self) -> String {
            "<b>cluster.yaml</b>".to_owned()
        }
    }

    #[test]
    fn an_address_has_a_document_or_a_status() {
        let site = Site::new(Arc::new(Echo));
        let cases = [
            ("/api/v1/cluster?cordon=n1", 200, "Cluster --cordon n1"),
            ("/api/v1/explanation?pod=shop%2Fa", 200, "Explanation { pod: \"shop/a\", nodes: 100 } "),
            (
                "/api/v1/explanation?pod=a&nodes=x",
                400,
                r#"{"problems":["nodes=x: expected a number, as in nodes=100"]}"#,
            ),
            ("/api/v1/fit?node=n1", 200, "Fit { node: \"n1\" } "),
            ("/api/v1/fit", 400, r#"{"problems":["expected a node, as in node=n1"]}"#),
            ("/api/v1/explanation", 400, r#"{"problems":["expected a pod, as in pod=shop/cart-0"]}"#),
            ("/api/v1/comparison?compare=a&compare=b", 200, "Comparison { algorithms: [\"a\", \"b\"] } "),
            ("/api/v1/simulation", 400, r#"{"problems":["no node is named n1"]}"#),
            ("/api/v1/pods", 500, r#"{"problems":["it differs"]}"#),
            ("/api/v1/secrets", 404, r#"{"problems":["there is no such page"]}"#),
            ("/assets/../Cargo.toml", 404, r#"{"problems":["there is no such page"]}"#),
        ];
        for (address, status, body) in cases {
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let response = site.answer(path, query);
            assert_eq!((response.status.as_u16(), &*response.body), (status, body.as_bytes()), "{address}");
        }
    }

    /// A server that refuses one address and fails for another.
    struct Far;

    impl Elsewhere for Far {
        fn get(&self, address: &str) -> Result<(StatusCode, Bytes), String> {
            match address {
                "api/v1/pods" => Ok((StatusCode::FORBIDDEN, Bytes::from_static(b"Forbidden\n"))),
                "api/v1/info" => Err("connection refused".to_owned()),
                _ => Ok((StatusCode::OK, Bytes::from(address.to_owned()))),
            }
        }
    }

    #[test]
    fn documents_of_another_server_are_forwarded() {
        let site = Site::elsewhere("far".to_owned(), Arc::new(Far));
        let cases = [
            ("/api/v1/cluster?cordon=n1", 200, "api/v1/cluster?cordon=n1"),
            ("/api/v1/pods", 403, r#"{"problems":["the scheduler answers 403 Forbidden"]}"#),
            ("/api/v1/info", 502, r#"{"problems":["the scheduler does not answer: connection refused"]}"#),
            ("/metrics", 404, r#"{"problems":["there is no such page"]}"#),
        ];
        for (address, status, body) in cases {
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let response = site.answer(path, query);
            assert_eq!((response.status.as_u16(), &*response.body), (status, body.as_bytes()), "{address}");
        }
        assert_eq!(site.answer("/assets/app.js", "").status, StatusCode::OK);
    }

    #[test]
    fn the_page_allows_its_own_files_only() {
        let response = Site::new(Arc::new(Echo)).answer("/", "");
        let policy = response.policy.unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = String::from_utf8_lossy(&response.body).into_owned();
        assert!(page.contains("&lt;b&gt;cluster.yaml&lt;/b&gt;"), "{page}");
        assert!(!page.contains("style=") && !page.contains("onclick"), "{page}");
    }
}
