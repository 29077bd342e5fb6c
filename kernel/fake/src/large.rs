//! Machines as large as they may be, for what depends on their size.

use bulkhead_firmware::TableInfo;
use bulkhead_linux::{FileKind, Uki};
use bulkhead_memory::Region;
use bulkhead_memory::performance::{Attached, Matrix, Performance};
use bulkhead_model::{
    Core, Image, ImageKind, Machine, MemoryKind, MemoryRange, Node, Resident, Told,
};
use bulkhead_pci::{Address, Bar, BarKind, Bridge, Bus, Function, Window, WindowKind};

use crate::board::add_devices;
use crate::{GIB, MIB, bzimage, region};

/// What a machine has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Cores, with the local APIC IDs from 0 on.
    pub cores: u32,
    /// PCI functions, those of [`add_devices`] among them.
    pub functions: usize,
    /// Ranges of the memory map, at least 16.
    pub ranges: usize,
    /// Images: kernels and initrds in turns, called `linux0`, `initrd1`, `linux2` and so on.
    pub images: usize,
}

/// First bus of the cards that are added: each is below a root port of its own.
pub const FIRST_CARD: u8 = 0x10;
/// Functions on the bus of a card.
pub const CARD_FUNCTIONS: usize = 31;
/// RAM of the machine begins there, for partitions: what is below is as in [`crate::machine()`].
pub const HIGH_RAM: u64 = 4 * GIB;

/// A machine of that size, with 1 TiB of RAM above 4 GiB.
pub fn large(size: Size) -> Machine {
    let mut machine = crate::machine();
    add_devices(&mut machine);
    let core = |apic_id| Core {
        apic_id,
        acpi_uid: apic_id,
        package: apic_id / 128,
        core: apic_id % 128 / 2,
        responding: true,
    };
    machine.cores = (0..size.cores).map(core).collect();
    add_ranges(&mut machine, size.ranges);
    add_functions(&mut machine, size.functions);
    add_images(&mut machine, size.images);
    add_nodes(&mut machine);
    machine.tables = (0..32).map(table).collect();
    machine.loader = "Limine 8.2.0".into();
    machine.cpu_model = "A processor with a name that is 48 bytes long".into();
    machine.shell_line = "com1, 115200 baud".into();
    machine
}

/// A node for each package of 128 cores; the first one has the memory below 4 GiB, and each 256 GiB
/// above.
fn add_nodes(machine: &mut Machine) {
    for number in 0..4u32 {
        let cores = machine.cores.iter().filter(|core| core.package == number);
        let start = HIGH_RAM + u64::from(number) * 256 * GIB;
        let low = (number == 0).then(|| region(0, 4 * GIB));
        let memory = [region(start, start + 256 * GIB)].into_iter().chain(low);
        machine.nodes.push(Node {
            domain: number,
            cores: cores.map(|core| core.apic_id).collect(),
            memory: memory.collect(),
        });
    }
    machine.nodes.retain(|node| !node.cores.is_empty());
    let count = machine.nodes.len();
    let pairs = (0..count).flat_map(|from| (0..count).map(move |to| from == to));
    machine.distances = pairs.map(|is_own| if is_own { 10 } else { 21 }).collect();
    machine.performance = performance(count);
}

/// How fast memory is on a machine of so many nodes that all have cores and memory: latency and
/// bandwidth, each value another.
#[expect(clippy::cast_possible_truncation, reason = "nodes are 64 at most")]
pub(crate) fn performance(nodes: usize) -> Performance {
    let numbers: Vec<u32> = (0..nodes as u32).collect();
    let attached = |number| Attached {
        memory: number,
        initiator: Some(number),
    };
    let matrix = |data_type| Matrix {
        flags: 0,
        data_type,
        least_transfer: 0,
        base_unit: 1000,
        initiators: numbers.clone(),
        memories: numbers.clone(),
        values: (0..nodes * nodes)
            .map(|at| u16::from(data_type) * 100 + at as u16)
            .collect(),
    };
    Performance {
        revision: 2,
        attached: numbers.iter().copied().map(attached).collect(),
        matrices: [0, 3].map(matrix).to_vec(),
        caches: Vec::new(),
    }
}

fn table(number: u64) -> TableInfo {
    TableInfo {
        signature: *b"SSDT",
        address: 0x7ffe_0000 + number * 64,
        length: 64,
        revision: 2,
        oem_id: *b"OEM ID",
        checksum_ok: true,
    }
}

/// Reserved pages in the RAM below 4 GiB, which make two ranges each.
fn add_ranges(machine: &mut Machine, count: usize) {
    let usable = |start, end| MemoryRange {
        region: region(start, end),
        kind: MemoryKind::Usable,
    };
    machine
        .memory
        .retain(|range| range.region.start() != 4 * GIB);
    machine.memory.push(MemoryRange {
        region: region(0xfc00_0000, 0xff00_0000),
        kind: MemoryKind::Reserved,
    });
    machine.memory.push(usable(HIGH_RAM, HIGH_RAM + 1024 * GIB));
    let more = count.saturating_sub(machine.memory.len()) as u64;
    for hole in 0..more {
        // Between the end of RAM and the PCI hole's registers: reserved, far from each other.
        let start = 0xc000_0000 + hole * 0x2000;
        machine.memory.push(MemoryRange {
            region: region(start, start + 0x1000),
            kind: MemoryKind::Reserved,
        });
    }
    machine.memory.sort_by_key(|range| range.region);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a machine has at most 65,536 functions, a device 8"
)]
fn add_functions(machine: &mut Machine, count: usize) {
    let mut group = machine.functions.len() as u16;
    let mut number = 0;
    while machine.functions.len() < count {
        let bus = FIRST_CARD + number;
        let base = 0x8000_0000 + u64::from(number) * MIB;
        machine.functions.push(root_port(number, bus, base));
        let left = count - machine.functions.len();
        for place in 0..left.min(CARD_FUNCTIONS) {
            group += 1;
            machine.functions.push(card(bus, place as u8, base, group));
        }
        number += 1;
    }
    machine.functions.sort_by_key(|function| function.address);
}

/// The root port number `number`: on bus 0, from device 8 on, eight to a device.
fn root_port(number: u8, bus: u8, base: u64) -> Function {
    let mut port = Function::new(Address {
        segment: 0,
        bus: 0,
        device: 8 + number / 8,
        function: number % 8,
    });
    (port.vendor, port.device_id) = (0x1b36, 0x000c);
    (port.class, port.subclass) = (6, 4);
    port.bridge = Some(Bridge {
        secondary: bus,
        subordinate: bus,
        windows: vec![Window {
            kind: WindowKind::Memory,
            region: Region::new(base, MIB).unwrap(),
        }],
    });
    port.msi = true;
    port
}

fn card(bus: u8, place: u8, base: u64, group: u16) -> Function {
    let bus = Bus {
        segment: 0,
        number: bus,
    };
    let mut function = Function::new(Address {
        segment: 0,
        bus: bus.number,
        device: place / 8,
        function: place % 8,
    });
    (function.vendor, function.device_id) = (0x8086, 0x10c9);
    function.class = 2;
    let bar = |index: u8, size, offset| Bar {
        index,
        kind: BarKind::Memory32,
        prefetchable: false,
        size,
        address: Some(base + u64::from(place) * 0x8000 + offset),
    };
    function.bars = vec![
        bar(0, 0x4000, 0),
        bar(2, 0x1000, 0x4000),
        bar(3, 0x1000, 0x5000),
    ];
    function.interrupt_pin = 1;
    (function.msi, function.msix_vectors, function.flr) = (true, 10, true);
    function.group = group;
    function
}

/// The first is a bzImage, the others are UKIs with as long a command line as may be.
fn kernel(number: usize) -> ImageKind {
    let kernel = bzimage(40 * MIB);
    if number == 0 {
        return ImageKind::Kernel(kernel);
    }
    ImageKind::Uki(Uki {
        kernel,
        linux: 0..8 << 20,
        ucode: None,
        initrd: None,
        cmdline: Ok("x".repeat(2047)),
    })
}

fn add_images(machine: &mut Machine, count: usize) {
    machine.resident.truncate(2);
    machine.images.clear();
    for number in 0..count {
        let (name, kind) = match number % 2 {
            0 => (format!("linux{number}"), kernel(number)),
            _ => (format!("initrd{number}"), ImageKind::Data(FileKind::Cpio)),
        };
        let region = Region::new(0x6000_0000 + number as u64 * 8 * MIB, 8 * MIB).unwrap();
        machine.resident.push(Resident {
            region,
            what: format!("image \"{name}\""),
        });
        machine.images.push(Image {
            name,
            region: Some(region),
            kind,
            told: Told::default(),
        });
    }
}
