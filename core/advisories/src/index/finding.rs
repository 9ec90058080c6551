//! What matching says.

use api_vocab::{Severity, Timestamp};

/// What matching says of a package.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// One finding for each vulnerability, sorted by id.
    pub findings: Vec<Finding>,
    /// Advisories that name the package, of which its version could not be judged, and that no
    /// finding tells; sorted. While there are any, no findings does not mean none.
    pub undecided: Vec<Box<str>>,
}

/// A vulnerability of a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The id that people know it by: a CVE where there is one.
    pub id: Box<str>,
    /// All other ids, those of the advisories included; sorted.
    pub aliases: Vec<Box<str>>,
    /// The ids of the advisories that say so; sorted.
    pub advisories: Vec<Box<str>>,
    /// How bad it is said to be: by the distribution, else by score, else by the database.
    pub severity: Severity,
    /// CVSS base score.
    pub score: Option<f64>,
    /// The CVSS vector that the score comes from.
    pub vector: Option<Box<str>>,
    /// The lowest version that is not affected, above the one that is installed.
    pub fix: Option<Box<str>>,
    /// One line of what it is; may be empty.
    pub summary: Box<str>,
    /// Where to read more.
    pub url: Option<Box<str>>,
    /// When it was first published.
    pub published: Option<Timestamp>,
    /// When one of the advisories was last modified.
    pub modified: Option<Timestamp>,
}
