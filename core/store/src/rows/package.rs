//! Rows of packages and their findings; the package's number is a column of its own.

use super::{Known, wrong};
use crate::StoreError;
use api_vocab::{Ecosystem, Package, Severity, Timestamp};
use core_model::{Finding, Vulnerability};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A package.
#[derive(Serialize, Deserialize)]
pub(crate) struct PackageRow<'a> {
    #[serde(rename = "e")]
    ecosystem: Ecosystem,
    #[serde(rename = "n", borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "v", borrow)]
    version: Cow<'a, str>,
    #[serde(rename = "a", borrow, default, skip_serializing_if = "Option::is_none")]
    architecture: Option<Cow<'a, str>>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    source: Option<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(rename = "o", borrow, default, skip_serializing_if = "Option::is_none")]
    owned_by: Option<Cow<'a, str>>,
}

impl<'a> PackageRow<'a> {
    pub(crate) fn of(package: &'a Package) -> Self {
        PackageRow {
            ecosystem: package.ecosystem().clone(),
            name: package.name().into(),
            version: package.version().into(),
            architecture: package.architecture().map(Into::into),
            source: package.source().map(|source| (source.name().into(), source.version().into())),
            owned_by: package.owned_by().map(Into::into),
        }
    }

    pub(crate) fn package(self) -> Result<Package, StoreError> {
        let wrong = |error| wrong("packages", error);
        let mut package = Package::new(self.ecosystem, &self.name, &self.version).map_err(wrong)?;
        if let Some(architecture) = self.architecture {
            package = package.with_architecture(&architecture).map_err(wrong)?;
        }
        if let Some((name, version)) = self.source {
            package = package.with_source(&name, &version).map_err(wrong)?;
        }
        if let Some(owner) = self.owned_by {
            package = package.with_owner(&owner).map_err(wrong)?;
        }
        Ok(package)
    }
}

/// A finding of a package.
#[derive(Serialize, Deserialize)]
pub(crate) struct FindingRow {
    #[serde(rename = "i")]
    id: Arc<str>,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Box<str>>,
    #[serde(rename = "s")]
    severity: Severity,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(rename = "t")]
    summary: Box<str>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    url: Option<Box<str>>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    published: Option<i64>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    fix: Option<Arc<str>>,
}

impl FindingRow {
    pub(crate) fn of(finding: &Finding) -> Self {
        let vulnerability = &finding.vulnerability;
        FindingRow {
            id: Arc::clone(&vulnerability.id),
            aliases: vulnerability.aliases.clone(),
            severity: vulnerability.severity,
            score: vulnerability.score,
            summary: vulnerability.summary.clone(),
            url: vulnerability.url.clone(),
            published: vulnerability.published.map(Timestamp::as_millis),
            fix: finding.fix.clone(),
        }
    }

    pub(crate) fn finding(self, known: &mut Known) -> Finding {
        // Reading a list leaves room behind it, and there are many.
        let mut aliases = self.aliases;
        aliases.shrink_to_fit();
        let vulnerability = Vulnerability {
            id: self.id,
            aliases,
            severity: self.severity,
            score: self.score,
            summary: self.summary,
            url: self.url,
            published: self.published.map(Timestamp::from_millis),
        };
        Finding {
            vulnerability: known.shared.vulnerability(&Arc::new(vulnerability)),
            fix: self.fix.map(|fix| known.shared.text(&fix)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_with_everything_is_kept_whole() {
        let package = Package::new("PyPI".parse().unwrap(), "six", "1.16.0").unwrap();
        let package = package.with_architecture("all").unwrap().with_source("six", "1").unwrap();
        for package in [package.clone(), package.with_owner("python3-six").unwrap()] {
            let row = serde_json::to_string(&PackageRow::of(&package)).unwrap();
            assert_eq!(serde_json::from_str::<PackageRow<'_>>(&row).unwrap().package().unwrap(), package);
        }
    }
}
