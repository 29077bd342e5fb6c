//! PCI and legacy devices like those of QEMU's q35 with some cards.
//!
//! ```text
//! 00:00.0 host bridge                 00:01.0 VGA (the screen)
//! 00:02.0 root port -> 01:00.0 NVMe (MSI-X)
//! 00:03.0 root port -> 02:00.0, 02:00.1 Ethernet (MSI-X)
//! 00:04.0 root port -> 03:00.0 switch -> 04:00.0 -> 05:00.0 Ethernet (MSI-X)
//!                                        04:01.0 -> 06:00.0 USB (MSI-X)
//! 00:05.0 root port -> 07:00.0 Ethernet (INTx only)
//! 00:1f.0 ISA bridge   00:1f.2 SATA (MSI)   00:1f.3 SMBus (INTx only)
//! ```

use bulkhead_firmware::{InterruptOverride, IoApic};
use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::Region;
use bulkhead_model::Machine;
use bulkhead_pci::{
    Address, Bar, BarKind, Bridge, Bus, EcamRange, Function, Route, Window, WindowKind,
};

/// Gives `machine` the devices.
pub fn add_devices(machine: &mut Machine) {
    machine.ecam = vec![EcamRange {
        base: 0xb000_0000,
        segment: 0,
        first_bus: 0,
        last_bus: 255,
    }];
    machine.functions = functions();
    // As q35's DSDT has them: eight lines from 16 on, in turns.
    let pins = (0..32u8).flat_map(|device| (1..=4u8).map(move |pin| (device, pin)));
    let route = |(device, pin): (u8, u8)| Route {
        bus: bus(0),
        device,
        pin,
        gsi: 16 + u32::from(device + pin - 1) % 8,
    };
    machine.routes = pins.map(route).collect();
    machine.io_apics = vec![IoApic {
        id: 0,
        address: 0xfec0_0000,
        gsi_base: 0,
    }];
    machine.overrides = vec![InterruptOverride {
        source: 0,
        gsi: 2,
        flags: 0,
    }];
    machine.has_ps2 = true;
    machine.has_rtc = true;
    let channel = |position| Channel { size: 8, position };
    machine.screen = Some(Screen {
        base: 0xfd00_0000,
        size: 800 * 600 * 4,
        width: 800,
        height: 600,
        pitch: 3200,
        bits_per_pixel: 32,
        red: channel(16),
        green: channel(8),
        blue: channel(0),
        reserved: channel(24),
        is_efi: true,
    });
}

/// A bus of segment 0.
pub fn bus(number: u8) -> Bus {
    Bus { segment: 0, number }
}

/// `address("02:00.1")`
pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn functions() -> Vec<Function> {
    use BarKind::{Io, Memory32, Memory64};
    use WindowKind::Memory;
    let port = |at, buses, windows| bridge(at, (0x1b36, 0x000c), buses, windows);
    let switch = |at, buses, windows| bridge(at, (0x104c, 0x8232), buses, windows);
    let mut all = vec![
        function("00:00.0", (0x8086, 0x29c0), (6, 0, 0), &[]),
        function(
            "00:01.0",
            (0x1234, 0x1111),
            (3, 0, 0),
            &[
                (0, Memory32, 8 << 20, 0xfd00_0000),
                (2, Memory32, 4096, 0xfebf_0000),
            ],
        ),
        port("00:02.0", (1, 1), &[(Memory, 0xfe80_0000, 0xfea0_0000)]),
        port(
            "00:03.0",
            (2, 2),
            &[
                (WindowKind::Io, 0xc000, 0xd000),
                (Memory, 0xfe60_0000, 0xfe80_0000),
            ],
        ),
        port("00:04.0", (3, 6), &[(Memory, 0xfe00_0000, 0xfe60_0000)]),
        port("00:05.0", (7, 7), &[(Memory, 0xfdc0_0000, 0xfde0_0000)]),
        function("00:1f.0", (0x8086, 0x2918), (6, 1, 0), &[]),
        function(
            "00:1f.2",
            (0x8086, 0x2922),
            (1, 6, 1),
            &[(4, Io, 32, 0x6040), (5, Memory32, 4096, 0xfebf_1000)],
        ),
        function(
            "00:1f.3",
            (0x8086, 0x2930),
            (0xc, 5, 0),
            &[(4, Io, 64, 0x700)],
        ),
        function(
            "01:00.0",
            (0x1b36, 0x0010),
            (1, 8, 2),
            &[(0, Memory64, 16 << 10, 0xfe80_0000)],
        ),
        function(
            "02:00.0",
            (0x8086, 0x10c9),
            (2, 0, 0),
            &[
                (0, Memory32, 128 << 10, 0xfe60_0000),
                (2, Io, 32, 0xc000),
                (3, Memory32, 16 << 10, 0xfe64_0000),
            ],
        ),
        function(
            "02:00.1",
            (0x8086, 0x10c9),
            (2, 0, 0),
            &[
                (0, Memory32, 128 << 10, 0xfe62_0000),
                (2, Io, 32, 0xc020),
                (3, Memory32, 16 << 10, 0xfe64_4000),
            ],
        ),
        switch("03:00.0", (4, 6), &[(Memory, 0xfe00_0000, 0xfe60_0000)]),
        switch("04:00.0", (5, 5), &[(Memory, 0xfe00_0000, 0xfe20_0000)]),
        switch("04:01.0", (6, 6), &[(Memory, 0xfe20_0000, 0xfe40_0000)]),
        function(
            "05:00.0",
            (0x8086, 0x10d3),
            (2, 0, 0),
            &[(0, Memory32, 128 << 10, 0xfe00_0000)],
        ),
        function(
            "06:00.0",
            (0x1b36, 0x000d),
            (0xc, 3, 0x30),
            &[(0, Memory64, 16 << 10, 0xfe20_0000)],
        ),
        function(
            "07:00.0",
            (0x10ec, 0x8139),
            (2, 0, 0),
            &[(1, Memory32, 256, 0xfdc0_0000)],
        ),
    ];
    all[1].bars[0].prefetchable = true;
    for (at, pin, msi, msix_vectors, flr) in [
        ("00:1f.2", 1, true, 0, false),
        ("00:1f.3", 1, false, 0, false),
        ("01:00.0", 1, false, 65, true),
        ("02:00.0", 1, true, 10, true),
        ("02:00.1", 2, true, 10, true),
        ("05:00.0", 1, true, 5, false),
        ("06:00.0", 1, false, 16, true),
        ("07:00.0", 1, false, 0, false),
    ] {
        let mut functions = all.iter_mut();
        let function = functions.find(|f| f.address == address(at)).unwrap();
        function.interrupt_pin = pin;
        function.msi = msi;
        function.msix_vectors = msix_vectors;
        function.flr = flr;
    }
    // One group for each device: every bridge has ACS.
    let mut group = 0;
    for index in 1..all.len() {
        let slot = |f: &Function| (f.address.bus, f.address.device);
        group += u16::from(slot(&all[index - 1]) != slot(&all[index]));
        all[index].group = group;
    }
    all
}

fn function(
    at: &str,
    (vendor, device_id): (u16, u16),
    (class, subclass, interface): (u8, u8, u8),
    bars: &[(u8, BarKind, u64, u64)],
) -> Function {
    let mut function = Function::new(address(at));
    function.vendor = vendor;
    function.device_id = device_id;
    function.class = class;
    function.subclass = subclass;
    function.interface = interface;
    let bar = |&(index, kind, size, address)| Bar {
        index,
        kind,
        prefetchable: false,
        size,
        address: Some(address),
    };
    function.bars = bars.iter().map(bar).collect();
    function
}

fn bridge(
    at: &str,
    id: (u16, u16),
    (secondary, subordinate): (u8, u8),
    windows: &[(WindowKind, u64, u64)],
) -> Function {
    let mut bridge = function(at, id, (6, 4, 0), &[]);
    let window = |&(kind, start, end)| Window {
        kind,
        region: Region::from_bounds(start, end).unwrap(),
    };
    bridge.bridge = Some(Bridge {
        secondary,
        subordinate,
        windows: windows.iter().map(window).collect(),
    });
    bridge.interrupt_pin = 1;
    bridge.msi = true;
    bridge
}
