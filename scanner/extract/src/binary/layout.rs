//! Where in the file the addresses of a program lie, as its header says.

use object::pe::{IMAGE_SCN_MEM_WRITE, ImageNtHeaders32, ImageNtHeaders64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::read::macho::{MachHeader, Segment as _};
use object::read::pe::{ImageNtHeaders, PeFile};
use object::{Endianness, Object, elf, macho};

/// The header and its tables lie within this much, in every program that a linker makes.
pub(super) const HEADER: usize = 64 << 10;
/// More than any linker makes.
const MAX_SEGMENTS: usize = 1024;

/// The segments of a program; none where the header is not understood.
#[derive(Debug, Default)]
pub(super) struct Layout {
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
    writable: bool,
}

impl Layout {
    /// Reads the header at the start of a file.
    pub(super) fn parse(start: &[u8]) -> Self {
        let segments = match start {
            [0x7f, b'E', b'L', b'F', 1, ..] => elf_segments::<elf::FileHeader32<Endianness>>(start),
            [0x7f, b'E', b'L', b'F', 2, ..] => elf_segments::<elf::FileHeader64<Endianness>>(start),
            [b'M', b'Z', ..] => {
                pe_segments::<ImageNtHeaders64>(start).or_else(|_| pe_segments::<ImageNtHeaders32>(start))
            }
            [0xfe, 0xed, 0xfa, 0xce, ..] | [0xce, ..] => {
                macho_segments::<macho::MachHeader32<Endianness>>(start)
            }
            [0xfe, ..] | [0xcf, ..] => macho_segments::<macho::MachHeader64<Endianness>>(start),
            _ => Ok(Vec::new()),
        };
        Layout { segments: segments.unwrap_or_default() }
    }

    /// Where in the file the byte at `address` lies.
    pub(super) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address).filter(|within| *within < segment.size)?;
            segment.offset.checked_add(within)
        })
    }

    /// Whether `offset` lies in data that the program may write, where linkers put what belongs to
    /// the program itself; what was embedded as an asset lies elsewhere. Anywhere, if not known.
    pub(super) fn is_data(&self, offset: u64) -> bool {
        let mut data = self.segments.iter().filter(|segment| segment.writable).peekable();
        data.peek().is_none()
            || data
                .any(|segment| offset.checked_sub(segment.offset).is_some_and(|within| within < segment.size))
    }
}

fn elf_segments<H: FileHeader<Endian = Endianness>>(start: &[u8]) -> object::read::Result<Vec<Segment>> {
    let header = H::parse(start)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, start)?.iter();
    let loaded = segments.filter(|segment| segment.p_type(endian) == elf::PT_LOAD).take(MAX_SEGMENTS);
    Ok(loaded
        .map(|segment| Segment {
            address: segment.p_vaddr(endian).into(),
            offset: segment.p_offset(endian).into(),
            size: segment.p_filesz(endian).into(),
            writable: segment.p_flags(endian).contains(elf::PF_W),
        })
        .collect())
}

fn pe_segments<H: ImageNtHeaders>(start: &[u8]) -> object::read::Result<Vec<Segment>> {
    let file = PeFile::<H>::parse(start)?;
    let base = file.relative_address_base();
    let little = object::LittleEndian;
    let sections = file.section_table();
    Ok(sections
        .iter()
        .take(MAX_SEGMENTS)
        .map(|section| Segment {
            address: base.saturating_add(section.virtual_address.get(little).into()),
            offset: section.pointer_to_raw_data.get(little).into(),
            size: section.size_of_raw_data.get(little).into(),
            writable: section.characteristics.get(little).contains(IMAGE_SCN_MEM_WRITE),
        })
        .collect())
}

fn macho_segments<H: MachHeader<Endian = Endianness>>(start: &[u8]) -> object::read::Result<Vec<Segment>> {
    let header = H::parse(start, 0)?;
    let endian = header.endian()?;
    let mut commands = header.load_commands(endian, start, 0)?;
    let mut segments = Vec::new();
    while let Some(command) = commands.next()? {
        if let Some((segment, _)) =
            H::Segment::from_command(command)?.filter(|_| segments.len() < MAX_SEGMENTS)
        {
            let (offset, size) = segment.file_range(endian);
            let writable = segment.initprot(endian).contains(macho::VM_PROT_WRITE);
            segments.push(Segment { address: segment.vmaddr(endian).into(), offset, size, writable });
        }
    }
    Ok(segments)
}
