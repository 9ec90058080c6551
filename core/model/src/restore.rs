//! From a model to its records and back.

use crate::{Container, Image, Matched, Model, Pod, PodId, Scan, Settings, Snapshot};
use api_vocab::Digest;
use std::sync::Arc;

impl Model {
    /// The model whose records these are. Strings and keys that records share are shared again.
    ///
    /// Nothing is announced. Findings are as they were stored; a caller that restarts should match
    /// all packages once more in its own time, for advisories may have come meanwhile.
    pub fn restore(settings: Settings, snapshot: Snapshot) -> Self {
        let mut model = Model::new(settings);
        model.last_event = snapshot.last_event;
        model.revision = snapshot.revision;
        model.extractor_set = snapshot.extractor_set;
        model.sources = snapshot.sources.into_iter().map(|source| (source.id.clone(), source)).collect();
        let scanners = snapshot.scanners.into_iter();
        model.scanners = scanners.map(|scanner| (scanner.registration.name.clone(), scanner)).collect();
        for (id, package) in snapshot.packages {
            model.packages.insert(id, package);
        }
        model.packages.reserve(snapshot.next_package);
        for (id, Matched { findings, undecided }) in snapshot.findings {
            let findings =
                if model.is_compact(&findings) { findings } else { model.compact(findings.to_vec()) };
            model.packages.set_matched(id, Matched { findings, undecided });
        }
        for (diff_id, sets) in &snapshot.layers {
            for set in sets {
                let set = if model.shared.keeps_extractor_set(set) {
                    Arc::clone(set)
                } else {
                    model.shared.extractor_set(set)
                };
                model.layers.learn(diff_id, set);
            }
        }
        for scanner in model.scanners.values() {
            model.images.staff(&scanner.registration, true);
        }
        snapshot.images.into_iter().for_each(|image| model.restore_image(image));
        snapshot.pods.into_iter().for_each(|pod| model.restore_pod(pod));
        for (source, digest) in &snapshot.listings {
            let source = model.shared.source(source);
            model.listings.insert(&source, digest);
        }
        model
    }

    fn restore_image(&mut self, image: Arc<Image>) {
        let image = if self.is_shared_image(&image) { image } else { Arc::new(self.shared_image(&image)) };
        if let Some(scan) = &image.scan {
            self.layers.hold(&scan.layers);
            self.packages.hold(scan.packages.iter(), &image.key);
            self.tallies.insert(Arc::clone(&image.key), self.packages.tally(&scan.packages));
        }
        self.images.put(image, &self.settings);
    }

    /// Whether the record holds the very values that other records do.
    fn is_shared_image(&mut self, image: &Image) -> bool {
        image.references.iter().all(|text| self.shared.keeps_text(text))
            && image.sources.iter().all(|source| self.shared.keeps_source(source))
            && image.scan.as_ref().is_none_or(|scan| self.is_shared_scan(scan))
    }

    fn is_shared_scan(&mut self, scan: &Scan) -> bool {
        self.shared.keeps_text(&scan.engine)
            && self.shared.keeps_text(&scan.fetched_from)
            && scan.layers.iter().all(|diff_id| Arc::ptr_eq(&self.layers.shared(diff_id), diff_id))
    }

    fn shared_image(&mut self, image: &Image) -> Image {
        let texts =
            |model: &mut Model, list: &[Arc<str>]| list.iter().map(|t| model.shared.text(t)).collect();
        Image {
            references: texts(self, &image.references),
            pulls: image.pulls.clone(),
            sources: image.sources.iter().map(|source| self.shared.source(source)).collect(),
            scan: image.scan.as_deref().map(|scan| Arc::new(self.shared_scan(scan))),
            ..image.clone()
        }
    }

    fn shared_scan(&mut self, scan: &Scan) -> Scan {
        Scan {
            layers: scan.layers.iter().map(|diff_id| self.layers.shared(diff_id)).collect(),
            engine: self.shared.text(&scan.engine),
            fetched_from: self.shared.text(&scan.fetched_from),
            ..scan.clone()
        }
    }

    fn restore_pod(&mut self, pod: Arc<Pod>) {
        let pod = if self.is_shared_pod(&pod) { pod } else { Arc::new(self.shared_pod(&pod)) };
        for key in pod.each_image() {
            self.images.attach(key, &pod.id, pod.node.as_ref(), pod.is_running());
        }
        self.pods.insert(pod);
    }

    /// Whether the record holds the very values that other records do.
    fn is_shared_pod(&mut self, pod: &Pod) -> bool {
        self.shared.keeps_source(&pod.id.source)
            && pod.node.as_ref().is_none_or(|node| self.shared.keeps_text(node))
            && pod.owner.as_ref().is_none_or(|owner| self.shared.keeps_owner(owner))
            && self.shared.keeps_labels(&pod.labels)
            && pod.context.as_ref().is_none_or(|context| self.shared.keeps_context(context))
            && pod.containers.iter().all(|container| self.is_shared_container(container))
            && self.shared.keeps_containers(&pod.containers)
    }

    fn is_shared_container(&mut self, container: &Container) -> bool {
        let is_key = |key: &Arc<Digest>| self.key_of(key).is_some_and(|known| Arc::ptr_eq(&known, key));
        container.image.as_ref().is_none_or(is_key)
            && self.shared.keeps_text(&container.name)
            && self.shared.keeps_text(&container.reference)
    }

    fn shared_pod(&mut self, pod: &Pod) -> Pod {
        let id = PodId { source: self.shared.source(&pod.id.source), key: pod.id.key.clone() };
        let containers = pod.containers.iter().map(|container| Container {
            name: self.shared.text(&container.name),
            kind: container.kind,
            reference: self.shared.text(&container.reference),
            image: container.image.as_deref().and_then(|digest| self.key_of(digest)),
        });
        let containers: Vec<Container> = containers.collect();
        Pod {
            id: Arc::new(id),
            uid: pod.uid.clone(),
            node: pod.node.as_ref().map(|node| self.shared.text(node)),
            owner: pod.owner.as_ref().map(|owner| self.shared.owner(owner)),
            labels: self.shared.labels(&pod.labels),
            context: pod.context.as_deref().and_then(|context| self.shared.context(context.clone())),
            containers: self.shared.containers(containers),
            ..*pod
        }
    }

    fn key_of(&self, digest: &Digest) -> Option<Arc<Digest>> {
        self.images.find(digest).map(|image| Arc::clone(&image.key))
    }

    /// All records.
    pub fn snapshot(&self) -> Snapshot {
        let found = |(id, entry): (_, &crate::packages::Entry)| Some((id, entry.matched.clone()?));
        Snapshot {
            last_event: self.last_event,
            next_package: self.packages.next(),
            revision: self.revision.clone(),
            extractor_set: self.extractor_set.clone(),
            sources: self.sources.values().cloned().collect(),
            scanners: self.scanners.values().cloned().collect(),
            pods: self.pods.sorted().into_iter().cloned().collect(),
            listings: self
                .listings
                .iter()
                .map(|(source, digest)| (Arc::clone(source), digest.clone()))
                .collect(),
            images: self.images.sorted().into_iter().cloned().collect(),
            packages: self.packages.iter().map(|(id, entry)| (id, Arc::clone(&entry.package))).collect(),
            findings: self.packages.iter().filter_map(found).collect(),
            layers: self.layers.iter().map(|(diff_id, sets)| (Arc::clone(diff_id), sets.to_vec())).collect(),
        }
    }
}
