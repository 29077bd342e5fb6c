//! A made image of a Linux's RAM: VMCOREINFO, a ring, page tables.

use std::cell::Cell;
use std::fmt::Write;

use bulkhead_memory::Region;
use bulkhead_printk::Ram;

/// Where its RAM begins, and its size.
pub(crate) const BASE: u64 = 0x4000_0000;
pub(crate) const BYTES: usize = 2 << 20;
/// `__START_KERNEL_map` and where the kernel's image lies: at [`BASE`], for which it was not linked.
const IMAGE: u64 = 0xffff_ffff_8000_0000;
const LINKED: u64 = 0x100_0000;
/// Direct maps at places of their own, with four levels of tables and with five.
const DIRECT: [u64; 2] = [0xffff_9a40_0000_0000, 0xff1a_c340_0000_0000];

/// Offsets in its RAM.
pub(crate) const INFO: usize = 0x5000;
pub(crate) const TABLES: usize = 0x8000;
/// The pointer `prb`, and what it points to.
const PRB_POINTER: usize = 0x2_0000;
const PRB: usize = 0x2_0040;
const DESCS: usize = 0x4_0000;
const INFOS: usize = 0x8_0000;
const DATA: usize = 0x10_0000;

const ID: u64 = (1 << 62) - 1;

/// What differs from kernel to kernel.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) count_bits: u32,
    pub(crate) size_bits: u32,
    /// Whether its arrays are where `log_buf_len=` has them: in the direct map, whose pages have this
    /// level of its page tables (0: 4 KiB).
    pub(crate) dynamic: Option<u32>,
    pub(crate) levels: u32,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            count_bits: 10,
            size_bits: 15,
            dynamic: None,
            levels: 4,
        }
    }
}

/// The image.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: Kind,
    /// Words that were read.
    pub(crate) reads: Cell<u64>,
    head: u64,
    tail: u64,
    /// Where the next text begins.
    at: u64,
    sequence: u64,
}

impl Ram for Made {
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()> {
        self.reads.set(self.reads.get() + 1);
        let from = usize::try_from(at.checked_sub(BASE)?).ok()?;
        let bytes = self.bytes.get(from..from.checked_add(into.len())?)?;
        into.copy_from_slice(bytes);
        Some(())
    }
}

impl Made {
    pub(crate) fn region() -> Region {
        Region::new(BASE, BYTES as u64).unwrap()
    }

    pub(crate) fn new(kind: Kind) -> Self {
        // `DESC0_ID`, of a descriptor that never says anything.
        let before = 0u64.wrapping_sub((1 << kind.count_bits) + 1) & ID;
        let mut made = Self {
            bytes: vec![0; BYTES],
            kind,
            reads: Cell::new(0),
            head: before,
            tail: before,
            at: 0u64.wrapping_sub(1 << kind.size_bits),
            sequence: 0,
        };
        made.tables();
        made.info(INFO);
        made.set(PRB_POINTER, Self::image(PRB));
        made.set(PRB + 8, u64::from(kind.count_bits));
        let [descs, infos, data] = [DESCS, INFOS, DATA].map(|at| made.array(at));
        made.set(PRB + 16, descs);
        made.set(PRB + 24, infos);
        made.set(PRB + 64, u64::from(kind.size_bits));
        made.set(PRB + 72, data);
        made.set(PRB + 32, before);
        made.set(PRB + 40, before);
        let [desc, ..] = made.newest();
        made.set(desc, 3 << 62 | before);
        made
    }

    pub(crate) fn set(&mut self, at: usize, word: u64) {
        self.bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }

    fn image(at: usize) -> u64 {
        IMAGE + LINKED + at as u64
    }

    fn array(&self, at: usize) -> u64 {
        match self.kind.dynamic {
            Some(_) => self.direct() + BASE + at as u64,
            None => Self::image(at),
        }
    }

    pub(crate) fn direct(&self) -> u64 {
        DIRECT[self.kind.levels as usize - 4]
    }

    /// What its CR3 is.
    pub(crate) fn root(&self) -> u64 {
        BASE + TABLES as u64
    }

    /// The direct map's tables, the lowest of them with pages of the level that is wished, and the way to
    /// the image's.
    fn tables(&mut self) {
        let page = |number: u64| BASE + TABLES as u64 + number * 4096;
        let direct = self.direct();
        let lowest = self.kind.dynamic.unwrap_or(0);
        for level in (lowest..self.kind.levels).rev() {
            let number = u64::from(self.kind.levels - 1 - level);
            let size = 4096u64 << (9 * level);
            let index = |address: u64| (address >> (12 + 9 * level)) as usize & 0x1ff;
            let table = TABLES + number as usize * 4096;
            if level > lowest {
                self.set(table + index(direct + BASE) * 8, page(number + 1) | 3);
            } else {
                let flags = if level > 0 { 0x83 } else { 3 };
                for place in 0..(BYTES as u64).div_ceil(size) {
                    let address = (BASE & !(size - 1)) + place * size;
                    self.set(table + index(direct + address) * 8, address | flags);
                }
            }
        }
        // The last table but one of the image, at a page behind these.
        for level in (2..self.kind.levels).rev() {
            let number = u64::from(self.kind.levels - 1 - level);
            let own = if number == 0 { 0 } else { 7 + number };
            let index = (IMAGE >> (12 + 9 * level)) as usize & 0x1ff;
            let entry = TABLES + own as usize * 4096 + index * 8;
            self.set(entry, page(8 + number) | 0x63);
        }
    }

    /// Writes VMCOREINFO at that place.
    pub(crate) fn info(&mut self, at: usize) {
        let text = self.text();
        self.bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
    }

    pub(crate) fn text(&self) -> String {
        let mut text =
            String::from("OSRELEASE=6.1.0-made\nBUILD-ID=0123456789abcdef\nPAGESIZE=4096\n");
        for (name, at) in [
            ("init_uts_ns", 0x100),
            ("prb", PRB_POINTER),
            ("init_top_pgt", TABLES),
        ] {
            writeln!(text, "SYMBOL({name})={:x}", Self::image(at)).unwrap();
        }
        for (name, number) in [
            ("printk_ringbuffer.desc_ring", 0),
            ("printk_ringbuffer.text_data_ring", 56),
            ("prb_desc_ring.count_bits", 8),
            ("prb_desc_ring.descs", 16),
            ("prb_desc_ring.infos", 24),
            ("prb_desc_ring.head_id", 32),
            ("prb_desc_ring.tail_id", 40),
            ("prb_desc.state_var", 0),
            ("prb_desc.text_blk_lpos", 8),
            ("prb_data_blk_lpos.begin", 0),
            ("prb_data_blk_lpos.next", 8),
            ("printk_info.seq", 0),
            ("printk_info.ts_nsec", 8),
            ("printk_info.text_len", 16),
            ("prb_data_ring.size_bits", 8),
            ("prb_data_ring.data", 16),
            ("atomic_long_t.counter", 0),
        ] {
            writeln!(text, "OFFSET({name})={number}").unwrap();
        }
        writeln!(text, "SIZE(prb_desc)=24\nSIZE(printk_info)=88").unwrap();
        let phys_base = (BASE as i64) - LINKED as i64;
        let five = u8::from(self.kind.levels == 5);
        writeln!(
            text,
            "NUMBER(phys_base)={phys_base}\nNUMBER(pgtable_l5_enabled)={five}"
        )
        .unwrap();
        text
    }

    /// Prints a record, as `prb_reserve` and `prb_final_commit` would.
    pub(crate) fn print(&mut self, time: u64, level: u8, text: &str) {
        let count = 1u64 << self.kind.count_bits;
        let size = 1u64 << self.kind.size_bits;
        self.head = (self.head + 1) & ID;
        if (self.head.wrapping_sub(self.tail) & ID) >= count {
            self.tail = (self.tail + 1) & ID;
        }
        let index = (self.head % count) as usize;
        let (begin, next) = if text.is_empty() {
            (3, 3)
        } else {
            let bytes = (8 + text.len() as u64).next_multiple_of(8);
            let begin = self.at;
            let mut next = begin.wrapping_add(bytes);
            let mut place = begin % size;
            if begin / size != next.wrapping_sub(1) / size {
                place = 0;
                next = (next / size * size).wrapping_add(bytes);
            }
            self.at = next;
            // What lay there is gone: its block's number is another one.
            let block = DATA + place as usize;
            self.set(block, self.head);
            self.bytes[block + 8..block + 8 + text.len()].copy_from_slice(text.as_bytes());
            (begin, next)
        };
        self.set(DESCS + index * 24, 2 << 62 | self.head);
        self.set(DESCS + index * 24 + 8, begin);
        self.set(DESCS + index * 24 + 16, next);
        let info = INFOS + index * 88;
        self.set(info, self.sequence);
        self.set(info + 8, time);
        let length = (text.len() as u16).to_le_bytes();
        self.bytes[info + 16..info + 20].copy_from_slice(&[
            length[0],
            length[1],
            0,
            level << 5 | 1,
        ]);
        self.sequence += 1;
        self.set(PRB + 32, self.head);
        self.set(PRB + 40, self.tail);
    }

    /// Has all entries of its tables say that their memory is encrypted, by that bit.
    pub(crate) fn encrypt(&mut self, bit: u64) {
        for at in (TABLES..TABLES + 16 * 4096).step_by(8) {
            let entry = u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap());
            if entry != 0 {
                self.set(at, entry | bit);
            }
        }
        let text = self.text() + &format!("NUMBER(sme_mask)={bit}\n");
        self.bytes[INFO..INFO + text.len()].copy_from_slice(text.as_bytes());
    }

    /// Where the newest record's descriptor is, what it says, and where its text begins.
    pub(crate) fn newest(&self) -> [usize; 3] {
        let index = (self.head % (1 << self.kind.count_bits)) as usize;
        let at = DESCS + index * 24 + 8;
        let begin = u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap());
        let place = begin as usize % (1 << self.kind.size_bits);
        [DESCS + index * 24, INFOS + index * 88, DATA + place]
    }

    /// Makes the newest record one that is complete, but for a line that may go on.
    pub(crate) fn commit(&mut self) {
        let [desc, ..] = self.newest();
        self.set(desc, 1 << 62 | self.head);
    }

    /// Adds to the newest record, which is the last one of its ring, and ends it.
    pub(crate) fn go_on(&mut self, text: &str) {
        let [desc, info, block] = self.newest();
        let old = usize::from(u16::from_le_bytes([
            self.bytes[info + 16],
            self.bytes[info + 17],
        ]));
        let length = old + text.len();
        let start = block + 8 + old;
        self.bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
        self.bytes[info + 16..info + 18].copy_from_slice(&(length as u16).to_le_bytes());
        let begin = u64::from_le_bytes(self.bytes[desc + 8..desc + 16].try_into().unwrap());
        let next = begin.wrapping_add((8 + length as u64).next_multiple_of(8));
        self.set(desc + 16, next);
        self.at = next;
        self.set(desc, 2 << 62 | self.head);
    }

    /// Makes the newest record one that is being written.
    pub(crate) fn reopen(&mut self) {
        let index = (self.head % (1 << self.kind.count_bits)) as usize;
        self.set(DESCS + index * 24, self.head);
    }
}
