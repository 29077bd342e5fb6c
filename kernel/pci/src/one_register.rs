//! For the tests of modules that change a single register: a function that has nothing else.

extern crate std;

use std::cell::Cell;

use crate::{Address, ConfigSpace};

pub(crate) const ADDRESS: Address = Address {
    segment: 0,
    bus: 0,
    device: 0,
    function: 0,
};

pub(crate) struct OneRegister {
    offset: u16,
    value: Cell<u32>,
}

impl OneRegister {
    pub(crate) fn new(offset: u16, value: u32) -> Self {
        let value = Cell::new(value);
        Self { offset, value }
    }

    pub(crate) fn value(&self) -> u32 {
        self.value.get()
    }
}

impl ConfigSpace for OneRegister {
    fn read(&self, address: Address, offset: u16) -> u32 {
        assert_eq!((address, offset), (ADDRESS, self.offset));
        self.value.get()
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        assert_eq!((address, offset), (ADDRESS, self.offset));
        self.value.set(value);
    }
}
