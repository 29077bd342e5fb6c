//! Which cores there are, by firmware's tables and by what CPUID answered.

use std::collections::BTreeMap;

use bulkhead_describe::cores::{FoundCore, Topology, to_start};
use bulkhead_firmware::Firmware;
use bulkhead_processor::apic::{Destination, Mode};

use crate::layout::MAX_CORES;
use crate::pack::Pack;

/// CPUID's answers: by leaf and subleaf.
type Leaves = BTreeMap<(u32, u32), [u32; 4]>;

/// `IA32_APIC_BASE`: x2APIC mode (SDM Vol. 3A §11.12.1).
const X2APIC: u64 = 1 << 10;
/// The leaf of processors' features of AMD's, and pages of 1 GiB in its EDX.
const EXTENDED_FEATURES: u32 = 0x8000_0001;
const GIGABYTE_PAGES: u32 = 1 << 26;

/// In which mode firmware left the local APICs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApicMode {
    /// By the kernel's log: firmware's choice.
    Firmware(Mode),
    /// By a register now: Linux may have chosen.
    Linux(Mode),
    /// Neither could be read.
    Unknown,
}

/// The cores, and what is said of them.
#[derive(Clone, Debug)]
pub struct Processors {
    leaves: Leaves,
    /// The cores that would be started: as many as there is room for.
    pub cores: Vec<FoundCore>,
    /// Local APIC ID of the boot processor.
    pub boot_core: u32,
    /// What CPUID says that it is, where firmware names no such core.
    pub odd_id: Option<u32>,
    /// How firmware left the local APICs.
    pub mode: ApicMode,
    /// Cores that can't be addressed in that mode.
    pub unreachable: usize,
    /// Cores for which there is no room.
    pub too_many: usize,
}

impl Processors {
    /// Those of the machine that the inputs are of.
    #[must_use]
    pub fn of(pack: &Pack, firmware: &Firmware) -> Self {
        let leaves = leaves(pack);
        let by_cpuid = own_id(&leaves);
        let boot_core = boot_core(firmware, by_cpuid);
        let mode = ApicMode::of(pack);
        let found = to_start(firmware, boot_core, |id| mode.reaches(id), MAX_CORES);
        let core = |apic_id: &u32| FoundCore {
            apic_id: *apic_id,
            responding: true,
        };
        Self {
            leaves,
            boot_core,
            odd_id: (by_cpuid != boot_core).then_some(by_cpuid),
            mode,
            unreachable: found.unreachable,
            too_many: found.too_many,
            cores: found.ids.iter().map(core).collect(),
        }
    }

    /// How local APIC IDs are made up.
    #[must_use]
    pub fn topology(&self) -> Topology {
        Topology::of(&|leaf, subleaf| answer(&self.leaves, leaf, subleaf))
    }

    /// Whether there are pages of 1 GiB, by which more than 512 GiB are reached.
    #[must_use]
    pub fn has_gigabyte_pages(&self) -> bool {
        let [.., features] = answer(&self.leaves, EXTENDED_FEATURES, 0);
        features & GIGABYTE_PAGES != 0
    }

    /// The brand string.
    #[must_use]
    pub fn brand(&self) -> String {
        let words = (0x8000_0002..=0x8000_0004).flat_map(|leaf| answer(&self.leaves, leaf, 0));
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        let text = String::from_utf8_lossy(&bytes);
        text.trim_matches(['\0', ' '])
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect()
    }
}

impl ApicMode {
    fn of(pack: &Pack) -> Self {
        let mode = |is_x2apic| {
            if is_x2apic {
                Mode::Registers
            } else {
                Mode::Memory
            }
        };
        let by_firmware = pack.text("x2apic");
        match (by_firmware.trim(), pack.number("apic-base")) {
            ("on", _) => Self::Firmware(Mode::Registers),
            ("off", _) => Self::Firmware(Mode::Memory),
            (_, Some(base)) => Self::Linux(mode(base & X2APIC != 0)),
            (_, None) => Self::Unknown,
        }
    }

    /// Whether a core of that ID can be sent interrupts, as far as is known.
    fn reaches(self, id: u32) -> bool {
        match self {
            Self::Firmware(mode) | Self::Linux(mode) => Destination::new(id, mode).is_some(),
            Self::Unknown => true,
        }
    }
}

/// The boot processor's ID is what its APIC says; that can't be asked here. Where CPUID says another one
/// than firmware names (AMD before Zen), it is the first that firmware names (ACPI 6.5 §5.2.12.1).
fn boot_core(firmware: &Firmware, by_cpuid: u32) -> u32 {
    let processors = firmware.madt.iter().flat_map(|madt| &madt.processors);
    let mut ids = processors
        .filter(|processor| processor.enabled)
        .map(|processor| processor.apic_id);
    let first = ids.next().unwrap_or(by_cpuid);
    if first == by_cpuid || ids.any(|id| id == by_cpuid) {
        by_cpuid
    } else {
        first
    }
}

/// What the first core that answered says: Linux begins with the boot processor.
fn leaves(pack: &Pack) -> Leaves {
    let text = pack.text("cpuid");
    let mut first = None;
    let mut leaves = Leaves::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [cpu, numbers @ ..] = words.as_slice() else {
            continue;
        };
        if *first.get_or_insert(*cpu) != *cpu {
            break;
        }
        let mut numbers = numbers
            .iter()
            .filter_map(|word| u32::from_str_radix(word, 16).ok());
        let mut next = || numbers.next();
        if let (Some(leaf), Some(subleaf), Some(a), Some(b), Some(c), Some(d)) =
            (next(), next(), next(), next(), next(), next())
        {
            leaves.insert((leaf, subleaf), [a, b, c, d]);
        }
    }
    leaves
}

fn answer(leaves: &Leaves, leaf: u32, subleaf: u32) -> [u32; 4] {
    leaves.get(&(leaf, subleaf)).copied().unwrap_or_default()
}

/// Its local APIC ID: 32 bits where the extended topology has it, else 8.
fn own_id(leaves: &Leaves) -> u32 {
    let [_, levels, _, id] = answer(leaves, 0xb, 0);
    let [_, features, ..] = answer(leaves, 1, 0);
    if levels & 0xffff == 0 {
        features >> 24
    } else {
        id
    }
}
