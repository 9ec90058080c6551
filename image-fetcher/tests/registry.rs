//! Registries that are asked for images: what they may lead us to, and what they may not.
//!
//! One file because every case is a few lines over the same image and the same scripted server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod built;
mod scripted;

use api_wire::error::ErrorCode;
use api_wire::fetcher::{ResolveRequest, ResolvedImage};
use api_wire::image_source::{FetchError, ImageSource};
use built::*;
use image_fetcher::Fetcher;
use image_fetcher::stores::registry::{HostSettings, RegistrySettings, RegistryStore};
use scripted::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn layers() -> Vec<Vec<u8>> {
    vec![a_layer("a", b"bottom"), a_layer("b", &[7; 300_000]), a_layer("c", b"top")]
}

/// One image, its layers as they are stored in each compression.
fn image() -> (Files, Vec<Vec<u8>>) {
    let stored = vec![layers()[0].clone(), gzip(&layers()[1]), zstd(&layers()[2])];
    (oci(&layers(), &stored, "x"), stored)
}

fn tags(files: &Files) -> BTreeMap<String, String> {
    BTreeMap::from([("1".to_owned(), manifest_of(files))])
}

/// A registry with these files, where the tag `1` is the image of `index.json`.
async fn serving(files: Files) -> Server {
    Server::start(move |seen| registry_answer(&files, &tags(&files), seen)).await
}

fn listed(host: &str) -> HostSettings {
    HostSettings { host: host.to_owned(), plain_http: true, ..HostSettings::default() }
}

fn settings(hosts: &[&Server]) -> RegistrySettings {
    let hosts = hosts.iter().map(|server| listed(&server.host)).collect();
    RegistrySettings { hosts, ..RegistrySettings::default() }
}

fn fetcher(settings: &RegistrySettings) -> Fetcher {
    Fetcher::new(vec![Box::new(RegistryStore::new(settings).unwrap())])
}

fn named_at(server: &Server) -> ResolveRequest {
    named(&format!("{}/a/b:1", server.host))
}

async fn resolve(server: &Server) -> Result<ResolvedImage, FetchError> {
    fetcher(&settings(&[server])).resolve(&named_at(server)).await
}

async fn read(server: &Server) -> Result<Read, FetchError> {
    read_all(&fetcher(&settings(&[server])), &named_at(server)).await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, FetchError>, code: ErrorCode, part: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.contains(part), "{error}");
    assert!(!error.message.contains("secret text"), "what a place answers is not repeated: {error}");
}

/// A file of credentials for this server, and settings with it.
fn with_password(server: &Server, user: &str, password: &str) -> (tempfile::NamedTempFile, RegistrySettings) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = json!({"auths": {server.host.clone(): {"username": user, "password": password}}});
    std::fs::write(file.path(), config.to_string()).unwrap();
    let credentials = vec![file.path().to_owned()];
    (file, RegistrySettings { credentials, ..settings(&[server]) })
}

fn basic(pair: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn unauthorized(challenge: &str) -> Answer {
    Answer::new(401, "secret text").with("www-authenticate", challenge)
}

#[tokio::test]
async fn image_by_tag_or_digest_gives_its_layers_as_stored() {
    let (files, stored) = image();
    let manifest = manifest_of(&files);
    let server = serving(files).await;
    assert_eq!(read(&server).await.unwrap(), expected(&layers(), &stored));
    let image = resolve(&server).await.unwrap();
    assert_eq!(image.fetched_from, "registry");
    assert_eq!(image.identity.manifest.unwrap().to_string(), manifest);
    let pinned = named(&format!("{}/a/b@{manifest}", server.host));
    let read = read_all(&fetcher(&settings(&[&server])), &pinned).await;
    assert_eq!(read.unwrap(), expected(&layers(), &stored));
}

#[tokio::test]
async fn tag_is_not_asked_for_where_a_digest_is_known() {
    let (files, _) = image();
    let manifest = manifest_of(&files);
    let server = serving(files).await;
    let moved = ResolveRequest { digests: vec![sha256(b"what runs")], ..named_at(&server) };
    refused(fetcher(&settings(&[&server])).resolve(&moved).await, ErrorCode::NotFound, "does not have");
    assert!(server.paths().iter().all(|path| !path.ends_with("/1")), "{:?}", server.paths());
    let runs = ResolveRequest { digests: vec![manifest.parse().unwrap()], ..named_at(&server) };
    assert!(fetcher(&settings(&[&server])).resolve(&runs).await.is_ok());
}

#[tokio::test]
async fn archive_of_an_image_is_one_that_archives_are_read_from() {
    use futures_util::TryStreamExt;
    let (files, stored) = image();
    let server = serving(files).await;
    let fetcher = fetcher(&settings(&[&server]));
    let handle = fetcher.resolve(&named_at(&server)).await.unwrap().handle;
    let chunks: Vec<bytes::Bytes> = fetcher.open_archive(&handle).await.unwrap().try_collect().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), chunks.concat()).unwrap();
    let archive = image_fetcher::stores::archive::ArchiveStore::new(file.path());
    let archives = Fetcher::new(vec![Box::new(archive)]);
    assert_eq!(read_all(&archives, &any()).await.unwrap(), expected(&layers(), &stored));
    let named = archives.resolve(&named_at(&server)).await.unwrap();
    assert_eq!(named.fetched_from, "oci-archive");
}

#[tokio::test]
async fn index_gives_the_image_for_the_platform_asked_for() {
    let mut files = Files::new();
    let mut entries = Vec::new();
    for (at, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
        let stored = [layers()[at].clone()];
        let manifest = oci_manifest(&mut files, &stored, &stored, architecture).to_string().into_bytes();
        let size = manifest.len();
        let digest = blob(&mut files, manifest);
        let mut entry = descriptor(MANIFEST, &digest, size);
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entries.push(entry);
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    let root = blob(&mut files, index.into_bytes());
    let tags = BTreeMap::from([("1".to_owned(), root.to_string())]);
    let server = Server::start(move |seen| registry_answer(&files, &tags, seen)).await;
    let fetcher = fetcher(&settings(&[&server]));
    for (at, platform) in ["linux/amd64", "linux/arm64"].into_iter().enumerate() {
        let request = ResolveRequest { platform: platform.parse().ok(), ..named_at(&server) };
        let image = fetcher.resolve(&request).await.unwrap();
        assert_eq!(image.layers[0].diff_id, sha256(&layers()[at]));
        assert_eq!(image.identity.index, Some(root.clone()));
        let runs_on = ResolveRequest { runs_on: platform.parse().ok(), ..named_at(&server) };
        assert_eq!(fetcher.resolve(&runs_on).await.unwrap().identity, image.identity);
    }
    let foreign = ResolveRequest { platform: "linux/s390x".parse().ok(), ..named_at(&server) };
    refused(fetcher.resolve(&foreign).await, ErrorCode::NotFound, "here: linux/amd64, linux/arm64");
    let child = ResolveRequest {
        digests: vec![entries[1]["digest"].as_str().unwrap().parse().unwrap()],
        platform: "linux/amd64".parse().ok(),
        ..named(&format!("{}/a/b@{root}", server.host))
    };
    assert_eq!(fetcher.resolve(&child).await.unwrap().layers[0].diff_id, sha256(&layers()[1]));
}

#[tokio::test]
async fn password_is_sent_only_when_asked_for_and_whole() {
    let (files, stored) = image();
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some(sent) if sent == basic("shop:pa:ss") => registry_answer(&files, &tags(&files), seen),
        _ => unauthorized("Basic realm=\"shop\""),
    })
    .await;
    let (_file, settings) = with_password(&server, "shop", "pa:ss");
    let read = read_all(&fetcher(&settings), &named_at(&server)).await.unwrap();
    assert_eq!(read, expected(&layers(), &stored));
    assert_eq!(server.seen()[0].header("authorization"), None);
    let (_file, wrong) = with_password(&server, "shop", "other");
    refused(fetcher(&wrong).resolve(&named_at(&server)).await, ErrorCode::Forbidden, "one credential");
    refused(resolve(&server).await, ErrorCode::Forbidden, "no credentials fit");
}

/// A registry that wants a token, and gives it to whoever shows this.
async fn with_tokens(files: Files, shown: Option<&'static str>) -> Server {
    let server = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let host = std::sync::Arc::clone(&server);
    let started = Server::start(move |seen| {
        let host = host.get().unwrap();
        if seen.path.starts_with("/token") {
            let may = seen.header("authorization").map(str::to_owned) == shown.map(basic);
            return if may {
                Answer::new(200, r#"{"token": "t0k3n"}"#)
            } else {
                Answer::new(401, "secret text")
            };
        }
        match seen.header("authorization") {
            Some("Bearer t0k3n") => registry_answer(&files, &tags(&files), seen),
            _ => unauthorized(&format!(
                "Bearer realm=\"http://{host}/token\",service=\"the registry\",scope=\"repository:a/b:push\""
            )),
        }
    })
    .await;
    server.set(started.host.clone()).unwrap();
    started
}

#[tokio::test]
async fn token_is_asked_for_pulling_only() {
    for shown in [None, Some("shop:pa:ss")] {
        let (files, stored) = image();
        let server = with_tokens(files, shown).await;
        let (_file, settings) = match shown {
            Some(_) => with_password(&server, "shop", "pa:ss"),
            None => (tempfile::NamedTempFile::new().unwrap(), settings(&[&server])),
        };
        let read = read_all(&fetcher(&settings), &named_at(&server)).await.unwrap();
        assert_eq!(read, expected(&layers(), &stored));
        let asked: Vec<String> =
            server.paths().into_iter().filter(|path| path.starts_with("/token")).collect();
        assert_eq!(asked, ["/token?service=the+registry&scope=repository%3Aa%2Fb%3Apull"]);
    }
    let server = with_tokens(image().0, Some("nobody:knows")).await;
    refused(resolve(&server).await, ErrorCode::Forbidden, "refuses to give");
}

#[tokio::test]
async fn redirect_to_another_host_takes_no_credentials_along() {
    let (files, stored) = image();
    let blobs = serving(files.clone()).await;
    let elsewhere = format!("http://{}", blobs.host);
    let server = Server::start(move |seen| {
        if seen.header("authorization").is_none() {
            return unauthorized("Basic");
        }
        if seen.path.contains("/blobs/") {
            return Answer::new(307, "").with("location", format!("{elsewhere}{}?sig=x", seen.path));
        }
        registry_answer(&files, &tags(&files), seen)
    })
    .await;
    let (_file, settings) = with_password(&server, "shop", "p");
    let read = read_all(&fetcher(&settings), &named_at(&server)).await.unwrap();
    assert_eq!(read, expected(&layers(), &stored));
    assert_eq!(blobs.seen().len(), 4, "a config and three layers");
    assert!(blobs.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn place_that_was_redirected_to_cannot_ask_for_credentials() {
    let thief = Server::start(|_| unauthorized("Basic")).await;
    let realm = format!("Bearer realm=\"http://{}/token\"", thief.host);
    let elsewhere = Server::start(move |_| unauthorized(&realm)).await;
    let target = format!("http://{}/", elsewhere.host);
    let server = Server::start(move |_| Answer::new(307, "").with("location", &*target)).await;
    let (_file, settings) = with_password(&server, "shop", "p");
    refused(fetcher(&settings).resolve(&named_at(&server)).await, ErrorCode::Forbidden, "refuses to give");
    assert!(elsewhere.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(thief.paths(), [""; 0]);
}

#[tokio::test]
async fn place_that_a_registry_points_to_is_refused_unless_it_may() {
    let other = serving(image().0).await;
    let other_realm = format!("Bearer realm=\"http://{}/token\"", other.host);
    for (challenge, part) in [
        (other_realm.as_str(), "must be encrypted"),
        ("Bearer realm=\"https://169.254.169.254/latest\"", "address that is not asked"),
        ("Bearer realm=\"https://u:p@example.com/\"", "name and a password"),
        ("Bearer realm=\"file:///etc/passwd\"", "neither https nor http"),
        ("Bearer realm=\"nonsense\"", "no address"),
    ] {
        let said = challenge.to_owned();
        let server = Server::start(move |_| unauthorized(&said)).await;
        let (_file, settings) = with_password(&server, "shop", "p");
        refused(fetcher(&settings).resolve(&named_at(&server)).await, ErrorCode::Unprocessable, part);
    }
    for (location, part) in [
        ("http://169.254.169.254/latest/meta-data", "address that is not asked"),
        ("http://[fd00:ec2::254]/latest/meta-data", "address that is not asked"),
        ("http://[::ffff:a9fe:a9fe]/", "address that is not asked"),
        ("ftp://example.com/", "neither https nor http"),
        ("http://u:p@example.com/", "name and a password"),
        ("/v2/a/b/manifests/1", "too many redirects"),
    ] {
        let said = location.to_owned();
        let server = Server::start(move |_| Answer::new(302, "").with("location", &*said)).await;
        refused(resolve(&server).await, ErrorCode::Unprocessable, part);
    }
    assert_eq!(other.paths(), [""; 0]);
}

#[tokio::test]
async fn registry_on_this_machine_is_not_asked_unless_listed() {
    let server = serving(image().0).await;
    let port = server.host.split(':').next_back().unwrap();
    for host in [&server.host, &format!("localhost:{port}"), &format!("[::1]:{port}"), "169.254.169.254"] {
        let request = named(&format!("{host}/a/b:1"));
        let outcome = fetcher(&RegistrySettings::default()).resolve(&request).await;
        refused(outcome, ErrorCode::Unprocessable, "address that is not asked");
    }
    assert_eq!(server.paths(), [""; 0]);
}

#[tokio::test]
async fn limit_of_rates_is_told_with_its_time_and_kept() {
    let server = Server::start(|_| Answer::new(429, "secret text").with("retry-after", "120")).await;
    let fetcher = fetcher(&settings(&[&server]));
    for _ in 0..3 {
        let error = fetcher.resolve(&named_at(&server)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::RateLimited, "{error}");
        let wait = error.retry_after.unwrap();
        assert!(wait <= Duration::from_secs(120) && wait > Duration::from_secs(60), "{wait:?}");
    }
    assert_eq!(server.seen().len(), 1, "it is left alone");
    let busy = Server::start(|_| Answer::new(503, "").with("retry-after", "7")).await;
    let error = resolve(&busy).await.unwrap_err();
    assert_eq!((error.code, error.retry_after), (ErrorCode::Unavailable, Some(Duration::from_secs(7))));
}

/// A registry that cuts each answer of a layer after so many bytes.
async fn cutting(after: usize, ranges: bool) -> (Server, Read) {
    let (files, stored) = image();
    let expected = expected(&layers(), &stored);
    let cuts = AtomicUsize::new(0);
    let large = sha256(&stored[1]).to_string();
    let server = Server::start(move |seen| {
        if !seen.path.ends_with(&large) {
            return registry_answer(&files, &tags(&files), seen);
        }
        let bytes = content(&files, &large);
        let answer = if ranges { ranged(seen, &bytes) } else { Answer::new(200, bytes) };
        let so_far = if ranges { after } else { after * (1 + cuts.fetch_add(1, Ordering::SeqCst)) };
        if so_far < answer.body.len() { answer.cut(so_far) } else { answer }
    })
    .await;
    (server, expected)
}

#[tokio::test]
async fn layer_that_is_cut_is_taken_up_where_it_was() {
    for ranges in [true, false] {
        let (server, expected) = cutting(150, ranges).await;
        assert_eq!(read(&server).await.unwrap(), expected);
        let froms: Vec<String> =
            server.seen().iter().filter_map(|seen| seen.header("range").map(str::to_owned)).collect();
        assert_eq!(froms.first().map(String::as_str), Some("bytes=150-"), "{froms:?}");
    }
}

#[tokio::test]
async fn layer_that_never_comes_further_is_given_up() {
    let (files, stored) = image();
    let large = sha256(&stored[1]).to_string();
    let server = Server::start(move |seen| match seen.path.ends_with(&large) {
        true => Answer::new(200, content(&files, &large)).cut(0),
        false => registry_answer(&files, &tags(&files), seen),
    })
    .await;
    let error = read(&server).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_refused() {
    let (files, stored) = image();
    let manifest = manifest_of(&files);
    let parsed: Value = serde_json::from_slice(&content(&files, &manifest)).unwrap();
    let config = parsed["config"]["digest"].as_str().unwrap().to_owned();
    let layer = sha256(&stored[1]).to_string();
    for wrong in [manifest.clone(), config, layer.clone()] {
        let (files, changed) = (files.clone(), wrong.clone());
        let server = Server::start(move |seen| {
            let mut answer = registry_answer(&files, &tags(&files), seen);
            if seen.path.ends_with(&changed) {
                let last = answer.body.len() - 1;
                answer.body[last] ^= 1;
                // Manifests stay JSON: the last byte is a brace, the one before is not.
                if answer.body.starts_with(b"{") {
                    answer.body[last] ^= 1;
                    answer.body.insert(last, b' ');
                }
            }
            answer
        })
        .await;
        let pinned = named(&format!("{}/a/b@{manifest}", server.host));
        let outcome = read_all(&fetcher(&settings(&[&server])), &pinned).await;
        refused(outcome, ErrorCode::Unprocessable, "ought to be");
    }
    // The end of a layer that was taken up again is another one's.
    let server = Server::start(move |seen| {
        if !seen.path.ends_with(&layer) {
            return registry_answer(&files, &tags(&files), seen);
        }
        let mut bytes = content(&files, &layer);
        if seen.header("range").is_none() {
            return Answer::new(200, bytes).cut(100);
        }
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        ranged(seen, &bytes)
    })
    .await;
    refused(read(&server).await, ErrorCode::Unprocessable, "ought to be");
}

#[tokio::test]
async fn document_or_layer_over_its_size_is_refused() {
    let huge = Server::start(|_| Answer::new(200, vec![b' '; 5 << 20])).await;
    refused(resolve(&huge).await, ErrorCode::Unprocessable, "4 MiB");
    let unsaid = Server::start(|_| Answer::new(200, vec![b' '; 5 << 20]).with("x-unsaid", "length")).await;
    refused(resolve(&unsaid).await, ErrorCode::Unprocessable, "4 MiB");
    let (files, stored) = image();
    let layer = sha256(&stored[1]).to_string();
    let longer = Server::start(move |seen| {
        let mut answer = registry_answer(&files, &tags(&files), seen);
        if seen.path.ends_with(&layer) {
            answer.body.extend_from_slice(&[0; 4096]);
        }
        answer
    })
    .await;
    refused(read(&longer).await, ErrorCode::Unprocessable, "longer than its manifest says");
}

#[tokio::test]
async fn manifest_that_is_old_ambiguous_or_no_image_is_refused() {
    let layer = json!({"mediaType": LAYER, "digest": sha256(b"x"), "size": 1});
    for (document, kind, part) in [
        (json!({"schemaVersion": 1, "fsLayers": []}), "v1+prettyjws", "manifest schema 1"),
        (
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "layers": [layer]}),
            "",
            "ambiguous",
        ),
        (json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}), MANIFEST, "ambiguous"),
        (json!({"schemaVersion": 2}), "", "neither an index nor a manifest"),
        (json!(5), "", "malformed"),
    ] {
        let (bytes, kind) = (document.to_string(), kind.to_owned());
        let server = Server::start(move |_| Answer::new(200, &*bytes).with("content-type", &*kind)).await;
        refused(resolve(&server).await, ErrorCode::Unprocessable, part);
    }
}

#[tokio::test]
async fn urls_of_foreign_layers_are_not_followed() {
    let other = serving(image().0).await;
    let mut files = Files::new();
    let stored = [layers()[0].clone()];
    let mut manifest = oci_manifest(&mut files, &stored, &stored, "amd64");
    manifest["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.foreign.diff.tar");
    manifest["layers"][0]["urls"] = json!([format!("http://{}/x", other.host)]);
    index(&mut files, &manifest, "x");
    files.remove(&format!("blobs/sha256/{}", sha256(&stored[0]).hex()));
    let server = serving(files).await;
    refused(read(&server).await, ErrorCode::NotFound, "does not have layer");
    assert_eq!(other.paths(), [""; 0]);
}

#[tokio::test]
async fn mirrors_are_asked_in_order_with_their_own_credentials() {
    let (files, stored) = image();
    let empty = Server::start(|_| Answer::new(404, "secret text")).await;
    let broken = Server::start(|_| Answer::new(500, "secret text")).await;
    let mirror = Server::start({
        let files = files.clone();
        move |seen| match seen.header("authorization") {
            Some(sent) if sent == basic("mirror:m") => registry_answer(&files, &tags(&files), seen),
            _ => unauthorized("Basic"),
        }
    })
    .await;
    let origin = serving(files).await;
    let (file, mut settings) = with_password(&mirror, "mirror", "m");
    let config = json!({"auths": {
        mirror.host.clone(): {"username": "mirror", "password": "m"},
        origin.host.clone(): {"username": "origin", "password": "o"},
    }});
    std::fs::write(file.path(), config.to_string()).unwrap();
    let mirrors = vec![empty.host.clone(), broken.host.clone(), format!("{}/hub", mirror.host)];
    settings.hosts.extend([listed(&empty.host), listed(&broken.host)]);
    settings.hosts.push(HostSettings { mirrors, ..listed(&origin.host) });
    let read = read_all(&fetcher(&settings), &named_at(&origin)).await.unwrap();
    assert_eq!(read, expected(&layers(), &stored));
    assert_eq!((empty.seen().len(), broken.seen().len()), (1, 1));
    assert!(mirror.paths().iter().all(|path| path.starts_with("/v2/hub/a/b/")), "{:?}", mirror.paths());
    assert_eq!(origin.paths(), [""; 0]);

    settings.hosts.pop();
    let mirrors = vec![empty.host.clone()];
    let host = HostSettings { mirrors: mirrors.clone(), ..listed(&origin.host) };
    settings.hosts.push(host);
    assert!(fetcher(&settings).resolve(&named_at(&origin)).await.is_ok(), "the registry itself comes last");
    settings.hosts.pop();
    settings.hosts.push(HostSettings { mirrors, mirrors_only: true, ..listed(&origin.host) });
    refused(fetcher(&settings).resolve(&named_at(&origin)).await, ErrorCode::NotFound, "does not have");
}

#[tokio::test]
async fn registry_holds_nothing_and_says_that_it_is_there() {
    let fetcher = fetcher(&RegistrySettings::default());
    assert!(fetcher.holds().await.unwrap().digests.is_empty());
    let health = fetcher.health().await;
    assert_eq!((health.stores[0].kind.as_str(), health.stores[0].reachable), ("registry", true));
}
