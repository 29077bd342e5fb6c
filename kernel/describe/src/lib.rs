//! From what was found to the machine's description.
//!
//! The kernel looks: it reads firmware's tables, CPUID, configuration space and ports, and starts
//! the cores. What it found is a [`Found`], which leads back to no hardware, and [`describe`] makes
//! the [`Machine`] of it. So whatever hardware answers can be tried on the host.
//!
//! * [`cores`]: which cores there are, and where they are in their packages.
//! * [`images`]: what the loader's files are.
//! * [`nodes`]: which cores and which memory are near each other.
//! * [`ports`]: where the shell's serial port may be.
//!
//! Neighbours: `bulkhead-firmware` and `bulkhead-pci` read what is put together here;
//! `bulkhead-model` says what a machine is, and what follows from its memory map.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod cores;
pub mod images;
pub mod nodes;
pub mod ports;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_firmware::{Firmware, Identity};
use bulkhead_linux::Screen;
use bulkhead_memory::{Region, sort_by_key};
use bulkhead_model::{Com, FirmwareKind, Machine, MemoryRange, Resident, Uart, map};
use bulkhead_pci::{Address, Function, leftover};

use cores::{FoundCore, Topology};
use images::Module;

/// `IAPC_BOOT_ARCH` of the FADT (ACPI 6.5 table 5.11).
const KEYBOARD_CONTROLLER: u16 = 1 << 1;
const NO_CMOS_RTC: u16 = 1 << 5;

/// What was found, by whoever looked.
pub struct Found<'a> {
    /// Name and version of the loader.
    pub loader: String,
    /// Which firmware started the machine.
    pub firmware_kind: FirmwareKind,
    /// The linear frame buffer that the loader set up.
    pub screen: Option<Screen>,
    /// The memory map, as [`bulkhead_model::map::within_reach`] gives it.
    pub memory: Vec<MemoryRange>,
    /// Where the kernel's image is.
    pub kernel: Region,
    /// RAM that the kernel took for itself beside its image.
    pub taken: Vec<Resident>,
    /// Files that the loader brought.
    pub modules: Vec<Module<'a>>,
    /// What firmware's tables say.
    pub firmware: Firmware,
    /// The cores that were started, ascending by local APIC ID.
    pub cores: Vec<FoundCore>,
    /// Local APIC ID of the machine's boot processor.
    pub boot_core: u32,
    /// How local APIC IDs are made up.
    pub topology: Topology,
    /// PCI functions as firmware left them, ascending by address.
    pub functions: Vec<Function>,
    /// The standard serial ports at which a UART answers.
    pub ports: Vec<Com>,
    /// The shell's serial port.
    pub line: ShellLine,
    /// A PS/2 controller answers.
    pub has_ps2: bool,
    /// Frequency of the time-stamp counter in kHz.
    pub tsc_khz: u64,
    /// The processor's brand string.
    pub cpu_model: String,
    /// What firmware's SMBIOS says that the machine is.
    pub identity: Identity,
}

/// Which serial port the shell has; the default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellLine {
    /// The port, if it is one of the four.
    pub com: Option<Com>,
    /// The PCI function, if it is one.
    pub function: Option<Address>,
    /// The port and its rate for people; empty: there is none.
    pub text: String,
}

/// Puts the description together.
#[must_use]
pub fn describe(found: Found<'_>) -> Machine {
    let firmware = found.firmware;
    let mut madt = firmware.madt.unwrap_or_default();
    sort_by_key(&mut madt.io_apics, |io_apic| io_apic.gsi_base);
    let boot_flags = firmware.fadt.map(|fadt| fadt.boot_flags);
    let mut functions = found.functions;
    leftover::assign_all(&mut functions);
    let (images, of_images) = images::describe(&found.modules);
    let mut resident = found.taken;
    resident.push(Resident {
        region: found.kernel,
        what: "kernel".into(),
    });
    resident.extend(of_images);
    let cores = cores::describe(&found.cores, &madt.processors, found.topology);
    let nodes = nodes::describe(&firmware.affinity, &cores, &map::ram(&found.memory));
    Machine {
        distances: nodes::distances(&nodes, &firmware.distances),
        performance: nodes::performance(&nodes, &firmware.performance),
        nodes,
        cores,
        boot_core: found.boot_core,
        memory: found.memory,
        resident,
        images,
        uarts: uarts(&found.ports, found.line.com),
        shell_function: found.line.function,
        shell_line: found.line.text,
        functions,
        routes: firmware.routes,
        // Which are switched on later, if they are.
        iommu: None,
        iommu_unused: None,
        isolation: None,
        overrides: madt.overrides,
        has_ps2: has_ps2(boot_flags, found.has_ps2),
        has_rtc: has_rtc(boot_flags),
        screen: found.screen,
        ecam: firmware.ecam,
        io_apics: madt.io_apics,
        tables: firmware.tables,
        problems: firmware.problems,
        local_apic_address: madt.local_apic_address,
        tsc_khz: found.tsc_khz,
        firmware: found.firmware_kind,
        loader: found.loader,
        cpu_model: found.cpu_model,
        identity: found.identity,
    }
}

/// The shell's own is there whatever a look at it finds now: it was just written to.
fn uarts(answering: &[Com], shell: Option<Com>) -> Vec<Uart> {
    let is_there = |port: &Com| shell == Some(*port) || answering.contains(port);
    let of = |port| Uart {
        port,
        is_shell: shell == Some(port),
    };
    Com::ALL.into_iter().filter(is_there).map(of).collect()
}

/// Whether there is a PS/2 keyboard and mouse controller. Firmware's flag alone is not enough:
/// QEMU's leaves it clear on machines that have one, and so do more than half of real ones.
fn has_ps2(boot_flags: Option<u16>, answers: bool) -> bool {
    boot_flags.is_some_and(|flags| flags & KEYBOARD_CONTROLLER != 0) || answers
}

/// Whether there is a real-time clock in the CMOS: on every PC, unless firmware says no.
fn has_rtc(boot_flags: Option<u16>) -> bool {
    boot_flags.is_none_or(|flags| flags & NO_CMOS_RTC == 0)
}
