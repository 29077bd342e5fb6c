//! Configuration spaces of PCI functions, and a USB controller.

use std::cell::Cell;

use bulkhead_pci::{
    Address, Clock, ConfigSpace, EcamRange, Grant, Route, answer, assign, check, count, routes,
    scan, unit,
};
use bulkhead_tables::link::Told;
use bulkhead_usb::{Host, Io, needs};

use crate::Target;
use crate::bytes::{Plan, piece};
use crate::made::usb::device::{Device, Kind, Speed};
use crate::made::usb::fake::Fake;

pub(crate) const TARGETS: [Target; 4] = [
    Target {
        name: "pci",
        most: 4096,
        run: pci,
        seeds: pci_seeds,
    },
    Target {
        name: "xhci",
        most: 1024,
        run: xhci,
        seeds: || {
            let mut registers = vec![0u8; 0x100];
            registers[0] = 0x20;
            registers[2..4].copy_from_slice(&[0, 1]);
            registers[4..8].copy_from_slice(&[8, 1, 0, 4]);
            registers[0x10..0x18].copy_from_slice(&[5, 0, 8, 0, 0x80, 0, 0, 0]);
            registers[0x28] = 1;
            vec![registers]
        },
    },
    Target {
        name: "usb",
        most: 512,
        run: usb,
        seeds: || {
            let report = |usage: u8| [&[0, 1][..], &piece(&[0, 0, usage, 0, 0, 0, 0, 0])].concat();
            let device = [18, 1, 0, 2, 0, 0, 0, 64];
            let configuration = [
                9, 2, 34, 0, 1, 1, 8, 0xa0, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1,
                0x22, 0x3f, 0, 7, 5, 0x81, 3, 8, 0, 7,
            ];
            vec![
                [&[0][..], &report(4), &report(0), &[2, 3, 1, 4]].concat(),
                [&[5][..], &[0, 1], &piece(&[2, 0])].concat(),
                [
                    &[8][..],
                    &piece(&device),
                    &piece(&configuration),
                    &report(5),
                ]
                .concat(),
            ]
        },
    },
    Target {
        name: "link_function",
        most: 4096,
        run: |bytes| drop(Told::read(bytes)),
        seeds: || vec![vec![0; 256]],
    },
];

/// So many bytes of each function are told, half of them beyond what PCI itself has; the rest is zero.
const EACH: usize = 512;

/// Functions at the first places of a bus, with those registers.
struct Made<'a> {
    bytes: &'a [u8],
    waited_us: Cell<u64>,
}

impl ConfigSpace for Made<'_> {
    fn read(&self, a: Address, offset: u16) -> u32 {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
        // Eight devices, one function each, on the first buses.
        let place = usize::from(a.bus) * 4 + usize::from(a.device);
        if a.segment != 0 || a.device >= 4 || a.function != 0 || place * EACH >= self.bytes.len() {
            return u32::MAX;
        }
        let at = place * EACH + usize::from(offset);
        let is_there = usize::from(offset) < EACH;
        let byte = |nth: usize| self.bytes.get(at + nth).filter(|_| is_there).copied();
        u32::from_le_bytes([0, 1, 2, 3].map(|nth| byte(nth).unwrap_or(0)))
    }

    fn write(&self, _: Address, offset: u16, _: u32) {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
    }
}

impl Clock for Made<'_> {
    fn wait_us(&self, us: u64) {
        self.waited_us.set(self.waited_us.get() + us);
    }
}

fn pci(bytes: &[u8]) {
    let made = Made {
        bytes,
        waited_us: Cell::new(0),
    };
    let range = EcamRange {
        base: 0xb000_0000,
        segment: 0,
        first_bus: 0,
        last_bus: 255,
    };
    assert!(count(&made, &[range]) <= 1 << 16);
    let functions = scan(&made, &[range], 64, |_, _| {}).functions;
    let mut buses: Vec<_> = functions.iter().map(|one| one.address.bus()).collect();
    buses.dedup();
    let units: Vec<_> = buses
        .into_iter()
        .filter_map(|bus| unit(&functions, bus).ok())
        .collect();
    let machine = [Route {
        bus: bulkhead_pci::Bus {
            segment: 0,
            number: 0,
        },
        device: 0,
        pin: 1,
        gsi: 16,
    }];
    for unit in &units {
        let mut assigned = functions.clone();
        let verdict = assign(&mut assigned, unit);
        assert_eq!(check(&functions, unit), verdict);
        if verdict.is_ok() {
            assert_eq!(check(&assigned, unit), Ok(()));
        }
        assert!(routes(&functions, &machine, unit).len() <= 128);
    }
    let grant = Grant::new(&functions, &units);
    grant.prepare(&made);
    grant.quiet(&made, &made, &mut |stuck| {
        assert!(!stuck.to_string().is_empty())
    });
    for function in &functions {
        let _ = answer(&made, function);
    }
}

fn pci_seeds() -> Vec<Vec<u8>> {
    let function = |device: u8, fields: &[(usize, &[u8])]| {
        let mut bytes = vec![0; EACH];
        bytes[..4].copy_from_slice(&[0x36, 0x1b, device, 0]);
        bytes[4..8].copy_from_slice(&[7, 0, 0x10, 0]);
        for (at, value) in fields {
            bytes[*at..*at + value.len()].copy_from_slice(value);
        }
        bytes
    };
    let bridge = function(
        1,
        &[
            (0xa, &[4, 6]),
            (0xe, &[1]),
            (0x18, &[0, 1, 1]),
            (0x34, &[0x40]),
            (0x40, &[0x10, 0, 0x42, 0]),
        ],
    );
    let msi_x = [0x11, 0x50, 3, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    let nvme = function(
        2,
        &[
            (8, &[0, 2, 8, 1]),
            (0x10, &[4, 0, 0, 0xfe]),
            (0x34, &[0x40]),
            (0x40, &msi_x),
            (0x50, &[0x10, 0, 2, 0]),
            // Extended capabilities: ACS, SR-IOV, and one that leads back.
            (0x100, &[0xd, 0, 1, 0x12]),
            (0x120, &[0x10, 0, 1, 0x16]),
            (0x160, &[0xf, 0, 1, 0x10]),
        ],
    );
    let none = vec![0xff; EACH];
    vec![[&bridge[..], &none, &none, &none, &nvme].concat(), nvme]
}

/// Registers that say always the same, and memory that says that, too.
struct Registers<'a>(&'a [u8]);

impl Io for Registers<'_> {
    fn read(&self, offset: u32) -> u32 {
        let Some(length) = u32::try_from(self.0.len())
            .ok()
            .filter(|length| *length > 0)
        else {
            return 0;
        };
        let byte = |nth: u32| self.0[(offset.wrapping_add(nth) % length) as usize];
        u32::from_le_bytes([0, 1, 2, 3].map(byte))
    }
    fn write(&mut self, _: u32, _: u32) {}
    fn load(&self, offset: u32) -> u32 {
        self.read(offset)
    }
    fn store(&mut self, _: u32, _: u32) {}
    fn base(&self) -> u32 {
        0x1000_0000
    }
}

fn xhci(bytes: &[u8]) {
    let mut registers = Registers(bytes);
    let Ok(needs) = needs(&registers) else {
        return;
    };
    let mut host = Host::new(&registers, needs);
    host.start(&mut registers, 0);
    for now in 0..300 {
        let _ = host.poll(&mut registers, now);
    }
    host.halt(&mut registers);
    let _ = (host.has_halted(&registers), host.is_reset(&registers));
}

/// A device that says these descriptors, or sound ones, and then what it does: reports, other devices,
/// events that no controller sends. The made controller looks at each thing that it is told.
fn usb(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let kind = plan.u8();
    let mut fake = Fake::new();
    let needs = fake.give_memory();
    let mut host = Host::new(&fake, needs);
    host.start(&mut fake, 0);
    let made = |kind: u8| {
        let speed = [Speed::Full, Speed::Low, Speed::High][usize::from(kind) % 3];
        match kind >> 1 & 3 {
            2 => Device::new(Kind::Hub { ports: 4 }, speed)
                .with(1, Device::new(Kind::Keyboard, Speed::Low)),
            3 => Device::new(Kind::Mouse, speed),
            _ => Device::new(Kind::Keyboard, speed),
        }
    };
    let mut device = made(kind);
    if kind & 8 != 0 {
        device.said = vec![plan.piece().to_vec(), plan.piece().to_vec()];
    }
    fake.plug(1, device);
    let mut now = 0;
    let mut run = |host: &mut Host, fake: &mut Fake, ms: u64| {
        for _ in 0..ms {
            now += 1;
            while host.poll(fake, now).is_some() {}
        }
    };
    run(&mut host, &mut fake, 600);
    while !plan.is_over() {
        match plan.u8() % 4 {
            0 => {
                let code = u32::from(plan.u8());
                fake.send(&[1], plan.piece(), code);
            }
            1 => {
                let code = u32::from(plan.u8());
                fake.send(&[1, 1], plan.piece(), code);
            }
            2 => fake.plug(2 + plan.below(3), made(plan.u8())),
            _ => fake.unplug(1 + plan.below(4)),
        }
        run(&mut host, &mut fake, 200);
    }
    host.halt(&mut fake);
}
