//! The ACPI tables of a partition.
//!
//! One file makes the bytes of one table; here they are put in order, so that each knows the
//! addresses of those it points to: DSDT, FADT, MADT, MCFG, XSDT, RSDP. There is an MCFG only for
//! a partition with PCI: one without entries would only be complained about.

mod dsdt;
mod fadt;
mod header;
mod madt;
mod mcfg;
mod rsdp;
mod view;
mod xsdt;

use alloc::vec;
use alloc::vec::Vec;

pub use view::{IoApicView, PciRoot, PciWindow, PciWindowKind, UartView, View};

/// Tables as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Where the bytes have to lie.
    pub base: u64,
    /// All tables. How many bytes does not depend on the base.
    pub bytes: Vec<u8>,
    /// Physical address of the RSDP.
    pub rsdp: u64,
    /// Signature, physical address and length of every table but the RSDP, ascending by address.
    pub tables: Vec<([u8; 4], u64, u32)>,
}

/// Every table starts at a multiple of this.
const ALIGNMENT: usize = 64;

/// Makes the tables.
#[must_use]
pub fn build(view: &View<'_>) -> Blob {
    // The RSDP is first, and made last.
    let mut blob = Blob {
        base: view.base,
        bytes: vec![0; rsdp::BYTES],
        rsdp: view.base,
        tables: Vec::new(),
    };
    let dsdt = blob.add(&dsdt::dsdt(view));
    let mut listed = vec![
        blob.add(&fadt::fadt(view, dsdt)),
        blob.add(&madt::madt(view)),
    ];
    listed.extend(mcfg::mcfg(view.roots).map(|mcfg| blob.add(&mcfg)));
    let xsdt = blob.add(&xsdt::xsdt(&listed));
    for (to, from) in blob.bytes.iter_mut().zip(rsdp::rsdp(xsdt)) {
        *to = from;
    }
    blob
}

impl Blob {
    /// Appends a table; returns its address.
    fn add(&mut self, table: &[u8]) -> u64 {
        let offset = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(table);
        let address = self.base.wrapping_add(offset as u64);
        let signature = table.first_chunk().copied().unwrap_or_default();
        self.tables
            .push((signature, address, header::length32(table.len())));
        address
    }
}
