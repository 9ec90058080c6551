//! What the perceiver's process reads at its start.

use api_chassis::http::HttpSettings;
use api_chassis::logs::LogSettings;
use api_client::ClientSettings;
use clap::Parser;
use perceiver_kit::process::ProcessSettings;
use perceiver_kit::{SendSettings, SharedFlags};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Everything that can be set; in the environment as `PERCEPTOR_DOCKER_ENGINE__ADDRESS` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The engine that is watched.
    pub engine: EngineSettings,
    /// The core that is told.
    pub core: ClientSettings,
    /// How it is told.
    pub send: SendSettings,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// What is logged.
    pub log: LogSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            engine: EngineSettings::default(),
            core: ClientSettings::default(),
            send: SendSettings::default(),
            http: HttpSettings {
                listen: SocketAddr::from(([127, 0, 0, 1], 3003)),
                workers: 1,
                ..HttpSettings::default()
            },
            log: LogSettings::default(),
        }
    }
}

/// The engine that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// Its address, as `unix:///var/run/docker.sock` or `tcp://10.0.0.7:2375`.
    pub address: String,
    /// Its name among sources; the engine's own if absent.
    pub name: Option<String>,
    /// Labels of containers that are sent along.
    pub labels: Vec<String>,
    /// How often all containers are listed, whatever events said.
    pub resync_seconds: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        EngineSettings {
            address: "unix:///var/run/docker.sock".to_owned(),
            name: None,
            labels: Vec::new(),
            resync_seconds: 60,
        }
    }
}

/// Watches one Docker or Podman engine and tells a Perceptor core which containers run.
#[derive(Debug, Parser)]
#[command(name = "perceptor-perceiver-docker", version)]
#[command(after_help = "Examples:\n  perceptor-perceiver-docker --core http://127.0.0.1:3001\n  \
    perceptor-perceiver-docker --engine unix:///run/podman/podman.sock --token-file /etc/perceptor/token")]
pub struct Flags {
    /// The engine's address, as unix:///var/run/docker.sock
    #[arg(long, value_name = "ADDRESS")]
    engine: Option<String>,
    /// The engine's name among sources
    #[arg(long)]
    name: Option<String>,
    /// What every perceiver has.
    #[command(flatten)]
    pub shared: SharedFlags,
}

impl Flags {
    /// Defaults < file < environment < flags.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let layers = self.shared.layers("docker");
        let layers =
            layers.flag("engine.address", self.engine.as_ref()).flag("engine.name", self.name.as_ref());
        Ok(layers.load()?)
    }
}

impl ProcessSettings for Settings {
    fn log(&self) -> &LogSettings {
        &self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perceiver_kit::fake::with_file;

    #[test]
    fn flags_win_over_the_file() {
        let settings = with_file(
            "[engine]\nname = 'file'\nlabels = ['team']\n",
            &["--name", "flag", "--core", "http://c"],
            |flags: &Flags| flags.settings().unwrap(),
        );
        assert_eq!(settings.engine.name.as_deref(), Some("flag"));
        assert_eq!(settings.engine.labels, ["team"]);
        assert_eq!(settings.core.core, "http://c");
    }
}
