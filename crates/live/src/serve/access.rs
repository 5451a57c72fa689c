//! Who may see what: asked of a cluster with TokenReview and SubjectAccessReview, as upstream asks.
//!
//! Client certificates are not looked at. Whoever sends no token is `system:anonymous`, and may see what the cluster lets
//! everybody see, which usually is nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{Api, JSON};

/// An answer is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// So many answers are remembered; whoever sends tokens by the thousand gets no more memory.
const REMEMBERED: usize = 1_000;

/// Who somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
struct User {
    #[serde(rename(deserialize = "username", serialize = "user"))]
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
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

/// Answers, for a while.
struct Memory<K, V>(Mutex<BTreeMap<K, (Instant, V)>>);

impl<K: Ord, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn get(&self, key: &K) -> Option<V> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).filter(|(at, _)| at.elapsed() < GOOD_FOR).map(|(_, answer)| answer.clone())
    }

    fn put(&self, key: K, answer: V) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= REMEMBERED {
            answers.retain(|_, (at, _)| at.elapsed() < GOOD_FOR);
        }
        if answers.len() < REMEMBERED {
            answers.insert(key, (Instant::now(), answer));
        }
    }
}

/// Decides who may see what.
pub(super) struct Access {
    authentication: Api,
    authorization: Api,
    users: Memory<String, Option<User>>,
    rights: Memory<(User, String), bool>,
}

impl Access {
    pub(super) fn new(authentication: Api, authorization: Api) -> Self {
        Self { authentication, authorization, users: Memory::new(), rights: Memory::new() }
    }

    /// Whether somebody with this `Authorization` header may read a path.
    ///
    /// # Errors
    /// The status to answer, if not.
    pub(super) async fn check(&self, authorization: Option<&str>, path: &str) -> Result<(), StatusCode> {
        let user = match authorization.and_then(token) {
            Some(token) => self.user(token).await?.ok_or(StatusCode::UNAUTHORIZED)?,
            None => anonymous(),
        };
        let key = (user, path.to_owned());
        let allowed = match self.rights.get(&key) {
            Some(allowed) => allowed,
            None => {
                let review: Review<AccessStatus> = ask(
                    &self.authorization,
                    "authorization",
                    "SubjectAccessReview",
                    access_spec(&key.0, path),
                )
                .await?;
                self.rights.put(key, review.status.allowed);
                review.status.allowed
            }
        };
        if allowed { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    async fn user(&self, token: &str) -> Result<Option<User>, StatusCode> {
        if let Some(user) = self.users.get(&token.to_owned()) {
            return Ok(user);
        }
        let review: Review<TokenStatus> =
            ask(&self.authentication, "authentication", "TokenReview", json!({"token": token})).await?;
        let user = review.status.authenticated.then_some(review.status.user);
        self.users.put(token.to_owned(), user.clone());
        Ok(user)
    }
}

fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn anonymous() -> User {
    User { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()], ..User::default() }
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
    use super::*;
    use crate::fake::Script;

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
                let access = Access::new(script.api(), script.api());
                assert_eq!(access.check(header, "/metrics").await, expected);
                assert_eq!(access.check(header, "/metrics").await, expected);
                assert_eq!(script.asked().len(), questions);
            }
            let script = Script::new([broken]);
            let access = Access::new(script.api(), script.api());
            assert_eq!(access.check(token, "/metrics").await, Err(StatusCode::INTERNAL_SERVER_ERROR));
        });
    }
}
