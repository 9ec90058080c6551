//! Tests of the gallery: what the core is told after each thing heard.

use super::*;
use serde_json::{Value, json};

const REGISTRY: &str = "registry.svc:5000";

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn space(name: &str, labels: Value, annotations: Value) -> SlimNamespace {
    let meta = json!({ "name": name, "labels": labels, "annotations": annotations });
    serde_json::from_value(json!({ "metadata": meta })).unwrap()
}

/// A stream whose tags have these images, the newest first.
fn stream(key: &str, tags: &[(&str, &[u8])]) -> SlimStream {
    let (namespace, name) = key.split_once('/').unwrap();
    let item = |n: &u8| {
        let digest = digest(*n).to_string();
        json!({ "image": digest, "dockerImageReference": format!("{REGISTRY}/{key}@{digest}") })
    };
    let tags = tags.iter().map(|(tag, items)| {
        let items: Vec<Value> = items.iter().map(item).collect();
        json!({ "tag": tag, "items": items })
    });
    let tags: Vec<Value> = tags.collect();
    serde_json::from_value(json!({ "metadata": { "namespace": namespace, "name": name },
        "status": { "dockerImageRepository": format!("{REGISTRY}/{key}"), "tags": tags } }))
    .unwrap()
}

fn image(n: u8) -> SlimImage {
    serde_json::from_value(json!({ "metadata": { "name": digest(n).to_string() } })).unwrap()
}

/// A gallery, and what the core would know by what it said.
struct World {
    gallery: Gallery,
    core: BTreeMap<Digest, ObservedImage>,
    complaints: usize,
}

impl World {
    /// A namespace `shop`, and these images; streams are not listed yet.
    fn of(settings: &WatchSettings, depth: usize, images: &[u8]) -> Self {
        let gallery = Gallery::new(settings, depth);
        let mut world = World { gallery, core: BTreeMap::new(), complaints: 0 };
        world.gallery.hear_spaces(Heard::Begins);
        world.gallery.hear_spaces(Heard::Listed(space("shop", json!({ "env": "prod" }), json!(null))));
        world.gallery.hear_spaces(Heard::Complete);
        world.gallery.hear_images(Heard::Begins);
        images.iter().for_each(|n| world.gallery.hear_images(Heard::Listed(image(*n))));
        world.gallery.hear_images(Heard::Complete);
        world
    }

    fn with_streams(streams: &[SlimStream]) -> Self {
        let mut world = World::of(&WatchSettings::default(), 1, &[1, 2, 3]);
        world.list(streams);
        world
    }

    fn list(&mut self, streams: &[SlimStream]) {
        self.gallery.hear_streams(Heard::Begins);
        streams.iter().for_each(|stream| self.gallery.hear_streams(Heard::Listed(stream.clone())));
        self.gallery.hear_streams(Heard::Complete);
    }

    /// Which images the core knows by now.
    fn knows(&mut self) -> Vec<u8> {
        for news in self.gallery.take_news() {
            match news {
                News::List(image) => drop(self.core.insert(image.digest.clone(), image)),
                News::Unlist(digest) => drop(self.core.remove(&digest).unwrap()),
                News::Complain(_) => self.complaints += 1,
            }
        }
        self.core.keys().map(|digest| digest.as_bytes()[0]).collect()
    }

    fn references(&mut self, n: u8) -> Vec<String> {
        self.knows();
        self.core.get(&digest(n)).unwrap().references.clone()
    }
}

#[test]
fn image_is_told_with_every_name_that_streams_give_it() {
    let mut world = World::with_streams(&[
        stream("shop/web", &[("1", &[1]), ("latest", &[1])]),
        stream("shop/copy", &[("1", &[1])]),
    ]);
    assert_eq!(world.knows(), [1]);
    let told = &world.core[&digest(1)];
    let names = ["shop/copy:1", "shop/web:1", "shop/web:latest"].map(|name| format!("{REGISTRY}/{name}"));
    assert_eq!(told.references, names);
    let pulls = ["shop/copy", "shop/web"].map(|name| format!("{REGISTRY}/{name}@{}", digest(1)));
    assert_eq!(told.repo_digests, pulls);
}

#[test]
fn image_that_no_stream_names_is_not_told() {
    assert_eq!(World::with_streams(&[stream("shop/web", &[("1", &[2])])]).knows(), [2]);
}

#[test]
fn newest_of_a_tag_are_told_as_deep_as_the_settings_say() {
    for (depth, expected) in [(1, &[3][..]), (2, &[2, 3]), (9, &[1, 2, 3])] {
        let mut world = World::of(&WatchSettings::default(), depth, &[1, 2, 3]);
        world.list(&[stream("shop/web", &[("1", &[3, 2, 1])])]);
        assert_eq!(world.knows(), expected, "{depth}");
    }
}

#[test]
fn tag_that_moves_lists_the_new_image_and_unlists_the_old() {
    let mut world = World::with_streams(&[stream("shop/web", &[("1", &[1]), ("2", &[2])])]);
    assert_eq!(world.knows(), [1, 2]);
    world.gallery.hear_streams(Heard::Applied(stream("shop/web", &[("1", &[3]), ("2", &[2])])));
    assert_eq!(world.knows(), [2, 3]);
    world.gallery.hear_streams(Heard::Gone(stream("shop/web", &[])));
    assert_eq!(world.knows(), [0; 0]);
}

#[test]
fn stream_that_a_later_list_does_not_name_is_gone() {
    let mut world =
        World::with_streams(&[stream("shop/a", &[("1", &[1])]), stream("shop/b", &[("1", &[2])])]);
    assert_eq!(world.knows(), [1, 2]);
    world.list(&[stream("shop/b", &[("1", &[2])])]);
    assert_eq!(world.knows(), [2]);
}

#[test]
fn image_pruned_is_gone_though_a_stream_still_names_it_and_back_when_it_is() {
    let mut world = World::with_streams(&[stream("shop/web", &[("1", &[1])])]);
    assert_eq!(world.knows(), [1]);
    world.gallery.hear_images(Heard::Gone(image(1)));
    assert_eq!(world.knows(), [0; 0]);
    world.gallery.hear_images(Heard::Applied(image(1)));
    assert_eq!(world.knows(), [1]);
    world.gallery.hear_images(Heard::Begins);
    world.gallery.hear_images(Heard::Complete);
    assert_eq!(world.knows(), [0; 0]);
}

#[test]
fn namespaces_that_are_not_looked_at_keep_their_streams_to_themselves() {
    let mut world = World::with_streams(&[
        stream("shop/web", &[("1", &[1])]),
        stream("openshift/cli", &[("1", &[2]), ("2", &[1])]),
    ]);
    assert_eq!(world.knows(), [1], "the other namespace is not known yet");
    let other = |labels, annotations| space("openshift", labels, annotations);
    world.gallery.hear_spaces(Heard::Applied(other(json!({ "env": "infra" }), json!(null))));
    assert_eq!(world.knows(), [1, 2]);
    assert_eq!(world.references(1).len(), 2);
    for settings in [
        WatchSettings { exclude_namespaces: vec!["openshift*".into()], ..WatchSettings::default() },
        WatchSettings { namespace_selector: "env=prod".into(), ..WatchSettings::default() },
        WatchSettings { namespaces: vec!["shop".into()], ..WatchSettings::default() },
    ] {
        world.gallery.configure(&settings);
        assert_eq!(world.knows(), [1], "{settings:?}");
        assert_eq!(world.references(1).len(), 1);
        world.gallery.configure(&WatchSettings::default());
        assert_eq!(world.knows(), [1, 2]);
    }
    let opts_out = json!({ "perceptor.dev/scan": "false" });
    world.gallery.hear_spaces(Heard::Applied(other(json!({}), opts_out)));
    assert_eq!(world.knows(), [1]);
}

#[test]
fn stream_that_opts_out_is_left_out() {
    let mut stream = stream("shop/web", &[("1", &[1])]);
    let opts_out = ("perceptor.dev/scan".to_owned(), "false".to_owned());
    stream.metadata.annotations = Some([opts_out].into());
    assert_eq!(World::with_streams(&[stream]).knows(), [0; 0]);
}

#[test]
fn nothing_is_told_before_namespaces_streams_and_images_are_listed() {
    let mut gallery = Gallery::new(&WatchSettings::default(), 1);
    gallery.hear_streams(Heard::Begins);
    gallery.hear_streams(Heard::Listed(stream("shop/web", &[("1", &[1])])));
    gallery.hear_streams(Heard::Complete);
    gallery.hear_images(Heard::Lost { forbidden: true });
    assert!(!gallery.is_whole() && gallery.take_news().is_empty());
    gallery.hear_spaces(Heard::Lost { forbidden: true });
    assert!(gallery.is_whole());
    assert_eq!(gallery.take_news().len(), 1, "a stream's word is enough where Images may not be read");
}

#[test]
fn cluster_without_image_streams_is_whole_and_takes_them_when_they_come() {
    let mut world = World::of(&WatchSettings::default(), 1, &[]);
    assert!(!world.gallery.is_whole());
    world.gallery.do_without_images();
    assert!(world.gallery.is_whole());
    assert_eq!(world.knows(), [0; 0]);
    world.gallery.hear_images(Heard::Applied(image(1)));
    world.list(&[stream("shop/web", &[("1", &[1])])]);
    assert_eq!(world.knows(), [1]);
}

#[test]
fn what_cannot_be_seen_any_more_is_not_forgotten() {
    let mut world = World::with_streams(&[stream("shop/web", &[("1", &[1])])]);
    for forbidden in [true, false] {
        world.gallery.hear_streams(Heard::Lost { forbidden });
        world.gallery.hear_images(Heard::Lost { forbidden });
        world.gallery.hear_spaces(Heard::Lost { forbidden });
    }
    world.gallery.do_without_images();
    assert_eq!(world.knows(), [1]);
}

#[test]
fn what_is_malformed_is_complained_about_once_and_costs_itself_only() {
    let mut bad = stream("shop/web", &[("1", &[1]), ("a b", &[2])]);
    bad.status.tags[0].items[0].docker_image_reference = "x".repeat(2_000);
    bad.status.tags.push(TagHistory::default());
    bad.status.tags.push(TagHistory { tag: "3".into(), items: vec![Default::default()] });
    let mut world = World::with_streams(&[bad.clone()]);
    assert_eq!(world.knows(), [1, 2]);
    assert_eq!(world.core[&digest(1)].repo_digests, [""; 0]);
    assert_eq!(world.references(2), [format!("{REGISTRY}/shop/web@{}", digest(2))]);
    let complaints = world.complaints;
    assert!(complaints > 0);
    world.gallery.hear_streams(Heard::Applied(bad));
    world.knows();
    assert_eq!(world.complaints, complaints);
}

#[test]
fn names_are_bounded() {
    let tags: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let tags: Vec<(&str, &[u8])> = tags.iter().map(|tag| (tag.as_str(), &[1][..])).collect();
    let mut world = World::with_streams(&[stream("shop/web", &tags)]);
    assert_eq!(world.references(1).len(), MAX_NAMES);
}
