//! Two units, of which the second takes no command.

use bulkhead_iommu::{Fabric, Iommus, Physical, Requester, Unusable};

use crate::made::{at, dmar, drhd, ivhd, ivrs, scope};
use crate::{made_amd, made_vtd};

/// Where the second one's registers are: it can what the first can, and does nothing.
const SECOND: u64 = 0xfee8_0000;
const BYTES: u64 = 0x8_0000;

struct Two<'a, P> {
    first: &'a P,
    base: u64,
    /// Registers of the first that say what it can.
    constant: &'a [u64],
}

impl<P: Physical> Two<'_, P> {
    /// What the second's register reads as; `None`: the address is none of its.
    fn second(&self, address: u64) -> Option<u64> {
        let offset = address
            .checked_sub(SECOND)
            .filter(|offset| *offset < BYTES)?;
        let is_constant = self.constant.contains(&offset);
        Some(if is_constant {
            self.first.load64(self.base + offset)
        } else {
            0
        })
    }
}

impl<P: Physical> Physical for Two<'_, P> {
    fn load32(&self, address: u64) -> u32 {
        self.second(address)
            .map_or_else(|| self.first.load32(address), |value| value as u32)
    }
    fn store32(&self, address: u64, value: u32) {
        if self.second(address).is_none() {
            self.first.store32(address, value);
        }
    }
    fn load64(&self, address: u64) -> u64 {
        self.second(address)
            .unwrap_or_else(|| self.first.load64(address))
    }
    fn store64(&self, address: u64, value: u64) {
        if self.second(address).is_none() {
            self.first.store64(address, value);
        }
    }
    fn write_back(&self, address: u64, bytes: u64) {
        self.first.write_back(address, bytes);
    }
    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool {
        self.first.within(us, done)
    }
}

fn start(two: &impl Physical, iommus: &Iommus) -> Unusable {
    let mut next = 0x10_0000;
    let take = |bytes| {
        next += bytes;
        next - bytes
    };
    Fabric::start(two, iommus, &[at(0, 0x14, 0)], |_| true, take).unwrap_err()
}

const CARD: Requester = Requester {
    segment: 0,
    bus: 1,
    devfn: 0,
};

#[test]
fn the_first_is_not_left_on_with_nothing_to_pass() {
    let made = made_vtd::Made::new();
    made.may_stop.set(true);
    let two = Two {
        first: &made,
        base: made_vtd::BASE,
        constant: &[0, 8, 0x10],
    };
    let card = scope(1, 1, &[(0, 0)]);
    let iommus = Iommus::of_dmar(&dmar(
        0,
        &[
            drhd(false, 0, made_vtd::BASE, &[card]),
            drhd(true, 0, SECOND, &[]),
        ],
    ));
    assert_eq!(start(&two, &iommus), Unusable::Silent(SECOND));
    assert_eq!(made.request(CARD, 0x1234), Ok(0x1234));

    let made = made_amd::Made::new(0);
    made.may_stop.set(true);
    let two = Two {
        first: &made,
        base: made_amd::BASE,
        constant: &[0x30],
    };
    let all: [&[u8]; 1] = [&[1, 0, 0, 0]];
    let iommus = Iommus::of_ivrs(&ivrs(&[
        ivhd(0x11, 0, made_amd::BASE, &all),
        ivhd(0x11, 0, SECOND, &all),
    ]));
    assert_eq!(start(&two, &iommus), Unusable::Silent(SECOND));
    assert_eq!(made.request(CARD, 0x1234, true), Ok(0x1234));
}
