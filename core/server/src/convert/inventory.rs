//! Inventories, between the wire and the vocabulary.

use super::package::{installed_from, installed_to};
use api_vocab::{Distro, Inventory, Problem, ProblemCode};
use api_wire::inventory as wire;

/// The inventory that `shape` describes; a package that is not one becomes a problem, so that
/// one bad line makes the inventory partial and loses nothing else.
pub fn inventory_from(shape: wire::Inventory) -> Inventory {
    let mut problems: Vec<Problem> = shape.problems.iter().map(problem_from).collect();
    let mut packages = Vec::with_capacity(shape.packages.len());
    for installed in shape.packages {
        let path = installed.path.clone();
        match installed_from(installed) {
            Ok(installed) => packages.push(installed),
            Err(error) => problems.push(Problem::new(ProblemCode::Malformed, &path, error)),
        }
    }
    packages.sort_unstable();
    packages.dedup();
    problems.sort_unstable();
    problems.dedup();
    Inventory { distro: shape.distro.map(distro_from), packages, problems }
}

/// How `inventory` looks on the wire.
pub fn inventory_to(inventory: &Inventory) -> wire::Inventory {
    wire::Inventory {
        distro: inventory.distro.as_ref().map(distro_to),
        packages: inventory.packages.iter().map(installed_to).collect(),
        problems: inventory.problems.iter().map(problem_to).collect(),
    }
}

/// The distribution that `shape` describes.
pub fn distro_from(shape: wire::Distro) -> Distro {
    Distro {
        id: shape.id,
        version_id: shape.version_id,
        pretty_name: shape.pretty_name,
        ecosystem: shape.ecosystem,
    }
}

/// How `distro` looks on the wire.
pub fn distro_to(distro: &Distro) -> wire::Distro {
    wire::Distro {
        id: distro.id.clone(),
        version_id: distro.version_id.clone(),
        pretty_name: distro.pretty_name.clone(),
        ecosystem: distro.ecosystem.clone(),
    }
}

/// The problem that `shape` describes; its texts are cut and escaped.
pub fn problem_from(shape: &wire::Problem) -> Problem {
    Problem::new(shape.code, &shape.path, &shape.detail)
}

/// How `problem` looks on the wire.
pub fn problem_to(problem: &Problem) -> wire::Problem {
    wire::Problem { code: problem.code, path: problem.path.to_string(), detail: problem.detail.to_string() }
}
