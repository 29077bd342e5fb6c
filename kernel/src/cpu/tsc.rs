//! Time by the time-stamp counter, whose rate is measured once, before anything is launched.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bulkhead_processor::rate::{self, Reference};
use x86_64::instructions::port::Port;

static KHZ: AtomicU64 = AtomicU64::new(1_000_000);
static BOOT: AtomicU64 = AtomicU64::new(0);
static HAND_OVER: AtomicU64 = AtomicU64::new(0);
static IS_KNOWN: AtomicBool = AtomicBool::new(false);

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
        .or_else(|| rate::per_ms(&mut Pit, now))
        .or_else(|| pm_timer.and_then(|port| rate::per_ms(&mut PmTimer { port, first: 0 }, now)));
    if let Some(khz) = measured {
        KHZ.store(khz, Ordering::Relaxed);
        IS_KNOWN.store(true, Ordering::Relaxed);
    }
}

/// The counter itself, whose rate is known by now.
pub(crate) struct Tsc {
    first: u64,
}

impl Tsc {
    pub(crate) const fn new() -> Self {
        Self { first: 0 }
    }
}

impl Reference for Tsc {
    fn hz(&self) -> u64 {
        khz() * 1000
    }

    fn begin(&mut self) {
        self.first = now();
    }

    fn elapsed(&mut self) -> Option<u64> {
        Some(now().saturating_sub(self.first))
    }
}

/// Channel 2 of the 8254, which counts down from 65,535 and raises its output then.
struct Pit;

impl Pit {
    const GATE: u16 = 0x61;
    const COMMAND: u16 = 0x43;
    const CHANNEL: u16 = 0x42;
}

impl Reference for Pit {
    fn hz(&self) -> u64 {
        1_193_182
    }

    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one use of the timer's channel, argued for as a whole"
    )]
    fn begin(&mut self) {
        let mut gate = Port::<u8>::new(Self::GATE);
        let mut channel = Port::<u8>::new(Self::CHANNEL);
        // SAFETY: the standard timer's ports; speaker off, gate on, one-shot (mode 0), low then high byte.
        unsafe {
            let old = gate.read();
            gate.write((old & !0x02) | 0x01);
            Port::<u8>::new(Self::COMMAND).write(0b1011_0000);
            channel.write(0xff);
            channel.write(0xff);
        }
    }

    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one use of the timer's channel, argued for as a whole"
    )]
    fn elapsed(&mut self) -> Option<u64> {
        let mut channel = Port::<u8>::new(Self::CHANNEL);
        // SAFETY: the same ports: latches the count, reads its low and high byte, then the output, which a
        // machine without the timer has high from the beginning.
        let (count, output) = unsafe {
            Port::<u8>::new(Self::COMMAND).write(0b1000_0000);
            let count = u16::from_le_bytes([channel.read(), channel.read()]);
            (count, Port::<u8>::new(Self::GATE).read() & 0x20)
        };
        (output == 0).then(|| u64::from(u16::MAX - count))
    }
}

/// The ACPI power-management timer, of at least 24 bits.
struct PmTimer {
    port: u16,
    first: u32,
}

impl PmTimer {
    fn read(&self) -> u32 {
        // SAFETY: the port that firmware's FADT names; reading has no side effect.
        unsafe { Port::<u32>::new(self.port).read() }
    }
}

impl Reference for PmTimer {
    fn hz(&self) -> u64 {
        3_579_545
    }

    fn begin(&mut self) {
        self.first = self.read();
    }

    fn elapsed(&mut self) -> Option<u64> {
        Some(u64::from(
            self.read().wrapping_sub(self.first) & 0x00ff_ffff,
        ))
    }
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
