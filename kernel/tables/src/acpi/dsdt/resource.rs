//! Resource descriptors, the smallest that can say what is to be said.
//!
//! Source: ACPI 6.5 section 6.4.2.1 (IRQ), 6.4.3.4 (32-Bit Fixed Memory Range), 6.4.3.5 (Address
//! Space). An address space is always one fixed range here: minimum and maximum are fixed, the
//! granularity is 0, and the length is all that lies between them; the table of valid combinations
//! in 6.4.3.5 allows no other length then.

use alloc::vec::Vec;

use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Interrupt, Memory32Fixed, Name, Path, ResourceTemplate,
};
use acpi_tables::{Aml, AmlSink};

/// Small resource item 4 with two bytes: no byte of flags, hence edge-triggered, active high,
/// exclusive.
const IRQ_NO_FLAGS: u8 = 4 << 3 | 2;
/// Where the general flags of an address space are, behind its tag, length and type.
const GENERAL_FLAGS: usize = 4;
/// General flag: the device itself uses the range.
const CONSUMER: u8 = 1 << 0;

/// Descriptors that are bytes already.
struct Descriptors(Vec<u8>);

impl Aml for Descriptors {
    fn to_aml_bytes(&self, sink: &mut dyn AmlSink) {
        sink.vec(&self.0);
    }
}

/// `_CRS` with these descriptors.
pub(super) fn current_resources(descriptors: Vec<u8>) -> Name {
    let descriptors = Descriptors(descriptors);
    let template = ResourceTemplate::new(Vec::from([&descriptors as &dyn Aml]));
    Name::new(Path::new("_CRS"), &template)
}

/// An interrupt that is edge-triggered, active high and exclusive, as those of ISA are.
pub(super) fn push_irq(descriptors: &mut Vec<u8>, irq: u8) {
    match 1u16.checked_shl(irq.into()) {
        Some(mask) => {
            descriptors.push(IRQ_NO_FLAGS);
            descriptors.extend_from_slice(&mask.to_le_bytes());
        }
        None => Interrupt::new(true, true, false, false, irq.into()).to_aml_bytes(descriptors),
    }
}

/// The buses `first..=last` below a root bridge; `first` is not more than `last`.
pub(super) fn push_buses(descriptors: &mut Vec<u8>, first: u8, last: u8) {
    // In 16 bits, which hold the number of 256 buses.
    AddressSpace::new_bus_number(u16::from(first), u16::from(last)).to_aml_bytes(descriptors);
}

/// The I/O ports `first..=last` below a root bridge; `first` is not more than `last`.
pub(super) fn push_io_window(descriptors: &mut Vec<u8>, first: u16, last: u16) {
    if (first, last) == (0, u16::MAX) {
        // 65536 ports are a number of more than 16 bits.
        AddressSpace::new_io(u32::from(first), u32::from(last), None).to_aml_bytes(descriptors);
    } else {
        AddressSpace::new_io(first, last, None).to_aml_bytes(descriptors);
    }
}

/// The memory `first..=last` below a root bridge; `first` is not more than `last`, and they are
/// not all there is.
pub(super) fn push_memory_window(
    descriptors: &mut Vec<u8>,
    caching: AddressSpaceCacheable,
    first: u64,
    last: u64,
) {
    match (u32::try_from(first), u32::try_from(last)) {
        // As with I/O ports.
        (Ok(first), Ok(last)) if (first, last) != (0, u32::MAX) => {
            AddressSpace::new_memory(caching, true, first, last, None).to_aml_bytes(descriptors);
        }
        _ => AddressSpace::new_memory(caching, true, first, last, None).to_aml_bytes(descriptors),
    }
}

/// Memory `first..=last` that the device itself uses; as [`push_memory_window`] otherwise.
pub(super) fn push_own_memory(descriptors: &mut Vec<u8>, first: u64, last: u64) {
    let length = last - first + 1;
    match (
        u32::try_from(first),
        u32::try_from(last),
        u32::try_from(length),
    ) {
        (Ok(first), Ok(_), Ok(length)) => {
            Memory32Fixed::new(true, first, length).to_aml_bytes(descriptors);
        }
        _ => {
            let start = descriptors.len();
            push_memory_window(
                descriptors,
                AddressSpaceCacheable::NotCacheable,
                first,
                last,
            );
            // The crate makes windows only.
            if let Some(flags) = descriptors.get_mut(start + GENERAL_FLAGS) {
                *flags |= CONSUMER;
            }
        }
    }
}
