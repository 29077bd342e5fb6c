//! What is allowed but worth saying.

use core::fmt;

use alloc::string::String;

use bulkhead_memory::Bytes;
use bulkhead_pci::{Address, Bus};

use crate::Lead;

/// Something about a claim that works but may surprise. Displays as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A core shares a physical core with somebody else's.
    SplitSiblings {
        /// The partition's core.
        core: u32,
        /// The other one.
        sibling: u32,
        /// Whose that is; `None` for Bulkhead's.
        owner: Option<String>,
    },
    /// Bulkhead's own core is claimed: it can be launched only when Bulkhead leaves that core.
    BulkheadsCore {
        /// Which.
        core: u32,
        /// The partition.
        name: String,
    },
    /// A function comes with another one that was asked for.
    ComesAlong {
        /// Which.
        function: Address,
        /// The bus that is given: the function's own, or one above it.
        bus: Bus,
    },
    /// A function of the claim can't interrupt: it has no MSI, and its pin is not the claim's or
    /// not known.
    NoInterrupt {
        /// Which.
        function: Address,
        /// Where its pin leads: to an I/O APIC that the claim has not, if that is known.
        lead: Lead,
    },
    /// A function that can interrupt by its pin only, and functions of another partition on the same
    /// line, which hold it if their Linux drives them by the pin.
    SharedLine {
        /// The global system interrupt.
        gsi: u32,
        /// The function that has nothing else.
        needs: Address,
        /// The first of the other partition's.
        beside: Address,
        /// How many more there are.
        more: usize,
        /// The other partition.
        other: String,
        /// Whether `needs` is that one's, and `beside` the claim's own.
        is_theirs: bool,
    },
    /// A function of the claim and one of another partition's can reach each other without passing the IOMMU
    /// that is in use: they are in one isolation group.
    SharedGroup {
        /// The claim's, the first.
        own: Address,
        /// The other partition's, the first.
        theirs: Address,
        /// The other partition.
        other: String,
    },
    /// The kernel has no EFI, which is how a Linux tells Bulkhead that it ends.
    NoEfi {
        /// Its image.
        kernel: String,
    },
    /// Its Linux can't enter another kernel by `kexec`, for want of low memory.
    NoKexec {
        /// Whether others have the same low memory; else it is too little.
        is_shared: bool,
    },
    /// Its devices reach all RAM, though the machine has an IOMMU in use.
    Bare {
        /// Why.
        why: String,
    },
    /// It has devices, and no memory that all devices reach.
    NothingLow,
    /// Little is left for Linux once its kernel and initrd are in place.
    Tight {
        /// Bytes left in all the claim.
        left: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SplitSiblings {
                core,
                sibling,
                owner,
            } => {
                write!(f, "core {core} is an SMT sibling of core {sibling}, which ")?;
                match owner {
                    Some(owner) => write!(f, "belongs to \"{owner}\""),
                    None => f.write_str("is Bulkhead's own"),
                }
            }
            Self::BulkheadsCore { core, name } => write!(
                f,
                "core {core} is Bulkhead's own: launch by \"handoff {name}\""
            ),
            Self::ComesAlong { function, bus } => {
                let number = bus.number;
                write!(f, "{function} comes along: bus {number:02x} is given ")?;
                f.write_str(if function.bus() == *bus {
                    "whole"
                } else {
                    "with all below it"
                })
            }
            Self::NoInterrupt { function, lead } => {
                write!(f, "{function} can't interrupt: no MSI, no MSI-X, and ")?;
                match lead {
                    Lead::IoApic(number) => write!(f, "its pin needs ioapic{number}"),
                    Lead::Unknown => f.write_str("where its pin leads is not known"),
                }
            }
            Self::SharedLine {
                gsi,
                needs,
                beside,
                more,
                other,
                is_theirs,
            } => {
                if !is_theirs {
                    write!(f, "{needs} needs interrupt {gsi}, which ")?;
                }
                write!(f, "{beside}")?;
                if *more > 0 {
                    write!(f, " and {more} more")?;
                }
                let s = if *more > 0 { "" } else { "s" };
                if *is_theirs {
                    write!(f, " share{s} interrupt {gsi}, which {needs}")?;
                }
                write!(f, " of \"{other}\" ")?;
                f.write_str(match (is_theirs, more) {
                    (true, _) => "needs: ",
                    (false, 0) => "shares: that ",
                    (false, _) => "share: those ",
                })?;
                f.write_str("must be driven by MSI or not at all")
            }
            Self::SharedGroup { own, theirs, other } => write!(
                f,
                "{own} and {theirs} of \"{other}\" can reach each other past the IOMMU: they are in one group"
            ),
            Self::Bare { why } => write!(f, "its devices reach all RAM: {why}"),
            Self::NoEfi { kernel } => write!(
                f,
                "kernel {kernel} has no EFI: Bulkhead is not told of its power-off, and its reboot resets the \
                 whole machine unless the BIOS's reset entry is Bulkhead's"
            ),
            Self::NoKexec { is_shared } => {
                f.write_str("no kexec inside: below 640K it ")?;
                f.write_str(if *is_shared {
                    "shares 32K with others"
                } else {
                    "has 32K, and this kernel needs 64K for that"
                })
            }
            Self::NothingLow => f.write_str(
                "none of its memory lies below 4 GiB: a device that reaches no further can't be driven",
            ),
            Self::Tight { left } => write!(
                f,
                "kernel and initrd leave only {} of the memory",
                Bytes(left & !0xfff)
            ),
        }
    }
}
