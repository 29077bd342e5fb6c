//! After an end: nothing of the claim may touch memory any more.

use core::fmt;

use crate::capability::Express;
use crate::config::{Clock, ConfigSpace, Registers};
use crate::register::{BUS_MASTER, express};
use crate::setup::{Presence, Reset, Setup};
use crate::stop::{POWER_US, RECOVERY_US, hold_reset, release_reset};
use crate::{Address, Grant};

/// How often something that is waited for is looked at, in microseconds.
const POLL_US: u64 = 1_000;
/// The longest wait for pending transactions, in microseconds (PCIe §6.6.2 advises to wait; Linux
/// gives them 100 ms in the first rounds as well).
const PENDING_US: u64 = 100_000;
/// How long a bus is held in reset, in microseconds: at least 1 ms (PCI §4.3.2, PCIe §6.6.1).
const HOLD_US: u64 = 2_000;
/// A function has this long after a reset before it may be spoken to, in microseconds
/// (PCIe §6.6.1, §6.6.2).
const RESET_US: u64 = 100_000;
/// The longest wait for a function to answer after that, in microseconds (PCIe §6.6.1).
const ANSWER_US: u64 = 1_000_000;
/// The longest wait for links to come up, in microseconds.
const LINK_US: u64 = 1_000_000;

/// A function that [`Grant::quiet`] could not quiet. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The function, or the bridge above the unit.
    pub address: Address,
    /// What is the matter, as what follows the address in a sentence.
    pub why: &'static str,
    /// Whether it, or what is below it, may still reach memory.
    pub reaches_memory: bool,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.why)
    }
}

/// The bridge that all traffic between memory and some functions has to pass: the one above a
/// unit, or, in the unit of a root bus, one on that bus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub(crate) bridge: Address,
    /// Where Link Status says whether the link below is up, if it does.
    link: Option<u16>,
    /// Its bus has to be reset: a function below has no other way.
    pub(crate) resets: bool,
    /// Its bus must not be reset: a function there would be lost.
    pub(crate) never_resets: bool,
}

impl Gate {
    pub(crate) fn new(bridge: Address, express: Option<Express>) -> Self {
        Self {
            bridge,
            link: express
                .filter(|e| e.reports_link)
                .map(|e| e.register(express::LINK_CONTROL)),
            resets: false,
            never_resets: false,
        }
    }

    fn registers(self, config: &dyn ConfigSpace) -> Registers<'_> {
        Registers::new(config, self.bridge)
    }

    fn is_up(self, config: &dyn ConfigSpace) -> bool {
        self.link
            .is_none_or(|at| self.registers(config).read(at) & express::LINK_ACTIVE != 0)
    }
}

impl Grant {
    /// After an end, before any memory is used again: stops all DMA and interrupts of the
    /// functions and resets them.
    ///
    /// In this order: bus numbers and power that a Linux may have changed put back; every
    /// function's bus mastering, MSI, MSI-X, INTx and virtual functions off; pending transactions
    /// waited for (at most 100 ms); bus mastering off at the bridge above, so that nothing below
    /// reaches memory; then function-level resets, all at once. If a function has none, the whole
    /// bus of the bridge above it is reset instead, and so it is if a function doesn't come back.
    /// On a root bus, which nothing resets, it is D3hot and back, or only off. In the end bus
    /// mastering is off everywhere, functions and bridge above; [`Grant::prepare`] turns the
    /// latter on again.
    ///
    /// The bridge comes after the functions because it answers what it may not pass on with an
    /// error (Unsupported Request), which a server's firmware may make an NMI for all.
    ///
    /// Takes about 0.1 s, and at most 5.5 s if functions stay away. `report` gets each that did.
    pub fn quiet(
        &self,
        config: &dyn ConfigSpace,
        clock: &dyn Clock,
        report: &mut dyn FnMut(Stuck),
    ) {
        Quieting {
            grant: self,
            config,
            clock,
        }
        .run(report);
    }
}

/// Silences functions, those below a bridge before the bridge.
pub(crate) fn silence(functions: &[Setup], config: &dyn ConfigSpace) {
    for f in functions.iter().rev() {
        if f.presence(config) == Presence::Here {
            f.silence(config);
        }
    }
}

struct Quieting<'a> {
    grant: &'a Grant,
    config: &'a dyn ConfigSpace,
    clock: &'a dyn Clock,
}

impl Quieting<'_> {
    fn run(&self, report: &mut dyn FnMut(Stuck)) {
        if self.grant.is_empty() {
            return;
        }
        self.bring_back(false);
        silence(&self.grant.functions, self.config);
        self.grant.hush_strangers(self.config);
        let functions = &self.grant.functions;
        self.poll(PENDING_US, || {
            !functions.iter().any(|f| f.is_pending(self.config))
        });
        // Whatever the functions do: a write to the bridge completes after the posted writes that
        // were ahead of its completion on the way up (PCIe §2.4.1), and nothing follows them.
        for gate in &self.grant.gates {
            gate.registers(self.config).change_command(BUS_MASTER, 0);
        }
        self.reset();
        self.finish(report);
    }

    /// Resets what has a way to be reset.
    fn reset(&self) {
        let by_itself = |f: &Setup| !f.gate.is_some_and(|at| self.gate_resets(at));
        self.each_present(|f| {
            if by_itself(f) {
                f.begin_function_reset(self.config);
            }
        });
        // Those only whose bus nothing resets; they have no function-level reset.
        let by_power = |f: &&Setup| f.reset == Reset::Power;
        if self.grant.functions.iter().any(|f| by_power(&f)) {
            let functions = || self.grant.functions.iter().filter(by_power);
            functions().for_each(|f| f.power_reset(self.config, true));
            self.clock.wait_us(POWER_US);
            functions().for_each(|f| f.power_reset(self.config, false));
            self.clock.wait_us(POWER_US);
        }
        self.reset_buses(|_, gate| gate.resets);
        let resets =
            |f: &Setup| f.reset != Reset::None || f.gate.is_some_and(|at| self.gate_resets(at));
        if !self.grant.functions.iter().any(resets) {
            return;
        }
        self.clock.wait_us(RESET_US);
        self.bring_back(true);
        // What a reset of its own did not bring back gets the harder one.
        let again = self.reset_buses(|at, gate| {
            !(gate.resets || gate.never_resets)
                && self.grant.functions.iter().any(|f| {
                    f.gate.map(usize::from) == Some(at)
                        && f.presence(self.config) == Presence::Absent
                })
        });
        if again {
            self.clock.wait_us(RESET_US);
            self.bring_back(true);
        }
    }

    fn gate_resets(&self, at: u16) -> bool {
        self.grant
            .gates
            .get(usize::from(at))
            .is_some_and(|gate| gate.resets)
    }

    /// Resets the buses below some gates together and waits for their links; whether there were
    /// any.
    fn reset_buses(&self, wanted: impl Fn(usize, &Gate) -> bool) -> bool {
        let mut any = false;
        for (at, gate) in self.grant.gates.iter().enumerate() {
            if wanted(at, gate) {
                hold_reset(gate.registers(self.config));
                any = true;
            }
        }
        if any {
            self.clock.wait_us(HOLD_US);
            // Gates that weren't held are not in reset: nothing happens to them.
            for gate in &self.grant.gates {
                release_reset(gate.registers(self.config));
            }
            let gates = &self.grant.gates;
            self.poll(LINK_US, || gates.iter().all(|g| g.is_up(self.config)));
        }
        any
    }

    /// Waits until every function answers, at most [`ANSWER_US`], and makes bridges pass on what
    /// is below them, from the top down: a reset has taken their numbers, or a Linux has changed
    /// them. Unless `patient`, absent functions are waited for only if something has changed.
    fn bring_back(&self, patient: bool) {
        let mut patient = patient;
        let mut left = ANSWER_US;
        loop {
            let mut wait = 0;
            let mut missing = false;
            let mut opened: Option<&Setup> = None;
            for f in &self.grant.functions {
                // What is below a bridge that was just opened is not ready to be spoken to.
                if opened.is_some_and(|bridge| bridge.may_lead_to(f)) {
                    continue;
                }
                match f.presence(self.config) {
                    Presence::Here => {
                        let needed = f.reopen(self.config);
                        if needed >= RECOVERY_US {
                            opened = Some(f);
                        }
                        wait = needed.max(wait);
                    }
                    Presence::Other => {}
                    Presence::Absent => missing = true,
                }
            }
            patient |= wait > 0;
            let is_done = wait == 0 && (!missing || !patient);
            if is_done || left == 0 {
                return;
            }
            let step = wait.max(POLL_US).min(left);
            self.clock.wait_us(step);
            left -= step;
        }
    }

    /// Says of every function, and of every gate, what is not as it should be.
    fn finish(&self, report: &mut dyn FnMut(Stuck)) {
        for gate in &self.grant.gates {
            let registers = gate.registers(self.config);
            registers.change_command(BUS_MASTER, 0);
            if registers.identity().is_some() && registers.command() & BUS_MASTER != 0 {
                report(Stuck {
                    address: gate.bridge,
                    why: "still lets DMA of what is below it through",
                    reaches_memory: true,
                });
            }
        }
        for f in &self.grant.functions {
            if let Some((why, reaches_memory)) = self.fault(f) {
                report(Stuck {
                    address: f.address,
                    why,
                    reaches_memory,
                });
            }
        }
    }

    /// What is the matter with a function, and whether it may still reach memory.
    fn fault(&self, f: &Setup) -> Option<(&'static str, bool)> {
        match f.presence(self.config) {
            Presence::Absent => return Some(("does not answer", false)),
            Presence::Other => {
                return Some(("is gone: another device answers in its place", false));
            }
            Presence::Here => f.silence(self.config),
        }
        if f.is_master(self.config) {
            Some(("can't be kept from mastering the bus", true))
        } else if f.gate.is_none() && f.is_pending(self.config) {
            Some(("still waits for its transactions", true))
        } else {
            None
        }
    }

    fn each_present(&self, mut act: impl FnMut(&Setup)) {
        for f in &self.grant.functions {
            if f.presence(self.config) == Presence::Here {
                act(f);
            }
        }
    }

    /// Looks every [`POLL_US`] whether something is so, for `limit` microseconds.
    fn poll(&self, limit: u64, is_so: impl Fn() -> bool) {
        for _ in 0..limit / POLL_US {
            if is_so() {
                return;
            }
            self.clock.wait_us(POLL_US);
        }
    }
}
