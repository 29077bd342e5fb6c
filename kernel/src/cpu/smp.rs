//! Starting cores: INIT, start-up IPI, and the trampoline page below 1 MiB.
//!
//! The same way takes a core back from a Linux. Source: Intel SDM Vol. 3A, "MP Initialization
//! Protocol Algorithm".

use arrayvec::ArrayVec;
use bulkhead_memory::Region;
use spin::Once;

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

/// The page below 1 MiB in which cores start, and what belongs there.
struct Trampoline {
    page: u64,
    words: ArrayVec<u64, WORDS>,
}

/// Words of 8 bytes that it may have.
const WORDS: usize = 32;

static TRAMPOLINE: Once<Trampoline> = Once::new();

impl Trampoline {
    /// What lies between the assembler's labels, with the words in it filled in for that page; `None`
    /// if it has more than [`WORDS`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the page lies below 1 MiB; usize has 64 bits on x86-64"
    )]
    fn new(page: u64) -> Option<Self> {
        let start = &raw const ap_trampoline as u64;
        let offset = |symbol: *const u8| (symbol as u64 - start) as usize;
        // SAFETY: bytes of the image, which nobody writes.
        let code = unsafe {
            core::slice::from_raw_parts(&raw const ap_trampoline, offset(&raw const ap_end))
        };
        let mut bytes = [0; WORDS * 8];
        bytes.get_mut(..code.len())?.copy_from_slice(code);
        let mut fill = |symbol: *const u8, value: &[u8]| {
            let at = offset(symbol);
            bytes[at..at + value.len()].copy_from_slice(value);
        };
        let place = |symbol| (page as u32 + offset(symbol) as u32).to_le_bytes();
        let four_level = u32::try_from(paging::roots().four_level)
            .expect("real mode can load only a root below 4 GiB; loaders put the image there");
        fill(&raw const ap_gdt_base, &place(&raw const ap_gdt));
        fill(&raw const ap_far, &place(&raw const ap_long));
        fill(&raw const ap_root, &four_level.to_le_bytes());
        fill(&raw const ap_entry, &entry_address().to_le_bytes());
        let (words, _) = bytes.as_chunks();
        let words = words.iter().take(code.len().div_ceil(8));
        Some(Self {
            page,
            words: words.map(|word| u64::from_le_bytes(*word)).collect(),
        })
    }

    /// Puts it into its page, of which other cores may be running it: what is right is not touched.
    fn write(&self) {
        for (word, at) in self.words.iter().zip((self.page..).step_by(8)) {
            let place = phys::pointer::<u64>(at);
            // SAFETY: in the page that was taken for it, aligned.
            if unsafe { place.read_volatile() } != *word {
                // SAFETY: the same; whoever else writes here means the same word.
                unsafe { place.write_volatile(*word) };
            }
        }
    }
}

/// Address of the code that every core runs when it enters Bulkhead from outside.
pub(crate) fn entry_address() -> u64 {
    &raw const core_entry as u64
}

/// Address of the code that serves a call of a runtime service.
pub(crate) fn call_address() -> u64 {
    &raw const core_call as u64
}

/// Puts the trampoline into its page. `false` if there is no free page for it.
pub(crate) fn install_trampoline() -> bool {
    let window = Region::from_bounds(TRAMPOLINE_WINDOW.start, TRAMPOLINE_WINDOW.end);
    let Some(page) =
        window.and_then(|w| frames::take_within(bulkhead_memory::PAGE, w, "trampoline"))
    else {
        return false;
    };
    let trampoline = Trampoline::new(page.start()).expect("it is as short as it is written");
    TRAMPOLINE.call_once(|| trampoline).write();
    true
}

/// Segment and offset at which real-mode code enters the trampoline as a Linux that wants a reset;
/// `None` if there is no trampoline.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the page lies below 1 MiB, the offset in it"
)]
pub(crate) fn reset_entry() -> Option<(u16, u16)> {
    let offset = &raw const ap_reset as u64 - &raw const ap_trampoline as u64;
    let trampoline = TRAMPOLINE.get()?;
    Some(((trampoline.page >> 4) as u16, offset as u16))
}

/// The page of the trampoline, as a start-up IPI names it, with all that belongs there: nothing keeps a
/// Linux from writing it, and the next core that is to start would be lost.
#[expect(clippy::cast_possible_truncation, reason = "the page lies below 1 MiB")]
pub(crate) fn trampoline_page() -> u8 {
    TRAMPOLINE.get().map_or(0, |trampoline| {
        trampoline.write();
        (trampoline.page >> 12) as u8
    })
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
