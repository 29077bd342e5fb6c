//! The cores, and the I/O APICs of whoever has them.
//!
//! Source: ACPI 6.5 section 5.2.12 (Multiple APIC Description Table), 5.2.12.2 (Processor Local
//! APIC), 5.2.12.3 (I/O APIC), 5.2.12.5 (Interrupt Source Override) and 5.2.12.12 (Processor Local
//! x2APIC).
//!
//! The order matters to Linux (`arch/x86/kernel/cpu/topology.c`, `check_for_real_bsp()`). A newer
//! kernel (seen with 6.12) takes the first entry for the machine's boot processor. If that is the
//! core it runs on, and the hardware says that this core is not the boot processor, it stays on
//! this one core. If it is another one, the kernel takes itself for a crash kernel, leaves that
//! one alone for good and uses the rest. So an ID that no core has is listed first; older kernels
//! would try to start it, and are told by `disable_cpu_apicid=` not to (`docs/parameters.md`). On a
//! machine with all IDs below 255 it is the boot processor's own.
//!
//! There is no legacy PIC (`PCAT_COMPAT` is clear) and no NMI line.

use alloc::vec::Vec;
use core::iter;
use core::mem::size_of;

use bulkhead_firmware::InterruptOverride;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::{Header, seal};
use super::{IoApicView, View};

/// Of ACPI 6.5, as the FADT says.
const REVISION: u8 = 6;

/// Flag of both kinds of entries: the core can be used.
const ENABLED: u32 = 1 << 0;
const LOCAL_APIC: u8 = 0;
const IO_APIC: u8 = 1;
const SOURCE_OVERRIDE: u8 = 2;
const LOCAL_X2APIC: u8 = 9;

/// What follows the header.
#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Fixed {
    local_apic_address: U32,
    flags: U32,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct LocalApic {
    kind: u8,
    length: u8,
    processor_uid: u8,
    apic_id: u8,
    flags: U32,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct IoApic {
    kind: u8,
    length: u8,
    id: u8,
    reserved: u8,
    address: U32,
    gsi_base: U32,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct SourceOverride {
    kind: u8,
    length: u8,
    /// 0: ISA.
    bus: u8,
    source: u8,
    gsi: U32,
    flags: U16,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct LocalX2Apic {
    kind: u8,
    length: u8,
    reserved: [u8; 2],
    apic_id: U32,
    flags: U32,
    processor_uid: U32,
}

const _: () = assert!(size_of::<Fixed>() == 8);
const _: () = assert!(size_of::<LocalApic>() == 8);
const _: () = assert!(size_of::<IoApic>() == 12);
const _: () = assert!(size_of::<SourceOverride>() == 10);
const _: () = assert!(size_of::<LocalX2Apic>() == 16);

/// The table. Every entry's processor UID is its place in the list.
pub(super) fn madt(view: &View<'_>) -> Vec<u8> {
    let fixed = Fixed {
        local_apic_address: view.local_apic_address.into(),
        flags: U32::ZERO,
    };
    let mut body = fixed.as_bytes().to_vec();
    let cores = view
        .first_absent
        .into_iter()
        .chain(view.cores.iter().copied());
    for (uid, apic_id) in iter::zip(0u32.., cores) {
        push_processor(&mut body, uid, apic_id);
    }
    for io_apic in view.io_apics {
        push_io_apic(&mut body, *io_apic);
    }
    // They say nothing to a system without an I/O APIC.
    if !view.io_apics.is_empty() {
        for interrupt in view.overrides {
            push_override(&mut body, *interrupt);
        }
    }
    let header = Header::new(*b"APIC", REVISION, size_of::<Header>() + body.len());
    let mut table = [header.as_bytes(), &body].concat();
    seal(&mut table);
    table
}

/// An entry's size in bytes, as it tells it.
#[expect(clippy::cast_possible_truncation, reason = "asserted above it")]
const fn length<Entry>() -> u8 {
    const { assert!(size_of::<Entry>() <= 0xff) };
    size_of::<Entry>() as u8
}

/// Adds an entry: of the short kind if ID and UID fit it; 255 means all processors there.
fn push_processor(body: &mut Vec<u8>, uid: u32, apic_id: u32) {
    let short = |value: u32| u8::try_from(value).ok().filter(|value| *value != u8::MAX);
    if let (Some(processor_uid), Some(apic_id)) = (short(uid), short(apic_id)) {
        let entry = LocalApic {
            kind: LOCAL_APIC,
            length: length::<LocalApic>(),
            processor_uid,
            apic_id,
            flags: U32::new(ENABLED),
        };
        body.extend_from_slice(entry.as_bytes());
    } else {
        let entry = LocalX2Apic {
            kind: LOCAL_X2APIC,
            length: length::<LocalX2Apic>(),
            reserved: [0; 2],
            apic_id: apic_id.into(),
            flags: U32::new(ENABLED),
            processor_uid: uid.into(),
        };
        body.extend_from_slice(entry.as_bytes());
    }
}

fn push_io_apic(body: &mut Vec<u8>, io_apic: IoApicView) {
    let entry = IoApic {
        kind: IO_APIC,
        length: length::<IoApic>(),
        id: io_apic.id,
        reserved: 0,
        address: io_apic.address.into(),
        gsi_base: io_apic.gsi_base.into(),
    };
    body.extend_from_slice(entry.as_bytes());
}

fn push_override(body: &mut Vec<u8>, interrupt: InterruptOverride) {
    let entry = SourceOverride {
        kind: SOURCE_OVERRIDE,
        length: length::<SourceOverride>(),
        bus: 0,
        source: interrupt.source,
        gsi: interrupt.gsi.into(),
        flags: interrupt.flags.into(),
    };
    body.extend_from_slice(entry.as_bytes());
}
