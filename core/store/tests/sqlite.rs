//! What only the store on disk promises.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod support;

use core_model::*;
use core_store::*;
use std::io::{BufRead, BufReader};
use std::process::{Command as Process, Stdio};
use std::sync::{Arc, mpsc};
use support::*;

fn open(path: &std::path::Path) -> SqliteStore {
    SqliteStore::open(path, Options::default()).unwrap()
}

#[test]
fn store_reopened_holds_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    let before = {
        let store = open(&path);
        let mut writer = Writer::new(&store);
        writer.fleet();
        writer.model.snapshot()
    };
    assert_eq!(open(&path).load().unwrap(), before);
}

#[test]
fn snapshot_loaded_is_shared_by_model_and_view() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    Writer::new(&open(&path)).fleet();
    let loaded = open(&path).load().unwrap();
    let view = View::of(&loaded);
    let model = Model::restore(Settings::default(), loaded.clone());
    let kept = model.snapshot();
    assert!(!loaded.pods.is_empty() && !loaded.images.is_empty() && !loaded.findings.is_empty());
    for (one, other) in loaded.pods.iter().zip(&kept.pods) {
        assert!(Arc::ptr_eq(one, other) && Arc::ptr_eq(one, &view.pod(&one.id).unwrap()));
    }
    for (one, other) in loaded.images.iter().zip(&kept.images) {
        assert!(Arc::ptr_eq(one, other) && Arc::ptr_eq(one, &view.image(&one.key).unwrap()));
    }
    for ((_, one), (_, other)) in loaded.findings.iter().zip(&kept.findings) {
        assert!(Arc::ptr_eq(&one.findings, &other.findings));
    }
}

#[test]
fn store_in_use_is_not_opened_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    let _first = open(&path);
    let second = SqliteStore::open(&path, Options::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })));
}

#[test]
fn schema_from_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    drop(open(&path));
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&path, Options::default());
    assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, known: 3, .. })));
}

#[test]
fn file_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    let kept = {
        let store = open(&path);
        let mut writer = Writer::new(&store);
        writer.fleet();
        writer.find("revision-1", &[(0, vec![finding(1)])]);
        writer.model.snapshot()
    };
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "ALTER TABLE findings DROP COLUMN undecided; DROP TABLE listings; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(file);
    let loaded = open(&path).load().unwrap();
    assert!(kept.findings.iter().any(|(_, matched)| matched.undecided > 0));
    assert!(loaded.findings.iter().all(|(_, matched)| matched.undecided == 0));
    assert_eq!((loaded.findings.len(), loaded.pods), (kept.findings.len(), kept.pods));
}

#[test]
fn file_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    std::fs::write(&path, "no database ".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(&path, Options::default()), Err(StoreError::Open { .. })));
}

#[test]
fn row_that_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    let store = open(&path);
    Writer::new(&store).fleet();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("UPDATE pods SET body = '{}'", []).unwrap();
    let refused = store.load();
    assert!(matches!(refused, Err(StoreError::Row { what: "pods", .. })), "{refused:?}");
}

#[test]
fn notices_beyond_the_window_are_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { notice_window: 20, ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("perceptor.db"), options).unwrap();
    let mut writer = Writer::new(&store);
    for n in 0..40 {
        writer.observe(1, vec![pod(&format!("pod-{n}"), Some(1))]);
    }
    let told = store.notices_after(0, 1000).unwrap();
    assert!(told.gap && told.notices.len() < 25, "{}", told.notices.len());
    let last = writer.model.last_event();
    assert!(!store.notices_after(last - 20, 1000).unwrap().gap);
    assert_eq!(told.notices.last().unwrap().id, last);
}

#[test]
fn full_store_refuses_until_loaded_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { quota: Some(400_000), ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("perceptor.db"), options).unwrap();
    let mut writer = Writer::new(&store);
    let mut kept = writer.model.snapshot();
    let full = (0..10_000).find_map(|n| {
        let observations = vec![Observation::PodPresent(pod(&format!("pod-{n}"), Some(n % 50)))];
        match writer.try_apply(Command::Observe { source: source(1), observations }) {
            Ok(_) => {
                kept = writer.model.snapshot();
                None
            }
            Err(error) => Some(error),
        }
    });
    let full = full.unwrap();
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    assert_eq!(full.remedy(), Remedy::Retry);
    let behind = writer.try_apply(Command::Heartbeat { source: source(9) });
    assert!(matches!(behind, Err(StoreError::Behind)));
    let mut writer = Writer::new(&store);
    assert_eq!(writer.model.snapshot(), kept, "nothing acknowledged is lost, nothing else is there");
    writer.apply(Command::ForgetSource { source: source(1) });
    writer.check();
}

#[test]
fn batches_that_wait_together_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("perceptor.db"));
    let mut model = Model::new(Settings::default());
    let (sender, receiver) = mpsc::channel();
    for n in 0..500 {
        let observations = vec![Observation::PodPresent(pod(&format!("pod-{n}"), Some(1)))];
        let now = api_vocab::Timestamp::from_millis(n);
        let applied = model.apply(Command::Observe { source: source(1), observations }, now).unwrap();
        let sender = sender.clone();
        store.submit(Batch::of(applied.events), Box::new(move |outcome| sender.send((n, outcome)).unwrap()));
    }
    drop(sender);
    let outcomes: Vec<_> = receiver.iter().collect();
    assert!(outcomes.iter().map(|(n, _)| *n).eq(0..500), "answers come in the order of submission");
    assert!(outcomes.iter().any(|(_, outcome)| outcome.as_ref().unwrap().batches > 1));
    assert_eq!(store.load().unwrap(), model.snapshot());
}

const CHILD: &str = "PERCEPTOR_STORE_TEST_CHILD";

/// Not a test of its own: what `store_killed_loses_nothing_acknowledged` starts and kills.
#[test]
fn child_keeps_pods_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = open(std::path::Path::new(&path));
    let mut writer = Writer::new(&store);
    let first = writer.model.snapshot().pods.len();
    for n in first.. {
        writer.observe(1, vec![pod(&format!("pod-{n:06}"), Some(1))]);
        println!("kept {n}");
    }
}

#[test]
fn store_killed_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perceptor.db");
    let mut acknowledged = 0;
    for round in 1..=4 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_keeps_pods_until_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = |line: &String| line.rsplit_once("kept ").and_then(|(_, n)| n.parse::<usize>().ok());
        for n in lines.by_ref().map_while(Result::ok).filter_map(|line| kept(&line)) {
            acknowledged = n + 1;
            if n % 100 == 17 * round {
                break;
            }
        }
        child.kill().unwrap();
        for n in lines.map_while(Result::ok).filter_map(|line| kept(&line)) {
            acknowledged = n + 1;
        }
        child.wait().unwrap();
        let store = open(&path);
        let loaded = store.load().unwrap();
        assert!(loaded.pods.len() >= acknowledged, "{} of {acknowledged}", loaded.pods.len());
        let restored = Model::restore(Settings::default(), loaded.clone());
        assert_eq!(restored.snapshot(), loaded, "what is there is whole");
    }
    assert!(acknowledged > 60);
}
