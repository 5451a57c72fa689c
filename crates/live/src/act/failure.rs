//! Classifies the answers of the API server.

use berth_flow::{Failure, FailureKind};

use crate::client::{Answer, NoAnswer};

/// Whether a request succeeded, or how it failed.
pub(crate) fn judge(answer: Result<Answer, NoAnswer>) -> Result<(), Failure> {
    let answer = match answer {
        Ok(answer) if answer.status.is_success() => return Ok(()),
        Ok(answer) => answer,
        Err(NoAnswer::Unsent(message)) => return Err(Failure { kind: FailureKind::Refused, message }),
        Err(NoAnswer::Lost(message)) => return Err(Failure { kind: FailureKind::Unknown, message }),
    };
    let kind = match answer.status.as_u16() {
        404 => FailureKind::Gone,
        409 | 422 => FailureKind::Conflict, // 422: the object has another uid, or devices that cannot be replaced
        500.. => FailureKind::Unknown,
        _ => FailureKind::Refused,
    };
    Err(Failure { kind, message: answer.message() })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    #[test]
    fn an_answer_is_classified_by_its_status() {
        let cases = [
            (201, "", None),
            (404, r#"{"message":"pods \"a\" not found"}"#, Some((FailureKind::Gone, "pods \"a\" not found"))),
            (409, "{}", Some((FailureKind::Conflict, "409 Conflict"))),
            (422, "{}", Some((FailureKind::Conflict, "422 Unprocessable Entity"))),
            (403, "no JSON", Some((FailureKind::Refused, "403 Forbidden"))),
            (500, "", Some((FailureKind::Unknown, "500 Internal Server Error"))),
        ];
        for (code, body, expected) in cases {
            let status = StatusCode::from_u16(code).unwrap();
            let outcome = judge(Ok(Answer { status, retry_after: None, body: Bytes::from(body) }));
            let failure = outcome.err().map(|failure| (failure.kind, failure.message));
            assert_eq!(failure, expected.map(|(kind, message)| (kind, message.to_owned())), "{code}");
        }
    }

    #[test]
    fn a_lost_request_may_have_been_carried_out() {
        let kind = |answer| judge(Err(answer)).unwrap_err().kind;
        assert_eq!(kind(NoAnswer::Unsent("refused".into())), FailureKind::Refused);
        assert_eq!(kind(NoAnswer::Lost("reset".into())), FailureKind::Unknown);
    }
}
