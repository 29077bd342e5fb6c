//! A function that Bulkhead itself drives as a bus master, while nobody has it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::bar;
use crate::config::{Clock, ConfigSpace};
use crate::register::{BUS_MASTER, INTX_DISABLE, MEMORY_DECODE};
use crate::setup::{Layout, Presence, Reset, Setup};
use crate::{Address, Function};

/// The function, and the bridges above it.
#[derive(Clone, Debug)]
pub struct Own {
    setup: Setup,
    /// From the root down.
    path: Box<[Setup]>,
}

impl Own {
    /// Of one of some functions; `None` if it is not among them.
    #[must_use]
    pub fn of(functions: &[Function], address: Address) -> Option<Self> {
        let function = functions.iter().find(|f| f.address == address)?;
        let mut path = Vec::new();
        let mut bus = function.bus();
        // Numbers rise on the way down, so this ends.
        while let Some(bridge) = functions.iter().find(|f| f.leads_to(bus)) {
            path.insert(0, Setup::new(bridge, None, Reset::None));
            bus = bridge.bus();
        }
        Some(Self {
            setup: Setup::new(function, None, Reset::None),
            path: path.into(),
        })
    }

    /// The function.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.setup.address
    }

    /// Makes the function answer at its BARs, whatever its last owner has left; whether it is there.
    /// Bus mastering stays as it is.
    ///
    /// What is as it should be is not written to: below the bridges there may be others at work, and
    /// firmware may be using the function.
    pub fn open(&self, config: &dyn ConfigSpace, clock: &dyn Clock) -> bool {
        for bridge in &self.path {
            if bridge.presence(config) != Presence::Here {
                return false;
            }
            wait(clock, bridge.reopen(config));
            if !bridge.has_windows(config) {
                bridge.prepare(config);
            }
            let registers = bridge.registers(config);
            registers.change_command(0, BUS_MASTER | MEMORY_DECODE);
        }
        if self.setup.presence(config) != Presence::Here {
            return false;
        }
        wait(clock, self.setup.reopen(config));
        if !self.setup.has_bars(config) {
            self.setup.prepare(config);
        }
        let registers = self.setup.registers(config);
        registers.change_command(0, MEMORY_DECODE | INTX_DISABLE);
        self.setup.stop_messages(registers);
        true
    }

    /// Lets the function use memory, or not.
    pub fn master(&self, config: &dyn ConfigSpace, may: bool) {
        if self.setup.presence(config) == Presence::Here {
            let registers = self.setup.registers(config);
            let (clear, set) = if may {
                (0, BUS_MASTER)
            } else {
                (BUS_MASTER, 0)
            };
            registers.change_command(clear, set);
        }
    }
}

fn wait(clock: &dyn Clock, us: u64) {
    if us > 0 {
        clock.wait_us(us);
    }
}

impl Setup {
    /// Whether the BARs are what they were at boot.
    fn has_bars(&self, config: &dyn ConfigSpace) -> bool {
        let Layout::Endpoint { bars, present, .. } = &self.layout else {
            return true;
        };
        // Low bits are read-only, and say what kind of BAR it is.
        (0u8..).zip(bars).all(|(index, value)| {
            let found = self.registers(config).read(bar::offset(index));
            present & 1 << index == 0 || (found ^ value) & !0xf == 0
        })
    }

    /// Whether a bridge's window for memory is what it was at boot.
    fn has_windows(&self, config: &dyn ConfigSpace) -> bool {
        let Layout::Bridge { registers, .. } = &self.layout else {
            return true;
        };
        registers.is_written(self.registers(config))
    }
}
