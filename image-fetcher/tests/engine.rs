//! An engine behind a unix socket: exports in each layout are read in one pass, cut wires and
//! vanished images are typed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod built;

use api_vocab::Digest;
use api_wire::error::ErrorCode;
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::{FetchError, ImageSource};
use built::*;
use image_fetcher::Fetcher;
use image_fetcher::stores::docker::DockerStore;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// An engine with one image.
#[derive(Clone)]
struct FakeEngine {
    id: Digest,
    layers: Vec<Digest>,
    export: Vec<u8>,
    /// Bytes of the export after which the wire is cut.
    cut_after: Option<usize>,
    has_containerd_store: bool,
    repo_digests: Vec<String>,
}

struct Running {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    engine: Arc<Mutex<FakeEngine>>,
}

impl FakeEngine {
    fn of(layers: &[Vec<u8>], export: Vec<u8>) -> Self {
        FakeEngine {
            id: sha256(&config(layers, "amd64")),
            layers: layers.iter().map(|layer| sha256(layer)).collect(),
            export,
            cut_after: None,
            has_containerd_store: false,
            repo_digests: Vec::new(),
        }
    }

    fn run(self) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let running = Running { folder, asked: Arc::default(), engine: Arc::new(Mutex::new(self)) };
        let (asked, engine) = (Arc::clone(&running.asked), Arc::clone(&running.engine));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let engine = engine.lock().unwrap().clone();
                tokio::spawn(engine.serve(stream, Arc::clone(&asked)));
            }
        });
        running
    }

    /// One request a connection.
    async fn serve(self, mut stream: UnixStream, asked: Arc<Mutex<Vec<String>>>) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                return;
            }
        }
        let head = String::from_utf8(request).unwrap();
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        // Without the version before the path.
        let (method, path) = line.split_once(' ').unwrap();
        let path =
            path.split_once("/v1.").map_or(path, |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();
        asked.lock().unwrap().push(format!("{method} {path}"));
        let (status, body) = self.answer(&path);
        let sent = self.cut_after.filter(|_| path.ends_with("/get")).unwrap_or(body.len()).min(body.len());
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body[..sent]).await;
    }

    fn answer(&self, path: &str) -> (u16, Vec<u8>) {
        let id = self.id.to_string();
        let driver = if self.has_containerd_store { "io.containerd.snapshotter.v1" } else { "overlay2" };
        let known =
            [id.as_str(), "docker.io/a/b:1"].into_iter().chain(self.repo_digests.iter().map(String::as_str));
        let name = path.trim_start_matches("/images/").trim_end_matches("/json").trim_end_matches("/get");
        let body = match path {
            "/version" => json!({"Version": "99.0", "ApiVersion": "1.41"}),
            "/info" => json!({"DriverStatus": [["driver-type", driver]]}),
            "/_ping" => json!("OK"),
            "/images/json" => json!([{
                "Id": id, "RepoTags": ["a/b:1"], "RepoDigests": self.repo_digests, "ParentId": "", "Created": 0,
                "Size": 0, "SharedSize": 0, "Labels": {}, "Containers": 0,
            }]),
            _ if !known.into_iter().any(|known| known == name) => {
                return (404, json!({"message": "No such image"}).to_string().into_bytes());
            }
            _ if path.ends_with("/get") => return (200, self.export.clone()),
            _ => json!({
                "Id": id, "RepoTags": ["a/b:1"], "RepoDigests": self.repo_digests, "Os": "linux",
                "Architecture": "amd64", "RootFS": {"Type": "layers", "Layers": self.layers},
            }),
        };
        (200, body.to_string().into_bytes())
    }
}

impl Running {
    fn fetcher(&self) -> Fetcher {
        let endpoint = format!("unix://{}", self.folder.path().join("engine.sock").display());
        Fetcher::new(vec![Box::new(DockerStore::new(&endpoint, None))])
    }

    fn exports(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.ends_with("/get")).count()
    }
}

fn layers() -> Vec<Vec<u8>> {
    vec![a_layer("a", b"bottom"), a_layer("b", &[7; 300_000]), a_layer("a", b"bottom"), a_layer("c", b"top")]
}

fn by_digest(digest: &Digest) -> ResolveRequest {
    ResolveRequest { digests: vec![digest.clone()], ..any() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, FetchError>, code: ErrorCode) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, code, "{error}");
}

#[tokio::test]
async fn legacy_export_is_read_in_one_pass_by_reading_only() {
    let engine = FakeEngine::of(&layers(), tar(&saved(&layers(), "a/b:1"))).run();
    let read = read_all(&engine.fetcher(), &named("a/b:1")).await.unwrap();
    assert_eq!(read, expected(&layers(), &layers()));
    assert_eq!(engine.exports(), 1);
    assert!(engine.asked.lock().unwrap().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn oci_export_of_the_classic_store_is_read_in_one_pass() {
    let mut files = oci(&layers(), &layers(), "a/b:1");
    files.insert("manifest.json".into(), Content::File(b"[]".to_vec()));
    let engine = FakeEngine::of(&layers(), tar(&files)).run();
    assert_eq!(read_all(&engine.fetcher(), &any_tag()).await.unwrap(), expected(&layers(), &layers()));
    assert_eq!(engine.exports(), 1);
}

fn any_tag() -> ResolveRequest {
    named("a/b:1")
}

#[tokio::test]
async fn export_with_one_wanted_layer_sends_no_other() {
    let engine = FakeEngine::of(&layers(), tar(&saved(&layers(), "a/b:1"))).run();
    let fetcher = engine.fetcher();
    let handle = fetcher.resolve(&any_tag()).await.unwrap().handle;
    let wanted = sha256(&layers()[3]);
    let read = read_layers(&fetcher, &handle, std::slice::from_ref(&wanted)).await.unwrap();
    assert_eq!(read, Read::from([(wanted, layers()[3].clone())]));
    assert!(read_layers(&fetcher, &handle, &[]).await.unwrap().is_empty());
    assert_eq!(engine.exports(), 1);
}

#[tokio::test]
async fn export_with_names_that_say_nothing_takes_a_second_pass() {
    let layers = layers();
    let mut files = Files::new();
    let config = config(&layers, "amd64");
    let names: Vec<String> = (0..layers.len()).map(|at| format!("layer-{at}.tar")).collect();
    for (name, layer) in names.iter().zip(&layers) {
        files.insert(name.clone(), Content::File(layer.clone()));
    }
    let manifest = json!([{"Config": "config.json", "RepoTags": ["a/b:1"], "Layers": names}]);
    files.insert("config.json".into(), Content::File(config));
    files.insert("manifest.json".into(), Content::File(manifest.to_string().into_bytes()));
    let engine = FakeEngine::of(&layers, tar(&files)).run();
    assert_eq!(read_all(&engine.fetcher(), &any_tag()).await.unwrap(), expected(&layers, &layers));
    assert_eq!(engine.exports(), 2);
}

#[tokio::test]
async fn export_of_containerds_store_gives_layers_as_stored() {
    let stored: Vec<Vec<u8>> = layers().iter().map(|layer| gzip(layer)).collect();
    let mut files = Files::new();
    let manifest = oci_manifest(&mut files, &layers(), &stored, "amd64");
    index(&mut files, &manifest, "a/b:1");
    files.insert("manifest.json".into(), Content::File(b"[]".to_vec()));
    let id = sha256(manifest.to_string().as_bytes());
    let export = tar(&files);
    let engine = FakeEngine { id, has_containerd_store: true, ..FakeEngine::of(&layers(), export) }.run();
    let fetcher = engine.fetcher();
    let image = fetcher.resolve(&any_tag()).await.unwrap();
    assert_eq!(image.identity.manifest, Some(sha256(manifest.to_string().as_bytes())));
    assert_eq!(image.identity.config, Some(sha256(&config(&layers(), "amd64"))));
    assert_eq!(image.references, ["a/b:1"]);
    assert_eq!(read_all(&fetcher, &any_tag()).await.unwrap(), expected(&layers(), &stored));
}

#[tokio::test]
async fn wire_cut_anywhere_is_worth_another_attempt() {
    let export = tar(&saved(&layers(), "a/b:1"));
    for has_containerd_store in [false, true] {
        for cut in (1..export.len() - 4096).step_by(export.len() / 37) {
            let engine = FakeEngine::of(&layers(), export.clone());
            let engine = FakeEngine { cut_after: Some(cut), has_containerd_store, ..engine }.run();
            refused(read_all(&engine.fetcher(), &any_tag()).await, ErrorCode::Unavailable);
            engine.engine.lock().unwrap().cut_after = None;
            assert!(read_all(&engine.fetcher(), &any_tag()).await.is_ok());
        }
    }
}

#[tokio::test]
async fn layer_of_another_content_is_a_digest_mismatch() {
    let mut wrong = saved(&layers(), "a/b:1");
    let is_second = |content: &Content| matches!(content, Content::File(bytes) if *bytes == layers()[1]);
    let name = wrong.iter().find(|(_, content)| is_second(content)).unwrap().0.clone();
    wrong.insert(name, Content::File(a_layer("b", &[8; 300_000])));
    let engine = FakeEngine::of(&layers(), tar(&wrong)).run();
    refused(read_all(&engine.fetcher(), &any_tag()).await, ErrorCode::Unprocessable);
}

#[tokio::test]
async fn image_is_found_by_its_digests_and_not_by_a_tag_that_moved() {
    let engine = FakeEngine::of(&layers(), tar(&saved(&layers(), "a/b:1")));
    let manifest = sha256(b"its manifest");
    let repo_digests = vec![format!("docker.io/a/b@{manifest}")];
    let engine = FakeEngine { repo_digests, ..engine };
    let id = engine.id.clone();
    let engine = engine.run();
    let fetcher = engine.fetcher();
    assert_eq!(fetcher.resolve(&by_digest(&id)).await.unwrap().identity.config, Some(id.clone()));
    let pinned = ResolveRequest { references: vec!["a/b:1".into()], ..by_digest(&manifest) };
    assert_eq!(fetcher.resolve(&pinned).await.unwrap().identity.config, Some(id.clone()));
    let moved = ResolveRequest { references: vec!["a/b:1".into()], ..by_digest(&sha256(b"before")) };
    refused(fetcher.resolve(&moved).await, ErrorCode::NotFound);
    assert_eq!(fetcher.holds().await.unwrap().digests.len(), 2);
}

#[tokio::test]
async fn image_that_vanished_is_not_found() {
    let engine = FakeEngine::of(&layers(), tar(&saved(&layers(), "a/b:1"))).run();
    let fetcher = engine.fetcher();
    let handle = fetcher.resolve(&any_tag()).await.unwrap().handle;
    engine.engine.lock().unwrap().id = sha256(b"another image");
    refused(read_layers(&fetcher, &handle, &[sha256(&layers()[0])]).await, ErrorCode::NotFound);
}

#[tokio::test]
async fn engine_that_is_away_is_unavailable_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let store = DockerStore::new(&format!("unix://{}", socket.display()), None);
    let fetcher = Fetcher::new(vec![Box::new(store)]);
    refused(fetcher.resolve(&any_tag()).await, ErrorCode::Unavailable);
    refused(fetcher.holds().await, ErrorCode::Unavailable);
    assert!(!fetcher.health().await.stores[0].reachable);
    let engine = FakeEngine::of(&layers(), tar(&saved(&layers(), "a/b:1"))).run();
    std::os::unix::fs::symlink(engine.folder.path().join("engine.sock"), &socket).unwrap();
    assert!(fetcher.resolve(&any_tag()).await.is_ok());
    assert!(fetcher.health().await.stores[0].reachable);
}
