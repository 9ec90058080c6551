//! Images in files: every layout reads, everything hostile is refused by a typed error.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod built;

use api_wire::error::ErrorCode;
use api_wire::image_source::{FetchError, ImageSource};
use built::*;
use image_fetcher::Fetcher;
use image_fetcher::stores::archive::ArchiveStore;
use serde_json::json;
use std::path::Path;

fn fetcher(path: &Path) -> Fetcher {
    Fetcher::new(vec![Box::new(ArchiveStore::new(path))])
}

fn a_file(bytes: &[u8]) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file.into_temp_path()
}

fn a_folder(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let Content::File(bytes) = content else { continue };
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn layers() -> Vec<Vec<u8>> {
    vec![a_layer("a", b"bottom"), a_layer("b", &[7; 300_000]), a_layer("c", b"top")]
}

async fn read(archive: &[u8]) -> Result<Read, FetchError> {
    read_all(&fetcher(&a_file(archive)), &any()).await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, FetchError>, code: ErrorCode, part: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.contains(part), "{error}");
}

#[tokio::test]
async fn legacy_archive_plain_or_compressed_gives_its_layers() {
    let archive = tar(&saved(&layers(), "a/b:1"));
    for archive in [archive.clone(), gzip(&archive), zstd(&archive)] {
        assert_eq!(read(&archive).await.unwrap(), expected(&layers(), &layers()));
    }
}

#[tokio::test]
async fn oci_archive_with_each_compression_gives_layers_as_stored() {
    for pack in [|bytes: &[u8]| bytes.to_vec(), gzip, zstd] {
        let stored: Vec<Vec<u8>> = layers().iter().map(|layer| pack(layer)).collect();
        let archive = tar(&oci(&layers(), &stored, "a/b:1"));
        for archive in [archive.clone(), gzip(&archive)] {
            assert_eq!(read(&archive).await.unwrap(), expected(&layers(), &stored));
        }
    }
}

#[tokio::test]
async fn layout_folder_gives_layers_as_stored() {
    let stored: Vec<Vec<u8>> = layers().iter().map(|layer| gzip(layer)).collect();
    let folder = a_folder(&oci(&layers(), &stored, "a/b:1"));
    let fetcher = fetcher(folder.path());
    assert_eq!(read_all(&fetcher, &named("a/b:1")).await.unwrap(), expected(&layers(), &stored));
    assert_eq!(fetcher.resolve(&any()).await.unwrap().fetched_from, "oci-layout");
}

#[tokio::test]
async fn archive_of_both_layouts_is_one_image_with_all_names() {
    let mut files = oci(&layers(), &layers(), "a/b:1");
    let config = config(&layers(), "amd64");
    let digest = sha256(&config);
    let blobs: Vec<String> =
        layers().iter().map(|layer| format!("blobs/sha256/{}", sha256(layer).hex())).collect();
    let manifest = json!([{
        "Config": format!("blobs/sha256/{}", digest.hex()), "RepoTags": ["a/b:1", "c:2"], "Layers": blobs,
    }]);
    files.insert("manifest.json".into(), Content::File(manifest.to_string().into_bytes()));
    let path = a_file(&tar(&files));
    let image = fetcher(&path).resolve(&any()).await.unwrap();
    assert_eq!(image.references, ["a/b:1", "c:2"]);
    assert_eq!((image.identity.config, image.fetched_from.as_str()), (Some(digest), "oci-archive"));
    assert!(image.identity.manifest.is_some());
}

#[tokio::test]
async fn layers_equal_or_linked_come_once() {
    let layers = vec![a_layer("a", b"x"), a_layer("b", b"y"), a_layer("a", b"x")];
    let archive = tar(&saved(&layers, "a:1"));
    for archive in [archive.clone(), gzip(&archive)] {
        let path = a_file(&archive);
        let fetcher = fetcher(&path);
        assert_eq!(fetcher.resolve(&any()).await.unwrap().layers.len(), 3);
        assert_eq!(read_all(&fetcher, &any()).await.unwrap(), expected(&layers, &layers));
    }
}

#[tokio::test]
async fn image_among_several_is_found_by_name_digest_and_platform() {
    let (one, two) = (vec![a_layer("a", b"1")], vec![a_layer("a", b"2")]);
    let mut files = Files::new();
    let manifests: Vec<_> = [(&one, "amd64"), (&two, "arm64")]
        .into_iter()
        .map(|(layers, architecture)| {
            let bytes = oci_manifest(&mut files, layers, layers, architecture).to_string().into_bytes();
            let size = bytes.len();
            let digest = blob(&mut files, bytes);
            (digest.clone(), descriptor(MANIFEST, &digest, size))
        })
        .collect();
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifests[0].1, manifests[1].1]});
    let list = list.to_string().into_bytes();
    let size = list.len();
    let inner = blob(&mut files, list);
    let outer = json!({"schemaVersion": 2, "manifests": [descriptor(INDEX, &inner, size)]});
    files.insert("index.json".into(), Content::File(outer.to_string().into_bytes()));
    let path = a_file(&tar(&files));
    let fetcher = fetcher(&path);
    for (platform, wanted) in [("linux/amd64", &one), ("linux/arm64/v8", &two)] {
        let request = api_wire::fetcher::ResolveRequest { platform: platform.parse().ok(), ..any() };
        assert_eq!(read_all(&fetcher, &request).await.unwrap(), expected(wanted, wanted));
    }
    let by_digest = api_wire::fetcher::ResolveRequest { digests: vec![manifests[1].0.clone()], ..any() };
    let image = fetcher.resolve(&by_digest).await.unwrap();
    assert_eq!(image.identity.index, Some(inner));
    assert_eq!(image.layers[0].diff_id, sha256(&two[0]));
    refused(fetcher.resolve(&named("other:1")).await, ErrorCode::NotFound, "not here");
    let foreign = api_wire::fetcher::ResolveRequest { platform: "linux/s390x".parse().ok(), ..any() };
    refused(fetcher.resolve(&foreign).await, ErrorCode::NotFound, "linux/s390x");
}

#[tokio::test]
async fn images_of_one_archive_without_a_name_are_undecided() {
    let mut files = saved(&[a_layer("a", b"1")], "one:1");
    let manifest = |files: &Files| match &files["manifest.json"] {
        Content::File(bytes) => serde_json::from_slice::<Vec<serde_json::Value>>(bytes).unwrap(),
        Content::Link(_) => panic!("the manifest is a link"),
    };
    let mut entries = manifest(&files);
    let other = saved(&[a_layer("a", b"2")], "two:1");
    entries.extend(manifest(&other));
    files.extend(other);
    let all = serde_json::to_vec(&entries).unwrap();
    files.insert("manifest.json".into(), Content::File(all));
    let path = a_file(&tar(&files));
    refused(fetcher(&path).resolve(&any()).await, ErrorCode::Unprocessable, "one:1");
    assert_eq!(fetcher(&path).resolve(&named("two:1")).await.unwrap().references, ["two:1"]);
}

#[tokio::test]
async fn layer_with_another_content_is_a_digest_mismatch() {
    let mut saved = saved(&layers(), "a:1");
    let name =
        saved.iter().find(|(_, content)| matches!(content, Content::File(b) if *b == layers()[1])).unwrap().0;
    saved.insert(name.clone(), Content::File(a_layer("b", &[8; 300_000])));
    refused(read(&tar(&saved)).await, ErrorCode::Unprocessable, "ought to be sha256:");
    let stored: Vec<Vec<u8>> = layers().iter().map(|layer| gzip(layer)).collect();
    let mut oci = oci(&layers(), &stored, "a:1");
    let name = format!("blobs/sha256/{}", sha256(&stored[1]).hex());
    oci.insert(name, Content::File(gzip(&a_layer("b", b"other"))));
    for archive in [tar(&oci), gzip(&tar(&oci))] {
        refused(read(&archive).await, ErrorCode::Unprocessable, "ought to be sha256:");
    }
}

#[tokio::test]
async fn document_with_another_content_is_a_digest_mismatch() {
    for is_config in [true, false] {
        let mut files = oci(&layers(), &layers(), "a:1");
        let is_wanted = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.starts_with('{') && text.contains("rootfs") == is_config && !text.contains("annotations")
        };
        let names: Vec<String> = files
            .iter()
            .filter(|(name, content)| {
                name.starts_with("blobs") && matches!(content, Content::File(b) if is_wanted(b))
            })
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(names.len(), 1);
        files.insert(names[0].clone(), Content::File(b"{}".to_vec()));
        refused(read(&tar(&files)).await, ErrorCode::Unprocessable, "ought to be sha256:");
    }
}

#[tokio::test]
async fn manifest_that_contradicts_itself_is_ambiguous() {
    let change = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut files = Files::new();
        let mut manifest = oci_manifest(&mut files, &layers(), &layers(), "amd64");
        change(&mut manifest);
        index(&mut files, &manifest, "a:1");
        tar(&files)
    };
    let both = change(&|manifest| manifest["manifests"] = json!([]));
    refused(read(&both).await, ErrorCode::Unprocessable, "ambiguous");
    let other_type = change(&|manifest| manifest["mediaType"] = json!(INDEX));
    refused(read(&other_type).await, ErrorCode::Unprocessable, "ambiguous");
    let foreign_layer = change(&|manifest| manifest["layers"][0]["mediaType"] = json!("application/wasm"));
    refused(read(&foreign_layer).await, ErrorCode::Unprocessable, "not supported");
    let one_less = change(&|manifest| drop(manifest["layers"].as_array_mut().unwrap().pop()));
    refused(read(&one_less).await, ErrorCode::Unprocessable, "diff-ids");
}

#[tokio::test]
async fn entries_of_one_name_are_ambiguous() {
    let files = saved(&layers(), "a:1");
    let again = [(String::from("./manifest.json"), Content::File(b"[]".to_vec()))];
    let archive = tar_of(files.iter().chain(again.iter().map(|(name, content)| (name, content))));
    for archive in [archive.clone(), gzip(&archive)] {
        refused(read(&archive).await, ErrorCode::Unprocessable, "ambiguous");
    }
}

#[tokio::test]
async fn documents_and_layers_over_the_limit_are_refused() {
    let mut files = saved(&layers(), "a:1");
    files.insert("manifest.json".into(), Content::File(vec![b' '; (4 << 20) + 1]));
    for archive in [tar(&files), gzip(&tar(&files))] {
        refused(read(&archive).await, ErrorCode::Unprocessable, "4 MiB");
    }
    let many = vec![a_layer("a", b"x"); 513];
    refused(read(&tar(&oci(&many, &many, "a:1"))).await, ErrorCode::Unprocessable, "512");
}

/// An index of so many entries, each of which is the same document; its digest.
fn index_of_one(
    files: &mut Files,
    media_type: &str,
    document: &serde_json::Value,
    entries: usize,
) -> serde_json::Value {
    let bytes = serde_json::to_vec(document).unwrap();
    let digest = sha256(&bytes);
    let entry = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
    files.insert(format!("blobs/sha256/{}", digest.hex()), Content::File(bytes));
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": vec![entry; entries]})
}

/// 256 times 256 times 256 images, out of four small documents.
#[tokio::test]
async fn image_that_indices_name_again_and_again_is_one() {
    let mut files = Files::new();
    let manifest = oci_manifest(&mut files, &layers(), &layers(), "amd64");
    let innermost = index_of_one(&mut files, MANIFEST, &manifest, 256);
    let middle = index_of_one(&mut files, INDEX, &innermost, 256);
    let outermost = index_of_one(&mut files, INDEX, &middle, 256);
    files.insert("index.json".into(), Content::File(outermost.to_string().into_bytes()));
    for archive in [tar(&files), gzip(&tar(&files))] {
        assert_eq!(read(&archive).await.unwrap(), expected(&layers(), &layers()));
    }
}

#[tokio::test]
async fn archive_of_more_documents_than_are_read_is_refused() {
    let mut files = Files::new();
    let manifest = oci_manifest(&mut files, &layers(), &layers(), "amd64");
    let mut indices = Vec::new();
    for number in 0..10 {
        let manifests: Vec<serde_json::Value> = (0..200)
            .map(|of| {
                let mut manifest = manifest.clone();
                manifest["annotations"] = json!({"number": number, "of": of});
                index_of_one(&mut files, MANIFEST, &manifest, 1)["manifests"][0].clone()
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        indices.push(index_of_one(&mut files, INDEX, &index, 1)["manifests"][0].clone());
    }
    let index = json!({"schemaVersion": 2, "manifests": indices});
    files.insert("index.json".into(), Content::File(index.to_string().into_bytes()));
    refused(read(&tar(&files)).await, ErrorCode::Unprocessable, "2,048 indices");
}

#[tokio::test]
async fn extended_header_without_end_is_refused_before_it_is_held() {
    let mut archive = Vec::new();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 20);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend(vec![b'a'; 2 << 20]);
    archive.extend(tar(&saved(&layers(), "a:1")));
    for archive in [archive.clone(), gzip(&archive)] {
        refused(read(&archive).await, ErrorCode::Unprocessable, "headers are over 1 MiB");
    }
}

#[tokio::test]
async fn archive_that_is_a_bomb_is_refused() {
    let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_path("a").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    std::io::Write::write_all(&mut bomb, header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 2 << 30), &mut bomb).unwrap();
    refused(read(&bomb.finish().unwrap()).await, ErrorCode::Unprocessable, "2000 times");
}

#[tokio::test]
async fn layout_with_a_link_out_of_it_is_refused() {
    let files = oci(&layers(), &layers(), "a:1");
    let (folder, outside) = (a_folder(&files), a_file(b"{}"));
    let index = folder.path().join("index.json");
    let elsewhere = outside.to_path_buf();
    std::fs::rename(&index, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &index).unwrap();
    refused(read_all(&fetcher(folder.path()), &any()).await, ErrorCode::Unprocessable, "no regular file");
}

#[tokio::test]
async fn names_that_leave_the_archive_open_nothing() {
    let secret = a_file(b"{\"secret\": true}");
    let target = secret.to_str().unwrap();
    for name in [target, "../../../../../../etc/passwd", "blobs/sha256/../../../x"] {
        let layer = a_layer("a", b"x");
        let mut files = saved(std::slice::from_ref(&layer), "a:1");
        let config = format!("{}.json", sha256(&config(std::slice::from_ref(&layer), "amd64")).hex());
        let manifest = json!([{"Config": config, "RepoTags": [], "Layers": [name]}]);
        files.insert("manifest.json".into(), Content::File(manifest.to_string().into_bytes()));
        refused(read(&tar(&files)).await, ErrorCode::NotFound, "layer");
        let manifest = json!([{"Config": name, "RepoTags": [], "Layers": []}]);
        files.insert("manifest.json".into(), Content::File(manifest.to_string().into_bytes()));
        refused(read(&tar(&files)).await, ErrorCode::Unprocessable, "manifest.json");
        let folder = a_folder(&Files::from([(
            "index.json".to_owned(),
            Content::File(
                json!({"schemaVersion": 2, "manifests": [{"digest": name, "size": 1}]}).to_string().into(),
            ),
        )]));
        refused(read_all(&fetcher(folder.path()), &any()).await, ErrorCode::Unprocessable, "index.json");
    }
}

#[tokio::test]
async fn archive_cut_anywhere_is_an_error_or_complete() {
    let layers = [a_layer("a", b"x"), a_layer("b", b"y")];
    let archive = tar(&saved(&layers, "a:1"));
    let mut complete = 0;
    let mut check = |outcome: Result<Read, FetchError>| match outcome {
        Ok(read) => {
            assert_eq!(read, expected(&layers, &layers));
            complete += 1;
        }
        Err(error) => assert_eq!(error.code, ErrorCode::Unprocessable, "{error}"),
    };
    for end in (0..archive.len()).step_by(509) {
        check(read(&archive[..end]).await);
    }
    let packed = gzip(&archive);
    for end in (0..packed.len()).step_by(97) {
        check(read(&packed[..end]).await);
    }
    // What follows manifest.json is not needed: one more entry and the end's padding.
    assert!(complete < 9, "{complete}");
}

#[tokio::test]
async fn file_that_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"abc", &[0x1f, 0x8b, 0, 0, 0], &[0xff; 4096], &vec![0; 10240]] {
        let error = read(bytes).await.unwrap_err();
        assert!(!error.code.is_retryable(), "{error}");
    }
    refused(read_all(&fetcher(Path::new("/nowhere/x.tar")), &any()).await, ErrorCode::NotFound, "/nowhere");
    refused(read_all(&fetcher(Path::new("/dev/null")), &any()).await, ErrorCode::Unprocessable, "regular");
}

#[tokio::test]
async fn archive_is_streamed_as_it_lies_there() {
    use futures_util::TryStreamExt;
    let archive = tar(&saved(&layers(), "a:1"));
    let path = a_file(&archive);
    let fetcher = fetcher(&path);
    let handle = fetcher.resolve(&any()).await.unwrap().handle;
    let parts: Vec<bytes::Bytes> = fetcher.open_archive(&handle).await.unwrap().try_collect().await.unwrap();
    assert_eq!(parts.concat(), archive);
}

#[tokio::test]
async fn handle_released_or_foreign_is_not_found() {
    let path = a_file(&tar(&saved(&layers(), "a:1")));
    let fetcher = fetcher(&path);
    let handle = fetcher.resolve(&any()).await.unwrap().handle;
    let foreign = sha256(b"foreign");
    refused(read_layers(&fetcher, &handle, &[foreign]).await, ErrorCode::NotFound, "no layer");
    fetcher.release(&handle).await;
    refused(read_layers(&fetcher, &handle, &[]).await, ErrorCode::NotFound, "resolve the image again");
}
