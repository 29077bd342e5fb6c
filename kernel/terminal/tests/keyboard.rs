//! A keyboard on a controller that is not there, or in any way odd.

use std::collections::VecDeque;

use bulkhead_terminal::keyboard::{Input, Keyboard, Keymap, Polled, Ports};
use proptest::prelude::*;

/// A controller and a keyboard, as far as Bulkhead uses them.
#[derive(Default)]
struct Fake {
    /// Bytes to be read, and whether the mouse sent them.
    output: VecDeque<(u8, bool)>,
    configuration: u8,
    /// A configuration byte comes next.
    configures: bool,
    has_keyboard: bool,
    absent: bool,
    /// It never takes a byte.
    stuck: bool,
    /// It does not know its configuration; it passes its self-test.
    is_odd: bool,
    passes: bool,
    /// What the keyboard was told.
    told: Vec<u8>,
    waited_us: u64,
}

impl Ports for Fake {
    fn status(&mut self) -> u8 {
        match self.output.front() {
            _ if self.absent => 0xff,
            front => {
                u8::from(front.is_some())
                    | u8::from(self.stuck) << 1
                    | u8::from(front.is_some_and(|(_, mouse)| *mouse)) << 5
            }
        }
    }
    fn read(&mut self) -> u8 {
        self.output.pop_front().map_or(0xff, |(byte, _)| byte)
    }
    fn write(&mut self, byte: u8) {
        assert!(!self.stuck, "written while the last byte was not taken");
        if std::mem::take(&mut self.configures) {
            self.configuration = byte;
        } else if self.has_keyboard {
            self.told.push(byte);
            self.output.push_back((0xfa, false));
        }
    }
    fn command(&mut self, byte: u8) {
        match byte {
            0x20 if self.is_odd => {}
            0x20 => self.output.push_back((self.configuration, false)),
            0x60 => self.configures = true,
            0xa7 | 0xad | 0xae => {}
            0xaa => self.output.extend(self.passes.then_some((0x55, false))),
            other => panic!("command {other:#x}"),
        }
    }
    fn wait_us(&mut self, us: u64) {
        self.waited_us += us;
    }
}

impl Fake {
    fn new(configuration: u8) -> Self {
        Self {
            configuration,
            has_keyboard: true,
            ..Self::default()
        }
    }

    fn press(&mut self, codes: &[u8]) {
        self.output.extend(codes.iter().map(|code| (*code, false)));
    }
}

/// Everything that was typed, as bytes; Page Up and Down as `<` and `>`.
fn typed(keyboard: &mut Keyboard, fake: &mut Fake) -> String {
    let mut bytes = Vec::new();
    while !fake.output.is_empty() {
        match keyboard.next(fake) {
            Some(Input::Bytes(input)) => bytes.extend(input),
            Some(Input::PageUp) => bytes.push(b'<'),
            Some(Input::PageDown) => bytes.push(b'>'),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn start(fake: &mut Fake) -> Keyboard {
    let mut keyboard = Keyboard::start(fake, Keymap::Us).unwrap();
    assert_eq!(typed(&mut keyboard, fake), "");
    // The lights, which are told in two polls.
    keyboard.next(fake);
    assert_eq!(typed(&mut keyboard, fake), "");
    keyboard
}

#[test]
fn whether_anybody_is_there() {
    let there = |change: fn(&mut Fake)| {
        let mut fake = Fake::new(0x41);
        change(&mut fake);
        let is_there = bulkhead_terminal::keyboard::is_there(&mut fake);
        assert!(fake.waited_us <= 200_000, "{} us", fake.waited_us);
        is_there
    };
    assert!(there(|_| {}));
    assert!(there(|fake| fake.has_keyboard = false));
    assert!(there(|fake| fake.press(&[0x1c, 0x9c])));
    assert!(there(|fake| (
        fake.is_odd,
        fake.has_keyboard,
        fake.passes
    ) = (true, false, true)));
    // An emulation that knows the keyboard's commands alone.
    assert!(there(|fake| fake.is_odd = true));
    // Nobody: all ones; nothing but zeros; never ready; always a byte more.
    assert!(!there(|fake| fake.absent = true));
    assert!(!there(
        |fake| (fake.is_odd, fake.has_keyboard) = (true, false)
    ));
    assert!(!there(|fake| fake.stuck = true));
    assert!(!there(|fake| fake.press(&[0x7f; 100])));
}

#[test]
fn translated_or_not() {
    let mut fake = Fake::new(0b0100_0011);
    let mut keyboard = start(&mut fake);
    assert_eq!(fake.configuration, 0b0110_0000, "no interrupts, no mouse");
    assert_eq!(fake.told, [0xf6, 0xf0, 2, 0xf4, 0xed, 2]);
    assert_eq!((keyboard.scan_code_set(), keyboard.answers()), (1, true));
    // h, e; Shift with a; Enter.
    fake.press(&[0x23, 0xa3, 0x12, 0x92, 0x2a, 0x1e, 0x9e, 0xaa, 0x1c, 0x9c]);
    assert_eq!(typed(&mut keyboard, &mut fake), "heA\r");

    let mut fake = Fake::new(0b0000_0011);
    let mut keyboard = start(&mut fake);
    assert_eq!(keyboard.scan_code_set(), 2);
    fake.press(&[
        0x33, 0xf0, 0x33, 0x24, 0xf0, 0x24, 0x12, 0x1c, 0xf0, 0x1c, 0xf0, 0x12, 0x5a,
    ]);
    assert_eq!(typed(&mut keyboard, &mut fake), "heA\r");
}

#[test]
fn keys_are_what_a_terminal_sends() {
    let mut fake = Fake::new(0x41);
    let mut keyboard = start(&mut fake);
    for (codes, bytes) in [
        (&[0xe0, 0x48][..], "\u{1b}[A"),
        (&[0xe0, 0x4b], "\u{1b}[D"),
        (&[0x1d, 0xe0, 0x4b, 0x9d], "\u{1b}[1;5D"),
        (&[0x38, 0xe0, 0x4d, 0xb8], "\u{1b}[1;3C"),
        (&[0x38, 0x30, 0xb8], "\u{1b}b"),
        (&[0xe0, 0x47], "\u{1b}[H"),
        (&[0xe0, 0x4f], "\u{1b}[F"),
        (&[0xe0, 0x53], "\u{1b}[3~"),
        (&[0x0e], "\u{8}"),
        (&[0x0f], "\t"),
        (&[0x1d, 0x2e, 0x9d], "\u{3}"),
        (&[0x1d, 0x1b, 0x06, 0x9d, 0x1b], "\u{1d}\u{1d}]"),
        (&[0xe0, 0x49, 0xe0, 0x51], "<>"),
        (&[0x3b, 0xbb, 0xe0, 0x5b], ""),
        // The number pad, without Num Lock and with it again.
        (&[0x47, 0x45, 0xc5, 0x47, 0x45, 0xc5], "7\u{1b}[H"),
    ] {
        fake.press(codes);
        assert_eq!(typed(&mut keyboard, &mut fake), bytes, "{codes:x?}");
    }
}

#[test]
fn lights_follow_the_locks_and_a_held_lock_counts_once() {
    let mut fake = Fake::new(0x41);
    let mut keyboard = start(&mut fake);
    fake.told.clear();
    fake.press(&[0x3a, 0x3a, 0x3a, 0xba, 0x1e]);
    assert_eq!(typed(&mut keyboard, &mut fake), "A");
    for _ in 0..3 {
        keyboard.next(&mut fake);
        typed(&mut keyboard, &mut fake);
    }
    assert_eq!(fake.told, [0xed, 0b110]);
    fake.press(&[0x3a, 0xba, 0x1e]);
    assert_eq!(typed(&mut keyboard, &mut fake), "a");
}

#[test]
fn layouts() {
    let mut fake = Fake::new(0x41);
    let mut keyboard = start(&mut fake);
    // The keys that are Y and Z on an American keyboard; AltGr with Q.
    let keys = [0x15, 0x2c, 0xe0, 0x38, 0x10, 0xe0, 0xb8];
    for (name, text) in [("de", "zy@"), ("us", "yzq"), ("fr", "yw"), ("uk", "yzq")] {
        keyboard.set_keymap(Keymap::from_name(name).unwrap());
        assert_eq!(keyboard.keymap().name(), name);
        fake.press(&keys);
        let typed = typed(&mut keyboard, &mut fake);
        assert!(typed.starts_with(text), "{name}: {typed}");
    }
    for name in Keymap::NAMES {
        assert_eq!(Keymap::from_name(name).unwrap().name(), name);
    }
    assert_eq!(Keymap::from_name("xx"), None);
}

#[test]
fn nobody_there() {
    let mut fake = Fake {
        absent: true,
        ..Fake::new(0)
    };
    assert!(Keyboard::start(&mut fake, Keymap::Us).is_none());
    assert_eq!(fake.waited_us, 0);

    // A controller without a keyboard costs one wait, and takes one that comes later.
    let mut fake = Fake {
        has_keyboard: false,
        ..Fake::new(0x41)
    };
    let mut keyboard = Keyboard::start(&mut fake, Keymap::Us).unwrap();
    assert!(!keyboard.answers());
    assert!(fake.waited_us <= 25_000, "{}", fake.waited_us);
    fake.has_keyboard = true;
    fake.press(&[0x23]);
    assert_eq!(typed(&mut keyboard, &mut fake), "h");
    assert!(keyboard.answers());

    // One that takes nothing costs no more than a few waits.
    let mut fake = Fake {
        stuck: true,
        ..Fake::new(0x41)
    };
    drop(Keyboard::start(&mut fake, Keymap::Us));
    assert!(fake.waited_us <= 100_000, "{}", fake.waited_us);
}

#[test]
fn the_mouse_is_not_heard() {
    let mut fake = Fake::new(0x41);
    let mut keyboard = start(&mut fake);
    fake.output
        .extend([(0x23, true), (0x12, false), (0x08, true)]);
    assert_eq!(typed(&mut keyboard, &mut fake), "e");
}

proptest! {
    /// Noise is survived, and the key after it is understood once all keys were let go.
    #[test]
    fn noise(codes in prop::collection::vec(any::<(u8, bool)>(), 0..200), configuration in any::<u8>()) {
        let mut fake = Fake::new(configuration);
        let mut keyboard = Keyboard::start(&mut fake, Keymap::Us).unwrap();
        fake.output.extend(codes);
        typed(&mut keyboard, &mut fake);
        // Noise may end with a prefix, which takes what follows: a plain key's release first.
        let up = [0x9e, 0x9e, 0x9e, 0xaa, 0xb6, 0x9d, 0xb8, 0xe0, 0x9d, 0xe0, 0xb8];
        if keyboard.scan_code_set() == 1 {
            fake.press(&up);
            fake.press(&[0x02, 0x82, 0x02, 0x82]);
            prop_assert!(typed(&mut keyboard, &mut fake).ends_with('1'));
        }
    }
}

/// How often a keyboard that is asked for so long is looked at.
#[test]
fn an_idle_keyboard_is_looked_at_seldom_and_a_busy_one_always() {
    let mut fake = Fake::new(0x41);
    let mut polled = Polled::new();
    assert!(polled.next(1000, &mut fake).is_none() && !polled.is_heard());
    assert_eq!(polled.describe(), "there is no PS/2 controller");
    polled.init(true, &mut fake);
    assert!(polled.is_heard());
    let mut next = |now: u64, fake: &mut Fake| polled.next(now, fake).is_some();
    // The lights are told.
    for now in (2000..2200).step_by(10) {
        assert!(!next(now, &mut fake));
    }
    fake.press(&[0x1e, 0x9e, 0x1e]);
    assert!(!next(2195, &mut fake), "it was looked at 5 ms ago");
    assert!(next(2200, &mut fake));
    assert!(next(2201, &mut fake), "a key came a moment ago");
    for _ in 0..2 {
        assert!(!next(2250, &mut fake), "nothing more is there");
    }
    fake.press(&[0x9e, 0x1e]);
    assert!(!next(2251, &mut fake), "50 ms after a key it is idle");
    assert!(next(2260, &mut fake));
}

#[test]
fn a_keyboard_that_is_lent_is_left_alone_and_set_up_anew() {
    let mut fake = Fake::new(0x41);
    let mut polled = Polled::new();
    polled.init(true, &mut fake);
    polled.set_lent(true, &mut fake);
    assert!(!polled.is_heard());
    assert_eq!(polled.describe(), "a partition has it");
    polled.set_keymap(Keymap::from_name("de").unwrap());
    // A partition has taken its interrupt, and its translation.
    fake.configuration = 0;
    fake.told.clear();
    fake.press(&[0x2c]);
    assert!(polled.next(5000, &mut fake).is_none());
    assert_eq!((fake.output.len(), fake.told.len()), (1, 0));
    polled.set_lent(true, &mut fake);
    assert_eq!(fake.output.len(), 1);
    polled.set_lent(false, &mut fake);
    assert!(polled.is_heard());
    assert_eq!(polled.describe(), "PS/2, scan code set 2");
    assert_eq!(polled.keymap().name(), "de");
    for now in (6000..6100).step_by(10) {
        assert!(polled.next(now, &mut fake).is_none());
    }
    // The key that is `y` on a US keyboard: set 2's 0x35, before the layout says `z`.
    fake.press(&[0x35]);
    let Some(Input::Bytes(bytes)) = polled.next(6100, &mut fake) else {
        panic!("no key");
    };
    assert_eq!(&bytes[..], b"z");
}

#[test]
fn where_firmware_says_that_there_is_no_controller_nothing_is_touched() {
    let mut fake = Fake::new(0x41);
    fake.press(&[0x1e]);
    let mut polled = Polled::new();
    polled.init(false, &mut fake);
    polled.set_lent(true, &mut fake);
    polled.set_lent(false, &mut fake);
    assert!(polled.next(9000, &mut fake).is_none());
    assert_eq!(fake.output.len(), 1);
}
