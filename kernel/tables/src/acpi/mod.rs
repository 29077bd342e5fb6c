//! The ACPI tables of a partition.
//!
//! One file makes the bytes of one table; here they are put in order, so that each knows the
//! addresses of those it points to: DSDT, FADT, MADT, XSDT, RSDP. There is no MCFG, because a
//! partition has no PCI yet: one without entries would only be complained about.

mod dsdt;
mod fadt;
mod header;
mod madt;
mod rsdp;
mod xsdt;

use alloc::vec;
use alloc::vec::Vec;

/// What a partition has, as far as its ACPI tables have to say it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Physical address where the blob will lie: a multiple of 64, below 4 GiB.
    pub base: u64,
    /// Physical address of the local APICs' registers.
    pub local_apic_address: u32,
    /// A local APIC ID below 255 that no core has, to be listed before the partition's cores.
    /// `None` if the boot core is the machine's boot processor itself: Linux then sees that it
    /// runs on that one, and would try to start the absent one.
    pub first_absent: Option<u8>,
    /// Local APIC IDs of its cores: its boot core first, then ascending.
    pub cores: &'a [u32],
    /// Its serial ports.
    pub uarts: &'a [UartView],
}

/// A 16550-compatible serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UartView {
    /// First of its eight I/O ports.
    pub io_base: u16,
    /// Its ACPI unique ID, unlike that of any other: 1 for COM1.
    pub uid: u8,
}

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
    let dsdt = blob.add(&dsdt::dsdt(view.uarts));
    let fadt = blob.add(&fadt::fadt(dsdt));
    let madt = blob.add(&madt::madt(view));
    let xsdt = blob.add(&xsdt::xsdt(&[fadt, madt]));
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
