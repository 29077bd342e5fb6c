//! A PS/2 keyboard, polled: its interrupt would go through the I/O APIC, which a partition may own.
//!
//! Where firmware makes a PS/2 keyboard of a USB one, each access to these ports enters system
//! management mode, which stops *every* core for some microseconds. So an idle keyboard is looked
//! at a hundred times a second only, which nobody notices who types.

use arrayvec::ArrayVec;
use bulkhead_terminal::keyboard::{Input, Keyboard, Keymap, LONGEST, Ports};
use x86_64::instructions::port::Port;

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::sync::IrqLock;

/// Between two looks at an idle keyboard.
const IDLE_MS: u64 = 10;
/// For so long after a key every look is taken: keys of a sequence and of fast hands.
const BUSY_MS: u64 = 50;

struct State {
    keyboard: Option<Keyboard>,
    keymap: Keymap,
    /// The machine has a controller, as far as firmware says.
    is_present: bool,
    /// A partition has it, or may have.
    is_lent: bool,
    /// Milliseconds at the last look, and at the last input.
    looked: u64,
    input: u64,
    /// Bytes of a key that were not taken yet.
    rest: ArrayVec<u8, LONGEST>,
}

static STATE: IrqLock<State> = IrqLock::new(State {
    keyboard: None,
    keymap: Keymap::Us,
    is_present: false,
    is_lent: false,
    looked: 0,
    input: 0,
    rest: ArrayVec::new_const(),
});

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
        // SAFETY: the controller is Bulkhead's while this type is used (`State::is_lent`).
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
    let mut state = STATE.lock();
    state.is_present = is_present;
    state.start();
}

/// What the operator did, if anything.
pub(crate) fn read() -> Option<Input> {
    let mut state = STATE.lock();
    if state.is_lent {
        return None;
    }
    let now = tsc::uptime_ms();
    let is_busy = now < state.input + BUSY_MS;
    if !is_busy && now < state.looked + IDLE_MS {
        return None;
    }
    state.looked = now;
    let input = state.keyboard.as_mut()?.next(&mut Controller)?;
    state.input = now;
    Some(input)
}

/// Keeps the bytes of a key for [`rest`].
pub(crate) fn keep(bytes: ArrayVec<u8, LONGEST>) {
    STATE.lock().rest = bytes;
}

/// The next byte of a key of which some were taken.
pub(crate) fn rest() -> Option<u8> {
    STATE.lock().rest.pop_at(0)
}

/// Says whether a partition has the controller. When it comes back it is set up anew.
pub(crate) fn set_lent(is_lent: bool) {
    let mut state = STATE.lock();
    let comes_back = state.is_lent && !is_lent;
    state.is_lent = is_lent;
    if comes_back {
        state.start();
    }
}

/// The layout.
pub(crate) fn keymap() -> Keymap {
    STATE.lock().keymap
}

/// Chooses the layout.
pub(crate) fn set_keymap(keymap: Keymap) {
    let mut state = STATE.lock();
    state.keymap = keymap;
    if let Some(keyboard) = &mut state.keyboard {
        keyboard.set_keymap(keymap);
    }
}

/// Whether there is a PS/2 keyboard that is listened to.
pub(crate) fn is_heard() -> bool {
    let state = STATE.lock();
    let keyboard = state.keyboard.as_ref();
    !state.is_lent && keyboard.is_some_and(Keyboard::answers)
}

/// What there is of PS/2, in a few words.
pub(crate) fn describe() -> &'static str {
    let state = STATE.lock();
    match &state.keyboard {
        _ if state.is_lent => "a partition has it",
        None => "there is no PS/2 controller",
        Some(keyboard) if !keyboard.answers() => "no keyboard answers",
        Some(keyboard) if keyboard.scan_code_set() == 2 => "PS/2, scan code set 2",
        Some(_) => "PS/2, scan code set 1 (translated)",
    }
}

impl State {
    fn start(&mut self) {
        self.keyboard = if self.is_present && !self.is_lent {
            Keyboard::start(&mut Controller, self.keymap)
        } else {
            None
        };
    }
}
