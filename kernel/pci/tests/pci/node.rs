//! One function of the fake machine: its registers, and what writing to them does.

/// Where the capabilities of a [`Node`] are.
pub(crate) const POWER: u16 = 0x40;
pub(crate) const MSI: u16 = 0x50;
pub(crate) const MSIX: u16 = 0x70;
pub(crate) const EXPRESS: u16 = 0x80;
pub(crate) const ADVANCED: u16 = 0xc0;
pub(crate) const ACS: u16 = 0x100;
pub(crate) const ARI: u16 = 0x140;
pub(crate) const VIRTUALIZATION: u16 = 0x180;
pub(crate) const RESIZABLE: u16 = 0x1c0;

pub(crate) const ENDPOINT: u32 = 0;
pub(crate) const ROOT_PORT: u32 = 4;
pub(crate) const UPSTREAM: u32 = 5;
pub(crate) const DOWNSTREAM: u32 = 6;

pub(crate) const MEMORY64: u32 = 0b0100;
pub(crate) const PREFETCHABLE64: u32 = 0b1100;
pub(crate) const PREFETCHABLE32: u32 = 0b1000;
pub(crate) const MEMORY32: u32 = 0;
pub(crate) const IO: u32 = 1;

/// A function: what each register holds, which bits of it can be written, which are cleared by
/// ones, and what it holds after a reset.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Vec<u32>,
    pub(crate) reset: Vec<u32>,
    pub(crate) writable: Vec<u32>,
    pub(crate) cleared: Vec<u32>,
    /// Where the next capability is linked from.
    link: u16,
    extended_link: u16,
    /// How long it doesn't answer after a reset; `None`: for ever.
    pub(crate) reset_us: Option<u64>,
    /// It asks to be tried again meanwhile, instead of not answering.
    pub(crate) retries: bool,
    /// Transactions are pending until then.
    pub(crate) pending_until: u64,
    /// When it answers again.
    pub(crate) answers_at: u64,
    /// Before this time nobody may speak to it.
    pub(crate) earliest: u64,
    /// A bridge holds its secondary bus in reset since then.
    pub(crate) held_since: Option<u64>,
    /// It has been in D3hot since then.
    pub(crate) asleep_since: Option<u64>,
    /// Resets it has seen: by itself, with its bus, by power.
    pub(crate) resets: [usize; 3],
}

impl Node {
    fn new(vendor: u16, device: u16, class: u32, header: u32) -> Self {
        let mut node = Self {
            value: vec![0; 1024],
            reset: vec![0; 1024],
            writable: vec![0; 1024],
            cleared: vec![0; 1024],
            link: 0x34,
            extended_link: 0,
            reset_us: Some(100_000),
            retries: false,
            pending_until: 0,
            answers_at: 0,
            earliest: 0,
            held_since: None,
            asleep_since: None,
            resets: [0; 3],
        };
        node.fixed(0x00, u32::from(device) << 16 | u32::from(vendor));
        node.fixed(0x08, class << 8 | 0x02);
        node.fixed(0x0c, header << 16);
        node.writable(0x0c, 0xffff);
        // Status says that errors were seen: only a one clears that.
        node.fixed(0x04, 0xf900_0000);
        node.writable(0x04, 0x0547);
        node.cleared[1] = 0xf900_0000;
        node.writable(0x3c, 0xff);
        node
    }

    pub(crate) fn endpoint(vendor: u16, device: u16, class: u32) -> Self {
        let mut node = Self::new(vendor, device, class, 0);
        node.writable(0x30, 0xffff_0001);
        node
    }

    pub(crate) fn bridge(vendor: u16, device: u16) -> Self {
        let mut node = Self::new(vendor, device, 0x06_0400, 1);
        node.writable(0x18, 0x00ff_ffff);
        node.fixed(0x1c, 0xf900_0101);
        node.writable(0x1c, 0xf0f0);
        node.cleared[0x1c / 4] = 0xf900_0000;
        node.writable(0x20, 0xfff0_fff0);
        node.fixed(0x24, 0x0001_0001);
        node.writable(0x24, 0xfff0_fff0);
        for offset in [0x28, 0x2c, 0x30] {
            node.writable(offset, u32::MAX);
        }
        node.writable(0x38, 0xffff_0001);
        node.writable(0x3c, 0x0bff_00ff);
        node.fixed(0x3c, 0x0400_0000);
        node.cleared[0x3c / 4] = 0x0400_0000;
        node
    }

    /// A function that is no bridge, as its first registers were on some machine. A BAR of size 0
    /// can't be written.
    pub(crate) fn real(dwords: &[u32], sizes: impl Iterator<Item = u32>) -> Self {
        let mut node = Self::new(0, 0, 0, 0);
        for (offset, value) in (0..).step_by(4).zip(dwords) {
            node.fixed(offset, *value);
        }
        for (offset, size) in (0x10..).step_by(4).zip(sizes) {
            node.writable(offset, size.wrapping_neg());
        }
        node
    }

    fn fixed(&mut self, offset: u16, bits: u32) {
        self.value[usize::from(offset / 4)] |= bits;
        self.reset[usize::from(offset / 4)] |= bits;
    }

    pub(crate) fn writable(&mut self, offset: u16, bits: u32) {
        self.writable[usize::from(offset / 4)] |= bits;
    }

    /// What the firmware wrote.
    pub(crate) fn set(mut self, offset: u16, value: u32) -> Self {
        let at = usize::from(offset / 4);
        self.value[at] = self.value[at] & !self.writable[at] | value & self.writable[at];
        self
    }

    pub(crate) fn multi_function(mut self) -> Self {
        self.fixed(0x0c, 1 << 23);
        self
    }

    pub(crate) fn pin(mut self, pin: u32) -> Self {
        self.fixed(0x3c, pin << 8);
        self
    }

    /// A BAR that the firmware put at `address`.
    pub(crate) fn bar(mut self, index: u16, flags: u32, size: u64, address: u64) -> Self {
        let offset = 0x10 + 4 * index;
        let mask = !(size - 1);
        self.fixed(offset, flags);
        let low = if flags == IO { mask & 0xffff } else { mask };
        self.writable(offset, low as u32);
        let wide = flags & 0b100 != 0 && flags & IO == 0;
        if wide {
            self.writable(offset + 4, (mask >> 32) as u32);
            self = self.set(offset + 4, (address >> 32) as u32);
        }
        self.set(offset, address as u32)
    }

    fn capability(&mut self, offset: u16, header: u32) {
        self.fixed(0x04, 1 << 20);
        if self.link == 0x34 {
            self.fixed(0x34, u32::from(offset));
        } else {
            self.fixed(self.link, u32::from(offset) << 8);
        }
        self.link = offset;
        self.fixed(offset, header);
    }

    pub(crate) fn power(mut self, no_soft_reset: bool) -> Self {
        self.capability(POWER, 0x0003_0001);
        self.fixed(POWER + 4, u32::from(no_soft_reset) << 3 | 0x8000);
        self.writable(POWER + 4, 0x0103);
        self.cleared[usize::from(POWER / 4) + 1] = 0x8000;
        self
    }

    pub(crate) fn msi(mut self) -> Self {
        self.capability(MSI, 0x0080_0005);
        self.writable(MSI, 0x0071_0000);
        self
    }

    pub(crate) fn msix(mut self, vectors: u32) -> Self {
        self.capability(MSIX, (vectors - 1) << 16 | 0x11);
        self.writable(MSIX, 0xc000_0000);
        self
    }

    pub(crate) fn express(mut self, port: u32, flr: bool) -> Self {
        self.capability(EXPRESS, (port << 4 | 2) << 16 | 0x10);
        self.fixed(EXPRESS + 4, u32::from(flr) << 28 | 0x8000);
        self.fixed(EXPRESS + 8, 0x000f_2810);
        self.writable(EXPRESS + 8, 0x7fff);
        self.cleared[usize::from(EXPRESS + 8) / 4] = 0x000f_0000;
        if port == ROOT_PORT || port == DOWNSTREAM {
            self.fixed(EXPRESS + 0xc, 1 << 20);
            self.fixed(EXPRESS + 0x10, 1 << 29);
        }
        self.fixed(EXPRESS + 0x10, 0xc000_0000);
        self.cleared[usize::from(EXPRESS + 0x10) / 4] = 0xc000_0000;
        self.writable(EXPRESS + 0x10, 0x01cb);
        self.writable(EXPRESS + 0x28, 0x07ff);
        self
    }

    pub(crate) fn advanced(mut self) -> Self {
        self.capability(ADVANCED, 0x0306_0013);
        self
    }

    fn extended(&mut self, offset: u16, id: u32) {
        // The first one has to be at 0x100, even if it means nothing.
        if self.extended_link == 0 && offset != 0x100 {
            self.fixed(0x100, 0x0001_000b);
            self.extended_link = 0x100;
        }
        if self.extended_link != 0 {
            self.fixed(self.extended_link, u32::from(offset) << 20);
        }
        self.extended_link = offset;
        self.fixed(offset, 1 << 16 | id);
    }

    pub(crate) fn acs(mut self) -> Self {
        self.extended(ACS, 0x0d);
        self
    }

    pub(crate) fn ari(mut self) -> Self {
        self.extended(ARI, 0x0e);
        self
    }

    pub(crate) fn virtualization(mut self) -> Self {
        self.extended(VIRTUALIZATION, 0x10);
        self.fixed(VIRTUALIZATION + 8, 0x0001_0000);
        self.writable(VIRTUALIZATION + 8, 0x001f);
        self.cleared[usize::from(VIRTUALIZATION + 8) / 4] = 0x0001_0000;
        self
    }

    /// BAR `index` can be resized, and is now 2^`exponent` MiB.
    pub(crate) fn resizable(mut self, index: u32, exponent: u32) -> Self {
        self.extended(RESIZABLE, 0x15);
        self.fixed(RESIZABLE + 8, 1 << 5 | index);
        self.writable(RESIZABLE + 8, 0x3f00);
        self.set(RESIZABLE + 8, exponent << 8)
    }

    pub(crate) fn numbers(self, primary: u32, secondary: u32, subordinate: u32) -> Self {
        self.set(0x18, primary | secondary << 8 | subordinate << 16)
    }

    /// Windows as base and last byte; base above last closes one.
    pub(crate) fn windows(
        self,
        io: (u32, u32),
        memory: (u32, u32),
        prefetchable: (u64, u64),
    ) -> Self {
        let megabytes =
            |base: u64, last: u64| (base >> 16 & 0xfff0) as u32 | (last & 0xfff0_0000) as u32;
        self.set(0x1c, io.0 >> 8 & 0xf0 | io.1 & 0xf000)
            .set(0x20, megabytes(memory.0.into(), memory.1.into()))
            .set(0x24, megabytes(prefetchable.0, prefetchable.1))
            .set(0x28, (prefetchable.0 >> 32) as u32)
            .set(0x2c, (prefetchable.1 >> 32) as u32)
    }

    pub(crate) fn word(&self, offset: u16) -> u32 {
        self.value[usize::from(offset / 4)]
    }

    pub(crate) fn is_bridge(&self) -> bool {
        self.word(0x0c) >> 16 & 0x7f == 1
    }

    pub(crate) fn has(&self, capability: u16) -> bool {
        self.word(capability) & 0xff != 0
    }

    /// Back to how it came out of the factory.
    pub(crate) fn forget(&mut self, now: u64, quiet_us: u64) {
        self.value.clone_from(&self.reset);
        self.earliest = now + quiet_us;
        self.held_since = None;
        self.pending_until = 0;
    }
}
