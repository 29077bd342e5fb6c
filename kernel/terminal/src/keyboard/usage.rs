//! Keys of USB keyboards by their numbers (HID Usage Tables 1.5, page 0x07).

use pc_keyboard::{HandleControl, KeyCode, UsbBootKeyboardReport, UsbKeyboard};

use super::keymap::Keymap;
use super::table::Table;

/// The key of that usage, if it is known. The crate says so of the keys of a report only, and does not
/// know the five that only Japanese keyboards have.
pub(crate) fn key(usage: u8) -> Option<KeyCode> {
    match usage {
        0x87 => return Some(KeyCode::Oem12),
        0x88 => return Some(KeyCode::Oem11),
        0x89 => return Some(KeyCode::Oem13),
        0x8a => return Some(KeyCode::Oem10),
        0x8b => return Some(KeyCode::Oem9),
        _ => {}
    }
    let report = UsbBootKeyboardReport {
        modifiers: 0,
        keys: [usage, 0, 0, 0, 0, 0],
    };
    let mut keyboard = UsbKeyboard::new(Table::of(Keymap::Us), HandleControl::Ignore);
    let event = keyboard.handle_report_raw(&report).next()?;
    (event.code != KeyCode::Unknown).then_some(event.code)
}
