//! The rows. Their order is that of the writes: what stops something stands before what that uses,
//! so that nothing is traced, counted or fed back while its registers change.

use super::{Acknowledgement, Action, Row};
use crate::cpuid::Capability::{Architecture, Core, MachineCheck, Miscellaneous};
use crate::cpuid::Leaf::{
    Amd, AmdPerformance, AmdPower, AmdSampling, AmdSizes, AmdSvm, Extended, Extended1, Power,
    States1, Trace, Version,
};
use crate::cpuid::Output::{Eax, Ebx, Ecx, Edx};
use crate::cpuid::Vendor;
use crate::presence::{Count, Presence};
use crate::steps::TSC_ADJUST;
use Action::{
    AcknowledgeCounters, Clear, Leave, Restore, RestoreFirst, Rewrite, Set, Stop, StopAndAwait,
    StopThenRestore,
};
use Presence::{All, Always, Any, Bit, Capable, Incapable, Made, Monitoring};

const INTEL: Presence = Made(Vendor::Intel);
const AMD: Presence = Made(Vendor::Amd);
const TRACE: Presence = Bit(Extended, Ebx, 25);
/// Its output goes to a table of regions, or to one region.
const TRACE_OUTPUT: Presence = All(&[TRACE, Any(&[Bit(Trace, Ecx, 0), Bit(Trace, Ecx, 2)])]);
/// The debug store: branches and samples are written to memory at linear addresses.
const STORE: Presence = All(&[INTEL, Bit(Version, Edx, 21)]);
const SAMPLES: Presence = All(&[STORE, Monitoring(2), Incapable(Miscellaneous, 12)]);
const LAST_BRANCHES: Presence = Bit(Extended, Edx, 19);
const SAMPLING: Presence = Bit(Amd, Ecx, 10);
const CORE_COUNTERS: Presence = All(&[AMD, Bit(Amd, Ecx, 23)]);
const COUNTERS_2: Presence = Bit(AmdPerformance, Eax, 0);
const FEEDBACK: Presence = Bit(Power, Eax, 19);
const THREAD_FEEDBACK: Presence = Bit(Power, Eax, 23);
const HARDWARE_STATES: Presence = Bit(Power, Eax, 7);
const SHADOW_STACKS: Presence = Bit(Extended, Ecx, 7);
const FLOW: Presence = Any(&[SHADOW_STACKS, Bit(Extended, Edx, 20)]);
const FRED: Presence = Bit(Extended1, Eax, 17);
const SVM: Presence = Bit(Amd, Ecx, 2);
const CORRECTED_INTERRUPTS: Presence = All(&[INTEL, Capable(MachineCheck, 10)]);
const SPECULATION: Presence = Any(&[
    Bit(Extended, Edx, 26),
    Bit(Extended, Edx, 27),
    Bit(Extended, Edx, 31),
    Bit(AmdSizes, Ebx, 14),
    Bit(AmdSizes, Ebx, 15),
    Bit(AmdSizes, Ebx, 24),
]);

/// Linux waits for as long (`hfi_disable()`).
const FEEDBACK_STOPS: Action = StopAndAwait(Acknowledgement {
    register: 0x1b1,
    bit: 26,
    us: 2_000,
});

/// All of EFER but long mode and no-execute, which the running code needs.
const EFER_OTHERS: u64 = !(1 << 8 | 1 << 10 | 1 << 11);

/// All that is known of.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // Time, before anything is timed.
    Row::one(TSC_ADJUST, "IA32_TSC_ADJUST", Bit(Extended, Ebx, 1), RestoreFirst, "Linux zeroes it where firmware did not, or sets it; times taken before and after would have two bases"),

    // What writes to memory or interrupts by itself.
    Row::one(0x570, "IA32_RTIT_CTL", TRACE, Stop, "the trace is written to physical addresses: RAM of the next owner"),
    Row::one(0x38f, "IA32_PERF_GLOBAL_CTRL", Monitoring(2), StopThenRestore, "counters interrupt; after a reset those that nobody selected are enabled"),
    Row::one(0x3f1, "IA32_PEBS_ENABLE", SAMPLES, Stop, "samples are written to memory"),
    Row::one(0x1d9, "IA32_DEBUGCTL", Any(&[INTEL, AMD]), StopThenRestore, "branches are written to memory, or trap"),
    Row::one(0x14ce, "IA32_LBR_CTL", LAST_BRANCHES, Stop, "records branches"),
    Row::one(0xc000_0301, "PerfCntrGlobalCtl", COUNTERS_2, StopThenRestore, "counters interrupt"),
    Row::one(0xc000_010f, "DbgExtnCfg", Any(&[Bit(AmdPerformance, Eax, 1), Bit(AmdSizes, Ebx, 31)]), StopThenRestore, "records or samples branches, and interrupts"),
    Row::one(0xc001_1030, "IBS_FETCH_CTL", All(&[SAMPLING, Bit(AmdSampling, Eax, 1)]), Stop, "samples interrupt"),
    Row::one(0xc001_1033, "IBS_OP_CTL", All(&[SAMPLING, Bit(AmdSampling, Eax, 2)]), Stop, "samples interrupt"),
    Row::one(0x17d1, "IA32_HW_FEEDBACK_CONFIG", FEEDBACK, FEEDBACK_STOPS, "the package goes on writing its table to RAM. Of the whole package: a neighbour that had it on loses its hints"),
    Row::one(0x17d4, "IA32_HW_FEEDBACK_THREAD_CONFIG", THREAD_FEEDBACK, Stop, "feeds the same table"),
    Row::one(0x6e0, "IA32_TSC_DEADLINE", Bit(Version, Ecx, 24), Stop, "an armed timer").reset_by_init(),

    // What those used.
    Row::one(0x560, "IA32_RTIT_OUTPUT_BASE", TRACE_OUTPUT, Set(0), "physical address"),
    Row::one(0x561, "IA32_RTIT_OUTPUT_MASK_PTRS", TRACE_OUTPUT, Set(0x7f), "place in the output"),
    Row::one(0x571, "IA32_RTIT_STATUS", TRACE, Set(0), "an error left in it keeps the next trace from its start"),
    Row::one(0x572, "IA32_RTIT_CR3_MATCH", All(&[TRACE, Bit(Trace, Ebx, 0)]), Set(0), "filter"),
    Row::one(0x580, "IA32_RTIT_ADDRn_A/B", TRACE, Set(0), "filters").times(Count::TraceRanges, 1),
    Row::one(0x600, "IA32_DS_AREA", STORE, Set(0), "linear address of the old kernel"),
    Row::one(0x186, "IA32_PERFEVTSELn", Monitoring(1), Set(0), "Linux takes an enabled one for the BIOS's (\"Broken BIOS detected\"), and counts wrongly").times(Count::Counters, 1),
    Row::one(0xc1, "IA32_PMCn", Monitoring(1), Set(0), "about to overflow").times(Count::Counters, 1),
    Row::one(0x38d, "IA32_FIXED_CTR_CTRL", Monitoring(2), Set(0), "as the event selects"),
    Row::one(0x309, "IA32_FIXED_CTRn", Monitoring(2), Set(0), "about to overflow").times(Count::FixedCounters, 1),
    Row::one(0x390, "IA32_PERF_GLOBAL_STATUS_RESET", Monitoring(2), AcknowledgeCounters, "overflows that nobody handled"),
    Row::one(0x14cf, "IA32_LBR_DEPTH", LAST_BRANCHES, Rewrite, "a write clears the records, which tell where the old kernel was"),
    Row::one(0xc001_0200, "PerfCtln", CORE_COUNTERS, Set(0), "as the event selects of Intel").times(Count::AmdCounters, 2),
    Row::one(0xc001_0201, "PerfCtrn", CORE_COUNTERS, Set(0), "about to overflow").times(Count::AmdCounters, 2),
    Row::one(0xc001_0000, "PerfCtln (legacy)", AMD, Set(0), "the first four where there are six, all where there are four").times(Count::Fixed(4), 1),
    Row::one(0xc001_0004, "PerfCtrn (legacy)", AMD, Set(0), "about to overflow").times(Count::Fixed(4), 1),
    Row::one(0xc000_0302, "PerfCntrGlobalStatusClr", COUNTERS_2, AcknowledgeCounters, "overflows that nobody handled"),
    Row::one(0xc000_010e, "LBR_SELECT", Bit(AmdPerformance, Eax, 1), Set(0), "filter"),
    Row::one(0x17d0, "IA32_HW_FEEDBACK_PTR", FEEDBACK, Set(0), "physical address; the feedback is off"),
    Row::one(0x17da, "IA32_HRESET_ENABLE", Bit(Extended1, Eax, 22), Set(0), "what a reset of the history resets"),

    // Heat and power: the firmware's choices.
    Row::one(0x19a, "IA32_CLOCK_MODULATION", Bit(Version, Edx, 22), Restore, "a core left at an eighth of its clock"),
    Row::one(0x19b, "IA32_THERM_INTERRUPT", Bit(Version, Edx, 22), Restore, "firmware may be waiting for it by SMI"),
    Row::one(0x1b2, "IA32_PACKAGE_THERM_INTERRUPT", Bit(Power, Eax, 6), Restore, "the same, of the package"),
    Row::one(0x773, "IA32_HWP_INTERRUPT", All(&[HARDWARE_STATES, Bit(Power, Eax, 8)]), Restore, "interrupts"),
    Row::one(0x774, "IA32_HWP_REQUEST", HARDWARE_STATES, Restore, "limits of the frequency. Can be read only if firmware had enabled it; else it is left"),
    Row::one(0x770, "IA32_PM_ENABLE", HARDWARE_STATES, Leave, "once set, only a reset clears it; Linux sets it where it finds it clear"),
    Row::one(0x1b0, "IA32_ENERGY_PERF_BIAS", Bit(Power, Ecx, 3), Restore, "firmware's choice"),
    Row::one(0x199, "IA32_PERF_CTL", All(&[INTEL, Bit(Version, Ecx, 7)]), Restore, "the frequency asked for"),
    Row::one(0xc001_0062, "P-state control", All(&[AMD, Bit(AmdPower, Edx, 7)]), Restore, "the frequency asked for"),
    Row::one(0xc001_02b3, "CPPC_REQUEST", Bit(AmdSizes, Ebx, 27), Restore, "limits of the frequency"),
    Row::one(0xc001_02b1, "CPPC_ENABLE", Bit(AmdSizes, Ebx, 27), Leave, "of the package, and once set only a reset clears it"),
    Row::one(0xe1, "IA32_UMWAIT_CONTROL", Bit(Extended, Ecx, 5), Restore, "how long programs may wait"),

    // What changes how instructions work.
    Row::one(0x1a0, "IA32_MISC_ENABLE", INTEL, Restore, "fast strings, MONITOR, turbo, thermal monitor, CPUID's limit"),
    Row::one(0xc001_0015, "HWCR", AMD, Restore, "boost, MONITOR and CPUID in programs"),
    Row::one(0x33, "TEST_CTRL", Capable(Core, 5), Restore, "a split lock would be an exception in the next kernel's first code"),
    Row::one(0x48, "IA32_SPEC_CTRL", SPECULATION, Restore, "slow; older kernels take what they find for the firmware's choice"),
    Row::one(0xc001_011f, "VIRT_SPEC_CTRL", Bit(AmdSizes, Ebx, 25), Restore, "as above"),
    Row::one(0x122, "IA32_TSX_CTRL", Capable(Architecture, 7), Restore, "hides a feature from CPUID"),
    Row::one(0x10f, "MSR_TSX_FORCE_ABORT", Bit(Extended, Edx, 13), Restore, "the same, and a counter"),
    Row::one(0x123, "IA32_MCU_OPT_CTRL", Bit(Extended, Edx, 9), Restore, "mitigations"),
    Row::one(0x1b01, "IA32_UARCH_MISC_CTL", Capable(Architecture, 12), Restore, "data-independent timing"),
    Row::one(0xc8f, "IA32_PQR_ASSOC", Any(&[Bit(Extended, Ebx, 12), Bit(Extended, Ebx, 15)]), Restore, "a share of the cache. What a share is, is of the package and is left"),
    Row::one(0xc000_0080, "EFER", Always, Clear(EFER_OTHERS), "SVM, SYSCALL, automatic IBRS. Long mode and no-execute stay: the running code needs them").reset_by_init(),
    Row::one(0xc001_0114, "VM_CR", SVM, Restore, "may turn an INIT into an exception"),
    Row::one(0xc001_0117, "VM_HSAVE_PA", SVM, Set(0), "physical address"),
    Row::one(0xc000_0104, "TSC_RATIO", Bit(AmdSvm, Edx, 4), Leave, "acts on guests only"),

    // States, pointers and protection: inert while CR4 has the feature off, as it has in Bulkhead.
    Row::one(0xda0, "IA32_XSS", Bit(States1, Eax, 3), Set(0), "states that only a kernel saves"),
    Row::one(0x1c4, "IA32_XFD", Bit(States1, Eax, 4), Set(0), "the next kernel's first use would be an exception"),
    Row::one(0x1c5, "IA32_XFD_ERR", Bit(States1, Eax, 4), Set(0), "what such an exception was about"),
    Row::one(0x6a2, "IA32_S_CET", FLOW, Set(0), "branch tracking in the kernel; CR4.CET is off before"),
    Row::one(0x6a0, "IA32_U_CET", FLOW, Set(0), "the same in programs"),
    Row::one(0x6a4, "IA32_PLn_SSP", SHADOW_STACKS, Set(0), "shadow stacks").times(Count::Fixed(4), 1),
    Row::one(0x6a8, "IA32_INTERRUPT_SSP_TABLE_ADDR", SHADOW_STACKS, Set(0), "shadow stacks"),
    Row::one(0x6e1, "IA32_PKRS", Bit(Extended, Ecx, 31), Set(0), "protection keys; CR4.PKS is off before"),
    Row::one(0x985, "IA32_UINTR_RR ... TT", Bit(Extended, Edx, 5), Set(0), "user interrupts, with addresses of their tables").times(Count::Fixed(6), 1),
    Row::one(0xd93, "IA32_PASID", Bit(Extended, Ecx, 29), Set(0), "whose address space a device would use"),
    Row::one(0xd90, "IA32_BNDCFGS", Bit(Extended, Ebx, 14), Set(0), "bounds checks"),
    Row::one(0x1cc, "IA32_FRED_RSPn, STKLVLS, SSPn, CONFIG", FRED, Set(0), "where events go; CR4.FRED is off before").times(Count::Fixed(9), 1),
    Row::one(0x174, "IA32_SYSENTER_CS, ESP, EIP", Bit(Version, Edx, 11), Set(0), "used by programs only; tells where the old kernel was").times(Count::Fixed(3), 1),
    Row::one(0xc000_0081, "STAR, LSTAR, CSTAR, FMASK", Always, Set(0), "as above").times(Count::Fixed(4), 1),
    Row::one(0xc000_0102, "KERNEL_GS_BASE", Always, Set(0), "as above"),
    Row::one(0xc000_0103, "TSC_AUX", Any(&[Bit(Amd, Edx, 27), Bit(Extended, Ecx, 22)]), Set(0), "a number for programs"),
    Row::one(0xc001_1019, "DR1 ... DR3_ADDR_MASK", Bit(Amd, Ecx, 26), Set(0), "break points").times(Count::Fixed(3), 1),
    Row::one(0xc001_1027, "DR0_ADDR_MASK", Bit(Amd, Ecx, 26), Set(0), "break points"),

    // Machine checks.
    Row::one(0x280, "IA32_MCn_CTL2", CORRECTED_INTERRUPTS, Restore, "the next Linux takes a bank with its interrupt on for another core's, and never looks at it. A bank of the package is taken from a neighbour too").times(Count::Banks, 1),
    Row::one(0x4d0, "IA32_MCG_EXT_CTL", All(&[INTEL, Capable(MachineCheck, 27)]), Restore, "machine checks of this core alone"),
    Row::one(0x400, "IA32_MCn_CTL", Bit(Version, Edx, 14), Leave, "each Linux writes them all; a parked core survives a machine check").times(Count::Banks, 4),
    Row::one(0x401, "IA32_MCn_STATUS", Bit(Version, Edx, 14), Leave, "evidence: the next owner reads and reports it").times(Count::Banks, 4),
];
