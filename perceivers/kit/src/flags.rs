//! The flags that every perceiver has, and how they become settings.

use api_chassis::config::{Layers, environment};
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
        let variables = environment().filter(|(name, _)| *name != file);
        Layers::of(platform)
            .file(self.file(platform))
            .environment(variables)
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
    use crate::fake::with_file;
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
        let text = "[core]\ncore = 'http://file'\ntoken_file = '/file'\n";
        let (settings, file) = with_file(text, &["--core", "http://flag"], |flags: &Flags| {
            let settings: Settings = flags.shared.layers("kit").load().unwrap();
            (settings, flags.shared.file("kit"))
        });
        assert_eq!(settings.core.core, "http://flag");
        assert_eq!(settings.core.token_file.as_deref(), Some("/file".as_ref()));
        assert!(file.is_some());
    }
}
