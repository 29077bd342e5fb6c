//! One function of a grant: stopping what it does, and its resets.

use crate::capability::Capabilities;
use crate::config::{ConfigSpace, Registers};
use crate::register::{
    BUS_MASTER, INTERRUPT, INTX_DISABLE, MSI_ENABLE, MSIX_ENABLE, advanced, bridge, express, power,
    virtualization,
};
use crate::setup::{Layout, Reset, Setup};

/// From D3hot to D0, and back, in microseconds (PM §5.6.1).
pub(crate) const POWER_US: u64 = 10_000;
/// What is below a bridge may be spoken to after this long, in microseconds (PCIe §6.6.1).
pub(crate) const RECOVERY_US: u64 = 100_000;

impl Setup {
    /// Makes a function, and what is below a bridge, reachable as at boot: numbers, no bus held in
    /// reset, full power. Returns how long that takes to work, in microseconds; 0: nothing was
    /// to be done.
    pub(crate) fn reopen(&self, config: &dyn ConfigSpace) -> u64 {
        let registers = self.registers(config);
        let mut wait = 0;
        let mut is_bridge = false;
        if let Layout::Bridge { registers: own, .. } = &self.layout {
            is_bridge = true;
            // The top byte is the latency timer, which PCI Express wires to 0.
            const NUMBERS: u32 = 0x00ff_ffff;
            if (registers.read(bridge::BUSES) ^ own.buses) & NUMBERS != 0 {
                registers.write(bridge::BUSES, own.buses);
                wait = RECOVERY_US;
            }
            if release_reset(registers) {
                wait = RECOVERY_US;
            }
        }
        if self.set_power(registers, 0) {
            wait = wait.max(if is_bridge { RECOVERY_US } else { POWER_US });
        }
        wait
    }

    /// Stops everything that the function does on its own: bus mastering (which is DMA and MSIs
    /// both), MSI, MSI-X, INTx, virtual functions.
    pub(crate) fn silence(&self, config: &dyn ConfigSpace) {
        let registers = self.registers(config);
        registers.change_command(BUS_MASTER, INTX_DISABLE);
        self.stop_messages(registers);
    }

    /// MSI, MSI-X and virtual functions off.
    pub(crate) fn stop_messages(&self, registers: Registers<'_>) {
        self.capabilities.stop_messages(registers);
    }

    /// Whether the function still waits for completions of what it has asked memory for.
    pub(crate) fn is_pending(&self, config: &dyn ConfigSpace) -> bool {
        let registers = self.registers(config);
        let is_set = |offset: u16, bit: u32| {
            let value = registers.read(offset);
            value != u32::MAX && value & bit != 0
        };
        let capabilities = &self.capabilities;
        let by_express = capabilities.express.is_some_and(|e| {
            is_set(
                e.register(express::DEVICE_CONTROL),
                express::TRANSACTIONS_PENDING,
            )
        });
        let by_advanced = capabilities
            .advanced
            .filter(|_| capabilities.advanced_pending)
            .is_some_and(|at| is_set(u16::from(at) + advanced::CONTROL, advanced::PENDING));
        by_express || by_advanced
    }

    /// Whether bus mastering is on although it was turned off.
    pub(crate) fn is_master(&self, config: &dyn ConfigSpace) -> bool {
        self.registers(config).command() & BUS_MASTER != 0
    }

    /// Begins a function-level reset, if that is how it is reset.
    pub(crate) fn begin_function_reset(&self, config: &dyn ConfigSpace) {
        let registers = self.registers(config);
        match self.reset {
            Reset::Function => {
                if let Some(e) = self.capabilities.express {
                    let control = e.register(express::DEVICE_CONTROL);
                    let value = registers.read(control) & 0xffff;
                    registers.write(control, value | u32::from(express::INITIATE_FLR));
                }
            }
            Reset::Advanced => {
                if let Some(at) = self.capabilities.advanced {
                    let control = u16::from(at) + advanced::CONTROL;
                    registers.write(control, advanced::INITIATE_FLR);
                }
            }
            Reset::Power | Reset::None => {}
        }
    }

    /// Sends a function that is reset by it to D3hot (`down`), or back to D0.
    pub(crate) fn power_reset(&self, config: &dyn ConfigSpace, down: bool) {
        if self.reset == Reset::Power {
            let state = if down { power::D3_HOT } else { 0 };
            self.set_power(self.registers(config), state);
        }
    }

    /// Whether that was a change.
    fn set_power(&self, registers: Registers<'_>, state: u32) -> bool {
        let Some(at) = self.capabilities.power else {
            return false;
        };
        let control = u16::from(at) + power::CONTROL;
        let value = registers.read(control);
        if value & power::STATE == state || value == u32::MAX {
            return false;
        }
        let kept = value & !(power::STATE | power::EVENT_ENABLE | power::EVENT_STATUS);
        registers.write(control, kept | state);
        true
    }
}

/// Ends the reset of a bridge's secondary bus; whether it was in reset.
pub(crate) fn release_reset(registers: Registers<'_>) -> bool {
    change_bridge_control(registers, bridge::RESET, 0)
}

/// Holds a bridge's secondary bus in reset.
pub(crate) fn hold_reset(registers: Registers<'_>) {
    change_bridge_control(registers, 0, bridge::RESET);
}

fn change_bridge_control(registers: Registers<'_>, clear: u16, set: u16) -> bool {
    let value = registers.read(INTERRUPT);
    let (clear, set) = (u32::from(clear) << 16, u32::from(set) << 16);
    let wanted = value & !clear | set;
    if value == u32::MAX || wanted == value {
        return false;
    }
    registers.write(
        INTERRUPT,
        wanted & !(u32::from(bridge::DISCARD_STATUS) << 16),
    );
    true
}

impl Capabilities {
    /// MSI, MSI-X and virtual functions off.
    pub(crate) fn stop_messages(&self, registers: Registers<'_>) {
        let clear = |offset: Option<u16>, bits: u32, keep: u32| {
            if let Some(offset) = offset {
                let value = registers.read(offset);
                if value & bits != 0 {
                    registers.write(offset, value & !bits & keep);
                }
            }
        };
        clear(self.msi.map(u16::from), MSI_ENABLE, u32::MAX);
        clear(self.msix.map(u16::from), MSIX_ENABLE, u32::MAX);
        // The high half is a status whose bits are cleared by ones.
        clear(
            self.virtualization.map(|at| at + virtualization::CONTROL),
            virtualization::VF_ENABLE | virtualization::VF_MEMORY,
            0xffff,
        );
    }
}
