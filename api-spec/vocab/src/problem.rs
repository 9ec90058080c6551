//! What could not be read, and why: an inventory with problems is partial, never clean.

use crate::text::string_enum;

string_enum! {
    /// Why something could not be read; a closed list, for metrics and policy.
    ProblemCode, "problem code" {
        /// The archive can be read in two ways; a runtime might see other files than we did.
        AmbiguousArchive = "ambiguous_archive",
        /// An extractor failed in a way that is our fault.
        ExtractorCrashed = "extractor_crashed",
        /// The file's content lies where it could not be read in one pass (a hard or symbolic link).
        LinkUnresolved = "link_unresolved",
        /// The file is not what its name says.
        Malformed = "malformed",
        /// A path is longer, or a folder deeper, than we read.
        PathTooLong = "path_too_long",
        /// Reading took longer than allowed.
        TimeExceeded = "time_exceeded",
        /// Archives are nested deeper than we read.
        TooDeep = "too_deep",
        /// A file or layer is larger than we read.
        TooLarge = "too_large",
        /// There are more entries than we read.
        TooManyEntries = "too_many_entries",
        /// The data ends early.
        Truncated = "truncated",
        /// The packages' distribution is not known, so nothing can be matched.
        UnknownDistribution = "unknown_distribution",
        /// A format or compression that we do not read.
        Unsupported = "unsupported",
    }
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Why.
    pub code: ProblemCode,
    /// What: a path within the image, or empty for the image as a whole. At most 4096 bytes.
    pub path: Box<str>,
    /// The same for people. At most 512 bytes, no control characters.
    pub detail: Box<str>,
}

impl Problem {
    /// A problem with the file at `path`; foreign text is cut and escaped.
    pub fn new(code: ProblemCode, path: &str, detail: impl std::fmt::Display) -> Self {
        Problem { code, path: cut(path, 4096).into(), detail: cut(&detail.to_string(), 512).into() }
    }
}

/// Escape control characters and keep at most `max` bytes.
fn cut(text: &str, max: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        let mut escaped = c.escape_debug();
        let (one, len) = if c.is_control() { (None, escaped.len()) } else { (Some(c), c.len_utf8()) };
        if kept.len() + len > max {
            break;
        }
        match one {
            Some(c) => kept.push(c),
            None => kept.extend(&mut escaped),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_hostile_text_is_cut_and_escaped() {
        let problem = Problem::new(ProblemCode::Malformed, "a\u{1b}[2Jb", "x".repeat(9999));
        assert_eq!(&*problem.path, "a\\u{1b}[2Jb");
        assert_eq!(problem.detail.len(), 512);
    }
}
