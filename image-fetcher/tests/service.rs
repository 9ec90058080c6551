//! The service on its unix socket: routes, frames, envelope, permissions, a graceful end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod built;

use api_chassis::shutdown::Shutdown;
use api_wire::error::{ErrorCode, ErrorEnvelope};
use api_wire::fetcher::{FetcherHealth, Holds, LayersRequest, ResolvedImage};
use api_wire::frame::{Frame, FrameParser};
use api_wire::image_source::ImageSource;
use built::*;
use image_fetcher::app;
use image_fetcher::config::{ContainerdSettings, FetcherSettings, StoreKind};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

struct Service {
    folder: tempfile::TempDir,
    client: Client,
    shutdown: Shutdown,
    served: api_chassis::http::Served,
}

impl Service {
    /// A service over one archive.
    async fn start(archive: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("image.tar"), archive).unwrap();
        let socket = folder.path().join("run/fetcher.sock");
        let settings = FetcherSettings {
            socket: socket.clone(),
            archives: vec![folder.path().join("image.tar")],
            workers: 1,
            ..FetcherSettings::default()
        };
        let shutdown = Shutdown::new();
        let fetcher = Arc::new(app::build(&settings).await.unwrap());
        let served = app::start(&settings, fetcher, shutdown.clone()).unwrap();
        let client = Client::builder().unix_socket(socket).build().unwrap();
        Service { folder, client, shutdown, served }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://fetcher{path}"))
    }

    async fn resolve(&self) -> ResolvedImage {
        let answer = self.ask(Method::POST, "/v1/resolve").json(&any()).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn frames(&self, image: &ResolvedImage) -> Vec<Frame> {
        let wanted = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let path = format!("/v1/images/{}/layers", image.handle);
        let request = self.ask(Method::POST, &path).json(&LayersRequest { wanted });
        let mut parser = FrameParser::default();
        parser.push(&request.send().await.unwrap().bytes().await.unwrap());
        std::iter::from_fn(|| parser.parse_next().unwrap()).collect()
    }
}

fn layers() -> Vec<Vec<u8>> {
    vec![a_layer("a", b"bottom"), a_layer("b", &[7; 300_000])]
}

#[tokio::test]
async fn layers_are_framed_and_end_with_the_last_frame() {
    let service = Service::start(&tar(&saved(&layers(), "a:1"))).await;
    let image = service.resolve().await;
    let frames = service.frames(&image).await;
    let sent: Vec<u8> = frames
        .iter()
        .flat_map(|frame| match frame {
            Frame::Chunk(chunk) => chunk.to_vec(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(sent, layers().concat());
    assert_eq!(frames.iter().filter(|frame| matches!(frame, Frame::End)).count(), 2);
    assert_eq!(frames.last(), Some(&Frame::Finished));
}

#[tokio::test]
async fn layer_that_is_wrong_ends_with_its_reason() {
    let mut files = saved(&layers(), "a:1");
    let is_layer = |content: &Content| matches!(content, Content::File(bytes) if *bytes == layers()[1]);
    let name = files.iter().find(|(_, content)| is_layer(content)).unwrap().0.clone();
    files.insert(name, Content::File(a_layer("b", &[8; 300_000])));
    let service = Service::start(&tar(&files)).await;
    let image = service.resolve().await;
    let frames = service.frames(&image).await;
    let Some(Frame::Failed(body)) = frames.last() else { panic!("{frames:?}") };
    assert_eq!(body.code, ErrorCode::Unprocessable);
    let path = format!("/v1/images/{}/layers/{}", image.handle, sha256(&layers()[1]));
    let cut = service.ask(Method::GET, &path).send().await.unwrap().bytes().await;
    assert!(cut.is_err(), "a wrong layer must not look complete");
}

#[tokio::test]
async fn layer_archive_holds_and_health_are_served() {
    let archive = tar(&saved(&layers(), "a:1"));
    let service = Service::start(&archive).await;
    let image = service.resolve().await;
    let get =
        async |path: String| service.ask(Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let one = format!("/v1/images/{}/layers/{}", image.handle, image.layers[0].diff_id);
    assert_eq!(get(one).await, layers()[0]);
    assert_eq!(get(format!("/v1/images/{}/archive", image.handle)).await, archive);
    let holds: Holds = serde_json::from_slice(&get("/v1/holds".into()).await).unwrap();
    assert_eq!(holds.digests, image.identity.config.clone().into_iter().collect::<Vec<_>>());
    let health: FetcherHealth = serde_json::from_slice(&get("/healthz".into()).await).unwrap();
    assert!(health.stores[0].reachable);
    let socket = service.folder.path().join("run/fetcher.sock");
    image_fetcher::check::check(&socket).await.unwrap();
    std::fs::remove_file(service.folder.path().join("image.tar")).unwrap();
    assert!(image_fetcher::check::check(&socket).await.is_err());
    assert!(image_fetcher::check::check(&socket.with_extension("gone")).await.is_err());
    let metrics = String::from_utf8(get("/metrics".into()).await.to_vec()).unwrap();
    assert!(metrics.contains("perceptor_image_fetcher_resolves_total{outcome=\"ok\"} 1"), "{metrics}");
}

#[tokio::test]
async fn stores_are_asked_as_ordered_and_those_not_named_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let order_of = async |order: Vec<StoreKind>| {
        let containerd = ContainerdSettings { socket: folder.path().join("no"), ..Default::default() };
        let settings = FetcherSettings {
            containerd: vec![containerd],
            containers_storage: vec![folder.path().join("storage")],
            archives: vec![folder.path().join("image.tar")],
            order,
            ..FetcherSettings::default()
        };
        let health = app::build(&settings).await.unwrap().health().await;
        health.stores.into_iter().map(|store| store.kind).collect::<Vec<_>>()
    };
    let nearest_first = ["containerd", "containers-storage", "archive"];
    assert_eq!(order_of(StoreKind::ALL.to_vec()).await, nearest_first);
    assert_eq!(order_of(Vec::new()).await, nearest_first);
    let chosen = order_of(vec![StoreKind::Archive, StoreKind::ContainersStorage]).await;
    assert_eq!(chosen, ["archive", "containers-storage", "containerd"]);
}

#[tokio::test]
async fn request_refused_has_the_envelope_and_its_status() {
    let service = Service::start(&tar(&saved(&layers(), "a:1"))).await;
    let handle = service.resolve().await.handle;
    let digest = sha256(b"x");
    let asked = [
        (service.ask(Method::POST, "/v1/resolve").json(&named("b:2")), 404, ErrorCode::NotFound),
        (
            service.ask(Method::POST, "/v1/resolve").json(&json!({"digests": ["sha256:../x"]})),
            400,
            ErrorCode::Invalid,
        ),
        (service.ask(Method::GET, "/v1/resolve"), 405, ErrorCode::MethodNotAllowed),
        (service.ask(Method::GET, &format!("/v1/images/{handle}/layers/{digest}")), 404, ErrorCode::NotFound),
        (service.ask(Method::GET, &format!("/v1/images/{handle}/layers/nonsense")), 400, ErrorCode::Invalid),
        (service.ask(Method::GET, "/v1/images/ffff/archive"), 404, ErrorCode::NotFound),
        (service.ask(Method::GET, "/etc/passwd"), 404, ErrorCode::NotFound),
    ];
    for (request, status, code) in asked {
        let answer = request.send().await.unwrap();
        let (url, found) = (answer.url().clone(), answer.status());
        let envelope: ErrorEnvelope = answer.json().await.unwrap();
        assert_eq!((found.as_u16(), envelope.error.code), (status, code), "{url}");
        assert!(!envelope.error.request_id.is_empty());
    }
    let path = format!("/v1/images/{handle}");
    for _ in 0..2 {
        assert_eq!(service.ask(Method::DELETE, &path).send().await.unwrap().status(), 204);
    }
}

#[tokio::test]
async fn socket_belongs_to_owner_and_group_only_and_ends_gracefully() {
    let service = Service::start(&tar(&saved(&layers(), "a:1"))).await;
    let folder = service.folder.path().join("run");
    let mode = std::fs::metadata(folder.join("fetcher.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing but the socket");
    drop(service.client);
    service.shutdown.begin();
    service.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn socket_that_a_killed_process_left_half_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let settings = FetcherSettings {
        socket: folder.path().join("fetcher.sock"),
        archives: vec![folder.path().join("none")],
        ..FetcherSettings::default()
    };
    let left = folder.path().join(format!("fetcher.new-{}", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    assert!(left.exists());
    let (fetcher, shutdown) = (Arc::new(app::build(&settings).await.unwrap()), Shutdown::new());
    let served = app::start(&settings, fetcher, shutdown.clone()).unwrap();
    assert!(settings.socket.exists() && !left.exists());
    shutdown.begin();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn socket_open_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["666", "777", "rw", ""] {
        let settings = FetcherSettings {
            socket: folder.path().join("fetcher.sock"),
            socket_mode: mode.to_owned(),
            archives: vec![folder.path().join("none")],
            ..FetcherSettings::default()
        };
        let fetcher = Arc::new(app::build(&settings).await.unwrap());
        let error = app::start(&settings, fetcher, Shutdown::new()).unwrap_err();
        assert!(format!("{error:#}").contains("expected 600 or 660"), "{error:#}");
    }
}
