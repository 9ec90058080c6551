//! Which extractors are wanted: the newest that a scanner brings, so that an upgrade of the
//! scanners is enough to have images extracted again, and an old scanner does not undo it.

use crate::engine::{Engine, EngineError};
use core_model::{Command, Registration, View};
use core_versions::Scheme;
use std::cmp::Ordering;

/// Have the extractors of a scanner that registers wanted, if they are to be.
pub async fn offer(engine: &Engine, view: &View, registration: &Registration) -> Result<(), EngineError> {
    if !is_wanted(view, registration) {
        return Ok(());
    }
    let extractor_set = registration.extractor_set.clone();
    tracing::info!(%extractor_set, "extractors wanted");
    engine.apply(Command::WantExtractors { extractor_set }).await.map(drop)
}

/// Whether a scanner's extractors are to take the place of the wanted ones: where none are
/// wanted, where no other scanner has those any more, or where its version is later than theirs.
fn is_wanted(view: &View, registration: &Registration) -> bool {
    let Some(wanted) = view.totals().extractor_set else { return true };
    if wanted == registration.extractor_set {
        return false;
    }
    let others = view.scanners_after(None, usize::MAX).into_iter().filter(|scanner| {
        scanner.registration.name != registration.name && scanner.registration.extractor_set == wanted
    });
    others.into_iter().all(|other| {
        let order = Scheme::Semver.compare(&registration.version, &other.registration.version);
        order == Ok(Ordering::Greater)
    })
}
