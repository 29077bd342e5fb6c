//! The ACPI tables of a partition.
//!
//! One file makes the bytes of one table; here they are put in order, and then each is
//! told the addresses of those it points to: DSDT, FADT, MADT, MCFG, SRAT, SLIT, HMAT, XSDT, RSDP. There is an
//! MCFG only for a partition with PCI: one without entries would only be complained about; an SRAT, a SLIT
//! and an HMAT only for one of several NUMA nodes.

mod dsdt;
mod fadt;
mod header;
mod hmat;
mod madt;
mod mcfg;
mod rsdp;
mod slit;
mod srat;
mod view;
mod xsdt;

use alloc::vec;
use alloc::vec::Vec;

pub use view::{IoApicView, NodeView, PciRoot, PciWindow, PciWindowKind, UartView, View};

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
    blob.add(&dsdt::dsdt(view));
    blob.add(&fadt::fadt(view));
    blob.add(&madt::madt(view));
    if let Some(mcfg) = mcfg::mcfg(view.roots) {
        blob.add(&mcfg);
    }
    let nodes = [
        srat::srat(view.nodes),
        slit::slit(view.nodes),
        hmat::hmat(view.nodes, view.performance),
    ];
    for table in nodes.into_iter().flatten() {
        blob.add(&table);
    }
    // The FADT points to the DSDT, and the XSDT to all the others.
    blob.add(&xsdt::xsdt(blob.tables.len() - 1));
    blob.move_to(view.base);
    blob
}

impl Blob {
    /// Has the tables lie at another address. How large they are is known before it is known where.
    pub fn move_to(&mut self, base: u64) {
        for (_, address, _) in &mut self.tables {
            *address = address.wrapping_sub(self.base).wrapping_add(base);
        }
        (self.base, self.rsdp) = (base, base);
        let Self { bytes, tables, .. } = self;
        let mut listed = Vec::with_capacity(tables.len());
        let (mut dsdt, mut last) = (0, 0);
        for (signature, address, length) in tables.iter() {
            last = *address;
            if *signature == *b"DSDT" {
                dsdt = last;
                continue;
            }
            let place = slice(bytes, last.wrapping_sub(base), *length);
            match signature {
                b"FACP" => fadt::point(place, dsdt),
                b"XSDT" => xsdt::point(place, &listed),
                _ => {}
            }
            listed.push(last);
        }
        // The XSDT is the last one.
        for (to, from) in bytes.iter_mut().zip(rsdp::rsdp(last)) {
            *to = from;
        }
    }

    /// Appends a table.
    fn add(&mut self, table: &[u8]) {
        let offset = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(table);
        let address = self.base.wrapping_add(offset as u64);
        let signature = table.first_chunk().copied().unwrap_or_default();
        self.tables
            .push((signature, address, header::length32(table.len())));
    }
}

/// The bytes of a table.
fn slice(bytes: &mut [u8], offset: u64, length: u32) -> &mut [u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = bytes.get_mut(start..).unwrap_or_default();
    let length = rest.len().min(length as usize);
    &mut rest[..length]
}
