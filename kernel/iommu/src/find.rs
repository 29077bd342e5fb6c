//! What firmware says of IOMMUs, of whichever vendor.

use alloc::vec::Vec;

use bulkhead_firmware::{Note as _, PhysicalMemory, Problem, TableInfo};
use bulkhead_memory::Region;

use crate::ivrs::IdRange;
use crate::{Scope, dmar, ivrs};

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Intel VT-d.
    VtD,
    /// AMD-Vi.
    AmdVi,
}

impl Kind {
    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VtD => "Intel VT-d",
            Self::AmdVi => "AMD-Vi",
        }
    }

    /// What its table calls memory that firmware wants some functions to keep reaching.
    #[must_use]
    pub const fn reserved(self) -> &'static str {
        match self {
            Self::VtD => "RMRR",
            Self::AmdVi => "unity-mapped memory of the IVRS",
        }
    }
}

/// The functions that something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Those at the ends of these ways, and what is below bridges there.
    Scopes(Vec<Scope>),
    /// Those, and with `rest` all that no other unit of the segment has.
    ScopesOrRest(Vec<Scope>),
    /// Those with these requester IDs.
    Ids(Vec<IdRange>),
}

/// One IOMMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The PCI segment group whose devices it serves.
    pub segment: u16,
    /// Its registers.
    pub registers: Region,
    /// Whose requests go through it.
    pub who: Who,
    /// How requests pass it, as firmware has set it up (AMD §5.2.2, IVHD flags); VT-d: 0.
    pub flags: u8,
    /// What is no function and sends interrupts through it: I/O APICs and HPETs, under these IDs (AMD;
    /// VT-d has them among the scopes).
    pub senders: Vec<IdRange>,
}

/// Memory that firmware wants some functions to keep reaching, whatever the operating system does
/// (VT-d: RMRR; AMD: unity-mapped IVMD).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The memory.
    pub region: Region,
    /// PCI segment group; `None`: all.
    pub segment: Option<u16>,
    /// Which functions.
    pub who: Who,
}

/// The machine's IOMMUs, as firmware has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iommus {
    /// Whose they are; `None`: there are none.
    pub kind: Option<Kind>,
    /// Each of them.
    pub units: Vec<Unit>,
    /// What some functions are to keep reaching.
    pub reserved: Vec<Reserved>,
    /// Functions that cache translations themselves and may be asked to (VT-d: ATSR, SATC).
    pub caching: Vec<Scope>,
    /// The units can remap interrupts.
    pub remaps_interrupts: bool,
    /// Firmware wants the operating system not to use x2APIC mode.
    pub refuses_x2apic: bool,
    /// Firmware wants external devices kept from memory: it may have done so itself until now.
    pub wants_protection: bool,
    /// A unit that the table has could not be read, or what follows could not: functions that no unit names may
    /// be that one's, which is not in use.
    pub lacks_units: bool,
    /// What was wrong with the table, and was survived.
    pub problems: Vec<Problem>,
}

impl Iommus {
    /// Reads the table of the machine's IOMMUs, one of `tables`. The first one that is of a known
    /// kind counts.
    #[must_use]
    pub fn read(memory: &dyn PhysicalMemory, tables: &[TableInfo]) -> Self {
        let mut iommus = Self::default();
        let known = |table: &&TableInfo| matches!(&table.signature, b"DMAR" | b"IVRS");
        let Some(table) = tables.iter().find(known) else {
            return iommus;
        };
        let length = usize::try_from(table.length).unwrap_or(usize::MAX);
        let Some(bytes) = memory.bytes(table.address, length) else {
            iommus.lacks_units = true;
            iommus.problems.note(Problem::Unreachable {
                named_by: table.name(),
                address: table.address,
            });
            return iommus;
        };
        iommus.read_table(&table.signature, bytes);
        iommus
    }

    fn read_table(&mut self, signature: &[u8; 4], bytes: &[u8]) {
        if signature == b"DMAR" {
            self.kind = Some(Kind::VtD);
            dmar::parse(bytes, self);
        } else {
            self.kind = Some(Kind::AmdVi);
            ivrs::parse(bytes, self);
        }
    }

    /// What a DMAR (header included) says.
    #[must_use]
    pub fn of_dmar(bytes: &[u8]) -> Self {
        let mut iommus = Self::default();
        iommus.read_table(b"DMAR", bytes);
        iommus
    }

    /// What an IVRS (header included) says.
    #[must_use]
    pub fn of_ivrs(bytes: &[u8]) -> Self {
        let mut iommus = Self::default();
        iommus.read_table(b"IVRS", bytes);
        iommus
    }
}
