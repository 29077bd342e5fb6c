//! What is there: the machine as the kernel found it, before anybody claims any of it.
//!
//! Filled once, by `bulkhead-describe`, from the loader's record, the firmware's tables, CPUID and
//! the PCI configuration space; read by everything else.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_firmware::{Identity, InterruptOverride, IoApic, Problem, TableInfo};
use bulkhead_linux::Screen;
use bulkhead_memory::performance::Performance;
use bulkhead_memory::{Region, RegionSet};
use bulkhead_pci::{Address, EcamRange, Function, Route, Unit};

use crate::map::{self, MemoryRange};
use crate::{Image, Iommu, Isolation, Node};

/// The machine, once.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Cores that firmware says exist and are enabled, ascending by local APIC ID.
    pub cores: Vec<Core>,
    /// The local APIC ID of the machine's boot processor: Bulkhead's own core.
    pub boot_core: u32,
    /// The whole memory map of the firmware, ascending.
    pub memory: Vec<MemoryRange>,
    /// RAM that no partition may have, with the reason: Bulkhead's resident set and the images.
    pub resident: Vec<Resident>,
    /// The images that the loader brought.
    pub images: Vec<Image>,
    /// NUMA nodes, ascending by firmware's numbers; empty if firmware tells of none.
    pub nodes: Vec<Node>,
    /// How far the nodes are from each other, row by row; empty if firmware does not tell.
    pub distances: Vec<u8>,
    /// How fast their memory is for the cores of which of them, by their numbers, as far as firmware
    /// tells.
    pub performance: Performance,
    /// Serial ports that were found by probing.
    pub uarts: Vec<Uart>,
    /// The PCI function that is the shell's serial port, if it is one.
    pub shell_function: Option<Address>,
    /// The shell's serial port and its rate, for people; empty if it has none.
    pub shell_line: String,
    /// PCI functions that were found, ascending by address.
    pub functions: Vec<Function>,
    /// Where the interrupt pins of root buses lead, as far as it is known.
    pub routes: Vec<Route>,
    /// Its IOMMUs, if they are in use.
    pub iommu: Option<Iommu>,
    /// Why those that there are are not.
    pub iommu_unused: Option<String>,
    /// What the operator wants for partitions of which nothing else is said.
    pub isolation: Option<Isolation>,
    /// ECAM ranges (MCFG).
    pub ecam: Vec<EcamRange>,
    /// I/O APICs (MADT), ascending by their first interrupt: `ioapic0`, `ioapic1` and so on.
    pub io_apics: Vec<IoApic>,
    /// ISA interrupts that arrive elsewhere than at the pin of their own number (MADT).
    pub overrides: Vec<InterruptOverride>,
    /// Whether there is a PS/2 keyboard and mouse controller.
    pub has_ps2: bool,
    /// Whether there is a real-time clock at ports 0x70 and 0x71.
    pub has_rtc: bool,
    /// The screen, if the loader set up a linear frame buffer.
    pub screen: Option<Screen>,
    /// Firmware tables.
    pub tables: Vec<TableInfo>,
    /// What was wrong with the firmware's tables and was survived.
    pub problems: Vec<Problem>,
    /// Physical address of the local APICs' register page.
    pub local_apic_address: u64,
    /// Frequency of the time-stamp counter in kHz, measured once.
    pub tsc_khz: u64,
    /// "BIOS" or "UEFI".
    pub firmware: FirmwareKind,
    /// Who loaded us, for example `Limine 8.2.0`.
    pub loader: String,
    /// The processor's brand string.
    pub cpu_model: String,
    /// What tells this machine from any other (SMBIOS).
    pub identity: Identity,
}

/// Which firmware started the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirmwareKind {
    /// Legacy BIOS.
    #[default]
    Bios,
    /// UEFI.
    Uefi,
}

/// One logical processor. "Core" is what an operator says and claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// Local APIC ID: the core's name everywhere.
    pub apic_id: u32,
    /// ACPI processor UID (MADT).
    pub acpi_uid: u32,
    /// Package (socket) number from CPUID topology.
    pub package: u32,
    /// Physical core number within the package: two cores that share `(package, core)` are SMT siblings.
    pub core: u32,
    /// Whether it came up and parked; a core that did not answer is listed but can't be claimed.
    pub responding: bool,
}

/// RAM that stays out of every claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Where.
    pub region: Region,
    /// Why, for `memory` and for errors: `kernel`, `pool`, `image "linux61"`.
    pub what: String,
}

/// A 16550-compatible port at one of the four standard addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uart {
    /// Which.
    pub port: Com,
    /// Whether Bulkhead's own shell uses it.
    pub is_shell: bool,
}

/// One of the four standard PC serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Com {
    /// I/O ports 0x3f8-0x3ff.
    Com1,
    /// I/O ports 0x2f8-0x2ff.
    Com2,
    /// I/O ports 0x3e8-0x3ef.
    Com3,
    /// I/O ports 0x2e8-0x2ef.
    Com4,
}

impl Com {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Com1, Self::Com2, Self::Com3, Self::Com4];

    /// First of its eight I/O ports.
    #[must_use]
    pub const fn io_base(self) -> u16 {
        match self {
            Self::Com1 => 0x3f8,
            Self::Com2 => 0x2f8,
            Self::Com3 => 0x3e8,
            Self::Com4 => 0x2e8,
        }
    }

    /// The name in a claim: `com1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Com1 => "com1",
            Self::Com2 => "com2",
            Self::Com3 => "com3",
            Self::Com4 => "com4",
        }
    }

    /// The number that stock Linux gives it: `ttyS0` for `com1`.
    #[must_use]
    pub const fn tty_index(self) -> u8 {
        match self {
            Self::Com1 => 0,
            Self::Com2 => 1,
            Self::Com3 => 2,
            Self::Com4 => 3,
        }
    }

    /// The ISA interrupt that every PC gives it.
    #[must_use]
    pub const fn irq(self) -> u8 {
        match self {
            Self::Com1 | Self::Com3 => 4,
            Self::Com2 | Self::Com4 => 3,
        }
    }

    /// The port called `name`, in either case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|com| com.name().eq_ignore_ascii_case(name))
    }
}

impl Machine {
    /// Its IOMMUs in use, or why those that there are are not.
    pub fn set_iommu(&mut self, found: Result<Option<Iommu>, String>) {
        match found {
            Ok(iommu) => self.iommu = iommu,
            Err(why) => self.iommu_unused = Some(why),
        }
    }

    /// The core with that local APIC ID.
    #[must_use]
    pub fn core(&self, apic_id: u32) -> Option<&Core> {
        self.cores.iter().find(|core| core.apic_id == apic_id)
    }

    /// The PCI function at that address.
    #[must_use]
    pub fn function(&self, address: Address) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.address == address)
    }

    /// The shell's own function, if it is on the unit's buses: then nobody else can have it.
    #[must_use]
    pub fn shell_function_in(&self, unit: &Unit) -> Option<Address> {
        self.shell_function
            .filter(|function| unit.contains(function.bus()))
    }

    /// The image of that name.
    #[must_use]
    pub fn image(&self, name: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.name == name)
    }

    /// All RAM of the firmware's map, whatever it is used for ([`map::ram`]).
    #[must_use]
    pub fn ram(&self) -> RegionSet {
        map::ram(&self.memory)
    }

    /// RAM that partitions can have: usable, page-aligned, and not resident.
    #[must_use]
    pub fn claimable(&self) -> RegionSet {
        map::free(&self.memory, self.resident.iter().map(|r| r.region))
    }

    /// A local APIC ID below 255 that no core of the machine has; the boot processor's where each has
    /// one.
    ///
    /// The MADT of a partition lists it first, as the "real boot processor" that stock Linux
    /// then leaves alone (`docs/parameters.md`). That nobody has it is only for the Linux that would
    /// not.
    #[must_use]
    pub fn first_of_madt(&self) -> u32 {
        let absent = (0..=254).rev().find(|id| self.core(*id).is_none());
        absent.unwrap_or(self.boot_core)
    }
}
