//! Any text as a name of ours: no panic, and what was parsed is written so that it parses to the
//! same.

#![no_main]

use api_vocab::{
    Digest, Ecosystem, ImageRef, LeaseId, Owner, Package, Platform, PodKey, Purl, ReportedImage, SourceId, Timestamp,
};
use libfuzzer_sys::fuzz_target;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fuzz_target!(|text: &str| {
    same::<Digest>(text);
    same::<Ecosystem>(text);
    same::<ImageRef>(text);
    same::<LeaseId>(text);
    same::<Owner>(text);
    same::<Platform>(text);
    same::<PodKey>(text);
    same::<SourceId>(text);
    same::<Timestamp>(text);
    let _ = text.parse::<ReportedImage>();
    for ecosystem in ["Debian:12", "npm", "Go", "Maven", "PyPI"] {
        if let Ok(package) = Package::new(ecosystem.parse().unwrap(), text, text) {
            assert!(Purl::of(&package, None).is_none_or(|purl| purl.as_str().starts_with("pkg:")));
        }
    }
});

fn same<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(parsed) = text.parse::<T>() {
        assert_eq!(parsed.to_string().parse::<T>().ok(), Some(parsed));
    }
}
