//! What perceivers tell: pods come, change and go.

use crate::model::{Model, Step};
use crate::{
    Answer, Change, Container, Image, Named, Observation, ObservationRefusal, Observed, ObservedContainer,
    ObservedPod, Pod, PodId, Refusal, Source, SourceHealth,
};
use api_vocab::{Digest, SourceId, Uid};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::sync::Arc;

const MAX_CONTAINERS: usize = 128;
const MAX_LABELS: usize = 64;
/// Entries of any list of what surrounds a pod.
const MAX_ENTRIES: usize = 64;
/// Bytes of a pod's labels and of all that surrounds it.
const MAX_TEXT: usize = 32 << 10;
const MAX_NAME: usize = 512;
const MAX_VALUE: usize = 1024;

impl Model {
    pub(crate) fn observe(
        &mut self,
        source: &SourceId,
        observations: Vec<Observation>,
        step: &mut Step,
    ) -> Answer {
        self.heard(source, false, step);
        let shared = self.shared.source(source);
        let mut observed = Observed::default();
        for (index, observation) in observations.into_iter().enumerate() {
            let taken = match observation {
                Observation::PodPresent(pod) => self.take_pod(&shared, pod, step).map(drop),
                Observation::PodGone(key) => {
                    self.drop_pod(&PodId { source: Arc::clone(&shared), key }, step);
                    Ok(())
                }
                Observation::ImagePresent(image) => self.take_image(&shared, &image, step),
                Observation::ImageGone(digest) => {
                    self.drop_image(&shared, &digest, step);
                    Ok(())
                }
            };
            observed.count(index, taken);
        }
        Answer::Observed(observed)
    }

    pub(crate) fn observe_all(
        &mut self,
        source: &SourceId,
        pods: Vec<ObservedPod>,
        step: &mut Step,
    ) -> Answer {
        self.heard(source, true, step);
        let shared = self.shared.source(source);
        let mut observed = Observed::default();
        let mut present = BTreeSet::new();
        for (index, pod) in pods.into_iter().enumerate() {
            // A pod that is refused is there nonetheless: what was known of it stays.
            present.insert(PodId { source: Arc::clone(&shared), key: pod.key.clone() });
            observed.count(index, self.take_pod(&shared, pod, step));
        }
        self.drop_absent(source, |id| present.contains(id), step);
        self.drop_unlisted(source, &BTreeSet::new(), step);
        Answer::Observed(observed)
    }

    pub(crate) fn observe_rest(
        &mut self,
        source: &SourceId,
        named: &Named,
        images: Vec<Digest>,
        step: &mut Step,
    ) -> Answer {
        self.heard(source, true, step);
        let named: FxHashSet<&str> = named.iter().collect();
        self.drop_absent(source, |id| named.contains(id.key.as_str()), step);
        self.drop_unlisted(source, &images.into_iter().collect(), step);
        Answer::Done
    }

    fn drop_absent(&mut self, source: &SourceId, is_present: impl Fn(&PodId) -> bool, step: &mut Step) {
        for id in self.pods.ids_of(source, |id| !is_present(id)) {
            self.drop_pod(&id, step);
        }
    }

    pub(crate) fn heartbeat(&mut self, source: &SourceId, step: &mut Step) -> Answer {
        self.heard(source, false, step);
        Answer::Done
    }

    pub(crate) fn forget_source(&mut self, source: &SourceId, step: &mut Step) -> Result<Answer, Refusal> {
        if self.sources.remove(source).is_none() {
            return Err(Refusal::UnknownSource(source.clone()));
        }
        for id in self.pods.ids_of(source, |_| true) {
            self.drop_pod(&id, step);
        }
        self.drop_unlisted(source, &BTreeSet::new(), step);
        step.tell(Change::SourceForgotten(source.clone()));
        Ok(Answer::Done)
    }

    /// Remember that a source was heard, if that is news.
    fn heard(&mut self, id: &SourceId, full_state: bool, step: &mut Step) {
        let before = self.sources.get(id);
        let fresh = before.is_some_and(|source| {
            source.health == SourceHealth::Fresh
                && step.now.since(source.last_seen) < self.settings.last_seen_step
        });
        if fresh && !full_state {
            return;
        }
        let last_full_state = match full_state {
            true => Some(step.now),
            false => before.and_then(|source| source.last_full_state),
        };
        let last_seen = before.map_or(step.now, |source| source.last_seen.max(step.now));
        let source = Source { id: id.clone(), last_seen, last_full_state, health: SourceHealth::Fresh };
        self.put_source(source, step);
    }

    pub(crate) fn put_source(&mut self, source: Source, step: &mut Step) {
        let source = Arc::new(source);
        self.sources.insert(source.id.clone(), Arc::clone(&source));
        step.tell(Change::SourceChanged(source));
    }

    fn take_pod(
        &mut self,
        source: &Arc<SourceId>,
        observed: ObservedPod,
        step: &mut Step,
    ) -> Result<(), ObservationRefusal> {
        check(&observed)?;
        let digests: Vec<Option<Digest>> =
            observed.containers.iter().map(|container| self.identify(container, source, step)).collect();
        let pod = self.record(source, observed, &digests);
        self.place_pod(pod, step);
        Ok(())
    }

    /// The record of an observed pod whose containers run these images.
    fn record(&mut self, source: &Arc<SourceId>, observed: ObservedPod, digests: &[Option<Digest>]) -> Pod {
        let id = PodId { source: Arc::clone(source), key: observed.key };
        let id = self.pods.get(&id).map(|pod| Arc::clone(&pod.id)).unwrap_or_else(|| Arc::new(id));
        let containers = observed.containers.into_iter().zip(digests);
        let containers = containers.map(|(container, digest)| self.container(container, digest.as_ref()));
        let containers: Vec<Container> = containers.collect();
        Pod {
            id,
            uid: Uid::new(&observed.uid),
            node: observed.node.map(|node| self.shared.text(&node)),
            owner: observed.owner.map(|owner| self.shared.owner(&owner)),
            phase: observed.phase,
            started_at: observed.started_at,
            labels: self.shared.labels(&observed.labels),
            context: self.shared.context(observed.context),
            containers: self.shared.containers(containers),
        }
    }

    fn container(&mut self, observed: ObservedContainer, digest: Option<&Digest>) -> Container {
        Container {
            name: self.shared.text(&observed.name),
            kind: observed.kind,
            reference: self.shared.text(&observed.reference),
            image: digest.and_then(|digest| self.images.find(digest)).map(|image| Arc::clone(&image.key)),
        }
    }

    /// Put a pod's new record where the old one was, and tell, if it is another.
    pub(crate) fn place_pod(&mut self, pod: Pod, step: &mut Step) {
        let before = self.pods.get(&pod.id).cloned();
        if before.as_deref() == Some(&pod) {
            return;
        }
        let pod = Arc::new(pod);
        self.pods.insert(Arc::clone(&pod));
        step.tell(Change::PodPresent(Arc::clone(&pod)));
        if before.as_ref().is_some_and(|before| runs_the_same(before, &pod)) {
            return;
        }
        if let Some(before) = &before {
            self.detach(before);
        }
        for key in pod.each_image() {
            self.images.attach(key, &pod.id, pod.node.as_ref(), pod.is_running());
        }
        self.recount(&pod, step);
        if let Some(before) = before {
            self.recount(&before, step);
        }
    }

    fn drop_pod(&mut self, id: &PodId, step: &mut Step) {
        let Some(pod) = self.pods.remove(id) else { return };
        self.detach(&pod);
        step.tell(Change::PodGone(Arc::clone(&pod)));
        self.recount(&pod, step);
    }

    fn detach(&mut self, pod: &Pod) {
        for key in pod.each_image() {
            self.images.detach(key, &pod.id, pod.node.as_ref(), pod.is_running());
        }
    }

    /// Note of images whether anything refers to them.
    fn recount(&mut self, pod: &Pod, step: &mut Step) {
        for key in pod.each_image() {
            self.recount_image(key, step);
        }
    }

    /// Note of an image whether anything refers to it.
    pub(crate) fn recount_image(&mut self, digest: &Digest, step: &mut Step) {
        let Some(image) = self.images.find(digest) else { return };
        let used = self.images.is_run(&image.key) || self.listings.names(image);
        if used == image.unused_since.is_none() {
            return;
        }
        let unused_since = (!used).then_some(step.now);
        let image = Image { unused_since, ..(**image).clone() };
        self.put_image(image, step);
    }
}

/// Whether a pod runs the same images in the same place as before: they need not hear of it.
fn runs_the_same(before: &Pod, now: &Pod) -> bool {
    before.node == now.node
        && before.is_running() == now.is_running()
        && before.each_image().eq(now.each_image())
}

impl Observed {
    fn count(&mut self, index: usize, taken: Result<(), ObservationRefusal>) {
        match taken {
            Ok(()) => self.accepted += 1,
            Err(refusal) => self.refused.push((index, refusal)),
        }
    }
}

/// Whether a pod is of a size that we keep.
fn check(pod: &ObservedPod) -> Result<(), ObservationRefusal> {
    let name = || pod.key.as_str().into();
    if pod.containers.len() > MAX_CONTAINERS {
        let count = pod.containers.len();
        return Err(ObservationRefusal::TooManyContainers { pod: name(), count, max: MAX_CONTAINERS });
    }
    if pod.labels.len() > MAX_LABELS {
        let count = pod.labels.len();
        return Err(ObservationRefusal::TooManyLabels { pod: name(), count, max: MAX_LABELS });
    }
    let container_texts = pod.containers.iter().flat_map(|container| {
        [
            ("a container's name", &*container.name, MAX_NAME),
            ("a container's image", &*container.reference, MAX_VALUE),
        ]
    });
    let label_texts = pod
        .labels
        .iter()
        .flat_map(|(name, value)| [("a label's name", &**name, MAX_NAME), ("a label", &**value, MAX_VALUE)]);
    if let Some((what, count)) = pod.context.sizes().find(|(_, count)| *count > MAX_ENTRIES) {
        return Err(ObservationRefusal::TooMany { pod: name(), what, count, max: MAX_ENTRIES });
    }
    let around = pod.context.texts().map(|(field, text)| (field, text, MAX_VALUE));
    let texts = [("the uid", &*pod.uid, MAX_NAME), ("the node", pod.node.as_deref().unwrap_or(""), MAX_NAME)];
    let mut bytes = 0;
    for (field, text, max) in around.chain(label_texts) {
        bytes += text.len();
        if text.len() > max {
            return Err(ObservationRefusal::TooLong { pod: name(), field, length: text.len(), max });
        }
    }
    for (field, text, max) in texts.into_iter().chain(container_texts) {
        if text.len() > max {
            return Err(ObservationRefusal::TooLong { pod: name(), field, length: text.len(), max });
        }
    }
    if bytes > MAX_TEXT {
        return Err(ObservationRefusal::TooLarge { pod: name(), bytes, max: MAX_TEXT });
    }
    Ok(())
}
