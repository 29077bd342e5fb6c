//! What can be wrong with firmware's tables.

use alloc::vec::Vec;
use core::fmt;

/// Most that are kept: somebody is to read them, and they are in the kernel's heap.
const MOST: usize = 64;

/// A table's four-byte signature; prints as text even when it is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 4]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something that was wrong with a firmware table and was survived. Displays as one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no RSDP at the address given.
    NoRsdp {
        /// The address.
        address: u64,
    },
    /// The bytes of a table don't add up to 0.
    BadChecksum {
        /// Which table.
        table: Signature,
        /// Its address.
        address: u64,
    },
    /// An address in a table leads to memory that can't be read.
    Unreachable {
        /// The table that holds the address.
        named_by: Signature,
        /// The address.
        address: u64,
    },
    /// Neither an XSDT nor an RSDT could be used.
    NoRootTable,
    /// A table of another kind lies where this one was promised.
    WrongSignature {
        /// What was promised.
        expected: Signature,
        /// What is there.
        found: Signature,
        /// Where.
        address: u64,
    },
    /// A table's length field can't be true.
    AbsurdLength {
        /// Which table.
        table: Signature,
        /// Its address.
        address: u64,
        /// The length it claims, in bytes.
        length: u32,
    },
    /// A list holds more entries than any machine has; the rest is ignored.
    TooManyEntries {
        /// Which table.
        table: Signature,
        /// How many were read.
        read: usize,
    },
    /// The root table names address 0.
    NullEntry {
        /// Index in the root table, from 0.
        index: usize,
    },
    /// The root table names the same address twice, or itself.
    RepeatedAddress {
        /// The address.
        address: u64,
    },
    /// A second table of a kind of which there can be one; the first one counts.
    SecondTable {
        /// Which kind.
        table: Signature,
        /// Address of the one that is ignored.
        address: u64,
    },
    /// A table ends before its fixed part does.
    TooShort {
        /// Which table.
        table: Signature,
        /// Its length in bytes.
        length: usize,
    },
    /// An entry is shorter than its own header or than its type demands.
    BadEntryLength {
        /// Which table.
        table: Signature,
        /// The entry's offset in the table.
        offset: usize,
        /// The length it claims, in bytes.
        length: u8,
    },
    /// A structure is shorter than what it holds, or says what can't be; it is ignored.
    BadStructure {
        /// Which table.
        table: Signature,
        /// The structure's offset in the table.
        offset: usize,
    },
    /// A table is of a revision that nobody here knows, and is ignored.
    UnknownRevision {
        /// Which table.
        table: Signature,
        /// Its revision.
        revision: u8,
    },
    /// The last entry runs past the end of its table.
    TruncatedEntry {
        /// Which table.
        table: Signature,
        /// The entry's offset in the table.
        offset: usize,
    },
    /// Two processors that are both enabled have one local APIC ID; the first one counts.
    DuplicateProcessor {
        /// The ID.
        apic_id: u32,
    },
    /// A processor has the broadcast ID as its own and is ignored.
    BroadcastProcessor {
        /// The ID.
        apic_id: u32,
    },
    /// Two I/O APICs have their registers at one address; the first one counts.
    RepeatedIoApic {
        /// The address.
        address: u64,
    },
    /// There are more I/O APICs than any machine has; this one is ignored.
    TooManyIoApics {
        /// The address of its registers.
        address: u64,
    },
    /// The SLIT has distances that can't be: 10 is a domain's from itself, and all others are larger.
    BadDistances,
    /// An ECAM range that can't be: bus numbers or address wrong, or twice the same buses.
    BadEcam {
        /// Index in the MCFG, from 0.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A register's description can't be used and is ignored.
    BadRegister {
        /// The register's name in the specification.
        register: &'static str,
        /// The address it claims.
        address: u64,
    },
    /// Neither the DSDT nor an SSDT has a usable `_S5_` package: the machine can't be powered off by ACPI.
    NoSleepState,
    /// The `_PRT` of a root bus leads one pin to more than one interrupt; the pin's are ignored.
    ConflictingRoutes {
        /// PCI segment group.
        segment: u16,
        /// The root bus.
        bus: u8,
        /// Device number.
        device: u8,
        /// 1 is INTA, 4 is INTD.
        pin: u8,
    },
    /// More than one root bridge claims a bus; the routes of its pins are ignored.
    SharedRootBus {
        /// PCI segment group.
        segment: u16,
        /// The bus.
        bus: u8,
    },
    /// Pins of a root bus lead to link devices, and what these are connected to isn't known; nor is
    /// where the pins lead.
    UnknownLinks {
        /// PCI segment group.
        segment: u16,
        /// The root bus.
        bus: u8,
        /// How many pins.
        pins: usize,
    },
    /// The DSDT and the SSDTs are larger or have more root bridges than any machine's: they
    /// aren't searched for the routes of interrupt pins.
    TooMuchAml,
    /// There are more problems than are kept.
    More,
}

/// Keeps problems, as many as there is room for.
pub trait Note {
    /// Keeps one more; the last one of all says that there were more.
    fn note(&mut self, problem: Problem);
}

impl Note for Vec<Problem> {
    fn note(&mut self, problem: Problem) {
        match self.len() {
            ..MOST => self.push(problem),
            MOST => self.push(Problem::More),
            _ => {}
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoRsdp { address } => write!(f, "no RSDP at {address:#x}"),
            Self::BadChecksum { table, address } => {
                write!(f, "{table} at {address:#x} has a bad checksum")
            }
            Self::Unreachable { named_by, address } => {
                write!(f, "{named_by} points to {address:#x}, which can't be read")
            }
            Self::NoRootTable => f.write_str("neither XSDT nor RSDT can be used"),
            Self::WrongSignature {
                expected,
                found,
                address,
            } => write!(f, "{expected} expected at {address:#x}, found \"{found}\""),
            Self::AbsurdLength {
                table,
                address,
                length,
            } => write!(
                f,
                "{table} at {address:#x} claims a length of {length} bytes"
            ),
            Self::TooManyEntries { table, read } => {
                write!(
                    f,
                    "{table} has more than {read} entries, the rest is ignored"
                )
            }
            Self::NullEntry { index } => write!(f, "root table entry {index} is null"),
            Self::RepeatedAddress { address } => {
                write!(f, "root table names {address:#x} more than once")
            }
            Self::SecondTable { table, address } => {
                write!(f, "a second {table} at {address:#x} is ignored")
            }
            Self::TooShort { table, length } => {
                write!(f, "{table} is too short ({length} bytes)")
            }
            Self::BadEntryLength {
                table,
                offset,
                length,
            } => write!(
                f,
                "{table} entry at offset {offset:#x} claims a length of {length} bytes"
            ),
            Self::BadStructure { table, offset } => write!(
                f,
                "{table} structure at offset {offset:#x} can't be used, it is ignored"
            ),
            Self::UnknownRevision { table, revision } => {
                write!(
                    f,
                    "{table} has the unknown revision {revision}, it is ignored"
                )
            }
            Self::TruncatedEntry { table, offset } => write!(
                f,
                "{table} entry at offset {offset:#x} runs past the end of the table"
            ),
            Self::DuplicateProcessor { apic_id } => {
                write!(f, "APIC lists local APIC ID {apic_id} more than once")
            }
            Self::BroadcastProcessor { apic_id } => write!(
                f,
                "APIC gives a processor the broadcast ID {apic_id:#x}, it is ignored"
            ),
            Self::RepeatedIoApic { address } => {
                write!(f, "APIC lists an I/O APIC at {address:#x} more than once")
            }
            Self::TooManyIoApics { address } => {
                write!(
                    f,
                    "APIC lists too many I/O APICs, that at {address:#x} is ignored"
                )
            }
            Self::BadDistances => f.write_str("SLIT has distances that can't be, it is ignored"),
            Self::BadEcam { index, reason } => {
                write!(f, "MCFG entry {index} is ignored: {reason}")
            }
            Self::BadRegister { register, address } => write!(
                f,
                "FACP describes an unusable {register} at {address:#x}, it is ignored"
            ),
            Self::NoSleepState => f.write_str("neither DSDT nor SSDTs have a usable _S5_ package"),
            Self::ConflictingRoutes {
                segment,
                bus,
                device,
                pin,
            } => write!(
                f,
                "_PRT leads pin {pin} of {segment:04x}:{bus:02x}:{device:02x} to more than one \
                 interrupt, it is ignored"
            ),
            Self::SharedRootBus { segment, bus } => write!(
                f,
                "more than one root bridge claims bus {segment:04x}:{bus:02x}, its _PRT is ignored"
            ),
            Self::UnknownLinks { segment, bus, pins } => write!(
                f,
                "{pins} interrupt pins of bus {segment:04x}:{bus:02x} lead to link devices that don't \
                 tell by a constant where they lead on"
            ),
            Self::More => f.write_str("there is more that is wrong with the tables"),
            Self::TooMuchAml => f.write_str("DSDT and SSDTs are too large to be searched for _PRT"),
        }
    }
}

impl core::error::Error for Problem {}
