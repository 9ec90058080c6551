//! Tests of the Python extractor.

use super::*;
use proptest::prelude::*;

const DIST_INFO: &str = "usr/lib/python3.12/site-packages/Zope.Interface-5.4.dist-info/METADATA";

fn extract(path: &str, bytes: &[u8]) -> Extracted {
    crate::testing::extract(&Python, path, bytes)
}

fn found(bytes: &[u8]) -> (String, String, Vec<Box<str>>) {
    let extracted = extract(DIST_INFO, bytes);
    assert_eq!(extracted.problems, []);
    let [one] = extracted.packages.as_slice() else { panic!("not one package") };
    assert_eq!(one.package.ecosystem().to_string(), "PyPI");
    (one.package.name().to_owned(), one.package.version().to_owned(), one.licenses.clone())
}

fn refused(bytes: &[u8]) -> String {
    let extracted = extract(DIST_INFO, bytes);
    assert_eq!(extracted.packages, []);
    let [problem] = extracted.problems.as_slice() else { panic!("not one problem") };
    assert_eq!((&*problem.path, problem.code), (DIST_INFO, ProblemCode::Malformed));
    problem.detail.to_string()
}

#[test]
fn path_of_installed_metadata_is_wanted() {
    for path in [
        DIST_INFO,
        "a.dist-info/METADATA",
        "usr/lib/python3/dist-packages/six.egg-info/PKG-INFO",
        "usr/lib/python3/dist-packages/wadllib-1.3.6.egg-info",
        "opt/eggs/foo-1.0-py3.8.egg/EGG-INFO/PKG-INFO",
    ] {
        assert!(Python.wants(path), "{path}");
    }
}

#[test]
fn path_of_other_file_is_not_wanted() {
    for path in [
        "",
        "METADATA",
        "PKG-INFO",
        "usr/share/METADATA",
        "a.dist-info/RECORD",
        "a.dist-info/licenses/METADATA",
        "src/PKG-INFO",
        "lib/~ip-24.0.dist-info/METADATA",
        "lib/~ip.egg-info",
    ] {
        assert!(!Python.wants(path), "{path}");
    }
}

#[test]
fn metadata_of_wheel_is_read() {
    assert_eq!(
        found(include_bytes!("testdata/zope.interface.METADATA")),
        ("zope-interface".into(), "8.7".into(), vec!["ZPL-2.1".into()])
    );
}

#[test]
fn metadata_of_egg_is_read() {
    let bytes = b"Metadata-Version: 1.1\nName: ruamel.yaml_Clib\nVersion: 0.2.6\nLicense: MIT license\n\
        Description: many\n        lines\n        Version: 9\n        \nPlatform: UNKNOWN\n\
        Classifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: Text\n";
    assert_eq!(
        found(bytes),
        ("ruamel-yaml-clib".into(), "0.2.6".into(), vec!["MIT license".into(), "MIT License".into()])
    );
}

#[test]
fn metadata_crlf_and_byte_order_mark_are_read() {
    assert_eq!(
        found(b"\xef\xbb\xbfname:A\r\nVERSION:  1.0 \r\n\r\nName: b\r\n"),
        ("a".into(), "1.0".into(), vec![])
    );
}

#[test]
fn description_is_not_read_as_headers() {
    assert_eq!(refused(b"Name: a\n\nVersion: 1\n"), "metadata without a version");
}

#[test]
fn license_text_instead_of_name_is_left_out() {
    let long =
        format!("Name: a\nVersion: 1\nLicense: Copyright\n  all of it\nLicense: {}\n", "x".repeat(201));
    assert_eq!(found(long.as_bytes()).2, Vec::<Box<str>>::new());
}

#[test]
fn metadata_latin1_is_read() {
    assert_eq!(found(b"Name: a\nAuthor: Andr\xe9\nVersion: 1\n").1, "1");
}

#[test]
fn metadata_empty_is_a_problem() {
    assert_eq!(refused(b""), "metadata without a name");
}

#[test]
fn metadata_cut_short_is_a_problem() {
    assert_eq!(refused(b"Metadata-Version: 2.1\nName: requests\nVers"), "metadata without a version");
}

#[test]
fn metadata_binary_is_a_problem() {
    refused(&[0xff; 4096]);
    refused(b"\x7fELF\0\0\0\0Name: a\0Version: 1");
}

#[test]
fn name_that_is_no_name_is_a_problem() {
    for name in ["../../etc", "a b", "-a", "a-", "<b>", "a\u{1b}[31m", "\u{e9}t\u{e9}"] {
        refused(format!("Name: {name}\nVersion: 1\n").as_bytes());
    }
    refused(format!("Name: {}\nVersion: 1\n", "a".repeat(2000)).as_bytes());
    refused(b"Name: a\nVersion: 1\x1b[31m\n");
}

#[test]
fn metadata_beyond_the_limit_is_a_problem() {
    let bytes = vec![b'a'; (MAX_METADATA + 1) as usize];
    let extracted = extract(DIST_INFO, &bytes);
    assert_eq!(extracted.packages, []);
    assert_eq!(extracted.problems[0].code, ProblemCode::TooLarge);
}

#[test]
fn metadata_of_a_million_fields_is_bounded() {
    let mut bytes = b"A: b\n".repeat(1_000_000);
    bytes.extend(b"Name: a\nVersion: 1\n");
    refused(&bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn metadata_arbitrary_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        extract(DIST_INFO, &bytes);
    }

    #[test]
    fn metadata_mutated_never_panics(at in 0usize..1024, byte in any::<u8>(), cut in 0usize..4096) {
        let mut bytes = include_bytes!("testdata/zope.interface.METADATA").to_vec();
        bytes[at] = byte;
        bytes.truncate(cut);
        let extracted = extract(DIST_INFO, &bytes);
        prop_assert_eq!(extracted.packages.len() + extracted.problems.len(), 1);
    }
}
