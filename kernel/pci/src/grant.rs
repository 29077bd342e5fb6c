//! A claim's functions as the running system keeps them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use bulkhead_memory::sort_by_key;

use crate::config::{ConfigSpace, Registers};
use crate::quiet::{Gate, silence};
use crate::register::{BUS_MASTER, IO_DECODE, MEMORY_DECODE};
use crate::setup::{Presence, Reset, Setup};
use crate::watchdog::{Outcome, Platform, Watchdog};
use crate::{Address, Function, Unit, WindowKind};

/// All that is needed to set a claim's functions up before a launch and to quiet them after an
/// end. It is made once; applying it takes no heap, and any core can do it.
///
/// Left alone, both ways, are the chipset's own bridges on a root bus (host, ISA: class 06,
/// subclasses 00 to 02) and the slot registers of hot-plug ports.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Bridges above the units, each after those above it.
    path: Box<[Upstream]>,
    pub(crate) gates: Box<[Gate]>,
    /// Ascending by address in each unit, so a bridge comes before what is below it.
    pub(crate) functions: Box<[Setup]>,
    watchdogs: Box<[Watchdog]>,
}

/// Watchdogs that a grant takes: a chipset has one, a server's management processor another.
const MOST_WATCHDOGS: usize = 8;

/// A bridge above a unit, which belongs to Bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Upstream {
    bridge: Address,
    /// Command bits to turn on: bus mastering, and decode for what it has windows for. A bridge
    /// without a window may hold whatever it had at reset, which is one that begins at 0.
    command: u16,
}

impl Grant {
    /// The grant of some units (of one claim), whose functions are among `functions`, after
    /// [`assign`](crate::assign).
    #[must_use]
    pub fn new(functions: &[Function], units: &[Unit]) -> Self {
        let mut path: Vec<Upstream> = Vec::new();
        let mut gates = Vec::new();
        // A grant may have all functions of the machine: growing would take their room three times.
        let members = units.iter().map(|unit| unit.functions.len()).sum();
        let mut setups = Vec::with_capacity(members);
        for unit in units {
            for &address in &unit.path {
                let new = upstream(functions, address);
                if !path.contains(&new) {
                    path.push(new);
                }
            }
            add_unit(functions, unit, &mut gates, &mut setups);
        }
        Self {
            path: path.into(),
            gates: gates.into(),
            functions: setups.into(),
            watchdogs: watchdogs(functions, units),
        }
    }

    /// Stops the watchdogs of the functions; `report` gets what became of each. Any core can do it,
    /// and it waits for nothing.
    ///
    /// To be done before [`quiet`](Self::quiet), which takes its time, and once more after it: what a
    /// Linux has put to sleep, or behind a bridge that it has given other numbers, answers only then.
    pub fn stop_watchdogs(
        &self,
        config: &dyn ConfigSpace,
        platform: &dyn Platform,
        report: &mut dyn FnMut(Address, Outcome),
    ) {
        for watchdog in &self.watchdogs {
            report(watchdog.address, watchdog.stop(config, platform));
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.path.is_empty()
    }

    /// Whether a function is in it.
    #[must_use]
    pub fn has(&self, address: Address) -> bool {
        self.functions.iter().any(|f| f.address == address)
    }

    /// How many functions are in it.
    #[must_use]
    pub fn functions(&self) -> usize {
        self.functions.len()
    }

    /// Before a launch: every function gets its registers as found at boot (BARs as assigned),
    /// with bus mastering, MSI, MSI-X, INTx and expansion ROM off; then the bridges above are
    /// turned on. Takes no time to speak of and waits for nothing.
    ///
    /// A function that has vanished, or in whose place another one answers, is not touched.
    pub fn prepare(&self, config: &dyn ConfigSpace) {
        // At the first launch the firmware's drivers may have left a function mastering.
        silence(&self.functions, config);
        for setup in &self.functions {
            if setup.presence(config) == Presence::Here {
                setup.prepare(config);
            }
        }
        for upstream in &self.path {
            let registers = Registers::new(config, upstream.bridge);
            if registers.identity().is_some() {
                registers.change_command(0, upstream.command);
            }
        }
    }
}

fn watchdogs(functions: &[Function], units: &[Unit]) -> Box<[Watchdog]> {
    let is_meant = |f: &&Function| {
        let mut all = units.iter();
        all.any(|unit| unit.functions.binary_search(&f.address).is_ok())
    };
    let meant = functions.iter().filter(is_meant);
    meant
        .filter_map(Watchdog::of)
        .take(MOST_WATCHDOGS)
        .collect()
}

fn upstream(functions: &[Function], bridge: Address) -> Upstream {
    let found = functions.iter().find(|f| f.address == bridge);
    let windows = found.and_then(|f| f.bridge.as_ref()).map(|b| &b.windows);
    let decode = windows
        .into_iter()
        .flatten()
        .fold(0, |bits, w| match w.kind {
            WindowKind::Io => bits | IO_DECODE,
            WindowKind::Memory | WindowKind::Prefetchable => bits | MEMORY_DECODE,
        });
    Upstream {
        bridge,
        command: BUS_MASTER | decode,
    }
}

fn add_unit(functions: &[Function], unit: &Unit, gates: &mut Vec<Gate>, setups: &mut Vec<Setup>) {
    let first_gate = gates.len();
    let mut spans = Vec::new();
    let mut add_gate = |bridge: Address, buses: (u8, u8)| {
        let express = functions
            .iter()
            .find(|f| f.address == bridge)
            .and_then(|f| f.found.capabilities.express);
        let mut gate = Gate::new(bridge, express);
        // Also what is deeper down: the reset goes on from bridge to bridge.
        gate.never_resets = functions.iter().any(|f| {
            let is_below =
                (buses.0..=buses.1).contains(&f.address.bus) && f.address.segment == bridge.segment;
            f.is_lost_by_bus_reset() && (is_below || f.address == bridge)
        });
        gates.push(gate);
        spans.push(buses);
    };
    let mut members: Vec<&Function> = functions
        .iter()
        .filter(|f| unit.functions.binary_search(&f.address).is_ok())
        .collect();
    sort_by_key(&mut members, |f| f.address);
    match unit.bridge {
        Some(bridge) => add_gate(bridge, (unit.bus.number, unit.last)),
        None => members
            .iter()
            .filter(|f| f.bus() == unit.bus)
            .filter_map(|f| Some((f.address, f.buses()?)))
            // An empty slot's link never comes up: it is not to be waited for.
            .filter(|&(_, (first, last))| {
                let below = |f: &&Function| (first..=last).contains(&f.address.bus);
                members.iter().any(below)
            })
            .for_each(|(address, buses)| add_gate(address, buses)),
    }
    for f in members {
        let is_root = unit.bridge.is_none() && f.bus() == unit.bus;
        if is_root && f.is_platform_bridge() {
            continue;
        }
        let at = spans
            .iter()
            .position(|&(first, last)| !is_root && (first..=last).contains(&f.address.bus))
            .map(|at| first_gate + at);
        let reset = own_reset(f, at.is_none_or(|at| gates[at].never_resets));
        if let Some(at) = at
            && reset == Reset::None
            && !f.is_bridge()
            && !gates[at].never_resets
        {
            gates[at].resets = true;
        }
        setups.push(Setup::new(
            f,
            at.and_then(|at| u16::try_from(at).ok()),
            reset,
        ));
    }
}

/// How a function is reset by itself; `alone`: there is no resetting its bus. Bridges are not:
/// [`Grant::prepare`] sets all of theirs.
fn own_reset(f: &Function, alone: bool) -> Reset {
    let capabilities = &f.found.capabilities;
    if f.is_bridge() {
        Reset::None
    } else if !f.hangs_by_flr() && capabilities.express.is_some_and(|e| e.flr) {
        Reset::Function
    } else if !f.hangs_by_flr() && capabilities.advanced.is_some() {
        Reset::Advanced
    } else if alone && capabilities.power.is_some() && capabilities.power_resets {
        Reset::Power
    } else {
        Reset::None
    }
}
