//! Tokens: what a registry's token server gives for a credential, or for nothing.

use super::error::RegistryError;
use super::guard::Reach;
use super::session::basic;
use super::web::{Ask, Web, innermost, misdirected, shown};
use crate::secrets::Credential;
use api_vocab::Secret;
use reqwest::header::HeaderValue;
use reqwest::{Response, Url};
use serde::Deserialize;

/// A token server's answer is a few kilobytes.
const MAX_ANSWER: usize = 64 << 10;

/// Where tokens for one repository come from.
#[derive(Debug, Clone)]
pub(super) struct TokenServer {
    pub(super) url: Url,
    pub(super) service: Option<String>,
    /// How near it may lie.
    pub(super) reach: Reach,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    access_token: Option<Secret>,
}

impl TokenServer {
    /// The server that `from` names as `realm` in its `answer`.
    ///
    /// # Errors
    /// It is not a place to send credentials to.
    pub(super) fn new(
        web: &Web,
        from: &Url,
        answer: &Response,
        realm: &str,
        service: Option<String>,
    ) -> Result<Self, RegistryError> {
        let odd = |_| RegistryError::Odd {
            host: shown(from),
            reason: "its token server has no address".to_owned(),
        };
        let url: Url = realm.parse().map_err(odd)?;
        if url.scheme() == "http" && url.origin() != from.origin() {
            return Err(misdirected(from, &url, "a token server elsewhere must be encrypted"));
        }
        let reach = web.next_reach(from, &url, answer)?;
        Ok(TokenServer { url, service, reach })
    }

    /// A token to pull from `repository`; none if the server refuses.
    pub(super) async fn token(
        &self,
        web: &Web,
        repository: &str,
        credential: Option<&Credential>,
    ) -> Result<Option<Secret>, RegistryError> {
        let scope = format!("repository:{repository}:pull");
        let answer = match credential {
            Some(Credential::Token(token)) => return Ok(Some(token.clone())),
            Some(Credential::Identity(token)) => {
                let form = self.form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", "perceptor"),
                    ("scope", &scope),
                    ("refresh_token", token.reveal()),
                ]);
                web.post(self.url.clone(), self.reach, form).await?
            }
            Some(Credential::Password { username, password }) => {
                let authorization = basic(username, password);
                self.ask(web, &scope, authorization).await?
            }
            None => self.ask(web, &scope, None).await?,
        };
        self.read(answer).await
    }

    async fn ask(
        &self,
        web: &Web,
        scope: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", scope);
        }
        let ask = Ask { url, accept: "application/json", from: 0, authorization };
        web.get_within(ask, self.reach).await
    }

    fn form(&self, fields: &[(&str, &str)]) -> String {
        // Written as an address's query, which has the same form.
        let mut form = self.url.clone();
        form.set_query(None);
        {
            let mut pairs = form.query_pairs_mut();
            pairs.extend_pairs(fields);
            pairs.extend_pairs(self.service.as_deref().map(|service| ("service", service)));
        }
        form.query().unwrap_or_default().to_owned()
    }

    async fn read(&self, mut answer: Response) -> Result<Option<Secret>, RegistryError> {
        let host = shown(&self.url);
        match answer.status().as_u16() {
            200..=299 => {}
            400 | 401 | 403 | 404 => return Ok(None),
            _ => return Err(super::session::refusal(&host, "a token", &answer)),
        }
        let mut body = Vec::new();
        loop {
            let chunk = answer.chunk().await;
            let chunk = chunk.map_err(|error| RegistryError::Unreachable {
                host: host.clone(),
                reason: innermost(&error),
            })?;
            let Some(chunk) = chunk else { break };
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(RegistryError::Odd { host, reason: "a token of more than 64 KiB".to_owned() });
            }
        }
        // The parser's message might quote the token.
        let odd = |_| RegistryError::Odd { host: host.clone(), reason: "not a token".to_owned() };
        let parsed: Answer = serde_json::from_slice(&body).map_err(odd)?;
        let token = parsed.token.or(parsed.access_token).filter(|token| !token.reveal().is_empty());
        token.map_or_else(
            || Err(RegistryError::Odd { host: host.clone(), reason: "no token".to_owned() }),
            |token| Ok(Some(token)),
        )
    }
}
