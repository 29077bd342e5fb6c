//! Which cores there are, and where they are in their packages.
//!
//! A local APIC ID is three numbers in one: the package, the physical core in it, and the thread of
//! that core. How many bits each has, CPUID tells; the numbers have gaps.
//!
//! Source: Intel SDM Vol. 3A, "Hierarchical Mapping of Shared Resources" (§10.9.1 and after);
//! AMD APM Vol. 3, appendix E (functions 8000_0008h and 8000_001Eh).

use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;

use bulkhead_firmware::{Firmware, Processor};
use bulkhead_model::Core;

/// A core that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundCore {
    /// Its local APIC ID.
    pub apic_id: u32,
    /// Whether it came up.
    pub responding: bool,
}

/// How a local APIC ID is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Lowest bits, which number the threads of a physical core.
    pub thread_bits: u32,
    /// Lowest bits, which number the logical processors of a package; at least `thread_bits`.
    pub package_bits: u32,
}

/// CPUID: EAX, EBX, ECX and EDX of a leaf and a subleaf.
pub type Cpuid<'a> = &'a dyn Fn(u32, u32) -> [u32; 4];

/// The cores that are to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToStart {
    /// Their local APIC IDs, ascending, each once.
    pub ids: Vec<u32>,
    /// Others that firmware says are enabled, whose IDs can't be addressed.
    pub unreachable: usize,
    /// Others for which there is no room.
    pub too_many: usize,
}

/// Of the cores that firmware says are enabled, those that can be `reached`, at most so many, the lowest
/// first; and `own`, which runs this, whatever firmware says.
#[must_use]
pub fn to_start(
    firmware: &Firmware,
    own: u32,
    reaches: impl Fn(u32) -> bool,
    most: usize,
) -> ToStart {
    let processors = firmware.madt.iter().flat_map(|madt| &madt.processors);
    let enabled = processors.filter(|processor| processor.enabled);
    let mut ids: Vec<u32> = enabled.map(|processor| processor.apic_id).collect();
    ids.push(own);
    sort_ascending(&mut ids);
    ids.dedup();
    let named = ids.len();
    ids.retain(|id| reaches(*id) || *id == own);
    let reached = ids.len();
    let beyond = ids.split_off(most.min(reached));
    if beyond.contains(&own) {
        ids.pop();
        ids.push(own);
    }
    ToStart {
        unreachable: named - reached,
        too_many: reached - ids.len(),
        ids,
    }
}

impl Topology {
    /// What CPUID tells: the extended topology, in its second version if there is one, else AMD's, else
    /// the number of local APIC IDs that a package keeps for itself.
    #[must_use]
    pub fn of(cpuid: Cpuid<'_>) -> Self {
        const EXTENDED: [u32; 2] = [0x1f, 0x0b];
        let [most, ..] = cpuid(0, 0);
        let known = EXTENDED.into_iter().filter(|leaf| *leaf <= most);
        known
            .filter_map(|leaf| Self::extended(cpuid, leaf))
            .next()
            .unwrap_or_else(|| Self::legacy(cpuid))
    }

    /// Leaf 0x0b or 0x1f: a level in each subleaf, from threads upwards; `None` if it tells nothing.
    fn extended(cpuid: Cpuid<'_>, leaf: u32) -> Option<Self> {
        /// More than there are domains; an answer without end would else be asked for ever.
        const MOST_LEVELS: u32 = 8;
        const THREAD: u32 = 1;
        let mut topology = None;
        for subleaf in 0..MOST_LEVELS {
            let [shift, processors, kind, _] = cpuid(leaf, subleaf);
            let (shift, kind) = (shift & 0x1f, kind >> 8 & 0xff);
            if processors & 0xffff == 0 || kind == 0 {
                break;
            }
            let Self {
                thread_bits,
                package_bits,
            } = topology.unwrap_or_default();
            topology = Some(Self {
                thread_bits: if kind == THREAD { shift } else { thread_bits },
                package_bits: shift.max(package_bits),
            });
        }
        topology
    }

    /// Leaf 1, which does not tell threads apart: each counts as a physical core, but where AMD's leaves
    /// say how many there are of one (Zen 1, and Bulldozer's pairs).
    fn legacy(cpuid: Cpuid<'_>) -> Self {
        const HTT: u32 = 1 << 28;
        let [_, ids, _, features] = cpuid(1, 0);
        let ids = if features & HTT != 0 {
            ids >> 16 & 0xff
        } else {
            1
        };
        let bits = |count: u32| count.max(1).next_power_of_two().trailing_zeros();
        let (threads, told_bits) = Self::of_amd(cpuid);
        let package_bits = told_bits.unwrap_or_else(|| bits(ids));
        Self {
            thread_bits: bits(threads).min(package_bits),
            package_bits,
        }
    }

    /// AMD's leaves: threads of a physical core, and bits of an ID within a package. Intel's processors
    /// have zeros there.
    fn of_amd(cpuid: Cpuid<'_>) -> (u32, Option<u32>) {
        const EXTENDED: u32 = 0x8000_0000;
        const FEATURES: u32 = 0x8000_0001;
        const SIZES: u32 = 0x8000_0008;
        const TOPOLOGY: u32 = 0x8000_001e;
        const TOPOLOGY_EXTENSIONS: u32 = 1 << 22;
        let [most, ..] = cpuid(EXTENDED, 0);
        // What has no such leaves answers with those of another one.
        let has = |leaf| (leaf..leaf + 0x1_0000).contains(&most);
        let sizes = has(SIZES).then(|| cpuid(SIZES, 0)[2] >> 12 & 0xf);
        let has_topology = has(TOPOLOGY) && cpuid(FEATURES, 0)[2] & TOPOLOGY_EXTENSIONS != 0;
        let threads = if has_topology {
            (cpuid(TOPOLOGY, 0)[1] >> 8 & 0xff) + 1
        } else {
            1
        };
        (threads, sizes.filter(|bits| *bits != 0))
    }

    /// The package, and the physical core in it.
    #[must_use]
    pub fn place(self, apic_id: u32) -> (u32, u32) {
        let package = apic_id.checked_shr(self.package_bits).unwrap_or(0);
        let within = apic_id - package.checked_shl(self.package_bits).unwrap_or(0);
        (package, within.checked_shr(self.thread_bits).unwrap_or(0))
    }
}

/// The cores as they are described.
#[must_use]
pub fn describe(found: &[FoundCore], processors: &[Processor], topology: Topology) -> Vec<Core> {
    let describe = |core: &FoundCore| {
        let apic_id = core.apic_id;
        let (package, core_number) = topology.place(apic_id);
        let named = processors.iter().find(|p| p.apic_id == apic_id);
        Core {
            apic_id,
            acpi_uid: named.map_or(apic_id, |p| p.acpi_uid),
            package,
            core: core_number,
            responding: core.responding,
        }
    };
    found.iter().map(describe).collect()
}
