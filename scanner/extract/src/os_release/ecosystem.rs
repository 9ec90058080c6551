//! Which ecosystem of the OSV schema a distribution's packages belong to.

use super::assignments::Assignments;
use api_vocab::{Ecosystem, EcosystemError, Family};

/// Debian's releases by codename, for those whose os-release has no number yet.
const DEBIAN: [(&str, &str); 9] = [
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// Ubuntu's long-term releases by codename: what derivatives say they are built on.
const UBUNTU: [(&str, &str); 6] = [
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("noble", "24.04"),
];

/// The ecosystem, or nothing for a distribution that is not known: its relatives (`ID_LIKE`)
/// number their packages differently, so theirs is not guessed.
pub(super) fn find(os: &Assignments<'_>) -> Result<Option<Ecosystem>, EcosystemError> {
    let Some((family, release)) = of_id(os).or_else(|| of_ancestor(os)) else { return Ok(None) };
    match release {
        Some(release) => Ecosystem::with_release(family, &release).map(Some),
        None => Ok(Some(Ecosystem::of(family))),
    }
}

type Named = (Family, Option<String>);

fn of_id(os: &Assignments<'_>) -> Option<Named> {
    let version = os.get("VERSION_ID").map(str::to_owned);
    let major = || os.get("VERSION_ID").map(major_of);
    Some(match os.id().to_ascii_lowercase().as_str() {
        "almalinux" => (Family::AlmaLinux, major()),
        "alpaquita" => (Family::Alpaquita, version),
        "alpine" => (Family::Alpine, os.get("VERSION_ID").map(alpine)),
        "amzn" => (Family::Amazon, version),
        "azurelinux" | "mariner" => (Family::AzureLinux, major()),
        "centos" => (Family::CentOs, major()),
        "chainguard" => (Family::Chainguard, None),
        "debian" => (Family::Debian, debian(os)),
        "fedora" => (Family::Fedora, version),
        "mageia" => (Family::Mageia, version),
        "minimos" => (Family::MinimOs, None),
        "ol" => (Family::Oracle, major()),
        "openeuler" => (Family::OpenEuler, open_euler(os)),
        "opensuse-leap" => (Family::OpenSuse, version.map(|version| format!("Leap {version}"))),
        "opensuse-leap-micro" => (Family::OpenSuse, version.map(|version| format!("Leap Micro {version}"))),
        "opensuse-tumbleweed" => (Family::OpenSuse, Some("Tumbleweed".to_owned())),
        "photon" => (Family::Photon, version),
        "rhel" => (Family::RedHat, major().map(|major| format!("enterprise_linux:{major}"))),
        "rocky" => (Family::Rocky, major()),
        "sle-micro" | "suse-microos" => (Family::Suse, sle(os, "Micro", str::to_owned)),
        "sled" => (Family::Suse, sle(os, "Desktop", service_pack)),
        "sles" => (Family::Suse, sle(os, "Server", service_pack)),
        "sles_sap" => (Family::Suse, sle(os, "Server for SAP Applications", service_pack)),
        "sle_hpc" => (Family::Suse, sle(os, "High Performance Computing", service_pack)),
        "ubuntu" => (Family::Ubuntu, os.get("VERSION_ID").map(ubuntu)),
        "wolfi" => (Family::Wolfi, None),
        _ => return None,
    })
}

/// Derivatives that install their ancestor's packages name its release themselves.
fn of_ancestor(os: &Assignments<'_>) -> Option<Named> {
    if let Some(release) = os.get("UBUNTU_CODENAME").and_then(|name| number_of(name, &UBUNTU)) {
        return Some((Family::Ubuntu, Some(ubuntu(release))));
    }
    let release = number_of(os.get("DEBIAN_CODENAME")?, &DEBIAN)?;
    Some((Family::Debian, Some(release.to_owned())))
}

fn number_of<'a>(codename: &str, releases: &[(&str, &'a str)]) -> Option<&'a str> {
    releases.iter().find(|(name, _)| *name == codename).map(|(_, number)| *number)
}

fn major_of(version: &str) -> String {
    version.split('.').next().unwrap_or(version).to_owned()
}

/// Testing and unstable have a codename only.
fn debian(os: &Assignments<'_>) -> Option<String> {
    let by_codename = || os.get("VERSION_CODENAME").and_then(|name| number_of(name, &DEBIAN));
    // Before Debian 10 point releases count: `7` and `7.11` are one release.
    os.get("VERSION_ID").map(major_of).or_else(|| by_codename().map(str::to_owned))
}

/// `3.20.3` is of v3.20; `3.21.0_alpha20240807` is of edge.
fn alpine(version: &str) -> String {
    if version.contains('_') || version == "edge" {
        return "edge".to_owned();
    }
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => format!("v{major}.{minor}"),
        _ => format!("v{version}"),
    }
}

/// April releases of even years are long-term ones.
fn ubuntu(version: &str) -> String {
    let long_term = match version.split_once('.') {
        Some((year, "04")) => year.parse::<u32>().is_ok_and(|year| year % 2 == 0),
        _ => version == "6.06",
    };
    if long_term { format!("{version}:LTS") } else { version.to_owned() }
}

/// `VERSION="22.03 (LTS-SP1)"` is 22.03-LTS-SP1.
fn open_euler(os: &Assignments<'_>) -> Option<String> {
    let stated = os.get("VERSION").or_else(|| os.get("VERSION_ID"))?;
    Some(match stated.split_once(" (") {
        Some((number, service_pack)) => format!("{number}-{}", service_pack.trim_end_matches(')')),
        None => stated.to_owned(),
    })
}

fn sle(os: &Assignments<'_>, product: &str, number: fn(&str) -> String) -> Option<String> {
    os.get("VERSION_ID").map(|version| format!("Linux Enterprise {product} {}", number(version)))
}

/// `15.5` is 15 SP5 up to version 15; later ones have minor versions.
fn service_pack(version: &str) -> String {
    match version.split_once('.') {
        Some((major, pack)) if major.parse::<u32>().is_ok_and(|major| major < 16) => {
            if pack == "0" {
                major.to_owned()
            } else {
                format!("{major} SP{pack}")
            }
        }
        _ => version.to_owned(),
    }
}
