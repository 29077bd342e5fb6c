//! Time by the time-stamp counter, whose rate is measured once, before anything is launched.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use x86_64::instructions::port::Port;

static KHZ: AtomicU64 = AtomicU64::new(1_000_000);
static BOOT: AtomicU64 = AtomicU64::new(0);
static HAND_OVER: AtomicU64 = AtomicU64::new(0);
static IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// Frequency of the 8254 timer in Hz.
const PIT_HZ: u64 = 1_193_182;
/// One measurement in timer ticks: 10 ms.
#[expect(clippy::cast_possible_truncation, reason = "it is 11,931")]
const PIT_TICKS: u16 = (PIT_HZ / 100) as u16;

/// The counter.
pub(crate) fn now() -> u64 {
    // SAFETY: every processor with long mode has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Its rate in kHz.
pub(crate) fn khz() -> u64 {
    KHZ.load(Ordering::Relaxed)
}

/// Remembers that the loader has just handed over.
pub(crate) fn note_hand_over() {
    HAND_OVER.store(now(), Ordering::Relaxed);
}

/// Microseconds since [`note_hand_over`].
pub(crate) fn us_since_hand_over() -> u64 {
    us(now().saturating_sub(HAND_OVER.load(Ordering::Relaxed)))
}

/// Ticks of the counter as microseconds. At 3 GHz those of 70 days are too many.
pub(crate) fn us(ticks: u64) -> u64 {
    ticks * 1000 / khz()
}

/// Microseconds as ticks of the counter.
pub(crate) fn ticks(us: u64) -> u64 {
    us.saturating_mul(khz()) / 1000
}

/// Whether that was learnt; else it is assumed, and all times are off.
pub(crate) fn is_known() -> bool {
    IS_KNOWN.load(Ordering::Relaxed)
}

/// Milliseconds since [`calibrate`]; before it, none.
pub(crate) fn uptime_ms() -> u64 {
    match BOOT.load(Ordering::Relaxed) {
        0 => 0,
        boot => now().saturating_sub(boot) / khz(),
    }
}

/// Learns the rate: from CPUID where the processor tells it, else against channel 2 of the 8254.
/// Nobody else uses that timer yet. Where that is missing, against the ACPI timer.
pub(crate) fn calibrate(pm_timer: Option<u16>) {
    BOOT.store(now(), Ordering::Relaxed);
    let told = raw_cpuid::CpuId::new()
        .get_tsc_info()
        .and_then(|info| info.tsc_frequency())
        .map(|hz| hz / 1000)
        .filter(|khz| *khz > 100_000);
    let measured = told
        .or_else(|| best_of(pit_interval))
        .or_else(|| pm_timer.and_then(|port| best_of(|| pm_timer_interval(port))));
    if let Some(khz) = measured {
        KHZ.store(khz, Ordering::Relaxed);
        IS_KNOWN.store(true, Ordering::Relaxed);
    }
}

/// The smallest of five measurements: whatever disturbs one makes it longer.
fn best_of(measure: impl Fn() -> Option<u64>) -> Option<u64> {
    (0..5).map_while(|_| measure()).min()
}

/// Counter ticks per millisecond over one interval of channel 2.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low byte goes before the high one"
)]
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one use of the timer's channel, argued for as a whole"
)]
fn pit_interval() -> Option<u64> {
    let mut gate = Port::<u8>::new(0x61);
    let mut command = Port::<u8>::new(0x43);
    let mut channel = Port::<u8>::new(0x42);
    // SAFETY: the standard timer's ports; speaker off, gate on, one-shot (mode 0), low then high byte.
    unsafe {
        let old = gate.read();
        gate.write((old & !0x02) | 0x01);
        command.write(0b1011_0000);
        channel.write(PIT_TICKS as u8);
        channel.write((PIT_TICKS >> 8) as u8);
        let start = now();
        let mut polls = 0u32;
        while gate.read() & 0x20 == 0 {
            polls += 1;
            // A machine without the timer never raises the output.
            if polls > 2_000_000 {
                return None;
            }
        }
        let ticks = now() - start;
        (polls > 10).then(|| ticks * PIT_HZ / u64::from(PIT_TICKS) / 1000)
    }
}

/// The same against the ACPI power-management timer (3.579545 MHz, at least 24 bits).
fn pm_timer_interval(port: u16) -> Option<u64> {
    const HZ: u64 = 3_579_545;
    #[expect(clippy::cast_possible_truncation, reason = "it is 35,795")]
    const TICKS: u32 = (HZ / 100) as u32;
    let mut timer = Port::<u32>::new(port);
    // SAFETY: the port that firmware's FADT names; reading has no side effect.
    let first = unsafe { timer.read() };
    let start = now();
    for _ in 0..4_000_000u32 {
        // SAFETY: the same.
        let passed = unsafe { timer.read() }.wrapping_sub(first) & 0x00ff_ffff;
        if passed >= TICKS {
            return Some((now() - start) * HZ / u64::from(passed) / 1000);
        }
    }
    None
}

/// Waits.
pub(crate) fn delay_us(us: u64) {
    let _ = wait_until(us, || false);
}

/// Waits at most `us` microseconds for `done`; says whether it came.
pub(crate) fn wait_until(us: u64, mut done: impl FnMut() -> bool) -> bool {
    let end = now().saturating_add(ticks(us));
    loop {
        // The time first: a core that stood still meanwhile (a virtual one, or in system
        // management mode) must still look once after it.
        let is_over = now() >= end;
        if done() {
            return true;
        }
        if is_over {
            return false;
        }
        core::hint::spin_loop();
    }
}
