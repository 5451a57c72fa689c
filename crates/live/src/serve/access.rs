//! Authentication and authorization, by TokenReview and SubjectAccessReview as in upstream.
//!
//! A client is identified by its certificate, or else by its bearer token. A client with neither is `system:anonymous`,
//! which usually has no rights.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode, header};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::authority::AuthoritiesRx;
use super::client_certificate::{self, ClientIdentity};
use super::ttl_cache::TtlCache;
use super::user::User;
use crate::client::{Api, JSON};

/// The bound on each cache: a client that sends many tokens gets no more memory than this, and its tokens make room for
/// others.
const CACHE_ENTRIES: usize = 1_000;

/// How long the answers of reviews are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTtls {
    /// Answers of token reviews.
    pub token: Duration,
    /// Access reviews that allow.
    pub allowed: Duration,
    /// Access reviews that deny.
    pub denied: Duration,
}

impl Default for CacheTtls {
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

/// SHA-256 of a bearer token: the token itself does not stay in memory.
type TokenHash = [u8; 32];

/// Decides which client may read which path.
pub(super) struct Access {
    pub(super) authentication: Api,
    pub(super) authorization: Api,
    pub(super) authorities: AuthoritiesRx,
    /// The paths without authorization; a `*` at the end matches all paths with this prefix.
    pub(super) open_paths: Vec<String>,
    pub(super) cache_ttls: CacheTtls,
    users: TtlCache<TokenHash, Option<User>>,
    rights: TtlCache<(User, String), bool>,
}

impl Access {
    pub(super) fn new(
        authentication: Api,
        authorization: Api,
        authorities: AuthoritiesRx,
        open_paths: Vec<String>,
        cache_ttls: CacheTtls,
    ) -> Self {
        let (users, rights) = (TtlCache::new(CACHE_ENTRIES), TtlCache::new(CACHE_ENTRIES));
        Self { authentication, authorization, authorities, open_paths, cache_ttls, users, rights }
    }

    /// Checks that a client with these certificates and headers may read a path.
    ///
    /// # Errors
    /// The HTTP status for the client, if it may not.
    pub(super) async fn check(
        &self,
        shown: &[CertificateDer<'_>],
        headers: &HeaderMap,
        path: &str,
    ) -> Result<(), StatusCode> {
        // Health checks come without credentials.
        if self.is_open(path) {
            return Ok(());
        }
        let key = (self.identify(shown, headers).await?, path.to_owned());
        let allowed = match self.rights.get(&key, Instant::now()) {
            Some(allowed) => allowed,
            None => {
                let spec = access_spec(&key.0, path);
                let review: Review<AccessStatus> =
                    ask(&self.authorization, "authorization", "SubjectAccessReview", spec).await?;
                let allowed = review.status.allowed;
                let CacheTtls { allowed: yes, denied: no, .. } = self.cache_ttls;
                self.rights.insert(key, allowed, if allowed { yes } else { no }, Instant::now());
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

    async fn identify(&self, shown: &[CertificateDer<'_>], headers: &HeaderMap) -> Result<User, StatusCode> {
        let authorities = self.authorities.borrow().clone();
        let identity = client_certificate::identify(shown, headers, &authorities);
        if let ClientIdentity::User(user) = identity {
            return Ok(user);
        }
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match authorization.and_then(token) {
            Some(token) => self.user(token).await?.ok_or(StatusCode::UNAUTHORIZED),
            // Invalid client credentials are rejected; they do not fall back to anonymous.
            None if identity == ClientIdentity::Unverified => Err(StatusCode::UNAUTHORIZED),
            None => Ok(User::anonymous()),
        }
    }

    async fn user(&self, token: &str) -> Result<Option<User>, StatusCode> {
        let key = hash(token);
        if let Some(user) = self.users.get(&key, Instant::now()) {
            return Ok(user);
        }
        let review: Review<TokenStatus> =
            ask(&self.authentication, "authentication", "TokenReview", json!({"token": token})).await?;
        let user = review.status.authenticated.then_some(review.status.user);
        self.users.insert(key, user.clone(), self.cache_ttls.token, Instant::now());
        Ok(user)
    }
}

fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
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

/// Sends a review to the API server. Without an answer, access is denied.
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
            tracing::warn!("the API server refuses a {kind}: {}", answer.message());
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(error) => {
            tracing::warn!("the API server does not answer a {kind}: {error}");
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
        Access::new(script.api(), script.api(), authorities, open, CacheTtls::default())
    }

    async fn check(access: &Access, authorization: Option<&str>, path: &str) -> Result<(), StatusCode> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        access.check(&[], &headers, path).await
    }

    #[test]
    fn a_bearer_token_is_read_from_the_header() {
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
    fn the_user_of_the_token_review_goes_into_the_access_review() {
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
    fn tokens_of_one_client_do_not_turn_the_cache_off() {
        let unknown = (201, None, r#"{"status":{}}"#.to_owned());
        let script = Script::new(std::iter::repeat_n(unknown, 3 * CACHE_ENTRIES));
        let access = access(&script);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for number in 0..2 * CACHE_ENTRIES {
                let _ = check(&access, Some(&format!("Bearer t{number}")), "/metrics").await;
            }
            let asked = script.asked().len();
            for _ in 0..2 {
                let _ = check(&access, Some("Bearer other"), "/metrics").await;
            }
            assert_eq!(script.asked().len(), asked + 1);
        });
    }

    #[test]
    fn reviews_are_cached() {
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
