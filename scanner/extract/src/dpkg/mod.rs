//! Debian's package database: `var/lib/dpkg/status`, `status.d` of distroless images, and the lists of
//! files beside them.

mod files;
mod stanza;
#[cfg(test)]
mod tests;

use crate::collect::Collected;
use crate::extractor::{Extracted, ExtractedPackage, Extractor, OpenFile, Scope};
use crate::lines::Lines;
use api_vocab::{Ecosystem, Family, Package, PackageError, ProblemCode};
use stanza::{Presence, Stanza};

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d/";

/// Long enough for every field that is read; others may be longer.
const LONGEST_LINE: usize = 8 * 1024;

/// Reads the packages that dpkg has installed.
pub struct Dpkg;

impl Extractor for Dpkg {
    fn name(&self) -> &'static str {
        "dpkg"
    }

    fn version(&self) -> u32 {
        2
    }

    fn scope(&self) -> Scope {
        Scope::Distribution
    }

    fn wants(&self, path: &str) -> bool {
        path == STATUS || files::owner(path).is_some() || is_stanza(path)
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        if let Some(owner) = files::owner(file.path) {
            return files::extract(owner, file);
        }
        let mut collected = Collected::new(file.path);
        let mut lines = Lines::new(file.content, LONGEST_LINE);
        let mut stanza = Stanza::default();
        let mut ended = true;
        loop {
            match lines.next_line() {
                Ok(Some(line)) if line.text.trim_ascii_end().is_empty() => {
                    keep(std::mem::take(&mut stanza), &mut collected);
                }
                Ok(Some(line)) => {
                    ended = line.ended;
                    stanza.read(line);
                }
                Ok(None) => break,
                Err(error) => {
                    // What was read of this stanza may lack fields, so it is not kept.
                    collected.failed(crate::budget::problem_of(file.path, &error));
                    return collected.finish();
                }
            }
            if collected.is_full() {
                return collected.finish();
            }
        }
        keep(stanza, &mut collected);
        if !ended && file.path == STATUS {
            collected.problem(ProblemCode::Truncated, "the last line does not end");
        }
        collected.finish()
    }
}

/// Whether `path` is that of one package's stanza in a distroless image.
fn is_stanza(path: &str) -> bool {
    let name = path.strip_prefix(STATUS_FOLDER);
    name.is_some_and(|name| !name.is_empty() && !name.contains('/') && !name.ends_with(".md5sums"))
}

fn keep(stanza: Stanza, collected: &mut Collected<'_>) {
    if stanza.is_empty() {
        return;
    }
    if let Some(fault) = stanza.fault() {
        collected.problem(ProblemCode::Malformed, format_args!("stanza of {}: {fault}", stanza.title()));
    }
    if stanza.presence() == Presence::Installed {
        match (stanza.package(), stanza.version()) {
            (Some(name), Some(version)) => collected.package(package(&stanza, name, version)),
            (None, _) => collected.problem(ProblemCode::Malformed, "stanza without Package"),
            (_, None) => {
                let detail = format_args!("stanza of {}: no Version", stanza.title());
                collected.problem(ProblemCode::Malformed, detail);
            }
        }
    }
}

fn package(stanza: &Stanza, name: &str, version: &str) -> Result<ExtractedPackage, PackageError> {
    let mut package = Package::new(Ecosystem::of(Family::Debian), name, version)?;
    if let Some(architecture) = stanza.architecture() {
        package = package.with_architecture(architecture)?;
    }
    let (source, source_version) = stanza.source();
    let source = source.unwrap_or(name);
    let source_version = source_version.unwrap_or_else(|| without_rebuild(version));
    if (source, source_version) != (name, version) {
        package = package.with_source(source, source_version)?;
    }
    Ok(package.into())
}

/// A binary-only rebuild appends `+b1`, `+b2`, … to the version of the same source.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, rebuild))
            if !source.is_empty() && !rebuild.is_empty() && rebuild.bytes().all(|b| b.is_ascii_digit()) =>
        {
            source
        }
        _ => version,
    }
}
