//! Watchdogs as hardware: the registers through which `bulkhead-pci` stops one, and what firmware has
//! left running.

use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_pci::watchdog::{Outcome, Platform, Register, State, Watchdog};
use bulkhead_pci::{Address, Function};
use x86_64::instructions::port::Port;

use crate::boot::Alone;
use crate::console::println;
use crate::mem::phys;
use crate::pci::Ecam;

impl Platform for Ecam<'_> {
    fn get(&self, register: Register) -> u32 {
        match register {
            // SAFETY: the caller of `bulkhead-pci` proves by `self` that nobody else uses the function
            // whose registers these are; reading them changes nothing.
            Register::Port8(port) => u32::from(unsafe { Port::<u8>::new(port).read() }),
            // SAFETY: the same.
            Register::Port16(port) => u32::from(unsafe { Port::<u16>::new(port).read() }),
            Register::Memory8(at) => pointer::<u8>(at).map_or(u32::from(u8::MAX), |at| {
                // SAFETY: the same; it is mapped, and as no memory of the machine, uncached.
                u32::from(unsafe { at.read_volatile() })
            }),
            Register::Memory32(at) => pointer::<u32>(at).map_or(u32::MAX, |at| {
                // SAFETY: the same, and aligned.
                unsafe { at.read_volatile() }
            }),
            Register::Config8(address, offset) => {
                config(address, offset).map_or(u32::from(u8::MAX), |at| {
                    // SAFETY: the same; in a range of configuration space.
                    u32::from(unsafe { at.read_volatile() })
                })
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the register takes the low bits"
    )]
    fn set(&self, register: Register, value: u32) {
        match register {
            // SAFETY: as in `get`; what `bulkhead-pci` writes stops a watchdog, or chooses which of
            // the chipset's indexed registers is read.
            Register::Port8(port) => unsafe { Port::<u8>::new(port).write(value as u8) },
            // SAFETY: the same.
            Register::Port16(port) => unsafe { Port::<u16>::new(port).write(value as u16) },
            Register::Memory8(at) => {
                if let Some(at) = pointer::<u8>(at) {
                    // SAFETY: the same; it is mapped.
                    unsafe { at.write_volatile(value as u8) };
                }
            }
            Register::Memory32(at) => {
                if let Some(at) = pointer::<u32>(at) {
                    // SAFETY: the same, and aligned.
                    unsafe { at.write_volatile(value) };
                }
            }
            Register::Config8(address, offset) => {
                if let Some(at) = config(address, offset) {
                    // SAFETY: the same; in a range of configuration space.
                    unsafe { at.write_volatile(value as u8) };
                }
            }
        }
    }
}

/// Where a register is, if it is aligned and mapped.
fn pointer<T>(at: u64) -> Option<*mut T> {
    let size = size_of::<T>() as u64;
    let region = Region::new(at, size)?;
    (at.is_multiple_of(size) && phys::reaches(region)).then(|| phys::pointer(at))
}

/// Where a byte of configuration space is.
fn config(address: Address, offset: u16) -> Option<*mut u8> {
    let dword = Ecam::register(address, offset & !3)?;
    Some(dword.cast::<u8>().wrapping_add(usize::from(offset % 4)))
}

/// Stops those that run although nothing that could serve them does: firmware armed them, and its
/// Linux drivers take that over. Gives what became of each.
pub(crate) fn stop_armed(alone: &Alone, functions: &[Function]) -> Vec<(Address, Outcome)> {
    let ecam = Ecam::before_launches(alone);
    let watchdogs = functions.iter().filter_map(Watchdog::of);
    let armed = watchdogs.filter(|watchdog| watchdog.state(&ecam, &ecam) == State::Armed);
    armed
        .map(|watchdog| (watchdog.address, watchdog.stop(&ecam, &ecam)))
        .collect()
}

/// Says so, after the greeting.
pub(crate) fn report(found: &[(Address, Outcome)]) {
    for (address, outcome) in found {
        if *outcome == Outcome::Runs {
            println!(
                "warning: the watchdog at {address}, which firmware left running, can't be stopped: it \
                 may reset the machine"
            );
        } else {
            println!("firmware left the watchdog at {address} running: it is stopped");
        }
    }
}
