//! A server: several root buses, the pins of each at an I/O APIC of its own.
//!
//! ```text
//! I/O APIC 0: 24 pins from GSI 0 on: the ISA interrupts, and what add_devices() has on bus 0
//! I/O APIC n: 8 pins from GSI 16 + 8n on: root bus 0x20 + 2n
//!   (0x20 + 2n):00.0 root port -> the next bus: 00.0 Ethernet (INTx only, INTB)
//!   (0x20 + 2n):01.0 a device of the chipset (INTx only, INTA)
//! ```

use bulkhead_firmware::IoApic;
use bulkhead_memory::Region;
use bulkhead_model::Machine;
use bulkhead_pci::{Address, Bar, BarKind, Bridge, Function, Route, Window, WindowKind};

use crate::{MIB, bus};

/// I/O APIC number `number`; their IDs are no help.
pub const fn io_apic(number: u8) -> IoApic {
    IoApic {
        id: 200 - number,
        address: 0xfec0_0000 + number as u64 * 0x1000,
        gsi_base: if number == 0 {
            0
        } else {
            16 + 8 * number as u32
        },
    }
}

/// The root bus whose pins lead to I/O APIC number `number`, which is not 0.
pub const fn root_bus(number: u8) -> u8 {
    0x20 + 2 * number
}

/// Gives a machine of [`crate::add_devices`] so many I/O APICs, at most 64, and their root buses.
pub fn add_io_apics(machine: &mut Machine, count: u8) {
    machine.io_apics = (0..count).map(io_apic).collect();
    for number in 1..count {
        add_root_bus(machine, number);
    }
    machine.functions.sort_by_key(|function| function.address);
}

fn add_root_bus(machine: &mut Machine, number: u8) {
    let root = root_bus(number);
    let window = 0x8000_0000 + u64::from(number) * MIB;
    let at = |bus, device| Address {
        segment: 0,
        bus,
        device,
        function: 0,
    };
    let mut port = Function::new(at(root, 0));
    (port.vendor, port.device_id) = (0x8086, 0x2030);
    (port.class, port.subclass) = (6, 4);
    port.bridge = Some(Bridge {
        secondary: root + 1,
        subordinate: root + 1,
        windows: vec![Window {
            kind: WindowKind::Memory,
            region: Region::new(window, MIB).unwrap(),
        }],
    });
    (port.interrupt_pin, port.msi) = (1, true);
    let mut card = Function::new(at(root + 1, 0));
    (card.vendor, card.device_id, card.class) = (0x10ec, 0x8139, 2);
    card.bars = vec![Bar {
        index: 1,
        kind: BarKind::Memory32,
        prefetchable: false,
        size: 4096,
        address: Some(window),
    }];
    card.interrupt_pin = 2;
    let mut soldered = Function::new(at(root, 1));
    (soldered.vendor, soldered.device_id, soldered.class) = (0x8086, 0x2021, 8);
    soldered.interrupt_pin = 1;
    let group = 1000 + 3 * u16::from(number);
    for (group, mut function) in (group..).zip([port, soldered, card]) {
        function.group = group;
        machine.functions.push(function);
    }
    let pins = [0, 1]
        .into_iter()
        .flat_map(|device| (1..=4).map(move |pin| (device, pin)));
    machine.routes.extend(pins.map(|(device, pin)| Route {
        bus: bus(root),
        device,
        pin,
        gsi: io_apic(number).gsi_base + u32::from(device * 4 + pin - 1),
    }));
}
