//! Packages: which of them a reader asks for, in which order, and where they run.

use super::fleet::Fleet;
use super::pods::parsed;
use crate::convert::package::package_to;
use api_vocab::{Digest, Ecosystem, Package, Severity};
use api_wire::package::{FleetPackage as Shape, PackagePlace, PackageQuery, PackageSort};
use core_model::{FleetPackage, PackageId};
use core_versions::{Constraint, Scheme};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many pods a place names.
const MAX_NAMED_PODS: usize = 20;
/// How many pods are looked at for a place's owners and sources.
const MAX_SEEN_PODS: usize = 10_000;

/// Which packages.
#[derive(Debug, Clone, Default)]
pub struct PackageFilter {
    name: Option<String>,
    name_contains: Option<String>,
    ecosystem: Option<Ecosystem>,
    version: Option<Constraint>,
}

/// A package's place in a list: its rank, then what it is, then its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FleetPlace {
    rank: u64,
    name: String,
    ecosystem: String,
    version: String,
    id: u32,
    image: Option<Digest>,
}

impl PackageFilter {
    /// The filter of a query, or what is wrong with it.
    pub fn of(query: &PackageQuery) -> Result<Self, String> {
        Ok(PackageFilter {
            name: query.name.clone(),
            name_contains: query.name_contains.clone(),
            ecosystem: parsed("ecosystem", query.ecosystem.as_deref())?,
            version: parsed("version", query.version.as_deref())?,
        })
    }

    /// Whether `package` is asked for, as far as can be said.
    pub fn passes(&self, package: &Package) -> bool {
        self.names(package) && self.is_within(package) == Some(true)
    }

    /// Whether nobody can say if `package` is asked for: its version cannot be compared.
    pub fn leaves_open(&self, package: &Package) -> bool {
        self.names(package) && self.is_within(package).is_none()
    }

    /// A version that its ecosystem's scheme cannot read is not known to be in any range.
    fn is_within(&self, package: &Package) -> Option<bool> {
        let Some(range) = &self.version else { return Some(true) };
        range.matches(Scheme::of(package.ecosystem().family())?, package.version()).ok()
    }

    fn names(&self, package: &Package) -> bool {
        let ecosystem = package.ecosystem();
        let called = |name: &String| {
            package.name() == name
                || package.advisory_name() == name
                || package.name().split_once(':').is_some_and(|(_, artifact)| artifact == name)
        };
        self.name.as_ref().is_none_or(called)
            && self.name_contains.as_ref().is_none_or(|part| package.name().contains(part.as_str()))
            && self.ecosystem.as_ref().is_none_or(|asked| {
                asked == ecosystem || (asked.release().is_none() && asked.family() == ecosystem.family())
            })
    }
}

impl FleetPlace {
    fn of(rank: u64, id: PackageId, package: &Package, image: Option<&Digest>) -> Self {
        FleetPlace {
            rank,
            name: package.name().to_owned(),
            ecosystem: package.ecosystem().to_string(),
            version: package.version().to_owned(),
            id: id.number(),
            image: image.cloned(),
        }
    }
}

/// The worst severity among a package's findings.
fn worst(package: &FleetPackage) -> Option<Severity> {
    package.findings().iter().map(|finding| finding.vulnerability.severity).max()
}

impl<'a> Fleet<'a> {
    /// Packages that pass `filter`, in no order of names.
    pub fn packages(self, filter: &'a PackageFilter) -> impl Iterator<Item = FleetPackage> + 'a {
        self.candidates(filter).filter(|package| filter.passes(&package.package))
    }

    /// Packages among which all are that `filter` could mean.
    fn candidates(self, filter: &PackageFilter) -> Box<dyn Iterator<Item = FleetPackage> + 'a> {
        match &filter.name {
            Some(name) => Box::new(self.view.packages_named(name).into_iter()),
            None => Box::new(self.all_packages()),
        }
    }

    fn all_packages(self) -> impl Iterator<Item = FleetPackage> + 'a {
        let view = self.view;
        super::fleet::chunked(
            None,
            move |after| view.packages_after(after.copied(), 1_024),
            |package| package.id,
        )
    }

    /// Where a package stands in a list sorted by `sort`.
    pub fn package_place(self, package: &FleetPackage, sort: PackageSort) -> FleetPlace {
        let rank = match sort {
            PackageSort::Name => 0,
            PackageSort::Images => self.view.images_with_count(package.id),
            PackageSort::Severity => worst(package).map_or(0, |severity| severity as u64 + 1),
        };
        FleetPlace::of(rank, package.id, &package.package, None)
    }

    /// How a package of the fleet looks on the wire.
    pub fn package(self, package: &FleetPackage) -> Shape {
        Shape {
            package: package_to(&package.package),
            images: self.view.images_with_count(package.id),
            findings: package.findings().len() as u64,
            undecided: package.matched.as_ref().map_or(0, |matched| matched.undecided.into()),
            worst: worst(package),
        }
    }

    /// Every image that holds a package which passes `filter`, or of which that cannot be said:
    /// whoever looks for a flaw must not take one for the other.
    pub fn places(
        self,
        filter: &'a PackageFilter,
    ) -> impl Iterator<Item = (FleetPlace, (FleetPackage, Digest))> + 'a {
        let meant =
            |package: &FleetPackage| filter.passes(&package.package) || filter.leaves_open(&package.package);
        self.candidates(filter).filter(meant).flat_map(move |package| {
            let images = self.view.images_with(package.id).into_iter();
            images
                .map(|key| {
                    let place = FleetPlace::of(0, package.id, &package.package, Some(&key));
                    (place, (package.clone(), (*key).clone()))
                })
                .collect::<Vec<_>>()
        })
    }

    /// How a package's place looks on the wire.
    pub fn package_in_image(
        self,
        filter: &PackageFilter,
        package: &FleetPackage,
        key: &Digest,
    ) -> PackagePlace {
        let image = self.view.image(key);
        let references = image.iter().flat_map(|image| image.references.iter());
        let (mut owners, mut sources, mut pod_names) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for pod in self.pods_of_image(key.clone(), None).take(MAX_SEEN_PODS) {
            owners.extend(pod.owner.as_ref().map(|owner| owner.to_string()));
            sources.insert((*pod.id.source).clone());
            if pod_names.len() < MAX_NAMED_PODS {
                pod_names.push(format!("{}:{}", pod.id.source, pod.id.key));
            }
        }
        PackagePlace {
            package: package_to(&package.package),
            image: key.clone(),
            references: references.map(|reference| reference.to_string()).collect(),
            pods: self.view.pods_of_image(key),
            pod_names,
            owners: owners.into_iter().collect(),
            sources: sources.into_iter().collect(),
            undecided: filter.leaves_open(&package.package),
        }
    }
}
