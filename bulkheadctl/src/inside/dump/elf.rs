//! The head of an ELF core of a Linux's RAM, as `/proc/vmcore` has it, which is what `crash`,
//! `makedumpfile` and `gdb` read.
//!
//! ```text
//! ELF header, program headers, the note VMCOREINFO | to a page | piece of RAM | piece of RAM | ...
//! ```
//!
//! Source: System V ABI, AMD64 supplement; Linux, `fs/proc/vmcore.c`, `kernel/kexec_file.c`.

use bulkhead_memory::{PAGE, Region};

const HEADER_BYTES: u64 = 64;
const PROGRAM_BYTES: u64 = 56;
const LOAD: u32 = 1;
const NOTE: u32 = 4;
const READ_WRITE_EXECUTE: u32 = 7;

/// What a Linux says of itself, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The text of VMCOREINFO.
    pub vmcoreinfo: Vec<u8>,
    /// The virtual address of physical address 0 in its direct map.
    pub direct: Option<u64>,
    /// Its image: virtual address, and where that lies.
    pub image: Option<(u64, Region)>,
}

/// The head, and where each piece of RAM goes behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whole pages.
    pub bytes: Vec<u8>,
    /// Offsets in the file of the pieces, in their order.
    pub offsets: Vec<u64>,
    /// Bytes of the whole file.
    pub total: u64,
}

/// A segment.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    physical: u64,
    bytes: u64,
}

/// The head of a core of these pieces of RAM.
#[must_use]
pub fn head(pieces: &[Region], known: &Known) -> Head {
    let note = note(b"VMCOREINFO\0", &known.vmcoreinfo);
    let count = 1 + pieces.len() + usize::from(known.image.is_some());
    let at_note = HEADER_BYTES + count as u64 * PROGRAM_BYTES;
    let start = (at_note + note.len() as u64).next_multiple_of(PAGE);
    let mut total = start;
    let mut offsets = Vec::new();
    for piece in pieces {
        offsets.push(total);
        total += piece.size();
    }
    let offset_of = |region: Region| {
        let mut placed = pieces.iter().zip(&offsets);
        let (piece, offset) = placed.find(|(piece, _)| piece.contains_region(region))?;
        Some(offset + (region.start() - piece.start()))
    };
    let mut segments = vec![Segment {
        kind: NOTE,
        offset: at_note,
        address: 0,
        physical: 0,
        bytes: note.len() as u64,
    }];
    let image = known.image.and_then(|(address, region)| {
        Some(Segment {
            kind: LOAD,
            offset: offset_of(region)?,
            address,
            physical: region.start(),
            bytes: region.size(),
        })
    });
    segments.extend(image);
    segments.extend(pieces.iter().zip(&offsets).map(|(piece, offset)| {
        Segment {
            kind: LOAD,
            offset: *offset,
            address: known
                .direct
                .map_or(0, |base| base.wrapping_add(piece.start())),
            physical: piece.start(),
            bytes: piece.size(),
        }
    }));
    let mut bytes = header(segments.len());
    for segment in &segments {
        segment.put(&mut bytes);
    }
    // One that was counted and has no place leaves a gap.
    bytes.resize(usize::try_from(at_note).unwrap_or(bytes.len()), 0);
    bytes.extend_from_slice(&note);
    bytes.resize(usize::try_from(start).unwrap_or(bytes.len()), 0);
    Head {
        bytes,
        offsets,
        total,
    }
}

impl Segment {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.kind.to_le_bytes());
        bytes.extend_from_slice(&READ_WRITE_EXECUTE.to_le_bytes());
        // No alignment: by that `crash` tells such a file from other kinds of dump.
        for word in [
            self.offset,
            self.address,
            self.physical,
            self.bytes,
            self.bytes,
            0,
        ] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// 64 bits, little-endian, System V, a core, x86-64.
fn header(segments: usize) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    for half in [4u16, 62] {
        bytes.extend_from_slice(&half.to_le_bytes());
    }
    bytes.extend_from_slice(&1u32.to_le_bytes());
    for word in [0, HEADER_BYTES, 0] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&0u32.to_le_bytes());
    let segments = u16::try_from(segments).unwrap_or(u16::MAX);
    for half in [64, 56, segments, 0, 0, 0] {
        bytes.extend_from_slice(&half.to_le_bytes());
    }
    bytes
}

fn note(name: &[u8], text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for length in [name.len(), text.len(), 0] {
        let length = u32::try_from(length).unwrap_or(0);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    for part in [name, text] {
        bytes.extend_from_slice(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use object::Endianness;
    use object::elf::{ET_CORE, FileHeader64, PT_LOAD, PT_NOTE};
    use object::read::elf::{FileHeader, ProgramHeader};
    use proptest::prelude::*;

    use super::*;

    fn region(start: u64, size: u64) -> Region {
        Region::new(start, size).unwrap()
    }

    /// Type, offset, virtual and physical address, bytes of each segment; and the notes.
    type Read = (Vec<(u32, u64, u64, u64, u64)>, Vec<(Vec<u8>, Vec<u8>)>);

    fn read(head: &Head) -> Read {
        let data = head.bytes.as_slice();
        let elf = FileHeader64::<Endianness>::parse(data).unwrap();
        let endian = elf.endian().unwrap();
        assert_eq!(elf.e_type(endian), ET_CORE);
        let mut notes = Vec::new();
        let segments = elf.program_headers(endian, data).unwrap();
        for segment in segments {
            if let Some(mut found) = segment.notes(endian, data).unwrap() {
                while let Some(note) = found.next().unwrap() {
                    notes.push((note.name().to_vec(), note.desc().to_vec()));
                }
            }
        }
        let of = |segment: &object::elf::ProgramHeader64<Endianness>| {
            assert_eq!(segment.p_memsz(endian), segment.p_filesz(endian));
            (
                segment.p_type(endian).0,
                segment.p_offset(endian),
                segment.p_vaddr(endian),
                segment.p_paddr(endian),
                segment.p_filesz(endian),
            )
        };
        (segments.iter().map(of).collect(), notes)
    }

    #[test]
    fn all_of_it_is_where_it_says() {
        let pieces = [region(0x10000, 0x20000), region(0x2000_0000, 64 << 20)];
        let image = region(0x2100_0000, (64 << 20) - 0x100_0000);
        let known = Known {
            vmcoreinfo: b"OSRELEASE=6.1.0\nX=1\n".to_vec(),
            direct: Some(0xffff_8880_0000_0000),
            image: Some((0xffff_ffff_8100_0000, image)),
        };
        let head = head(&pieces, &known);
        let (segments, notes) = read(&head);
        assert_eq!(notes, [(b"VMCOREINFO".to_vec(), known.vmcoreinfo)]);
        let wanted = [
            (
                PT_LOAD.0,
                0x102_1000,
                0xffff_ffff_8100_0000,
                0x2100_0000,
                image.size(),
            ),
            (PT_LOAD.0, 0x1000, 0xffff_8880_0001_0000, 0x10000, 0x20000),
            (
                PT_LOAD.0,
                0x21000,
                0xffff_8880_2000_0000,
                0x2000_0000,
                64 << 20,
            ),
        ];
        assert_eq!(segments[0].0, PT_NOTE.0);
        assert_eq!(segments[1..], wanted);
        assert_eq!(head.total, 0x21000 + (64 << 20));
        assert_eq!(head.offsets, [0x1000, 0x21000]);
    }

    proptest! {
        #[test]
        fn any_pieces_make_a_core(
            sizes in proptest::collection::vec((0u64..1 << 20, 1u64..1 << 30), 1..17),
            text in proptest::collection::vec(any::<u8>(), 0..5000),
            direct in any::<Option<u64>>(),
            image in any::<Option<(u64, u32)>>(),
        ) {
            let mut at = 0;
            let pieces: Vec<Region> = sizes.iter().map(|(gap, pages)| {
                let start = at + gap * PAGE;
                at = start + pages * PAGE;
                region(start, pages * PAGE)
            }).collect();
            let image = image.map(|(address, start)| (address, region(u64::from(start), PAGE)));
            let head = head(&pieces, &Known { vmcoreinfo: text.clone(), direct, image });
            let (segments, notes) = read(&head);
            prop_assert_eq!(&notes[0].1, &text);
            let ram = &segments[segments.len() - pieces.len()..];
            for ((piece, offset), segment) in pieces.iter().zip(&head.offsets).zip(ram) {
                prop_assert_eq!((segment.3, segment.4), (piece.start(), piece.size()));
                prop_assert_eq!((segment.1, offset % PAGE), (*offset, 0));
                prop_assert!(offset + piece.size() <= head.total);
            }
        }
    }
}
