//! Tests of the binary extractor. `testdata/*.gz` are real programs in which everything but the
//! header, the build information and what it points to was made zero.

use super::*;
use crate::testing::extract;
use api_vocab::ProblemCode;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use std::io::{Read, Write};

const PATH: &str = "usr/bin/app";
const LIST: &str = "path\tx\nmod\texample.com/x\tv0.1.0\t\ndep\ta.b/c\tv1.0.0\th1:=\n";
const CRATES: &str = r#"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true},
    {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
    {"name":"itoa","version":"1.0.1","source":"crates.io","kind":"runtime"},
    {"name":"libc","version":"0.2.1","source":"crates.io","dependencies":[0]},
    {"name":"mine","version":"1.0.0","source":"registry"},{"name":"gitty","version":"1.0.0","source":"git"}],
    "format":8}"#;

fn unpacked(gz: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(gz).read_to_end(&mut bytes).unwrap();
    bytes
}

fn found(bytes: &[u8]) -> Vec<String> {
    let extracted = extract(&Binary, PATH, bytes);
    assert_eq!(extracted.problems, []);
    names(&extracted)
}

fn names(extracted: &Extracted) -> Vec<String> {
    let packages = extracted.packages.iter().map(|found| &found.package);
    packages.map(|p| format!("{} {}@{}", p.ecosystem(), p.name(), p.version())).collect()
}

fn refused(bytes: &[u8]) -> (Vec<String>, ProblemCode) {
    let extracted = extract(&Binary, PATH, bytes);
    let [problem] = extracted.problems.as_slice() else { panic!("{:?}", extracted.problems) };
    assert_eq!(&*problem.path, PATH);
    (names(&extracted), problem.code)
}

/// An ELF file with a read-only segment of these bytes, and a writable one of those, which begins
/// on a boundary of 4096.
fn elf(constants: &[u8], data: &[u8]) -> Vec<u8> {
    let data_at = (0x1000 + constants.len() as u64).next_multiple_of(0x1000);
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for number in [0x40_1000u64, 64, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    for (flags, at, len) in [(4u32, 0x1000, constants.len()), (6, data_at, data.len())] {
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(flags.to_le_bytes());
        for number in [at, 0x40_0000 + at, 0x40_0000 + at, len as u64, len as u64, 0x1000] {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes.resize(0x1000, 0);
    bytes.extend(constants);
    bytes.resize(data_at as usize, 0);
    bytes.extend(data);
    bytes
}

fn framed(list: &str) -> Vec<u8> {
    [
        golang::MODULE_LIST_START,
        list.as_bytes(),
        b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2",
    ]
    .concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn build_info(toolchain: &str, list: &[u8], list_len: u64) -> Vec<u8> {
    let mut bytes = [golang::BUILD_INFO, b"\x08\x02", &[0; 16]].concat();
    bytes.extend(varint(toolchain.len() as u64));
    bytes.extend(toolchain.as_bytes());
    bytes.extend(varint(list_len));
    bytes.extend(list);
    bytes
}

fn go(toolchain: &str, list: &str) -> Vec<u8> {
    let list = framed(list);
    build_info(toolchain, &list, list.len() as u64)
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn compact(json: &str) -> Vec<u8> {
    json.replace(['\n', ' '], "").into_bytes()
}

#[test]
fn path_of_program_or_shared_object_is_wanted() {
    for path in [
        PATH,
        "bin/busybox",
        "opt/app/server.v2",
        "opt/app-1.2",
        "usr/lib/x86_64-linux-gnu/libssl.so.1.1",
        "usr/lib/libx.so",
        "app/App.exe",
        "usr/lib/python3/_x.cpython-312-x86_64-linux-gnu.so",
        "node_modules/x/build/Release/x.node",
        "usr/share/grafana/bin/grafana",
        "a.bin",
        ".hidden",
    ] {
        assert!(Binary.wants(path), "{path}");
    }
}

#[test]
fn path_of_other_file_is_not_wanted() {
    for path in [
        "",
        "etc/",
        "a.txt",
        "usr/share/doc/bash/copyright",
        "usr/share/man/man1/bash.1.gz",
        "usr/share/zoneinfo/Europe/Berlin",
        "usr/include/c++/12/vector",
        "var/lib/dpkg/status",
        "usr/lib/libx.a",
        "a/B.JSON",
        "a.class",
        "a.jar",
    ] {
        assert!(!Binary.wants(path), "{path}");
    }
}

/// A file that two extractors want is held in memory.
#[test]
fn path_that_another_extractor_wants_is_left_to_it() {
    for path in [
        "a/x.jar",
        "a/x.war",
        "a/x.ear",
        "a/x.par",
        "a/x.sar",
        "a/x.hpi",
        "a/x.jpi",
        "node_modules/x/package.json",
        "a/x.dist-info/METADATA",
        "a/x.egg-info/PKG-INFO",
        "a/x.egg-info",
        "etc/os-release",
        "var/lib/dpkg/status",
        "var/lib/rpm/Packages",
        "lib/apk/db/installed",
    ] {
        let all = crate::registry::all();
        let wanting = all.iter().filter(|extractor| extractor.wants(path)).map(|extractor| extractor.name());
        assert_eq!(wanting.count(), 1, "{path}");
    }
}

#[test]
fn go_programs_of_today_are_read() {
    for gz in [
        &include_bytes!("testdata/go1.26-elf32.gz")[..],
        include_bytes!("testdata/go1.26-pie.gz"),
        include_bytes!("testdata/go1.26-mips.gz"),
        include_bytes!("testdata/go1.26-pe.gz"),
        include_bytes!("testdata/go1.26-macho.gz"),
    ] {
        assert_eq!(
            found(&unpacked(gz)),
            [
                "Go github.com/google/uuid@v1.3.0",
                "Go golang.org/x/text@v0.3.7",
                "Go rsc.io/quote@v1.5.2",
                "Go rsc.io/sampler@v1.3.0",
                "Go stdlib@1.26.8",
            ]
        );
    }
}

#[test]
fn go_programs_with_pointers_are_read() {
    assert_eq!(
        found(&unpacked(include_bytes!("testdata/go1.15-elf64.gz"))),
        ["Go golang.org/x/sys@v0.0.0-20200501145240-bc7a7d42d5c3", "Go stdlib@1.15.5"]
    );
    assert_eq!(
        found(&unpacked(include_bytes!("testdata/go1.17-elf32.gz"))),
        ["Go golang.org/x/sys@v0.0.0-20210908233432-aa78b53d3365", "Go stdlib@1.17.1"]
    );
}

#[test]
fn rust_program_with_audit_list_is_read() {
    assert_eq!(
        found(&unpacked(include_bytes!("testdata/auditable-elf64.gz"))),
        ["crates.io itoa@1.0.18", "crates.io memchr@2.8.3"]
    );
}

#[test]
fn rust_crates_of_the_build_or_not_of_the_registry_are_left_out() {
    let bytes = elf(&zlib(&compact(CRATES)), b"");
    assert_eq!(found(&bytes), ["crates.io itoa@1.0.1", "crates.io libc@0.2.1"]);
}

#[test]
fn rust_list_anywhere_in_a_large_file_is_found() {
    let list = zlib(&compact(CRATES));
    for before in [0, 1, (256 << 10) - 130, (256 << 10) - 1, 1 << 20] {
        let mut constants = vec![b'.'; before];
        constants.extend(&list);
        assert_eq!(found(&elf(&constants, b"")).len(), 2, "{before}");
    }
}

#[test]
fn go_build_info_anywhere_in_a_large_file_is_found() {
    for before in [0, 16, (256 << 10) - 0x1000 - 128, (256 << 10) - 0x1000 - 16, 1 << 20] {
        let mut data = vec![b'.'; before];
        data.extend(go("go1.22.3", LIST));
        assert_eq!(
            found(&elf(b"", &data)),
            ["Go example.com/x@v0.1.0", "Go a.b/c@v1.0.0", "Go stdlib@1.22.3"],
            "{before}"
        );
    }
}

#[test]
fn go_build_info_embedded_as_an_asset_is_not_the_programs() {
    let asset = go("go1.5", LIST);
    let own = go("go1.22.3", "path\tx\n");
    assert_eq!(found(&elf(&asset, &own)), ["Go stdlib@1.22.3"]);
}

#[test]
fn go_magic_that_is_only_a_constant_is_passed_over() {
    let mut data = [golang::BUILD_INFO, b"\x08\x02not a toolchain............."].concat();
    data.resize(data.len().next_multiple_of(16), 0);
    data.extend(go("go1.22.3", ""));
    assert_eq!(found(&elf(b"", &data)), ["Go stdlib@1.22.3"]);
}

#[test]
fn go_program_without_modules_has_its_standard_library() {
    assert_eq!(found(&elf(b"", &build_info("go1.22.3", b"", 0))), ["Go stdlib@1.22.3"]);
    assert!(found(&elf(b"", &build_info("devel go1.23-0123 Mon", b"", 0))).is_empty());
}

#[test]
fn go_module_list_cut_short_is_partial() {
    let list = framed(LIST);
    let bytes = elf(b"", &build_info("go1.22.3", &list[..list.len() - 30], list.len() as u64));
    // The line that was cut might name another version than the whole one.
    let kept = ["Go example.com/x@v0.1.0", "Go stdlib@1.22.3"].map(String::from).to_vec();
    assert_eq!(refused(&bytes), (kept, ProblemCode::Truncated));
}

#[test]
fn go_module_list_of_a_lying_length_is_refused() {
    for length in [(2 << 20) + 1, u64::MAX >> 1] {
        let bytes = elf(b"", &build_info("go1.22.3", LIST.as_bytes(), length));
        assert_eq!(refused(&bytes), (vec![], ProblemCode::TooLarge));
    }
}

#[test]
fn go_pointers_that_lead_nowhere_are_a_problem() {
    let header = |toolchain: u64, list: u64| {
        [golang::BUILD_INFO, b"\x08\x00", &toolchain.to_le_bytes(), &list.to_le_bytes(), &[0xff; 64]].concat()
    };
    // Outside of every segment: not build information at all.
    assert!(found(&elf(b"", &header(u64::MAX, 0))).is_empty());
    // A string header that is noise, one that is itself, and one past the end of the file.
    for toolchain in [0x40_1020, 0x40_1000, 0x40_105f] {
        assert_eq!(refused(&elf(b"", &header(toolchain, u64::MAX))), (vec![], ProblemCode::Unsupported));
    }
}

#[test]
fn go_pointers_that_lead_nowhere_leave_the_only_module_list() {
    let header = [golang::BUILD_INFO, b"\x08\x00", &0x40_1000u64.to_le_bytes(), &[0; 8]].concat();
    let modules = ["Go example.com/x@v0.1.0", "Go a.b/c@v1.0.0"].map(String::from).to_vec();
    let list = framed(LIST);
    assert_eq!(refused(&elf(&list, &header)), (modules, ProblemCode::Unsupported));
    assert_eq!(refused(&elf(&list.repeat(2), &header)), (vec![], ProblemCode::Unsupported));
}

#[test]
fn go_modules_with_hostile_names_are_problems() {
    let list = format!("dep\ta\u{1b}[31m\tv1\ndep\t\tv1\ndep\t{}\tv1\ndep\tok\tv1\n", "a".repeat(2000));
    let extracted = extract(&Binary, PATH, &elf(b"", &go("go1.22.3", &list)));
    assert_eq!(names(&extracted), ["Go ok@v1", "Go stdlib@1.22.3"]);
    assert_eq!(extracted.problems.len(), 3);
}

#[test]
fn rust_list_broken_is_a_problem() {
    let list = zlib(&compact(CRATES));
    let mut flipped = list.clone();
    flipped[list.len() - 1] ^= 1;
    assert_eq!(refused(&elf(&flipped, b"")), (vec![], ProblemCode::Malformed));
    assert_eq!(refused(&[b"\x7fELF", &list[..list.len() - 40]].concat()), (vec![], ProblemCode::Truncated));
    let odd = zlib(br#"{"packages":[{"name":1}]}"#);
    assert_eq!(refused(&elf(&odd, b"")), (vec![], ProblemCode::Malformed));
}

#[test]
fn rust_list_that_explodes_is_refused() {
    let mut text = br#"{"packages":[{"name":""#.to_vec();
    text.resize(64 << 20, b'a');
    assert_eq!(refused(&elf(&zlib(&text), b"")), (vec![], ProblemCode::TooLarge));
}

#[test]
fn rust_lists_without_number_are_bounded() {
    let list = zlib(&compact(CRATES));
    let extracted = extract(&Binary, PATH, &elf(&list.repeat(1000), b""));
    assert_eq!(extracted.packages.len(), 32);
    assert_eq!(extracted.problems[0].code, ProblemCode::TooManyEntries);
}

#[test]
fn file_of_stream_starts_is_bounded() {
    let (_, code) = refused(&elf(&b"x\x9c".repeat(300_000), b""));
    assert_eq!(code, ProblemCode::TooManyEntries);
}

#[test]
fn file_of_magics_is_bounded() {
    let magics = [golang::BUILD_INFO, b"\x08\x02"].concat().repeat(50_000);
    let starts = golang::MODULE_LIST_START.repeat(50_000);
    let names = golang::TOOLCHAIN.repeat(50_000);
    assert!(found(&elf(&starts, &[magics, names].concat())).is_empty());
}

#[test]
fn file_that_is_no_binary_is_not_read_beyond_its_first_bytes() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len() as u64;
            buffer.fill(b'#');
            Ok(buffer.len())
        }
    }
    let mut content = Endless(0);
    let mut file = OpenFile { path: PATH, size: u64::MAX, executable: true, content: &mut content };
    assert_eq!(Binary.extract(&mut file), Extracted::default());
    assert!(content.0 <= 128 << 10);
}

#[test]
fn files_empty_or_small_are_nothing() {
    for bytes in
        [&b""[..], b"\x7f", b"\x7fELF", b"MZ", b"MZ\0\0", b"\xcf\xfa\xed\xfe", b"\0asm", b"#!/bin/sh\n"]
    {
        assert!(found(bytes).is_empty());
    }
}

#[test]
fn content_that_fails_is_a_problem() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            }
        }
    }
    let bytes = elf(&zlib(&compact(CRATES)), &[0; 70 << 10]);
    let mut content = Failing(&bytes);
    let mut file = OpenFile { path: PATH, size: bytes.len() as u64, executable: true, content: &mut content };
    let extracted = Binary.extract(&mut file);
    assert_eq!(extracted.problems[0].code, ProblemCode::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn binary_arbitrary_never_panics(magic in 0usize..8, bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let magics: [&[u8]; 8] = [b"\x7fELF\x01\x01", b"\x7fELF\x02\x01", b"\x7fELF\x02\x02", b"MZ",
            b"\xfe\xed\xfa\xce", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\0asm"];
        extract(&Binary, PATH, &[magics[magic], &bytes].concat());
    }

    #[test]
    fn go_program_mutated_never_panics(
        pointed in any::<bool>(),
        changes in proptest::collection::vec((0usize..320, any::<u8>()), 0..6),
        cut in 0usize..9000,
    ) {
        let list = framed(LIST);
        let texts = [&b"go1.16.1"[..], &list].concat();
        let headers = [0x40_1000, 8, 0x40_1008, list.len() as u64].map(u64::to_le_bytes).concat();
        let data = match pointed {
            true => [golang::BUILD_INFO, b"\x08\0", &0x40_2020u64.to_le_bytes(), &0x40_2030u64.to_le_bytes(),
                &headers].concat(),
            false => go("go1.22.3", LIST),
        };
        let mut bytes = elf(&texts, &data);
        for (at, byte) in changes {
            // The header and its segments, or the build information.
            let at = if at < 176 { at } else { 0x2000 + at - 176 };
            if let Some(changed) = bytes.get_mut(at) { *changed = byte; }
        }
        bytes.truncate(cut);
        extract(&Binary, PATH, &bytes);
    }

    #[test]
    fn rust_program_mutated_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut list = zlib(&compact(CRATES));
        let at = at.index(list.len());
        list[at] = byte;
        extract(&Binary, PATH, &elf(&list, b""));
    }
}
