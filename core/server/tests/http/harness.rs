//! The harness: a core on a port of its own, with a memory store and a clock that stands still.

use api_chassis::auth::{Caller, Role, Token};
use api_chassis::clock::ManualClock;
use api_vocab::Timestamp;
use core_advisories::{Imported, Index, IndexBuilder};
use core_model::Command;
use core_server::{App, Config, Running, Surroundings};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When every test begins.
const START: &str = "2026-01-01T00:00:00Z";

/// A core, and what a test needs to talk to it.
pub struct TestCore {
    pub running: Running,
    pub clock: ManualClock,
    client: reqwest::Client,
    token: Option<String>,
    folder: Option<tempfile::TempDir>,
}

/// What came back.
pub struct Told {
    pub status: u16,
    pub etag: Option<String>,
    pub media_type: String,
    pub text: String,
}

impl TestCore {
    /// A core that lets everyone in and forgets everything.
    pub async fn start() -> Self {
        TestCore::with(config()).await
    }

    /// A core with the given settings.
    pub async fn with(config: Config) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        TestCore::at(config, clock).await
    }

    /// A core that keeps everything in `folder`.
    pub async fn on_disk(folder: &Path, clock: &ManualClock) -> Self {
        TestCore::at(Config { data_dir: folder.to_owned(), ..config() }, clock.clone()).await
    }

    /// A core that asks for tokens; the token shown is of `role`.
    pub async fn guarded(role: Role) -> Self {
        TestCore::guarded_for(Caller::new("test", role)).await
    }

    /// A core that asks for tokens; the token shown is that of `owner`.
    pub async fn guarded_for(owner: Caller) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = Token::generate([7; 32]);
        let token_file = folder.path().join("tokens");
        std::fs::write(&token_file, token.line(&owner)).unwrap();
        let mut core = TestCore::with(Config { token_file, ..config() }).await;
        core.token = Some(token.secret().reveal().to_owned());
        core.folder = Some(folder);
        core
    }

    async fn at(config: Config, clock: ManualClock) -> Self {
        let leases = AtomicU64::new(1);
        let surroundings = Surroundings {
            clock: Arc::new(clock.clone()),
            random: Arc::new(move || leases.fetch_add(1, Ordering::Relaxed).into()),
            ..Surroundings::default()
        };
        let running = App::build(config, surroundings).unwrap().spawn().await.unwrap();
        TestCore { running, clock, client: reqwest::Client::new(), token: None, folder: None }
    }

    /// Show no token from now on.
    pub fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    pub async fn get(&self, path: &str) -> Told {
        self.told(Method::GET, path, None).await
    }

    pub async fn get_unless(&self, path: &str, etag: &str) -> Told {
        Told::of(self.request(Method::GET, path).header("If-None-Match", etag).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Told {
        self.told(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Told {
        self.told(Method::PUT, path, Some(body.to_string())).await
    }

    pub async fn told(&self, method: Method, path: &str, body: Option<String>) -> Told {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body),
            None => request,
        };
        Told::of(request.send().await.unwrap()).await
    }

    /// A request below `/api/v1`, or below the root where `path` begins with two slashes.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = match path.strip_prefix("//") {
            Some(path) => format!("{}/{path}", self.running.url()),
            None => format!("{}/api/v1{path}", self.running.url()),
        };
        let request = self.client.request(method, url).header("X-Request-Id", "r-1");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Let time pass, and have the core notice.
    pub async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        self.running.core().engine.apply(Command::Sweep).await.unwrap();
    }

    /// Bring the test's advisories into force.
    pub async fn advise(&self) {
        self.advise_of(advisories()).await;
    }

    /// Bring these advisories into force.
    pub async fn advise_of(&self, index: Index) {
        self.running.core().matcher.bring_into_force(index).await;
    }

    /// Wait until everything that was reported is matched.
    pub async fn settle(&self) {
        self.running.core().matcher.settle().await;
    }

    pub async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

impl Told {
    async fn of(response: Response) -> Told {
        let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let (status, etag) = (response.status().as_u16(), header("etag"));
        let media_type = header("content-type").unwrap_or_default();
        Told { status, etag, media_type, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        match serde_json::from_str::<Value>(&self.text) {
            Ok(value) => f.write_str(&serde_json::to_string_pretty(&value).unwrap()),
            Err(_) => f.write_str(&self.text),
        }
    }
}

/// Settings of a core on a port of its own.
pub fn config() -> Config {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.workers = 1;
    config.advisories.origin = String::new();
    config
}

/// `sha256:` and 32 times this byte.
pub fn digest(byte: u8) -> String {
    format!("sha256:{}", format!("{byte:02x}").repeat(32))
}

/// A pod with one container.
pub fn a_pod(key: &str, reference: &str, image: u8) -> Value {
    json!({
        "key": key, "uid": format!("uid-of-{key}"), "node": "node-1", "owner": "compose/shop/web",
        "phase": "running", "started_at": "2025-12-31T23:00:00Z",
        "containers": [{"name": "main", "kind": "regular", "image": reference, "image_id": digest(image)}],
    })
}

/// A batch in which these pods are present.
pub fn present(pods: &[Value]) -> Value {
    let observations: Vec<Value> =
        pods.iter().map(|pod| json!({"type": "pod_present", "pod": pod})).collect();
    json!({ "observations": observations })
}

/// What a scanner says of itself.
pub fn a_scanner() -> Value {
    json!({"version": "1.0.0", "extractor_set": "set-1", "node": "node-1", "max_leases": 4})
}

/// A report of an image with two packages.
pub fn a_report(config: u8) -> Value {
    json!({
        "identity": {"config": digest(config), "platform": "linux/amd64"},
        "layers": [digest(0xa1), digest(0xa2)],
        "inventory": {
            "distro": {"id": "debian", "version_id": "12", "ecosystem": "Debian:12"},
            "packages": [
                {"ecosystem": "Debian:12", "name": "libssl3", "version": "3.0.1-1", "architecture": "amd64",
                 "source_name": "openssl", "source_version": "3.0.1-1",
                 "path": "var/lib/dpkg/status", "layer": digest(0xa1), "extractor": "dpkg"},
                {"ecosystem": "Maven", "name": "org.apache.logging.log4j:log4j-core", "version": "2.14.1",
                 "path": "app/x.jar!/lib/log4j-core.jar", "layer": digest(0xa2), "extractor": "java"},
            ],
        },
        "extractor_set": "set-1", "engine": "native", "fetched_from": "docker", "duration_ms": 12,
    })
}

/// Two pods of one image, and one of another; the first image is scanned and matched.
pub async fn a_fleet() -> TestCore {
    a_fleet_with(config()).await
}

/// The same, in a core with the given settings.
pub async fn a_fleet_with(config: Config) -> TestCore {
    let core = TestCore::with(config).await;
    let pods = [
        a_pod("/shop-web-1", "nginx:1.27", 1),
        a_pod("/shop-web-2", "nginx:1.27", 1),
        a_pod("/redis", "redis:7", 2),
    ];
    assert_eq!(core.post("/sources/docker/host-1/observations", present(&pods)).await.status, 200);
    core.advise().await;
    scan_one(&core).await;
    core
}

/// Have the image that waits longest scanned.
pub async fn scan_one(core: &TestCore) {
    assert_eq!(core.put("/scanners/scanner-1", a_scanner()).await.status, 204);
    let lease = core.post("/leases", json!({"scanner": "scanner-1"})).await.json();
    let path = format!("/leases/{}/report", lease["id"].as_str().unwrap());
    let told = core.post(&path, a_report(0xc0)).await;
    assert_eq!(told.status, 204, "{told}");
    core.settle().await;
}

/// Two advisories on the packages of [`a_report`].
pub fn advisories() -> Index {
    index_of(&[
        (
            "DEBIAN-CVE-2099-0001",
            "CVE-2099-0001",
            "Debian:12",
            "openssl",
            "3.0.2-1",
            "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ),
        (
            "GHSA-xxxx-yyyy-zzzz",
            "CVE-2099-0002",
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "2.17.1",
            "AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
        ),
    ])
}

/// Advisories: id, alias, ecosystem, package, first version not affected, CVSS vector.
pub fn index_of(records: &[(&str, &str, &str, &str, &str, &str)]) -> Index {
    let mut builder = IndexBuilder::new("test");
    let mut imported = Imported::default();
    for (id, alias, ecosystem, name, fixed, vector) in records {
        let record = json!({
            "id": id, "aliases": [alias], "summary": format!("a flaw in {name}"),
            "published": "2025-06-01T00:00:00Z", "modified": "2025-06-02T00:00:00Z",
            "severity": [{"type": "CVSS_V3", "score": format!("CVSS:3.1/{vector}")}],
            "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}],
        });
        builder.import_record(id, record.to_string().as_bytes(), &mut imported);
    }
    assert_eq!(imported.broken, 0, "{:?}", imported.problems);
    builder.build(Timestamp::from_millis(1_750_000_000_000)).unwrap()
}
