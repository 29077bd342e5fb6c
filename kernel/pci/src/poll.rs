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
    extern crate std;

    use std::cell::Cell;

    use super::*;

    /// A function with nothing but Command and Status.
    struct One(Cell<u32>);

    impl ConfigSpace for One {
        fn read(&self, _: Address, offset: u16) -> u32 {
            assert_eq!(offset, 4);
            self.0.get()
        }
        fn write(&self, _: Address, offset: u16, value: u32) {
            assert_eq!(offset, 4);
            self.0.set(value);
        }
    }

    #[test]
    fn the_command_is_changed_and_no_status_cleared() {
        let address = Address {
            segment: 0,
            bus: 1,
            device: 0,
            function: 0,
        };
        // Status has bits set, which ones would clear.
        for (found, kind, wanted) in [
            (0xf910_0004, BarKind::Io, 0x0401),
            (0xf910_0144, BarKind::Memory32, 0x0542),
            (0xf910_0000, BarKind::Memory64, 0x0402),
            // Already so: not even written.
            (0xf910_0401, BarKind::Io, 0xf910_0401),
        ] {
            let one = One(Cell::new(found));
            answer(&one, address, kind);
            assert_eq!(one.0.get(), wanted, "{found:#x}");
        }
    }
}
