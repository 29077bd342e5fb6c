//! What the registers of the machine's real-time clock say, while others write them.

use std::cell::{Cell, RefCell};

use bulkhead_services::chip::{self, Outcome, Registers};
use bulkhead_services::cmos::{self, STATUS_A, STATUS_B, TIME};
use bulkhead_services::rtc::{EARLIEST, MOST, Ours, Reading};
use bulkhead_services::timekeeper::{Counter, Start, Timekeeper};

use crate::Target;
use crate::bytes::Plan;

pub(crate) const TARGETS: [Target; 1] = [Target {
    name: "rtc",
    most: 256,
    run: rtc,
    seeds,
}];

/// 2026-11-28 16:37:02 UTC, in BCD and in binary of 12 hours; with what is asked of each.
fn seeds() -> Vec<Vec<u8>> {
    let registers = |time: [u8; 6], b: u8| {
        let mut all = [0; 16];
        for (which, value) in TIME.into_iter().zip(time) {
            all[usize::from(which)] = value;
        }
        [all[usize::from(STATUS_A)], all[usize::from(STATUS_B)]] = [0x26, b];
        all[usize::from(cmos::STATUS_D)] = cmos::IS_VALID;
        all
    };
    let usual = registers([0x02, 0x37, 0x16, 0x28, 0x11, 0x26], 0x02);
    let binary = registers([2, 37, 0x84, 28, 11, 26], 0x04);
    // The rate of the counter; each with a step of it, and changes after so many looks at a register.
    let rate = 1000u16.to_le_bytes();
    let asked = |which: u8| [&[which][..], &1_795_883_822u64.to_le_bytes()].concat();
    vec![
        [&usual[..], &rate, &asked(0), &asked(1), &asked(2)].concat(),
        [
            &binary[..],
            &rate,
            &[3, 0, 0, 20, 9, 0x36, 4, 1, 0, 5, 2, 0, 9, 11, 0x84],
        ]
        .concat(),
    ]
}

/// A clock that others write: after so many looks at any register, one of them holds something else.
struct Clock<'a> {
    plan: RefCell<Plan<'a>>,
    registers: RefCell<[u8; 16]>,
    /// Looks until the next change.
    until: Cell<u8>,
    looks: RefCell<Vec<(u8, u8)>>,
    writes: RefCell<Vec<(u8, u8)>>,
    ticks: Cell<u64>,
    khz: u64,
}

impl Registers for Clock<'_> {
    fn get(&self, which: u8) -> u8 {
        let mut plan = self.plan.borrow_mut();
        let mut registers = self.registers.borrow_mut();
        match self.until.get().checked_sub(1) {
            Some(fewer) => self.until.set(fewer),
            None if plan.is_over() => {}
            None => {
                self.until.set(plan.u8() & 0x3f);
                registers[usize::from(plan.u8() & 0xf)] = plan.u8();
            }
        }
        let value = registers[usize::from(which)];
        self.looks.borrow_mut().push((which, value));
        value
    }

    fn set(&self, which: u8, value: u8) {
        self.registers.borrow_mut()[usize::from(which)] = value;
        self.writes.borrow_mut().push((which, value));
    }

    fn wait_for(&self, mut done: impl FnMut() -> bool) -> bool {
        (0..4).any(|_| done())
    }
}

impl Counter for Clock<'_> {
    fn ticks(&self) -> u64 {
        self.ticks.get()
    }
    fn khz(&self) -> Option<u64> {
        (self.khz != 0).then_some(self.khz)
    }
}

impl Clock<'_> {
    fn forget(&self) {
        self.looks.borrow_mut().clear();
        self.writes.borrow_mut().clear();
    }

    /// A time is what the registers said, twice one after the other, and are set to for that time.
    fn read(&self) {
        self.forget();
        let reading = chip::read(self);
        let looks = self.looks.borrow();
        assert!(looks.len() < 100, "{} looks", looks.len());
        let whole = |looks: &&[(u8, u8)]| {
            let which = looks.iter().map(|(which, _)| *which);
            which.eq(TIME.into_iter().chain([STATUS_B]))
        };
        let mut all = looks.windows(7).filter(whole).rev();
        let (last, before) = (all.next(), all.next());
        let said = last.filter(|_| last == before).map(|last| {
            let mut time = [0; 6];
            for (to, (_, value)) in time.iter_mut().zip(last) {
                *to = *value;
            }
            (time, last[6].1)
        });
        match reading {
            Reading::Time(seconds) => {
                let (time, b) = said.expect("the same twice");
                assert_eq!(cmos::encode(seconds, b), Some(time), "{seconds}");
            }
            Reading::NoTime => {
                let (time, b) = said.expect("the same twice");
                assert_eq!(cmos::decode(time, b), None, "{time:x?}, {b:#x}");
            }
            Reading::Stopped | Reading::Unreadable => {}
        }
        assert!(self.writes.borrow().is_empty(), "it is only read");
    }

    /// Nothing is written that is its owner's, and nothing else than Bulkhead's time.
    fn agree(&self, ours: Option<Ours>, is_owned: bool) {
        self.forget();
        let outcome = chip::agree(self, || ours, is_owned);
        let believed = ours.filter(|ours| ours.now >= EARLIEST);
        if let Outcome::Adopt(time) = outcome {
            let is_near = |ours: Ours| time.abs_diff(ours.trusted) <= MOST;
            let is_right = time >= EARLIEST && believed.is_none_or(is_near);
            assert!(is_owned || is_right, "{time} for {ours:?}");
        }
        let writes = self.writes.borrow();
        if writes.is_empty() {
            return;
        }
        let ours = believed.filter(|_| !is_owned);
        let now = ours.expect("a time that is nobody else's").now;
        let times = [0, 2, 4, 6].map(|b| cmos::encode(now, b));
        let written = writes.iter().filter(|(which, _)| TIME.contains(which));
        let written: Vec<u8> = written.map(|(_, value)| *value).collect();
        let is_ours = |time: [u8; 6]| written == time;
        assert!(
            written.is_empty() || times.into_iter().flatten().any(is_ours),
            "{written:x?} for {now}"
        );
    }

    /// Whoever does not own it leads Bulkhead's time away by a day at most: from what boot said, `was`.
    fn keep(&self, what: u8, keeper: &Timekeeper, was: &mut Option<i64>) {
        let elapsed = i64::try_from(self.ticks.get() / self.khz.max(1) / 1000).unwrap_or(i64::MAX);
        match what & 3 {
            0 | 1 => keeper.before_launch(self, false),
            2 => keeper.before_launch(self, true),
            _ => keeper.after_owner(self),
        }
        let Some(now) = keeper.now_ns(self).map(|now| now / 1_000_000_000) else {
            return;
        };
        // It is the owner's to say from then on.
        if what & 2 != 0 {
            *was = None;
        } else if let Some(was) = *was {
            let away = (now - elapsed).abs_diff(was);
            assert!(away <= MOST + 2, "{away} s away");
        }
    }
}

/// The registers, the counter's rate, then what is done: each with how far the counter goes on first.
fn rtc(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut registers = [0; 16];
    let taken = plan.take(16);
    registers[..taken.len()].copy_from_slice(taken);
    let khz = u64::from(plan.u16());
    let clock = Clock {
        plan: RefCell::new(plan),
        registers: RefCell::new(registers),
        until: Cell::new(0),
        looks: RefCell::default(),
        writes: RefCell::default(),
        ticks: Cell::new(1),
        khz,
    };
    let keeper = Timekeeper::new();
    let mut was = match keeper.start(&clock) {
        Start::Time(seconds) => Some(seconds).filter(|seconds| *seconds >= EARLIEST),
        Start::NoTime | Start::NotBelieved => None,
    };
    while !clock.plan.borrow().is_over() {
        let (what, a, b) = {
            let mut plan = clock.plan.borrow_mut();
            (plan.u8(), plan.u64(), plan.u8())
        };
        match what & 3 {
            0 => clock.read(),
            1 => {
                let now = a.cast_signed();
                let trusted = now.saturating_sub(i64::from(b) * 1000);
                let ours = (what & 4 == 0).then_some(Ours { now, trusted });
                clock.agree(ours, what & 8 != 0);
            }
            _ => {
                clock
                    .ticks
                    .set(clock.ticks.get() + a % (khz * 1_000_000_000).max(1));
                clock.keep(b, &keeper, &mut was);
            }
        }
    }
}
