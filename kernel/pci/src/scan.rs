//! Finding functions.

use alloc::vec::Vec;
use bulkhead_memory::sort_by_key;

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

/// What [`scan`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The functions, ascending by address.
    pub functions: Vec<Function>,
    /// How many more there are: all those on buses that had no room any more.
    pub left_out: usize,
}

/// How many functions there are on all buses of the ranges. Nothing is written to them.
#[must_use]
pub fn count(config: &dyn ConfigSpace, ranges: &[EcamRange]) -> usize {
    let mut count = 0;
    for_each_bus(ranges, &mut Above::default(), |bus, above| {
        let mut add = |_| count += 1;
        scan_bus(config, bus, above, identify, &mut add);
    });
    count
}

/// Looks at every function on every bus of the ranges. Memory is taken once, for at most `most` of
/// them ([`count`] tells how many there are); buses are taken whole, and from the first one on that
/// does not fit, functions are only counted. `progress` is told how many were looked at, and on which
/// bus the last one is, as soon as that one is as it was before.
///
/// BARs are sized by writing to them: a function's I/O and memory decode is off for that moment
/// and everything is put back. That includes the display controller whose frame buffer the boot
/// loader's screen may be, so no core may draw during the scan but in `progress`; host bridges keep their decode
/// (class 06 00: turning it off cuts the cores from memory on some machines; Linux makes the same
/// exception). A function whose header type is unknown gets its identity read and no more.
#[must_use]
pub fn scan(
    config: &dyn ConfigSpace,
    ranges: &[EcamRange],
    most: usize,
    mut progress: impl FnMut(usize, Bus),
) -> Scan {
    let mut functions: Vec<Function> = Vec::new();
    // Growing as they come would take the memory three times for a moment.
    let most = functions.try_reserve_exact(most).map_or(0, |()| most);
    let (mut left_out, mut seen) = (0, 0);
    for_each_bus(ranges, &mut Above::default(), |bus, above| {
        let before = functions.len();
        let mut surplus = left_out;
        let mut keep = |function| {
            seen += 1;
            progress(seen, bus);
            if left_out == 0 && surplus == 0 && functions.len() < most {
                functions.push(function);
            } else {
                surplus += 1;
            }
        };
        scan_bus(config, bus, above, read_function, &mut keep);
        if surplus > left_out {
            left_out = surplus + functions.drain(before..).len();
        }
    });
    sort_by_key(&mut functions, |f| f.address);
    group::number(&mut functions);
    Scan {
        functions,
        left_out,
    }
}

/// What leads to buses that are still to be looked at: a note for each, by the first bridge that
/// leads there. Ascending.
#[derive(Default)]
struct Above(Vec<Below>);

/// A bus below a bridge.
#[derive(Clone, Copy)]
struct Below {
    bus: Bus,
    /// The bus is a PCI Express link: only device 0 is there, and some devices answer to all the
    /// other numbers as well (PCIe §7.3.1; Linux's `only_one_child()`).
    is_link: bool,
    /// The bridge forwards to a device's functions above 7.
    forwards_ari: bool,
}

impl Above {
    fn add(&mut self, bridge: &Function) {
        let Some((number, _)) = bridge.buses() else {
            return;
        };
        let bus = Bus {
            number,
            ..bridge.bus()
        };
        let Err(place) = self.find(bus) else {
            return;
        };
        let express = bridge.found.capabilities.express;
        let control = express.and_then(|express| express.device_control_2);
        let below = Below {
            bus,
            is_link: matches!(bridge.port, Some(PortType::RootPort | PortType::Downstream)),
            forwards_ari: control.is_some_and(|control| control & express::ARI_FORWARDING != 0),
        };
        self.0.insert(place, below);
    }

    fn find(&self, bus: Bus) -> Result<usize, usize> {
        self.0.binary_search_by_key(&bus, |below| below.bus)
    }

    fn get(&self, bus: Bus) -> Option<Below> {
        self.find(bus).ok().map(|place| self.0[place])
    }
}

/// Calls `look` for every bus of the ranges, once, bridges before what they lead to: so a bus's
/// port is known when the bus is looked at.
fn for_each_bus(ranges: &[EcamRange], above: &mut Above, mut look: impl FnMut(Bus, &mut Above)) {
    let mut ranges = ranges.to_vec();
    sort_by_key(&mut ranges, |r| (r.segment, r.first_bus));
    let mut next = None;
    for range in &ranges {
        for number in range.first_bus..=range.last_bus {
            let bus = Bus {
                segment: range.segment,
                number,
            };
            // A bus that two ranges cover is looked at once.
            if next.is_none_or(|next| bus >= next) {
                look(bus, above);
                next = Some(after(bus));
            }
        }
    }
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

/// Reads what there is at an address.
type Read = fn(&dyn ConfigSpace, Address) -> Option<Function>;

fn scan_bus(
    config: &dyn ConfigSpace,
    bus: Bus,
    above: &mut Above,
    read: Read,
    keep: &mut impl FnMut(Function),
) {
    let below = above.get(bus);
    let is_link = below.is_some_and(|below| below.is_link);
    let mut has_ari = false;
    let mut add = |function: Function| {
        above.add(&function);
        keep(function);
    };
    for device in 0..if is_link { 1 } else { DEVICES } {
        // Function 0 exists if any does (PCI §3.2.2.3.4).
        let Some(first) = read(config, address(bus, device, 0)) else {
            continue;
        };
        has_ari |= device == 0 && first.found.capabilities.ari;
        let multi_function = first.found.multi_function;
        add(first);
        if multi_function {
            for function in 1..FUNCTIONS {
                read(config, address(bus, device, function))
                    .into_iter()
                    .for_each(&mut add);
            }
        }
    }
    // A device with ARI has its functions above 7 where a bus has devices above 0 (PCIe §6.13).
    if is_link && has_ari && below.is_some_and(|below| below.forwards_ari) {
        for place in FUNCTIONS..=u8::MAX {
            let (device, function) = (place / FUNCTIONS, place % FUNCTIONS);
            read(config, address(bus, device, function))
                .into_iter()
                .for_each(&mut add);
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

/// A function without its BARs, which can't be sized by reading alone.
fn identify(config: &dyn ConfigSpace, address: Address) -> Option<Function> {
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
            read_details(registers, &mut function, ROM);
        }
        HEADER_BRIDGE => {
            function.found.header = Header::Bridge;
            function.found.bridge = BridgeRegisters::read(registers);
            function.bridge = Some(function.found.bridge.describe());
            read_details(registers, &mut function, bridge::ROM);
        }
        _ => {}
    }
    Some(function)
}

fn read_function(config: &dyn ConfigSpace, address: Address) -> Option<Function> {
    let mut function = identify(config, address)?;
    let bars = match function.found.header {
        Header::Endpoint => ENDPOINT_BARS,
        Header::Bridge => BRIDGE_BARS,
        Header::Unknown => return Some(function),
    };
    function.bars = size_bars(Registers::new(config, address), &function, bars);
    Some(function)
}

fn read_details(registers: Registers<'_>, function: &mut Function, rom: u16) {
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
