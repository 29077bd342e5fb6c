//! An ELF core of a Linux's RAM, read by what stands in it alone: the notes and the program headers. Not by
//! the code that wrote it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use elf::ElfStream;
use elf::endian::LittleEndian;
use elf::note::Note;
use elf::segment::ProgramHeader;

/// A core.
#[derive(Debug)]
pub struct Core {
    file: File,
    segments: Vec<ProgramHeader>,
    vmcoreinfo: String,
}

impl Core {
    /// Opens one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::other(what.to_string());
        let file = File::open(path)?;
        let mut elf = ElfStream::<LittleEndian, _>::open_stream(&file).map_err(io::Error::other)?;
        if elf.ehdr.e_type != elf::abi::ET_CORE || elf.ehdr.e_machine != elf::abi::EM_X86_64 {
            return Err(wrong("no core of an x86-64"));
        }
        let segments = elf.segments().clone();
        let noted = segments
            .iter()
            .find(|segment| segment.p_type == elf::abi::PT_NOTE);
        let mut noted = *noted.ok_or_else(|| wrong("no notes"))?;
        // It says none, as in `/proc/vmcore`; in notes it is four.
        noted.p_align = 4;
        let notes = elf
            .segment_data_as_notes(&noted)
            .map_err(io::Error::other)?;
        let texts = notes.filter_map(|note| match note {
            Note::Unknown(note) if note.name_str().ok()? == "VMCOREINFO" => {
                String::from_utf8(note.desc.to_vec()).ok()
            }
            _ => None,
        });
        let vmcoreinfo = texts.last().ok_or_else(|| wrong("no VMCOREINFO"))?;
        Ok(Self {
            file,
            segments,
            vmcoreinfo,
        })
    }

    fn value(&self, key: &str, radix: u32) -> Option<u64> {
        let mut pairs = self
            .vmcoreinfo
            .lines()
            .filter_map(|line| line.split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == key)?;
        u64::from_str_radix(value, radix).ok()
    }

    fn offset(&self, of: &str) -> Option<u64> {
        self.value(&format!("OFFSET({of})"), 10)
    }

    /// Bytes at a virtual address.
    fn at(&self, address: u64, bytes: usize) -> Option<Vec<u8>> {
        let holds = |segment: &&ProgramHeader| {
            segment.p_type == elf::abi::PT_LOAD
                && address >= segment.p_vaddr
                && address - segment.p_vaddr + bytes as u64 <= segment.p_filesz
        };
        let segment = self.segments.iter().find(holds)?;
        let mut into = vec![0; bytes];
        let offset = segment.p_offset + (address - segment.p_vaddr);
        self.file.read_exact_at(&mut into, offset).ok()?;
        Some(into)
    }

    fn word(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.at(address, 8)?.try_into().ok()?))
    }

    /// All text in the printk ring, records and what is between them.
    #[must_use]
    pub fn printed(&self) -> Option<String> {
        let ring = self.word(self.value("SYMBOL(prb)", 16)?)?;
        let text = ring + self.offset("printk_ringbuffer.text_data_ring")?;
        let data = self.word(text + self.offset("prb_data_ring.data")?)?;
        let bits = self.at(text + self.offset("prb_data_ring.size_bits")?, 4)?;
        let bits = u32::from_le_bytes(bits.try_into().ok()?);
        let bytes = self.at(data, 1 << bits.min(30))?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
