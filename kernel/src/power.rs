//! Reset and power-off of the whole machine, and its power button: [`bulkhead_firmware::Power`]'s ports.

use bulkhead_firmware::{Firmware, Mode, Ports, Power};
use x86_64::instructions::port::Port;

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::mem::phys;

/// Ports of the fixed hardware that firmware's FADT names, and those that reset a PC. Only the shell's core
/// uses them.
pub(crate) struct Fixed;

impl Ports for Fixed {
    fn read(&mut self, port: u16) -> u16 {
        // SAFETY: a register that firmware names; reading it changes nothing.
        unsafe { Port::new(port).read() }
    }

    fn write(&mut self, port: u16, value: u16) {
        // SAFETY: a status or enable register of events, which are nobody's but Bulkhead's, or the register
        // and value that firmware names for power-off, which is what is wanted then.
        unsafe { Port::new(port).write(value) };
    }

    fn write_byte(&mut self, port: u16, value: u8) {
        // SAFETY: the register and the command that firmware names for ACPI mode, the enable registers of
        // events, or what resets the machine, which is what is wanted then.
        unsafe { Port::new(port).write(value) };
    }

    fn wait_us(&mut self, us: u64) {
        tsc::delay_us(us);
    }
}

/// Has firmware leave the machine's events. The SCI's pin is masked.
#[inline(never)] // off the stack of all that follows
pub(crate) fn take(_: &Alone, firmware: &Firmware) -> Power {
    let start = tsc::now();
    let (power, mode) = Power::take(firmware, &mut Fixed);
    let us = tsc::us(tsc::now() - start);
    let said = match mode {
        Mode::Only => "there is no mode but ACPI's",
        Mode::Found => "firmware has left ACPI mode on",
        Mode::Entered => "ACPI mode",
        Mode::Refused => "firmware keeps the power button for itself",
    };
    log::info!("power: {said}, after {us} us");
    power
}

/// Resets the machine; returns, with why, only if that failed.
pub(crate) fn reset(power: &Power) -> &'static str {
    power.reset(&mut Fixed, |address, value| {
        // SAFETY: firmware says that this write resets the machine, which is what is wanted.
        unsafe { phys::pointer::<u8>(address).write_volatile(value) };
    })
}
