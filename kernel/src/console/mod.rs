//! Bytes in, bytes out: the shell's serial line, its screen and keyboard, and the log. No commands
//! here.
//!
//! * the [`serial`] line, COM1;
//! * the [`screen`], a [`framebuffer`] or a [`vga_text`] mode: what is on it, and when it is drawn;
//! * a PS/2 [`keyboard`];
//! * the kernel's [`log`].
//!
//! Serial line and screen show the same, and what is typed on either, or on a USB keyboard
//! ([`usb`]), goes to the one shell. Only
//! the shell's core uses the console; everything else leaves words for it (events, counters).

use core::fmt::{self, Write};

use bulkhead_terminal::keyboard::Input;

use crate::usb;

mod framebuffer;
pub(crate) mod keyboard;
pub(crate) mod log;
pub(crate) mod screen;
pub(crate) mod serial;
mod vga_text;

/// The console as a text sink: `\n` becomes `\r\n`.
pub(crate) struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write(text);
        screen::write(text);
        Ok(())
    }
}

/// The next byte that was typed, on the serial line or the keyboard. Page Up and Page Down scroll
/// the screen, and any other key shows its end again.
pub(crate) fn read() -> Option<u8> {
    serial::read().or_else(read_keys)
}

/// The same of keyboards alone.
pub(crate) fn read_keys() -> Option<u8> {
    if let Some(byte) = keyboard::rest() {
        return Some(byte);
    }
    match keyboard::read().or_else(usb::read)? {
        Input::PageUp => screen::page(1),
        Input::PageDown => screen::page(-1),
        Input::Bytes(bytes) => {
            screen::scroll_to_end();
            keyboard::keep(bytes);
        }
    }
    keyboard::rest()
}

/// Prints on the console.
macro_rules! print {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        // The console's sink never fails.
        let _ = write!($crate::console::Console, $($arg)*);
    }};
}
/// Prints a line on the console.
macro_rules! println {
    () => { $crate::console::print!("\n") };
    ($($arg:tt)*) => { $crate::console::print!("{}\n", format_args!($($arg)*)) };
}
pub(crate) use {print, println};
