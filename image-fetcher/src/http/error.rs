//! A fetch's error as an HTTP answer.

use api_chassis::http::HttpError;
use api_wire::error::ErrorCode;
use api_wire::image_source::FetchError;
use std::time::Duration;

/// The answer to a request that failed.
pub(super) fn answer(error: FetchError) -> HttpError {
    let (message, wait) = (error.message, error.retry_after);
    match error.code {
        ErrorCode::Invalid => HttpError::invalid(message),
        ErrorCode::NotFound => HttpError::not_found(message),
        ErrorCode::TooLarge => HttpError::too_large(message),
        ErrorCode::Unavailable => {
            HttpError::unavailable(message).retry_after(wait.unwrap_or(Duration::from_secs(1)))
        }
        ErrorCode::RateLimited => {
            HttpError::rate_limited(message).retry_after(wait.unwrap_or(Duration::from_secs(60)))
        }
        ErrorCode::Forbidden => HttpError::forbidden(message),
        ErrorCode::Bug => HttpError::bug(message),
        _ => HttpError::unprocessable(message),
    }
}
