//! Modules that oops or hang, for a stock kernel: Debian's have none that does (no `lkdtm`), but they
//! load modules without a signature.
//!
//! Each is the stock kernel's own `efivarfs`, under another name, with another beginning. The kernel
//! itself stays as it is.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::{Kernel, build_folder, guest_tool, initrd_with};

/// Makes a Linux with such an [`initrd`] oops, and panic on it.
pub const PANIC: &str = "sysctl -w kernel.panic_on_oops=1; insmod /lib/faulty/$(uname -r)-oops.ko";

/// Makes it oops and go on.
pub const OOPS: &str = "sysctl -w kernel.panic_on_oops=0; insmod /lib/faulty/$(uname -r)-oops.ko";

/// Makes its first two cores spin with interrupts off. It takes some seconds: loading a module needs
/// an answer from every core, so each waits before it is lost.
pub const HANG: &str =
    "for core in 1 2; do taskset $core insmod /lib/faulty/$(uname -r)-hang$core.ko & done";

/// The demo's initial RAM disk with [`files`].
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn initrd(story: &str, kernels: &[Kernel]) -> PathBuf {
    initrd_with(&format!("{story}/faulty.img"), &files(story, kernels))
}

/// What an initial RAM disk wants beside the demo's: modules that oops and hang for each of these
/// kernels, and tools. They are made in the folder of that story.
///
/// # Panics
/// If they can't be made.
#[must_use]
pub fn files(story: &str, kernels: &[Kernel]) -> Vec<(String, PathBuf)> {
    let folder = build_folder().join("tests").join(story);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let mut files = Vec::new();
    for kernel in kernels {
        let (stock, release) = (kernel.module(), kernel.release());
        let bytes = fs::read(&stock).unwrap_or_default();
        for fault in &FAULTS {
            let module = fault.put_into(bytes.clone());
            let module = module.unwrap_or_else(|| panic!("{}: not as expected", stock.display()));
            let file = format!("{release}-{}.ko", fault.file);
            let path = folder.join(&file);
            fs::write(&path, module).expect("the module can be written");
            files.push((format!("/lib/faulty/{file}"), path));
        }
        files.push((format!("/lib/modules/{release}/efivarfs.ko"), stock));
    }
    let tools = ["unlock", "ticks"].map(|tool| (format!("/bin/{tool}"), guest_tool(tool)));
    files.extend(tools);
    files
}

/// A module that does that first, for a kernel, as a file in the folder of a story. The code may return.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn module(story: &str, kernel: Kernel, code: &[u8]) -> PathBuf {
    let folder = build_folder().join("tests").join(story);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let fault = Fault {
        file: "made",
        name: b"mademade\0",
        code,
    };
    let stock = kernel.module();
    let made = fault.put_into(fs::read(&stock).unwrap_or_default());
    let made = made.unwrap_or_else(|| panic!("{}: not as expected", stock.display()));
    let path = folder.join("made.ko");
    fs::write(&path, made).expect("the module can be written");
    path
}

/// Room for code in such a module that is put there in the Linux itself: `hostile` looks for it.
pub const ROOM: &[u8; 512] = &{
    let mut room = [0; 512];
    let mut at = 0;
    while at < room.len() {
        room[at] = b"room for code   "[at % 16];
        at += 1;
    }
    room
};

const STOCK_NAME: &[u8; 9] = b"efivarfs\0";
/// What a signed module ends with (Linux `include/linux/module_signature.h`). A wrong signature
/// is refused where none is not.
const SIGNED: &[u8] = b"~Module signature appended~\n";
/// `endbr64`, and the first byte of a call.
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const CALL: u8 = 0xe8;
const CALL_BYTES: usize = 5;
/// `jmp` with a distance of four bytes.
const JUMP: u8 = 0xe9;
const JUMP_BYTES: usize = 5;

struct Fault<'a> {
    file: &'static str,
    /// The module's, as long as the stock one's: two of one name can't be loaded.
    name: &'static [u8; STOCK_NAME.len()],
    /// What it does first.
    code: &'a [u8],
}

const FAULTS: [Fault<'static>; 3] = [
    Fault {
        file: "oops",
        name: b"oopsoops\0",
        code: &NULL_WRITE,
    },
    Fault {
        file: "hang1",
        name: b"hanghan1\0",
        code: &SPIN,
    },
    Fault {
        file: "hang2",
        name: b"hanghan2\0",
        code: &SPIN,
    },
];

/// `xor %eax,%eax; mov %eax,(%rax)`
const NULL_WRITE: [u8; 4] = [0x31, 0xc0, 0x89, 0x00];

/// Counts for some seconds, and spins with interrupts off.
const SPIN: [u8; 12] = [
    0xb9, 0x00, 0x00, 0x00, 0x04, // mov $0x4000000,%ecx
    0x0f, 0x31, // 1: rdtsc
    0xe2, 0xfc, // loop 1b
    0xfa, // cli
    0xeb, 0xfe, // 2: jmp 2b
];

impl Fault<'_> {
    /// The module with another name and another beginning.
    fn put_into(&self, mut module: Vec<u8>) -> Option<Vec<u8>> {
        if module.ends_with(SIGNED) {
            // The end of the ELF file itself is told by its section headers, which come last.
            let elf = Elf { bytes: &module };
            module.truncate(elf.end()?);
        }
        let elf = Elf { bytes: &module };
        let names: Vec<usize> = [".modinfo", ".gnu.linkonce.this_module"]
            .into_iter()
            .map(|name| {
                let section = elf.section(name)?.bytes;
                let bytes = module.get(section.clone())?;
                let at = bytes
                    .windows(STOCK_NAME.len())
                    .position(|w| w == STOCK_NAME)?;
                Some(section.start + at)
            })
            .collect::<Option<_>>()?;
        let init = elf.init()?;
        let text = elf.section(".init.text")?.bytes;
        let mut at = init;
        // Branch tracking wants the one, the function tracer the other.
        if module.get(text.start + at..)?.starts_with(&ENDBR64) {
            at += ENDBR64.len();
        }
        if module.get(text.start + at) == Some(&CALL) {
            at += CALL_BYTES;
        }
        // Code that does not fit stands behind the section, which then lies behind all others in the file.
        let fits = at + self.code.len() <= text.len();
        let distance = u32::try_from(text.len().checked_sub(at + JUMP_BYTES)?).ok()?;
        let mut jump = vec![JUMP];
        jump.extend(distance.to_le_bytes());
        let beginning = if fits { self.code } else { &jump };
        let patch = at..at + beginning.len();
        let relocations = elf.relocations(".rela.init.text", &patch)?;
        let header = elf.header(".init.text")?;

        for name in names {
            module
                .get_mut(name..name + self.name.len())?
                .copy_from_slice(self.name);
        }
        for kind in relocations {
            // R_X86_64_NONE
            module.get_mut(kind..kind + 4)?.fill(0);
        }
        module
            .get_mut(text.start + patch.start..text.start + patch.end)?
            .copy_from_slice(beginning);
        if !fits {
            let moved = module.len();
            module.extend_from_within(text.clone());
            module.extend(self.code);
            let place = [moved, text.len() + self.code.len()];
            for (field, value) in [24, 32].into_iter().zip(place) {
                let bytes = u64::try_from(value).ok()?.to_le_bytes();
                module
                    .get_mut(header + field..header + field + 8)?
                    .copy_from_slice(&bytes);
            }
        }
        Some(module)
    }
}

/// A 64-bit relocatable file, as far as it is needed (System V ABI, "Object Files").
struct Elf<'a> {
    bytes: &'a [u8],
}

struct Section {
    name: usize,
    kind: u64,
    bytes: Range<usize>,
    link: usize,
}

const SECTION_HEADER_BYTES: usize = 64;
const SYMBOL_BYTES: usize = 24;
const RELOCATION_BYTES: usize = 24;
/// `SHT_SYMTAB`.
const SYMBOL_TABLE: u64 = 2;
/// What a relocation changes in code, with the models that the kernel is built for.
const FIELD_BYTES: usize = 4;

impl Elf<'_> {
    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        let field = self.bytes.get(at..at.checked_add(bytes)?)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }

    fn size(&self, at: usize, bytes: usize) -> Option<usize> {
        usize::try_from(self.number(at, bytes)?).ok()
    }

    fn headers(&self) -> Option<Range<usize>> {
        if !self.bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (start, count) = (self.size(40, 8)?, self.size(60, 2)?);
        Some(start..start.checked_add(count * SECTION_HEADER_BYTES)?)
    }

    /// Where the file ends, if its section headers come last.
    fn end(&self) -> Option<usize> {
        Some(self.headers()?.end)
    }

    fn sections(&self) -> Option<Vec<Section>> {
        let section = |at: usize| {
            let start = self.size(at + 24, 8)?;
            Some(Section {
                name: self.size(at, 4)?,
                kind: self.number(at + 4, 4)?,
                bytes: start..start.checked_add(self.size(at + 32, 8)?)?,
                link: self.size(at + 40, 4)?,
            })
        };
        self.headers()?
            .step_by(SECTION_HEADER_BYTES)
            .map(section)
            .collect()
    }

    fn is_named(&self, names: &Section, offset: usize, name: &str) -> bool {
        let text = self
            .bytes
            .get(names.bytes.start + offset..)
            .unwrap_or_default();
        text.strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    fn section(&self, name: &str) -> Option<Section> {
        self.sections()?.into_iter().nth(self.index(name)?)
    }

    /// Where a section's header lies.
    fn header(&self, name: &str) -> Option<usize> {
        Some(self.headers()?.start + self.index(name)? * SECTION_HEADER_BYTES)
    }

    fn index(&self, name: &str) -> Option<usize> {
        let names = self.size(62, 2)?;
        let sections = self.sections()?;
        let names = sections.get(names)?;
        sections
            .iter()
            .position(|section| self.is_named(names, section.name, name))
    }

    /// Offset of the module's first function in `.init.text`.
    fn init(&self) -> Option<usize> {
        let sections = self.sections()?;
        let symbols = sections
            .iter()
            .find(|section| section.kind == SYMBOL_TABLE)?;
        let names = sections.get(symbols.link)?;
        let at = symbols.bytes.clone().step_by(SYMBOL_BYTES).find(|at| {
            let name = self.size(*at, 4);
            name.is_some_and(|name| self.is_named(names, name, "init_module"))
        })?;
        self.size(at + 8, 8)
    }

    /// Where the kinds of the relocations lie that change what is in `range` of their section.
    fn relocations(&self, section: &str, range: &Range<usize>) -> Option<Vec<usize>> {
        let entries = self.section(section)?.bytes.step_by(RELOCATION_BYTES);
        let mut found = Vec::new();
        for at in entries {
            let offset = self.size(at, 8)?;
            if offset < range.end && offset + FIELD_BYTES > range.start {
                found.push(at + 8);
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_refused() {
        assert_eq!(FAULTS[0].put_into(Vec::new()), None);
        assert_eq!(FAULTS[0].put_into(SIGNED.to_vec()), None);
        let mut header = b"\x7fELF\x02\x01".to_vec();
        header.resize(64, 0xff);
        assert_eq!(FAULTS[0].put_into(header), None);
    }
}
