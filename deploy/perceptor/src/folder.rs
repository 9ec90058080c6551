//! The folder that a person's data is kept in.

use std::path::PathBuf;

/// The folder that was named, else `perceptor` below the user's data folder (XDG Base Directory
/// specification), else one below the current folder.
pub fn data_folder(named: Option<PathBuf>) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("perceptor")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/perceptor")))
        .unwrap_or_else(|| PathBuf::from("perceptor-data"))
}
