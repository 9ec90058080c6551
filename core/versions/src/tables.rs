//! Every scheme against its tables, its native tool, and the laws of order.
//!
//! `testdata/<scheme>.txt` is by hand, `<scheme>-native.txt` by the ecosystem's own tool
//! (`testdata/generate.py`). Lines are `a < b`, `a = b`, `a > b`, and `! text` for no version.

use crate::Scheme;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::process::Command;

const TABLES: &[(Scheme, &str)] = &[
    (Scheme::Alpine, include_str!("../testdata/alpine.txt")),
    (Scheme::Composer, include_str!("../testdata/composer.txt")),
    (Scheme::Debian, include_str!("../testdata/debian.txt")),
    (Scheme::Debian, include_str!("../testdata/debian-native.txt")),
    (Scheme::Dotted, include_str!("../testdata/dotted.txt")),
    (Scheme::Gem, include_str!("../testdata/gem.txt")),
    (Scheme::Gem, include_str!("../testdata/gem-native.txt")),
    (Scheme::Go, include_str!("../testdata/go.txt")),
    (Scheme::Maven, include_str!("../testdata/maven.txt")),
    (Scheme::Maven, include_str!("../testdata/maven-native.txt")),
    (Scheme::NuGet, include_str!("../testdata/nuget.txt")),
    (Scheme::Pep440, include_str!("../testdata/pep440.txt")),
    (Scheme::Pep440, include_str!("../testdata/pep440-native.txt")),
    (Scheme::Rpm, include_str!("../testdata/rpm.txt")),
    (Scheme::Rpm, include_str!("../testdata/rpm-native.txt")),
    (Scheme::Semver, include_str!("../testdata/semver.txt")),
    (Scheme::Semver, include_str!("../testdata/semver-native.txt")),
];

/// The pairs of a table, and how they compare.
fn pairs(table: &str) -> impl Iterator<Item = (&str, Ordering, &str)> {
    let signs = [(" < ", Ordering::Less), (" = ", Ordering::Equal), (" > ", Ordering::Greater)];
    table.lines().filter(|line| !line.starts_with(['#', '!'])).map(move |line| {
        let split = |(sign, order)| line.split_once(sign).map(|(a, b)| (a, order, b));
        signs.into_iter().find_map(split).unwrap_or_else(|| panic!("{line}"))
    })
}

#[test]
fn version_in_table_compares_as_it_says() {
    let mut wrong = Vec::new();
    for (scheme, table) in TABLES {
        for (a, order, b) in pairs(table) {
            for (a, order, b) in [(a, order, b), (b, order.reverse(), a)] {
                let ours = scheme.compare(a, b);
                if ours != Ok(order) {
                    wrong.push(format!("{scheme}: {a} {b}: expected {order:?}, got {ours:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn text_that_is_no_version_is_refused() {
    for (scheme, table) in TABLES {
        for text in table.lines().filter_map(|line| line.strip_prefix('!')) {
            assert!(scheme.parse(text.trim()).is_err(), "{scheme}: {text}");
        }
    }
}

#[test]
fn debian_version_compares_as_dpkg_here_does() {
    if Command::new("dpkg").arg("--version").output().is_err() {
        return;
    }
    let table = include_str!("../testdata/debian-native.txt");
    for (a, order, b) in pairs(table).step_by(20) {
        let relation = match order {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let status =
            Command::new("dpkg").args(["--compare-versions", a, relation, b]).output().unwrap().status;
        assert!(status.success(), "{a} {relation} {b}");
    }
}

/// Versions of every scheme, from the tables and made up.
fn any_version() -> impl Strategy<Value = String> {
    let known: Vec<String> = TABLES
        .iter()
        .flat_map(|(_, table)| pairs(table).flat_map(|(a, _, b)| [a.to_owned(), b.to_owned()]))
        .collect();
    prop_oneof![
        prop::sample::select(known),
        "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}((-|_|~|\\^|\\+|\\.|)(alpha|beta|rc|r|p|git|pre|a|final|sp)?[0-9]{0,2}){0,2}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn order_is_total(a in any_version(), b in any_version(), c in any_version()) {
        for (scheme, _) in TABLES {
            let (Ok(x), Ok(y), Ok(z)) = (scheme.parse(&a), scheme.parse(&b), scheme.parse(&c)) else { continue };
            prop_assert_eq!(x.partial_cmp(&x), Some(Ordering::Equal));
            prop_assert_eq!(x.partial_cmp(&y), y.partial_cmp(&x).map(Ordering::reverse), "{} {} {}", scheme, a, b);
            // Maven's own order has circles: 1.a-1~x < 1.0.a1 < 1 < 1.a-1~x.
            if x <= y && y <= z && *scheme != Scheme::Maven {
                prop_assert!(x <= z, "{}: {} {} {}", scheme, a, b, c);
            }
        }
    }

    #[test]
    fn any_text_never_panics(text in ".{0,60}") {
        for (scheme, _) in TABLES {
            if let Ok(version) = scheme.parse(&text) {
                prop_assert_eq!(version.partial_cmp(&version), Some(Ordering::Equal));
            }
        }
    }

    #[test]
    fn strict_semver_compares_as_the_crate_does(
        a in "[0-9]\\.[0-9]\\.[0-9](-(alpha|beta|[1-9]|x-y)(\\.(alpha|[1-9]|rc)){0,2})?",
        b in "[0-9]\\.[0-9]\\.[0-9](-(alpha|beta|[1-9]|x-y)(\\.(alpha|[1-9]|rc)){0,2})?",
    ) {
        let strict = |text: &str| semver::Version::parse(text).unwrap();
        prop_assert_eq!(Scheme::Semver.compare(&a, &b), Ok(strict(&a).cmp_precedence(&strict(&b))));
    }
}
