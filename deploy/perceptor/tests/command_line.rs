//! The `perceptor` command as a person runs it: outputs and exit codes.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn perceptor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_perceptor"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env_remove("XDG_DATA_HOME")
        // No engine of this machine takes part.
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The sample's images as files.
fn sample(folder: &Path) {
    perceptor::sample::write(folder).unwrap();
}

fn up(folder: &Path, more: &[&str]) -> Output {
    let data = folder.join("data");
    let fixed = ["up", "--once", "--offline", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    perceptor(&[&fixed, more].concat())
}

#[test]
fn up_without_an_engine_shows_the_sample_with_findings() {
    let folder = tempfile::tempdir().unwrap();
    let output = up(folder.path(), &[]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    assert!(shown.contains("showing the sample"), "{shown}");
    let web = shown.lines().find(|line| line.starts_with("sample/web:1.4")).unwrap_or_default();
    assert!(web.ends_with("scanned"), "{shown}");
    assert!(shown.contains("advisories from builtin"), "{shown}");
}

#[test]
fn up_without_certificate_authorities_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_perceptor"))
        .args(["up", "--once", "--sample", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success() && text(&output.stdout).contains("sample/web:1.4"));
    assert!(text(&output.stderr).contains("install ca-certificates"), "{}", text(&output.stderr));
}

#[test]
fn up_with_json_prints_one_object_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = up(folder.path(), &["--json"]);
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["type"] == "image_state" && line["state"] == "scanned"));
    assert!(lines.last().unwrap()["findings"]["critical"].as_u64().unwrap() > 0);
}

#[test]
fn up_again_on_the_same_data_scans_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    up(folder.path(), &[]);
    let shown = text(&up(folder.path(), &[]).stdout);
    assert!(shown.contains("sample/web:1.4") && !shown.contains("is leased"), "{shown}");
}

#[test]
fn up_with_an_inventory_of_ones_own_scans_its_archives() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let file = folder.path().join("mine.toml");
    let pod =
        "[[pods]]\nname = 'db'\ncontainers = [{ image = 'sample/search:7.1', archive = 'search.tar' }]\n";
    std::fs::write(&file, pod).unwrap();
    let shown = text(&up(folder.path(), &["--inventory", file.to_str().unwrap()]).stdout);
    assert!(shown.contains("1 pod, 1 image (1 scanned"), "{shown}");
}

#[test]
fn up_once_ends_where_nothing_runs_and_says_which_archive_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.json");
    std::fs::write(&file, r#"{"pods": []}"#).unwrap();
    let nothing = up(folder.path(), &["--inventory", file.to_str().unwrap()]);
    assert!(text(&nothing.stdout).contains("0 pods, 0 images"), "{}", text(&nothing.stdout));
    let pods = r#"{"pods": [{"name": "web", "containers": [{"image": "web:1", "archive": "gone.tar"}]}]}"#;
    std::fs::write(&file, pods).unwrap();
    let gone = up(folder.path(), &["--inventory", file.to_str().unwrap()]);
    assert!(text(&gone.stdout).contains("1 container without an image yet"), "{}", text(&gone.stdout));
    assert!(text(&gone.stderr).contains("gone.tar"), "{}", text(&gone.stderr));
}

#[test]
fn up_follows_its_inventory_and_ends_well_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let file = folder.path().join("mine.toml");
    let pod = |name: &str, image: &str, archive: &str| {
        format!("[[pods]]\nname = '{name}'\ncontainers = [{{ image = '{image}', archive = '{archive}' }}]\n")
    };
    let first = pod("db", "sample/search:7.1", "search.tar");
    std::fs::write(&file, &first).unwrap();
    let mut running = Command::new(env!("CARGO_BIN_EXE_perceptor"))
        .args(["up", "--json", "--offline", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .arg("--inventory")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut scanned = || lines.any(|line| line.unwrap().contains(r#""state":"scanned""#));
    assert!(scanned());
    std::fs::write(&file, first + &pod("web", "sample/web:1.4", "web.tar")).unwrap();
    assert!(scanned());
    Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn wait_ends_once_the_pod_is_scanned_or_the_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    // Below the ports that outgoing connections get: none of these can take it before the core does.
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let address = format!("127.0.0.1:{}", (10_000..30_000).rev().find(free).unwrap());
    let mut running = Command::new(env!("CARGO_BIN_EXE_perceptor"))
        .args(["up", "--sample", "--offline", "--listen", &address, "--data"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let core = format!("http://{address}");
    let wait = |pod: &str, seconds: &str| {
        let source = "inventory/sample";
        perceptor(&["wait", "--core", &core, "--source", source, "--pod", pod, "--timeout", seconds])
    };
    let known = wait("/search-1", "120");
    let unknown = wait("/nobody", "1");
    Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    running.wait().unwrap();
    assert!(text(&known.stdout).contains("images scanned 2"), "{}", text(&known.stdout));
    assert_eq!((known.status.code(), unknown.status.code()), (Some(0), Some(3)));
    assert!(text(&unknown.stderr).contains("1 s are over"), "{}", text(&unknown.stderr));
}

#[test]
fn scan_of_an_archive_fails_on_the_severity_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let archive = folder.path().join("search.tar");
    let archive = archive.to_str().unwrap();
    let output = perceptor(&["scan", archive, "--fail-on", "critical"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("CVE-2021-44228"), "{}", text(&output.stdout));
    assert_eq!(perceptor(&["scan", archive]).status.code(), Some(0));
}

#[test]
fn scan_writes_every_document_format() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let archive = folder.path().join("web.tar");
    let document = |format: &str| -> Value {
        let output = perceptor(&["scan", archive.to_str().unwrap(), "-o", format]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(document("cyclonedx")["specVersion"], "1.6");
    assert_eq!(document("spdx")["spdxVersion"], "SPDX-2.3");
    assert_eq!(document("sarif")["version"], "2.1.0");
    let json = document("json");
    assert_eq!(json["inventory"]["distro"]["id"], "debian");
    assert!(json["findings"].as_array().unwrap().iter().any(|f| f["vulnerability"]["id"] == "CVE-2023-5363"));
}

#[test]
fn scan_of_a_folder_reads_its_packages() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("srv/node_modules/lodash");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("package.json"), r#"{"name": "lodash", "version": "4.17.15"}"#).unwrap();
    let shown = text(&perceptor(&["scan", folder.path().to_str().unwrap()]).stdout);
    assert!(shown.contains("1 package,") && shown.contains("lodash"), "{shown}");
}

#[test]
fn import_of_osv_files_is_used_by_scan() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let record = r#"{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "affected": [{
        "package": {"ecosystem": "PyPI", "name": "sqlparse"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.5.0"}]}]}]}"#;
    let osv = folder.path().join("osv");
    std::fs::create_dir(&osv).unwrap();
    std::fs::write(osv.join("TEST-1.json"), record).unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let imported = perceptor(&["advisories", "import", osv.to_str().unwrap(), "--data", data]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let archive = folder.path().join("web.tar");
    let shown = text(&perceptor(&["scan", archive.to_str().unwrap(), "--data", data]).stdout);
    assert!(shown.contains("1 finding ") && shown.contains("TEST-1") && shown.contains("0.5.0"), "{shown}");
}

#[test]
fn wrong_input_is_one_line_and_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("x.toml");
    std::fs::write(&inventory, "pods = 7").unwrap();
    for (arguments, said) in [
        (vec!["scan", "not/../there"], "neither a file nor a folder"),
        (vec!["scan", "nginx:1"], "no container engine"),
        (vec!["scan", ".", "--advisories", "/nonexistent"], "/nonexistent"),
        (vec!["scan", ".", "--advisories", inventory.to_str().unwrap()], "no advisory in OSV format"),
        (vec!["advisories", "import", inventory.to_str().unwrap()], "no advisory in OSV format"),
        (vec!["images", "--core", "localhost"], "not the address of a core"),
        (vec!["images", "--token-file", "/nonexistent"], "/nonexistent"),
        (vec!["token", "king", "arthur"], "no role"),
        (vec!["token", "reader", "ann", "--source", "docker/a"], "only a perceiver"),
        (vec!["token", "perceiver", "a", "--source", "nowhere"], "expected kind/name"),
        (vec!["wait", "--pod", "a/b/c"], "expected namespace/name"),
        (vec!["scan", ".", "--platform", "linux/arm64"], "no --platform"),
        (vec!["scan", ".", "--registry"], "leave --registry out"),
        (vec!["up", "--log", "core=loud", "--data", folder.path().to_str().unwrap()], "log level"),
        (
            vec!["up", "--data", folder.path().to_str().unwrap(), "--inventory", inventory.to_str().unwrap()],
            "pods",
        ),
    ] {
        let output = perceptor(&arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(said) && complaint.lines().count() == 1, "{arguments:?}: {complaint}");
    }
}

#[test]
fn core_that_is_away_is_one_line_and_exit_code_three() {
    let output = perceptor(&["images", "--core", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("does not answer"), "{}", text(&output.stderr));
}
