//! rpm's package database, in each of the formats it has had.

mod bdb;
mod files;
mod header;
mod manifest;
mod ndb;
mod order;
mod pages;
mod sqlite;
#[cfg(test)]
mod tests;
mod wal;

use crate::collect::Collected;
use crate::extractor::{Extracted, Extractor, FileInPair, OpenFile, Scope};
use api_vocab::{Problem, ProblemCode};
use header::Header;

/// A database is held in memory; one of 1000 packages has about 40 MiB.
const LARGEST: u64 = 128 << 20;

/// Where it lies: by tradition, on newer systems, and on those that rpm-ostree installs.
const FOLDERS: [&str; 3] = ["var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"];

const SQLITE: &str = "rpmdb.sqlite";
const LOG: &str = "rpmdb.sqlite-wal";

/// Reads the packages that rpm has installed.
pub struct Rpm;

/// Why a database did not give all it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    code: ProblemCode,
    detail: &'static str,
}

/// Takes what a database holds, item by item.
type Sink<'s> = &'s mut dyn FnMut(Result<&[u8], Fault>);

impl Fault {
    const fn malformed(detail: &'static str) -> Self {
        Fault { code: ProblemCode::Malformed, detail }
    }

    const fn truncated(detail: &'static str) -> Self {
        Fault { code: ProblemCode::Truncated, detail }
    }

    const fn too_large(detail: &'static str) -> Self {
        Fault { code: ProblemCode::TooLarge, detail }
    }

    const fn unsupported(detail: &'static str) -> Self {
        Fault { code: ProblemCode::Unsupported, detail }
    }
}

impl Extractor for Rpm {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn version(&self) -> u32 {
        3
    }

    fn scope(&self) -> Scope {
        Scope::Distribution
    }

    fn wants(&self, path: &str) -> bool {
        path == manifest::PATH || database_name(path).is_some()
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        if file.path == manifest::PATH {
            return manifest::extract(file);
        }
        let bytes = match file.read_all(LARGEST) {
            Ok(bytes) => bytes,
            Err(problem) => return Extracted::failed(problem),
        };
        let mut collected = Collected::new(file.path);
        if base_of_log(file.path).is_none() {
            read(&bytes, &mut |item| keep(item, &mut collected));
            return collected.finish();
        }
        match wal::Log::parse(&bytes) {
            Ok(None) => {}
            Ok(Some(_)) => {
                collected.problem(ProblemCode::Unsupported, "the log of a database that is not here")
            }
            Err(fault) => collected.problem(fault.code, fault.detail),
        }
        collected.finish()
    }

    fn role<'p>(&self, path: &'p str) -> Option<FileInPair<'p>> {
        match base_of_log(path) {
            Some(base) => Some(FileInPair::Log { base }),
            None => (database_name(path)? == SQLITE).then_some(FileInPair::Base),
        }
    }

    fn extract_pair(&self, mut base: Vec<u8>, log: &mut OpenFile<'_>) -> Extracted {
        let bytes = match log.read_all(LARGEST) {
            Ok(bytes) => bytes,
            Err(problem) => return Extracted::failed(problem),
        };
        let mut collected = Collected::new(log.path);
        let applied = wal::Log::parse(&bytes).and_then(|changes| match changes {
            None => Ok(false),
            Some(changes) => changes.apply(&mut base).map(|()| true),
        });
        match applied {
            Ok(false) => return collected.finish(),
            Ok(true) => read(&base, &mut |item| keep(item, &mut collected)),
            Err(fault) => collected.problem(fault.code, fault.detail),
        }
        let mut extracted = collected.finish();
        // Nothing at all would leave the database to stand for itself.
        if extracted == Extracted::default() {
            extracted = Extracted::failed(Problem::new(
                ProblemCode::Unsupported,
                log.path,
                "a log that removes every package",
            ));
        }
        extracted
    }
}

/// The database whose log lies at `path`.
pub(crate) fn base_of_log(path: &str) -> Option<&str> {
    (database_name(path)? == LOG).then(|| path.strip_suffix("-wal"))?
}

/// The file's name, if it is one of rpm's.
fn database_name(path: &str) -> Option<&str> {
    let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    matches!(name, "Packages" | "Packages.db" | SQLITE | LOG).then_some(name)
}

/// The format is told by the content, not the name.
fn read(bytes: &[u8], each: Sink<'_>) {
    if bytes.starts_with(sqlite::MAGIC) {
        sqlite::read(bytes, each);
    } else if bytes.starts_with(ndb::MAGIC) {
        ndb::read(bytes, each);
    } else if let Some(order) = bdb::order_of(bytes) {
        bdb::read(bytes, order, each);
    } else {
        each(Err(Fault::malformed("not a database that rpm writes")));
    }
}

fn keep(item: Result<&[u8], Fault>, collected: &mut Collected<'_>) {
    let blob = match item {
        Ok(blob) => blob,
        Err(fault) => return collected.problem(fault.code, fault.detail),
    };
    let found = Header::parse(blob).and_then(|header| match header.is_key() {
        true => Ok(None),
        false => header.package().map(|package| Some((package, header.owned()))),
    });
    match found {
        Ok(Some((package, paths))) => {
            collected.owned(package.package.name(), paths);
            collected.package(Ok(package));
        }
        Ok(None) => {}
        Err(error) => collected.problem(ProblemCode::Malformed, error),
    }
}
