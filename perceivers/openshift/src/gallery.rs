//! The gallery: image streams joined with their namespaces and with the images that there are, and
//! which images the core is told of. Pure: what is heard goes in, what changed comes out.

use crate::slim::{SlimImage, SlimStream, TagHistory};
use api_vocab::{Digest, ImageRef};
use api_wire::observation::ObservedImage;
use perceiver_kubernetes::asks::Asks;
use perceiver_kubernetes::config::WatchSettings;
use perceiver_kubernetes::filter::Filter;
use perceiver_kubernetes::slim::SlimNamespace;
use perceiver_kubernetes::watch::{Heard, Listing};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

/// Names of an image that are told.
const MAX_NAMES: usize = 64;
/// The longest of them.
const MAX_NAME: usize = 1_024;
/// Images of one stream that are looked at.
const MAX_IMAGES: usize = 10_000;
/// Complaints that are remembered, so that each is made once.
const MAX_COMPLAINTS: usize = 10_000;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Tell of this image.
    List(ObservedImage),
    /// It is gone, or no stream that is looked at names it any more.
    Unlist(Digest),
    /// Something is wrong with an object; said once.
    Complain(String),
}

/// One kind: how far its list is.
#[derive(Debug, Default)]
struct Kind {
    listing: Listing,
    /// Counts lists; what the last complete one did not name is gone.
    list: u32,
}

#[derive(Debug)]
struct Space {
    labels: BTreeMap<String, String>,
    opts_out: bool,
    list: u32,
}

#[derive(Debug)]
struct Stream {
    opts_out: bool,
    named: Vec<Named>,
    list: u32,
}

/// An image as a stream names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    digest: Digest,
    /// As `registry.svc:5000/shop/web:latest`.
    reference: Option<Box<str>>,
    /// Where it can be pulled.
    pull: Option<Box<str>>,
}

#[derive(Debug)]
struct Present {
    pull: Option<Box<str>>,
    list: u32,
}

/// Image streams joined with what surrounds them.
#[derive(Debug)]
pub struct Gallery {
    filter: Filter,
    depth: usize,
    spaces: BTreeMap<Box<str>, Space>,
    /// By `namespace/name`.
    streams: BTreeMap<Arc<str>, Stream>,
    naming: HashMap<Digest, BTreeSet<Arc<str>>>,
    images: HashMap<Digest, Present>,
    told: HashSet<Digest>,
    of_spaces: Kind,
    of_streams: Kind,
    of_images: Kind,
    whole: bool,
    complained: HashSet<String>,
    news: Vec<News>,
}

impl Gallery {
    /// An empty gallery that looks at the newest `depth` images of each tag.
    pub fn new(settings: &WatchSettings, depth: usize) -> Self {
        Gallery {
            filter: settings.filter(),
            depth,
            spaces: BTreeMap::new(),
            streams: BTreeMap::new(),
            naming: HashMap::new(),
            images: HashMap::new(),
            told: HashSet::new(),
            of_spaces: Kind::default(),
            of_streams: Kind::default(),
            of_images: Kind::default(),
            whole: false,
            complained: HashSet::new(),
            news: Vec::new(),
        }
    }

    /// What changed since this was called last.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Whether everything that is needed was seen, or is known not to be there.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many streams there are, looked at or not.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Other settings are in force.
    pub fn configure(&mut self, settings: &WatchSettings) {
        self.filter = settings.filter();
        self.judge_all();
    }

    /// The cluster serves no image streams, or does not say: they are not waited for.
    pub fn do_without_images(&mut self) {
        self.of_streams.listing.close();
        self.of_images.listing.close();
        self.look_whether_whole();
    }

    /// What is heard of namespaces.
    pub fn hear_spaces(&mut self, heard: Heard<SlimNamespace>) {
        match heard {
            Heard::Begins => self.of_spaces.begin(),
            Heard::Listed(space) | Heard::Applied(space) => self.take_space(space),
            // Its streams go by their own events.
            Heard::Gone(space) => {
                drop(self.spaces.remove(space.metadata.name.as_deref().unwrap_or_default()))
            }
            Heard::Complete => {
                self.spaces.retain(|_, space| space.list == self.of_spaces.list);
                self.of_spaces.listing.complete();
            }
            Heard::Lost { .. } => self.of_spaces.listing.close(),
            Heard::Back => {}
        }
        self.look_whether_whole();
    }

    /// What is heard of image streams.
    pub fn hear_streams(&mut self, heard: Heard<SlimStream>) {
        match heard {
            Heard::Begins => self.of_streams.begin(),
            Heard::Listed(stream) | Heard::Applied(stream) => self.take_stream(&stream),
            Heard::Gone(stream) => self.drop_stream(&key_of(&stream)),
            Heard::Complete => {
                let list = self.of_streams.list;
                let stale = self.streams.iter().filter(|(_, stream)| stream.list != list);
                let stale: Vec<Arc<str>> = stale.map(|(key, _)| Arc::clone(key)).collect();
                stale.iter().for_each(|key| self.drop_stream(key));
                self.of_streams.listing.complete();
            }
            Heard::Lost { .. } => self.of_streams.listing.close(),
            Heard::Back => {}
        }
        self.look_whether_whole();
    }

    /// What is heard of Images.
    pub fn hear_images(&mut self, heard: Heard<SlimImage>) {
        match heard {
            Heard::Begins => self.of_images.begin(),
            Heard::Listed(image) | Heard::Applied(image) => self.take_image(&image),
            Heard::Gone(image) => self.drop_image(&image),
            Heard::Complete => {
                let (list, whole) = (self.of_images.list, self.of_images.listing == Listing::Complete);
                let stale = self.images.iter().filter(|(_, image)| image.list != list);
                let stale: Vec<Digest> = stale.map(|(digest, _)| digest.clone()).collect();
                self.images.retain(|_, image| image.list == list);
                self.of_images.listing.complete();
                stale.iter().for_each(|digest| self.judge(digest));
                if !whole {
                    // Until now a stream's word was enough.
                    self.judge_all();
                }
            }
            Heard::Lost { .. } => self.of_images.listing.close(),
            Heard::Back => {}
        }
        self.look_whether_whole();
    }

    fn look_whether_whole(&mut self) {
        let kinds = [&self.of_spaces, &self.of_streams, &self.of_images];
        if !self.whole && kinds.iter().all(|kind| kind.listing != Listing::Awaited) {
            self.whole = true;
            self.judge_all();
        }
    }

    fn take_space(&mut self, seen: SlimNamespace) {
        let (asks, _) = Asks::parse(seen.metadata.annotations.as_ref());
        let name: Box<str> = seen.metadata.name.unwrap_or_default().into();
        let labels = seen.metadata.labels.unwrap_or_default();
        let space = Space { labels, opts_out: asks.opts_out(), list: self.of_spaces.list };
        let before = self.spaces.insert(name.clone(), space);
        let now = self.spaces.get(&name);
        let same = before
            .as_ref()
            .zip(now)
            .is_some_and(|(before, now)| (&before.labels, before.opts_out) == (&now.labels, now.opts_out));
        if !same {
            self.judge_space(&name);
        }
    }

    fn take_stream(&mut self, seen: &SlimStream) {
        let key = key_of(seen);
        let (asks, _) = Asks::parse(seen.metadata.annotations.as_ref());
        let named = self.named(&key, seen);
        let stream = Stream { opts_out: asks.opts_out(), named, list: self.of_streams.list };
        let key = self.streams.get_key_value(&*key).map_or_else(|| key.into(), |(key, _)| Arc::clone(key));
        let mut touched: BTreeSet<Digest> = digests(&stream).collect();
        for digest in &touched {
            self.naming.entry(digest.clone()).or_default().insert(Arc::clone(&key));
        }
        if let Some(before) = self.streams.insert(Arc::clone(&key), stream) {
            let gone: Vec<Digest> = digests(&before).filter(|digest| !touched.contains(digest)).collect();
            gone.iter().for_each(|digest| self.forget_naming(digest, &key));
            touched.extend(gone);
        }
        touched.iter().for_each(|digest| self.judge(digest));
    }

    fn drop_stream(&mut self, key: &str) {
        let Some(stream) = self.streams.remove(key) else { return };
        for digest in digests(&stream) {
            self.forget_naming(&digest, key);
            self.judge(&digest);
        }
    }

    fn forget_naming(&mut self, digest: &Digest, key: &str) {
        if let Some(keys) = self.naming.get_mut(digest) {
            keys.remove(key);
            if keys.is_empty() {
                self.naming.remove(digest);
            }
        }
    }

    /// The images that a stream names: of each tag the newest.
    fn named(&mut self, key: &str, seen: &SlimStream) -> Vec<Named> {
        let repository = &*seen.status.docker_image_repository;
        let mut named = Vec::new();
        for tag in &seen.status.tags {
            let reference = well_formed(&format!("{repository}:{}", tag.tag));
            if reference.is_none() && !repository.is_empty() {
                self.complain(format!("image stream {key}: {repository:?} and a tag of it name no image"));
            }
            for digest in self.newest(key, tag) {
                let (digest, pull) = digest;
                named.push(Named { digest, reference: reference.clone(), pull });
            }
        }
        if named.len() > MAX_IMAGES {
            self.complain(format!("image stream {key}: only {MAX_IMAGES} of its images are looked at"));
            named.truncate(MAX_IMAGES);
        }
        named
    }

    fn newest(&mut self, key: &str, tag: &TagHistory) -> Vec<(Digest, Option<Box<str>>)> {
        let mut found = Vec::new();
        for item in tag.items.iter().take(self.depth) {
            match item.image.parse() {
                Ok(digest) => found.push((digest, well_formed(&item.docker_image_reference))),
                Err(error) => self.complain(format!("image stream {key}: {error}")),
            }
        }
        found
    }

    fn take_image(&mut self, seen: &SlimImage) {
        let name = seen.metadata.name.as_deref().unwrap_or_default();
        let digest: Digest = match name.parse() {
            Ok(digest) => digest,
            Err(error) => return self.complain(format!("image: {error}")),
        };
        let pull = well_formed(&seen.docker_image_reference);
        let image = Present { pull, list: self.of_images.list };
        let pull = image.pull.clone();
        let before = self.images.insert(digest.clone(), image);
        if before.is_none_or(|before| before.pull != pull) {
            self.judge(&digest);
        }
    }

    fn drop_image(&mut self, gone: &SlimImage) {
        if let Ok(digest) = gone.metadata.name.as_deref().unwrap_or_default().parse() {
            self.images.remove(&digest);
            self.judge(&digest);
        }
    }

    fn judge_all(&mut self) {
        let known: BTreeSet<Digest> = self.naming.keys().chain(&self.told).cloned().collect();
        known.iter().for_each(|digest| self.judge(digest));
    }

    fn judge_space(&mut self, namespace: &str) {
        let begin = format!("{namespace}/");
        let from = (Bound::Included(begin.as_str()), Bound::Unbounded);
        let within = self.streams.range::<str, _>(from).take_while(|(key, _)| key.starts_with(&begin));
        let touched: BTreeSet<Digest> = within.flat_map(|(_, stream)| digests(stream)).collect();
        touched.iter().for_each(|digest| self.judge(digest));
    }

    /// Decide anew what the core is told of an image. Nothing is, before everything needed was seen.
    fn judge(&mut self, digest: &Digest) {
        if !self.whole {
            return;
        }
        match self.observed(digest) {
            Some(image) => {
                self.told.insert(digest.clone());
                self.news.push(News::List(image));
            }
            None if self.told.remove(digest) => self.news.push(News::Unlist(digest.clone())),
            None => {}
        }
    }

    /// The image as it is told, if a stream that is looked at names it.
    fn observed(&self, digest: &Digest) -> Option<ObservedImage> {
        let present = self.images.get(digest);
        if present.is_none() && self.of_images.listing == Listing::Complete {
            return None;
        }
        let streams = self.naming.get(digest)?.iter();
        let wanted = streams.filter(|key| self.wants(key)).filter_map(|key| self.streams.get(key));
        let named: Vec<&Named> =
            wanted.flat_map(|stream| &stream.named).filter(|named| named.digest == *digest).collect();
        if named.is_empty() {
            return None;
        }
        let pulls = named.iter().filter_map(|named| named.pull.as_deref());
        let pulls: BTreeSet<&str> = pulls.chain(present.and_then(|image| image.pull.as_deref())).collect();
        let (pinned, by_name): (Vec<&str>, Vec<&str>) =
            pulls.into_iter().partition(|pull| pull.contains('@'));
        let references = named.iter().filter_map(|named| named.reference.as_deref());
        let mut references: BTreeSet<&str> = references.chain(by_name).collect();
        if references.is_empty() {
            // The cluster has no registry of its own.
            references.extend(&pinned);
        }
        Some(ObservedImage {
            digest: digest.clone(),
            references: references.into_iter().take(MAX_NAMES).map(str::to_owned).collect(),
            repo_digests: pinned.into_iter().take(MAX_NAMES).map(str::to_owned).collect(),
        })
    }

    fn wants(&self, key: &str) -> bool {
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        let space = self.spaces.get(namespace);
        if space.is_none() && self.of_spaces.listing == Listing::Complete {
            // It is as new as the stream: its own event is on the way.
            return false;
        }
        let opts_out = self.streams.get(key).is_some_and(|stream| stream.opts_out)
            || space.is_some_and(|space| space.opts_out);
        !opts_out && self.filter.wants(namespace, space.map(|space| &space.labels))
    }

    fn complain(&mut self, complaint: String) {
        if self.complained.len() >= MAX_COMPLAINTS {
            self.complained.clear();
        }
        if self.complained.insert(complaint.clone()) {
            self.news.push(News::Complain(complaint));
        }
    }
}

impl Kind {
    const fn begin(&mut self) {
        self.list = self.list.wrapping_add(1);
    }
}

fn digests(stream: &Stream) -> impl Iterator<Item = Digest> {
    stream.named.iter().map(|named| named.digest.clone())
}

/// The text, if it is an image reference that the core takes.
fn well_formed(text: &str) -> Option<Box<str>> {
    (text.len() <= MAX_NAME && text.parse::<ImageRef>().is_ok()).then(|| text.into())
}

fn key_of(stream: &SlimStream) -> String {
    let meta = &stream.metadata;
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default())
}

#[cfg(test)]
mod tests;
