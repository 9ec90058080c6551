//! The error envelope: what the caller may know; the log learns the rest.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use std::time::Duration;

/// An answer outside 2xx and 304.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    status: u16,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

/// Constructors for the statuses and codes that every service has.
macro_rules! refusals {
    ($($(#[$meta:meta])* $name:ident = $status:literal,)+) => {
        impl HttpError {
            $($(#[$meta])*
            pub fn $name(message: impl Into<String>) -> Self {
                HttpError::new($status, stringify!($name), message)
            })+

            /// The code that goes with a status which some library chose.
            fn code_of(status: u16) -> &'static str {
                match status {
                    $($status => stringify!($name),)+
                    500.. => "bug",
                    _ => "invalid",
                }
            }
        }
    };
}

refusals! {
    /// 400: the request is malformed.
    invalid = 400,
    /// 401: no token, or one that nobody knows.
    unauthenticated = 401,
    /// 403: the token's role may not do this.
    forbidden = 403,
    /// 404: there is no such thing.
    not_found = 404,
    /// 405: the thing is there, the method is not.
    method_not_allowed = 405,
    /// 409: the request does not fit the present state.
    conflict = 409,
    /// 413: the body is too large.
    too_large = 413,
    /// 422: well-formed, but not acceptable.
    unprocessable = 422,
    /// 429: too many requests.
    rate_limited = 429,
    /// 503: try again.
    unavailable = 503,
}

impl HttpError {
    /// An answer with a code of the service's own closed list.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        HttpError { status, code, message: message.into(), retry_after: None, cause: None }
    }

    /// 500: our fault. The caller learns nothing but that; `cause` goes to the log.
    pub fn bug(cause: impl std::fmt::Display) -> Self {
        HttpError::new(500, "bug", "internal error; the log has it under this request id").caused_by(cause)
    }

    /// Tell the log, not the caller.
    pub fn caused_by(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Tell the caller when to come again.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What only the log may know.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// What a library's answer says in our words.
    pub(super) fn of_foreign(status: StatusCode, message: Option<String>) -> Self {
        let status = status.as_u16();
        if status >= 500 && status != 503 {
            return HttpError::bug(message.unwrap_or_else(|| format!("status {status}")));
        }
        let shown = message.unwrap_or_else(|| sentence(status).to_owned());
        let shown = shown.chars().filter(|c| !c.is_control()).take(512).collect::<String>();
        HttpError::new(status, HttpError::code_of(status), shown)
    }

    /// The answer, with the envelope as its body.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        answer.insert_header((CONTENT_TYPE, "application/json"));
        if self.status == 401 {
            // RFC 9110, 11.6.1: whoever is refused learns what would let them in.
            answer.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(wait) = self.retry_after {
            answer.insert_header((RETRY_AFTER, wait.as_secs().max(1)));
        }
        let body = serde_json::json!({
            "error": { "code": self.code, "message": self.message, "request_id": request_id }
        });
        answer.body(body.to_string())
    }
}

fn sentence(status: u16) -> &'static str {
    match status {
        404 => "there is nothing at this path",
        405 => "this path does not know this method",
        _ => "the request was refused",
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The edge writes it anew, with the request's id.
    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}
