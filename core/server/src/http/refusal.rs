//! Refusals of the engine, the store and the vocabulary as answers of the closed list.

use crate::engine::EngineError;
use api_chassis::http::HttpError;
use core_model::Refusal;
use core_store::StoreError;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(1);

/// The answer to a command that was not applied.
pub fn of_engine(error: EngineError) -> HttpError {
    match error {
        EngineError::Refused(refusal) => of_model(&refusal),
        EngineError::NotDurable | EngineError::DiskFull | EngineError::Stopped => {
            HttpError::unavailable(error.to_string()).retry_after(SOON)
        }
        EngineError::Mismatched(_) => HttpError::bug(error),
    }
}

fn of_model(refusal: &Refusal) -> HttpError {
    let message = refusal.to_string();
    match refusal {
        Refusal::LeaseLost(_) | Refusal::LeaseExpired(_) => HttpError::new(409, "lease_lost", message),
        Refusal::UnknownImage(_) | Refusal::UnknownSource(_) => HttpError::not_found(message),
        Refusal::TooManyLayers { .. } | Refusal::LeasesOutOfRange { .. } => HttpError::unprocessable(message),
        Refusal::LeaseExists(_) => HttpError::unavailable(message).retry_after(SOON),
        Refusal::UnknownScanner(_)
        | Refusal::TooManyLeases { .. }
        | Refusal::AlreadyLeased(_)
        | Refusal::AlreadyQueued(_)
        | Refusal::StaleRevision { .. } => HttpError::conflict(message),
    }
}

/// The answer where the store failed.
pub fn of_store(error: &StoreError) -> HttpError {
    HttpError::unavailable("the store does not answer at the moment")
        .caused_by(chain(error))
        .retry_after(SOON)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// 400 with what the parser said.
pub fn invalid(error: impl std::fmt::Display) -> HttpError {
    HttpError::invalid(error.to_string())
}
