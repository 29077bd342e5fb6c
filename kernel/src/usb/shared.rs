//! A controller's registers, and the memory that it shares with the processor.

use bulkhead_memory::Region;
use bulkhead_pci::{Address, Own};
use bulkhead_usb::{Controller, Io};

use crate::cpu::tsc;
use crate::mem::phys;
use crate::pci::Ecam;

/// The registers and the memory of a controller.
pub(super) struct Shared {
    pub(super) own: Own,
    pub(super) registers: Region,
    pub(super) memory: Region,
}

impl Shared {
    fn register(&self, offset: u32) -> Option<*mut u32> {
        Self::within(self.registers, offset)
    }

    fn within(region: Region, offset: u32) -> Option<*mut u32> {
        let offset = u64::from(offset);
        let is_inside = offset.is_multiple_of(4) && offset + 4 <= region.size();
        is_inside.then(|| phys::pointer(region.start() + offset))
    }
}

impl Io for Shared {
    fn read(&self, offset: u32) -> u32 {
        self.register(offset).map_or(u32::MAX, |register| {
            // SAFETY: an aligned register in the BAR of a controller that is Bulkhead's while this is
            // used (`Keyboards`), mapped uncached; reading changes none.
            unsafe { register.read_volatile() }
        })
    }

    fn write(&mut self, offset: u32, value: u32) {
        if let Some(register) = self.register(offset) {
            // SAFETY: as above. The addresses that `bulkhead-usb` writes are those of the memory that
            // was taken for the controller.
            unsafe { register.write_volatile(value) };
        }
    }

    fn load(&self, offset: u32) -> u32 {
        Self::within(self.memory, offset).map_or(0, |dword| {
            // SAFETY: an aligned dword of RAM that was taken for this, to which there are no
            // references; the controller may write it at any time, hence volatile.
            unsafe { dword.read_volatile() }
        })
    }

    fn store(&mut self, offset: u32, value: u32) {
        if let Some(dword) = Self::within(self.memory, offset) {
            // SAFETY: as above. The processor keeps the order of stores, those to uncached registers
            // included, and caches what devices write coherently.
            unsafe { dword.write_volatile(value) };
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "taken below 4 GiB")]
    fn base(&self) -> u32 {
        self.memory.start() as u32
    }
}

impl Controller for Shared {
    type Address = Address;

    fn address(&self) -> Address {
        self.own.address()
    }

    fn open(&mut self) -> bool {
        // SAFETY: a function that no running partition has; this is the shell's core, which alone
        // launches any, and all that is done with controllers is done under the lock.
        let ecam = unsafe { Ecam::of_nobody() };
        self.own.open(&ecam, &ecam)
    }

    fn master(&mut self, may: bool) {
        // SAFETY: as above.
        let ecam = unsafe { Ecam::of_nobody() };
        self.own.master(&ecam, may);
    }

    fn wait_until(&self, us: u64, done: impl FnMut() -> bool) -> bool {
        tsc::wait_until(us, done)
    }
}
