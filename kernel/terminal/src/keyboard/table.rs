//! The layouts as tables, which `build.rs` makes of pc-keyboard's.

use pc_keyboard::{
    DecodedKey, HandleControl, KeyCode, KeyboardLayout, Modifiers, PhysicalKeyboard,
};

use super::keymap::Keymap;

/// A key, and its character at each level: nothing; Shift; Caps Lock; both; `AltGr`; Control. 0 is
/// none, 0x80 one that is not ASCII.
type Row = (u8, [u8; LEVELS]);
const LEVELS: usize = 6;
const ALT_GR: usize = 4;
const CONTROL: usize = 5;

include!(concat!(env!("OUT_DIR"), "/layouts.rs"));

/// What stands for a character that is not ASCII: the shell refuses any.
const NOT_ASCII: char = '\u{80}';

/// A layout: rows that differ from the American ones.
pub(crate) struct Table(&'static [Row]);

impl Table {
    pub(crate) const fn of(keymap: Keymap) -> Self {
        Self(match keymap {
            Keymap::Us => &US,
            Keymap::Uk => &UK,
            Keymap::De => &DE,
            Keymap::Fr => &FR,
            Keymap::Fi => &FI,
            Keymap::No => &NO,
            Keymap::Jp => &JP,
            Keymap::Dvorak => &DVORAK,
            Keymap::Dvp => &DVP,
            Keymap::Colemak => &COLEMAK,
        })
    }
}

impl KeyboardLayout for Table {
    fn map_keycode(&self, key: KeyCode, held: &Modifiers, _: HandleControl) -> DecodedKey {
        if !held.numlock
            && let Some(other) = without_num_lock(key)
        {
            return other;
        }
        let find = |rows: &[Row]| {
            let at = rows.binary_search_by_key(&(key as u8), |row| row.0).ok()?;
            Some(rows[at].1)
        };
        let row = find(self.0).or_else(|| find(&US)).unwrap_or_default();
        match row[level(held)] {
            0 => DecodedKey::RawKey(key),
            c if c.is_ascii() => DecodedKey::Unicode(char::from(c)),
            _ => DecodedKey::Unicode(NOT_ASCII),
        }
    }

    fn get_physical(&self) -> PhysicalKeyboard {
        PhysicalKeyboard::Ansi // nobody asks
    }
}

fn level(held: &Modifiers) -> usize {
    if held.is_altgr() {
        ALT_GR
    } else if held.is_ctrl() {
        CONTROL
    } else {
        usize::from(held.is_shifted()) + 2 * usize::from(held.capslock)
    }
}

/// What a key of the number pad is without Num Lock.
const fn without_num_lock(key: KeyCode) -> Option<DecodedKey> {
    Some(DecodedKey::RawKey(match key {
        KeyCode::Numpad0 => KeyCode::Insert,
        KeyCode::Numpad1 => KeyCode::End,
        KeyCode::Numpad2 => KeyCode::ArrowDown,
        KeyCode::Numpad3 => KeyCode::PageDown,
        KeyCode::Numpad4 => KeyCode::ArrowLeft,
        KeyCode::Numpad6 => KeyCode::ArrowRight,
        KeyCode::Numpad7 => KeyCode::Home,
        KeyCode::Numpad8 => KeyCode::ArrowUp,
        KeyCode::Numpad9 => KeyCode::PageUp,
        KeyCode::NumpadPeriod => return Some(DecodedKey::Unicode('\u{7f}')),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pc_keyboard::layouts::{AnyLayout, De105Key, Jis109Key, Us104Key};
    use pc_keyboard::{ScancodeSet, ScancodeSet1};

    /// What the crate's own code says, with all that is not ASCII alike.
    fn original(layout: &AnyLayout, key: KeyCode, held: &Modifiers) -> DecodedKey {
        match layout.map_keycode(key, held, HandleControl::MapLettersToUnicode) {
            DecodedKey::Unicode(c) if !c.is_ascii() => DecodedKey::Unicode(NOT_ASCII),
            other => other,
        }
    }

    #[test]
    fn tables_say_what_the_crate_says() {
        let pairs = [
            (Keymap::Us, AnyLayout::Us104Key(Us104Key)),
            (Keymap::De, AnyLayout::De105Key(De105Key)),
            (Keymap::Jp, AnyLayout::Jis109Key(Jis109Key)),
        ];
        for (keymap, layout) in pairs {
            for code in 0..0x80 {
                let Ok(Some(event)) = ScancodeSet1::new().advance_state(code) else {
                    continue;
                };
                for bits in 0..16u8 {
                    let held = Modifiers {
                        lshift: bits & 1 != 0,
                        capslock: bits & 2 != 0,
                        ralt: bits & 12 == 4,
                        lctrl: bits & 12 == 8,
                        numlock: bits & 12 != 12,
                        ..Modifiers::default()
                    };
                    // A level stands for all that is held with AltGr or Control.
                    if bits & 3 != 0 && (held.ralt || held.lctrl) {
                        continue;
                    }
                    let expected = original(&layout, event.code, &held);
                    let said =
                        Table::of(keymap).map_keycode(event.code, &held, HandleControl::Ignore);
                    assert_eq!(said, expected, "{keymap:?} {:?} {held:?}", event.code);
                }
            }
        }
    }
}
