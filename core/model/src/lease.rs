//! What scanners ask: work, time, layers.

use crate::life::{Circumstances, Happening, Unmoved, next};
use crate::model::{Model, Step};
use crate::{
    Answer, Change, Grant, Identity, Image, LayerAnswer, Pod, PullSecret, Refusal, Registration, Scanner,
    State,
};
use api_vocab::{Digest, ExtractorSet, LeaseId, Platform, ScannerName, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MAX_LEASES: u32 = 64;
const MAX_LAYERS: usize = 512;
/// Secrets that a grant names.
const MAX_PULL_SECRETS: usize = 16;
/// Pods that are asked for theirs, and for what their nodes are.
const MAX_ASKED_PODS: usize = 1024;

impl Model {
    pub(crate) fn register(
        &mut self,
        registration: Registration,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        let asked = registration.max_leases;
        if !(1..=MAX_LEASES).contains(&asked) {
            return Err(Refusal::LeasesOutOfRange { scanner: registration.name, asked, max: MAX_LEASES });
        }
        let known = self.scanners.get(&registration.name);
        if known.is_some_and(|known| known.registration == registration) {
            self.scanner_heard(&registration.name, step);
        } else {
            self.put_scanner(Scanner { registration, last_seen: step.now }, step);
        }
        Ok(Answer::Done)
    }

    fn put_scanner(&mut self, scanner: Scanner, step: &mut Step) {
        let scanner = Arc::new(scanner);
        let before = self.scanners.insert(scanner.registration.name.clone(), Arc::clone(&scanner));
        let is_same = |before: &Arc<Scanner>| before.registration == scanner.registration;
        if !before.as_ref().is_some_and(is_same) {
            self.images.staff(&scanner.registration, true);
            before.iter().for_each(|before| self.images.staff(&before.registration, false));
        }
        step.tell(Change::ScannerChanged(scanner));
    }

    /// Remember that a scanner was heard, if that is news.
    fn scanner_heard(&mut self, name: &ScannerName, step: &mut Step) {
        let Some(scanner) = self.scanners.get(name) else { return };
        if step.now.since(scanner.last_seen) >= self.settings.last_seen_step {
            let scanner = Scanner { registration: scanner.registration.clone(), last_seen: step.now };
            self.put_scanner(scanner, step);
        }
    }

    pub(crate) fn lease(
        &mut self,
        name: &ScannerName,
        holds: &[Digest],
        id: LeaseId,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        let scanner = self.scanners.get(name).ok_or_else(|| Refusal::UnknownScanner(name.clone()))?;
        let max = scanner.registration.max_leases;
        if self.images.under(id).is_some() {
            return Err(Refusal::LeaseExists(id));
        }
        if self.images.held_by(name) >= max {
            return Err(Refusal::TooManyLeases { scanner: name.clone(), max });
        }
        let (scanners, now) = (&self.scanners, step.now);
        let best = self.images.best_for(&scanner.registration, holds, scanners, now, &self.settings).cloned();
        let best = best.map(|image| (self.platform_of_nodes(&image.key, &scanner.registration), image));
        self.scanner_heard(name, step);
        let Some((runs_on, image)) = best else { return Ok(Answer::Lease(None)) };
        let granted = Happening::Granted { lease: id, scanner: name.clone() };
        let Ok(state) = next(&image.state, &granted, self.at(&image.key, step)) else {
            return Ok(Answer::Lease(None));
        };
        let pull_secrets = self.pull_secrets(&image.key);
        let grant = grant(&image, &state).map(|grant| Grant { runs_on, pull_secrets, ..grant });
        self.put_image(Image { state, ..(*image).clone() }, step);
        Ok(Answer::Lease(grant.map(Box::new)))
    }

    /// Pods that run an image, but not more than can be asked for something at once.
    fn some_pods_of(&self, key: &Digest) -> impl Iterator<Item = &Arc<Pod>> {
        let pods = self.images.usage(key).into_iter().flat_map(|usage| &usage.pods).take(MAX_ASKED_PODS);
        pods.filter_map(|id| self.pods.get(id))
    }

    /// Which of an image's builds to read: that of the scanner's own node if it runs there, else the
    /// one that most pods run, of those that the scanner can read.
    fn platform_of_nodes(&self, key: &Digest, scanner: &Registration) -> Option<Platform> {
        let mut pods_on: BTreeMap<&Platform, (bool, usize)> = BTreeMap::new();
        for pod in self.some_pods_of(key) {
            let platform = pod.context.as_ref().and_then(|context| context.platform.as_ref());
            let Some(platform) = platform.filter(|platform| scanner.reads(platform)) else { continue };
            let (is_near, pods) = pods_on.entry(platform).or_default();
            *is_near |= pod.node.is_some() && pod.node == scanner.node;
            *pods += 1;
        }
        let most = pods_on.into_iter().max_by_key(|(platform, worth)| (*worth, Reverse(*platform)));
        most.map(|(platform, _)| platform.clone())
    }

    /// The names of secrets that pods which run an image are pulled with.
    fn pull_secrets(&self, key: &Digest) -> Vec<PullSecret> {
        let mut found = BTreeSet::new();
        for pod in self.some_pods_of(key) {
            let names = pod.context.iter().flat_map(|context| &context.pull_secrets);
            found.extend(names.map(|name| PullSecret {
                source: Arc::clone(&pod.id.source),
                namespace: pod.id.key.namespace().into(),
                name: name.clone(),
            }));
            if found.len() >= MAX_PULL_SECRETS {
                break;
            }
        }
        found.into_iter().take(MAX_PULL_SECRETS).collect()
    }

    pub(crate) fn at<'a>(&'a self, key: &'a Digest, step: &Step) -> Circumstances<'a> {
        Circumstances { key, now: step.now, settings: &self.settings }
    }

    /// The image under a lease that is in force.
    fn under(&self, lease: LeaseId, now: Timestamp) -> Result<Arc<Image>, Refusal> {
        let image = self.images.under(lease).ok_or(Refusal::LeaseLost(lease))?;
        match &image.state {
            State::Leased { until, .. } if now < *until => Ok(Arc::clone(image)),
            _ => Err(Refusal::LeaseExpired(lease)),
        }
    }

    /// What happens to the image under a lease: its record, its next state, and who has it.
    pub(crate) fn moved(
        &self,
        lease: LeaseId,
        happening: &Happening,
        step: &Step,
    ) -> Result<(Arc<Image>, State, ScannerName), Refusal> {
        let image = self.images.under(lease).ok_or(Refusal::LeaseLost(lease))?;
        let State::Leased { scanner, .. } = &image.state else { return Err(Refusal::LeaseLost(lease)) };
        let state = next(&image.state, happening, self.at(&image.key, step)).map_err(|unmoved| {
            if unmoved == Unmoved::Expired { Refusal::LeaseExpired(lease) } else { Refusal::LeaseLost(lease) }
        })?;
        Ok((Arc::clone(image), state, scanner.clone()))
    }

    pub(crate) fn renew(&mut self, lease: LeaseId, step: &mut Step) -> Result<Answer, Refusal> {
        let (image, state, scanner) = self.moved(lease, &Happening::Renewed, step)?;
        let State::Leased { until, .. } = state else { return Err(Refusal::LeaseLost(lease)) };
        self.put_image(Image { state, ..(*image).clone() }, step);
        self.scanner_heard(&scanner, step);
        Ok(Answer::Renewed { until })
    }

    pub(crate) fn ask_layers(
        &mut self,
        lease: LeaseId,
        identity: &Identity,
        layers: &[Digest],
        set: &ExtractorSet,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        let image = self.under(lease, step.now)?;
        check_layers(layers)?;
        self.identified(&image.key, identity, Some(lease), step);
        let mut answer =
            LayerAnswer { settled: self.images.under(lease).is_none(), ..LayerAnswer::default() };
        let mut seen = BTreeSet::new();
        for diff_id in layers.iter().filter(|diff_id| seen.insert(*diff_id)) {
            if answer.settled || self.layers.is_known(diff_id, set) {
                answer.known.push(diff_id.clone());
            } else if self.is_busy(diff_id, set, lease, step.now) {
                answer.busy.push(diff_id.clone());
            } else {
                self.layers.grant(diff_id.clone(), set.clone(), lease);
                answer.unknown.push(diff_id.clone());
            }
        }
        Ok(Answer::Layers(answer))
    }

    /// Whether another lease that is in force was granted the layer.
    fn is_busy(&self, diff_id: &Digest, set: &ExtractorSet, lease: LeaseId, now: Timestamp) -> bool {
        let holder = self.layers.holder(diff_id, set).filter(|holder| *holder != lease);
        holder.is_some_and(|holder| self.under(holder, now).is_ok())
    }

    pub(crate) fn layer_extracted(
        &mut self,
        lease: LeaseId,
        diff_id: &Digest,
        set: &ExtractorSet,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        self.under(lease, step.now)?;
        let extractor_set = self.shared.extractor_set(set);
        let diff_id = Arc::new(diff_id.clone());
        if let Some(diff_id) = self.layers.learn(&diff_id, Arc::clone(&extractor_set)) {
            step.tell(Change::LayerKnown { diff_id, extractor_set });
        }
        Ok(Answer::Done)
    }
}

pub(crate) fn check_layers(layers: &[Digest]) -> Result<(), Refusal> {
    let count = layers.len();
    if count > MAX_LAYERS { Err(Refusal::TooManyLayers { count, max: MAX_LAYERS }) } else { Ok(()) }
}

/// What a lease says of the image itself.
fn grant(image: &Image, state: &State) -> Option<Grant> {
    let State::Leased { lease, until, attempt, .. } = state else { return None };
    Some(Grant {
        lease: *lease,
        image: Arc::clone(&image.key),
        aliases: image.aliases.clone(),
        references: image.references.clone(),
        pulls: image.pulls.clone(),
        sources: image.sources.clone(),
        platform: image.platform.clone(),
        runs_on: None,
        pull_secrets: Vec::new(),
        attempt: *attempt,
        until: *until,
    })
}
