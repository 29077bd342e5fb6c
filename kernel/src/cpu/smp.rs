//! Starting cores: INIT, start-up IPI, and the trampoline page below 1 MiB.
//!
//! The same way takes a core back from a Linux. Source: Intel SDM Vol. 3A, "MP Initialization
//! Protocol Algorithm".

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_memory::Region;

use super::cores;
use crate::layout::TRAMPOLINE_WINDOW;
use crate::mem::{frames, paging, phys};
use crate::partition::LIFE;
use crate::partition::rim::Rim;

core::arch::global_asm!(
    include_str!("ap.S"),
    cores = sym cores::CORES,
    count = sym cores::COUNT,
    stride = const size_of::<cores::Core>(),
    top = const cores::Core::TOP,
    table = const cores::Core::TABLE,
    nmi = const cores::Core::NMI,
    code = const super::gdt::CODE.0,
    data = const super::gdt::DATA.0,
    reason_started = const crate::partition::REASON_STARTED,
    reason_bios_reset = const crate::partition::REASON_BIOS_RESET,
    main = sym crate::partition::core_main,
    call_main = sym crate::partition::call::serve,
    call_table = sym super::trap::CALL_TABLE_POINTER,
    gdt_bytes = const super::gdt::TABLE_BYTES,
    options(att_syntax),
);

unsafe extern "C" {
    static ap_trampoline: u8;
    static ap_reset: u8;
    static ap_gdt: u8;
    static ap_gdt_base: u8;
    static ap_far: u8;
    static ap_long: u8;
    static ap_root: u8;
    static ap_entry: u8;
    static ap_end: u8;
    static core_entry: u8;
    static core_call: u8;
}

static PAGE: AtomicU64 = AtomicU64::new(0);

/// Address of the code that every core runs when it enters Bulkhead from outside.
pub(crate) fn entry_address() -> u64 {
    &raw const core_entry as u64
}

/// Address of the code that serves a call of a runtime service.
pub(crate) fn call_address() -> u64 {
    &raw const core_call as u64
}

/// Puts the trampoline into its page. `false` if there is no free page for it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the page lies below 1 MiB; usize has 64 bits on x86-64"
)]
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the copy and the words in it, argued for as a whole"
)]
pub(crate) fn install_trampoline() -> bool {
    let window = Region::from_bounds(TRAMPOLINE_WINDOW.start, TRAMPOLINE_WINDOW.end);
    let Some(page) =
        window.and_then(|w| frames::take_within(bulkhead_memory::PAGE, w, "trampoline"))
    else {
        return false;
    };
    let base = page.start();
    let start = &raw const ap_trampoline as u64;
    let end = &raw const ap_end as u64;
    let gdt = &raw const ap_gdt as u64;
    let gdt_base = &raw const ap_gdt_base as u64;
    let far = &raw const ap_far as u64;
    let long = &raw const ap_long as u64;
    let root = &raw const ap_root as u64;
    let entry = &raw const ap_entry as u64;
    let place = |symbol: u64| base + (symbol - start);
    let four_level = u32::try_from(paging::roots().four_level)
        .expect("real mode can load only a root below 4 GiB; loaders put the image there");
    // SAFETY: the page was just taken; the source is the trampoline's bytes in the image, and the
    // words lie inside the copy.
    unsafe {
        let code = core::slice::from_raw_parts(&raw const ap_trampoline, (end - start) as usize);
        phys::write(base, code);
        phys::write(place(gdt_base), &(place(gdt) as u32).to_le_bytes());
        phys::write(place(far), &(place(long) as u32).to_le_bytes());
        phys::write(place(root), &four_level.to_le_bytes());
        phys::write(place(entry), &entry_address().to_le_bytes());
    }
    PAGE.store(base, Ordering::Release);
    true
}

/// Segment and offset at which real-mode code enters the trampoline as a Linux that wants a reset;
/// `None` if there is no trampoline.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the page lies below 1 MiB, the offset in it"
)]
pub(crate) fn reset_entry() -> Option<(u16, u16)> {
    let page = PAGE.load(Ordering::Acquire);
    let offset = &raw const ap_reset as u64 - &raw const ap_trampoline as u64;
    (page != 0).then_some(((page >> 4) as u16, offset as u16))
}

/// The page of the trampoline, as a start-up IPI names it.
#[expect(clippy::cast_possible_truncation, reason = "the page lies below 1 MiB")]
pub(crate) fn trampoline_page() -> u8 {
    (PAGE.load(Ordering::Acquire) >> 12) as u8
}

/// How long a core needs between an INIT and its start-up IPI, in microseconds: the manual's 10 ms
/// are for processors of the last century. Linux waits as long (`smp_quirk_init_udelay()`).
pub(crate) fn init_delay_us() -> u64 {
    const OLD_US: u64 = 10_000;
    let cpuid = raw_cpuid::CpuId::new();
    let vendor = cpuid.get_vendor_info();
    let family = cpuid.get_feature_info().map_or(0, |info| info.family_id());
    match vendor.as_ref().map_or("", raw_cpuid::VendorInfo::as_str) {
        "GenuineIntel" if family == 6 || family > 15 => 0,
        "AuthenticAMD" | "HygonGenuine" if family >= 15 => 0,
        _ => OLD_US,
    }
}

/// Starts every core but this one; each parks.
pub(crate) fn start_all() {
    LIFE.bring_up(&Rim::here(), cores::count());
}
