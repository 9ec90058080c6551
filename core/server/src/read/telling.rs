//! Telling: all standings of one source, then those that change, each once for all that happened
//! since the last look.
//!
//! What waits to be told is a place in a list that the view keeps, or the keys of at most as many
//! notices as the event stream keeps: a slow reader costs no more than that. While advisories come
//! into force piece by piece, findings that change are held back, so that a pod is told once.

use super::fleet::Fleet;
use crate::engine::{EventStream, Replay};
use api_vocab::{Digest, PodKey, SourceId};
use api_wire::standing::StandingLine;
use core_model::{News, Notice, Pod, PodId, Stage, Thresholds};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lines told at once.
const PAGE: usize = 64;
/// Images whose findings are held back; beyond, all is told anew.
const MAX_HELD: usize = 16_384;

/// What one follower was told, and what is still to be said.
pub struct Telling {
    source: Arc<SourceId>,
    thresholds: Thresholds,
    /// Events up to this one are told, or are about to be.
    taken: u64,
    todo: Todo,
    held: Held,
}

/// Images whose findings changed while it was not the time to tell.
#[derive(Default)]
struct Held {
    images: BTreeSet<Digest>,
    too_many: bool,
}

/// What is still to be said.
enum Todo {
    /// All pods after this one, then all listed images.
    Pods(Option<PodKey>),
    /// All listed images after this one.
    Images(Option<Digest>),
    /// What changed.
    Changes(Changes),
    /// Nothing.
    Nothing,
}

/// Pods and images that changed.
#[derive(Default)]
struct Changed {
    pods: BTreeSet<PodKey>,
    images: BTreeSet<Digest>,
}

/// Pods and images that changed, both ascending; told are those that were passed.
#[derive(Default)]
struct Changes {
    pods: Vec<PodKey>,
    pod: usize,
    images: Vec<Digest>,
    image: usize,
    /// The last pod told of the image at hand.
    after: Option<PodKey>,
}

impl Telling {
    /// Everything of `source` as of the stream's last event, then what follows that.
    pub fn new(source: SourceId, thresholds: Thresholds, stream: &EventStream) -> Self {
        // Events are in the view before they are in the stream: none is lost in between.
        let (source, taken) = (Arc::new(source), stream.last());
        Telling { source, thresholds, taken, todo: Todo::Pods(None), held: Held::default() }
    }

    /// Some of what is to be told; empty if that is nothing. Findings that change while `hold`
    /// holds are told once it does not.
    pub fn lines(&mut self, fleet: Fleet<'_>, stream: &EventStream, hold: bool) -> Vec<StandingLine> {
        loop {
            let (lines, todo) = match std::mem::replace(&mut self.todo, Todo::Nothing) {
                Todo::Pods(after) => self.all_pods(fleet, after),
                Todo::Images(after) => self.all_images(fleet, after),
                Todo::Changes(mut changes) => match self.changed(fleet, &mut changes) {
                    lines if lines.is_empty() => (lines, Todo::Nothing),
                    lines => (lines, Todo::Changes(changes)),
                },
                Todo::Nothing => match self.news(fleet, stream, hold) {
                    Some(todo) => (Vec::new(), todo),
                    None => return Vec::new(),
                },
            };
            self.todo = todo;
            if !lines.is_empty() {
                return lines;
            }
        }
    }

    fn all_pods(&self, fleet: Fleet<'_>, after: Option<PodKey>) -> (Vec<StandingLine>, Todo) {
        let pods = fleet.view.pods_of_source_after(&self.source, None, after.as_ref(), PAGE);
        let next = pods.last().map_or(Todo::Images(None), |last| Todo::Pods(Some(last.id.key.clone())));
        (pods.iter().map(|pod| self.pod(fleet, pod)).collect(), next)
    }

    fn all_images(&self, fleet: Fleet<'_>, after: Option<Digest>) -> (Vec<StandingLine>, Todo) {
        let listed = fleet.view.listed_after(&self.source, after.as_ref(), PAGE);
        match listed.last().cloned() {
            Some(last) => {
                let lines = listed.into_iter().map(|digest| self.image(fleet, digest));
                (lines.collect(), Todo::Images(Some(last)))
            }
            None => (vec![StandingLine::Whole], Todo::Nothing),
        }
    }

    fn pod(&self, fleet: Fleet<'_>, pod: &Pod) -> StandingLine {
        StandingLine::Pod { pod: fleet.pod_standing(pod, self.thresholds) }
    }

    fn image(&self, fleet: Fleet<'_>, digest: Digest) -> StandingLine {
        StandingLine::Image { image: fleet.image_standing(digest, self.thresholds) }
    }

    /// What is to be told because of what happened; nothing if nothing did.
    fn news(&mut self, fleet: Fleet<'_>, stream: &EventStream, hold: bool) -> Option<Todo> {
        let notices = match stream.replay(self.taken, usize::MAX) {
            Replay::Notices(notices) => notices,
            // Too much of it is not kept any more: say everything anew.
            Replay::Missed(_) => return Some(self.anew(stream)),
        };
        if let Some(last) = notices.last() {
            self.taken = last.id;
        }
        let mut changes = self.changes(fleet, &notices);
        if !hold && self.held.too_many {
            return Some(self.anew(stream));
        }
        if !hold {
            changes.images.append(&mut self.held.images);
        }
        (!changes.is_empty()).then(|| Todo::Changes(changes.in_order()))
    }

    fn anew(&mut self, stream: &EventStream) -> Todo {
        self.taken = stream.last();
        self.held = Held::default();
        Todo::Pods(None)
    }

    /// What these notices change; findings are held for now.
    fn changes(&mut self, fleet: Fleet<'_>, notices: &[Arc<Notice>]) -> Changed {
        let mut changed = Changed::default();
        for notice in notices {
            match &notice.news {
                News::PodPresent(id) if *id.source == *self.source => {
                    changed.pods.extend([id.key.clone()]);
                }
                News::ImageListed { source, image } if *source == *self.source => {
                    changed.images.extend(key_of(fleet, image));
                }
                // Its findings follow within moments: until then it would seem unknown.
                News::ImageState { image, stage: Stage::Scanned | Stage::Partial, .. }
                | News::FindingsChanged { image, .. }
                    if is_being_matched(fleet, image) => {}
                News::ImageState { image, .. } | News::ImageMerged { image, .. } => {
                    changed.images.extend(key_of(fleet, image));
                }
                News::FindingsChanged { image, .. } => self.held.add(key_of(fleet, image)),
                News::PodPresent(_)
                | News::PodGone(_)
                | News::ImageListed { .. }
                | News::ImageUnlisted { .. }
                | News::ImageRetired { .. }
                | News::RevisionChanged { .. } => {}
            }
        }
        changed
    }

    /// Some of what changed and was not told; empty if all of it was.
    fn changed(&self, fleet: Fleet<'_>, changes: &mut Changes) -> Vec<StandingLine> {
        while let Some(key) = changes.pods.get(changes.pod).cloned() {
            changes.pod += 1;
            let pod = fleet.view.pod(&PodId { source: Arc::clone(&self.source), key });
            // Pods of images that changed are told along with these.
            if let Some(pod) = pod.filter(|pod| changes.first_of(pod).is_none()) {
                return vec![self.pod(fleet, &pod)];
            }
        }
        while let Some(key) = changes.images.get(changes.image).cloned() {
            let pods = fleet.view.pods_of_image_in(&self.source, &key, changes.after.as_ref(), PAGE);
            let lines: Vec<StandingLine> = match pods.last() {
                Some(last) => {
                    changes.after = Some(last.id.key.clone());
                    let first = pods.iter().filter(|pod| changes.first_of(pod) == Some(&key));
                    first.map(|pod| self.pod(fleet, pod)).collect()
                }
                None => {
                    changes.after = None;
                    changes.image += 1;
                    let image = fleet.view.image(&key);
                    let listed = image.map(|image| fleet.view.listed_as(&self.source, &image));
                    listed.into_iter().flatten().map(|digest| self.image(fleet, digest)).collect()
                }
            };
            if !lines.is_empty() {
                return lines;
            }
        }
        Vec::new()
    }
}

impl Held {
    fn add(&mut self, image: Option<Digest>) {
        if self.images.len() < MAX_HELD {
            self.images.extend(image);
        } else {
            (self.images, self.too_many) = (BTreeSet::new(), true);
        }
    }
}

impl Changed {
    fn is_empty(&self) -> bool {
        self.pods.is_empty() && self.images.is_empty()
    }

    fn in_order(self) -> Changes {
        let (pods, images) = (self.pods.into_iter().collect(), self.images.into_iter().collect());
        Changes { pods, images, ..Changes::default() }
    }
}

impl Changes {
    /// The first of a pod's images that changed: the pod is told with that one, and with no other.
    fn first_of<'a>(&self, pod: &'a Pod) -> Option<&'a Digest> {
        let changed = |key: &&Digest| self.images.binary_search(key).is_ok();
        pod.images().into_iter().map(|key| &**key).filter(changed).min()
    }
}

/// Whether some of an image's packages are still to be matched, which will be news.
fn is_being_matched(fleet: Fleet<'_>, image: &Digest) -> bool {
    fleet.view.tally(image).is_some_and(|tally| tally.unmatched > 0)
}

/// The key by which an image is known now.
fn key_of(fleet: Fleet<'_>, digest: &Digest) -> Option<Digest> {
    fleet.view.image(digest).map(|image| (*image.key).clone())
}

#[cfg(test)]
mod tests;
