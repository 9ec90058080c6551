//! The flags that every perceiver has, and how they become settings.

use api_chassis::config::Layers;
use clap::Args;
use std::path::PathBuf;

/// The flags that every perceiver has.
#[derive(Debug, Clone, Args)]
pub struct SharedFlags {
    /// Settings file (.toml, .yaml, .json); the variable PERCEPTOR_<PLATFORM>_CONFIG names one too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The core's address
    #[arg(long, value_name = "URL")]
    core: Option<String>,
    /// File that holds the token for the core
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// Show the settings, secrets hidden, and end
    #[arg(long)]
    pub print_config: bool,
}

impl SharedFlags {
    /// The settings file of the perceiver of `platform`, as `docker`.
    pub fn file(&self, platform: &str) -> Option<PathBuf> {
        let named = || std::env::var_os(variable(platform)).filter(|name| !name.is_empty());
        self.config.clone().or_else(|| named().map(PathBuf::from))
    }

    /// Defaults < file < environment < these flags, for the perceiver of `platform`.
    pub fn layers(&self, platform: &str) -> Layers {
        let file = variable(platform);
        let environment = std::env::vars().filter(|(name, _)| *name != file);
        Layers::of(platform)
            .file(self.file(platform))
            .environment(environment)
            .flag("core.core", self.core.as_ref())
            .flag("core.token_file", self.token_file.as_ref())
    }
}

fn variable(platform: &str) -> String {
    format!("PERCEPTOR_{}_CONFIG", platform.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_client::ClientSettings;
    use clap::Parser;
    use serde::{Deserialize, Serialize};

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        shared: SharedFlags,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        core: ClientSettings,
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), "[core]\ncore = 'http://file'\ntoken_file = '/file'\n").unwrap();
        let path = file.path().to_str().unwrap();
        let flags = Flags::parse_from(["x", "--config", path, "--core", "http://flag"]).shared;
        let settings: Settings = flags.layers("kit").load().unwrap();
        assert_eq!(settings.core.core, "http://flag");
        assert_eq!(settings.core.token_file.as_deref(), Some("/file".as_ref()));
        assert_eq!(flags.file("kit"), Some(path.into()));
    }
}
