//! The rule that keeps a server without tokens on loopback.

use std::net::SocketAddr;

/// A server would let strangers in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "will not listen on {address} without tokens: anyone who reaches it could do anything; configure a token file, or listen on 127.0.0.1"
)]
pub struct ExposureError {
    /// Where it was told to listen.
    pub address: SocketAddr,
}

/// Whether a server may listen on `address`: with tokens anywhere, without them on loopback only.
pub fn check_exposure(address: SocketAddr, has_tokens: bool) -> Result<(), ExposureError> {
    if has_tokens || address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(ExposureError { address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_without_tokens_listens_on_loopback_only() {
        for (address, has_tokens, allowed) in [
            ("127.0.0.1:3001", false, true),
            ("127.8.8.8:1", false, true),
            ("[::1]:3001", false, true),
            ("[::ffff:127.0.0.1]:3001", false, true),
            ("0.0.0.0:3001", false, false),
            ("[::]:3001", false, false),
            ("10.0.0.7:3001", false, false),
            ("[::ffff:10.0.0.7]:3001", false, false),
            ("0.0.0.0:3001", true, true),
        ] {
            assert_eq!(check_exposure(address.parse().unwrap(), has_tokens).is_ok(), allowed, "{address}");
        }
    }
}
