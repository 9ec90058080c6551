//! `perceptor up` on a terminal: a pseudo-terminal of `script`, which Debian always has.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// What a terminal of 40 lines and 120 columns is sent until `perceptor up --once` ends well.
fn on_terminal(folder: &Path, more: &str) -> String {
    let up = format!(
        "stty rows 40 cols 120 && exec {} up --once --offline --listen 127.0.0.1:0 --data {} {more}",
        env!("CARGO_BIN_EXE_perceptor"),
        folder.join("data").display(),
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &up, "/dev/null"])
        .env("TERM", "xterm")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    shown
}

#[test]
fn up_on_a_terminal_draws_its_table_anew_and_leaves_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let shown = on_terminal(folder.path(), "--sample");
    let (before, last) = shown.rsplit_once("IMAGE ").unwrap();
    // What was drawn before is wiped away, line by line.
    assert!(before.contains("IMAGE ") && before.contains("\u{1b}[2K"), "{shown}");
    assert!(!shown.contains("is queued"), "events are in the table: {shown}");
    let web = last.lines().find(|line| line.starts_with("sample/web:1.4")).unwrap();
    assert!(web.trim_end().ends_with("scanned"), "{shown}");
    assert!(last.lines().any(|line| line.starts_with("advisories: ")), "{shown}");
}

#[test]
fn log_line_on_a_terminal_has_a_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.json");
    let pods = r#"{"pods": [{"name": "web", "containers": [{"image": "web:1", "archive": "gone.tar"}]}]}"#;
    std::fs::write(&inventory, pods).unwrap();
    let shown = on_terminal(folder.path(), &format!("--inventory {}", inventory.display()));
    let (before, _) = shown.split_once(" WARN ").unwrap();
    let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || "-:.TZ ".contains(c));
    assert!(["\n", "A", "\u{1b}[2K"].iter().any(|end| before.ends_with(end)), "{shown}");
}
