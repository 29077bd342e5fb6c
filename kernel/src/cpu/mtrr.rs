//! Memory types: loaders and firmware leave the other cores' MTRRs unlike the boot processor's
//! (seen with both), and Linux expects them alike.
//!
//! Source: Intel SDM Vol. 3A, "Memory Type Range Registers" and "MTRR Considerations in MP Systems".

use bulkhead_processor::mtrr::Snapshot;
use spin::Once;

use super::{read_msr, write_msr};

const PAT: u32 = 0x277;
/// The page-attribute table as the processor has it after reset; Linux sets its own.
const PAT_RESET: u64 = 0x0007_0406_0007_0406;
/// The same with entry 3 write-combining, which only the frame buffer's pages use.
const PAT_WRITE_COMBINING: u64 = 0x0007_0406_0107_0406;

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
unsafe fn read_all() -> Snapshot {
    // SAFETY: by the caller's contract; reading them changes nothing.
    Snapshot::read(|register| unsafe { read_msr(register) })
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
        for (register, value) in snapshot.writes() {
            write_msr(register, value);
        }
        core::arch::asm!("wbinvd", options(nostack, preserves_flags));
    }
    x86_64::instructions::tlb::flush_all();
}
