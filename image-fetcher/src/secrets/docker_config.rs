//! Docker's `config.json` and its elder, `.dockercfg`, as parsed.

use super::Credential;
use super::keyring::{Keyring, Pattern};
use api_vocab::Secret;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Entries that are read of one document.
const MAX_ENTRIES: usize = 256;

/// Written with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A document of credentials that cannot be used. It says where, never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON of this form.
    #[error("not in the form of Docker's config.json (line {line}, column {column})")]
    Malformed {
        /// Where.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// Too much.
    #[error("more than {MAX_ENTRIES} registries")]
    TooLarge,
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    auths: BTreeMap<String, RawEntry>,
}

#[derive(Default, Deserialize)]
struct RawEntry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    auth: Option<Secret>,
    #[serde(default, rename = "identitytoken")]
    identity_token: Option<Secret>,
    #[serde(default, rename = "registrytoken")]
    registry_token: Option<Secret>,
}

/// Parse a `config.json`. Helpers that it names are passed over.
///
/// # Errors
/// It is not of that form, or too large.
pub fn parse_config(bytes: &[u8]) -> Result<Keyring, ConfigError> {
    let raw: RawConfig = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    keyring_of(raw.auths)
}

/// Parse a `.dockercfg`, which is only the table of registries.
///
/// # Errors
/// It is not of that form, or too large.
pub fn parse_legacy(bytes: &[u8]) -> Result<Keyring, ConfigError> {
    keyring_of(serde_json::from_slice(bytes).map_err(|error| malformed(&error))?)
}

/// The message of the parser might quote a password.
fn malformed(error: &serde_json::Error) -> ConfigError {
    ConfigError::Malformed { line: error.line(), column: error.column() }
}

fn keyring_of(entries: BTreeMap<String, RawEntry>) -> Result<Keyring, ConfigError> {
    if entries.len() > MAX_ENTRIES {
        return Err(ConfigError::TooLarge);
    }
    let usable = entries.into_iter().filter_map(|(key, entry)| {
        let pattern = key.parse::<Pattern>().ok()?;
        Some((pattern, credential_of(entry)?))
    });
    Ok(usable.collect())
}

/// `auth` counts before the fields that it repeats; its first colon ends the name.
fn credential_of(entry: RawEntry) -> Option<Credential> {
    let is_there = |secret: &Secret| !secret.reveal().is_empty();
    if let Some(token) = entry.registry_token.filter(is_there) {
        return Some(Credential::Token(token));
    }
    if let Some(token) = entry.identity_token.filter(is_there) {
        return Some(Credential::Identity(token));
    }
    if let Some(auth) = entry.auth.filter(is_there) {
        let bytes = BASE64.decode(auth.reveal().trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (username, password) = text.split_once(':')?;
        // Docker pads what it encodes with zero bytes.
        let password = Secret::new(password.trim_end_matches('\0'));
        return Some(Credential::Password { username: username.to_owned(), password });
    }
    let password = entry.password.filter(is_there)?;
    (!entry.username.is_empty()).then_some(Credential::Password { username: entry.username, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keyring: &Keyring, image: &str) -> Vec<String> {
        let shown = |credential: Credential| match credential {
            Credential::Password { username, password } => format!("{username}:{}", password.reveal()),
            Credential::Identity(token) => format!("identity {}", token.reveal()),
            Credential::Token(token) => format!("token {}", token.reveal()),
        };
        keyring.find(&image.parse().unwrap()).into_iter().map(shown).collect()
    }

    #[test]
    fn config_with_each_kind_of_entry_is_read() {
        // echo -n 'user:pass:word' | base64
        let config = br#"{"auths": {
            "a.example": {"auth": "dXNlcjpwYXNzOndvcmQ="},
            "unpadded.example": {"auth": "dXNlcjpwYXNzOndvcmQ"},
            "https://b.example/v2/": {"username": "u", "password": "p:q"},
            "both.example": {"username": "u", "password": "old", "auth": "dXNlcjpwYXNzOndvcmQ="},
            "azure.example": {"auth": "MDAwMDo=", "identitytoken": "refresh"},
            "t.example": {"registrytoken": "bearer"},
            "empty.example": {}, "name.example": {"username": "u"}, "bad.example": {"auth": "!!"}
        }, "credsStore": "desktop", "credHelpers": {"a.example": "evil"}, "HttpHeaders": {"X": "y"}}"#;
        let keyring = parse_config(config).unwrap();
        for (image, expected) in [
            ("a.example/x", vec!["user:pass:word"]),
            ("unpadded.example/x", vec!["user:pass:word"]),
            ("b.example/x", vec!["u:p:q"]),
            ("both.example/x", vec!["user:pass:word"]),
            ("azure.example/x", vec!["identity refresh"]),
            ("t.example/x", vec!["token bearer"]),
            ("empty.example/x", vec![]),
            ("name.example/x", vec![]),
            ("bad.example/x", vec![]),
            ("other.example/x", vec![]),
        ] {
            assert_eq!(found(&keyring, image), expected, "{image}");
        }
    }

    #[test]
    fn legacy_config_is_read() {
        let legacy = br#"{"https://index.docker.io/v1/": {"auth": "dTpw", "email": "a@b"}}"#;
        assert_eq!(found(&parse_legacy(legacy).unwrap(), "nginx"), ["u:p"]);
        assert_eq!(found(&parse_legacy(legacy).unwrap(), "quay.io/nginx"), [""; 0]);
    }

    #[test]
    fn config_malformed_is_refused_without_showing_it() {
        for text in [&b"{"[..], br#"{"auths": {"a": {"password": 5}}}"#, br#"{"auths": "hunter2"}"#] {
            let error = parse_config(text).err().unwrap();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let many: BTreeMap<String, BTreeMap<String, String>> =
            (0..=MAX_ENTRIES).map(|n| (format!("r{n}.example"), BTreeMap::new())).collect();
        let text = serde_json::to_vec(&serde_json::json!({ "auths": many })).unwrap();
        assert_eq!(parse_config(&text).err(), Some(ConfigError::TooLarge));
    }
}
