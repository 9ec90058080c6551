//! Where the core is, and how to get in.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where the core is, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// The core's address, as `http://127.0.0.1:3001` or `https://core.example`.
    pub core: String,
    /// File whose first line is the token; read again when the core refuses the token.
    pub token_file: Option<PathBuf>,
    /// PEM file of the authorities that may vouch for the core, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout_seconds: u64,
    /// How long the core may be silent within an answer.
    pub read_timeout_seconds: u64,
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings {
            core: "http://127.0.0.1:3001".to_owned(),
            token_file: None,
            ca_file: None,
            connect_timeout_seconds: 5,
            read_timeout_seconds: 60,
        }
    }
}
