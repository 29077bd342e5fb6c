//! The keyboard: bytes of the controller to [`Input`], and its lights.

use pc_keyboard::{Error, KeyEvent, ScancodeSet, ScancodeSet1, ScancodeSet2};

use super::controller::{self, ACKNOWLEDGE, FROM_MOUSE, OUTPUT_FULL, Ports, RESEND};
use super::input::Input;
use super::keymap::Keymap;
use super::keys::Keys;

/// To the keyboard: its lights, which a second byte tells.
const SET_LIGHTS: u8 = 0xed;
const LIGHT_NUM: u8 = 1 << 1;
const LIGHT_CAPS: u8 = 1 << 2;

/// Looks after which an acknowledgement is not waited for any more.
const PATIENCE: u16 = 200;
/// Most bytes read at once: whatever is at the ports must not hold the shell up.
const AT_ONCE: usize = 32;

/// The lights, and how far telling the keyboard has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lights {
    /// The keyboard was told these.
    Told(u8),
    /// The command was sent.
    Command(u8),
    /// The lights were sent.
    Value(u8),
}

enum Set {
    One(ScancodeSet1),
    Two(ScancodeSet2),
}

impl Set {
    const fn new(translates: bool) -> Self {
        if translates {
            Self::One(ScancodeSet1::new())
        } else {
            Self::Two(ScancodeSet2::new())
        }
    }

    fn take(&mut self, byte: u8) -> Result<Option<KeyEvent>, Error> {
        match self {
            Self::One(set) => set.advance_state(byte),
            Self::Two(set) => set.advance_state(byte),
        }
    }
}

/// A keyboard that is being looked at.
pub struct Keyboard {
    set: Set,
    translates: bool,
    keys: Keys,
    lights: Lights,
    waited: u16,
    answers: bool,
}

impl Keyboard {
    /// Sets controller and keyboard up; `None` where there is no controller. A controller without
    /// a keyboard is kept: one may be plugged in later.
    #[must_use]
    pub fn start(ports: &mut impl Ports, keymap: Keymap) -> Option<Self> {
        let found = controller::set_up(ports)?;
        Some(Self {
            set: Set::new(found.translates),
            translates: found.translates,
            keys: Keys::new(keymap),
            // None that there are, so that they will be told.
            lights: Lights::Told(u8::MAX),
            waited: 0,
            answers: found.answers,
        })
    }

    /// Whether a keyboard answered when it was set up.
    #[must_use]
    pub const fn answers(&self) -> bool {
        self.answers
    }

    /// The scan code set in which keys come: 1 if the controller translates, else 2.
    #[must_use]
    pub const fn scan_code_set(&self) -> u8 {
        if self.translates { 1 } else { 2 }
    }

    /// What is printed on the keys.
    #[must_use]
    pub const fn keymap(&self) -> Keymap {
        self.keys.keymap()
    }

    /// Says what is printed on the keys.
    pub fn set_keymap(&mut self, keymap: Keymap) {
        self.keys.set_keymap(keymap);
    }

    /// The next thing that the operator did, if there is one.
    pub fn next(&mut self, ports: &mut impl Ports) -> Option<Input> {
        for _ in 0..AT_ONCE {
            let status = ports.status();
            if status & OUTPUT_FULL == 0 || status == u8::MAX {
                break;
            }
            let byte = ports.read();
            if status & FROM_MOUSE != 0 {
                continue;
            }
            self.answers = true;
            if self.is_answer(byte, ports) {
                continue;
            }
            if let Some(input) = self.key(byte) {
                return Some(input);
            }
        }
        self.tend_lights(ports);
        None
    }

    fn key(&mut self, byte: u8) -> Option<Input> {
        let event = match self.set.take(byte) {
            Ok(event) => event?,
            Err(_) => {
                // Unknown or garbled: begin anew, lest a prefix stay in force.
                self.set = Set::new(self.translates);
                return None;
            }
        };
        self.keys.event(event)
    }

    /// Whether the byte answers what was sent, rather than being a key's.
    fn is_answer(&mut self, byte: u8, ports: &mut impl Ports) -> bool {
        match (self.lights, byte) {
            (Lights::Told(_), _) => return false,
            (Lights::Command(lights), ACKNOWLEDGE) => {
                self.waited = 0;
                self.lights = Lights::Value(lights);
                controller::send(ports, lights);
            }
            (Lights::Value(lights), ACKNOWLEDGE) => self.lights = Lights::Told(lights),
            // It does not know the command; asking once more would end the same way.
            (Lights::Command(lights) | Lights::Value(lights), RESEND) => {
                self.lights = Lights::Told(lights);
            }
            _ => return false,
        }
        true
    }

    /// Tells the keyboard its lights if they have changed.
    fn tend_lights(&mut self, ports: &mut impl Ports) {
        let [num_lock, caps_lock] = self.keys.locks();
        let wanted = if num_lock { LIGHT_NUM } else { 0 } | if caps_lock { LIGHT_CAPS } else { 0 };
        match self.lights {
            Lights::Told(told) if told == wanted || !self.answers => {}
            Lights::Told(_) => {
                self.waited = 0;
                self.lights = Lights::Command(wanted);
                controller::send(ports, SET_LIGHTS);
            }
            Lights::Command(lights) | Lights::Value(lights) => {
                self.waited += 1;
                if self.waited > PATIENCE {
                    self.lights = Lights::Told(lights);
                }
            }
        }
    }
}
