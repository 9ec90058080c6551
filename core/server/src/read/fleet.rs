//! The fleet as readers walk it: records of the view, chunk by chunk, in order.

use crate::convert::context::path_to;
use crate::convert::finding::counts_to;
use crate::convert::image::image_to;
use crate::convert::pod::pod_to;
use api_vocab::Digest;
use api_wire::image::ImageContext;
use api_wire::summary::SeverityCounts;
use core_model::{Image, Pod, PodId, View};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many records are taken from the view at once.
const CHUNK: usize = 256;
/// How many of each kind a context names.
const MAX_NAMED: usize = 20;

/// A look at the view.
#[derive(Clone, Copy)]
pub struct Fleet<'a> {
    /// What is looked at.
    pub view: &'a View,
}

impl<'a> Fleet<'a> {
    /// A look at `view`.
    pub const fn of(view: &'a View) -> Self {
        Fleet { view }
    }

    /// All images after `after`, by key.
    pub fn all_images(self, after: Option<Digest>) -> impl Iterator<Item = Arc<Image>> + 'a {
        let view = self.view;
        chunked(after, move |after| view.images_after(after, CHUNK), |image| (*image.key).clone())
    }

    /// All pods after `after`, by source and key.
    pub fn all_pods(self, after: Option<PodId>) -> impl Iterator<Item = Arc<Pod>> + 'a {
        let view = self.view;
        chunked(after, move |after| view.pods_after(after, CHUNK), |pod| (*pod.id).clone())
    }

    /// All pods that run the image with this key, after `after`, by source and key.
    pub fn pods_of_image(self, key: Digest, after: Option<PodId>) -> impl Iterator<Item = Arc<Pod>> + 'a {
        let view = self.view;
        chunked(after, move |after| view.pods_of_image_after(&key, after, CHUNK), |pod| (*pod.id).clone())
    }

    /// How an image looks on the wire.
    pub fn image(self, image: &Image) -> api_wire::image::Image {
        let tally = self.view.tally(&image.key);
        image_to(image, self.view.pods_of_image(&image.key), tally.as_ref())
    }

    /// The same, with what surrounds the pods that run it.
    pub fn image_in_full(self, image: &Image) -> api_wire::image::Image {
        let context = Some(self.context_of(&image.key));
        api_wire::image::Image { context, ..self.image(image) }
    }

    fn context_of(self, key: &Digest) -> ImageContext {
        let mut around = ImageContext::default();
        let (mut paths, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        let (mut teams, mut shared, mut platforms) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for pod in self.pods_of_image(key.clone(), None) {
            let Some(context) = &pod.context else { continue };
            around.public_pods += u64::from(!context.exposure.is_empty());
            let runs = pod.containers.iter().filter(|container| container.image.as_deref() == Some(key));
            let may = runs.filter_map(|container| context.privileges_of(&container.name));
            around.privileged_containers += may.filter(|may| may.privileged).count() as u64;
            name(&mut paths, context.exposure.iter().cloned());
            name(&mut accounts, context.service_account.iter().cloned());
            name(&mut teams, context.settings.team.iter().cloned());
            name(&mut shared, context.host_namespaces.iter().cloned());
            name(&mut platforms, context.platform.iter().cloned());
        }
        around.exposure = paths.iter().map(path_to).collect();
        around.service_accounts = accounts.into_iter().map(Into::into).collect();
        around.teams = teams.into_iter().map(Into::into).collect();
        around.host_namespaces = shared.into_iter().map(Into::into).collect();
        around.platforms = platforms.into_iter().collect();
        around
    }

    /// How a pod looks on the wire.
    pub fn pod(self, pod: &Pod) -> api_wire::pod::Pod {
        let stage_of = |key: &Digest| self.view.image(key).map(|image| image.stage());
        pod_to(pod, self.findings_of(pod), stage_of)
    }

    /// Findings of a pod's images together; nothing while any of them is not known.
    pub(super) fn findings_of(self, pod: &Pod) -> Option<SeverityCounts> {
        if pod.is_unresolved() {
            return None;
        }
        let tallies = pod.images().into_iter().map(|key| self.view.tally(key));
        let sum = tallies.reduce(|sum, tally| Some(sum?.plus(tally?))).flatten()?;
        counts_to(&pod.count(sum))
    }
}

/// Take up what is not among those that are named, while there is room.
fn name<T: Ord>(named: &mut BTreeSet<T>, more: impl Iterator<Item = T>) {
    for one in more {
        if named.len() < MAX_NAMED {
            named.insert(one);
        }
    }
}

/// Everything that `page` gives, page by page, each beginning after the key of the last record.
pub fn chunked<'a, K: 'a, T: 'a>(
    after: Option<K>,
    page: impl Fn(Option<&K>) -> Vec<T> + 'a,
    key: impl Fn(&T) -> K + 'a,
) -> impl Iterator<Item = T> + 'a {
    let mut after = after;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let records = page(after.as_ref());
        match records.last() {
            Some(last) => after = Some(key(last)),
            None => ended = true,
        }
        Some(records)
    })
    .flatten()
}
