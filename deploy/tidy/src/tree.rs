//! Reads the tree: the repository's root, its source files, what they define.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// Every file below `folder` whose name ends in `ending`, build output left out; sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && name != "target" && name != ".git" && name != "node_modules" {
                folders.push(entry.path());
            } else if kind.is_file() && name.ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Names of the types, traits and modules that a source text defines.
pub fn defined_names(source: &str) -> Vec<String> {
    let keywords = ["struct ", "enum ", "trait ", "type ", "mod ", "union "];
    source
        .lines()
        .map(str::trim_start)
        .map(|line| line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line))
        .filter_map(|line| keywords.iter().find_map(|keyword| line.strip_prefix(keyword)))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// Whether a name holds a word, as `PodManager`, `pod_manager` and `manager` hold `Manager`.
pub fn holds_word(name: &str, word: &str) -> bool {
    let snake = name.split('_').any(|part| part.eq_ignore_ascii_case(word));
    let camel = name.match_indices(word).any(|(at, _)| {
        name.get(at + word.len()..)
            .and_then(|rest| rest.chars().next())
            .is_none_or(|next| !next.is_lowercase())
    });
    snake || camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_within_a_longer_word_is_not_held() {
        assert!(holds_word("PodManager", "Manager"));
        assert!(holds_word("pod_manager", "Manager"));
        assert!(!holds_word("Database", "Base"));
        assert!(!holds_word("DatabaseRow", "Data"));
        assert!(!holds_word("Based", "Base"));
    }
}
