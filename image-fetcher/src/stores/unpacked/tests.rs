//! Folders made by hand, as archives.

use super::*;
use proptest::prelude::*;
use rustix::fs::{FileType, Mode, XattrFlags};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What an entry is, with its content or target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Dir,
    File(Vec<u8>),
    Symlink(String),
    Hardlink(String),
    Special,
}

type Tree = BTreeMap<String, Node>;

fn sent(layer: &Unpacked) -> Result<Tree, ReadError> {
    let mut bytes = Vec::new();
    let diff_id = Digest::sha256([7; 32]);
    send_unpacked(layer, &diff_id, &|| Ok(true), &mut |event| {
        if let LayerEvent::Chunk(chunk) = event {
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    })?;
    let mut tree = Tree::new();
    for entry in tar::Archive::new(&*bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let path = text(&entry.path_bytes());
        let link = entry.link_name_bytes().map(|link| text(&link)).unwrap_or_default();
        let node = match entry.header().entry_type() {
            tar::EntryType::Directory => Node::Dir,
            tar::EntryType::Symlink => Node::Symlink(link),
            tar::EntryType::Link => Node::Hardlink(link),
            tar::EntryType::Regular => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                Node::File(content)
            }
            _ => Node::Special,
        };
        assert!(tree.insert(path.clone(), node).is_none(), "{path} twice");
    }
    Ok(tree)
}

fn upper(root: &Path, dialect: Dialect) -> Result<Tree, ReadError> {
    sent(&Unpacked::Upper(Folder::open(root).unwrap(), dialect))
}

fn whole(root: &Path, beneath: Option<&Path>) -> Result<Tree, ReadError> {
    let beneath = beneath.map(|beneath| Folder::open(beneath).unwrap());
    sent(&Unpacked::Whole(Folder::open(root).unwrap(), beneath))
}

fn file(text: &str) -> Node {
    Node::File(text.as_bytes().to_vec())
}

fn device(path: &Path, number: u64) {
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::CharacterDevice, Mode::empty(), number).unwrap();
}

fn set_mark(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, XattrFlags::empty()).unwrap();
}

#[test]
fn folder_with_each_kind_of_entry_becomes_an_archive() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(120));
    fs::create_dir_all(at(&long).parent().unwrap()).unwrap();
    fs::write(at(&long), "deep").unwrap();
    fs::write(at("big"), vec![9; 300_000]).unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::hard_link(at("big"), at("again")).unwrap();
    symlink("/etc/passwd", at("link")).unwrap();
    symlink("x".repeat(200), at("far")).unwrap();
    device(&at("gone"), 0);
    let mut tree = upper(root.path(), Dialect::Trusted).unwrap();
    let links = [tree.remove("big").unwrap(), tree.remove("again").unwrap()];
    assert!(links.contains(&Node::File(vec![9; 300_000])), "one has the content");
    let is_link = |node: &Node| matches!(node, Node::Hardlink(to) if to == "big" || to == "again");
    assert_eq!(links.iter().filter(|node| is_link(node)).count(), 1);
    let expected = [
        ("d".repeat(90), Node::Dir),
        (long, file("deep")),
        ("empty".to_owned(), file("")),
        ("link".to_owned(), Node::Symlink("/etc/passwd".to_owned())),
        ("far".to_owned(), Node::Symlink("x".repeat(200))),
        (".wh.gone".to_owned(), file("")),
    ];
    assert_eq!(tree, expected.into_iter().collect());
}

#[test]
fn opaque_mark_counts_only_where_the_kernel_heeds_it() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    set_mark(&root.path().join("d"), "user.overlay.opaque", b"y");
    let marked = ("d/.wh..wh..opq".to_owned(), file(""));
    let plain = ("d".to_owned(), Node::Dir);
    assert_eq!(upper(root.path(), Dialect::User).unwrap(), [plain.clone(), marked].into());
    // An image brought it along: a container sees what lies beneath.
    assert_eq!(upper(root.path(), Dialect::Trusted).unwrap(), [plain].into());
}

#[test]
fn layer_that_no_archive_can_say_is_refused() {
    for (mark, path) in [("user.overlay.redirect", "d"), ("user.overlay.metacopy", "f")] {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        fs::File::create(root.path().join("f")).unwrap().set_len(4096).unwrap();
        set_mark(&root.path().join(path), mark, b"/elsewhere/far/away");
        assert!(matches!(upper(root.path(), Dialect::User), Err(ReadError::Unsupported(_))), "{mark}");
        assert!(upper(root.path(), Dialect::Trusted).is_ok(), "{mark}");
    }
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".wh.passwd"), "").unwrap();
    assert!(matches!(upper(root.path(), Dialect::Trusted), Err(ReadError::Unsupported(_))));
    assert!(matches!(whole(root.path(), None), Err(ReadError::Unsupported(_))));
    assert_eq!(upper(root.path(), Dialect::User).unwrap(), [(".wh.passwd".to_owned(), file(""))].into());
}

#[test]
fn layer_removed_meanwhile_is_not_complete() {
    let root = tempfile::tempdir().unwrap();
    let layer = Unpacked::Upper(Folder::open(root.path()).unwrap(), Dialect::Trusted);
    let mut ends = 0;
    let outcome = send_unpacked(&layer, &Digest::sha256([7; 32]), &|| Ok(false), &mut |event| {
        ends += usize::from(event == LayerEvent::End);
        Ok(())
    });
    assert!(matches!(outcome, Err(ReadError::NotFound(_))));
    assert_eq!(ends, 0);
}

#[test]
fn nothing_outside_a_folder_is_reached() {
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(outside.path().join("root/inner")).unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    fs::write(outside.path().join("root/inner/file"), "x").unwrap();
    symlink("../secret", outside.path().join("root/link")).unwrap();
    symlink("inner", outside.path().join("root/detour")).unwrap();
    let root = Folder::open(&outside.path().join("root")).unwrap();
    for path in ["link", "../secret", "inner/../../secret", "detour/file", "/etc/passwd", "inner", ""] {
        assert!(root.open_file(path.as_bytes()).is_err(), "{path}");
    }
    assert!(root.open_file(b"inner/file").is_ok());
    assert!(root.open_folder(b"detour").is_err());
    assert!(root.open_folder(b"..").is_err());
}

#[test]
fn difference_of_file_with_same_size_and_time_is_seen() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (root, text) in [(&before, "one"), (&after, "two")] {
        for (name, text) in [("changed", text), ("same", "one")] {
            let path = root.path().join(name);
            fs::write(&path, text).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    }
    let found = whole(after.path(), Some(before.path())).unwrap();
    assert_eq!(found, [("changed".to_owned(), file("two"))].into());
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Trees of two levels.
fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        "[xy]{0,2}".prop_map(|text| Node::File(text.into_bytes())),
        "[xy]{1,2}".prop_map(Node::Symlink),
    ];
    let inner = prop::collection::btree_map(prop::sample::select(&NAMES[..]), leaf.clone(), 0..3);
    let entry = prop_oneof![leaf.prop_map(Ok), inner.prop_map(Err)];
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), entry, 0..4).prop_map(|entries| {
        let mut tree = Tree::new();
        for (name, entry) in entries {
            match entry {
                Ok(node) => {
                    tree.insert(name.to_owned(), node);
                }
                Err(inner) => {
                    tree.insert(name.to_owned(), Node::Dir);
                    tree.extend(inner.into_iter().map(|(below, node)| (format!("{name}/{below}"), node)));
                }
            }
        }
        tree
    })
}

fn write(tree: &Tree) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, node) in tree {
        let at = root.path().join(path);
        match node {
            Node::Dir => fs::create_dir(&at).unwrap(),
            Node::Symlink(target) => symlink(target, &at).unwrap(),
            Node::File(content) => {
                fs::write(&at, content).unwrap();
                let file = fs::File::options().write(true).open(&at).unwrap();
                file.set_modified(std::time::UNIX_EPOCH).unwrap();
            }
            Node::Hardlink(_) | Node::Special => {
                panic!("{path}: these trees are of folders, files and links")
            }
        }
    }
    root
}

/// As runtimes unpack a layer on what lies beneath.
fn unpack(beneath: &Tree, layer: &Tree) -> Tree {
    let is_within = |path: &str, folder: &str| path == folder || path.starts_with(&format!("{folder}/"));
    let mut tree = beneath.clone();
    for path in layer.keys() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(removed) = name.strip_prefix(".wh.") {
            let removed = if folder.is_empty() { removed.to_owned() } else { format!("{folder}/{removed}") };
            tree.retain(|path, _| !is_within(path, &removed));
        }
    }
    for (path, node) in layer.iter().filter(|(path, _)| !path.contains(".wh.")) {
        if *node != Node::Dir {
            tree.retain(|below, _| !is_within(below, path));
        }
        tree.insert(path.clone(), node.clone());
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn difference_unpacked_on_what_lies_beneath_is_the_whole(before in trees(), after in trees()) {
        let (beneath, root) = (write(&before), write(&after));
        let layer = whole(root.path(), Some(beneath.path())).unwrap();
        prop_assert_eq!(unpack(&before, &layer), after);
    }

    #[test]
    fn whole_without_anything_beneath_is_itself(tree in trees()) {
        let root = write(&tree);
        prop_assert_eq!(whole(root.path(), None).unwrap(), tree);
    }
}
