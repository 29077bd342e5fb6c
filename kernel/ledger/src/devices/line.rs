//! Interrupt lines that lead to two owners. Such a line is on as long as any device on it asks; a Linux that
//! hears it, and has nobody who answers, turns it off for good (`nobody cared`), and with it the device
//! that has nothing else. Whether a function uses its MSI is its Linux's affair, and may change at any
//! time: so this is said, and not refused.
//!
//! Bridges are left out: those of PCI Express that interrupt have MSI, which stock Linuxes take for them.

use alloc::vec::Vec;

use bulkhead_model::{Devices, Machine, Warning};
use bulkhead_pci::{Address, Function};

use super::interrupt::{gsi, is_pin_only};
use crate::Partition;

/// The lines that `partition` shares with each other one, where one of the two has nothing but that line.
/// Of several functions on it the first is named.
pub(crate) fn shared_lines<'a>(
    partition: &Partition,
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> Vec<Warning> {
    let own = &partition.claim.devices;
    let mut warnings = Vec::new();
    for other in others {
        let theirs = &other.claim.devices;
        for (hears, may_hold, is_theirs) in [(own, theirs, false), (theirs, own, true)] {
            let mut lines = Line::needed(hears, machine);
            Line::look_for_others(&mut lines, may_hold, machine);
            warnings.extend(lines.into_iter().filter_map(|line| {
                Some(Warning::SharedLine {
                    gsi: line.gsi,
                    needs: line.needs,
                    beside: line.beside?,
                    more: line.more,
                    other: other.definition.name.clone(),
                    is_theirs,
                })
            }));
        }
    }
    warnings
}

/// A line that somebody has nothing but.
struct Line {
    gsi: u32,
    /// The first function that has not.
    needs: Address,
    /// The first function of another's on it.
    beside: Option<Address>,
    /// How many more of these there are.
    more: usize,
}

impl Line {
    /// Those that the owner of `devices` hears and needs.
    fn needed(devices: &Devices, machine: &Machine) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        if devices.io_apics.is_empty() {
            return lines;
        }
        for (gsi, needs) in pins(devices, machine, is_pin_only) {
            let is_new = lines.iter().all(|line| line.gsi != gsi);
            if is_new && devices.has_gsi(machine, gsi) {
                lines.push(Self {
                    gsi,
                    needs,
                    beside: None,
                    more: 0,
                });
            }
        }
        lines
    }

    /// Takes note of the functions of another's `devices` that are on them.
    fn look_for_others(lines: &mut [Self], devices: &Devices, machine: &Machine) {
        if lines.is_empty() {
            return;
        }
        for (gsi, function) in pins(devices, machine, |_| true) {
            let mut lines = lines.iter_mut();
            match lines.find(|line| line.gsi == gsi) {
                Some(line) if line.beside.is_some() => line.more += 1,
                Some(line) => line.beside = Some(function),
                None => {}
            }
        }
    }
}

/// Functions that may interrupt by their pins, and where these lead, as far as that is known.
fn pins<'a>(
    devices: &'a Devices,
    machine: &'a Machine,
    is_meant: impl Fn(&Function) -> bool + 'a,
) -> impl Iterator<Item = (u32, Address)> + 'a {
    let own = devices.units.iter().flat_map(|unit| &unit.functions);
    let own = own.filter_map(|address| machine.function(*address));
    own.filter(move |function| !function.is_bridge() && is_meant(function))
        .filter_map(|function| Some((gsi(devices, function, machine)?, function.address)))
}
