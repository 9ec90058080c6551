//! A real registry with passwords and a certificate of its own: what skopeo pushed is what we read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)] // Tests.

mod built;

use api_wire::error::ErrorCode;
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::ImageSource;
use built::*;
use image_fetcher::Fetcher;
use image_fetcher::stores::archive::ArchiveStore;
use image_fetcher::stores::registry::{HostSettings, RegistrySettings, RegistryStore};
use serde_json::json;
use std::io::{Read as _, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const PASSWORD: &str = "pass:word";

/// Whether `test` can run here; in CI it must.
fn has(test: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let is_there = |command: &&str| path.split(':').any(|folder| Path::new(folder).join(command).is_file());
    let needed = ["docker-registry", "skopeo", "htpasswd", "openssl"];
    let missing: Vec<&str> = needed.into_iter().filter(|command| !is_there(command)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: missing {}", missing.join(", "));
    eprintln!("LEFT OUT {test}: missing {}; `make setup` as root installs it", missing.join(", "));
    false
}

/// A port below those that outgoing connections get: none of these can take it before the registry does.
fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let ports = std::iter::repeat_with(|| std::process::id() + GIVEN.fetch_add(1, Ordering::Relaxed));
    let mut ports = ports.map(|number| u16::try_from(10_000 + number % 20_000).unwrap());
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// A registry of our own, with the user `shop`.
struct Registry {
    folder: tempfile::TempDir,
    host: String,
    process: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Start it; with a certificate of an authority of our own, or plain.
    fn start(with_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = format!("127.0.0.1:{}", free_port());
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("htpasswd"), piped(Command::new("htpasswd").args(["-niB", "shop"]), PASSWORD))
            .unwrap();
        let mut http = json!({"addr": host});
        if with_tls {
            make_certificates(folder.path());
            http["tls"] = json!({"certificate": at("server.pem"), "key": at("server.key")});
        }
        let config = json!({
            "version": "0.1", "log": {"level": "info"}, "http": http,
            "storage": {"filesystem": {"rootdirectory": at("data")}},
            "auth": {"htpasswd": {"realm": "e2e", "path": at("htpasswd")}},
        });
        std::fs::write(at("config.yml"), config.to_string()).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(at("config.yml")).stdout(log.try_clone().unwrap()).stderr(log);
        let process = command.spawn().unwrap();
        let auth = json!({"auths": {host.clone(): {"auth": base64(&format!("shop:{PASSWORD}"))}}});
        std::fs::write(at("auth.json"), auth.to_string()).unwrap();
        let registry = Registry { folder, host, process };
        registry.wait();
        registry
    }

    fn wait(&self) {
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(&self.host).is_err() {
            assert!(begun.elapsed().as_secs() < 300, "{}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn push(&self, layout: &Path, name: &str, options: &[&str]) {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]).args(options);
        skopeo.arg("--authfile").arg(self.folder.path().join("auth.json"));
        skopeo.arg(format!("oci:{}", layout.display())).arg(format!("docker://{}/{name}", self.host));
        let output = skopeo.output().unwrap();
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stderr), self.log());
    }

    fn settings(&self, host: HostSettings) -> RegistrySettings {
        let host = HostSettings { host: self.host.clone(), ..host };
        let credentials = vec![self.folder.path().join("auth.json")];
        RegistrySettings { hosts: vec![host], credentials, ..RegistrySettings::default() }
    }

    fn named(&self, name: &str) -> ResolveRequest {
        named(&format!("{}/{name}", self.host))
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn piped(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// An authority, and a certificate for 127.0.0.1 that comes from it.
fn make_certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ours"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=registry"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
}

fn fetcher(settings: &RegistrySettings) -> Fetcher {
    Fetcher::new(vec![Box::new(RegistryStore::new(settings).unwrap())])
}

fn plain() -> HostSettings {
    HostSettings { plain_http: true, ..HostSettings::default() }
}

fn layers() -> Vec<Vec<u8>> {
    vec![a_layer("a", b"bottom"), a_layer("b", &[7; 3_000_000]), a_layer("c", b"top")]
}

fn a_layout() -> tempfile::TempDir {
    let stored: Vec<Vec<u8>> = layers().iter().map(|layer| gzip(layer)).collect();
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in oci(&layers(), &stored, "x") {
        let Content::File(bytes) = content else { continue };
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// Layers as a scanner sees them.
async fn uncompressed(source: &dyn ImageSource, request: &ResolveRequest) -> Read {
    let read = read_all(source, request).await.unwrap();
    let plain = |bytes: Vec<u8>| match bytes.as_slice() {
        [0x1f, 0x8b, ..] => {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut plain).unwrap();
            plain
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::decode_all(&*bytes).unwrap(),
        _ => bytes,
    };
    read.into_iter().map(|(diff_id, bytes)| (diff_id, plain(bytes))).collect()
}

#[tokio::test]
async fn images_of_each_format_are_the_same_from_the_registry_as_from_a_layout() {
    if !has("images_of_each_format_are_the_same_from_the_registry_as_from_a_layout") {
        return;
    }
    let (registry, layout) = (Registry::start(false), a_layout());
    let formats: [(&str, &[&str]); 4] = [
        ("shop/as-it-is:1", &[]),
        ("shop/docker:1", &["--format", "v2s2"]),
        ("shop/zstd:1", &["--format", "oci", "--dest-compress-format", "zstd"]),
        ("deep/er/name:1", &["--format", "oci"]),
    ];
    let from_layout =
        uncompressed(&Fetcher::new(vec![Box::new(ArchiveStore::new(layout.path()))]), &any()).await;
    let fetcher = fetcher(&registry.settings(plain()));
    for (name, options) in formats {
        registry.push(layout.path(), name, options);
        let image = fetcher.resolve(&registry.named(name)).await.unwrap();
        assert_eq!(uncompressed(&fetcher, &registry.named(name)).await, from_layout, "{name}");
        let manifest = image.identity.manifest.unwrap();
        let pinned = ResolveRequest { digests: vec![manifest], ..registry.named(name) };
        assert_eq!(uncompressed(&fetcher, &pinned).await, from_layout, "{name} by digest");
    }
    assert!(!registry.log().contains(PASSWORD));
}

#[tokio::test]
async fn registry_lets_in_with_the_right_password_only() {
    if !has("registry_lets_in_with_the_right_password_only") {
        return;
    }
    let (registry, layout) = (Registry::start(false), a_layout());
    registry.push(layout.path(), "shop/web:1", &[]);
    let mut settings = registry.settings(plain());
    assert!(fetcher(&settings).resolve(&registry.named("shop/web:1")).await.is_ok());
    let missing = fetcher(&settings).resolve(&registry.named("shop/none:1")).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound, "{missing}");
    settings.credentials.clear();
    let refused = fetcher(&settings).resolve(&registry.named("shop/web:1")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
}

#[tokio::test]
async fn certificate_counts_if_it_comes_from_the_listed_authority() {
    if !has("certificate_counts_if_it_comes_from_the_listed_authority") {
        return;
    }
    let (registry, layout) = (Registry::start(true), a_layout());
    registry.push(layout.path(), "shop/web:1", &[]);
    let ca_file = Some(registry.folder.path().join("ca.pem"));
    let trusted = registry.settings(HostSettings { ca_file, ..HostSettings::default() });
    let read = uncompressed(&fetcher(&trusted), &registry.named("shop/web:1")).await;
    assert_eq!(read, expected(&layers(), &layers()));
    let other = tempfile::tempdir().unwrap();
    make_certificates(other.path());
    let ca_file = Some(other.path().join("ca.pem"));
    let untrusted = registry.settings(HostSettings { ca_file, ..HostSettings::default() });
    let error = fetcher(&untrusted).resolve(&registry.named("shop/web:1")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert!(error.message.contains("certificate"), "{error}");
}
