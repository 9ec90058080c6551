//! The 512 bytes before an entry: which dialect they speak, and what they say in it.

use crate::number::{Number, parse_number};
use crate::stream::BLOCK;

/// A header whose checksum is right.
pub(crate) struct Header<'b> {
    block: &'b [u8; BLOCK],
    dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Before POSIX: no prefix.
    V7,
    /// POSIX.
    Ustar,
    /// POSIX with Schily's times in the prefix.
    Star,
    /// GNU before POSIX: no prefix.
    Gnu,
}

/// The name in a header, and why readers may disagree about it.
pub(crate) struct HeaderName {
    pub(crate) bytes: Vec<u8>,
    pub(crate) doubt: Option<&'static str>,
}

impl<'b> Header<'b> {
    /// The header in `block`, if its checksum is right.
    pub(crate) fn parse(block: &'b [u8; BLOCK]) -> Option<Self> {
        let stated = parse_number(field(block, 148, 8));
        let (unsigned, signed) = checksums(block);
        let right = match stated {
            Number::Sure(sum) | Number::Doubtful(sum) => {
                sum == unsigned || i64::try_from(sum).ok() == Some(signed)
            }
            Number::Wrong => false,
        };
        right.then(|| Header { block, dialect: dialect(block) })
    }

    pub(crate) fn kind(&self) -> u8 {
        field(self.block, 156, 1).first().copied().unwrap_or(0)
    }

    pub(crate) fn size(&self) -> Number {
        parse_number(field(self.block, 124, 12))
    }

    /// Whether the size field holds a placeholder for a size that does not fit in it.
    pub(crate) fn size_is_placeholder(&self) -> bool {
        matches!(self.size(), Number::Sure(0 | 0o77_777_777_777))
    }

    /// Whether any execute bit is set.
    pub(crate) fn is_executable(&self) -> bool {
        match parse_number(field(self.block, 100, 8)) {
            Number::Sure(mode) | Number::Doubtful(mode) => mode & 0o111 != 0,
            Number::Wrong => false,
        }
    }

    pub(crate) fn link_name(&self) -> &'b [u8] {
        until_nul(field(self.block, 157, 100))
    }

    /// The name, with its prefix where the dialect has one.
    pub(crate) fn name(&self) -> HeaderName {
        let (prefix, doubt) = self.prefix();
        let name = until_nul(field(self.block, 0, 100));
        let bytes = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        HeaderName { bytes, doubt }
    }

    fn prefix(&self) -> (&'b [u8], Option<&'static str>) {
        match self.dialect {
            Dialect::V7 => (&[], None),
            Dialect::Ustar => (until_nul(field(self.block, 345, 155)), None),
            Dialect::Star => self.star_prefix(),
            Dialect::Gnu => self.gnu_prefix(),
        }
    }

    fn star_prefix(&self) -> (&'b [u8], Option<&'static str>) {
        let prefix = until_nul(field(self.block, 345, 131));
        let full = prefix.len() == 131 && field(self.block, 476, 1) != [0];
        (prefix, full.then_some("a prefix that runs into the times of the star dialect"))
    }

    /// GNU keeps two times where POSIX has a prefix. Writers that put a prefix there exist, and
    /// readers that guess from what the times look like.
    fn gnu_prefix(&self) -> (&'b [u8], Option<&'static str>) {
        let is_time = |at| parse_number(field(self.block, at, 12)) != Number::Wrong;
        let prefix = until_nul(field(self.block, 345, 155));
        if is_time(345) && is_time(357) {
            return (&[], None);
        }
        let guessed = if prefix.is_ascii() { prefix } else { &[] };
        (guessed, Some("a name with a prefix in the GNU dialect"))
    }

    /// Whether a map of holes goes on in the next block (GNU sparse files).
    pub(crate) fn sparse_map_goes_on(&self) -> bool {
        field(self.block, 482, 1) != [0]
    }

    /// The entries of a map of holes that fit in the header (GNU sparse files).
    pub(crate) fn sparse_regions(&self) -> &'b [u8] {
        field(self.block, 386, 96)
    }

    /// The size of a file with its holes (GNU sparse files).
    pub(crate) fn real_size(&self) -> Number {
        parse_number(field(self.block, 483, 12))
    }

    pub(crate) fn is_gnu(&self) -> bool {
        self.dialect == Dialect::Gnu
    }
}

fn field(block: &[u8; BLOCK], at: usize, len: usize) -> &[u8] {
    block.get(at..at + len).unwrap_or_default()
}

/// The bytes before the first NUL.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn dialect(block: &[u8; BLOCK]) -> Dialect {
    match (field(block, 257, 6), field(block, 263, 2)) {
        (b"ustar\0", _) if field(block, 508, 4) == b"tar\0" => Dialect::Star,
        (b"ustar\0", _) => Dialect::Ustar,
        (b"ustar ", b" \0") => Dialect::Gnu,
        _ => Dialect::V7,
    }
}

/// The sums of all bytes, those of the checksum itself counting as spaces; old writers summed
/// signed bytes.
fn checksums(block: &[u8; BLOCK]) -> (u64, i64) {
    let all: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let high: u32 = block.iter().map(|byte| u32::from(byte >> 7)).sum();
    let own = field(block, 148, 8);
    let own_all: u32 = own.iter().map(|byte| u32::from(*byte)).sum();
    let own_high: u32 = own.iter().map(|byte| u32::from(byte >> 7)).sum();
    let unsigned = all - own_all + 8 * u32::from(b' ');
    (u64::from(unsigned), i64::from(unsigned) - 256 * i64::from(high - own_high))
}
