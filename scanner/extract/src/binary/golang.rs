//! Go's build information: 32 bytes that begin with a magic, followed by the toolchain's name and
//! the module list (Go 1.18 and later), or by two pointers to them (before).
//!
//! The pointers lead through a string header, which the linker writes after them, to the text,
//! which it writes before them; so every text that could be meant is kept when it comes by.

use super::layout::Layout;
use super::modules;
use super::window::Window;
use crate::collect::Collected;
use api_vocab::ProblemCode;
use memchr::memmem;
use std::collections::BTreeMap;
use std::io;

/// What the 32 bytes begin with.
pub(super) const BUILD_INFO: &[u8] = b"\xff Go buildinf:";
/// What a module list is framed by.
pub(super) const MODULE_LIST_START: &[u8] =
    b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const MODULE_LIST_END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// What the name of a released toolchain begins with.
pub(super) const TOOLCHAIN: &[u8] = b"go1.";

const ALIGNMENT: u64 = 16;
const HEADER: usize = 32;
const FLAGS: usize = 15;
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;
/// The longest toolchain name read; a development version has a date in it.
const MAX_TOOLCHAIN: usize = 256;
/// The largest programs list a few hundred modules in 50 KiB.
const MAX_MODULE_LIST: usize = 2 << 20;
/// Places where a module list may begin that are looked at while it is not known which is meant.
const MAX_LISTS: usize = 4;
/// Toolchain names kept likewise. A program has a few.
const MAX_KEPT_NAMES: usize = 4096;
/// A kept toolchain name; one before Go 1.18 is shorter.
const KEPT_NAME: usize = 64;

/// What the pass over a binary has found of Go.
pub(super) struct Golang<'l> {
    layout: &'l Layout,
    names: BTreeMap<u64, Vec<u8>>,
    lists: BTreeMap<u64, Vec<u8>>,
    lists_seen: usize,
    state: State,
}

enum State {
    /// No build information yet.
    Searching,
    /// Found with pointers: the string headers to be read, and those that were.
    Pointed { order: ByteOrder, toolchain: Pointed, list: Pointed },
    /// Found with texts.
    Read { toolchain: String, list: Vec<u8>, cut: bool },
    /// More than we read.
    TooLarge,
}

/// A text that a pointer leads to.
#[derive(Clone, Copy)]
enum Pointed {
    /// Its string header lies at this place of the file.
    At(u64),
    /// The text lies there and has this length.
    Text(u64, usize),
    /// Leads nowhere.
    Nowhere,
}

#[derive(Clone, Copy)]
struct ByteOrder {
    big_endian: bool,
    pointer: usize,
}

impl<'l> Golang<'l> {
    pub(super) fn new(layout: &'l Layout) -> Self {
        Golang {
            layout,
            names: BTreeMap::new(),
            lists: BTreeMap::new(),
            lists_seen: 0,
            state: State::Searching,
        }
    }

    /// Whether nothing more is to be found.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.state, State::Read { .. } | State::TooLarge)
    }

    /// Keep what may be a toolchain's name.
    pub(super) fn keep_toolchain(&mut self, window: &Window<'_>, at: usize) {
        if self.names.len() < MAX_KEPT_NAMES {
            let text = window.bytes().iter().skip(at).take(KEPT_NAME).copied().collect();
            self.names.insert(place(window, at), text);
        }
    }

    /// Keep what may be the module list.
    pub(super) fn keep_module_list(&mut self, window: &mut Window<'_>, at: usize) -> io::Result<()> {
        self.lists_seen += 1;
        if self.lists_seen > MAX_LISTS {
            return Ok(());
        }
        let in_view = window.peek(at, MAX_MODULE_LIST)?;
        if let Some(end) = memmem::find(in_view, MODULE_LIST_END) {
            let list = in_view.iter().take(end + MODULE_LIST_END.len()).copied().collect();
            self.lists.insert(place(window, at), list);
        }
        Ok(())
    }

    /// Read the build information at `at`, if it is that.
    pub(super) fn read_build_info(&mut self, window: &mut Window<'_>, at: usize) -> io::Result<()> {
        let offset = place(window, at);
        if !matches!(self.state, State::Searching)
            || !offset.is_multiple_of(ALIGNMENT)
            || !self.layout.is_data(offset)
        {
            return Ok(());
        }
        let header = window.peek(at, HEADER)?;
        let found = match header.get(FLAGS) {
            Some(flags) if flags & INLINE != 0 => read_inline(window, at + HEADER)?,
            Some(flags) => read_pointers(header, flags & BIG_ENDIAN != 0, self.layout),
            None => None,
        };
        self.state = found.unwrap_or(State::Searching);
        Ok(())
    }

    /// Read the string headers that lie before `end` in view.
    pub(super) fn read_pointed(&mut self, window: &Window<'_>, end: usize) {
        let State::Pointed { order, toolchain, list } = &mut self.state else { return };
        for pointed in [toolchain, list] {
            let Pointed::At(offset) = *pointed else { continue };
            let Some(at) = offset.checked_sub(window.start()).and_then(|at| usize::try_from(at).ok()) else {
                continue;
            };
            if at < end {
                *pointed =
                    read_string_header(window.bytes(), at, *order, self.layout).unwrap_or(Pointed::Nowhere);
            }
        }
    }

    /// Hand over what was found.
    pub(super) fn finish(self, found: &mut Collected<'_>) {
        match self.state {
            State::Searching => {}
            State::TooLarge => found.problem(ProblemCode::TooLarge, "Go module list larger than we read"),
            State::Read { ref toolchain, ref list, cut } => {
                if cut {
                    found.problem(ProblemCode::Truncated, "Go module list ends early");
                }
                push_packages(found, toolchain, if cut { whole_lines(list) } else { list });
            }
            State::Pointed { toolchain, list, .. } => match text_at(&self.names, toolchain) {
                Some(name) => {
                    let list = text_at(&self.lists, list).unwrap_or_default();
                    push_packages(found, &String::from_utf8_lossy(name), list);
                }
                None => self.push_unpointed(found),
            },
        }
    }

    /// The pointers of a position-independent program may be filled in only when it is loaded. The
    /// only module list within must be its own; the toolchain stays unknown.
    fn push_unpointed(&self, found: &mut Collected<'_>) {
        found.problem(ProblemCode::Unsupported, "Go build information that leads nowhere");
        if let (Some(list), 1) = (self.lists.values().next(), self.lists_seen) {
            push_packages(found, "", list);
        }
    }
}

/// Without the last line, which may have been cut within a version.
fn whole_lines(list: &[u8]) -> &[u8] {
    let end = list.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    list.get(..end).unwrap_or_default()
}

fn push_packages(found: &mut Collected<'_>, toolchain: &str, list: &[u8]) {
    let framed = list.strip_prefix(MODULE_LIST_START).unwrap_or_default();
    let list = framed.strip_suffix(MODULE_LIST_END).unwrap_or(framed);
    let modules = modules::packages(&String::from_utf8_lossy(list));
    for package in modules.into_iter().chain(modules::standard_library(toolchain)) {
        found.package(package.map(Into::into));
    }
}

fn place(window: &Window<'_>, at: usize) -> u64 {
    window.start().saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
}

/// The two texts that follow the header, each with its length in front.
fn read_inline(window: &mut Window<'_>, at: usize) -> io::Result<Option<State>> {
    let start = window.peek(at, MAX_TOOLCHAIN + 20)?;
    let Some((toolchain, rest)) = sized_text(start) else { return Ok(None) };
    let Some(toolchain) = toolchain_name(toolchain) else { return Ok(None) };
    let Some((length, rest)) = varint(rest) else { return Ok(None) };
    let at = at + (start.len() - rest.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_MODULE_LIST {
        return Ok(Some(State::TooLarge));
    }
    let list = window.peek(at, length)?.to_vec();
    let cut = list.len() < length;
    Ok(Some(State::Read { toolchain, list, cut }))
}

fn toolchain_name(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?;
    let known = name.starts_with("go") || name.starts_with("devel");
    (known && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

fn read_pointers(header: &[u8], big_endian: bool, layout: &Layout) -> Option<State> {
    let pointer = usize::from(*header.get(FLAGS - 1)?);
    if !matches!(pointer, 4 | 8) {
        return None;
    }
    let order = ByteOrder { big_endian, pointer };
    let leads_to = |at| layout.offset_of(order.number(header, at)?);
    let toolchain = Pointed::At(leads_to(16)?);
    let list = leads_to(16 + pointer).map_or(Pointed::Nowhere, Pointed::At);
    Some(State::Pointed { order, toolchain, list })
}

/// Address and length of a string.
fn read_string_header(bytes: &[u8], at: usize, order: ByteOrder, layout: &Layout) -> Option<Pointed> {
    let address = order.number(bytes, at)?;
    let length = order.number(bytes, at.checked_add(order.pointer)?)?;
    Some(Pointed::Text(layout.offset_of(address)?, usize::try_from(length).ok()?))
}

fn text_at(kept: &BTreeMap<u64, Vec<u8>>, pointed: Pointed) -> Option<&[u8]> {
    let Pointed::Text(offset, length) = pointed else { return None };
    kept.get(&offset)?.get(..length)
}

impl ByteOrder {
    /// The pointer-sized number at `at`.
    fn number(self, bytes: &[u8], at: usize) -> Option<u64> {
        let number = bytes.get(at..at.checked_add(self.pointer)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.big_endian { number.iter().fold(0, add) } else { number.iter().rev().fold(0, add) })
    }
}

/// A text with its length in front, and what follows.
fn sized_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A number in groups of seven bits, least first, and what follows.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = bytes.iter().take(9).position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at_checked(len)?;
    Some((number.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f)), rest))
}
