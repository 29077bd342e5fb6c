//! VMCOREINFO: lines of `KEY=VALUE`, of which those that lead to the ring are kept.

use bulkhead_memory::PAGE;

use crate::Ram;

/// What a value is written as.
#[derive(Clone, Copy)]
enum Form {
    /// `%lx`
    Hexadecimal,
    /// `%lu`, `%ld`
    Decimal,
}
use Form::{Decimal, Hexadecimal};

/// What an offset or a size may be at most, in bytes: no structure of the ring is near it.
const MOST_OFFSET: u64 = 4096;

/// Longest line that may be of interest, in bytes.
const LINE: usize = 80;

macro_rules! keys {
    ($($name:ident = $form:ident $key:literal $must:literal;)*) => {
        /// A key, as its place in [`KEYS`].
        #[derive(Clone, Copy)]
        #[repr(usize)]
        pub(crate) enum Key { $($name),* }
        /// The keys: how their values are written, and whether there is no ring without.
        const KEYS: [(&str, Form, bool); [$($key),*].len()] = [$(($key, $form, $must)),*];
    };
}

// The same since 5.10, but for the last two, which older kernels and those without them leave out.
keys! {
    Prb = Hexadecimal "SYMBOL(prb)" true;
    Root = Hexadecimal "SYMBOL(init_top_pgt)" true;
    PhysBase = Decimal "NUMBER(phys_base)" true;
    DescRing = Decimal "OFFSET(printk_ringbuffer.desc_ring)" true;
    TextRing = Decimal "OFFSET(printk_ringbuffer.text_data_ring)" true;
    CountBits = Decimal "OFFSET(prb_desc_ring.count_bits)" true;
    Descs = Decimal "OFFSET(prb_desc_ring.descs)" true;
    Infos = Decimal "OFFSET(prb_desc_ring.infos)" true;
    HeadId = Decimal "OFFSET(prb_desc_ring.head_id)" true;
    TailId = Decimal "OFFSET(prb_desc_ring.tail_id)" true;
    DescBytes = Decimal "SIZE(prb_desc)" true;
    State = Decimal "OFFSET(prb_desc.state_var)" true;
    Block = Decimal "OFFSET(prb_desc.text_blk_lpos)" true;
    Begin = Decimal "OFFSET(prb_data_blk_lpos.begin)" true;
    Next = Decimal "OFFSET(prb_data_blk_lpos.next)" true;
    InfoBytes = Decimal "SIZE(printk_info)" true;
    Sequence = Decimal "OFFSET(printk_info.seq)" true;
    Time = Decimal "OFFSET(printk_info.ts_nsec)" true;
    TextBytes = Decimal "OFFSET(printk_info.text_len)" true;
    SizeBits = Decimal "OFFSET(prb_data_ring.size_bits)" true;
    Data = Decimal "OFFSET(prb_data_ring.data)" true;
    Counter = Decimal "OFFSET(atomic_long_t.counter)" true;
    FiveLevels = Decimal "NUMBER(pgtable_l5_enabled)" false;
    Encryption = Decimal "NUMBER(sme_mask)" false;
}

/// What a Linux says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Info([u64; KEYS.len()]);

impl Info {
    /// What the page at `page` says; `None` unless all is there, and within bounds.
    pub fn read(ram: &impl Ram, page: u64) -> Option<Self> {
        let mut values = [0; KEYS.len()];
        let mut found = 0u32;
        let mut line = [0; LINE];
        let mut length = 0;
        let mut chunk = [0; 64];
        'page: for offset in (0..PAGE).step_by(chunk.len()) {
            ram.read(page.checked_add(offset)?, &mut chunk)?;
            for byte in chunk {
                match byte {
                    b'\n' => {
                        let known = line.get(..length).and_then(understand);
                        if let Some((index, value)) = known
                            && let Some(place) = values.get_mut(index)
                        {
                            *place = value;
                            found |= 1 << index;
                        }
                        length = 0;
                    }
                    0 => break 'page,
                    _ => {
                        if let Some(place) = line.get_mut(length) {
                            *place = byte;
                        }
                        length = (length + 1).min(LINE + 1);
                    }
                }
            }
        }
        let mut keys = KEYS.iter().zip(&values).enumerate();
        let is_there =
            |(index, ((key, _, is_needed), value)): (usize, (&(&str, _, bool), &u64))| {
                let is_measure = key.starts_with("OFFSET") || key.starts_with("SIZE");
                (found & 1 << index != 0 || !is_needed) && (!is_measure || *value <= MOST_OFFSET)
            };
        keys.all(is_there).then_some(Self(values))
    }

    pub(crate) fn get(&self, key: Key) -> u64 {
        // All of them are there.
        self.0.get(key as usize).copied().unwrap_or_default()
    }
}

/// Which key a line is of, and its value.
fn understand(line: &[u8]) -> Option<(usize, u64)> {
    let mut parts = line.splitn(2, |byte| *byte == b'=');
    let (key, value) = (parts.next()?, parts.next()?);
    let mut known = KEYS.iter().enumerate();
    let (index, (_, form, _)) = known.find(|(_, known)| known.0.as_bytes() == key)?;
    let (sign, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let radix = match form {
        Hexadecimal => 16,
        Decimal => 10,
    };
    let mut number = 0u64;
    if digits.is_empty() {
        return None;
    }
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix)?;
        number = number.checked_mul(u64::from(radix))?;
        number = number.checked_add(u64::from(digit))?;
    }
    Some((index, if sign { number.wrapping_neg() } else { number }))
}
