//! Minimal ELF files that carry what Go's and Rust's toolchains leave in a program: a sample of
//! compiled programs without shipping compiled programs.

use std::io::{self, Write};

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;
/// Where the payload stands; also its address, so that both agree modulo the page size.
const PAYLOAD: usize = 0x1000;

/// A program with one loaded, writable section (ELF-64 Object File Format, little endian, x86-64).
fn program(section: &str, payload: &[u8]) -> Vec<u8> {
    let names = [b"\0.shstrtab\0", section.as_bytes(), b"\0"].concat();
    let names_at = PAYLOAD + payload.len();
    let sections_at = (names_at + names.len()).next_multiple_of(8);

    let mut file = Vec::with_capacity(sections_at + 3 * SECTION_HEADER);
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    put16(&mut file, &[2, 62]); // ET_EXEC, EM_X86_64
    put32(&mut file, &[1]);
    put64(&mut file, &[PAYLOAD, HEADER, sections_at]);
    put32(&mut file, &[0]);
    put16(&mut file, &[HEADER, PROGRAM_HEADER, 1, SECTION_HEADER, 3, 1]);

    put32(&mut file, &[1, 6]); // PT_LOAD, readable and writable
    put64(&mut file, &[PAYLOAD, PAYLOAD, PAYLOAD, payload.len(), payload.len(), 0x1000]);

    file.resize(PAYLOAD, 0);
    file.extend(payload);
    file.extend(&names);
    file.resize(sections_at, 0);

    file.resize(sections_at + SECTION_HEADER, 0);
    section_header(&mut file, 1, 3, 0, 0, names_at, names.len()); // SHT_STRTAB
    section_header(&mut file, 11, 1, 3, PAYLOAD, PAYLOAD, payload.len()); // SHT_PROGBITS
    file
}

fn section_header(
    file: &mut Vec<u8>,
    name: usize,
    kind: usize,
    flags: usize,
    addr: usize,
    at: usize,
    len: usize,
) {
    put32(file, &[name, kind]);
    put64(file, &[flags, addr, at, len]);
    put32(file, &[0, 0]);
    put64(file, &[16, 0]);
}

fn put16(file: &mut Vec<u8>, values: &[usize]) {
    values.iter().for_each(|value| file.extend(&value.to_le_bytes()[..2]));
}

fn put32(file: &mut Vec<u8>, values: &[usize]) {
    values.iter().for_each(|value| file.extend(&value.to_le_bytes()[..4]));
}

fn put64(file: &mut Vec<u8>, values: &[usize]) {
    values.iter().for_each(|value| file.extend(&value.to_le_bytes()[..8]));
}

/// A Go program: build information in the form of Go 1.18 and later (`debug/buildinfo`).
pub fn go_program(go_version: &str, modules: &str) -> Vec<u8> {
    let mut payload = b"\xff Go buildinf:\x08\x02".to_vec();
    payload.resize(32, 0);
    put_string(&mut payload, go_version.as_bytes());
    // The module text stands between two 16-byte sentinels.
    put_string(&mut payload, &[&[b'<'; 16][..], modules.as_bytes(), &[b'>'; 16][..]].concat());
    program(".go.buildinfo", &payload)
}

/// Length as unsigned LEB128, then the bytes.
fn put_string(payload: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    while length >= 0x80 {
        payload.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    payload.push(length as u8);
    payload.extend(text);
}

/// A Rust program built with `cargo auditable`: its dependency list, compressed.
///
/// # Errors
/// Never in practice: it is compressed in memory.
pub fn rust_program(dependencies: &str) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(dependencies.as_bytes())?;
    Ok(program(".dep-v0", &encoder.finish()?))
}
