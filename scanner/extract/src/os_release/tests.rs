//! Tests of the reader of os-release.

use super::OsRelease;
use crate::extractor::{Extracted, Extractor};
use crate::listing::codes;
use crate::testing::extract;
use api_vocab::ProblemCode::{Malformed, TooLarge};
use proptest::prelude::*;

const PATH: &str = "etc/os-release";

fn read(text: &str) -> Extracted {
    extract(&OsRelease, PATH, text.as_bytes())
}

fn ecosystem(text: &str) -> String {
    let distro = read(text).distro.unwrap();
    distro.ecosystem.map_or_else(|| "none".to_owned(), |ecosystem| ecosystem.to_string())
}

#[test]
fn paths_wanted_are_the_two_of_the_manual() {
    assert!(OsRelease.wants(PATH));
    assert!(OsRelease.wants("usr/lib/os-release"));
    assert!(!OsRelease.wants("home/etc/os-release"));
}

#[test]
fn distribution_typical_is_named() {
    let distro = read(include_str!("testdata/debian-12")).distro.unwrap();
    assert_eq!(distro.id, "debian");
    assert_eq!(distro.version_id.as_deref(), Some("12"));
    assert_eq!(distro.pretty_name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    assert_eq!(distro.ecosystem.unwrap().to_string(), "Debian:12");
    assert_eq!(ecosystem(include_str!("testdata/alpine-edge")), "Alpine:edge");
}

#[test]
fn ecosystem_is_named_as_osv_names_it() {
    for (id, version, expected) in [
        ("almalinux", "9.4", "AlmaLinux:9"),
        ("alpaquita", "stream", "Alpaquita:stream"),
        ("alpine", "3.20.3", "Alpine:v3.20"),
        ("amzn", "2023", "Amazon Linux:2023"),
        ("azurelinux", "3.0", "Azure Linux:3"),
        ("centos", "7", "CentOS:7"),
        ("chainguard", "20230214", "Chainguard"),
        ("debian", "12", "Debian:12"),
        ("fedora", "40", "Fedora:40"),
        ("mageia", "9", "Mageia:9"),
        ("mariner", "2.0", "Azure Linux:2"),
        ("minimos", "20240101", "MinimOS"),
        ("ol", "8.10", "Oracle Linux:8"),
        ("openEuler", "24.03", "openEuler:24.03"),
        ("opensuse-leap", "15.5", "openSUSE:Leap 15.5"),
        ("opensuse-tumbleweed", "20240801", "openSUSE:Tumbleweed"),
        ("photon", "5.0", "Photon OS:5.0"),
        ("rhel", "9.4", "Red Hat:enterprise_linux:9"),
        ("rocky", "9.4", "Rocky Linux:9"),
        ("sle-micro", "5.5", "SUSE:Linux Enterprise Micro 5.5"),
        ("sled", "15.6", "SUSE:Linux Enterprise Desktop 15 SP6"),
        ("sles", "12", "SUSE:Linux Enterprise Server 12"),
        ("sles", "15.5", "SUSE:Linux Enterprise Server 15 SP5"),
        ("sles", "16.0", "SUSE:Linux Enterprise Server 16.0"),
        ("ubuntu", "22.04", "Ubuntu:22.04:LTS"),
        ("ubuntu", "23.04", "Ubuntu:23.04"),
        ("ubuntu", "24.10", "Ubuntu:24.10"),
        ("wolfi", "20230201", "Wolfi"),
        ("nixos", "24.05", "none"),
    ] {
        assert_eq!(ecosystem(&format!("ID={id}\nVERSION_ID=\"{version}\"\n")), expected);
    }
}

#[test]
fn debian_without_number_is_known_by_codename() {
    assert_eq!(ecosystem("ID=debian\nVERSION_CODENAME=trixie"), "Debian:13");
    assert_eq!(ecosystem("ID=debian\nVERSION_CODENAME=forky"), "Debian:14");
    assert_eq!(ecosystem("ID=debian\nVERSION_CODENAME=new"), "Debian");
    assert_eq!(ecosystem("ID=debian"), "Debian");
}

#[test]
fn open_euler_service_pack_is_part_of_the_release() {
    let text = "ID=\"openEuler\"\nVERSION=\"22.03 (LTS-SP1)\"\nVERSION_ID=\"22.03\"";
    assert_eq!(ecosystem(text), "openEuler:22.03-LTS-SP1");
}

#[test]
fn derivative_counts_as_the_release_that_it_names() {
    let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=21\nUBUNTU_CODENAME=jammy";
    assert_eq!(ecosystem(mint), "Ubuntu:22.04:LTS");
    assert_eq!(ecosystem("ID=lmde\nID_LIKE=debian\nDEBIAN_CODENAME=bookworm"), "Debian:12");
    assert_eq!(ecosystem("ID=other\nID_LIKE=debian\nVERSION_ID=12"), "none");
}

#[test]
fn quoting_is_the_shells() {
    let name = |value: &str| read(&format!("PRETTY_NAME={value}")).distro.unwrap().pretty_name;
    for (value, expected) in [
        ("plain", Some("plain")),
        ("\"with space\"", Some("with space")),
        ("'single $x \\'", Some("single $x \\")),
        (r#""a \"b\" \$c \\ \d""#, Some(r#"a "b" $c \ \d"#)),
        (r"a\ b", Some("a b")),
        ("\"\"", None),
        ("\"open", None),
        ("\"a\"b", None),
        ("'a'b'", None),
    ] {
        assert_eq!(name(value).as_deref(), expected, "{value}");
    }
}

#[test]
fn comments_and_lines_of_other_kinds_are_passed_over() {
    assert_eq!(ecosystem("# ID=alpine\n\r\nnonsense\nID=debian\r\nVERSION_ID='12'\r\n"), "Debian:12");
    assert_eq!(ecosystem("ID=alpine\nID=wolfi\n"), "Wolfi");
}

#[test]
fn file_empty_is_linux() {
    let distro = read("").distro.unwrap();
    assert_eq!((distro.id.as_str(), distro.version_id, distro.ecosystem), ("linux", None, None));
}

#[test]
fn file_truncated_within_quotes_is_a_problem() {
    let extracted = read("ID=debian\nVERSION_ID=\"1");
    assert_eq!(codes(&extracted), [Malformed]);
    assert_eq!(extracted.distro.unwrap().ecosystem.unwrap().to_string(), "Debian");
}

#[test]
fn file_hostile_is_refused() {
    assert_eq!(codes(&extract(&OsRelease, PATH, b"ID=\xff")), [Malformed]);
    assert_eq!(codes(&read(&"A=1\n".repeat(100_000))), [TooLarge]);
    let escape = read("ID=debian\nVERSION_ID=12\u{1b}[2J");
    assert_eq!((codes(&escape), escape.distro.unwrap().version_id), (vec![Malformed], None));
    let long = read(&format!("ID=fedora\nVERSION_ID={}", "9".repeat(200)));
    assert_eq!((codes(&long), long.distro.unwrap().ecosystem), (vec![Malformed], None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_of_any_kind_does_not_panic(text in "(ID|VERSION_ID|PRETTY_NAME)=[\"'\\\\a-z0-9._ é\n]{0,40}") {
        read(&text);
    }

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        extract(&OsRelease, PATH, &bytes);
    }
}
