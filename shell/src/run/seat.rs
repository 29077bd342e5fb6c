//! `keymap`, `status`: the keyboard and the screen at the machine itself.
//!
//! Where there is neither, a layout and a wish are kept all the same: a boot script may be used on
//! several machines.

use alloc::format;
use core::fmt::{self, Write};

use super::Done;
use crate::control::Control;
use crate::error::{CommandError, did_you_mean};
use crate::sentence::Cut;
use crate::words::Word;

/// `keymap`
pub(super) fn keymap(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (name, keyboard) = control.keymap();
    writeln!(out, "{name}: {keyboard}")?;
    writeln!(out, "accepted: {}", control.keymaps().join(", "))
}

/// `keymap NAME`
pub(super) fn set_keymap(name: &Word, control: &mut dyn Control) -> Done {
    let names = control.keymaps();
    if !names.contains(&name.text.as_str()) {
        let message = format!(
            "unknown layout \"{}\"{} (accepted: {})",
            Cut(&name.text),
            did_you_mean(&name.text, names.iter().copied()),
            names.join(", ")
        );
        return Err(CommandError::new(name.span, message).into());
    }
    control.set_keymap(&name.text);
    Ok(())
}

/// `status`
pub(super) fn status(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let status = match control.status() {
        Some(true) => "on",
        Some(false) => "off",
        None => "there is no screen",
    };
    writeln!(out, "{status}")
}

/// `status on`, `status off`
pub(super) fn set_status(word: &Word, control: &mut dyn Control) -> Done {
    let on = match word.text.as_str() {
        "on" => true,
        "off" => false,
        other => {
            let message = format!("\"{}\" is neither (accepted: on, off)", Cut(other));
            return Err(CommandError::new(word.span, message).into());
        }
    };
    control.set_status(on);
    Ok(())
}
