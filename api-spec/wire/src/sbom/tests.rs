//! Both SBOM formats on one small inventory.

use super::*;
use api_vocab::{Distro, Package, Problem, ProblemCode};

fn inventory() -> Inventory {
    let package = Package::new("Debian:12".parse().unwrap(), "libssl3", "3.0.11-1~deb12u2")
        .unwrap()
        .with_architecture("amd64")
        .unwrap()
        .with_source("openssl", "3.0.11-1~deb12u2")
        .unwrap();
    Inventory {
        distro: Some(Distro {
            id: "debian".into(),
            version_id: Some("12".into()),
            pretty_name: None,
            ecosystem: Some("Debian:12".parse().unwrap()),
        }),
        packages: vec![InstalledPackage {
            package,
            path: "var/lib/dpkg/status".into(),
            layer: None,
            extractor: "dpkg".into(),
            licenses: vec!["Apache-2.0".into()],
        }],
        problems: Vec::new(),
    }
}

fn rendered(inventory: &Inventory, format: SbomFormat) -> Value {
    let digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
    let subject =
        Subject { digest: Some(&digest), name: "shop/web:1", inventory, created: Timestamp::from_millis(0) };
    render(&subject, format)
}

#[test]
fn cyclonedx_names_package_by_purl() {
    let document = rendered(&inventory(), SbomFormat::Cyclonedx);
    assert_eq!(document["specVersion"], "1.6");
    assert_eq!(document["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(document["components"][0]["type"], "operating-system");
    assert_eq!(
        document["components"][1]["purl"],
        "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12"
    );
    assert_eq!(document["compositions"][0]["aggregate"], "complete");
}

#[test]
fn spdx_relates_every_package_to_the_image() {
    let document = rendered(&inventory(), SbomFormat::Spdx);
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    assert_eq!(document["packages"][1]["name"], "libssl3");
    assert_eq!(document["relationships"][1]["relatedSpdxElement"], document["packages"][1]["SPDXID"]);
}

#[test]
fn package_owned_points_to_its_owner() {
    let mut all = inventory();
    let owner = Package::new("Debian:12".parse().unwrap(), "python3-six", "1.16.0-4").unwrap();
    let owned = Package::new("PyPI".parse().unwrap(), "six", "1.16.0").unwrap().with_owner("python3-six");
    let like = all.packages[0].clone();
    all.packages = vec![
        InstalledPackage { package: owner, ..like.clone() },
        InstalledPackage { package: owned.unwrap(), ..like },
    ];
    let properties = rendered(&all, SbomFormat::Cyclonedx)["components"][2]["properties"].to_string();
    assert!(properties.contains(r#"{"name":"perceptor:owned-by","value":"python3-six"}"#), "{properties}");
    let relationships = rendered(&all, SbomFormat::Spdx)["relationships"].clone();
    let last = relationships.as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["spdxElementId"], "SPDXRef-package-0");
    assert_eq!(
        (&last["relationshipType"], &last["relatedSpdxElement"]),
        (&"CONTAINS".into(), &"SPDXRef-package-1".into())
    );
}

#[test]
fn partial_inventory_is_said_to_be_incomplete() {
    let mut partial = inventory();
    partial.problems.push(Problem::new(ProblemCode::Truncated, "x", "ends early"));
    assert_eq!(rendered(&partial, SbomFormat::Cyclonedx)["compositions"][0]["aggregate"], "incomplete");
    assert!(rendered(&partial, SbomFormat::Spdx)["comment"].as_str().unwrap().starts_with("Incomplete"));
}
