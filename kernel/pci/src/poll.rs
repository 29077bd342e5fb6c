//! A function that Bulkhead itself uses, by polling.

use crate::config::Registers;
use crate::register::{BUS_MASTER, INTX_DISABLE, IO_DECODE, MEMORY_DECODE};
use crate::{Address, BarKind, ConfigSpace};

/// Lets a function answer at its BARs of that kind; it never masters the bus and never interrupts.
///
/// Source: PCI 3.0 §6.2.2, "Device Control".
pub fn answer(config: &dyn ConfigSpace, address: Address, kind: BarKind) {
    let decode = match kind {
        BarKind::Io => IO_DECODE,
        BarKind::Memory32 | BarKind::Memory64 => MEMORY_DECODE,
    };
    Registers::new(config, address).change_command(BUS_MASTER, decode | INTX_DISABLE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_register::{ADDRESS, OneRegister};

    #[test]
    fn the_command_is_changed_and_no_status_cleared() {
        // Status has bits set, which ones would clear.
        for (found, kind, wanted) in [
            (0xf910_0004, BarKind::Io, 0x0401),
            (0xf910_0144, BarKind::Memory32, 0x0542),
            (0xf910_0000, BarKind::Memory64, 0x0402),
            // Already so: not even written.
            (0xf910_0401, BarKind::Io, 0xf910_0401),
        ] {
            let one = OneRegister::new(4, found);
            answer(&one, ADDRESS, kind);
            assert_eq!(one.value(), wanted, "{found:#x}");
        }
    }
}
