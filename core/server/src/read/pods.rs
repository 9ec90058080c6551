//! Pods: which of them a reader asks for.

use super::fleet::{Fleet, chunked};
use api_vocab::{Digest, Owner, PodKey, SourceId};
use api_wire::pod::PodQuery;
use core_model::{Pod, PodContext, PodId};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

/// Which pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodFilter {
    source: Option<SourceId>,
    namespace: Option<String>,
    owner: Option<Owner>,
    image: Option<Digest>,
    name_contains: Option<String>,
    public: Option<bool>,
    service_account: Option<String>,
    team: Option<String>,
}

/// A pod's place in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodPlace(Option<i64>, SourceId, PodKey);

impl PodPlace {
    /// The place of `pod`, by start or by key.
    pub fn of(pod: &Pod, by_start: bool) -> Self {
        let start = pod.started_at.filter(|_| by_start).map(|time| time.as_millis());
        PodPlace(start, (*pod.id.source).clone(), pod.id.key.clone())
    }
}

impl PodFilter {
    /// The filter of a query, or what is wrong with it.
    pub fn of(query: &PodQuery) -> Result<Self, String> {
        Ok(PodFilter {
            source: parsed("source", query.source.as_deref())?,
            namespace: query.namespace.clone(),
            owner: parsed("owner", query.owner.as_deref())?,
            image: parsed("image", query.image.as_deref())?,
            name_contains: query.name_contains.clone(),
            public: query.public,
            service_account: query.service_account.clone(),
            team: query.team.clone(),
        })
    }

    /// The filter of those that run an image, as lists of images and findings have it.
    pub fn of_place(
        source: Option<&str>,
        namespace: Option<&str>,
        owner: Option<&str>,
    ) -> Result<Self, String> {
        Ok(PodFilter {
            source: parsed("source", source)?,
            namespace: namespace.map(str::to_owned),
            owner: parsed("owner", owner)?,
            ..PodFilter::default()
        })
    }

    /// Whether every pod passes.
    pub fn is_empty(&self) -> bool {
        *self == PodFilter::default()
    }

    /// Whether `pod` is asked for; the image is not looked at here.
    pub fn passes(&self, pod: &Pod) -> bool {
        let id = &pod.id;
        self.source.as_ref().is_none_or(|source| *source == *id.source)
            && self.namespace.as_ref().is_none_or(|namespace| namespace == id.key.namespace())
            && self.owner.as_ref().is_none_or(|owner| pod.owner.as_deref() == Some(owner))
            && self.name_contains.as_ref().is_none_or(|part| id.key.name().contains(part.as_str()))
            && self.public.is_none_or(|public| public != pod.exposure().is_empty())
            && self.passes_context(pod.context.as_deref())
    }
}

impl PodFilter {
    fn passes_context(&self, context: Option<&PodContext>) -> bool {
        let is = |asked: &Option<String>, said: Option<&str>| {
            asked.as_ref().is_none_or(|asked| said == Some(asked))
        };
        is(&self.service_account, context.and_then(|context| context.service_account.as_deref()))
            && is(&self.team, context.and_then(|context| context.settings.team.as_deref()))
    }
}

impl<'a> Fleet<'a> {
    /// Pods that pass `filter`, by source and key, after `after`.
    pub fn pods(
        self,
        filter: &'a PodFilter,
        after: Option<&PodPlace>,
    ) -> Box<dyn Iterator<Item = Arc<Pod>> + 'a> {
        let after = after.map(|place| PodId { source: Arc::new(place.1.clone()), key: place.2.clone() });
        let passes = |pod: &Arc<Pod>| filter.passes(pod);
        match (&filter.image, &filter.source) {
            (Some(digest), _) => match self.view.image(digest) {
                Some(image) => Box::new(self.pods_of_image((*image.key).clone(), after).filter(passes)),
                None => Box::new(std::iter::empty()),
            },
            (None, Some(source)) => Box::new(self.pods_of_source(filter, source, after).filter(passes)),
            (None, None) => Box::new(self.all_pods(after).filter(passes)),
        }
    }

    fn pods_of_source(
        self,
        filter: &'a PodFilter,
        source: &'a SourceId,
        after: Option<PodId>,
    ) -> impl Iterator<Item = Arc<Pod>> + 'a {
        let (view, namespace) = (self.view, filter.namespace.as_deref());
        chunked(
            after.map(|id| id.key),
            move |after| view.pods_of_source_after(source, namespace, after, 256),
            |pod| pod.id.key.clone(),
        )
    }

    /// Whether any pod that passes `filter` runs the image with this key.
    pub fn is_run_by(self, key: &Digest, filter: &PodFilter) -> bool {
        filter.is_empty() || self.pods_of_image(key.clone(), None).any(|pod| filter.passes(&pod))
    }
}

/// What the text of a query's key says.
pub fn parsed<T: FromStr<Err: Display>>(key: &str, text: Option<&str>) -> Result<Option<T>, String> {
    text.map(str::parse).transpose().map_err(|error: T::Err| format!("the query: {key}: {error}"))
}
