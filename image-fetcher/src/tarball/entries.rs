//! The names in an archive, and the links among them. Names are only ever compared.

use crate::error::ReadError;
use crate::image::find::clean_name;
use std::collections::HashMap;

/// An image has three entries a layer at most; archives of many images are still far below.
const MAX_ENTRIES: usize = 20_000;
const MAX_NAME: usize = 512;
/// Docker's links point to files, never to further links.
const MAX_LINKS: usize = 4;

/// What lies in an archive.
#[derive(Debug, Default)]
pub struct Entries {
    by_name: HashMap<String, Entry>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Where its content begins; 0 where nobody can seek.
        offset: u64,
        /// The size of its content.
        size: u64,
    },
    /// A link to another entry.
    Link(String),
}

impl Entries {
    /// Take up an entry; the name without `./`, or `None` if it is of no interest.
    ///
    /// # Errors
    /// There are too many, or two of the same name: which of them is meant would be a guess.
    pub fn add<R: std::io::Read>(&mut self, entry: &tar::Entry<'_, R>) -> Result<Option<String>, ReadError> {
        let path = entry.path_bytes();
        let Some(name) = std::str::from_utf8(&path).ok().filter(|name| name.len() <= MAX_NAME) else {
            return Ok(None);
        };
        let name = clean_name(name);
        let kind = entry.header().entry_type();
        let found = if kind.is_file() {
            Entry::File { offset: entry.raw_file_position(), size: entry.size() }
        } else if kind.is_symlink() || kind.is_hard_link() {
            match target(entry, &name, kind.is_hard_link()) {
                Some(target) => Entry::Link(target),
                None => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        if self.by_name.len() >= MAX_ENTRIES {
            return Err(ReadError::TooLarge { what: "the archive".to_owned(), limit: "20,000 entries" });
        }
        if self.by_name.insert(name.clone(), found).is_some() {
            let document = "the archive".to_owned();
            return Err(ReadError::Ambiguous { document, reason: format!("two entries named {name:?}") });
        }
        Ok(Some(name))
    }

    /// The file behind a name, links followed: its own name, offset and size.
    pub fn find_file(&self, name: &str) -> Option<(&str, u64, u64)> {
        let mut name = name;
        for _ in 0..=MAX_LINKS {
            let (key, entry) = self.by_name.get_key_value(name)?;
            match entry {
                Entry::File { offset, size } => return Some((key, *offset, *size)),
                Entry::Link(target) => name = target,
            }
        }
        None
    }
}

/// The entry that a link names: from the archive's root for hard links, else from its folder.
fn target<R: std::io::Read>(entry: &tar::Entry<'_, R>, name: &str, from_root: bool) -> Option<String> {
    let link = entry.link_name_bytes()?;
    let link = std::str::from_utf8(&link).ok().filter(|link| link.len() <= MAX_NAME)?;
    let mut parts: Vec<&str> = if from_root { Vec::new() } else { name.split('/').collect() };
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
