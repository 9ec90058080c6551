//! Decompression, chosen by the first bytes.

use crate::failure::Failure;
use crate::source::Source;
use api_vocab::ProblemCode;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A frame that zstd passes over may come first; its lowest four bits are free.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const BZIP2: &[u8] = b"BZh";

/// A source and what undoes its compression.
pub(crate) enum Decoder<'c, R: Read> {
    Plain(Source<'c, R>),
    Gzip(Box<MultiGzDecoder<Source<'c, R>>>),
    Zstd(Box<zstd::Decoder<'static, Source<'c, R>>>),
    /// Not to be decompressed: there are no bytes.
    Unread(Source<'c, R>),
    /// The decompressor could not be made, and the source went with it.
    Lost,
}

impl<'c, R: Read> Decoder<'c, R> {
    /// Looks at the first bytes of `source`; with the reason where there is nothing to read.
    pub(crate) fn open(mut source: Source<'c, R>, window_log: u32) -> (Self, Option<Failure>) {
        let magic = match source.peek(6) {
            Ok(magic) => magic,
            Err(error) => return (Decoder::Unread(source), Some(Failure::of(&error))),
        };
        if magic.starts_with(GZIP) {
            return (Decoder::Gzip(Box::new(MultiGzDecoder::new(source))), None);
        }
        if magic.starts_with(XZ) || magic.starts_with(BZIP2) {
            let failure = Failure::new(ProblemCode::Unsupported, "compressed by xz or bzip2");
            return (Decoder::Unread(source), Some(failure));
        }
        if magic.starts_with(ZSTD) || magic.get(1..).is_some_and(|rest| rest.starts_with(ZSTD_SKIPPABLE)) {
            return Decoder::open_zstd(source, window_log);
        }
        (Decoder::Plain(source), None)
    }

    fn open_zstd(source: Source<'c, R>, window_log: u32) -> (Self, Option<Failure>) {
        match zstd::Decoder::with_buffer(source) {
            Ok(mut decoder) => {
                let failure = decoder.window_log_max(window_log).err().map(|error| Failure::of(&error));
                (Decoder::Zstd(Box::new(decoder)), failure)
            }
            Err(error) => (Decoder::Lost, Some(Failure::of(&error))),
        }
    }

    /// Whether the bytes that come out are the bytes that go in.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Decoder::Plain(_))
    }

    /// The bytes before decompression.
    pub(crate) fn source(&mut self) -> Option<&mut Source<'c, R>> {
        match self {
            Decoder::Plain(source) | Decoder::Unread(source) => Some(source),
            Decoder::Gzip(decoder) => Some(decoder.get_mut()),
            Decoder::Zstd(decoder) => Some(decoder.get_mut()),
            Decoder::Lost => None,
        }
    }
}

impl<R: Read> Read for Decoder<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(source) => source.read(out),
            Decoder::Gzip(decoder) => decoder.read(out),
            Decoder::Zstd(decoder) => decoder.read(out),
            Decoder::Unread(_) | Decoder::Lost => Ok(0),
        }
    }
}
