//! A package's header as rpm stores it: an index of tags, and their values.
//!
//! Two counts, then 16 bytes per tag (tag, type, offset, number of values), then the values; all
//! numbers are big-endian.

use super::files::Files;
use super::order::Order;
use crate::extractor::ExtractedPackage;
use crate::owned::Paths;
use api_vocab::{Ecosystem, Family, Package, PackageError};

const INTRO: usize = 8;
const ENTRY: usize = 16;
/// As rpm itself: more tags than this no header has.
const MAX_TAGS: usize = 0xffff;
const LONGEST_TEXT: usize = 1024;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENSE: u32 = 1014;
const ARCH: u32 = 1022;
const SOURCERPM: u32 = 1044;

const INT32: u32 = 4;
const STRING: u32 = 6;
const I18N_STRING: u32 = 9;

/// Why a header gives no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("package header: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// What a header says of its package, as far as it is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    release: Option<&'a str>,
    epoch: Option<u32>,
    arch: Option<&'a str>,
    source: Option<&'a str>,
    license: Option<&'a str>,
    files: Files<'a>,
}

impl<'a> Header<'a> {
    /// Reads a header without its magic, as databases keep it.
    pub fn parse(blob: &'a [u8]) -> Result<Self, HeaderError> {
        let malformed = HeaderError::Malformed;
        let tags = Order::Big.len32(blob, 0).ok_or(malformed("too short"))?;
        let len = Order::Big.len32(blob, 4).ok_or(malformed("too short"))?;
        if tags > MAX_TAGS {
            return Err(malformed("too many tags"));
        }
        let (_, rest) = blob.split_at_checked(INTRO).ok_or(malformed("too short"))?;
        let (index, values) = rest.split_at_checked(tags * ENTRY).ok_or(malformed("index ends early"))?;
        let values = values.get(..len).ok_or(malformed("values end early"))?;
        let mut header = Header::default();
        for entry in index.chunks_exact(ENTRY) {
            header.read(entry, values).ok_or(malformed("tag of a wrong type or place, or twice"))?;
        }
        Ok(header)
    }

    fn read(&mut self, entry: &[u8], values: &'a [u8]) -> Option<()> {
        let field = |at| Order::Big.u32(entry, at);
        let (tag, kind) = (field(0)?, field(4)?);
        let slot = match tag {
            NAME => &mut self.name,
            VERSION => &mut self.version,
            RELEASE => &mut self.release,
            ARCH => &mut self.arch,
            SOURCERPM => &mut self.source,
            LICENSE => &mut self.license,
            EPOCH => {
                let epoch = Order::Big.u32(values, Order::Big.len32(entry, 8)?)?;
                return (kind == INT32 && self.epoch.replace(epoch).is_none()).then_some(());
            }
            _ => {
                self.files.read(tag, kind, values, Order::Big.len32(entry, 8)?, Order::Big.len32(entry, 12)?);
                return Some(());
            }
        };
        let text = text_at(values, Order::Big.len32(entry, 8)?)?;
        (matches!(kind, STRING | I18N_STRING) && slot.replace(text).is_none()).then_some(())
    }

    /// Whether it stands for a key in rpm's key ring, which is no package.
    pub fn is_key(&self) -> bool {
        self.name == Some("gpg-pubkey")
    }

    /// Those of its files that tell of packages of languages.
    pub fn owned(&self) -> Paths {
        self.files.owned()
    }

    /// The package.
    pub fn package(&self) -> Result<ExtractedPackage, HeaderError> {
        let stated =
            |field: Option<&'a str>| field.ok_or(HeaderError::Malformed("no name, version or release"));
        let (name, version, release) = (stated(self.name)?, stated(self.version)?, stated(self.release)?);
        let license = self.license.filter(|text| is_plain(text)).map(Box::from).into_iter().collect();
        let version = evr(self.epoch, version, release);
        let mut found = package(name, &version, self.arch, self.source, self.epoch)?;
        found.licenses = license;
        Ok(found)
    }
}

/// The package of these fields; `source` is the file name of the source package.
pub(super) fn package(
    name: &str,
    version: &str,
    arch: Option<&str>,
    source: Option<&str>,
    epoch: Option<u32>,
) -> Result<ExtractedPackage, PackageError> {
    let mut package = Package::new(Ecosystem::of(Family::Linux), name, version)?;
    if let Some(arch) = arch {
        package = package.with_architecture(arch)?;
    }
    if let Some((source, source_version, source_release)) = source.and_then(source_of) {
        let source_version = evr(epoch, source_version, source_release);
        if (source, source_version.as_str()) != (name, version) {
            package = package.with_source(source, &source_version)?;
        }
    }
    Ok(package.into())
}

/// `[epoch:]version-release`, as rpm prints it.
pub(super) fn evr(epoch: Option<u32>, version: &str, release: &str) -> String {
    epoch.map_or_else(|| format!("{version}-{release}"), |epoch| format!("{epoch}:{version}-{release}"))
}

/// Name, version and release in `openssl-3.0.7-24.el9.src.rpm`.
fn source_of(file: &str) -> Option<(&str, &str, &str)> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some((name, version, release))
}

fn text_at(values: &[u8], at: usize) -> Option<&str> {
    let rest = values.get(at..)?;
    let text = rest.get(..memchr::memchr(0, rest)?)?;
    std::str::from_utf8(text).ok()
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.len()) && !text.contains(char::is_control)
}
