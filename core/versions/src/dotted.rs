//! Versions that are numbers between dots and hyphens, as Haskell and R packages have them.

use crate::digits::{compare_numbers, is_number};
use std::cmp::Ordering;

#[derive(Debug, Clone, Copy)]
pub(crate) struct DottedVersion<'a>(&'a [u8]);

impl<'a> DottedVersion<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.trim_ascii().as_bytes();
        parts(bytes).all(is_number).then_some(DottedVersion(bytes))
    }

    /// More parts are later: 1.2 before 1.2.0.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (parts(self.0), parts(other.0));
        loop {
            let order = match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                (Some(x), Some(y)) => compare_numbers(x, y),
                (x, y) => x.is_some().cmp(&y.is_some()),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
    }
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| matches!(b, b'.' | b'-'))
}
