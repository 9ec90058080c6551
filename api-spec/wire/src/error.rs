//! The error envelope, and the closed list of its codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every answer outside 2xx and 304 carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What a program acts on.
    pub code: ErrorCode,
    /// What a person reads: what was wrong, and what would be right.
    pub message: String,
    /// Finds the request in the log.
    pub request_id: String,
}

/// The closed list of codes; each belongs to one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the request is malformed.
    Invalid,
    /// 401: no token, or one that nobody knows.
    Unauthenticated,
    /// 403: the token's role may not do this.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 405: the thing is there, the method is not.
    MethodNotAllowed,
    /// 409: the lease has expired, was ended, or belongs to another scanner.
    LeaseLost,
    /// 409: the request does not fit the present state.
    Conflict,
    /// 413: the body is too large.
    TooLarge,
    /// 422: well-formed, but not acceptable.
    Unprocessable,
    /// 429: too many requests; see Retry-After.
    RateLimited,
    /// 500: our fault.
    Bug,
    /// 503: try again.
    Unavailable,
}

impl ErrorCode {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            ErrorCode::Invalid => 400,
            ErrorCode::Unauthenticated => 401,
            ErrorCode::Forbidden => 403,
            ErrorCode::NotFound => 404,
            ErrorCode::MethodNotAllowed => 405,
            ErrorCode::LeaseLost | ErrorCode::Conflict => 409,
            ErrorCode::TooLarge => 413,
            ErrorCode::Unprocessable => 422,
            ErrorCode::RateLimited => 429,
            ErrorCode::Bug => 500,
            ErrorCode::Unavailable => 503,
        }
    }

    /// The one question an error answers for its caller: is trying again worth it?
    pub const fn is_retryable(self) -> bool {
        matches!(self, ErrorCode::RateLimited | ErrorCode::Unavailable)
    }
}
