//! The BIOS's reset entry: it leads to Bulkhead.
//!
//! A Linux resets by EFI's ResetSystem. It can't while one of its own tasks is in a runtime service,
//! and does not wait for it: it goes to real mode and jumps to the BIOS's entry at 0xf000:0xfff0
//! (`machine_real_restart`), which would reset the machine under all the others. So these five bytes
//! are overwritten with a jump to the trampoline. A real reset does not come by here: the processor
//! begins at 0xfffffff0, in the ROM itself.
//!
//! It needs RAM there that can be written: some machines have it so, and of the others Bulkhead
//! knows how to open it on one chipset (`bulkhead_pci::bios_area`).

use alloc::vec::Vec;

use bulkhead_pci::Function;
use bulkhead_pci::bios_area::BiosArea;

use crate::boot::Alone;
use crate::cpu::smp;
use crate::mem::phys;
use crate::pci::Ecam;

/// The BIOS area, and in it the entry: the last 16 bytes below 1 MiB.
const AREA: u64 = 0xf_0000;
const AREA_BYTES: usize = 0x1_0000;
const ENTRY: u64 = 0xf_fff0;

/// The BIOS data area's word that tells the BIOS of a warm boot, and its value.
const RESET_FLAG: u64 = 0x472;
const WARM: u16 = 0x1234;

/// Writes the entry, so that it leads to the trampoline, and says in the log whether it does.
pub(crate) fn take(alone: &Alone, functions: &[Function]) {
    let Some((segment, offset)) = smp::reset_entry() else {
        return;
    };
    let [offset, segment] = [offset, segment].map(u16::to_le_bytes);
    let far_jump = [0xea, offset[0], offset[1], segment[0], segment[1]];
    let is_taken = match BiosArea::find(functions) {
        Some(area) => write_behind(area, &Ecam::before_launches(alone), &far_jump),
        // SAFETY: `alone` says that nobody runs the BIOS's code, and nobody will: all who would
        // reset by it are to come to Bulkhead.
        None => unsafe { write(&far_jump) },
    };
    log::info!(
        "a reset by the BIOS's entry {}",
        if is_taken {
            "comes to Bulkhead"
        } else {
            "resets the machine: its memory can't be written"
        }
    );
}

/// Opens the area, writes, and closes it for writing again.
fn write_behind(area: BiosArea, ecam: &Ecam<'_>, code: &[u8]) -> bool {
    let copy = || {
        let rom = read(AREA, AREA_BYTES);
        // SAFETY: RAM behind a ROM, which nobody uses; it gets what the ROM has.
        move || unsafe { phys::write(AREA, &rom) }
    };
    // SAFETY: as for `None` in `take`; this is RAM behind the BIOS now.
    area.written(ecam, copy, || unsafe { write(code) })
}

/// Writes the entry; whether it is there then. Where it is ROM, the write is lost.
///
/// # Safety
/// 1. Nobody runs the BIOS's code, or wants it to do what it did.
/// 2. `code` is as long as the entry at most: 16 bytes.
unsafe fn write(code: &[u8]) -> bool {
    // SAFETY: by the caller's contract.
    unsafe { phys::write(ENTRY, code) };
    read(ENTRY, code.len()) == code
}

/// Reads each byte anew: the area changes behind the compiler's back.
fn read(address: u64, count: usize) -> Vec<u8> {
    let first = phys::pointer::<u8>(address);
    let bytes = (0..count).map(|at| {
        // SAFETY: a few bytes of firmware's memory below 1 MiB.
        let byte = unsafe { first.add(at) };
        // SAFETY: that memory is mapped and always readable.
        unsafe { byte.read_volatile() }
    });
    bytes.collect()
}

/// Whether the Linux that jumped to the BIOS asked for a warm boot: it did if it was told to reboot,
/// and did not if it panicked (`reboot=warm,panic_cold`). Asked once; all Linuxes share the word.
pub(crate) fn take_warm_flag() -> bool {
    let flag = phys::pointer::<u16>(RESET_FLAG);
    // SAFETY: the BIOS data area, aligned, mapped and always readable.
    let value = unsafe { flag.read_volatile() };
    // SAFETY: the same, which only a Linux on its way to a reset writes.
    unsafe { flag.write_volatile(0) };
    value == WARM
}
