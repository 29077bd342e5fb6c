//! The screen is memory of a graphics function: whoever has the one can't be without the other.

use bulkhead_linux::Screen;
use bulkhead_memory::Region;
use bulkhead_pci::{Address, Bar, BarKind, Function};

use super::Devices;
use crate::Machine;

impl Devices {
    /// Whether nobody else may draw while their owner runs: the screen is among them, or the
    /// function that it is memory of; in a text mode, any display function.
    #[must_use]
    pub fn takes_screen(&self, machine: &Machine) -> bool {
        const DISPLAY: u8 = 0x03;
        let is_screens = |function: &Function| match machine.screen_function() {
            Some(address) => function.address == address,
            None => function.class == DISPLAY,
        };
        let mut functions = machine.functions.iter();
        self.framebuffer || functions.any(|f| is_screens(f) && self.has_function(f.address))
    }
}

impl Machine {
    /// The function in one of whose base address registers the screen begins.
    #[must_use]
    pub fn screen_function(&self) -> Option<Address> {
        let first = self.screen?.base;
        let has_it = |function: &&Function| {
            let memory = function.bars.iter().filter(|bar| bar.kind != BarKind::Io);
            memory
                .filter_map(Bar::region)
                .any(|bar| bar.contains(first))
        };
        Some(self.functions.iter().find(has_it)?.address)
    }
}

/// The memory of the screen; `None` if it is empty or not addressable.
pub(super) fn region(screen: &Screen) -> Option<Region> {
    Region::new(screen.base, screen.size)
}
