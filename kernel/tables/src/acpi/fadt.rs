//! The fixed hardware: there is none, but for the keyboard controller and the clock of whoever
//! has them.
//!
//! Source: ACPI 6.5 section 5.2.9 (Fixed ACPI Description Table) and 4.1 (Hardware-Reduced ACPI).
//! `HW_REDUCED_ACPI` makes Linux leave the machine's PIC, PIT, PM timer and SCI alone and reboot
//! and power off by EFI. There is neither a reset register nor sleep registers, nor an `_S5` in
//! the DSDT: EFI, which is Bulkhead, is the only way. `FORCE_APIC_PHYSICAL_DESTINATION_MODE` keeps
//! Linux from giving its cores logical IDs, which would be those of other partitions' cores too.

use alloc::vec::Vec;
use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::View;
use super::header::{GenericAddress, Header, seal};

/// ACPI 6.5.
const MAJOR: u8 = 6;
const MINOR: u8 = 5;

/// `IA-PC Boot Architecture Flags`, table 5.11. Bit 0 (legacy devices) stays clear.
///
/// Without the first, Linux leaves the keyboard controller alone that may be another's.
const HAS_8042: u16 = 1 << 1;
/// A partition's screen is no VGA but a mere linear framebuffer.
const VGA_NOT_PRESENT: u16 = 1 << 2;
const CMOS_RTC_NOT_PRESENT: u16 = 1 << 5;

/// `Fixed Feature Flags`, table 5.10. Bit 10 (reset register) stays clear, and so do those that
/// describe fixed hardware's sleep and idle states (`WBINVD`, `PROC_C1` and so on): a table for
/// reduced hardware has none of it, and Linux asks for them only there.
/// The buttons, if there were any, would be devices of the DSDT.
const PWR_BUTTON: u32 = 1 << 4;
const SLP_BUTTON: u32 = 1 << 5;
/// The RTC does not wake the system by a fixed register.
const FIX_RTC: u32 = 1 << 6;
const FORCE_APIC_PHYSICAL_DESTINATION_MODE: u32 = 1 << 19;
const HW_REDUCED_ACPI: u32 = 1 << 20;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Fadt {
    header: Header,
    /// 36: none; hardware-reduced ACPI needs no FACS.
    firmware_ctrl: U32,
    /// 40: the same as `x_dsdt`.
    dsdt: U32,
    /// 44: power profile (unspecified), SCI, SMI, and the PM1, PM2, timer and GPE blocks: none.
    fixed_hardware: [u8; 65],
    /// 109.
    iapc_boot_arch: U16,
    reserved_111: u8,
    /// 112.
    flags: U32,
    /// 116: none.
    reset_reg: GenericAddress,
    reset_value: u8,
    arm_boot_arch: U16,
    /// 131.
    minor_version: u8,
    x_firmware_ctrl: U64,
    /// 140.
    x_dsdt: U64,
    /// 148: none, as above.
    x_fixed_hardware: [GenericAddress; 8],
    /// 244: none.
    sleep_control: GenericAddress,
    sleep_status: GenericAddress,
    hypervisor_vendor: [u8; 8],
}

const _: () = assert!(size_of::<Fadt>() == 276);
const _: () = assert!(offset_of!(Fadt, dsdt) == 40);
const _: () = assert!(offset_of!(Fadt, iapc_boot_arch) == 109);
const _: () = assert!(offset_of!(Fadt, flags) == 112);
const _: () = assert!(offset_of!(Fadt, reset_reg) == 116);
const _: () = assert!(offset_of!(Fadt, minor_version) == 131);
const _: () = assert!(offset_of!(Fadt, x_dsdt) == 140);
const _: () = assert!(offset_of!(Fadt, sleep_control) == 244);

/// The table, which points to no DSDT yet.
pub(super) fn fadt(view: &View<'_>) -> Vec<u8> {
    let mut fadt = Fadt::new_zeroed();
    fadt.header = Header::new(*b"FACP", MAJOR, size_of::<Fadt>());
    fadt.minor_version = MINOR;
    fadt.iapc_boot_arch = boot_arch(view).into();
    fadt.flags = U32::new(
        PWR_BUTTON | SLP_BUTTON | FIX_RTC | FORCE_APIC_PHYSICAL_DESTINATION_MODE | HW_REDUCED_ACPI,
    );
    fadt.as_bytes().to_vec()
}

/// Says that the DSDT is at this address.
pub(super) fn point(table: &mut [u8], dsdt: u64) {
    if let Ok((fadt, _)) = Fadt::mut_from_prefix(table) {
        fadt.dsdt = u32::try_from(dsdt).unwrap_or(0).into();
        fadt.x_dsdt = dsdt.into();
    }
    seal(table);
}

fn boot_arch(view: &View<'_>) -> u16 {
    let keyboard = if view.ps2 { HAS_8042 } else { 0 };
    let clock = if view.rtc { 0 } else { CMOS_RTC_NOT_PRESENT };
    VGA_NOT_PRESENT | keyboard | clock
}
