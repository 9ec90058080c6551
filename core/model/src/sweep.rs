//! What time and operators bring about.

use crate::life::{Happening, Unmoved, next};
use crate::model::{Model, Step};
use crate::{Answer, Change, Image, Refusal, Source, SourceHealth, State};
use api_vocab::{Digest, ExtractorSet, Timestamp};
use std::sync::Arc;

/// Images that one sweep retires, so that nobody waits for long; the rest follow at once. All of a
/// cluster's fall due in the same moment, a day after it was forgotten.
const MAX_RETIRED: usize = 100;

impl Model {
    pub(crate) fn sweep(&mut self, step: &mut Step) -> Answer {
        let mut retired = 0;
        while let Some((due, image)) = self.images.first_due() {
            let image = Arc::clone(image);
            if due > step.now || retired == MAX_RETIRED {
                break;
            }
            retired += usize::from(self.is_retired(&image, step.now));
            if !self.sweep_image(&image, step) {
                break;
            }
        }
        self.sweep_sources(step);
        self.sweep_scanners(step);
        let before = step.now - self.settings.retention;
        for (diff_id, extractor_set) in self.layers.forget_idle(before, step.now) {
            step.tell(Change::LayerForgotten { diff_id, extractor_set });
        }
        self.shared.prune();
        let opened = self.images.queue().has_opened(self.swept, step.now, &self.settings);
        self.swept = step.now;
        Answer::Swept { next: self.next_sweep(step.now), opened }
    }

    /// Bring an image further whose time has come; answers whether that was possible.
    fn sweep_image(&mut self, image: &Image, step: &mut Step) -> bool {
        if self.is_retired(image, step.now) {
            self.retire(image, step);
            return true;
        }
        match next(&image.state, &Happening::Swept, self.at(&image.key, step)) {
            Ok(state) => {
                self.put_image(Image { state, ..image.clone() }, step);
                true
            }
            Err(_) => false,
        }
    }

    fn is_retired(&self, image: &Image, now: Timestamp) -> bool {
        let leased = matches!(image.state, State::Leased { .. });
        !leased && image.unused_since.is_some_and(|since| since + self.settings.retention <= now)
    }

    fn retire(&mut self, image: &Image, step: &mut Step) {
        self.images.remove(&image.key, &self.settings);
        step.tell(Change::ImageRetired { image: Arc::clone(&image.key) });
        self.scan_replaced(&image.key, image.scan.as_deref(), None, step);
    }

    fn sweep_sources(&mut self, step: &mut Step) {
        let stale = |source: &&Arc<Source>| {
            source.health == SourceHealth::Fresh
                && step.now.since(source.last_seen) >= self.settings.source_stale
        };
        let stale: Vec<_> = self.sources.values().filter(stale).cloned().collect();
        for source in stale {
            self.put_source(Source { health: SourceHealth::Stale, ..(*source).clone() }, step);
        }
    }

    fn sweep_scanners(&mut self, step: &mut Step) {
        let unseen = self.scanners.values().filter(|scanner| {
            step.now.since(scanner.last_seen) >= self.settings.scanner_unseen
                && self.images.held_by(&scanner.registration.name) == 0
        });
        let names: Vec<_> = unseen.map(|scanner| scanner.registration.name.clone()).collect();
        for name in names {
            if let Some(scanner) = self.scanners.remove(&name) {
                self.images.staff(&scanner.registration, false);
            }
            step.tell(Change::ScannerForgotten(name));
        }
    }

    fn next_sweep(&self, now: Timestamp) -> Option<Timestamp> {
        let image = self.images.first_due().map(|(due, _)| due);
        let fresh = self.sources.values().filter(|source| source.health == SourceHealth::Fresh);
        let source = fresh.map(|source| source.last_seen + self.settings.source_stale).min();
        let idle =
            self.scanners.values().filter(|scanner| self.images.held_by(&scanner.registration.name) == 0);
        let scanner = idle.map(|scanner| scanner.last_seen + self.settings.scanner_unseen).min();
        let layer = self.layers.idle_since().map(|since| since + self.settings.retention);
        let open = self.images.queue().next_open(now, &self.settings);
        [image, source, scanner, layer, open].into_iter().flatten().min()
    }

    pub(crate) fn rescan(&mut self, digest: &Digest, step: &mut Step) -> Result<Answer, Refusal> {
        let image = self.images.find(digest).ok_or_else(|| Refusal::UnknownImage(digest.clone()))?;
        let image = Arc::clone(image);
        let asked = next(&image.state, &Happening::Asked, self.at(&image.key, step));
        let state = asked.map_err(|unmoved| {
            let key = (*image.key).clone();
            if unmoved == Unmoved::Queued { Refusal::AlreadyQueued(key) } else { Refusal::AlreadyLeased(key) }
        })?;
        self.put_image(Image { state, ..(*image).clone() }, step);
        Ok(Answer::Done)
    }

    pub(crate) fn want_extractors(&mut self, wanted: ExtractorSet, step: &mut Step) -> Answer {
        if self.extractor_set.as_ref() != Some(&wanted) {
            self.extractor_set = Some(wanted.clone());
            step.tell(Change::ExtractorsWanted(wanted.clone()));
        }
        for (diff_id, extractor_set) in self.layers.forget_others(&wanted) {
            step.tell(Change::LayerForgotten { diff_id, extractor_set });
        }
        let outdated = |image: &&Arc<Image>| image.scan.as_ref().is_some_and(|scan| !self.is_current(scan));
        let outdated: Vec<_> = self.images.sorted().into_iter().filter(outdated).cloned().collect();
        let mut requeued = 0;
        for image in outdated {
            if let Ok(state) = next(&image.state, &Happening::Outdated, self.at(&image.key, step)) {
                self.put_image(Image { state, ..(*image).clone() }, step);
                requeued += 1;
            }
        }
        Answer::Requeued(requeued)
    }
}
