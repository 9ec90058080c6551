//! Tests of the Node extractor.

use super::*;
use proptest::prelude::*;

const MANIFEST: &str = "app/node_modules/x/package.json";
const EXPRESS: &[u8] = include_bytes!("testdata/express.json");

fn extract(bytes: &[u8]) -> Extracted {
    crate::testing::extract(&Node, MANIFEST, bytes)
}

fn found(bytes: &[u8]) -> (String, String, Vec<Box<str>>) {
    let extracted = extract(bytes);
    assert_eq!(extracted.problems, []);
    let [one] = extracted.packages.as_slice() else { panic!("not one package") };
    assert_eq!(one.package.ecosystem().to_string(), "npm");
    (one.package.name().to_owned(), one.package.version().to_owned(), one.licenses.clone())
}

fn refused(bytes: &[u8]) {
    let extracted = extract(bytes);
    assert_eq!(extracted.packages, []);
    let [problem] = extracted.problems.as_slice() else { panic!("not one problem") };
    assert_eq!((&*problem.path, problem.code), (MANIFEST, ProblemCode::Malformed));
}

#[test]
fn path_of_installed_manifest_is_wanted() {
    for path in [
        MANIFEST,
        "node_modules/x/package.json",
        "app/node_modules/@babel/core/package.json",
        "app/node_modules/x/node_modules/y/package.json",
        "app/node_modules/.pnpm/x@1.0.0/node_modules/x/package.json",
        "app/node_modules/.pnpm/@s+x@1.0.0_y@2/node_modules/@s/x/package.json",
        "app/node_modules/.store/lodash-npm-4.17.21-6382451519/package/package.json",
        "usr/lib/node_modules/npm/package.json",
        "usr/lib/node_modules/npm/node_modules/tar/package.json",
        "app/node_modules/test/package.json",
        "app/node_modules/@s/tests/package.json",
        "app/node_modules/test/node_modules/x/package.json",
        "home/test/node_modules/x/package.json",
    ] {
        assert!(Node.wants(path), "{path}");
    }
}

#[test]
fn path_of_other_manifest_is_not_wanted() {
    for path in [
        "",
        "package.json",
        "app/package.json",
        "node_modules/package.json",
        "app/node_modules/x/lib/package.json",
        "app/node_modules/@s/package.json",
        "app/node_modules/@s/x/lib/package.json",
        "app/node_modules/.bin/package.json",
        "app/node_modules/x/package.json/y",
        "app/node_modules/x/apackage.json",
        "app/my_node_modules/x/package.json",
        "app/node_modules/x/test/node_modules/y/package.json",
        "app/node_modules/x/lib/__fixtures__/a/node_modules/@s/y/package.json",
    ] {
        assert!(!Node.wants(path), "{path}");
    }
}

#[test]
fn manifest_of_published_package_is_read() {
    assert_eq!(found(EXPRESS), ("express".into(), "5.3.0".into(), vec!["MIT".into()]));
}

#[test]
fn manifest_with_scope_and_byte_order_mark_is_read() {
    let bytes = "\u{feff}{\"name\":\"@s/x\",\"version\":\" v1.0.0-rc.1 \",\
        \"licenses\":[{\"type\":\"MIT\",\"url\":\"u\"},\"ISC\",3]}";
    assert_eq!(
        found(bytes.as_bytes()),
        ("@s/x".into(), "1.0.0-rc.1".into(), vec!["MIT".into(), "ISC".into()])
    );
}

#[test]
fn manifest_repeated_key_last_counts() {
    assert_eq!(found(br#"{"name":"a","version":"1.0.0","name":"b","version":"2.0.0"}"#).0, "b");
}

#[test]
fn manifest_of_alias_gives_its_own_name() {
    assert_eq!(found(br#"{"name":"left-pad","version":"1.3.0"}"#).0, "left-pad");
}

#[test]
fn manifest_without_name_or_version_is_no_package() {
    for bytes in [&b"{}"[..], br#"{"type":"module"}"#, br#"{"name":"a"}"#, br#"{"version":"1.0.0"}"#] {
        assert_eq!(extract(bytes), Extracted::default());
    }
}

#[test]
fn manifest_malformed_is_a_problem() {
    for bytes in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        br#"{"name":"a","version":1}"#,
        br#"{"name":null,"version":"1.0.0"}"#,
        br#"{"name":{"a":1},"version":"1.0.0"}"#,
        br#"{"name":"","version":"1.0.0"}"#,
        br#"{"name":"a","version":"v"}"#,
        br#"{"name":"a\u001b[31m","version":"1.0.0"}"#,
        br#"{"name":"a","version":"1.0.0"} trailing"#,
    ] {
        refused(bytes);
    }
    refused(&EXPRESS[..EXPRESS.len() / 2]);
    refused(format!(r#"{{"name":"{}","version":"1"}}"#, "a".repeat(1025)).as_bytes());
}

#[test]
fn manifest_deeply_nested_is_survived() {
    let deep = |key: &str| {
        let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
        format!(r#"{{"name":"a","version":"1.0.0","{key}":{open}{close}}}"#)
    };
    refused(deep("licenses").as_bytes());
    let extracted = extract(deep("exports").as_bytes());
    assert_eq!(extracted.packages.len() + extracted.problems.len(), 1);
}

#[test]
fn manifest_beyond_the_limit_is_a_problem() {
    let extracted = extract(&vec![b' '; (MAX_MANIFEST + 1) as usize]);
    assert_eq!(extracted.packages, []);
    assert_eq!(extracted.problems[0].code, ProblemCode::TooLarge);
}

#[test]
fn licenses_of_any_shape_are_survived() {
    for (stated, expected) in [
        ("null", vec![]),
        ("true", vec![]),
        ("-1.5e3", vec![]),
        ("[1,[\"ISC\"],{\"url\":[{}],\"type\":\"MIT\"},{\"type\":7}]", vec!["ISC", "MIT"]),
        ("\"a\\u0007b\"", vec![]),
    ] {
        let bytes = format!(r#"{{"license":{stated},"name":"a","version":"1.0.0"}}"#);
        assert_eq!(found(bytes.as_bytes()).2, expected.into_iter().map(Box::from).collect::<Vec<Box<str>>>());
    }
}

#[test]
fn licenses_are_bounded() {
    let many = vec!["\"MIT\""; 10_000].join(",");
    let bytes = format!(r#"{{"name":"a","version":"1.0.0","licenses":["{}",{many}]}}"#, "x".repeat(201));
    assert_eq!(found(bytes.as_bytes()).2.len(), 16);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn manifest_arbitrary_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        extract(&bytes);
    }

    #[test]
    fn manifest_mutated_never_panics(at in 0..EXPRESS.len(), byte in any::<u8>(), cut in 0..EXPRESS.len()) {
        let mut bytes = EXPRESS.to_vec();
        bytes[at] = byte;
        extract(&bytes);
        bytes.truncate(cut);
        extract(&bytes);
    }

    #[test]
    fn path_arbitrary_never_panics(path in "(node_modules|@s|x|test|\\.store|package\\.json|/){0,12}") {
        Node.wants(&path);
    }
}
