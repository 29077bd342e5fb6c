//! The panic path: say what happened, stop this core. The partitions run on.

use core::fmt::Write;
use core::panic::PanicInfo;

use crate::console::{screen, serial};
use crate::cpu::halt_for_ever;

/// Writes without waiting for the console's lock: its holder may be what panicked.
struct Now;

impl Write for Now {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        serial::write_now(text);
        screen::write_now(text);
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // The sink never fails.
    let _ = writeln!(
        Now,
        "\nBulkhead: {info}\nBulkhead: the shell has stopped; running partitions go on."
    );
    screen::draw_now();
    halt_for_ever()
}
