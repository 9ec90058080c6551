//! The distribution that an image says it is: `etc/os-release` or `usr/lib/os-release`.

mod assignments;
mod ecosystem;
#[cfg(test)]
mod tests;

use crate::extractor::{Extracted, Extractor, OpenFile, Scope};
use api_vocab::{Distro, Problem, ProblemCode};
use assignments::Assignments;

/// Real files have about 500 bytes.
const LARGEST: u64 = 64 * 1024;

/// Reads os-release(5).
pub struct OsRelease;

impl Extractor for OsRelease {
    fn name(&self) -> &'static str {
        "os_release"
    }

    fn version(&self) -> u32 {
        1
    }

    fn scope(&self) -> Scope {
        Scope::Distribution
    }

    fn wants(&self, path: &str) -> bool {
        matches!(path, "etc/os-release" | "usr/lib/os-release")
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let bytes = match file.read_all(LARGEST) {
            Ok(bytes) => bytes,
            Err(problem) => return Extracted::failed(problem),
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => read(text, file.path),
            Err(error) => Extracted::failed(Problem::new(ProblemCode::Malformed, file.path, error)),
        }
    }
}

fn read(text: &str, path: &str) -> Extracted {
    let (assignments, refused) = Assignments::parse(text);
    let malformed = |detail: &str| Problem::new(ProblemCode::Malformed, path, detail);
    let mut problems: Vec<Problem> = refused.map(malformed).into_iter().collect();
    let ecosystem = ecosystem::find(&assignments).unwrap_or_else(|error| {
        problems.push(malformed(&error.to_string()));
        None
    });
    let distro = Distro {
        id: assignments.id().to_owned(),
        version_id: assignments.get("VERSION_ID").map(str::to_owned),
        pretty_name: assignments.get("PRETTY_NAME").map(str::to_owned),
        ecosystem,
    };
    Extracted { problems, distro: Some(distro), ..Extracted::default() }
}
