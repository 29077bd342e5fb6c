//! When a PS/2 keyboard is looked at, and whose it is.
//!
//! Where firmware makes a PS/2 keyboard of a USB one, each access to its ports enters system
//! management mode, which stops *every* core for some microseconds. So an idle keyboard is looked
//! at a hundred times a second only, which nobody notices who types.

use super::controller::Ports;
use super::{Input, Keyboard, Keymap};

/// Between two looks at an idle keyboard, in milliseconds.
const IDLE_MS: u64 = 10;
/// For so long after a key every look is taken: keys of a sequence and of fast hands.
const BUSY_MS: u64 = 50;

/// The keyboard, if there is one and it is not somebody else's.
pub struct Polled {
    keyboard: Option<Keyboard>,
    keymap: Keymap,
    /// The machine has a controller, as far as firmware says.
    is_present: bool,
    /// A partition has it, or may have.
    is_lent: bool,
    /// Milliseconds at the last look, and at the last input.
    looked: u64,
    input: u64,
}

impl Polled {
    /// None, until [`Polled::init`].
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is for a static")]
    pub const fn new() -> Self {
        Self {
            keyboard: None,
            keymap: Keymap::Us,
            is_present: false,
            is_lent: false,
            looked: 0,
            input: 0,
        }
    }

    /// Looks for a keyboard, if the machine has a controller.
    pub fn init(&mut self, is_present: bool, ports: &mut impl Ports) {
        self.is_present = is_present;
        self.start(ports);
    }

    fn start(&mut self, ports: &mut impl Ports) {
        self.keyboard = if self.is_present && !self.is_lent {
            Keyboard::start(ports, self.keymap)
        } else {
            None
        };
    }

    /// What the operator did, if anything, `now` milliseconds after some beginning.
    pub fn next(&mut self, now: u64, ports: &mut impl Ports) -> Option<Input> {
        let is_busy = now < self.input + BUSY_MS;
        if self.is_lent || !is_busy && now < self.looked + IDLE_MS {
            return None;
        }
        self.looked = now;
        let input = self.keyboard.as_mut()?.next(ports)?;
        self.input = now;
        Some(input)
    }

    /// Says whether a partition has the controller. When it comes back it is set up anew.
    pub fn set_lent(&mut self, is_lent: bool, ports: &mut impl Ports) {
        let comes_back = self.is_lent && !is_lent;
        self.is_lent = is_lent;
        if comes_back {
            self.start(ports);
        }
    }

    /// The layout.
    #[must_use]
    pub const fn keymap(&self) -> Keymap {
        self.keymap
    }

    /// Chooses the layout, of keyboards to come too.
    pub fn set_keymap(&mut self, keymap: Keymap) {
        self.keymap = keymap;
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.set_keymap(keymap);
        }
    }

    /// Whether there is a keyboard that is listened to.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        !self.is_lent && self.keyboard.as_ref().is_some_and(Keyboard::answers)
    }

    /// What there is of PS/2, in a few words.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.keyboard {
            _ if self.is_lent => "a partition has it",
            None => "there is no PS/2 controller",
            Some(keyboard) if !keyboard.answers() => "no keyboard answers",
            Some(keyboard) if keyboard.scan_code_set() == 2 => "PS/2, scan code set 2",
            Some(_) => "PS/2, scan code set 1 (translated)",
        }
    }
}
