//! A PS/2 keyboard, polled: its interrupt would go through the I/O APIC, which a partition may own.
//!
//! When it is looked at, `bulkhead_terminal` says.

use arrayvec::ArrayVec;
use bulkhead_terminal::keyboard::{Input, Keymap, LONGEST, Polled, Ports};
use x86_64::instructions::port::Port;

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::sync::IrqLock;

static KEYBOARD: IrqLock<Polled> = IrqLock::new(Polled::new());

/// Bytes of a key that were not taken yet.
static REST: IrqLock<ArrayVec<u8, LONGEST>> = IrqLock::new(ArrayVec::new_const());

/// The controller's ports.
struct Controller;

const DATA: u16 = 0x60;
const COMMAND: u16 = 0x64;

impl Ports for Controller {
    fn status(&mut self) -> u8 {
        // SAFETY: the controller's status register; reading it changes nothing.
        unsafe { Port::new(COMMAND).read() }
    }
    fn read(&mut self) -> u8 {
        // SAFETY: the controller is Bulkhead's while this type is used (`Polled::set_lent`).
        unsafe { Port::new(DATA).read() }
    }
    fn write(&mut self, byte: u8) {
        // SAFETY: as above; what `bulkhead-terminal` writes is for the keyboard alone.
        unsafe { Port::new(DATA).write(byte) };
    }
    fn command(&mut self, byte: u8) {
        // SAFETY: as above; none of its commands touches the reset or the A20 line.
        unsafe { Port::new(COMMAND).write(byte) };
    }
    fn wait_us(&mut self, us: u64) {
        tsc::delay_us(us);
    }
}

/// Whether a controller answers at the ports.
pub(crate) fn answers(_: &Alone) -> bool {
    bulkhead_terminal::keyboard::is_there(&mut Controller)
}

/// Looks for a keyboard, if the machine has a controller.
pub(crate) fn init(is_present: bool) {
    KEYBOARD.lock().init(is_present, &mut Controller);
}

/// What the operator did, if anything.
pub(crate) fn read() -> Option<Input> {
    KEYBOARD.lock().next(tsc::uptime_ms(), &mut Controller)
}

/// Keeps the bytes of a key for [`rest`].
pub(crate) fn keep(bytes: ArrayVec<u8, LONGEST>) {
    *REST.lock() = bytes;
}

/// The next byte of a key of which some were taken.
pub(crate) fn rest() -> Option<u8> {
    REST.lock().pop_at(0)
}

/// Says whether a partition has the controller. When it comes back it is set up anew.
pub(crate) fn set_lent(is_lent: bool) {
    KEYBOARD.lock().set_lent(is_lent, &mut Controller);
}

/// The layout.
pub(crate) fn keymap() -> Keymap {
    KEYBOARD.lock().keymap()
}

/// Chooses the layout.
pub(crate) fn set_keymap(keymap: Keymap) {
    KEYBOARD.lock().set_keymap(keymap);
}

/// Whether there is a PS/2 keyboard that is listened to.
pub(crate) fn is_heard() -> bool {
    KEYBOARD.lock().is_heard()
}

/// What there is of PS/2, in a few words.
pub(crate) fn describe() -> &'static str {
    KEYBOARD.lock().describe()
}
