//! The walk over all tables, and what is kept of it.

use alloc::vec::Vec;

use bulkhead_memory::performance::Performance;
use bulkhead_pci::{EcamRange, Route};
use litemap::LiteMap;

use crate::header::read_table;
use crate::problem::Note as _;
use crate::{
    Affinity, Distances, Fadt, Madt, NoSerialPort, PhysicalMemory, Problem, SerialPort, Signature,
    SleepS5, TableInfo, bytes, fadt, hmat, madt, mcfg, prt, root, rsdp, sleep, slit, spcr, srat,
};

/// Everything that was learnt from the firmware's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// The root table, the tables it lists, and the DSDT; in the order they were met.
    pub tables: Vec<TableInfo>,
    /// Processors and interrupt controllers.
    pub madt: Option<Madt>,
    /// Where PCI configuration space is mapped.
    pub ecam: Vec<EcamRange>,
    /// Which processors and memory belong together.
    pub affinity: Affinity,
    /// How far those are from each other.
    pub distances: Distances,
    /// How fast the one is for the others.
    pub performance: Performance,
    /// Fixed hardware.
    pub fadt: Option<Fadt>,
    /// How to power the machine off.
    pub sleep: Option<SleepS5>,
    /// The serial port of firmware's own console.
    pub console: Option<Result<SerialPort, NoSerialPort>>,
    /// Where the interrupt pins of the root buses lead, as far as that is known: sorted, each
    /// pin at most once.
    pub routes: Vec<Route>,
    /// What was wrong and was survived.
    pub problems: Vec<Problem>,
}

/// Reads all tables that the RSDP at physical address `rsdp` leads to.
///
/// Never fails: what can't be used is in [`Firmware::problems`].
#[must_use]
pub fn discover(memory: &dyn PhysicalMemory, rsdp: u64) -> Firmware {
    let mut firmware = Firmware::default();
    let Some(pointer) = rsdp::parse(memory, rsdp, &mut firmware.problems) else {
        return firmware;
    };
    let Some(root) = root::parse(memory, pointer, &mut firmware.problems) else {
        return firmware;
    };
    let mut seen = LiteMap::new_vec();
    seen.insert(root.table.address, ());
    firmware.tables.push(root.table);
    // The DSDT and all SSDTs.
    let mut aml = Vec::new();
    for (index, &address) in root.entries.iter().enumerate() {
        if address == 0 {
            firmware.problems.note(Problem::NullEntry { index });
        } else if seen.insert(address, ()).is_none() {
            aml.extend(firmware.add(memory, address, root.table.name()));
        } else {
            firmware.problems.note(Problem::RepeatedAddress { address });
        }
    }
    // Which domains there are is known by now.
    if let Some(hmat) = firmware.bytes(memory, *b"HMAT") {
        let problems = &mut firmware.problems;
        firmware.performance = hmat::parse(hmat, &firmware.affinity, problems);
    }
    if let Some(dsdt) = firmware.fadt.as_ref().map(|fadt| fadt.dsdt)
        && let Some(dsdt) = firmware.add_dsdt(memory, dsdt)
    {
        // The DSDT first, as it is loaded.
        aml.insert(0, dsdt);
        firmware.sleep = aml.iter().find_map(|table| sleep::find(table));
        if firmware.sleep.is_none() {
            firmware.problems.note(Problem::NoSleepState);
        }
    }
    firmware.routes = {
        let segments = firmware.ecam.iter().map(|range| range.segment);
        prt::find(&aml, segments, &mut firmware.problems)
    };
    firmware
}

impl Firmware {
    /// Reads the table at `address`; if it is an SSDT, returns its bytes.
    fn add<'m>(
        &mut self,
        memory: &'m dyn PhysicalMemory,
        address: u64,
        root: Signature,
    ) -> Option<&'m [u8]> {
        let (info, bytes) = read_table(memory, address, root, &mut self.problems)?;
        let is_second = self
            .tables
            .iter()
            .any(|table| table.signature == info.signature);
        let problems = &mut self.problems;
        match &info.signature {
            b"APIC" | b"MCFG" | b"FACP" | b"SPCR" | b"SRAT" | b"SLIT" | b"HMAT" if is_second => {
                problems.note(Problem::SecondTable {
                    table: info.name(),
                    address,
                });
            }
            b"APIC" => self.madt = madt::parse(bytes, problems),
            b"MCFG" => self.ecam = mcfg::parse(bytes, problems),
            b"FACP" => self.fadt = fadt::parse(bytes, problems),
            b"SPCR" => self.console = spcr::parse(bytes, problems),
            b"SRAT" => self.affinity = srat::parse(bytes, problems),
            b"SLIT" => self.distances = slit::parse(bytes, problems),
            _ => {}
        }
        self.tables.push(info);
        (info.signature == *b"SSDT").then_some(bytes)
    }

    /// The bytes of the first table of a kind that was met.
    fn bytes<'m>(&self, memory: &'m dyn PhysicalMemory, signature: [u8; 4]) -> Option<&'m [u8]> {
        let mut tables = self.tables.iter();
        let info = tables.find(|info| info.signature == signature)?;
        bytes::read(memory, info.address, usize::try_from(info.length).ok()?)
    }

    /// Reads the DSDT and returns its bytes.
    fn add_dsdt<'m>(&mut self, memory: &'m dyn PhysicalMemory, address: u64) -> Option<&'m [u8]> {
        const DSDT: Signature = Signature(*b"DSDT");
        let (info, bytes) = read_table(memory, address, Signature(*b"FACP"), &mut self.problems)?;
        if info.name() != DSDT {
            self.problems.note(Problem::WrongSignature {
                expected: DSDT,
                found: info.name(),
                address,
            });
            return None;
        }
        if !self.tables.iter().any(|table| table.address == address) {
            self.tables.push(info);
        }
        Some(bytes)
    }
}
