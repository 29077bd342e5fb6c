//! A module that oopses, for a stock kernel: Debian's have none that does (no `lkdtm`), but they
//! load modules without a signature.
//!
//! It is the stock kernel's own `efivarfs`, under another name, whose first act is a write to
//! address 0. The kernel itself stays as it is.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::{Kernel, build_folder, guest_tool, initrd_with};

/// Makes a Linux with such an [`initrd`] oops, and panic on it.
pub const COMMAND: &str = "sysctl -w kernel.panic_on_oops=1; insmod /lib/oops/$(uname -r).ko";

/// Makes it oops and go on.
pub const HARMLESS: &str = "sysctl -w kernel.panic_on_oops=0; insmod /lib/oops/$(uname -r).ko";

/// The demo's initial RAM disk with a module that oopses for each of these kernels. It is made in
/// the folder of that story.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn initrd(story: &str, kernels: &[Kernel]) -> PathBuf {
    let folder = build_folder().join("tests").join(story);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let mut files = Vec::new();
    for kernel in kernels {
        let (stock, release) = (kernel.module(), kernel.release());
        let module = fs::read(&stock).ok().and_then(broken);
        let module = module.unwrap_or_else(|| panic!("{}: not as expected", stock.display()));
        let path = folder.join(format!("{}.ko", kernel.name()));
        fs::write(&path, module).expect("the module can be written");
        files.push((format!("/lib/modules/{release}/efivarfs.ko"), stock));
        files.push((format!("/lib/oops/{release}.ko"), path));
    }
    let tools = ["unlock", "ticks"].map(|tool| (format!("/bin/{tool}"), guest_tool(tool)));
    files.extend(tools);
    let files: Vec<(&str, PathBuf)> = files
        .iter()
        .map(|(to, from)| (to.as_str(), from.clone()))
        .collect();
    initrd_with(&format!("{story}/oops.img"), &files)
}

const STOCK_NAME: &[u8] = b"efivarfs\0";
const NAME: &[u8] = b"oopsoops\0";
/// What a signed module ends with (Linux `include/linux/module_signature.h`). A wrong signature
/// is refused where none is not.
const SIGNED: &[u8] = b"~Module signature appended~\n";
/// `endbr64`, and the first byte of a call.
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const CALL: u8 = 0xe8;
const CALL_BYTES: usize = 5;
/// `xor %eax,%eax; mov %eax,(%rax)`
const NULL_WRITE: [u8; 4] = [0x31, 0xc0, 0x89, 0x00];

/// The module with another name and another beginning.
fn broken(mut module: Vec<u8>) -> Option<Vec<u8>> {
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
    let text = elf.section(".init.text")?.bytes.start;
    let mut at = init;
    // Branch tracking wants the one, the function tracer the other.
    if module.get(text + at..)?.starts_with(&ENDBR64) {
        at += ENDBR64.len();
    }
    if module.get(text + at) == Some(&CALL) {
        at += CALL_BYTES;
    }
    let patch = at..at + NULL_WRITE.len();
    let relocations = elf.relocations(".rela.init.text", &patch)?;

    for name in names {
        module
            .get_mut(name..name + NAME.len())?
            .copy_from_slice(NAME);
    }
    for kind in relocations {
        // R_X86_64_NONE
        module.get_mut(kind..kind + 4)?.fill(0);
    }
    module
        .get_mut(text + patch.start..text + patch.end)?
        .copy_from_slice(&NULL_WRITE);
    Some(module)
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
        let names = self.size(62, 2)?;
        let sections = self.sections()?;
        let names = sections.get(names)?;
        let at = sections
            .iter()
            .position(|s| self.is_named(names, s.name, name))?;
        sections.into_iter().nth(at)
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
        assert_eq!(broken(Vec::new()), None);
        assert_eq!(broken(SIGNED.to_vec()), None);
        let mut header = b"\x7fELF\x02\x01".to_vec();
        header.resize(64, 0xff);
        assert_eq!(broken(header), None);
    }
}
