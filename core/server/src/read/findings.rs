//! Findings: which of them a reader asks for, and in which order.

use super::fleet::Fleet;
use super::pods::{PodFilter, parsed};
use crate::convert::finding::finding_to;
use api_vocab::{Digest, Severity};
use api_wire::finding::{FindingQuery, FindingSort};
use core_model::{Finding, FleetPackage, Image, PackageId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindingFilter {
    severity: Option<Severity>,
    fixable: Option<bool>,
    id: Option<String>,
    package: Option<String>,
    run_by: PodFilter,
}

/// A finding's place in a list: what it is sorted by, then image, package and vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FindingPlace {
    rank: u8,
    text: String,
    image: Digest,
    package: u32,
    id: String,
}

/// A finding where it is.
#[derive(Debug, Clone)]
pub struct Found {
    image: Arc<Image>,
    package: FleetPackage,
    finding: Finding,
}

impl FindingFilter {
    /// The filter of a query, or what is wrong with it.
    pub fn of(query: &FindingQuery) -> Result<Self, String> {
        Ok(FindingFilter {
            severity: parsed("severity", query.severity.as_deref())?,
            fixable: query.fixable,
            id: query.id.clone(),
            package: query.package.clone(),
            run_by: PodFilter::of_place(
                query.source.as_deref(),
                query.namespace.as_deref(),
                query.owner.as_deref(),
            )?,
        })
    }

    fn passes(&self, finding: &Finding) -> bool {
        let vulnerability = &finding.vulnerability;
        let called = |id: &String| {
            *vulnerability.id == **id || vulnerability.aliases.iter().any(|alias| **alias == **id)
        };
        self.severity.is_none_or(|least| vulnerability.severity >= least)
            && self.fixable.is_none_or(|fixable| fixable == finding.fix.is_some())
            && self.id.as_ref().is_none_or(called)
    }

    fn passes_package(&self, package: &FleetPackage) -> bool {
        self.package.as_ref().is_none_or(|name| package.package.name() == name)
    }
}

impl FindingPlace {
    /// The place of `found` in a list sorted by `sort`.
    pub fn of(found: &Found, sort: FindingSort) -> Self {
        let vulnerability = &found.finding.vulnerability;
        let (rank, text) = match sort {
            FindingSort::Image => (0, String::new()),
            FindingSort::Severity => (vulnerability.severity as u8, String::new()),
            FindingSort::Id => (0, vulnerability.id.to_string()),
            FindingSort::Package => (0, found.package.package.name().to_owned()),
        };
        FindingPlace {
            rank,
            text,
            image: (*found.image.key).clone(),
            package: found.package.id.number(),
            id: vulnerability.id.to_string(),
        }
    }

    /// The image at which a list sorted by image goes on.
    pub const fn image(&self) -> &Digest {
        &self.image
    }
}

impl<'a> Fleet<'a> {
    /// Findings of `image` that pass `filter`, by package and id.
    pub fn findings_of_image(self, filter: &FindingFilter, image: &Arc<Image>) -> Vec<Found> {
        if !self.may_have(filter, image) {
            return Vec::new();
        }
        let ids = image.scan.iter().flat_map(|scan| scan.packages.iter());
        ids.flat_map(|id| self.findings_of_package(filter, image, id)).collect()
    }

    fn findings_of_package(self, filter: &FindingFilter, image: &Arc<Image>, id: PackageId) -> Vec<Found> {
        let Some(package) = self.view.package(id).filter(|package| filter.passes_package(package)) else {
            return Vec::new();
        };
        let mut findings: Vec<Finding> =
            package.findings().iter().filter(|finding| filter.passes(finding)).cloned().collect();
        findings.sort_by(|a, b| a.vulnerability.id.cmp(&b.vulnerability.id));
        let found = |finding| Found { image: Arc::clone(image), package: package.clone(), finding };
        findings.into_iter().map(found).collect()
    }

    /// Findings of all images that pass `filter`, by image, package and id, from `from` on.
    pub fn findings(
        self,
        filter: &'a FindingFilter,
        from: Option<&Digest>,
    ) -> impl Iterator<Item = Found> + 'a {
        let first = from.and_then(|key| self.view.image(key));
        first
            .into_iter()
            .chain(self.all_images(from.cloned()))
            .flat_map(move |image| self.findings_of_image(filter, &image))
    }

    /// A cheap no for images that cannot have such findings.
    fn may_have(self, filter: &FindingFilter, image: &Image) -> bool {
        let tally = self.view.tally(&image.key).unwrap_or_default();
        tally.total() > 0
            && (filter.fixable != Some(true) || tally.fixable.total() > 0)
            && filter.severity.is_none_or(|least| self.has_finding(&image.key, least))
            && self.is_run_by(&image.key, &filter.run_by)
    }

    /// How a finding looks on the wire.
    pub fn finding(self, found: &Found) -> api_wire::finding::Finding {
        let pods = self.view.pods_of_image(&found.image.key);
        finding_to(&found.finding, &found.package.package, &found.image, pods)
    }
}
