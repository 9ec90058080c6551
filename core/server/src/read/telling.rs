//! Telling: all standings of one source, then those that change, each once for all that happened
//! since the last look.
//!
//! What waits to be told is a place in a list that the view keeps, or the keys of at most as many
//! notices as the event stream keeps: a slow reader costs no more than that.

use super::fleet::Fleet;
use crate::engine::{EventStream, Replay};
use api_vocab::{Digest, PodKey, SourceId};
use api_wire::standing::StandingLine;
use core_model::{News, Notice, Pod, PodId, Thresholds};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lines told at once.
const PAGE: usize = 64;

/// What one follower was told, and what is still to be said.
pub struct Telling {
    source: Arc<SourceId>,
    thresholds: Thresholds,
    /// Events up to this one are told, or are about to be.
    taken: u64,
    todo: Todo,
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
        Telling { source: Arc::new(source), thresholds, taken: stream.last(), todo: Todo::Pods(None) }
    }

    /// Some of what is to be told; empty if that is nothing.
    pub fn lines(&mut self, fleet: Fleet<'_>, stream: &EventStream) -> Vec<StandingLine> {
        loop {
            let (lines, todo) = match std::mem::replace(&mut self.todo, Todo::Nothing) {
                Todo::Pods(after) => self.all_pods(fleet, after),
                Todo::Images(after) => self.all_images(fleet, after),
                Todo::Changes(mut changes) => match self.changed(fleet, &mut changes) {
                    lines if lines.is_empty() => (lines, Todo::Nothing),
                    lines => (lines, Todo::Changes(changes)),
                },
                Todo::Nothing => match self.news(fleet, stream) {
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
    fn news(&mut self, fleet: Fleet<'_>, stream: &EventStream) -> Option<Todo> {
        match stream.replay(self.taken, usize::MAX) {
            Replay::Notices(notices) => {
                self.taken = notices.last()?.id;
                Some(Todo::Changes(self.changes(fleet, &notices)))
            }
            // Too much of it is not kept any more: say everything anew.
            Replay::Missed(_) => {
                self.taken = stream.last();
                Some(Todo::Pods(None))
            }
        }
    }

    fn changes(&self, fleet: Fleet<'_>, notices: &[Arc<Notice>]) -> Changes {
        let (mut pods, mut images) = (BTreeSet::new(), BTreeSet::new());
        for notice in notices {
            match &notice.news {
                News::PodPresent { source, pod } if *source == *self.source => {
                    pods.extend(pod.parse::<PodKey>());
                }
                News::ImageListed { source, image } if *source == *self.source => {
                    images.extend(key_of(fleet, image));
                }
                News::ImageState { image, .. }
                | News::ImageMerged { image, .. }
                | News::FindingsChanged { image, .. } => images.extend(key_of(fleet, image)),
                News::PodPresent { .. }
                | News::PodGone { .. }
                | News::ImageListed { .. }
                | News::ImageUnlisted { .. }
                | News::ImageRetired { .. }
                | News::RevisionChanged { .. } => {}
            }
        }
        let (pods, images) = (pods.into_iter().collect(), images.into_iter().collect());
        Changes { pods, images, ..Changes::default() }
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

impl Changes {
    /// The first of a pod's images that changed: the pod is told with that one, and with no other.
    fn first_of<'a>(&self, pod: &'a Pod) -> Option<&'a Digest> {
        let changed = |key: &&Digest| self.images.binary_search(key).is_ok();
        pod.images().into_iter().map(|key| &**key).filter(changed).min()
    }
}

/// The key by which an image is known now.
fn key_of(fleet: Fleet<'_>, digest: &Digest) -> Option<Digest> {
    fleet.view.image(digest).map(|image| (*image.key).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::{ContainerKind, PodPhase, ReportedImage, Timestamp};
    use core_model::{
        Command, Event, Model, Observation, ObservedContainer, ObservedPod, Reach, Registration, Settings,
        View,
    };

    /// A model whose view and stream follow it.
    struct World {
        model: Model,
        view: View,
        stream: EventStream,
    }

    fn source() -> SourceId {
        "docker/host-1".parse().unwrap()
    }

    fn pod(name: &str, images: &[u8]) -> Observation {
        let container = |n: &u8| ObservedContainer {
            name: format!("c{n}").into(),
            kind: ContainerKind::Regular,
            reference: "x".into(),
            reported: Some(ReportedImage { digest: Digest::sha256([*n; 32]), reference: None }),
            repo_digests: Vec::new(),
        };
        Observation::PodPresent(ObservedPod {
            key: PodKey::new("shop", name).unwrap(),
            uid: name.into(),
            node: None,
            owner: None,
            phase: PodPhase::Running,
            started_at: None,
            labels: Vec::new(),
            context: Default::default(),
            containers: images.iter().map(container).collect(),
        })
    }

    impl World {
        fn new() -> Self {
            let model = Model::new(Settings::default());
            World { model, view: View::default(), stream: EventStream::after(0) }
        }

        fn apply(&mut self, commands: Vec<Command>) {
            let mut events: Vec<Event> = Vec::new();
            for command in commands {
                events.extend(self.model.apply(command, Timestamp::from_millis(1)).unwrap().events);
            }
            events.iter().for_each(|event| self.view.fold(event));
            self.stream.publish(events.iter().filter_map(Event::notice), self.model.last_event());
        }

        fn observe(&mut self, observations: Vec<Observation>) {
            self.apply(vec![Command::Observe { source: source(), observations }]);
        }

        fn telling(&self) -> Telling {
            Telling::new(source(), Thresholds::default(), &self.stream)
        }

        /// Everything that is to be told now: names of pods, and `whole`.
        fn told(&self, telling: &mut Telling) -> Vec<String> {
            let mut told = Vec::new();
            loop {
                let lines = telling.lines(Fleet::of(&self.view), &self.stream);
                if lines.is_empty() {
                    return told;
                }
                told.extend(lines.into_iter().map(|line| match line {
                    StandingLine::Pod { pod } => pod.key,
                    StandingLine::Whole => "whole".to_owned(),
                    other => format!("{other:?}"),
                }));
            }
        }
    }

    /// A scanner comes and takes so many images.
    fn leases(count: u8) -> Vec<Command> {
        let name: api_vocab::ScannerName = "s".parse().unwrap();
        let register = Command::RegisterScanner(Registration {
            name: name.clone(),
            version: "1".into(),
            extractor_set: "set".parse().unwrap(),
            node: None,
            sources: Vec::new(),
            platforms: Vec::new(),
            max_leases: 8,
            reach: Reach::Sources,
        });
        let lease = |n: u8| Command::Lease {
            scanner: name.clone(),
            holds: Vec::new(),
            id: api_vocab::LeaseId::from_bits(n.into()),
        };
        std::iter::once(register).chain((0..count).map(lease)).collect()
    }

    #[test]
    fn pod_is_told_once_whatever_happened_to_it_and_its_images() {
        let mut world = World::new();
        world.observe(vec![pod("a", &[1, 2, 3]), pod("b", &[3]), pod("c", &[4])]);
        let mut telling = world.telling();
        assert_eq!(world.told(&mut telling), ["shop/a", "shop/b", "shop/c", "whole"]);
        assert!(world.told(&mut telling).is_empty());
        let mut commands = leases(3);
        commands.push(Command::Observe { source: source(), observations: vec![pod("a", &[1, 2, 3, 5])] });
        world.apply(commands);
        assert_eq!(world.told(&mut telling), ["shop/a", "shop/b"]);
    }

    #[test]
    fn pods_more_than_a_page_are_each_told_once() {
        let mut world = World::new();
        let names: Vec<String> = (0..200).map(|n| format!("pod-{n:03}")).collect();
        world.observe(names.iter().map(|name| pod(name, &[1])).collect());
        let mut telling = world.telling();
        let mut expected: Vec<String> = names.iter().map(|name| format!("shop/{name}")).collect();
        expected.push("whole".to_owned());
        assert_eq!(world.told(&mut telling), expected);
        expected.pop();
        world.observe(names.iter().map(|name| pod(name, &[1, 2])).collect());
        assert_eq!(world.told(&mut telling), expected);
    }

    #[test]
    fn follower_that_missed_too_much_is_told_everything_anew() {
        let mut world = World::new();
        world.observe(vec![pod("a", &[1])]);
        let mut telling = world.telling();
        world.told(&mut telling);
        for round in 0..9_000 {
            world.observe(vec![pod("a", &[1 + (round % 2) as u8]), pod("b", &[3 - (round % 2) as u8])]);
        }
        assert_eq!(world.told(&mut telling), ["shop/a", "shop/b", "whole"]);
    }

    #[test]
    fn what_happens_while_the_list_is_told_follows_it() {
        let mut world = World::new();
        world.observe((0..100).map(|n| pod(&format!("pod-{n:03}"), &[1])).collect());
        let mut telling = world.telling();
        let first = telling.lines(Fleet::of(&world.view), &world.stream);
        assert_eq!(first.len(), PAGE);
        world.observe(vec![pod("pod-000", &[2]), pod("pod-999", &[2])]);
        let rest = world.told(&mut telling);
        let whole = rest.iter().position(|line| line == "whole").unwrap();
        assert!(rest[..whole].contains(&"shop/pod-999".to_owned()));
        assert_eq!(rest[whole + 1..], ["shop/pod-000", "shop/pod-999"]);
    }
}
