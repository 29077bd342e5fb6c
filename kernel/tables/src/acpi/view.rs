//! What a partition has, as far as its ACPI tables have to say it.

use alloc::vec::Vec;

use bulkhead_firmware::InterruptOverride;
use bulkhead_memory::RegionSet;
use bulkhead_memory::performance::Performance;
use bulkhead_pci::Route;

/// What a partition has, as far as its ACPI tables have to say it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Physical address where the blob will lie: a multiple of 64, below 4 GiB.
    pub base: u64,
    /// Physical address of the local APICs' registers.
    pub local_apic_address: u32,
    /// A local APIC ID below 255 that no core has, to be listed before the partition's cores.
    /// `None` if the boot core is the machine's boot processor itself: Linux then sees that it
    /// runs on that one, and would try to start the absent one.
    pub first_absent: Option<u32>,
    /// Local APIC IDs of its cores: its boot core first, then ascending.
    pub cores: &'a [u32],
    /// The NUMA nodes that it has cores or memory of, if they are several.
    pub nodes: &'a [NodeView],
    /// How fast their memory is for which of them, as far as that is known; they are numbered as they
    /// stand there.
    pub performance: Option<&'a Performance>,
    /// Its I/O APICs.
    pub io_apics: &'a [IoApicView],
    /// Where ISA interrupts that arrive at its I/O APICs go, if not to the global one of the same
    /// number.
    pub overrides: &'a [InterruptOverride],
    /// Its serial ports.
    pub uarts: &'a [UartView],
    /// Whether ISA interrupts arrive at one of its I/O APICs.
    pub isa_interrupts: bool,
    /// Whether it has the PS/2 controller: keyboard (IRQ 1) and mouse (IRQ 12).
    pub ps2: bool,
    /// Whether it has the real-time clock (IRQ 8).
    pub rtc: bool,
    /// Its root buses.
    pub roots: &'a [PciRoot],
}

/// What a partition has of a NUMA node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// The machine's number of it; the partition's is its place among all.
    pub number: usize,
    /// Local APIC IDs of its cores.
    pub cores: Vec<u32>,
    /// Its memory.
    pub memory: RegionSet,
    /// How far it is from each node in turn, itself among them; empty if that is not known.
    pub distances: Vec<u8>,
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApicView {
    /// Its APIC ID.
    pub id: u8,
    /// Physical address of its registers.
    pub address: u32,
    /// The global system interrupt of its first pin.
    pub gsi_base: u32,
}

/// A 16550-compatible serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UartView {
    /// First of its eight I/O ports.
    pub io_base: u16,
    /// Its ACPI unique ID, unlike that of any other: 1 for COM1.
    pub uid: u8,
    /// Its interrupt, edge-triggered and active high; `None` if the partition has no I/O APIC:
    /// Linux then polls the port.
    pub irq: Option<u8>,
}

/// A bus that is a root bus to the partition, and all below it.
///
/// Bridges above it, if there are any, are nothing that the partition can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciRoot {
    /// Its PCI segment in the partition.
    pub segment: u16,
    /// Its number.
    pub first_bus: u8,
    /// The highest number below it; not less than `first_bus`.
    pub last_bus: u8,
    /// Physical address of the configuration space of bus 0 of its segment, whether the partition
    /// has that bus or not: a multiple of 1 MiB. Bus *n* is *n* MiB above it.
    pub ecam_base: u64,
    /// What can be given to its devices, or already is.
    pub windows: Vec<PciWindow>,
    /// Where the interrupt pins of the devices on the first bus go; level-triggered, active low.
    /// Their `bus` is the machine's name for that bus. Empty without an I/O APIC.
    pub routes: Vec<Route>,
}

/// A range that a root bus passes on. An empty one, or one beyond what its kind can have, is not
/// listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciWindow {
    /// What it is.
    pub kind: PciWindowKind,
    /// First address, or first I/O port.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// What a window passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciWindowKind {
    /// I/O ports.
    Io,
    /// Memory.
    Memory,
    /// Memory that may be read ahead.
    Prefetchable,
}
