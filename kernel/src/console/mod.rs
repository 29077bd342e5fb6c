//! Bytes in, bytes out: the shell's serial line, and the log. No commands here.
//!
//! Only the shell's core uses the console; everything else leaves words for it (events, counters).

use core::fmt::{self, Write};

pub(crate) mod log;
pub(crate) mod serial;

/// The console as a text sink: `\n` becomes `\r\n`.
pub(crate) struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write(text);
        Ok(())
    }
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
