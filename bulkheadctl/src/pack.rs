//! What a survey is made from: named pieces, which a file can hold.
//!
//! The file is a plain tar archive, so that whoever sends one can look into it first
//! (`docs/hardware.md`, "What is in the file"). One that comes from elsewhere is not trusted: what
//! it holds is bounded, and names that are not known are passed over.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Most bytes of a piece, and most pieces: a server with 2,048 functions has 4,200.
const MOST_BYTES: u64 = 8 << 20;
const MOST_PIECES: usize = 16_384;
/// Most bytes of all pieces.
const MOST_IN_ALL: usize = 256 << 20;
/// Most bytes of the file: beside them a header and the filling of two blocks for each.
const MOST_OF_FILE: u64 = MOST_IN_ALL as u64 + (MOST_PIECES as u64) * 1536;
/// Most characters of an error.
const MOST_QUOTED: usize = 80;
const ACCEPTED: &str = "accepted: what bulkheadctl survey --save has written";
/// The first line of the piece called `about`.
const FORM: &str = "bulkhead survey 1";

/// The inputs of a survey, by name.
///
/// | name | what |
/// |---|---|
/// | `about` | the form's name and version, and what is in the file |
/// | `acpi/NAME`, `acpi/dynamic/NAME` | ACPI tables, named as Linux names them |
/// | `memmap` | firmware's memory map: `START END TYPE`, in hex, inclusive |
/// | `pci/ADDRESS/config`, `pci/ADDRESS/resource` | configuration space; sizes of BARs |
/// | `cpuid` | `CPU LEAF SUBLEAF EAX EBX ECX EDX`, all in hex but the first |
/// | `screen` | `struct screen_info` of the zero page |
/// | `efi` | there if firmware is UEFI |
/// | `secure-boot` | there if Secure Boot is on |
/// | `ports` | I/O ports of UARTs, in hex |
/// | `ps2` | the PS/2 controller's status register, in hex |
/// | `x2apic` | whether firmware left x2APIC mode on: `on` or `off`; not there if that is not known |
/// | `apic-base` | `IA32_APIC_BASE` of the first core, in hex |
/// | `tsc` | kHz |
/// | `iommu` | the IOMMUs that Linux uses, and what registers of theirs it shows |
/// | `iommu-left` | whether firmware left one translating: `on` or `off`; not there if that is not known |
/// | `dmi` | vendor and model of system, board and firmware |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pack {
    pieces: BTreeMap<String, Vec<u8>>,
}

impl Pack {
    /// Puts a piece in, in place of one of that name.
    pub fn put(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.pieces.insert(name.into(), bytes.into());
    }

    /// The piece of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.pieces.get(name).map(Vec::as_slice)
    }

    /// The piece of that name as text; empty where there is none. What is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(self.get(name).unwrap_or_default()).into_owned()
    }

    /// Whether it is of a partition of Bulkhead's, and of no machine.
    #[must_use]
    pub fn is_of_partition(&self) -> bool {
        let named = format!("product_name {}", bulkhead_tables::smbios::PRODUCT);
        self.text("dmi").lines().any(|line| line == named)
    }

    /// The number, in hex, that a piece holds.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        hex(self.text(name).trim())
    }

    /// The pieces below `folder`, which ends in `/`, by the rest of their names, ascending.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let pieces = self.pieces.iter();
        pieces.filter_map(move |(name, bytes)| Some((name.strip_prefix(folder)?, &bytes[..])))
    }

    /// All pieces, to change them.
    pub fn pieces_mut(&mut self) -> impl Iterator<Item = (&str, &mut Vec<u8>)> {
        self.pieces
            .iter_mut()
            .map(|(name, bytes)| (name.as_str(), bytes))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        let about = format!("{FORM}\n{}", include_str!("about.txt"));
        add(&mut archive, "about", about.as_bytes())?;
        for (name, bytes) in &self.pieces {
            add(&mut archive, name, bytes)?;
        }
        archive.into_inner()?.flush()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and what is accepted.
    pub fn read(file: impl Read) -> Result<Self, String> {
        let mut pack = Self::default();
        // A name may be as long as the file.
        let mut archive = tar::Archive::new(file.take(MOST_OF_FILE));
        let entries = archive
            .entries()
            .map_err(|error| format!("{} ({ACCEPTED})", shown(&error)))?;
        let mut in_all = 0;
        for entry in entries {
            let mut entry = entry.map_err(|error| {
                let error = shown(&error);
                format!("it is no whole tar archive: {error} ({ACCEPTED})")
            })?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let mut bytes = Vec::new();
            let read = entry.by_ref().take(MOST_BYTES + 1).read_to_end(&mut bytes);
            read.map_err(|error| format!("{name:?} can't be read: {}", shown(&error)))?;
            in_all += bytes.len();
            if bytes.len() as u64 > MOST_BYTES || in_all > MOST_IN_ALL {
                return Err(format!(
                    "{name:?} is too large (accepted: 8 MiB, 256 MiB in all)"
                ));
            }
            if pack.pieces.len() == MOST_PIECES {
                return Err(format!(
                    "it has more pieces than are accepted: {MOST_PIECES}"
                ));
            }
            pack.put(name, bytes);
        }
        match pack.text("about").lines().next() {
            Some(FORM) => {}
            Some(other) => {
                let other: String = other.chars().take(40).collect();
                return Err(format!("it is of the form {other:?} (accepted: {FORM:?})"));
            }
            None => {
                return Err(format!("it is no survey ({ACCEPTED})"));
            }
        }
        pack.pieces.remove("about");
        Ok(pack)
    }
}

/// An error of `tar`, which may quote what the file holds: a terminal gets nothing of that to obey.
fn shown(error: &io::Error) -> String {
    let text: String = error.to_string().chars().take(MOST_QUOTED).collect();
    text.escape_debug().to_string()
}

/// A number in hex, with or without `0x`.
#[must_use]
pub fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

fn add(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    // No time and no owner: the same machine gives the same file.
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes)
}
