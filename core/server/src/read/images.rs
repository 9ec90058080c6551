//! Images: which of them a reader asks for, and in which order.

use super::fleet::Fleet;
use super::pods::{PodFilter, parsed};
use api_vocab::{Digest, Severity};
use api_wire::image::{ImageQuery, ImageSort};
use core_model::{Image, Stage};
use std::sync::Arc;

/// Which images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFilter {
    stages: Vec<Stage>,
    reference: Option<String>,
    severity: Option<Severity>,
    run_by: PodFilter,
}

/// An image's place in a list: its rank, then its key.
pub type ImagePlace = ([u64; 4], Digest);

impl ImageFilter {
    /// The filter of a query, or what is wrong with it; `stages` are meant where it names none.
    pub fn of(query: &ImageQuery, stages: &[Stage]) -> Result<Self, String> {
        let asked: Option<Stage> = parsed("state", query.state.as_deref())?;
        Ok(ImageFilter {
            stages: asked.map_or_else(|| stages.to_vec(), |stage| vec![stage]),
            reference: query.reference.clone(),
            severity: parsed("severity", query.severity.as_deref())?,
            run_by: PodFilter::of_place(
                query.source.as_deref(),
                query.namespace.as_deref(),
                query.owner.as_deref(),
            )?,
        })
    }
}

impl<'a> Fleet<'a> {
    /// Images that pass `filter`, by key, after `after`.
    pub fn images(
        self,
        filter: &'a ImageFilter,
        after: Option<Digest>,
    ) -> impl Iterator<Item = Arc<Image>> + 'a {
        self.all_images(after).filter(move |image| self.passes(filter, image))
    }

    fn passes(self, filter: &ImageFilter, image: &Image) -> bool {
        let referred = |part: &String| image.references.iter().any(|text| text.contains(part.as_str()));
        filter.stages.contains(&image.stage())
            && filter.reference.as_ref().is_none_or(referred)
            && filter.severity.is_none_or(|least| self.has_finding(&image.key, least))
            && self.is_run_by(&image.key, &filter.run_by)
    }

    /// Whether the image with this key has a finding of at least this severity.
    pub fn has_finding(self, key: &Digest, least: Severity) -> bool {
        let tally = self.view.tally(key).unwrap_or_default();
        Severity::ALL.iter().any(|severity| *severity >= least && tally.of(*severity) > 0)
    }

    /// Where `image` stands in a list sorted by `sort`.
    pub fn place(self, image: &Image, sort: ImageSort) -> ImagePlace {
        let rank = match sort {
            ImageSort::Digest => [0; 4],
            ImageSort::Pods => [self.view.pods_of_image(&image.key), 0, 0, 0],
            ImageSort::FirstSeen => [image.first_seen.as_millis().try_into().unwrap_or_default(), 0, 0, 0],
            ImageSort::Severity => {
                let found = self.view.tally(&image.key).unwrap_or_default().findings;
                [found.critical, found.high, found.medium, found.low]
            }
        };
        (rank, (*image.key).clone())
    }
}
