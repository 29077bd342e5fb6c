//! The machine that most tests are about: like QEMU's q35 with root ports and a switch.

use bulkhead_pci::{ConfigSpace, EcamRange, Function, Unit};

use crate::fake::{Fake, address};
use crate::node::{
    DOWNSTREAM, ENDPOINT, EXPRESS, IO, MEMORY32, MEMORY64, MSI, Node, PREFETCHABLE32,
    PREFETCHABLE64, ROOT_PORT, UPSTREAM,
};

pub(crate) const CLOSED: (u32, u32) = (0xfff0_0000, 0);
pub(crate) const CLOSED64: (u64, u64) = (0xfff0_0000, 0);
pub(crate) const CLOSED_IO: (u32, u32) = (0xf000, 0);

/// All functions, as Bulkhead's boot finds them: counted, then looked at. Both see the same.
pub(crate) fn scan(config: &dyn ConfigSpace, ranges: &[EcamRange]) -> Vec<Function> {
    let count = bulkhead_pci::count(config, ranges);
    let scan = bulkhead_pci::scan(config, ranges, count, |_, _| ());
    assert_eq!((scan.functions.len(), scan.left_out), (count, 0));
    assert_eq!(scan.functions.capacity(), count);
    scan.functions
}

/// The machine, and indices of its nodes.
pub(crate) struct Machine {
    pub(crate) fake: Fake,
    pub(crate) port: usize,
    pub(crate) nic: usize,
    pub(crate) nic_1: usize,
    pub(crate) switch_port: usize,
    pub(crate) upstream: usize,
    pub(crate) downstream: usize,
    pub(crate) downstream_1: usize,
    pub(crate) disk: usize,
    pub(crate) accelerator: usize,
    pub(crate) ahci: usize,
    pub(crate) smbus: usize,
}

impl Machine {
    pub(crate) fn functions(&self) -> Vec<Function> {
        scan(&self.fake, &self.fake.ranges())
    }

    pub(crate) fn unit(&self, bus: &str) -> Unit {
        bulkhead_pci::unit(&self.functions(), bus.parse().unwrap()).unwrap()
    }
}

pub(crate) fn function<'a>(functions: &'a [Function], text: &str) -> &'a Function {
    let wanted = address(text);
    functions.iter().find(|f| f.address == wanted).unwrap()
}

fn root_port() -> Node {
    Node::bridge(0x1b36, 0x000c)
        .pin(1)
        .power(true)
        .msi()
        .express(ROOT_PORT, false)
        .acs()
        .bar(0, MEMORY32, 0x1000, 0xfebf_4000)
        .set(0x04, 0x0007)
        .set(EXPRESS + 8, 0x20)
        .set(0x3c, 0x0003_000b)
}

fn switch_port(kind: u32) -> Node {
    Node::bridge(0x104c, 0x8232 + kind as u16)
        .power(true)
        .msi()
        .express(kind, false)
        .acs()
        .set(0x04, 0x0003)
        .set(0x3c, 0x0003_0000)
}

pub(crate) fn machine() -> Machine {
    let mut fake = Fake::default();
    fake.root(
        0,
        0,
        0,
        Node::endpoint(0x8086, 0x29c0, 0x06_0000).set(0x04, 7),
    );
    fake.root(0, 1, 0, display());
    let port = fake.root(
        0,
        2,
        0,
        root_port().numbers(0, 1, 1).windows(
            (0xc000, 0xcfff),
            (0xfe80_0000, 0xfe9f_ffff),
            (0x8_0000_0000, 0x8_1fff_ffff),
        ),
    );
    let switch = fake.root(
        0,
        3,
        0,
        root_port()
            .bar(0, MEMORY32, 0x1000, 0xfebf_5000)
            .numbers(0, 2, 5)
            .windows(
                CLOSED_IO,
                (0xfe40_0000, 0xfe7f_ffff),
                (0x9_0000_0000, 0x9_ffff_ffff),
            ),
    );
    let empty = fake.root(
        0,
        4,
        0,
        root_port()
            .bar(0, MEMORY32, 0x1000, 0xfebf_6000)
            .numbers(0, 6, 6)
            .windows(CLOSED_IO, CLOSED, CLOSED64),
    );
    fake.edit(empty, |n| {
        n.value[usize::from(EXPRESS / 4) + 4] &= !(1 << 29)
    });
    let isa = Node::endpoint(0x8086, 0x2918, 0x06_0100).multi_function();
    fake.root(0, 0x1f, 0, isa.set(0x04, 7));
    let ahci = fake.root(0, 0x1f, 2, ahci());
    let smbus = fake.root(0, 0x1f, 3, smbus());
    let nic_node = |index: u64| nic(index).multi_function();
    let nic = fake.below(port, 0, 0, nic_node(0));
    let nic_1 = fake.below(port, 0, 1, nic_node(1));
    let upstream = fake.below(
        switch,
        0,
        0,
        switch_port(UPSTREAM).numbers(2, 3, 5).windows(
            CLOSED_IO,
            (0xfe40_0000, 0xfe7f_ffff),
            (0x9_0000_0000, 0x9_ffff_ffff),
        ),
    );
    let downstream = fake.below(
        upstream,
        0,
        0,
        switch_port(DOWNSTREAM).numbers(3, 4, 4).windows(
            CLOSED_IO,
            (0xfe40_0000, 0xfe4f_ffff),
            CLOSED64,
        ),
    );
    let downstream_1 = fake.below(
        upstream,
        1,
        0,
        switch_port(DOWNSTREAM).numbers(3, 5, 5).windows(
            CLOSED_IO,
            (0xfe50_0000, 0xfe5f_ffff),
            (0x9_0000_0000, 0x9_7fff_ffff),
        ),
    );
    let disk = fake.below(downstream, 0, 0, disk());
    let accelerator = fake.below(downstream_1, 0, 0, accelerator());
    Machine {
        fake,
        port,
        nic,
        nic_1,
        switch_port: switch,
        upstream,
        downstream,
        downstream_1,
        disk,
        accelerator,
        ahci,
        smbus,
    }
}

fn display() -> Node {
    Node::endpoint(0x1234, 0x1111, 0x03_0000)
        .bar(0, PREFETCHABLE32, 16 << 20, 0xfd00_0000)
        .bar(2, MEMORY32, 0x1000, 0xfebf_0000)
        .set(0x04, 0x0003)
}

fn ahci() -> Node {
    Node::endpoint(0x8086, 0x2922, 0x01_0601)
        .pin(1)
        .power(false)
        .msi()
        .bar(4, IO, 0x20, 0xd040)
        .bar(5, MEMORY32, 0x1000, 0xfebf_1000)
        .set(0x04, 0x0107)
        .set(0x3c, 10)
        .multi_function()
}

fn smbus() -> Node {
    Node::endpoint(0x8086, 0x2930, 0x0c_0500)
        .pin(2)
        .bar(4, IO, 0x40, 0x0700)
        .set(0x04, 0x0003)
        .multi_function()
}

/// Two of them share a device; both have a function-level reset.
fn nic(index: u64) -> Node {
    Node::endpoint(0x8086, 0x10c9, 0x02_0000)
        .pin(1 + index as u32)
        .power(true)
        .msi()
        .msix(10)
        .express(ENDPOINT, true)
        .virtualization()
        .bar(0, MEMORY32, 0x2_0000, 0xfe80_0000 + 0x2_0000 * index)
        .bar(2, IO, 0x20, 0xc000 + 0x20 * index)
        .bar(4, PREFETCHABLE64, 1 << 20, 0x8_0000_0000 + (index << 20))
        .set(0x04, 0x0006)
        .set(0x0c, 0x10)
        .set(0x30, 0xfe90_0001)
        .set(0x3c, 11)
        .set(MSI, 1 << 16)
        .set(EXPRESS + 8, 0x2050)
        .set(EXPRESS + 0x10, 0x42)
        .set(EXPRESS + 0x28, 0x6)
}

/// Without a function-level reset.
fn disk() -> Node {
    Node::endpoint(0x1b36, 0x0010, 0x01_0802)
        .pin(1)
        .power(false)
        .msix(65)
        .express(ENDPOINT, false)
        .bar(0, MEMORY64, 0x4000, 0xfe40_0000)
        .set(0x04, 0x0106)
        .set(0x3c, 11)
}

/// With one; its large BAR can be resized.
fn accelerator() -> Node {
    Node::endpoint(0x10de, 0x2204, 0x03_0200)
        .pin(1)
        .power(false)
        .msi()
        .express(ENDPOINT, true)
        .bar(0, MEMORY32, 1 << 20, 0xfe50_0000)
        .bar(2, PREFETCHABLE64, 1 << 28, 0x9_1000_0000)
        .resizable(2, 8)
        .set(0x04, 0x0006)
}
