//! Writes archives for tests, the wrong ones included.

#![allow(dead_code, reason = "each test uses a part")]

pub mod many;
pub mod over;

pub const BLOCK: usize = 512;

/// An archive in the making.
#[derive(Clone, Default)]
pub struct Archive {
    pub bytes: Vec<u8>,
}

impl Archive {
    pub fn new() -> Self {
        Archive::default()
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), b"", content, |_| {})
    }

    pub fn program(self, name: &str, content: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), b"", content, |header| {
            header[100..108].copy_from_slice(b"0000755\0")
        })
    }

    pub fn dir(self, name: &str) -> Self {
        self.entry(b'5', name.as_bytes(), b"", b"", |_| {})
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), b"", |_| {})
    }

    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), b"", |_| {})
    }

    /// An entry whose header `edit` changes before its checksum is taken.
    pub fn entry(
        mut self,
        kind: u8,
        name: &[u8],
        link: &[u8],
        content: &[u8],
        edit: impl FnOnce(&mut [u8; BLOCK]),
    ) -> Self {
        let mut header = header(kind, name, link, content.len() as u64);
        edit(&mut header);
        sign(&mut header);
        self.bytes.extend_from_slice(&header);
        self.content(content)
    }

    /// Content without a header, filled up to a block.
    pub fn content(mut self, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        self
    }

    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(b'x', b"PaxHeaders/x", b"", &body, |_| {})
    }

    pub fn global(self, records: &[(&str, &str)]) -> Self {
        let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(b'g', b"pax_global_header", b"", &body, |_| {})
    }

    pub fn long_name(self, name: &[u8]) -> Self {
        self.entry(b'L', b"././@LongLink", b"", &[name, b"\0"].concat(), gnu)
    }

    pub fn long_link(self, name: &[u8]) -> Self {
        self.entry(b'K', b"././@LongLink", b"", &[name, b"\0"].concat(), gnu)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

/// A POSIX header without its checksum.
pub fn header(kind: u8, name: &[u8], link: &[u8], size: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link);
    header[257..265].copy_from_slice(b"ustar\x0000");
    header
}

/// Makes a header one in the GNU dialect.
pub fn gnu(header: &mut [u8; BLOCK]) {
    header[257..265].copy_from_slice(b"ustar  \0");
}

/// States another size.
pub fn sized(size: u64) -> impl FnOnce(&mut [u8; BLOCK]) {
    move |header| header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes())
}

/// Puts the checksum in place.
pub fn sign(header: &mut [u8; BLOCK]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// One record of an extended header, its length counting itself.
pub fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length = length.to_string().len() + rest.len();
    }
    format!("{length}{rest}").into_bytes()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
