//! A VT-d unit that answers at once, and memory for its tables: what is left is what the processor does.

use std::cell::RefCell;

use bulkhead_iommu::Physical;

/// Where its registers are.
pub(crate) const BASE: u64 = 0xfed9_0000;
/// Where its memory begins; where in it the tables of a partition are.
const MEMORY: u64 = 0x4000_0000;
pub(crate) const ROOM: u64 = MEMORY + (1 << 20);

const REGISTERS: u64 = 0x1000;
const COMMAND: u64 = 0x18;
const STATUS: u64 = 0x1c;
const CONTEXT_COMMAND: u64 = 0x28;
/// Offset of the IOTLB's registers by [`EXTENDED`], and of the second of them.
const IOTLB: u64 = 0xf0;
const INVALIDATE: u64 = IOTLB + 8;
const BUSY: u64 = 1 << 63;

/// Four levels, pages of 2 MiB and, with bit 35, of 1 GiB; 256 domains.
const ABILITIES: u64 = 1 << 34 | 47 << 16 | 1 << 10 | 2;
/// It lets requests pass, and takes no queue.
const EXTENDED: u64 = (IOTLB / 16) << 8 | 1 << 6;

pub(crate) struct Unit {
    registers: RefCell<Vec<u64>>,
    memory: RefCell<Vec<u64>>,
}

impl Unit {
    /// With memory for tables of so many pages.
    pub(crate) fn new(has_1g: bool, pages: u64) -> Self {
        let mut registers = vec![0; (REGISTERS / 8) as usize];
        registers[0] = 0x10;
        registers[1] = ABILITIES | u64::from(has_1g) << 35;
        registers[2] = EXTENDED;
        let words = usize::try_from((ROOM - MEMORY) / 8 + pages * 512).expect("64 bits");
        Self {
            registers: RefCell::new(registers),
            memory: RefCell::new(vec![0; words]),
        }
    }

    fn register(&self, address: u64) -> Option<u64> {
        let offset = address.checked_sub(BASE)?;
        (offset < REGISTERS).then_some(offset)
    }
}

impl Physical for Unit {
    fn load32(&self, address: u64) -> u32 {
        let word = self.load64(address & !7).to_le_bytes();
        let half = &word[(address % 8) as usize..][..4];
        u32::from_le_bytes(half.try_into().expect("four bytes"))
    }

    fn store32(&self, address: u64, value: u32) {
        let Some(offset) = self.register(address) else {
            panic!("tables are of qwords");
        };
        // What it is told is so at once.
        let offset = if offset == COMMAND { STATUS } else { offset };
        let shift = offset % 8 * 8;
        let word = &mut self.registers.borrow_mut()[(offset / 8) as usize];
        *word = *word & !(0xffff_ffff << shift) | u64::from(value) << shift;
    }

    fn load64(&self, address: u64) -> u64 {
        match self.register(address) {
            Some(offset) => self.registers.borrow()[(offset / 8) as usize],
            None => self.memory.borrow()[((address - MEMORY) / 8) as usize],
        }
    }

    fn store64(&self, address: u64, value: u64) {
        match self.register(address) {
            Some(offset) => {
                let is_order = matches!(offset, CONTEXT_COMMAND | INVALIDATE);
                let value = if is_order { value & !BUSY } else { value };
                self.registers.borrow_mut()[(offset / 8) as usize] = value;
            }
            None => self.memory.borrow_mut()[((address - MEMORY) / 8) as usize] = value,
        }
    }

    /// As Bulkhead does it.
    fn write_back(&self, address: u64, bytes: u64) {
        let memory = self.memory.borrow();
        for line in (address..address + bytes).step_by(64) {
            std::hint::black_box(&memory[((line - MEMORY) / 8) as usize]);
        }
    }

    fn within(&self, _us: u64, mut done: impl FnMut() -> bool) -> bool {
        done()
    }
}

/// Where a page of Bulkhead's own is; the n-th that it takes.
pub(crate) const fn page(number: u64) -> u64 {
    MEMORY + number * 4096
}
