//! What becomes of the controller itself.

use bulkhead_usb::State;

use crate::device::Speed;
use crate::fake::Fake;
use crate::{A, Bench, keyboard};

#[test]
fn firmware_is_asked_to_leave_and_if_it_does_not_is_sent() {
    for lets_go in [true, false] {
        let mut fake = Fake::new();
        fake.legacy = 1 << 16;
        fake.lets_go = lets_go;
        let mut bench = Bench::new(fake);
        assert_eq!(bench.host.state() == State::Running, lets_go);
        bench.run(1_100);
        assert_eq!(bench.host.state(), State::Running);
        assert_eq!(bench.fake.legacy, 1 << 24);
        assert_eq!(bench.fake.legacy_control & 0x1fff_ffff, 0);
        assert_eq!(bench.fake.resets, 1);
    }
}

#[test]
fn a_controller_that_does_nothing_is_given_up() {
    let mut fake = Fake::new();
    fake.is_dead = true;
    let mut bench = Bench::new(fake);
    bench.run(1_000);
    assert_eq!(bench.host.state(), State::Failed);
    let reads = bench.fake.reads.get();
    bench.run(1_000);
    assert_eq!(bench.fake.reads.get(), reads, "it is left alone");
    // One that does no command: it is reset twice, in vain.
    let mut bench = Bench::new(Fake::new());
    bench.fake.is_deaf = true;
    bench.fake.plug(1, keyboard(Speed::Full));
    bench.run(20_000);
    assert_eq!((bench.host.state(), bench.fake.resets), (State::Failed, 3));
    assert_eq!(bench.fake.command, 0, "it is halted");
}

#[test]
fn one_that_is_halted_and_reset_can_be_started_again() {
    let mut bench = Bench::new(Fake::new());
    bench.fake.plug(1, keyboard(Speed::Full));
    for round in 2..5 {
        bench.run(500);
        assert_eq!(bench.press(&[1], 4), A);
        bench.host.halt(&mut bench.fake);
        assert!(bench.host.has_halted(&bench.fake));
        bench.host.reset(&mut bench.fake);
        assert!(bench.host.is_reset(&bench.fake));
        assert_eq!(bench.host.state(), State::Off);
        assert_eq!((bench.fake.command, bench.run(100)), (0, Vec::new()));
        bench.host.start(&mut bench.fake, bench.now);
        bench.run(100);
        assert_eq!((bench.fake.resets, bench.fake.command), (2 * round - 1, 1));
    }
}

#[test]
fn an_idle_controller_is_hardly_looked_at() {
    let mut bench = Bench::new(Fake::new());
    bench.fake.plug(1, keyboard(Speed::Full));
    bench.run(1000);
    let before = bench.fake.reads.get();
    bench.run(1000);
    assert!(bench.fake.reads.get() - before <= 2);
}
