//! The client itself: connections, token, and how patient it is.

use crate::{ClientError, ClientSettings};
use api_vocab::Secret;
use backon::ExponentialBuilder;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

const MAX_TOKEN_FILE: u64 = 64 << 10;
const MAX_CA_FILE: u64 = 4 << 20;

/// How patient a client is with calls that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many times a call is repeated.
    pub times: usize,
    /// The first wait, before jitter; each next one is twice as long.
    pub first: Duration,
    /// The longest wait of our own choosing.
    pub longest: Duration,
    /// The longest wait of the core's choosing (Retry-After) that is borne.
    pub longest_told: Duration,
}

impl Retry {
    /// Not at all: for callers with a loop of their own.
    pub const NEVER: Retry =
        Retry { times: 0, first: Duration::ZERO, longest: Duration::ZERO, longest_told: Duration::ZERO };

    pub(crate) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(self.times)
            .with_jitter()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            times: 4,
            first: Duration::from_millis(200),
            longest: Duration::from_secs(5),
            longest_told: Duration::from_secs(60),
        }
    }
}

/// A client of one core; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) origin: Arc<str>,
    pub(crate) retry: Retry,
    token: Arc<Token>,
}

#[derive(Debug)]
struct Token {
    file: Option<std::path::PathBuf>,
    current: RwLock<Option<Secret>>,
}

impl Client {
    /// A client as `settings` say. Does not connect.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let origin = origin(&settings.core)?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("perceptor/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(settings.connect_timeout_seconds))
            .read_timeout(Duration::from_secs(settings.read_timeout_seconds));
        if is_local(&origin) {
            http = http.no_proxy();
        }
        if let Some(file) = &settings.ca_file {
            http = http.tls_certs_only(authorities(file)?);
        } else if origin.scheme() == "http" {
            // A machine without any authorities can talk to its own core all the same.
            http = http.tls_certs_only([]);
        }
        let current = settings.token_file.as_deref().map(token).transpose()?;
        Ok(Client {
            http: http.build().map_err(|e| ClientError::Settings { reason: e.to_string() })?,
            origin: origin.as_str().trim_end_matches('/').into(),
            retry: Retry::default(),
            token: Arc::new(Token { file: settings.token_file.clone(), current: RwLock::new(current) }),
        })
    }

    /// The same client with other patience.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The core's address.
    pub fn core(&self) -> &str {
        &self.origin
    }

    pub(crate) fn token(&self) -> Option<Secret> {
        self.token.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Read the token file again; whether there is another token in it now.
    pub(crate) fn renew_token(&self) -> bool {
        let Some(Ok(fresh)) = self.token.file.as_deref().map(token) else { return false };
        let mut current = self.token.current.write().unwrap_or_else(PoisonError::into_inner);
        let differs = current.as_ref() != Some(&fresh);
        *current = Some(fresh);
        differs
    }
}

fn origin(text: &str) -> Result<reqwest::Url, ClientError> {
    let refused = |why: &str| ClientError::Settings {
        reason: format!("{text:?} is not the address of a core: {why}; expected as http://127.0.0.1:3001"),
    };
    let url: reqwest::Url = text.parse().map_err(|_| refused("not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The text holds a credential: it must not be repeated.
        let reason = "the core's address holds a user or password; put the token into a file".to_owned();
        return Err(ClientError::Settings { reason });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or fragment"));
    }
    Ok(url)
}

fn is_local(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn token(path: &Path) -> Result<Secret, ClientError> {
    let failed = |reason: String| ClientError::File { what: "the token", path: path.to_owned(), reason };
    let text = String::from_utf8(read(path, MAX_TOKEN_FILE).map_err(failed)?)
        .map_err(|_| failed("it is not text".to_owned()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(failed("its first line is not a token".to_owned()));
    }
    Ok(Secret::new(token))
}

fn authorities(path: &Path) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let failed = |reason: String| ClientError::File { what: "authorities", path: path.to_owned(), reason };
    let pem = read(path, MAX_CA_FILE).map_err(failed)?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| failed(e.to_string()))?;
    if found.is_empty() { Err(failed("there is no certificate in it".to_owned())) } else { Ok(found) }
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > max {
        return Err(format!("it is larger than {max} bytes"));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(core: &str) -> Result<Client, ClientError> {
        Client::new(&ClientSettings { core: core.to_owned(), ..ClientSettings::default() })
    }

    #[test]
    fn address_with_a_path_keeps_it() {
        assert_eq!(at("https://gate.example/perceptor/").unwrap().core(), "https://gate.example/perceptor");
    }

    #[test]
    fn address_that_is_none_is_refused() {
        for (core, why) in [
            ("core:3001", "neither http nor https"),
            ("127.0.0.1", "not a URL"),
            ("ftp://core", "neither http nor https"),
            ("http://core/?a=b", "query"),
        ] {
            let error = at(core).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("http://127.0.0.1:3001"), "{error}");
        }
        let error = at("http://ann:hunter2@core").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn token_file_without_a_token_is_refused_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings =
            ClientSettings { token_file: Some(file.path().to_owned()), ..ClientSettings::default() };
        for bad in ["", "\nx", "hunter 2", "hünter"] {
            std::fs::write(file.path(), bad).unwrap();
            let error = Client::new(&settings).unwrap_err().to_string();
            assert!(error.contains("not a token") && !error.contains("nter"), "{error}");
        }
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let client = Client::new(&settings).unwrap();
        assert_eq!(client.token().unwrap().reveal(), "hunter2");
        assert!(!format!("{client:?}").contains("hunter2"));
        assert!(!client.renew_token());
        std::fs::write(file.path(), "hunter3\n").unwrap();
        assert!(client.renew_token());
    }
}
