//! Asking one repository: without credentials first, then as the registry demands, with those
//! that fit it. What let us in once is used until it does not any more.

use super::challenge::{Challenge, parse_challenges};
use super::error::RegistryError;
use super::limits::{Gates, retry_after, wait_of};
use super::place::Place;
use super::token::TokenServer;
use super::web::{Ask, Web, shown};
use crate::secrets::Credential;
use api_vocab::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, Url};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

/// A repository that is being read.
pub(super) struct Session {
    pub(super) place: Place,
    web: Arc<Web>,
    gates: Arc<Gates>,
    credentials: Vec<Credential>,
    authorization: Mutex<Option<HeaderValue>>,
}

/// What is wanted of a repository.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) url: Url,
    pub(super) accept: &'static str,
    pub(super) from: u64,
    /// What it is called in messages.
    pub(super) name: String,
}

impl Session {
    /// Nothing is asked yet.
    pub(super) fn new(place: Place, web: Arc<Web>, gates: Arc<Gates>, credentials: Vec<Credential>) -> Self {
        Session { place, web, gates, credentials, authorization: Mutex::default() }
    }

    /// Ask for something; the answer's status is one of success.
    pub(super) async fn get(&self, wanted: &Wanted) -> Result<Response, RegistryError> {
        let host = &self.place.host;
        if let Some(wait) = self.gates.closed(host, Instant::now()) {
            return Err(RegistryError::Limited { host: host.clone(), wait });
        }
        let outcome = self.ask(wanted).await;
        if let Err(RegistryError::Limited { wait, .. }) = &outcome {
            self.gates.close(host, *wait, Instant::now());
        }
        outcome
    }

    async fn ask(&self, wanted: &Wanted) -> Result<Response, RegistryError> {
        let known = self.authorization();
        let answer = self.send(wanted, known).await?;
        // What stands where the registry pointed to has no say in where credentials go.
        let is_registry = answer.url().origin() == wanted.url.origin();
        if answer.status().as_u16() != 401 || !is_registry {
            return self.sorted(wanted, answer);
        }
        let answer = self.let_in(wanted, &answer).await?;
        answer.map_or_else(|| Err(self.denied(wanted)), |answer| self.sorted(wanted, answer))
    }

    /// Try what the refusal asks for, until something is let in; none if nothing is.
    async fn let_in(&self, wanted: &Wanted, refusal: &Response) -> Result<Option<Response>, RegistryError> {
        let headers = refusal.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenges = headers.filter_map(|header| header.to_str().ok()).flat_map(parse_challenges);
        for challenge in challenges.take(4) {
            let answer = match challenge {
                Challenge::Basic => self.try_passwords(wanted).await?,
                Challenge::Bearer { realm, service } => {
                    let server = TokenServer::new(&self.web, &wanted.url, refusal, &realm, service)?;
                    self.try_tokens(wanted, &server).await?
                }
            };
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    async fn try_passwords(&self, wanted: &Wanted) -> Result<Option<Response>, RegistryError> {
        for credential in &self.credentials {
            let authorization = match credential {
                Credential::Password { username, password } => basic(username, password),
                Credential::Identity(_) => None,
                Credential::Token(token) => bearer(token),
            };
            let Some(authorization) = authorization else { continue };
            if let Some(answer) = self.try_with(wanted, authorization).await? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// With a token for each credential, at last with one for nobody.
    async fn try_tokens(
        &self,
        wanted: &Wanted,
        server: &TokenServer,
    ) -> Result<Option<Response>, RegistryError> {
        for credential in self.credentials.iter().map(Some).chain([None]) {
            let token = server.token(&self.web, self.place.image.repository(), credential).await?;
            let Some(authorization) = token.as_ref().and_then(bearer) else { continue };
            if let Some(answer) = self.try_with(wanted, authorization).await? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    async fn try_with(
        &self,
        wanted: &Wanted,
        authorization: HeaderValue,
    ) -> Result<Option<Response>, RegistryError> {
        let answer = self.send(wanted, Some(authorization.clone())).await?;
        if matches!(answer.status().as_u16(), 401 | 403) {
            return Ok(None);
        }
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        Ok(Some(answer))
    }

    async fn send(
        &self,
        wanted: &Wanted,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let (url, accept, from) = (wanted.url.clone(), wanted.accept, wanted.from);
        self.web.get(Ask { url, accept, from, authorization }).await
    }

    fn authorization(&self) -> Option<HeaderValue> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sorted(&self, wanted: &Wanted, answer: Response) -> Result<Response, RegistryError> {
        match answer.status().as_u16() {
            200 | 206 => Ok(answer),
            401 | 403 => Err(self.denied(wanted)),
            _ => Err(refusal(&self.place.host, &wanted.name, &answer)),
        }
    }

    fn denied(&self, wanted: &Wanted) -> RegistryError {
        let tried = match self.credentials.len() {
            0 => "no credentials fit it".to_owned(),
            1 => "tried with one credential".to_owned(),
            many => format!("tried with {many} credentials"),
        };
        RegistryError::Denied { host: self.place.host.clone(), what: wanted.name.clone(), tried }
    }
}

/// What a status outside of success means.
pub(super) fn refusal(host: &str, what: &str, answer: &Response) -> RegistryError {
    let (host, now) = (host.to_owned(), SystemTime::now());
    match answer.status().as_u16() {
        404 => RegistryError::NotFound { host, what: what.to_owned() },
        429 => RegistryError::Limited { host, wait: wait_of(answer.headers(), now) },
        status @ (408 | 500..) => {
            RegistryError::Failing { host, status, wait: retry_after(answer.headers(), now) }
        }
        status => {
            RegistryError::Odd { host, reason: format!("status {status} from {}", shown(answer.url())) }
        }
    }
}

/// A header that nobody prints.
pub(super) fn basic(username: &str, password: &Secret) -> Option<HeaderValue> {
    let pair = format!("{username}:{}", password.reveal());
    hidden(&format!("Basic {}", STANDARD.encode(pair)))
}

fn bearer(token: &Secret) -> Option<HeaderValue> {
    hidden(&format!("Bearer {}", token.reveal()))
}

fn hidden(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
