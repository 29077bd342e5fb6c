use bulkhead_terminal::serial::{Ring, Speed, Uart, XOFF, XON};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fake::{BREAK, FRAMING, Fake, OUT2, PARITY, RTS};

fn uart() -> Uart<Fake> {
    Uart::open(Fake::new(), Speed::USUAL).unwrap()
}

fn all(ring: &mut Ring) -> Vec<u8> {
    std::iter::from_fn(|| ring.pop()).collect()
}

#[test]
fn it_is_set_up() {
    let mut fake = Fake::new();
    // As a loader may leave it: latch open, interrupts on, something received.
    fake.line = 0x83;
    fake.divisor = [3, 2];
    fake.interrupts = 0xf;
    fake.modem = 0xb;
    fake.received.push_back((b'x', FRAMING));
    let mut uart = Uart::open(fake, "9600".parse().unwrap()).unwrap();
    assert_eq!(uart.found_divisor(), 0x0203);
    let fake = uart.registers_mut();
    assert_eq!((fake.line, fake.divisor, fake.interrupts), (3, [12, 0], 0));
    assert_eq!(fake.modem & (RTS | OUT2), RTS);
    let mut ring = Ring::new(4).unwrap();
    assert!(uart.poll(&mut ring) && ring.is_empty());
    assert!(uart.counts().is_clean());
}

#[test]
fn the_rate_is_kept() {
    let mut fake = Fake::new();
    fake.divisor = [6, 0];
    let mut uart = Uart::open(fake, Speed::KEEP).unwrap();
    assert_eq!(Speed::KEEP.of_divisor(uart.found_divisor()), 19_200);
    assert_eq!(uart.registers_mut().divisor, [6, 0]);
}

#[test]
fn nobody_there() {
    let mut fake = Fake::new();
    fake.is_gone = true;
    assert!(Uart::open(fake, Speed::USUAL).is_none());
}

/// A card that is pulled out, a transmitter that is dead: nothing hangs, nothing is received.
#[test]
fn it_dies() {
    let mut uart = uart();
    let mut ring = Ring::new(100).unwrap();
    uart.registers_mut().is_gone = true;
    assert!(!uart.poll(&mut ring) && ring.is_empty());
    uart.registers_mut().is_gone = false;
    uart.registers_mut().is_stuck = true;
    uart.registers_mut().arrives(b'a', 0);
    assert_eq!(uart.send(b"text", &mut ring), 0);
    assert_eq!(all(&mut ring), b"a");
    let mut fake = Fake::new();
    fake.is_stuck = true;
    assert!(Uart::open(fake, Speed::USUAL).is_some());
}

#[test]
fn sending() {
    let mut uart = uart();
    let mut ring = Ring::new(100).unwrap();
    assert_eq!(uart.send(b"twenty bytes of text", &mut ring), 16);
    assert_eq!(uart.send(b"text", &mut ring), 0);
    uart.registers_mut().drain();
    assert_eq!(uart.send(b"text", &mut ring), 4);
    assert_eq!(uart.registers_mut().sent, b"twenty bytes of text");
    // A 16450 has one byte.
    let mut fake = Fake::new();
    fake.has_fifo = false;
    let mut uart = Uart::open(fake, Speed::USUAL).unwrap();
    assert_eq!(uart.send(b"text", &mut ring), 1);
    assert_eq!(uart.registers_mut().trampled, 0);
}

#[test]
fn broken_bytes_are_dropped_and_counted() {
    let mut uart = uart();
    let mut ring = Ring::new(100).unwrap();
    for (byte, errors) in [
        (b'a', 0),
        (0, BREAK | FRAMING),
        (b'b', 0),
        (b'?', FRAMING),
        (b'?', PARITY),
        (0, 0),
        (b'c', BREAK),
    ] {
        uart.registers_mut().arrives(byte, errors);
    }
    uart.poll(&mut ring);
    assert_eq!(all(&mut ring), b"ab\0c");
    let counts = uart.counts();
    assert_eq!((counts.breaks, counts.framing, counts.parity), (2, 1, 1));
    assert_eq!(
        counts.to_string(),
        "2 breaks; 1 bytes without a stop bit, dropped; 1 bytes of wrong parity, dropped"
    );
}

/// The status of a byte is read while there is no room for it: the error is not forgotten.
#[test]
fn an_error_waits_for_its_byte() {
    let mut uart = uart();
    let mut ring = Ring::new(1).unwrap();
    for (byte, errors) in [(b'a', 0), (b'?', FRAMING), (b'b', 0)] {
        uart.registers_mut().arrives(byte, errors);
    }
    uart.poll(&mut ring);
    uart.poll(&mut ring);
    assert_eq!(all(&mut ring), b"a");
    uart.poll(&mut ring);
    assert_eq!(all(&mut ring), b"b");
}

#[test]
fn the_other_side_is_asked_to_wait() {
    let mut uart = uart();
    let mut ring = Ring::new(16).unwrap();
    for byte in 0..13 {
        assert!(uart.registers_mut().arrives(byte, 0));
    }
    uart.poll(&mut ring);
    assert_eq!(uart.registers_mut().modem & RTS, 0);
    assert_eq!(uart.registers_mut().sent, [XOFF]);
    // Asked once.
    uart.registers_mut().drain();
    uart.poll(&mut ring);
    assert_eq!(uart.registers_mut().sent, [XOFF]);
    assert_eq!(uart.send(b"0123456789abcdef", &mut ring), 16);
    assert_eq!((0..9).map_while(|_| ring.pop()).count(), 9);
    // The transmitter has no room just now: it is told later.
    uart.poll(&mut ring);
    assert_eq!(uart.registers_mut().modem & RTS, RTS);
    assert!(!uart.registers_mut().sent.contains(&XON));
    uart.registers_mut().drain();
    uart.poll(&mut ring);
    assert_eq!(uart.registers_mut().sent.last(), Some(&XON));
    assert_eq!(uart.counts().waits, 1);
}

#[test]
fn an_overrun_is_counted() {
    let mut uart = uart();
    let mut ring = Ring::new(100).unwrap();
    let arrived: Vec<u8> = (0..20)
        .filter(|byte| uart.registers_mut().arrives(*byte, 0))
        .collect();
    uart.poll(&mut ring);
    assert_eq!(all(&mut ring), arrived);
    assert_eq!((arrived.len(), uart.counts().overruns), (16, 1));
}

/// What may happen on a line.
#[derive(Clone, Debug)]
enum Step {
    Arrives(u8, u8),
    Poll,
    Send(u8),
    Drain,
    Read(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let errors = prop_oneof![8 => Just(0u8), 1 => Just(FRAMING), 1 => Just(PARITY)];
    prop_oneof![
        6 => (any::<u8>(), errors).prop_map(|(byte, errors)| Step::Arrives(byte, errors)),
        2 => Just(Step::Poll),
        2 => any::<u8>().prop_map(Step::Send),
        2 => Just(Step::Drain),
        2 => any::<u8>().prop_map(Step::Read),
    ]
}

proptest! {
    /// Every sound byte that found room in the FIFO is read, in order, and every byte that was
    /// sent leaves, in order, whatever happens in between.
    #[test]
    fn nothing_is_lost(capacity in 1usize..40, steps in vec(step(), 0..400)) {
        let mut uart = uart();
        let mut ring = Ring::new(capacity).unwrap();
        let (mut expected, mut read, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Arrives(byte, errors) => {
                    if uart.registers_mut().arrives(byte, errors) && errors == 0 {
                        expected.push(byte);
                    }
                }
                Step::Poll => {
                    uart.poll(&mut ring);
                }
                Step::Send(byte) => {
                    let byte = byte | 0x80;
                    if uart.send(&[byte], &mut ring) == 1 {
                        sent.push(byte);
                    }
                }
                Step::Drain => uart.registers_mut().drain(),
                Step::Read(count) => read.extend((0..count).map_while(|_| ring.pop())),
            }
        }
        for _ in 0..400 {
            uart.poll(&mut ring);
            read.extend(all(&mut ring));
        }
        prop_assert_eq!(read, expected);
        let fake = uart.registers_mut();
        prop_assert_eq!(fake.trampled, 0);
        let text: Vec<u8> = fake.sent.iter().copied().filter(|byte| *byte & 0x80 != 0).collect();
        prop_assert_eq!(text, sent);
    }
}
