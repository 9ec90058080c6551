//! Alpine's package database: `lib/apk/db/installed`, under `usr` on newer systems.

#[cfg(test)]
mod tests;

use crate::collect::Collected;
use crate::extractor::{Extracted, ExtractedPackage, Extractor, OpenFile, Scope};
use crate::lines::{Line, Lines};
use crate::owned::{self, Paths};
use api_vocab::{Ecosystem, Family, Package, PackageError, ProblemCode};

/// Long enough for every field that is read; others may be longer.
const LONGEST_LINE: usize = 8 * 1024;
const LONGEST_LICENSE: usize = 1024;

/// Reads the packages that apk has installed.
pub struct Apk;

/// The fields of one record, as far as they were read.
#[derive(Default)]
struct Record {
    lines: usize,
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    origin: Option<String>,
    license: Option<String>,
    /// The folder whose files follow, with a slash at its end.
    folder: String,
    owned: Paths,
    fault: Option<&'static str>,
}

impl Extractor for Apk {
    fn name(&self) -> &'static str {
        "apk"
    }

    fn version(&self) -> u32 {
        2
    }

    fn scope(&self) -> Scope {
        Scope::Distribution
    }

    fn wants(&self, path: &str) -> bool {
        matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed")
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let mut collected = Collected::new(file.path);
        let mut lines = Lines::new(file.content, LONGEST_LINE);
        let mut record = Record::default();
        let mut ended = true;
        loop {
            match lines.next_line() {
                Ok(Some(line)) if line.text.is_empty() => {
                    keep(std::mem::take(&mut record), &mut collected);
                }
                Ok(Some(line)) => {
                    ended = line.ended;
                    record.read(line);
                }
                Ok(None) => break,
                Err(error) => {
                    // What was read of this record may lack fields, so it is not kept.
                    collected.failed(crate::budget::problem_of(file.path, &error));
                    return collected.finish();
                }
            }
            if collected.is_full() {
                return collected.finish();
            }
        }
        keep(record, &mut collected);
        if !ended {
            collected.problem(ProblemCode::Truncated, "the last line does not end");
        }
        collected.finish()
    }
}

impl Record {
    fn read(&mut self, line: Line<'_>) {
        self.lines = self.lines.saturating_add(1);
        let [letter, b':', value @ ..] = line.text else {
            self.fault = Some("a line that is no field");
            return;
        };
        let Some(field) = self.field(*letter) else {
            if !line.cut
                && let Ok(value) = std::str::from_utf8(value)
            {
                self.read_file(*letter, value);
            }
            return;
        };
        if field.is_some() {
            self.fault = Some("a field twice");
        } else if line.cut {
            self.fault = Some("a field too long");
        } else {
            match std::str::from_utf8(value.trim_ascii()) {
                Ok(value) => *field = (!value.is_empty()).then(|| value.to_owned()),
                Err(_) => self.fault = Some("a field that is not UTF-8"),
            }
        }
    }

    /// `F:` names a folder, `R:` a file in it.
    fn read_file(&mut self, letter: u8, value: &str) {
        match letter {
            b'F' => self.folder = format!("{value}/"),
            b'R' if owned::is_named_like_one(value) => self.owned.add(&self.folder, value),
            _ => {}
        }
    }

    fn field(&mut self, letter: u8) -> Option<&mut Option<String>> {
        match letter {
            b'P' => Some(&mut self.name),
            b'V' => Some(&mut self.version),
            b'A' => Some(&mut self.architecture),
            b'o' => Some(&mut self.origin),
            b'L' => Some(&mut self.license),
            _ => None,
        }
    }

    fn package(&self, name: &str, version: &str) -> Result<ExtractedPackage, PackageError> {
        let mut package = Package::new(Ecosystem::of(Family::Alpine), name, version)?;
        if let Some(architecture) = &self.architecture {
            package = package.with_architecture(architecture)?;
        }
        if let Some(origin) = self.origin.as_deref().filter(|origin| *origin != name) {
            package = package.with_source(origin, version)?;
        }
        let stated = |license: &&str| license.len() <= LONGEST_LICENSE && !license.contains(char::is_control);
        let licenses = self.license.as_deref().filter(stated).map(Box::from).into_iter().collect();
        Ok(ExtractedPackage { licenses, ..package.into() })
    }
}

fn keep(mut record: Record, collected: &mut Collected<'_>) {
    if record.lines == 0 {
        return;
    }
    let title = record.name.as_deref().unwrap_or("an unnamed package");
    if let Some(fault) = record.fault {
        collected.problem(ProblemCode::Malformed, format_args!("record of {title}: {fault}"));
    }
    if let Some(name) = &record.name {
        collected.owned(name, std::mem::take(&mut record.owned));
    }
    match (&record.name, &record.version) {
        (Some(name), Some(version)) => collected.package(record.package(name, version)),
        _ => collected.problem(ProblemCode::Malformed, format_args!("record of {title}: no name or version")),
    }
}
