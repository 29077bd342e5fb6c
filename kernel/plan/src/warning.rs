//! What is allowed but worth saying.

use core::fmt;

use alloc::string::String;

use bulkhead_memory::Bytes;

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
            Self::Tight { left } => write!(
                f,
                "kernel and initrd leave only {} of the memory",
                Bytes(left & !0xfff)
            ),
        }
    }
}
