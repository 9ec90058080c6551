//! The scanner's settings.

use crate::PressureSettings;
use api_chassis::http::HttpSettings;
use api_chassis::logs::LogSettings;
use api_client::ClientSettings;
use api_vocab::SourceId;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The scanner's settings. In the environment: `PERCEPTOR_SCANNER_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScannerSettings {
    /// Its name, unique among the core's scanners; empty: the host's name and the process's id.
    pub name: String,
    /// The core.
    pub core: ClientSettings,
    /// The image-fetcher's unix socket.
    pub fetcher: PathBuf,
    /// The node whose store the fetcher reads; empty: not said.
    pub node: String,
    /// The sources whose images the fetcher reaches; empty: any image's.
    pub sources: Vec<SourceId>,
    /// Images scanned at once, 1 to 64.
    pub max_leases: u32,
    /// Memory for extraction, in MiB: about 96 for each layer that is read at once.
    pub memory_mib: u32,
    /// When pressure on the node holds further work back.
    pub pressure: PressureSettings,
    /// How long scans may go on after shutdown has begun.
    pub drain_seconds: u64,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// Logs.
    pub log: LogSettings,
}

impl Default for ScannerSettings {
    fn default() -> Self {
        ScannerSettings {
            name: String::new(),
            core: ClientSettings::default(),
            fetcher: PathBuf::from("/run/perceptor/image-fetcher.sock"),
            node: String::new(),
            sources: Vec::new(),
            max_leases: 2,
            memory_mib: 192,
            pressure: PressureSettings::default(),
            drain_seconds: 30,
            http: HttpSettings {
                listen: SocketAddr::from(([127, 0, 0, 1], 3002)),
                ..HttpSettings::default()
            },
            log: LogSettings::default(),
        }
    }
}
