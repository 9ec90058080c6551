//! TLS for servers: certificate and key from files, read again when they change.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a server's certificate lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM file: the certificate, then those that lead to the authority.
    pub certificate: PathBuf,
    /// PEM file: the certificate's private key.
    pub key: PathBuf,
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("read {what} from {path}: {reason}", path = path.display())]
    Pem {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Key and certificate do not belong together, or the key is of no known kind.
    #[error("use certificate {path}: {source}", path = path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

/// Choose the process's cryptography. Call it first in every `main`; twice does no harm.
pub fn install_crypto() {
    // An error says that a provider is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A server's certificate, exchangeable while it serves; clones are the same certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    settings: TlsSettings,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Read the certificate and its key.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let key = read(settings)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(key)));
        Ok(Certificate { settings: settings.clone(), current })
    }

    /// Read them again; the former ones stay in force if that fails.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.0.store(Arc::new(read(&self.settings)?));
        Ok(())
    }

    /// The files it comes from, for [`crate::reload::watch`].
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.settings.certificate.clone(), self.settings.key.clone()]
    }

    /// What a server needs to serve with it.
    pub fn server_config(&self) -> ServerConfig {
        install_crypto();
        ServerConfig::builder().with_no_client_auth().with_cert_resolver(self.current.clone())
    }
}

fn read(settings: &TlsSettings) -> Result<CertifiedKey, TlsError> {
    let path = &settings.certificate;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| pem("a certificate", path, &e))?;
    if chain.is_empty() {
        return Err(pem("a certificate", path, &"there is none in it"));
    }
    let key =
        PrivateKeyDer::from_pem_file(&settings.key).map_err(|e| pem("a private key", &settings.key, &e))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider)
        .map_err(|source| TlsError::Unusable { path: path.clone(), source })
}

fn pem(what: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem { what, path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
