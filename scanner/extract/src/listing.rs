//! Packages as lines of text, to compare with what the native tools print.

use crate::extractor::Extracted;
use api_vocab::ProblemCode;

/// One line per package: name, version, architecture, source package and its version.
pub(crate) fn listing(extracted: &Extracted) -> String {
    let line = |package: &api_vocab::Package| {
        let source =
            package.source().map_or((package.name(), package.version()), |s| (s.name(), s.version()));
        let architecture = package.architecture().unwrap_or("-");
        format!("{} {} {architecture} {} {}\n", package.name(), package.version(), source.0, source.1)
    };
    extracted.packages.iter().map(|found| line(&found.package)).collect()
}

/// The codes of the problems, in order.
pub(crate) fn codes(extracted: &Extracted) -> Vec<ProblemCode> {
    extracted.problems.iter().map(|problem| problem.code).collect()
}
