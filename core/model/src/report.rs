//! How scans end: an inventory, or a failure.

use crate::lease::check_layers;
use crate::life::Happening;
use crate::model::{Model, Step};
use crate::{Answer, Change, Failure, Image, MAX_PROBLEMS, Miss, Reach, Refusal, Report, Scan, State};
use api_vocab::LeaseId;
use std::sync::Arc;

const MAX_REASON: usize = 1024;

impl Model {
    pub(crate) fn report(
        &mut self,
        lease: LeaseId,
        report: Report,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        let (image, state, _) = self.moved(lease, &Happening::Reported, step)?;
        check_layers(&report.layers)?;
        let identity = report.identity.clone();
        let scan = Arc::new(self.scan(report, step));
        let scanned = Image { state, scan: Some(Arc::clone(&scan)), ..(*image).clone() };
        self.put_image(scanned, step);
        let key = self.identified(&image.key, &identity, None, step);
        let key = key.unwrap_or_else(|| Arc::clone(&image.key));
        let in_force = self.images.find(&key).and_then(|image| image.scan.clone());
        let kept = in_force.as_ref().is_some_and(|in_force| Arc::ptr_eq(in_force, &scan));
        let packages = in_force.as_ref().map_or(&scan.packages, |in_force| &in_force.packages);
        let unmatched = self.packages.unmatched_of(packages);
        Ok(Answer::Reported { image: key, kept, unmatched })
    }

    fn scan(&mut self, report: Report, step: &mut Step) -> Scan {
        let (packages, added) = self.packages.number(report.packages);
        if !added.is_empty() {
            step.tell(Change::PackagesAdded(added));
        }
        let problem_count = u32::try_from(report.problems.len()).unwrap_or(u32::MAX);
        let mut problems = report.problems;
        problems.truncate(MAX_PROBLEMS);
        Scan {
            at: step.now,
            packages,
            layers: report.layers.into_iter().map(|diff_id| self.layers.shared(&Arc::new(diff_id))).collect(),
            distro: report.distro,
            problems,
            problem_count,
            extractor_set: report.extractor_set,
            engine: self.shared.text(&report.engine),
            fetched_from: self.shared.text(&report.fetched_from),
        }
    }

    pub(crate) fn fail(
        &mut self,
        lease: LeaseId,
        failure: Failure,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        let failure = Failure { reason: cut(&failure.reason), ..failure };
        let happening = match self.images.under(lease) {
            Some(image) if failure.out_of_reach => self.missed(image, failure),
            _ => Happening::Failed(failure),
        };
        let (image, state, _) = self.moved(lease, &happening, step)?;
        self.put_image(Image { state, ..(*image).clone() }, step);
        Ok(Answer::Done)
    }

    /// An image is not within the reach of the scanner that has it.
    fn missed(&self, image: &Image, failure: Failure) -> Happening {
        let State::Leased { scanner, missed, .. } = &image.state else { return Happening::Failed(failure) };
        let known = self.scanners.get(scanner);
        let miss = Miss {
            scanner: scanner.clone(),
            is_of_node: known.is_some_and(|known| known.registration.reach == Reach::Node),
            kind: failure.kind,
            reason: failure.reason,
        };
        let all: Vec<Miss> = missed.iter().chain([&miss]).cloned().collect();
        let anybody_left = self.images.is_anybody_left(image, &all, &self.scanners);
        Happening::Missed { miss, retry_after: failure.retry_after, anybody_left }
    }
}

fn cut(reason: &Arc<str>) -> Arc<str> {
    match reason.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_REASON).last() {
        Some(end) if end < reason.len() => reason.get(..end).unwrap_or_default().into(),
        _ => Arc::clone(reason),
    }
}
