//! Advisories for the command line: opening an index, building one, saying how old it is.

use anyhow::{Context, Result, bail};
use api_vocab::Timestamp;
use core_advisories::{Imported, Index, IndexBuilder};
use std::path::Path;

/// The index at `path`: an index file as it is, anything else read as OSV files.
///
/// # Errors
/// When nothing can be read there.
pub fn open(path: &Path) -> Result<Index> {
    let is_index = path.extension().is_some_and(|ending| ending == "index");
    if is_index { Ok(Index::open(path)?) } else { Ok(import(path)?.0.build(Timestamp::now())?) }
}

/// Read OSV files: a record, a zip, a folder of either, or one folder per ecosystem.
///
/// # Errors
/// When nothing can be read there: no advisories at all would look like no findings.
pub fn import(path: &Path) -> Result<(IndexBuilder, Imported)> {
    let mut builder = IndexBuilder::new(&path.display().to_string());
    let imported = builder.import_path(path)?;
    if imported.records == 0 {
        let why = imported.problems.first().map(|problem| format!(": {}: {}", problem.name, problem.reason));
        bail!("{} holds no advisory in OSV format{}", path.display(), why.unwrap_or_default());
    }
    Ok((builder, imported))
}

/// The index that `sync` or `import` left in the data folder, else the compiled-in one.
///
/// # Errors
/// When the compiled-in one cannot be read, which is a bug.
pub fn open_kept(data: &Path) -> Result<Index> {
    core_server::advisories::open_index(Some(data)).context("open advisories")
}

/// An index in one line: revision, origin, size, age.
pub fn describe(index: &Index, now: Timestamp) -> String {
    let age = match index.newest() {
        Some(newest) => format!("newest {}", days(now, newest)),
        None => "age unknown".to_owned(),
    };
    format!("{} advisories from {}, revision {}, {age}", index.advisories(), index.origin(), short(index))
}

fn short(index: &Index) -> String {
    index.revision().as_str().chars().take(12).collect()
}

/// How long ago, in whole days.
pub fn days(now: Timestamp, then: Timestamp) -> String {
    match now.since(then).as_secs() / 86_400 {
        0 => "today".to_owned(),
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_said_in_whole_days() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let ago = |text: &str| days(now, text.parse().unwrap());
        assert_eq!(ago("2026-11-21T00:00:00Z"), "today");
        assert_eq!(ago("2026-11-20T00:00:00Z"), "1 day old");
        assert_eq!(ago("2026-10-22T12:00:00Z"), "30 days old");
    }
}
