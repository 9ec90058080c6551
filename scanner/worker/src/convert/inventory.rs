//! Inventories, to the wire; distributions and problems both ways.

use super::package;
use api_vocab::{Distro, InstalledPackage, Inventory, Problem};
use api_wire::inventory as wire;

/// How an inventory looks on the wire.
pub fn inventory_to_wire(inventory: &Inventory) -> wire::Inventory {
    wire::Inventory {
        distro: inventory.distro.as_ref().map(distro_to_wire),
        packages: inventory.packages.iter().map(installed_to_wire).collect(),
        problems: inventory.problems.iter().map(problem_to_wire).collect(),
    }
}

fn installed_to_wire(installed: &InstalledPackage) -> api_wire::package::InstalledPackage {
    api_wire::package::InstalledPackage {
        package: package::to_wire(&installed.package),
        path: installed.path.to_string(),
        layer: installed.layer.clone(),
        extractor: installed.extractor.to_string(),
        licenses: installed.licenses.iter().map(|licence| licence.to_string()).collect(),
    }
}

pub(super) fn distro_to_wire(distro: &Distro) -> wire::Distro {
    let Distro { id, version_id, pretty_name, ecosystem } = distro.clone();
    wire::Distro { id, version_id, pretty_name, ecosystem }
}

pub(super) fn distro_from_wire(shape: wire::Distro) -> Distro {
    let wire::Distro { id, version_id, pretty_name, ecosystem } = shape;
    Distro { id, version_id, pretty_name, ecosystem }
}

pub(super) fn problem_to_wire(problem: &Problem) -> wire::Problem {
    wire::Problem { code: problem.code, path: problem.path.to_string(), detail: problem.detail.to_string() }
}

pub(super) fn problem_from_wire(shape: &wire::Problem) -> Problem {
    Problem::new(shape.code, &shape.path, &shape.detail)
}
