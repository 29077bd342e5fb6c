//! Controllers that come and go with the partitions that have them.

use std::cell::RefCell;
use std::rc::Rc;

use bulkhead_terminal::keyboard::{Input, Keymap};
use bulkhead_usb::{Controller, Io, Keyboards, State};

use crate::device::Speed;
use crate::fake::Fake;
use crate::keyboard;

/// A controller that the test looks at while it is driven, and whether it may use memory.
#[derive(Clone)]
struct Card {
    name: u8,
    fake: Rc<RefCell<Fake>>,
    masters: Rc<RefCell<Vec<bool>>>,
}

impl Io for Card {
    fn read(&self, offset: u32) -> u32 {
        self.fake.borrow().read(offset)
    }
    fn write(&mut self, offset: u32, value: u32) {
        self.fake.borrow_mut().write(offset, value);
    }
    fn load(&self, offset: u32) -> u32 {
        self.fake.borrow().load(offset)
    }
    fn store(&mut self, offset: u32, value: u32) {
        self.fake.borrow_mut().store(offset, value);
    }
    fn base(&self) -> u32 {
        self.fake.borrow().base()
    }
}

impl Controller for Card {
    type Address = u8;

    fn address(&self) -> u8 {
        self.name
    }
    fn open(&mut self) -> bool {
        true
    }
    fn master(&mut self, may: bool) {
        self.masters.borrow_mut().push(may);
    }
    fn wait_until(&self, us: u64, mut done: impl FnMut() -> bool) -> bool {
        (0..us / 1_000).any(|_| done())
    }
}

/// A machine with two controllers, a keyboard on each.
struct Desk {
    cards: [Card; 2],
    keyboards: Keyboards<Card>,
    now: u64,
    told: Vec<(u8, State)>,
}

impl Desk {
    fn new() -> Self {
        let cards = [1, 2].map(|name| {
            let mut fake = Fake::new();
            fake.plug(1, keyboard(Speed::Full));
            Card {
                name,
                fake: Rc::new(RefCell::new(fake)),
                masters: Rc::default(),
            }
        });
        let mut keyboards = Keyboards::new();
        keyboards.reserve(2);
        for card in &cards {
            let needs = card.fake.borrow_mut().give_memory();
            keyboards.add(card.clone(), needs);
        }
        Self {
            cards,
            keyboards,
            now: 0,
            told: Vec::new(),
        }
    }

    fn lend(&mut self, lent: &[u8]) {
        self.keyboards
            .set_lent(self.now, |name| lent.contains(&name));
    }

    fn run(&mut self, ms: u64) -> String {
        let mut text = String::new();
        for _ in 0..ms {
            self.now += 1;
            let told = |name, state| self.told.push((name, state));
            if let Some(Input::Bytes(bytes)) = self.keyboards.read(self.now, told) {
                text.extend(bytes.iter().map(|byte| char::from(*byte)));
            }
        }
        text
    }

    fn press(&mut self, card: usize, usage: u8, modifiers: u8) -> String {
        let mut fake = self.cards[card].fake.borrow_mut();
        let key = [modifiers, 0, usage, 0, 0, 0, 0, 0];
        let up = [modifiers, 0, 0, 0, 0, 0, 0, 0];
        fake.send(&[1], &key, 1);
        fake.send(&[1], &up, 1);
        drop(fake);
        self.run(5)
    }

    /// Whether it may use memory, as it was said last.
    fn masters(&self, card: usize) -> Option<bool> {
        self.cards[card].masters.borrow().last().copied()
    }
}

const A: u8 = 4;
const SHIFT: u8 = 2;

#[test]
fn nothing_is_driven_before_it_is_nobodys() {
    let mut desk = Desk::new();
    assert_eq!(desk.run(1_000), "");
    assert_eq!((desk.told.len(), desk.keyboards.count()), (0, 0));
    assert_eq!(desk.keyboards.addresses().collect::<Vec<_>>(), [1, 2]);
    assert_eq!([desk.masters(0), desk.masters(1)], [None, None]);
    desk.lend(&[2]);
    desk.run(1_000);
    assert_eq!(desk.keyboards.count(), 1);
    assert!(desk.told.iter().all(|(name, _)| *name == 1));
    assert_eq!([desk.masters(0), desk.masters(1)], [Some(true), None]);
    assert_eq!(desk.press(0, A, 0), "a");
}

#[test]
fn one_that_a_partition_gets_is_stopped_and_the_other_goes_on() {
    let mut desk = Desk::new();
    desk.lend(&[]);
    desk.run(1_000);
    assert_eq!(desk.keyboards.count(), 2);
    let resets = desk.cards[0].fake.borrow().resets;
    desk.keyboards.lend(|name| name == 1);
    // Halted, reset, and kept from memory.
    assert_eq!(desk.cards[0].fake.borrow().resets, resets + 1);
    assert_eq!(
        [desk.masters(0), desk.masters(1)],
        [Some(false), Some(true)]
    );
    assert_eq!(desk.press(0, A, 0), "");
    assert_eq!(desk.press(1, A, 0), "a");
    let reads = desk.cards[0].fake.borrow().reads.get();
    desk.lend(&[1]);
    desk.run(1_000);
    assert_eq!(
        desk.cards[0].fake.borrow().reads.get(),
        reads,
        "it is left alone"
    );
    // It comes back.
    desk.lend(&[]);
    desk.run(1_000);
    assert_eq!(desk.press(0, A, 0), "a");
}

#[test]
fn what_was_held_when_all_went_is_held_no_longer() {
    let mut desk = Desk::new();
    desk.lend(&[2]);
    desk.run(1_000);
    desk.cards[0]
        .fake
        .borrow_mut()
        .send(&[1], &[SHIFT, 0, 0, 0, 0, 0, 0, 0], 1);
    desk.run(5);
    desk.lend(&[1, 2]);
    desk.lend(&[1]);
    desk.run(1_000);
    assert_eq!(desk.press(1, A, 0), "a");
}

#[test]
fn a_layout_that_is_chosen_holds_for_keyboards_that_are_there_and_those_to_come() {
    // The key right of Tab.
    const Q: u8 = 0x14;
    let mut desk = Desk::new();
    desk.keyboards.set_keymap(Keymap::Fr);
    desk.lend(&[]);
    desk.run(1_000);
    assert_eq!(desk.press(0, Q, 0), "a");
    desk.keyboards.set_keymap(Keymap::Us);
    assert_eq!(desk.press(0, Q, 0), "q");
}

#[test]
fn one_that_does_not_answer_is_told_of_once() {
    let mut desk = Desk::new();
    desk.cards[0].fake.borrow_mut().is_dead = true;
    desk.lend(&[]);
    desk.run(2_000);
    assert!(desk.told.contains(&(1, State::Failed)));
    assert_eq!(desk.masters(0), Some(false));
    assert_eq!(desk.keyboards.take_failed(), Some(1));
    assert_eq!(desk.keyboards.take_failed(), None);
    assert_eq!(desk.press(1, A, 0), "a");
}
