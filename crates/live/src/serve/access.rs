//! Who may see what: asked of a cluster with TokenReview and SubjectAccessReview, as upstream asks.
//!
//! A client is who its certificate says, or else who its token belongs to. Whoever shows neither is `system:anonymous`, and
//! may see what the cluster lets everybody see, which usually is nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode, header};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::authority::Newest;
use super::client_certificate::{Named, named};
use super::user::User;
use crate::client::{Api, JSON};

/// So many answers are remembered; whoever sends tokens by the thousand gets no more memory.
const REMEMBERED: usize = 1_000;

/// How long answers are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodFor {
    /// Whose a token is.
    pub token: Duration,
    /// That somebody may see something.
    pub allowed: Duration,
    /// That somebody may not.
    pub denied: Duration,
}

impl Default for GoodFor {
    fn default() -> Self {
        let time = Duration::from_secs(10);
        Self { token: time, allowed: time, denied: time }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Review<S> {
    status: S,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenStatus {
    authenticated: bool,
    user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccessStatus {
    allowed: bool,
}

/// Answers, each until a moment.
struct Memory<K, V>(Mutex<BTreeMap<K, (Instant, V)>>);

impl<K: Ord, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn get(&self, key: &K) -> Option<V> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).filter(|(until, _)| Instant::now() < *until).map(|(_, answer)| answer.clone())
    }

    fn put(&self, key: K, answer: V, good_for: Duration) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= REMEMBERED {
            answers.retain(|_, (until, _)| Instant::now() < *until);
        }
        if answers.len() < REMEMBERED {
            answers.insert(key, (Instant::now() + good_for, answer));
        }
    }
}

/// Decides who may see what.
pub(super) struct Access {
    pub(super) authentication: Api,
    pub(super) authorization: Api,
    pub(super) authorities: Newest,
    /// Paths that everybody may see; where one ends with `*`, all that begin so.
    pub(super) open_paths: Vec<String>,
    pub(super) good_for: GoodFor,
    users: Memory<String, Option<User>>,
    rights: Memory<(User, String), bool>,
}

impl Access {
    pub(super) fn new(
        authentication: Api,
        authorization: Api,
        authorities: Newest,
        open_paths: Vec<String>,
        good_for: GoodFor,
    ) -> Self {
        let (users, rights) = (Memory::new(), Memory::new());
        Self { authentication, authorization, authorities, open_paths, good_for, users, rights }
    }

    /// Whether somebody who shows these certificates and sends these headers may read a path.
    ///
    /// # Errors
    /// The status to answer, if not.
    pub(super) async fn check(
        &self,
        shown: &[CertificateDer<'_>],
        headers: &HeaderMap,
        path: &str,
    ) -> Result<(), StatusCode> {
        // Who asks for health has no credentials.
        if self.is_open(path) {
            return Ok(());
        }
        let key = (self.who(shown, headers).await?, path.to_owned());
        let allowed = match self.rights.get(&key) {
            Some(allowed) => allowed,
            None => {
                let spec = access_spec(&key.0, path);
                let review: Review<AccessStatus> =
                    ask(&self.authorization, "authorization", "SubjectAccessReview", spec).await?;
                let allowed = review.status.allowed;
                let GoodFor { allowed: yes, denied: no, .. } = self.good_for;
                self.rights.put(key, allowed, if allowed { yes } else { no });
                allowed
            }
        };
        if allowed { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    fn is_open(&self, path: &str) -> bool {
        self.open_paths.iter().any(|open| match open.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == open,
        })
    }

    async fn who(&self, shown: &[CertificateDer<'_>], headers: &HeaderMap) -> Result<User, StatusCode> {
        let authorities = self.authorities.borrow().clone();
        let named = named(shown, headers, &authorities);
        if let Named::User(user) = named {
            return Ok(user);
        }
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match authorization.and_then(token) {
            Some(token) => self.user(token).await?.ok_or(StatusCode::UNAUTHORIZED),
            // Whoever wants to be known and is not, is not taken for somebody who does not.
            None if named == Named::Stranger => Err(StatusCode::UNAUTHORIZED),
            None => Ok(User::anonymous()),
        }
    }

    async fn user(&self, token: &str) -> Result<Option<User>, StatusCode> {
        if let Some(user) = self.users.get(&token.to_owned()) {
            return Ok(user);
        }
        let review: Review<TokenStatus> =
            ask(&self.authentication, "authentication", "TokenReview", json!({"token": token})).await?;
        let user = review.status.authenticated.then_some(review.status.user);
        self.users.put(token.to_owned(), user.clone(), self.good_for.token);
        Ok(user)
    }
}

fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn access_spec(user: &User, path: &str) -> Value {
    let mut spec = json!(user);
    spec["nonResourceAttributes"] = json!({"path": path, "verb": "get"});
    spec
}

/// Has something reviewed. Where nobody can tell, nobody may see anything.
async fn ask<S: for<'de> Deserialize<'de> + Default>(
    api: &Api,
    group: &str,
    kind: &str,
    spec: Value,
) -> Result<Review<S>, StatusCode> {
    let path = format!("/apis/{group}.k8s.io/v1/{}s", kind.to_lowercase());
    let body = json!({"apiVersion": format!("{group}.k8s.io/v1"), "kind": kind, "spec": spec});
    match api.ask(Method::POST, &path, JSON, body.to_string().into_bytes()).await {
        Ok(answer) if answer.status.is_success() => {
            serde_json::from_slice(&answer.body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
        }
        Ok(answer) => {
            tracing::warn!("a {kind} is refused: {}", String::from_utf8_lossy(&answer.body));
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(error) => {
            tracing::warn!("a {kind} is not answered: {error}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use super::super::authority::Authorities;
    use super::*;
    use crate::fake::Script;

    fn access(script: &Script) -> Access {
        let (_, authorities) = watch::channel(Arc::new(Authorities::default()));
        let open = vec!["/healthz".to_owned(), "/open/*".to_owned()];
        Access::new(script.api(), script.api(), authorities, open, GoodFor::default())
    }

    async fn check(access: &Access, authorization: Option<&str>, path: &str) -> Result<(), StatusCode> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        access.check(&[], &headers, path).await
    }

    #[test]
    fn a_token_stands_after_bearer() {
        let cases = [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer ", None),
            ("abc", None),
        ];
        for (header, expected) in cases {
            assert_eq!(token(header), expected, "{header}");
        }
    }

    #[test]
    fn a_user_goes_from_one_review_to_the_other() {
        let text = r#"{"status":{"authenticated":true,"user":{"username":"ann","groups":["g"],"extra":{"k":["v"]}}}}"#;
        let review: Review<TokenStatus> = serde_json::from_str(text).unwrap();
        let spec = access_spec(&review.status.user, "/metrics");
        assert_eq!(
            spec,
            json!({"user": "ann", "uid": "", "groups": ["g"], "extra": {"k": ["v"]},
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"}})
        );
        let other: Review<TokenStatus> = serde_json::from_str("{}").unwrap();
        assert!(!other.status.authenticated);
    }

    #[test]
    fn who_may_see_is_asked_once_for_a_while() {
        let ok = |text: &str| (201, None, text.to_owned());
        let known = ok(r#"{"status":{"authenticated":true,"user":{"username":"ann"}}}"#);
        let (unknown, allowed) = (ok(r#"{"status":{}}"#), ok(r#"{"status":{"allowed":true}}"#));
        let denied = ok(r#"{"status":{"allowed":false}}"#);
        let broken = (500, None, String::new());
        let token = Some("Bearer t");
        let cases = [
            (vec![known.clone(), allowed], token, Ok(())),
            (vec![known, denied.clone()], token, Err(StatusCode::FORBIDDEN)),
            (vec![unknown], token, Err(StatusCode::UNAUTHORIZED)),
            (vec![denied], None, Err(StatusCode::FORBIDDEN)),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for (answers, header, expected) in cases {
                let questions = answers.len();
                let script = Script::new(answers);
                let access = access(&script);
                assert_eq!(check(&access, header, "/metrics").await, expected);
                assert_eq!(check(&access, header, "/metrics").await, expected);
                assert_eq!(script.asked().len(), questions);
                for path in ["/healthz", "/open/a"] {
                    assert_eq!(check(&access, header, path).await, Ok(()));
                }
                assert_eq!(script.asked().len(), questions);
            }
            let script = Script::new([broken]);
            let access = access(&script);
            assert_eq!(check(&access, token, "/metrics").await, Err(StatusCode::INTERNAL_SERVER_ERROR));
        });
    }
}
