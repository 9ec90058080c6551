//! Settings: defaults < file < environment < flags, each key known and each error naming its place.
//!
//! Keys are lower-case with underscores. The environment's name for `http.listen` of the core is
//! `PERCEPTOR_CORE_HTTP__LISTEN`; lists are separated by commas.

mod defaults;
mod keys;

use ::config::builder::DefaultState;
use ::config::{ConfigBuilder, File, FileFormat, Value, ValueKind};
use keys::{Keys, is_service_link, nearest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const MAX_FILE: u64 = 1 << 20;

/// Settings that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("read settings from {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what its name says.
    #[error("settings in {path}: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no such key.
    #[error("unknown setting {key} (from {place}){hint}")]
    UnknownKey {
        /// The key, as `http.listen`.
        key: String,
        /// Where it was found.
        place: String,
        /// `; did you mean …?`, or nothing.
        hint: String,
    },
    /// A value does not fit its key.
    #[error("settings: {reason}")]
    Value {
        /// Which key, from where, and what is wrong.
        reason: String,
    },
}

/// The process's variables. Those that are not UTF-8 are made so: they are for others, and no
/// reason to end as [`std::env::vars`] does.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// The layers that settings of a service come from.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    prefix: String,
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

impl Layers {
    /// Only the defaults of `service`, as `core`.
    pub fn of(service: &str) -> Self {
        let prefix = format!("PERCEPTOR_{}_", service.to_ascii_uppercase().replace('-', "_"));
        Layers { prefix, ..Layers::default() }
    }

    /// Over the defaults: a TOML, YAML or JSON file.
    pub fn file(mut self, path: Option<PathBuf>) -> Self {
        self.file = path;
        self
    }

    /// Over the file: the variables that begin with the service's prefix.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables.into_iter().filter(|(name, _)| name.starts_with(&self.prefix));
        self.environment.extend(ours);
        self
    }

    /// Over all: the value of a flag, if it was given.
    pub fn flag(mut self, key: &str, value: Option<impl ToString>) -> Self {
        self.flags.extend(value.map(|value| (key.to_owned(), value.to_string())));
        self
    }

    /// Put the layers together.
    pub fn load<T: Default + Serialize + DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let settings = T::default();
        let keys = Keys::of(&settings);
        let unusable = |e: ::config::ConfigError| ConfigError::Value { reason: e.to_string() };
        let mut builder = defaults::add(::config::Config::builder(), &settings).map_err(unusable)?;
        if let Some(path) = &self.file {
            builder = add_file(builder, path, &keys)?;
        }
        for (name, text) in &self.environment {
            let key =
                name.get(self.prefix.len()..).unwrap_or_default().to_ascii_lowercase().replace("__", ".");
            if !keys.knows(&key) && is_service_link(&key) {
                continue;
            }
            builder = add(builder, &keys, &key, text, name)?;
        }
        for (key, text) in &self.flags {
            builder = add(builder, &keys, key, text, &format!("flag --{}", key.replace(['.', '_'], "-")))?;
        }
        builder.build().and_then(::config::Config::try_deserialize).map_err(unusable)
    }
}

type Builder = ConfigBuilder<DefaultState>;

fn add_file(builder: Builder, path: &Path, keys: &Keys) -> Result<Builder, ConfigError> {
    let malformed = |reason: String| ConfigError::Malformed { path: path.to_owned(), reason };
    let format = match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("yaml" | "yml") => FileFormat::Yaml,
        Some("json") => FileFormat::Json,
        _ => return Err(malformed("its name must end in .toml, .yaml or .json".to_owned())),
    };
    let text = read(path)?;
    let layer = ::config::Config::builder()
        .add_source(File::from_str(&text, format))
        .build()
        .map_err(|e| malformed(e.to_string()))?;
    let place = path.display().to_string();
    for key in leaves(&layer.cache) {
        known(keys, &key, &place)?;
    }
    Ok(builder.add_source(layer))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(failed(std::io::Error::other("larger than 1 MiB")));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, path: String, found: &mut Vec<String>) {
    match &value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(value, path, found);
            }
        }
        _ if path.is_empty() => {}
        _ => found.push(path),
    }
}

fn add(builder: Builder, keys: &Keys, key: &str, text: &str, place: &str) -> Result<Builder, ConfigError> {
    known(keys, key, place)?;
    let value = if keys.is_list(key) {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        ValueKind::Array(words.map(Value::from).collect())
    } else {
        ValueKind::String(text.to_owned())
    };
    let value = Value::new(Some(&place.to_owned()), value);
    builder.set_override(key, value).map_err(|e| ConfigError::Value { reason: format!("{place}: {e}") })
}

fn known(keys: &Keys, key: &str, place: &str) -> Result<(), ConfigError> {
    if keys.knows(key) {
        return Ok(());
    }
    let hint = nearest(key, keys.all()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(ConfigError::UnknownKey { key: key.to_owned(), place: place.to_owned(), hint })
}

/// The settings as a JSON file would give them, for `--print-config`.
///
/// Fields of type `Secret` are written by [`hidden`].
pub fn render<T: Serialize>(settings: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(settings)
}

/// `#[serde(serialize_with = "api_chassis::config::hidden")]` for secrets: `***`.
pub fn hidden<T, S: serde::Serializer>(_secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

#[cfg(test)]
mod tests;
