//! Finding functions.

use alloc::vec::Vec;

use crate::EcamRange;

use crate::address::{DEVICES, FUNCTIONS};
use crate::bar::{self, BRIDGE_BARS, ENDPOINT_BARS};
use crate::bridge::BridgeRegisters;
use crate::capability::Capabilities;
use crate::config::{ConfigSpace, Registers, high, low};
use crate::function::{Found, Header};
use crate::register::{
    CACHE_LINE, CLASS, INTERRUPT, IO_DECODE, MEMORY_DECODE, MULTI_FUNCTION, ROM, bridge, express,
};
use crate::{Address, Bus, Function, PortType, group};

/// Header type of a function that is no bridge (PCI §6.1).
const HEADER_ENDPOINT: u8 = 0;
/// Header type of a PCI-to-PCI bridge (Bridge §3.2.5).
const HEADER_BRIDGE: u8 = 1;

/// Looks at every function on every bus of the ranges, ascending by address.
///
/// BARs are sized by writing to them: a function's I/O and memory decode is off for that moment
/// and everything is put back. That includes the display controller whose frame buffer the boot
/// loader's screen may be, so no core may draw during the scan; host bridges keep their decode
/// (class 06 00: turning it off cuts the cores from memory on some machines; Linux makes the same
/// exception). A function whose header type is unknown gets its identity read and no more.
#[must_use]
pub fn scan(config: &dyn ConfigSpace, ranges: &[EcamRange]) -> Vec<Function> {
    let mut ranges = ranges.to_vec();
    // Bridges before what they lead to, so that a bus's port is known when the bus is looked at.
    ranges.sort_unstable_by_key(|r| (r.segment, r.first_bus));
    let mut found = Vec::new();
    let mut next = None;
    for range in &ranges {
        for number in range.first_bus..=range.last_bus {
            let bus = Bus {
                segment: range.segment,
                number,
            };
            // A bus that two ranges cover is looked at once.
            if next.is_none_or(|next| bus >= next) {
                scan_bus(config, bus, &mut found);
                next = Some(after(bus));
            }
        }
    }
    found.sort_unstable_by_key(|f| f.address);
    group::number(&mut found);
    found
}

/// The least bus that is greater.
fn after(bus: Bus) -> Bus {
    match bus.number.checked_add(1) {
        Some(number) => Bus { number, ..bus },
        None => Bus {
            segment: bus.segment.saturating_add(1),
            number: 0,
        },
    }
}

fn scan_bus(config: &dyn ConfigSpace, bus: Bus, found: &mut Vec<Function>) {
    let devices = if leads_over_a_link(found, bus) {
        1
    } else {
        DEVICES
    };
    for device in 0..devices {
        scan_device(config, bus, device, found);
    }
    // A device with ARI has its functions above 7 where a bus has devices above 0 (PCIe §6.13).
    let first = found.iter().find(|f| f.bus() == bus);
    let has_ari = first.is_some_and(|f| f.address.device == 0 && f.found.capabilities.ari);
    if devices == 1 && has_ari && forwards_ari(found, bus) {
        for place in FUNCTIONS..=u8::MAX {
            let (device, function) = (place / FUNCTIONS, place % FUNCTIONS);
            found.extend(read_function(config, address(bus, device, function)));
        }
    }
}

/// Whether the bus is a PCI Express link: only device 0 is there, and some devices answer to all
/// the other numbers as well (PCIe §7.3.1; Linux's `only_one_child()`).
fn leads_over_a_link(found: &[Function], bus: Bus) -> bool {
    parent(found, bus).is_some_and(|bridge| {
        matches!(bridge.port, Some(PortType::RootPort | PortType::Downstream))
    })
}

fn forwards_ari(found: &[Function], bus: Bus) -> bool {
    parent(found, bus)
        .and_then(|bridge| bridge.found.capabilities.express)
        .and_then(|e| e.device_control_2)
        .is_some_and(|control| control & express::ARI_FORWARDING != 0)
}

fn parent(found: &[Function], bus: Bus) -> Option<&Function> {
    found.iter().find(|f| f.leads_to(bus))
}

fn scan_device(config: &dyn ConfigSpace, bus: Bus, device: u8, found: &mut Vec<Function>) {
    // Function 0 exists if any does (PCI §3.2.2.3.4).
    let Some(first) = read_function(config, address(bus, device, 0)) else {
        return;
    };
    let multi_function = first.found.multi_function;
    found.push(first);
    if multi_function {
        for function in 1..FUNCTIONS {
            found.extend(read_function(config, address(bus, device, function)));
        }
    }
}

fn address(bus: Bus, device: u8, function: u8) -> Address {
    Address {
        segment: bus.segment,
        bus: bus.number,
        device,
        function,
    }
}

fn read_function(config: &dyn ConfigSpace, address: Address) -> Option<Function> {
    let registers = Registers::new(config, address);
    let id = registers.identity()?;
    let class = registers.read(CLASS);
    let header = registers.read(CACHE_LINE);
    let mut function = Function::new(address);
    function.vendor = low(id);
    function.device_id = high(id);
    [_, function.interface, function.subclass, function.class] = class.to_le_bytes();
    function.found = Found {
        command: registers.command(),
        cache_line: low(header),
        multi_function: header & MULTI_FUNCTION != 0,
        ..Found::default()
    };
    match ((header >> 16) & 0x7f) as u8 {
        HEADER_ENDPOINT => {
            function.found.header = Header::Endpoint;
            read_details(registers, &mut function, ENDPOINT_BARS, ROM);
        }
        HEADER_BRIDGE => {
            function.found.header = Header::Bridge;
            function.found.bridge = BridgeRegisters::read(registers);
            function.bridge = Some(function.found.bridge.describe());
            read_details(registers, &mut function, BRIDGE_BARS, bridge::ROM);
        }
        _ => {}
    }
    Some(function)
}

fn read_details(registers: Registers<'_>, function: &mut Function, bars: u8, rom: u16) {
    let interrupt = registers.read(INTERRUPT);
    let capabilities = Capabilities::read(registers);
    let [line, pin, ..] = interrupt.to_le_bytes();
    function.interrupt_pin = match pin {
        pin @ 1..=4 => pin,
        _ => 0,
    };
    function.msi = capabilities.msi.is_some();
    function.msix_vectors = capabilities.msix_vectors;
    function.port = capabilities.express.and_then(|e| e.port);
    function.flr = capabilities.express.is_some_and(|e| e.flr) || capabilities.advanced.is_some();
    function.found.interrupt_line = line;
    function.found.rom = registers.read(rom);
    function.found.capabilities = capabilities;
    function.bars = size_bars(registers, function, bars);
}

fn size_bars(registers: Registers<'_>, function: &Function, count: u8) -> Vec<bar::Bar> {
    let decode = function.found.command & (IO_DECODE | MEMORY_DECODE);
    let keeps_decode = function.class == 0x06 && function.subclass == 0x00;
    if decode == 0 || keeps_decode {
        return bar::size(registers, count);
    }
    registers.set_command(function.found.command & !decode);
    let bars = bar::size(registers, count);
    registers.set_command(function.found.command);
    bars
}
