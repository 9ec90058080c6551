//! Health: readiness made of named latches, and the two handlers that show it.

use crate::http::HttpError;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a service waits for before it is ready; clones are the same readiness.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Option<String>>>>);

/// One thing a service waits for. It stays closed until told otherwise.
#[derive(Debug, Clone)]
pub struct Latch {
    name: &'static str,
    readiness: Readiness,
}

/// One thing that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The latch.
    pub name: &'static str,
    /// Why it is closed.
    pub reason: String,
}

impl Readiness {
    /// A new latch, closed for `reason`.
    pub fn latch(&self, name: &'static str, reason: impl Into<String>) -> Latch {
        let latch = Latch { name, readiness: self.clone() };
        latch.close(reason);
        latch
    }

    /// Everything that is waited for; empty when the service is ready.
    pub fn waiting(&self) -> Vec<Waiting> {
        let latches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latches.iter().filter_map(|(name, reason)| Some(Waiting { name, reason: reason.clone()? })).collect()
    }

    /// What was said of the latch before, if anything.
    fn set(&self, name: &'static str, reason: Option<String>) -> Option<Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, reason)
    }
}

impl Latch {
    /// It is no longer waited for.
    pub fn open(&self) {
        self.readiness.set(self.name, None);
    }

    /// It is waited for, for `reason`; true if it was not waited for before.
    pub fn close(&self, reason: impl Into<String>) -> bool {
        self.readiness.set(self.name, Some(reason.into())).is_some_and(|before| before.is_none())
    }
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    waiting: Vec<Waiting>,
}

/// Routes `/healthz` and `/readyz`.
pub fn routes(readiness: Readiness) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(web::Data::new(readiness))
            .service(web::resource("/healthz").route(web::get().to(healthz)))
            .service(web::resource("/readyz").route(web::get().to(readyz)));
    }
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "alive": true }))
}

async fn readyz(readiness: web::Data<Readiness>) -> Result<HttpResponse, HttpError> {
    let waiting = readiness.waiting();
    let ready = waiting.is_empty();
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(answer.json(Ready { ready, waiting }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_with_one_latch_closed_names_it_and_why() {
        let readiness = Readiness::default();
        let store = readiness.latch("store", "opening");
        let model = readiness.latch("model", "loading");
        store.open();
        assert_eq!(readiness.waiting(), [Waiting { name: "model", reason: "loading".into() }]);
        model.open();
        assert!(readiness.waiting().is_empty());
        assert!(store.close("disk full"));
        assert!(!store.close("disk full"));
        assert_eq!(readiness.waiting(), [Waiting { name: "store", reason: "disk full".into() }]);
    }
}
