//! Service accounts as callers, their tokens checked by TokenReview: the core's only door to a
//! Kubernetes API.
//!
//! The API server is that of the pod the core runs in, else that of the kubeconfig
//! (<https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/>).

use crate::config::{ServiceAccountConfig, SettingsError};
use api_chassis::auth::{Caller, Role, TokenReviewer};
use api_chassis::clock::Clock;
use api_chassis::http::HttpError;
use api_vocab::{Secret, Timestamp, sha256};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// Longer ones are not looked at; service account tokens are about a kilobyte.
const MAX_TOKEN: usize = 16 << 10;
/// Verdicts that are kept; more callers than that are strangers.
const MAX_KEPT: usize = 10_000;
/// Reviews at the same time, so that a restart does not press the API server.
const MAX_REVIEWS: usize = 8;
/// How long a good token stays good while the API server does not answer.
const GRACE: Duration = Duration::from_secs(600);

/// The service accounts that may call, and what was found out about tokens lately.
pub struct ServiceAccounts {
    callers: HashMap<String, Caller>,
    audience: String,
    believed: Duration,
    clock: Arc<dyn Clock>,
    client: OnceCell<Client>,
    reviews: Semaphore,
    verdicts: Mutex<HashMap<[u8; 32], Verdict>>,
}

/// What a review found.
#[derive(Debug, Clone)]
struct Verdict {
    caller: Option<Caller>,
    at: Timestamp,
}

impl ServiceAccounts {
    /// Those of `config`; none if it allows none.
    pub fn of(config: &ServiceAccountConfig, clock: Arc<dyn Clock>) -> Result<Option<Self>, SettingsError> {
        if config.allow.is_empty() {
            return Ok(None);
        }
        Ok(Some(ServiceAccounts {
            callers: config.allow.iter().map(|line| allowed(line)).collect::<Result<_, _>>()?,
            audience: config.audience.clone(),
            believed: Duration::from_secs(config.cache_seconds),
            clock,
            client: OnceCell::new(),
            reviews: Semaphore::new(MAX_REVIEWS),
            verdicts: Mutex::default(),
        }))
    }

    async fn identify(&self, token: &Secret) -> Result<Option<Caller>, HttpError> {
        if token.reveal().len() > MAX_TOKEN {
            return Ok(None);
        }
        let key = sha256(token.reveal());
        if let Some(verdict) = self.known(&key, self.believed) {
            return Ok(verdict.caller);
        }
        let _turn = self.reviews.acquire().await.map_err(HttpError::bug)?;
        // Others may have asked about the same token while this one waited.
        if let Some(verdict) = self.known(&key, self.believed) {
            return Ok(verdict.caller);
        }
        match self.ask(token).await {
            Ok(status) => {
                let caller = self.judge(&status);
                self.keep(key, caller.clone());
                Ok(caller)
            }
            Err(error) => match self.known(&key, GRACE).and_then(|verdict| verdict.caller) {
                Some(caller) => Ok(Some(caller)),
                None => Err(unanswered(&error)),
            },
        }
    }

    async fn ask(&self, token: &Secret) -> Result<TokenReviewStatus, kube::Error> {
        let connect = || async {
            let config = kube::Config::infer().await.map_err(kube::Error::InferConfig)?;
            Client::try_from(config)
        };
        let client = self.client.get_or_try_init(connect).await?;
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.reveal().to_owned()),
                audiences: Some(vec![self.audience.clone()]),
            },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.unwrap_or_default())
    }

    /// Who the token's owner is here. A server that knows no audiences leaves them out; such a
    /// token may have been made for anyone.
    fn judge(&self, status: &TokenReviewStatus) -> Option<Caller> {
        let meant_for_us = status.audiences.as_ref().is_some_and(|known| known.contains(&self.audience));
        let user = status.user.as_ref()?.username.as_deref()?;
        let caller = self.callers.get(user)?;
        let good = status.authenticated == Some(true) && meant_for_us;
        good.then(|| caller.clone())
    }

    fn known(&self, key: &[u8; 32], within: Duration) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = verdicts.get(key)?;
        self.is_fresh(verdict, within).then(|| verdict.clone())
    }

    fn is_fresh(&self, verdict: &Verdict, within: Duration) -> bool {
        // A clock that was set back must not make a verdict last.
        let now = self.clock.now();
        verdict.at <= now && now.since(verdict.at) < within
    }

    fn keep(&self, key: [u8; 32], caller: Option<Caller>) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= MAX_KEPT {
            verdicts.retain(|_, verdict| verdict.caller.is_some() && self.is_fresh(verdict, GRACE));
        }
        if verdicts.len() < MAX_KEPT {
            verdicts.insert(key, Verdict { caller, at: self.clock.now() });
        }
    }
}

impl TokenReviewer for ServiceAccounts {
    fn review<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Option<Caller>, HttpError>> {
        self.identify(token).boxed()
    }
}

/// The account of a line `<role> <namespace>/<name> [source …]`, by the name that a TokenReview gives it.
fn allowed(line: &str) -> Result<(String, Caller), SettingsError> {
    let refused = |reason: String| SettingsError::Value { key: "service_accounts.allow", reason };
    let mut words = line.split_whitespace();
    let account = words.next().zip(words.next().and_then(|account| account.split_once('/')));
    let Some((role, (namespace, name))) = account else {
        return Err(refused(format!("{line:?} is none; expected: role namespace/name")));
    };
    let user = format!("system:serviceaccount:{namespace}:{name}");
    let caller = Caller::new(&*user, role.parse::<Role>().map_err(refused)?);
    let caller = caller.speaking_for(words).map_err(|reason| refused(format!("{line:?}: {reason}")))?;
    Ok((user, caller))
}

fn unanswered(error: &kube::Error) -> HttpError {
    let text = match error {
        kube::Error::Api(status) if status.code == 403 => {
            "the core may not ask the cluster about tokens; it needs to create tokenreviews.authentication.k8s.io"
        }
        _ => "the cluster did not say whose token this is; try again",
    };
    HttpError::unavailable(text).caused_by(error).retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests;
