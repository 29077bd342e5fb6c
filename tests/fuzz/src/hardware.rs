//! What devices say: a keyboard's controller, and IOMMUs of what they have blocked.

use bulkhead_iommu::{Fabric, Iommus, Physical};
use bulkhead_terminal::keyboard::{Input, Keymap, Polled, Ports};

use crate::Target;
use crate::bytes::Plan;
use crate::made::iommu::{at, dmar, drhd, ivhd, ivrs};
use crate::made::{amd_vi, vt_d};

pub(crate) const TARGETS: [Target; 2] = [
    Target {
        name: "ps2",
        most: 512,
        run: ps2,
        seeds: || {
            // The controller's answers to setting it up, then keys: a letter, an arrow, Pause.
            let answers = [0x55, 0x00, 0xfa, 0xfa, 0xfa, 0xfa];
            let keys = [0x1c, 0xf0, 0x1c, 0xe0, 0x75, 0xe1, 0x14, 0x77, 0xe1, 0xf0];
            let bytes = answers.into_iter().chain(keys);
            vec![bytes.flat_map(|byte| [0x01, byte]).collect()]
        },
    },
    Target {
        name: "faults",
        most: 512,
        run: faults,
        seeds: || {
            let record = [&[0][..], &[0x11; 8], &[0xc0; 8], &[1, 0, 1]].concat();
            vec![[&[0][..], &record].concat(), [&[1][..], &record].concat()]
        },
    },
];

/// Ports at which each look finds a status and a byte; none once they are over.
struct Line<'a>(Plan<'a>);

impl Ports for Line<'_> {
    fn status(&mut self) -> u8 {
        if self.0.is_over() { 0 } else { self.0.u8() }
    }
    fn read(&mut self) -> u8 {
        self.0.u8()
    }
    fn write(&mut self, _: u8) {}
    fn command(&mut self, _: u8) {}
    fn wait_us(&mut self, us: u64) {
        // Setting it up is said to take some 25 ms.
        assert!(us <= 1000);
    }
}

fn ps2(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let name = Keymap::NAMES[usize::from(plan.u8()) % Keymap::NAMES.len()];
    let keymap = Keymap::from_name(name).expect("it is one");
    let mut line = Line(plan);
    let mut keyboard = Polled::new();
    keyboard.init(true, &mut line);
    keyboard.set_keymap(keymap);
    let mut now = 0;
    while !line.0.is_over() {
        let before = line.0.0.len();
        now += 10;
        if let Some(Input::Bytes(bytes)) = keyboard.next(now, &mut line) {
            // What a terminal sends for a key: a character, or a sequence that begins with ESC.
            let text = std::str::from_utf8(&bytes).expect("text");
            let is_one = text.chars().count() == 1;
            assert!(is_one || text.starts_with('\u{1b}'), "{text:?}");
        }
        // There is no controller.
        if line.0.0.len() == before {
            break;
        }
    }
}

/// An IOMMU of either kind, with records that are written at any time, and any places of its log.
fn faults(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    if plan.u8() & 1 == 0 {
        let unit = vt_d::Made::new();
        let iommus = Iommus::of_dmar(&dmar(0, &[drhd(true, 0, vt_d::BASE, &[])]));
        let fabric = started(&unit, &iommus);
        take_all(&unit, &fabric, &mut plan, |plan| {
            unit.set(0x220, plan.u64());
            unit.set(0x228, plan.u64());
            unit.set(0x34, plan.u16().into());
        });
    } else {
        AMD_VI.with(|(unit, fabric)| {
            // An empty log that has not run over.
            for (at, value) in [(0x2010, 0), (0x2018, 0), (0x2020, 8)] {
                unit.set(at, value);
            }
            take_all(unit, fabric, &mut plan, |plan| {
                unit.tell(plan.u64(), plan.u64());
                match plan.u8() {
                    0x80..=0xbf => unit.set(0x2018, u64::from(plan.u16()) & 0xff8),
                    0xc0..=0xff => unit.set(0x2020, plan.u16().into()),
                    _ => {}
                }
            });
        });
    }
}

thread_local! {
    /// Started once: its table has an entry for each of 65,536 IDs.
    static AMD_VI: (amd_vi::Made, Fabric) = {
        let unit = amd_vi::Made::new(1 << 6);
        let iommus = Iommus::of_ivrs(&ivrs(&[ivhd(0x11, 0, amd_vi::BASE, &[])]));
        let fabric = started(&unit, &iommus);
        (unit, fabric)
    };
}

fn started(unit: &impl Physical, iommus: &Iommus) -> Fabric {
    let mut next = 0x10_0000;
    let take = |bytes| {
        let place = next;
        next += bytes;
        place
    };
    let fabric = Fabric::start(unit, iommus, &[at(0, 0x14, 0)], |_| true, take);
    fabric.expect("it can be used").expect("it is there")
}

fn take_all(
    unit: &impl Physical,
    fabric: &Fabric,
    plan: &mut Plan<'_>,
    write: impl Fn(&mut Plan<'_>),
) {
    while !plan.is_over() {
        write(plan);
        for _ in 0..2 {
            if let Some(fault) = fabric.take_fault(unit) {
                assert_eq!(fault.address & 0xfff, 0);
                assert_eq!(fault.device.segment, 0);
            }
        }
    }
}
