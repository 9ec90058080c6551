//! Hostile Berkeley databases, made of a real one.

use super::{DATABASES, has};
use crate::rpm::Rpm;
use crate::testing::extract;
use api_vocab::ProblemCode::{Malformed, Truncated, Unsupported};

const PATH: &str = "var/lib/rpm/Packages";
const PAGE: usize = 4096;

fn real() -> Vec<u8> {
    DATABASES[2].bytes.to_vec()
}

fn pages_of_kind(bytes: &[u8], kind: u8) -> Vec<usize> {
    (1..bytes.len() / PAGE).filter(|page| bytes[page * PAGE + 25] == kind).collect()
}

#[test]
fn overflow_chain_in_a_circle_ends() {
    let mut bytes = real();
    for page in pages_of_kind(&bytes, 7) {
        let link = u32::try_from(page).unwrap().to_le_bytes();
        bytes[page * PAGE + 16..page * PAGE + 20].copy_from_slice(&link);
    }
    assert!(has(&extract(&Rpm, PATH, &bytes), Malformed));
}

#[test]
fn overflow_page_without_content_ends_the_chain() {
    let mut bytes = real();
    for page in pages_of_kind(&bytes, 7) {
        bytes[page * PAGE + 22..page * PAGE + 24].fill(0);
    }
    let extracted = extract(&Rpm, PATH, &bytes);
    assert!(has(&extracted, Malformed));
    assert_eq!(extracted.packages, []);
}

#[test]
fn overflow_chain_of_another_length_is_malformed() {
    let mut bytes = real();
    for page in pages_of_kind(&bytes, 7) {
        bytes[page * PAGE + 22..page * PAGE + 24].copy_from_slice(&5_u16.to_le_bytes());
    }
    assert!(has(&extract(&Rpm, PATH, &bytes), Malformed));
}

#[test]
fn page_of_more_items_than_fit_is_malformed() {
    let mut bytes = real();
    for page in pages_of_kind(&bytes, 13).into_iter().chain(pages_of_kind(&bytes, 2)) {
        bytes[page * PAGE + 20..page * PAGE + 22].fill(0xff);
    }
    assert!(has(&extract(&Rpm, PATH, &bytes), Malformed));
}

#[test]
fn page_of_another_kind_is_malformed() {
    let mut bytes = real();
    let page = pages_of_kind(&bytes, 13)[0];
    bytes[page * PAGE + 25] = 5;
    assert!(has(&extract(&Rpm, PATH, &bytes), Malformed));
}

#[test]
fn database_that_ends_early_is_truncated() {
    let bytes = real();
    assert!(has(&extract(&Rpm, PATH, &bytes[..bytes.len() - PAGE]), Truncated));
}

#[test]
fn database_encrypted_or_checksummed_is_unsupported() {
    for at in [24, 26] {
        let mut bytes = real();
        bytes[at] = 1;
        assert!(has(&extract(&Rpm, PATH, &bytes), Unsupported));
    }
}

#[test]
fn database_of_other_page_sizes_is_malformed() {
    for size in [0_u32, 1, 511, 1000, 1 << 17, u32::MAX] {
        let mut bytes = real();
        bytes[20..24].copy_from_slice(&size.to_le_bytes());
        assert!(has(&extract(&Rpm, PATH, &bytes), Malformed), "{size}");
    }
}
