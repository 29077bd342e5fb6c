//! From keys to [`Input`], whatever keyboard they are of.

use pc_keyboard::{DecodedKey, EventDecoder, HandleControl, KeyCode, KeyEvent, KeyState};

use super::input::{Held, Input};
use super::keymap::Keymap;
use super::table::Table;
use super::usage;

/// Keys that are held, locks, and the layout.
pub struct Keys {
    decoder: EventDecoder<Table>,
    keymap: Keymap,
    held: Held,
    num_lock: bool,
    caps_lock: bool,
    /// The lock key that is held down: it repeats like all others, but counts once.
    lock_held: Option<KeyCode>,
}

impl Keys {
    /// Nothing is held.
    #[must_use]
    pub fn new(keymap: Keymap) -> Self {
        Self {
            decoder: EventDecoder::new(Table::of(keymap), HandleControl::MapLettersToUnicode),
            keymap,
            held: Held::default(),
            // As the decoder has it.
            num_lock: true,
            caps_lock: false,
            lock_held: None,
        }
    }

    /// What is printed on the keys.
    #[must_use]
    pub const fn keymap(&self) -> Keymap {
        self.keymap
    }

    /// Says what is printed on the keys.
    pub fn set_keymap(&mut self, keymap: Keymap) {
        self.keymap = keymap;
        self.decoder.change_layout(Table::of(keymap));
    }

    /// Whether Num Lock and Caps Lock are on.
    #[must_use]
    pub const fn locks(&self) -> [bool; 2] {
        [self.num_lock, self.caps_lock]
    }

    /// A key of a USB keyboard, by its usage, goes down (again) or up: what that means, if anything.
    pub fn usage(&mut self, usage: u8, is_down: bool) -> Option<Input> {
        let state = if is_down {
            KeyState::Down
        } else {
            KeyState::Up
        };
        self.event(KeyEvent::new(usage::key(usage)?, state))
    }

    /// What a key means.
    pub(crate) fn event(&mut self, event: KeyEvent) -> Option<Input> {
        let is_down = event.state != KeyState::Up;
        match event.code {
            KeyCode::LAlt => self.held.alt = is_down,
            KeyCode::LControl | KeyCode::RControl => self.held.control = is_down,
            KeyCode::CapsLock | KeyCode::NumpadLock => {
                let code = event.code;
                if self.lock_held == Some(code) && is_down {
                    return None;
                }
                self.lock_held = is_down.then_some(code);
            }
            _ => {}
        }
        let key = self.decoder.process_keyevent(event)?;
        match key {
            DecodedKey::RawKey(KeyCode::CapsLock) => self.caps_lock ^= true,
            DecodedKey::RawKey(KeyCode::NumpadLock) => self.num_lock ^= true,
            _ => {}
        }
        Input::of(key, self.held)
    }
}
