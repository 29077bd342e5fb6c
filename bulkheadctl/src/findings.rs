//! What is worth saying of a machine: what to change, and what is unlike QEMU, where Bulkhead was tried.

use bulkhead_memory::Bytes;
use bulkhead_model::{MemoryKind, map};
use bulkhead_pci::Function;
use bulkhead_pci::watchdog::Watchdog;
use bulkhead_processor::apic::Mode;

use crate::board::Board;
use crate::pack::Pack;
use crate::processors::ApicMode;
use crate::standing::Given;

/// Local APIC IDs from here on can't be addressed in xAPIC mode.
const FIRST_FAR: u32 = 255;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What should be changed before Bulkhead is tried; with any, the verdict is not "fits".
    pub changes: Vec<String>,
    /// What there will not be: no reason not to try Bulkhead, and nobody is to be surprised by it then.
    pub lacks: Vec<&'static str>,
    /// What is as it is.
    pub notes: Vec<String>,
}

impl Findings {
    /// Looks at everything.
    #[must_use]
    pub fn of(board: &Board, pack: &Pack) -> Self {
        let mut findings = Self::default();
        findings.seen(board);
        findings.cores(board);
        findings.memory(board);
        findings.console(board);
        findings.devices(board, pack);
        findings.lacks(board);
        if pack.get("secure-boot").is_some() {
            findings.change("Secure Boot is on: switch it off in firmware's set-up, or firmware does not start Bulkhead");
        }
        for problem in &board.machine.problems {
            findings.note(format!("firmware: {problem}"));
        }
        findings
    }

    fn change(&mut self, what: impl Into<String>) {
        self.changes.push(what.into());
    }

    fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// What of the machine could not be seen.
    fn seen(&mut self, board: &Board) {
        if board.machine.tables.is_empty() {
            self.change("no ACPI tables were seen: run this as root; without them Bulkhead has one core and no devices");
        }
        if board.cut > 0 {
            let cut = board.cut;
            self.change(format!(
                "of {cut} PCI functions only the first 64 bytes were seen: run this as root"
            ));
        }
    }

    /// Whoever sees no tables sees too little to say it.
    fn lacks(&mut self, board: &Board) {
        let (machine, firmware) = (&board.machine, &board.firmware);
        if machine.tables.is_empty() {
            return;
        }
        if machine.cores.len() == 2 {
            self.lacks
                .push("no second partition: one core is left beside Bulkhead's own");
        }
        let mut functions = machine.functions.iter();
        if !functions.any(|function| Given::of(machine, function) == Given::Alone) {
            self.lacks.push(
                "no PCI device for a partition alone: others come with it, or none can be given",
            );
        }
        if machine.uarts.iter().all(|uart| uart.is_shell) {
            self.lacks.push(
                "no serial port for a partition: what it prints is read by Bulkhead's shell, and a login needs an agent",
            );
        }
        let register = firmware.fadt.as_ref().map_or(0, |fadt| fadt.pm1a_control);
        if register == 0 || firmware.sleep.is_none() {
            self.lacks
                .push("no poweroff of the machine, which is refused: firmware does not say how");
        }
    }

    fn cores(&mut self, board: &Board) {
        let processors = &board.processors;
        match processors.mode {
            ApicMode::Firmware(Mode::Registers) => {
                self.note("firmware leaves x2APIC mode on: Bulkhead and its partitions stay in it");
            }
            ApicMode::Linux(Mode::Registers) => {
                self.note("x2APIC mode is on; by firmware or by this Linux, its log does not tell any more");
            }
            ApicMode::Firmware(Mode::Memory)
            | ApicMode::Linux(Mode::Memory)
            | ApicMode::Unknown => {}
        }
        let cores = &board.machine.cores;
        let far = cores
            .iter()
            .filter(|core| core.apic_id >= FIRST_FAR)
            .count();
        match (processors.unreachable, far) {
            (0, 0) => {}
            (0, far) => {
                if processors.mode != ApicMode::Firmware(Mode::Registers) {
                    self.change(format!(
                        "{far} cores have IDs from 255 on: they are left out unless firmware's set-up has \
                         x2APIC on"
                    ));
                }
                self.note(format!(
                    "{far} cores have IDs from 255 on: a partition with one of them can have no devices"
                ));
            }
            (unreachable, _) => self.change(format!(
                "{unreachable} cores are left out: in xAPIC mode IDs from 255 on can't be addressed; \
                 firmware's set-up may have x2APIC"
            )),
        }
        if processors.too_many > 0 {
            let (count, room) = (processors.too_many, cores.len());
            self.note(format!(
                "{count} cores are left out: there is room for {room}"
            ));
        }
        if let Some(id) = processors.odd_id {
            let own = processors.boot_core;
            self.note(format!(
                "CPUID says that the boot processor is {id}, which firmware does not name: its first, {own}, \
                 is taken for it"
            ));
        }
        if cores.len() == 1 {
            self.change(
                "there is one core, which is Bulkhead's own: a Linux can have it by handoff only",
            );
        }
    }

    fn memory(&mut self, board: &Board) {
        if board.unreached > 0 {
            self.note(format!(
                "{} of RAM above {} can't be had",
                Bytes(board.unreached & !0xfffff),
                Bytes(board.most_reach)
            ));
        }
        let memory = &board.machine.memory;
        if !memory.is_empty() && !memory.iter().any(|range| range.kind == MemoryKind::Usable) {
            self.change("the memory map names no RAM: run this as root");
        }
    }

    fn console(&mut self, board: &Board) {
        let machine = &board.machine;
        // Base class, sub-class and interface of an xHCI controller.
        let is_xhci = |f: &&Function| (f.class, f.subclass, f.interface) == (0x0c, 0x03, 0x30);
        let has_xhci = machine.functions.iter().any(|f| is_xhci(&f));
        match (machine.shell_line.is_empty(), machine.has_ps2, has_xhci) {
            (true, false, false) => self.change(
                "there is neither a serial port nor a PS/2 keyboard controller nor an xHCI controller: the \
                 prompt can't be typed at. A serial card, or a header on the board, would help",
            ),
            (true, ..) => self.note("no serial port was found: the prompt is on screen and keyboard"),
            (false, false, true) => {
                self.note("no PS/2 keyboard controller (8042): type at the serial port, or on a USB keyboard");
            }
            (false, false, false) => {
                self.note("no PS/2 keyboard controller (8042): type at the serial port");
            }
            (false, true, _) => {}
        }
        match machine.screen {
            None => self.note(
                "this Linux was given no frame buffer; the loader of Bulkhead may set one up",
            ),
            Some(screen) if screen.base.saturating_add(screen.size) > map::MOST_REACH => {
                self.note("the frame buffer is beyond what can be mapped: nothing is shown on it");
            }
            Some(_) => {}
        }
    }

    fn devices(&mut self, board: &Board, pack: &Pack) {
        let machine = &board.machine;
        if machine.ecam.is_empty() && !machine.tables.is_empty() {
            self.note("no MCFG table: no PCI device can be given away");
        }
        if board.beyond > 0 {
            self.note(format!(
                "{} ranges of PCI configuration space are beyond what can be mapped: their functions are \
                 not found",
                board.beyond
            ));
        }
        if board.left_out_functions > 0 {
            self.note(format!(
                "{} PCI functions are left out",
                board.left_out_functions
            ));
        }
        for function in &board.functions {
            let address = function.address;
            if let Some(watchdog) = Watchdog::of(function) {
                let driver = watchdog.driver();
                self.note(format!(
                    "{address}: a watchdog ({driver}): Bulkhead stops it if it runs"
                ));
            }
            let now = machine.function(address);
            let bars = function.bars.iter().filter(|bar| bar.address.is_none());
            for index in bars.map(|bar| bar.index) {
                let bars = now.into_iter().flat_map(|now| &now.bars);
                let given = bars
                    .filter(|bar| bar.index == index)
                    .find_map(|bar| bar.address);
                self.note(match given {
                    Some(at) => {
                        format!("{address}: BAR {index} has no address; Bulkhead gives it {at:#x}")
                    }
                    None => format!("{address}: BAR {index} has no address"),
                });
            }
        }
        let iommus = crate::iommu::notes(board, pack);
        self.notes.extend(iommus);
    }
}
