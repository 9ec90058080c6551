//! Misses: scanners within whose reach an image is not, so that others are asked for it.

use crate::images::{Images, suits};
use crate::{FailureKind, Image, Reach, Registration, Scanner, State};
use api_vocab::ScannerName;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Misses after which nobody else is asked.
const MAX_MISSES: usize = 16;
/// Misses after which only scanners are asked that reach more than their node.
const MAX_NODES: usize = 4;
/// Characters that remain of each reason where there are several.
const MAX_REASON: usize = 160;

/// A scanner that was asked for an image which is not within its reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// Which.
    pub scanner: ScannerName,
    /// Whether it reaches nothing but its node.
    pub is_of_node: bool,
    /// Whether it may be within its reach later.
    pub kind: FailureKind,
    /// What it said.
    pub reason: Arc<str>,
}

/// Whether later attempts are no use either: for nobody, and not because nodes alone were asked.
pub(crate) fn is_final(missed: &[Miss]) -> bool {
    missed.iter().all(|miss| miss.kind == FailureKind::Permanent)
        && missed.iter().any(|miss| !miss.is_of_node)
}

/// What all of them said.
pub(crate) fn reasons(missed: &[Miss]) -> Arc<str> {
    if let [only] = missed {
        return Arc::clone(&only.reason);
    }
    let said = missed.iter().map(|miss| {
        let reason: String = miss.reason.chars().take(MAX_REASON).collect();
        format!("{}: {reason}", miss.scanner)
    });
    said.collect::<Vec<_>>().join("; ").into()
}

/// Whether an image that was missed may be within the reach of a scanner that has its chance.
fn may_reach(scanner: &Registration, missed: &[Miss]) -> bool {
    !missed.iter().any(|miss| miss.scanner == scanner.name)
        && (scanner.reach != Reach::Node || missed.len() < MAX_NODES)
}

impl Images {
    /// Whether anybody is left who may have an image that these missed.
    pub(crate) fn is_anybody_left(
        &self,
        image: &Image,
        missed: &[Miss],
        scanners: &BTreeMap<ScannerName, Arc<Scanner>>,
    ) -> bool {
        let may_have = |scanner: &Registration| {
            may_reach(scanner, missed)
                && suits(scanner, image)
                && (scanner.reach != Reach::Node || self.nodes().runs(scanner, &image.key))
        };
        missed.len() < MAX_MISSES && scanners.values().any(|scanner| may_have(&scanner.registration))
    }

    /// Whether an image that waits is for this scanner: one that missed it comes last.
    pub(crate) fn is_offered(
        &self,
        image: &Image,
        scanner: &Registration,
        scanners: &BTreeMap<ScannerName, Arc<Scanner>>,
    ) -> bool {
        let State::Queued { missed, .. } = &image.state else { return false };
        missed.is_empty() || may_reach(scanner, missed) || !self.is_anybody_left(image, missed, scanners)
    }
}
