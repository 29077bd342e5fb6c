//! Whether a function that was found at boot is still there. Nothing is written.

use crate::config::{ConfigSpace, Registers, high, low};
use crate::register::{ID, express};
use crate::{Address, Function};

/// What answers where a function was found at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function.
    Here,
    /// It asks to be tried again (PCIe §2.3.2, Configuration Request Retry Status).
    NotReady,
    /// Nothing: it was taken out, has no power, or is in a reset.
    Nothing,
    /// Another model.
    Other {
        /// Its vendor ID.
        vendor: u16,
        /// Its device ID.
        device: u16,
    },
}

/// What answers in the place of `function` now.
#[must_use]
pub fn answer(config: &dyn ConfigSpace, function: &Function) -> Answer {
    let registers = Registers::new(config, function.address);
    match registers.identity() {
        Some(id) if (low(id), high(id)) == (function.vendor, function.device_id) => Answer::Here,
        Some(id) => Answer::Other {
            vendor: low(id),
            device: high(id),
        },
        None if low(registers.read(ID)) == 0x0001 => Answer::NotReady,
        None => Answer::Nothing,
    }
}

/// Whether somebody has pressed the attention button of the slot below `bridge`, or its like, and
/// nobody has taken note: who presses it wants the card out (PCIe §6.7.1.5).
#[must_use]
pub fn removal_asked(config: &dyn ConfigSpace, bridge: &Function) -> bool {
    let Some(express) = bridge.found.capabilities.express else {
        return false;
    };
    if !express.has_slot {
        return false;
    }
    let at: Address = bridge.address;
    let slot = config.read(at, express.register(express::SLOT_CONTROL));
    slot != u32::MAX && slot & express::BUTTON_PRESSED != 0
}
