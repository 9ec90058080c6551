//! Requests to registries and to where they point: redirects by hand, so that credentials stay
//! with the host they are for and nothing is asked that only the node reaches.

use super::error::RegistryError;
use super::guard::Reach;
use super::place::Hosts;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Blobs mostly lie one redirect away.
const MAX_REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may pause.
const SILENCE: Duration = Duration::from_secs(30);
const MAX_CLIENTS: usize = 64;

/// What is asked of a registry.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// The first byte that is wanted.
    pub(super) from: u64,
    pub(super) authorization: Option<HeaderValue>,
}

/// Clients of registries.
pub(super) struct Web {
    pub(super) hosts: Hosts,
    unlisted: Reach,
    clients: Mutex<HashMap<Trust, Client>>,
}

/// What clients differ in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Trust {
    reach: Reach,
    is_plain: bool,
    /// The file of authorities, and when it was written: another file needs another client.
    authorities: Option<(PathBuf, Option<SystemTime>)>,
}

impl Web {
    /// Registries that are not listed may be asked within `unlisted`.
    pub(super) fn new(hosts: Hosts, unlisted: Reach) -> Self {
        Web { hosts, unlisted, clients: Mutex::default() }
    }

    /// Ask, and follow where the answer points; what a registry is told, only it is told.
    pub(super) async fn get(&self, ask: Ask) -> Result<Response, RegistryError> {
        let reach = self.first_reach(&ask.url);
        self.get_within(ask, reach).await
    }

    /// As [`Web::get`], where the place may lie no nearer than `reach`.
    pub(super) async fn get_within(&self, mut ask: Ask, mut reach: Reach) -> Result<Response, RegistryError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send_once(&ask, reach).await?;
            let Some(next) = pointed_to(&ask.url, &answer)? else { return Ok(answer) };
            reach = self.next_reach(&ask.url, &next, &answer)?;
            if next.origin() != ask.url.origin() {
                ask.authorization = None;
            }
            ask.url = next;
        }
        Err(misdirected(&ask.url, &ask.url, "there were too many redirects"))
    }

    /// Send a form to where a registry pointed, and nowhere else.
    pub(super) async fn post(&self, url: Url, reach: Reach, form: String) -> Result<Response, RegistryError> {
        check_literal(&url, reach)?;
        let request = self.client(&url, reach)?.post(url.clone()).body(form);
        send(&url, request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    async fn send_once(&self, ask: &Ask, reach: Reach) -> Result<Response, RegistryError> {
        check_literal(&ask.url, reach)?;
        let mut request = self.client(&ask.url, reach)?.get(ask.url.clone()).header(ACCEPT, ask.accept);
        if ask.from > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.from));
        }
        if let Some(authorization) = &ask.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        send(&ask.url, request).await
    }

    /// Where a registry stands that an image's name names.
    fn first_reach(&self, url: &Url) -> Reach {
        if self.hosts.listed(url).is_some() { Reach::Loopback } else { self.unlisted }
    }

    /// How far a place may lie that the answer of `from` points to: no nearer than itself lies.
    ///
    /// # Errors
    /// It is no place to go to.
    pub(super) fn next_reach(
        &self,
        from: &Url,
        next: &Url,
        answer: &Response,
    ) -> Result<Reach, RegistryError> {
        let refused = |reason| Err(misdirected(from, next, reason));
        if !next.username().is_empty() || next.password().is_some() {
            return refused("it brings a name and a password");
        }
        let is_listed_plain = self.hosts.listed(next).is_some_and(|listed| listed.plain_http);
        match next.scheme() {
            "https" => {}
            "http" if from.scheme() == "http" || is_listed_plain => {}
            "http" => return refused("it is not encrypted"),
            _ => return refused("it is neither https nor http"),
        }
        if self.hosts.listed(next).is_some() {
            return Ok(Reach::Loopback);
        }
        let nearest = answer.remote_addr().and_then(|address| Reach::needed(address.ip()));
        Ok(nearest.unwrap_or(Reach::Public))
    }

    fn client(&self, url: &Url, reach: Reach) -> Result<Client, RegistryError> {
        let listed = self.hosts.listed(url);
        let file = listed.and_then(|listed| listed.ca_file.clone());
        let written = |file: &PathBuf| std::fs::metadata(file).and_then(|found| found.modified()).ok();
        let authorities = file.map(|file| (file.clone(), written(&file)));
        let trust = Trust { reach, is_plain: url.scheme() == "http", authorities };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&trust) {
            return Ok(client.clone());
        }
        let client = build(&trust).map_err(|reason| RegistryError::Settings { host: shown(url), reason })?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(trust, client.clone());
        Ok(client)
    }
}

fn build(trust: &Trust) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("perceptor-image-fetcher/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        // Digests are of the bytes as they are stored.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .dns_resolver(Arc::new(Guarded(trust.reach)));
    if let Some((file, _)) = &trust.authorities {
        let failed =
            |error: &dyn std::fmt::Display| format!("read authorities from {}: {error}", file.display());
        let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
        let authorities = Certificate::from_pem_bundle(&bytes).map_err(|error| failed(&error))?;
        if authorities.is_empty() {
            return Err(failed(&"there is none in it"));
        }
        builder = builder.tls_certs_only(authorities);
    } else if trust.is_plain {
        // A machine without any authorities can ask a registry without TLS all the same.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| innermost(&error))
}

/// Where a redirect leads; none if the answer is none.
fn pointed_to(from: &Url, answer: &Response) -> Result<Option<Url>, RegistryError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    let odd = || RegistryError::Odd { host: shown(from), reason: "a redirect without an address".to_owned() };
    Ok(Some(next.ok_or_else(odd)?))
}

/// Names are checked when they are resolved, addresses here.
fn check_literal(url: &Url, reach: Reach) -> Result<(), RegistryError> {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) if !reach.allows(address) => Err(RegistryError::AddressRefused { host: shown(url) }),
        _ => Ok(()),
    }
}

async fn send(url: &Url, request: RequestBuilder) -> Result<Response, RegistryError> {
    request.send().await.map_err(|error| match is_refusal(&error) {
        true => RegistryError::AddressRefused { host: shown(url) },
        false => RegistryError::Unreachable { host: shown(url), reason: innermost(&error) },
    })
}

pub(super) fn misdirected(from: &Url, to: &Url, reason: &'static str) -> RegistryError {
    RegistryError::Misdirected { host: shown(from), target: shown(to), reason }
}

/// A host and its port: paths and queries of redirects hold keys.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("a place without a host");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The cause at the bottom; what lies above it shows the address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    if std::ptr::eq(innermost, error) {
        return if error.is_timeout() {
            "it took too long".to_owned()
        } else {
            "the request failed".to_owned()
        };
    }
    innermost.to_string()
}

/// Resolves names to those of their addresses that may be connected to.
struct Guarded(Reach);

#[derive(Debug, thiserror::Error)]
#[error("none of its addresses may be connected to")]
struct Refused;

fn is_refusal(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let all: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                all.into_iter().filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
