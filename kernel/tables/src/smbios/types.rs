//! The structures, by type. Source: DSP0134 section 7; each function names its own.

use alloc::format;
use alloc::vec::Vec;

use bulkhead_memory::Region;

use super::structure::Structure;
use super::{Package, View};

const VENDOR: &str = "Bulkhead";
/// The product's name: by it a Linux knows that it runs in a partition.
pub const PRODUCT: &str = "Bulkhead partition";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// When this version's tables were last changed. Linux takes a firmware's year for its manners: from
/// 2010 on it believes an MCFG above 4 GiB, from 2023 on it takes root bridges' windows as they are
/// told, which in a partition have nothing in them that is not its own.
const RELEASED: &str = "11/28/2026";

// Handles. Packages and pieces of RAM count from theirs.
const FIRMWARE: u16 = 0x0000;
const SYSTEM: u16 = 0x0100;
const BOARD: u16 = 0x0200;
const CHASSIS: u16 = 0x0300;
const PROCESSOR: u16 = 0x0400;
const STRINGS: u16 = 0x0b00;
const MEMORY: u16 = 0x1000;
const MEMORY_DEVICE: u16 = 0x1100;
const MEMORY_RANGE: u16 = 0x1300;
const BOOT: u16 = 0x2000;
const END: u16 = 0x7f00;

/// "Unknown" in most of SMBIOS's lists.
const UNKNOWN: u8 = 2;
/// A handle of no cache.
const NO_CACHE: u16 = 0xffff;
/// A handle for "no error information is provided".
const NO_ERRORS_TOLD: u16 = 0xfffe;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// All structures of a partition.
pub(super) fn push_all(view: &View<'_>, to: &mut Vec<u8>) {
    firmware().push(to);
    system(view).push(to);
    board(view).push(to);
    chassis(view).push(to);
    for (handle, package) in (PROCESSOR..).zip(view.packages) {
        processor(view, handle, *package).push(to);
    }
    strings(view).push(to);
    memory(view).push(to);
    for (handle, region) in (MEMORY_DEVICE..).zip(view.memory) {
        memory_device(handle, *region).push(to);
    }
    for (handle, region) in (MEMORY_RANGE..).zip(view.memory) {
        memory_range(handle, *region).push(to);
    }
    boot().push(to);
    Structure::new(127, END).push(to);
}

/// Type 0, firmware (7.1).
fn firmware() -> Structure {
    Structure::new(0, FIRMWARE)
        .text(VENDOR)
        .text(VERSION)
        .word(0) // no segment below 1 MiB
        .text(RELEASED)
        .byte(0) // 64 KiB, the least that can be said
        .quad(1 << 3) // characteristics are not told ...
        .bytes(&[1 << 0, 1 << 3]) // ... but for ACPI and UEFI
        .bytes(&version_numbers())
        .bytes(&[0xff, 0xff]) // no embedded controller
        .word(0)
}

/// Major and minor version.
fn version_numbers() -> [u8; 2] {
    let number = |text: &str| text.parse().unwrap_or(0);
    [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
    ]
}

/// Type 1, system (7.2).
fn system(view: &View<'_>) -> Structure {
    Structure::new(1, SYSTEM)
        .text(VENDOR)
        .text(PRODUCT)
        .text(VERSION)
        .text(view.serial)
        .bytes(&little_endian(view.uuid))
        .byte(UNKNOWN) // why it was switched on
        .text(view.name) // SKU number
        .text(VENDOR) // family
}

/// A UUID as SMBIOS has it: the first three fields are little-endian (7.2.1).
fn little_endian(uuid: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = uuid;
    let [i, j, k, l, m, n, o, p] = rest;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

/// Type 2, board (7.3).
fn board(view: &View<'_>) -> Structure {
    Structure::new(2, BOARD)
        .text(VENDOR)
        .text(PRODUCT)
        .text(VERSION)
        .text(view.serial)
        .text(view.name) // asset tag
        .byte(1) // hosts the processor
        .text("") // where in the chassis
        .word(CHASSIS)
        .byte(0x0a) // motherboard
        .byte(0) // contains no other listed object
}

/// Type 3, chassis (7.4).
fn chassis(view: &View<'_>) -> Structure {
    /// "Safe": nothing is known to be wrong.
    const SAFE: u8 = 3;
    Structure::new(3, CHASSIS)
        .text(VENDOR)
        .byte(1) // other
        .text(VERSION)
        .text(view.serial)
        .text(view.name) // asset tag
        .bytes(&[SAFE, SAFE, SAFE, UNKNOWN]) // boot, power, heat, locks
        .double(0)
        .bytes(&[0, 0, 0, 0]) // height, cords, no contained elements of no length
        .text(view.name) // SKU number
}

/// Type 4, processor (7.5): what the partition has of a package.
fn processor(view: &View<'_>, handle: u16, package: Package) -> Structure {
    const CENTRAL: u8 = 3;
    const POPULATED_AND_ENABLED: u8 = 1 << 6 | 1;
    const CAPABLE_OF_64_BITS: u16 = 1 << 2;
    const MULTI_CORE: u16 = 1 << 3;
    const HARDWARE_THREADS: u16 = 1 << 4;
    let mhz = u16::try_from(view.mhz).unwrap_or(0);
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    // One byte where they fit; else 0xff, and the words at the end count.
    let short = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    let (cores, threads) = (package.cores, package.threads);
    let several = if cores > 1 { MULTI_CORE } else { 0 };
    let threaded = if threads > cores { HARDWARE_THREADS } else { 0 };
    Structure::new(4, handle)
        .text(&format!("package {}", package.number))
        .bytes(&[CENTRAL, UNKNOWN])
        .text(maker(view.processor))
        .quad(0) // its CPUID, which any kernel asks itself
        .text(view.processor)
        .byte(0) // voltage: unknown
        .word(0) // external clock: unknown
        .word(mhz)
        .word(mhz)
        .bytes(&[POPULATED_AND_ENABLED, UNKNOWN]) // state, socket
        .word(NO_CACHE)
        .word(NO_CACHE)
        .word(NO_CACHE)
        .text("")
        .text("")
        .text("")
        .bytes(&[short(cores), short(cores), short(threads)])
        .word(CAPABLE_OF_64_BITS | several | threaded)
        .word(UNKNOWN.into())
        .word(count(cores))
        .word(count(cores))
        .word(count(threads))
        .word(count(threads))
}

/// Whose processor it is, by its brand string.
fn maker(brand: &str) -> &str {
    let known = ["Intel", "AMD", "Hygon", "ZHAOXIN", "VIA", "QEMU"];
    let found = known.into_iter().find(|maker| brand.contains(*maker));
    found.unwrap_or("unknown")
}

/// Type 11, OEM strings (7.12): the number of them.
fn strings(view: &View<'_>) -> Structure {
    Structure::new(11, STRINGS)
        .byte(1)
        .string(&format!("bulkhead.partition={}", view.name))
}

/// Type 16, physical memory array (7.17).
fn memory(view: &View<'_>) -> Structure {
    const ON_THE_BOARD: u8 = 3;
    const SYSTEM_MEMORY: u8 = 3;
    /// The capacity is in the field of 64 bits.
    const EXTENDED: u32 = 0x8000_0000;
    let bytes: u64 = view.memory.iter().map(|region| region.size()).sum();
    Structure::new(16, MEMORY)
        .bytes(&[ON_THE_BOARD, SYSTEM_MEMORY, UNKNOWN])
        .double(EXTENDED)
        .word(NO_ERRORS_TOLD)
        .word(u16::try_from(view.memory.len()).unwrap_or(u16::MAX))
        .quad(bytes)
}

/// Type 17, memory device (7.18): one for each piece of RAM that the partition claims.
fn memory_device(handle: u16, region: Region) -> Structure {
    const UNKNOWN_WIDTH: u16 = 0xffff;
    const UNKNOWN_BIT: u16 = 1 << 2;
    const UNKNOWN_REVISION: u16 = 0xff00;
    const IN_KIB: u16 = 1 << 15;
    /// The size is in the field of 32 bits.
    const EXTENDED: u16 = 0x7fff;
    let size = region.size();
    let mib = size / MIB;
    let (short, extended) = if !size.is_multiple_of(MIB) && size / KIB < u64::from(EXTENDED) {
        (u16::try_from(size / KIB).unwrap_or(0) | IN_KIB, 0)
    } else if mib < u64::from(EXTENDED) {
        (u16::try_from(mib).unwrap_or(EXTENDED), 0)
    } else {
        (EXTENDED, u32::try_from(mib).unwrap_or(u32::MAX >> 1))
    };
    Structure::new(17, handle)
        .word(MEMORY)
        .word(NO_ERRORS_TOLD)
        .word(UNKNOWN_WIDTH)
        .word(UNKNOWN_WIDTH)
        .word(short)
        .bytes(&[UNKNOWN, 0]) // form; of no set
        .text(&format!("RAM at {:#x}", region.start()))
        .text("") // bank
        .byte(UNKNOWN) // type
        .word(UNKNOWN_BIT)
        .word(0) // speed
        .text("")
        .text("")
        .text("")
        .text("")
        .byte(0) // rank
        .double(extended)
        .word(0) // configured speed
        .word(0)
        .word(0)
        .word(0) // voltages
        .byte(UNKNOWN) // technology
        .word(UNKNOWN_BIT) // modes
        .text("")
        .word(0)
        .word(0)
        .word(0)
        .word(0) // who made module and controller
        .quad(0) // nothing that lasts
        .quad(size)
        .quad(0)
        .quad(0)
        .double(0)
        .double(0) // extended speeds
        .word(0)
        .word(UNKNOWN_REVISION)
        .word(0)
        .word(UNKNOWN_REVISION) // its power management and clock driver
}

/// Type 19, memory array mapped address (7.20): where a piece of RAM is.
fn memory_range(handle: u16, region: Region) -> Structure {
    /// The addresses are in the fields of 64 bits.
    const EXTENDED: u32 = u32::MAX;
    let (start, last) = (region.start(), region.end() - 1);
    let kib = |address: u64| u32::try_from(address / KIB).unwrap_or(EXTENDED);
    let is_short = kib(last) != EXTENDED;
    let field = |address| if is_short { kib(address) } else { EXTENDED };
    let long = |address| if is_short { 0 } else { address };
    Structure::new(19, handle)
        .double(field(start))
        .double(field(last))
        .word(MEMORY)
        .byte(1) // one device
        .quad(long(start))
        .quad(long(last))
}

/// Type 32, boot: no errors detected (7.33).
fn boot() -> Structure {
    Structure::new(32, BOOT).bytes(&[0; 7])
}
