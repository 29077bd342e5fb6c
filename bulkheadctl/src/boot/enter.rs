//! Going over to a kernel.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_linux::BzImage;
use bulkhead_linux::cmdline::{Entered, carry, may_enter};

use super::disks::Disks;
use super::{Place, Target};
use crate::cpuinfo::apic_ids;

/// A kernel's bytes, and an initial RAM disk's.
const MOST_KERNEL: u64 = 256 << 20;
const MOST_INITRD: u64 = 2 << 30;
/// What is copied for the program that loads them, since a file that is not mounted any more can't be read.
const FOLDER: &str = "/run";
/// Parameters that are for this program alone.
pub const OWN: [&str; 3] = ["bulkhead.entry", "bulkhead.timeout", "bulkhead.volume"];

/// A kernel that can be entered.
#[derive(Debug)]
pub struct Ready {
    kernel: PathBuf,
    initrd: Option<PathBuf>,
    /// Its parameters.
    pub line: String,
    /// Its release, if it says it.
    pub release: String,
    /// What of its entry is not among the parameters.
    pub left_out: Vec<String>,
}

/// Reads a kernel and makes its parameters.
///
/// # Errors
/// Why it can't be entered, in words.
pub fn prepare(disks: &Disks, target: &Target) -> Result<Ready, String> {
    let running =
        fs::read_to_string("/proc/cmdline").map_err(|error| format!("/proc/cmdline: {error}"))?;
    let running = running.trim_end();
    if !may_enter(running) {
        return Err(
            "this partition has too little low memory for kexec: see \"no kexec\" of `show`"
                .to_string(),
        );
    }
    let place = target.kernel.as_ref().ok_or("the entry names no Linux")?;
    let kernel = copy(disks, std::slice::from_ref(place), "kernel", MOST_KERNEL)?;
    let bytes = fs::read(&kernel).map_err(|error| error.to_string())?;
    let image = BzImage::parse(&bytes).map_err(|error| format!("{}: {error}", place.path))?;
    drop(bytes);
    let initrd = match target.initrds.as_slice() {
        [] => None,
        initrds => Some(copy(disks, initrds, "initrd", MOST_INITRD)?),
    };
    let carried = carry(&Entered {
        running,
        entry: &target.options,
        own: &OWN,
        absent_apic_id: fs::read("/sys/firmware/acpi/tables/APIC")
            .ok()
            .and_then(|table| first_processor(&table))
            .filter(|id| {
                !runs_here(
                    &fs::read_to_string("/proc/cpuinfo").unwrap_or_default(),
                    *id,
                )
            }),
        kernel: image.major_minor(),
        limit: image.cmdline_size,
    })
    .map_err(|error| error.to_string())?;
    Ok(Ready {
        kernel,
        initrd,
        line: carried.line,
        release: image.release().unwrap_or("of unknown release").to_string(),
        left_out: carried.left_out.iter().map(ToString::to_string).collect(),
    })
}

/// Enters it; comes back only with the reason why not.
#[must_use]
pub fn enter(ready: &Ready) -> String {
    let none = Path::new("");
    let initrd = ready.initrd.as_deref().unwrap_or(none);
    let status = Command::new("kexec")
        .arg(&ready.kernel)
        .arg(initrd)
        .arg(&ready.line)
        .status();
    match status {
        Ok(status) => format!("kexec: {status}"),
        Err(error) => format!("kexec: {error}"),
    }
}

/// Copies files of the disks into one, each part's length a multiple of four as Linux wants initial RAM disks.
fn copy(disks: &Disks, places: &[Place], name: &str, most: u64) -> Result<PathBuf, String> {
    let path = Path::new(FOLDER).join(name);
    let said = |place: &Place, error: io::Error| format!("{}: {error}", place.path);
    let mut out =
        fs::File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut left = most;
    for place in places {
        let mut file = disks
            .open(place)
            .map_err(|error| said(place, error))?
            .take(left + 1);
        let bytes = io::copy(&mut file, &mut out).map_err(|error| said(place, error))?;
        left = left
            .checked_sub(bytes)
            .ok_or(format!("{}: more than {most} bytes", place.path))?;
        if places.len() > 1 {
            let gap = usize::try_from(bytes.next_multiple_of(4) - bytes).unwrap_or(0);
            out.write_all(&[0; 4][..gap])
                .map_err(|error| said(place, error))?;
        }
    }
    Ok(path)
}

/// Whether one with that local APIC ID is among those of `/proc/cpuinfo`.
fn runs_here(cpuinfo: &str, id: u32) -> bool {
    apic_ids(cpuinfo).any(|own| own == id)
}

/// The local APIC ID of the first processor of a MADT (ACPI §5.2.12: entries begin at byte 44).
fn first_processor(table: &[u8]) -> Option<u32> {
    let mut rest = table.get(44..)?;
    loop {
        let (kind, length) = (*rest.first()?, usize::from(*rest.get(1)?));
        match kind {
            0 => return rest.get(3).map(|id| u32::from(*id)),
            9 => return Some(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?)),
            _ if length < 2 => return None,
            _ => rest = rest.get(length..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first_processor, runs_here};

    #[test]
    fn the_first_processor_of_a_table() {
        let table = |entries: &[u8]| [&[0; 44][..], entries].concat();
        assert_eq!(
            first_processor(&table(&[1, 3, 9, 0, 8, 1, 254, 1, 0, 0, 0])),
            Some(254)
        );
        assert_eq!(
            first_processor(&table(&[9, 16, 0, 0, 1, 2, 0, 0, 1, 0, 0, 0])),
            Some(0x201)
        );
        for none in [&[][..], &[1], &[1, 0, 0], &[1, 1, 0], &[9, 16, 0], &[0, 8]] {
            assert_eq!(first_processor(&table(none)), None);
        }
        assert_eq!(first_processor(&[]), None);
    }

    #[test]
    fn a_processor_that_runs_here_is_not_absent() {
        let info = "processor\t: 0\napicid\t\t: 2\ninitial apicid\t: 2\n\nprocessor\t: 1\napicid\t\t: 254\n";
        assert!(runs_here(info, 2) && runs_here(info, 254));
        assert!(!runs_here(info, 0) && !runs_here(info, 25) && !runs_here("", 0));
    }
}
