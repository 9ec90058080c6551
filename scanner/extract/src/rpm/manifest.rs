//! The list of packages that Azure Linux leaves in images without rpm:
//! `var/lib/rpmmanifest/container-manifest-2`.
//!
//! One line per package, ten fields between tabs: name, version-release, times of installation
//! and build, vendor, epoch as rpm prints it, size, architecture, epoch as a number, source package.

use super::header;
use crate::collect::Collected;
use crate::extractor::{Extracted, ExtractedPackage, OpenFile};
use crate::lines::{Line, Lines};
use api_vocab::ProblemCode;

/// Where it lies.
pub(super) const PATH: &str = "var/lib/rpmmanifest/container-manifest-2";

const LONGEST_LINE: usize = 8 * 1024;

/// Every line's package.
pub(super) fn extract(file: &mut OpenFile<'_>) -> Extracted {
    let mut collected = Collected::new(file.path);
    let mut lines = Lines::new(file.content, LONGEST_LINE);
    while !collected.is_full() {
        match lines.next_line() {
            Ok(Some(line)) if line.text.trim_ascii().is_empty() => {}
            Ok(Some(line)) => match package(line) {
                Some(package) => collected.package(Ok(package)),
                None => collected.problem(ProblemCode::Malformed, "line that is no package"),
            },
            Ok(None) => break,
            Err(error) => {
                collected.failed(crate::budget::problem_of(file.path, &error));
                break;
            }
        }
    }
    collected.finish()
}

fn package(line: Line<'_>) -> Option<ExtractedPackage> {
    let text = std::str::from_utf8(line.text).ok().filter(|_| !line.cut)?;
    let fields: Vec<&str> = text.trim_end_matches('\r').split('\t').collect();
    let [name, version, _, _, _, _, _, arch, epoch, source] = fields.as_slice() else { return None };
    // rpm prints an absent epoch as `(none)`, its number as 0.
    let epoch = epoch.parse().ok().filter(|epoch| *epoch != 0);
    let (version, release) = version.rsplit_once('-')?;
    let version = header::evr(epoch, version, release);
    header::package(name, &version, Some(arch), Some(source), epoch).ok()
}
