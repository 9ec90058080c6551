//! Stacks layers into the inventory of an image: what the upper ones hide is not there.

use crate::cover::Cover;
use crate::extractor::ExtractedPackage;
use crate::layer::{FileRecord, LayerInventory};
use crate::links::{Link, unresolved};
use crate::owners::Owners;
use crate::pairs;
use api_vocab::{Distro, Ecosystem, Family, InstalledPackage, Inventory, Package, Problem, ProblemCode};

/// Where os-release is looked for, as os-release(5) says.
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What is in an image of these layers, the bottom one first.
pub fn stack(layers: &[LayerInventory]) -> Inventory {
    let visible = Visible::of(layers);
    let (files, orphans) = pairs::settle(visible.files);
    let distro = distro(&files);
    let ecosystem = distro.as_ref().and_then(|d| d.ecosystem.clone());
    // Where nothing is known against the owner, the language's advisories are all there is.
    let advised = ecosystem.as_ref().is_some_and(|known| known.family().is_advised_distribution());
    let owners = advised.then(|| Owners::of(layers, &files));
    let mut filing = Filing { ecosystem, owners, unknown: false };
    let mut packages = Vec::new();
    let of_layers = layers.iter().flat_map(|layer| layer.problems.clone());
    let mut problems: Vec<Problem> = of_layers.chain(orphans).collect();
    for (layer, file) in files {
        packages.extend(file.packages.iter().map(|found| filing.install(found, file, layer)));
        problems.extend_from_slice(&file.problems);
    }
    problems.extend(unresolved(layers, &visible.links));
    problems.extend(filing.problem(distro.as_ref()));
    packages.sort_unstable();
    packages.dedup();
    problems.sort_unstable();
    problems.dedup();
    Inventory { distro, packages, problems }
}

/// What of an image's layers is seen, each with its layer, the bottom one first.
#[derive(Default)]
struct Visible<'l> {
    files: Vec<(&'l LayerInventory, &'l FileRecord)>,
    links: Vec<(&'l LayerInventory, &'l Link)>,
}

impl<'l> Visible<'l> {
    fn of(layers: &'l [LayerInventory]) -> Self {
        let (mut cover, mut visible) = (Cover::default(), Visible::default());
        for layer in layers.iter().rev() {
            // Backwards, as all of it is turned around in the end.
            let files = layer.files.iter().rev().filter(|file| !cover.hides(&file.path));
            visible.files.extend(files.map(|file| (layer, file)));
            let links = layer.links.iter().rev().filter(|(path, _)| !cover.hides(path));
            visible.links.extend(links.map(|link| (layer, link)));
            cover.add(layer);
        }
        visible.files.reverse();
        visible.links.reverse();
        visible
    }
}

/// The first os-release in the order of its manual page that says something.
fn distro(files: &[(&LayerInventory, &FileRecord)]) -> Option<Distro> {
    OS_RELEASE.iter().find_map(|place| {
        let mut at_place = files.iter().filter(|(_, file)| *file.path == **place);
        at_place.find_map(|(_, file)| file.distro.clone())
    })
}

/// Files packages under the image's distribution.
struct Filing<'l> {
    ecosystem: Option<Ecosystem>,
    owners: Option<Owners<'l>>,
    unknown: bool,
}

impl Filing<'_> {
    fn install(
        &mut self,
        found: &ExtractedPackage,
        file: &FileRecord,
        layer: &LayerInventory,
    ) -> InstalledPackage {
        let path = match &found.nested {
            Some(nested) => format!("{}!/{nested}", file.path).into(),
            None => file.path.clone(),
        };
        InstalledPackage {
            package: self.file(found.package.clone(), file, layer),
            path,
            layer: layer.diff_id.clone(),
            extractor: file.extractor.clone(),
            licenses: found.licenses.clone(),
        }
    }

    fn file(&mut self, package: Package, file: &FileRecord, layer: &LayerInventory) -> Package {
        if !package.ecosystem().family().is_distribution() {
            return self.owned(package, file, layer);
        }
        self.unknown |= self.ecosystem.is_none();
        package.in_ecosystem(self.ecosystem.clone().unwrap_or(Ecosystem::of(Family::Linux)))
    }

    fn owned(&self, package: Package, file: &FileRecord, layer: &LayerInventory) -> Package {
        let owners = self.owners.as_ref();
        match owners.and_then(|owners| owners.find(layer, &file.path, package.version())) {
            // An owner is a package of the image, so that its name is one.
            Some(owner) => package.clone().with_owner(owner).unwrap_or(package),
            None => package,
        }
    }

    /// Said once, however many packages there are.
    fn problem(&self, distro: Option<&Distro>) -> Option<Problem> {
        let detail = match distro {
            None => "there are packages of a distribution, and no os-release that names it".to_owned(),
            Some(distro) => format!("no advisories are known for the distribution {:?}", distro.id),
        };
        self.unknown.then(|| Problem::new(ProblemCode::UnknownDistribution, "", detail))
    }
}
