//! Memory types: loaders and firmware leave the other cores' MTRRs unlike the boot processor's
//! (seen with both), and Linux expects them alike.
//!
//! Source: Intel SDM Vol. 3A, "Memory Type Range Registers" and "MTRR Considerations in MP Systems".

use spin::Once;

use super::{read_msr, write_msr};

const CAPABILITY: u32 = 0xfe;
const DEFAULT_TYPE: u32 = 0x2ff;
const PAT: u32 = 0x277;
const VARIABLE_BASE: u32 = 0x200;
const FIXED: [u32; 11] = [
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
];
const FIXED_SUPPORTED: u64 = 1 << 8;
const ENABLE: u64 = 1 << 11;
/// The page-attribute table as the processor has it after reset; Linux sets its own.
const PAT_RESET: u64 = 0x0007_0406_0007_0406;
/// The same with entry 3 write-combining, which only the frame buffer's pages use.
const PAT_WRITE_COMBINING: u64 = 0x0007_0406_0107_0406;
const MAX_VARIABLE: usize = 16;

#[derive(PartialEq, Eq)]
struct Snapshot {
    default_type: u64,
    fixed: Option<[u64; FIXED.len()]>,
    variable: [(u64, u64); MAX_VARIABLE],
    variable_count: usize,
}

static SNAPSHOT: Once<Snapshot> = Once::new();

fn supported() -> bool {
    raw_cpuid::CpuId::new()
        .get_feature_info()
        .is_some_and(|f| f.has_mtrr())
}

/// Records this core's registers: to be called on the boot processor, first.
pub(crate) fn record() {
    if supported() {
        // SAFETY: CPUID says that the registers exist.
        SNAPSHOT.call_once(|| unsafe { read_all() });
    }
}

/// Makes the frame buffer's pages write-combining on this core, the shell's: a row of text then goes
/// out in bursts of cache lines instead of word by word.
pub(crate) fn write_combining() {
    // SAFETY: every processor with long mode has the table. Entry 0, of all RAM, stays write-back;
    // the frame buffer was not cached before, so no line of it is anywhere.
    unsafe { write_msr(PAT, PAT_WRITE_COMBINING) };
    x86_64::instructions::tlb::flush_all();
}

/// Gives the page-attribute table its reset value: a Linux that uses it as it is (`nopat`) takes
/// what it finds on its boot core for what all its cores have.
pub(crate) fn hand_over() {
    // SAFETY: as above; entries 0 and 2, which this core still uses, stay as they are.
    unsafe { write_msr(PAT, PAT_RESET) };
}

/// Reads all registers of this core.
///
/// # Safety
/// The processor must have them.
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "reads only, all by the one contract"
)]
unsafe fn read_all() -> Snapshot {
    // SAFETY: by the caller's contract; reading them changes nothing.
    unsafe {
        let capability = read_msr(CAPABILITY);
        let variable_count = ((capability & 0xff) as usize).min(MAX_VARIABLE);
        let mut variable = [(0, 0); MAX_VARIABLE];
        for (register, pair) in (VARIABLE_BASE..)
            .step_by(2)
            .zip(&mut variable[..variable_count])
        {
            *pair = (read_msr(register), read_msr(register + 1));
        }
        Snapshot {
            default_type: read_msr(DEFAULT_TYPE),
            fixed: (capability & FIXED_SUPPORTED != 0).then(|| FIXED.map(|r| read_msr(r))),
            variable,
            variable_count,
        }
    }
}

/// Gives this core the recorded registers and the reset value of the page-attribute table.
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the manual's one sequence, argued for as a whole"
)]
pub(crate) fn apply() {
    // SAFETY: the page-attribute table exists on every processor with long mode; its reset value
    // keeps entry 0 write-back, the only one that our tables use beside uncached (and beside the
    // frame buffer's, which only the shell's core touches: `write_combining`).
    unsafe { write_msr(PAT, PAT_RESET) };
    let Some(snapshot) = SNAPSHOT.get() else {
        return;
    };
    // Flushing the caches is felt by every core that shares one, so not without need: a core that
    // comes back from a Linux nearly always has the registers as they were.
    // SAFETY: there is a snapshot, so the registers exist.
    if unsafe { read_all() } == *snapshot {
        return;
    }
    // SAFETY: the values are those of the boot processor, read from the same registers; caches
    // are flushed around the change as the manual's sequence demands. Interrupts are off here.
    unsafe {
        core::arch::asm!("wbinvd", options(nostack, preserves_flags));
        write_msr(DEFAULT_TYPE, snapshot.default_type & !ENABLE);
        for (register, value) in FIXED.iter().zip(snapshot.fixed.iter().flatten()) {
            write_msr(*register, *value);
        }
        let variable = &snapshot.variable[..snapshot.variable_count];
        for (register, (base, mask)) in (VARIABLE_BASE..).step_by(2).zip(variable) {
            write_msr(register, *base);
            write_msr(register + 1, *mask);
        }
        write_msr(DEFAULT_TYPE, snapshot.default_type);
        core::arch::asm!("wbinvd", options(nostack, preserves_flags));
    }
    x86_64::instructions::tlb::flush_all();
}
