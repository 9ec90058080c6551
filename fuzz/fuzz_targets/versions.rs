//! Any three versions in every scheme: no panic, and an order is an order.

#![no_main]

use core_versions::{Constraint, Scheme};
use libfuzzer_sys::fuzz_target;
use std::cmp::Ordering;

const SCHEMES: &[&str] = &[
    "Debian:12", "AlmaLinux:9", "Alpine:v3.18", "npm", "PyPI", "Maven", "RubyGems", "NuGet", "Go", "Packagist",
    "crates.io", "Hex", "CRAN", "Hackage", "Pub", "Bitnami",
];

fuzz_target!(|texts: (&str, &str, &str)| {
    let (a, b, c) = texts;
    let constraint = a.parse::<Constraint>();
    for name in SCHEMES {
        let ecosystem: api_vocab::Ecosystem = name.parse().unwrap();
        let Some(scheme) = Scheme::of(ecosystem.family()) else { continue };
        if let Ok(constraint) = &constraint {
            let _ = constraint.matches(scheme, b);
        }
        let (Ok(ab), Ok(bc)) = (scheme.compare(a, b), scheme.compare(b, c)) else { continue };
        assert_eq!(scheme.compare(b, a), Ok(ab.reverse()), "{name}");
        assert_eq!(scheme.compare(a, a), Ok(Ordering::Equal), "{name}");
        if ab == bc {
            assert_eq!(scheme.compare(a, c), Ok(ab), "{name}");
        }
    }
});
