//! A whole controller with keyboards, hubs and what else is plugged in, made of memory.

mod controller;
mod hostile;
mod lent;
mod made;

use bulkhead_usb::{Host, Key, NeedsError, needs};
use made::device::{self, Device, Kind, Speed};
use made::fake::{self, BASE, Fake};

/// A machine: the controller, what drives it, and the time in milliseconds.
struct Bench {
    fake: Fake,
    host: Host,
    now: u64,
}

impl Bench {
    fn new(mut fake: Fake) -> Self {
        let needs = fake.give_memory();
        let mut host = Host::new(&fake, needs);
        host.start(&mut fake, 0);
        let mut bench = Self { fake, host, now: 0 };
        bench.run(10);
        bench
    }

    /// Lets time pass; gives the keys.
    fn run(&mut self, ms: u64) -> Vec<(u8, bool)> {
        let mut keys = Vec::new();
        for _ in 0..ms {
            self.now += 1;
            while let Some(Key { usage, is_down }) = self.host.poll(&mut self.fake, self.now) {
                keys.push((usage, is_down));
            }
        }
        keys
    }

    fn press(&mut self, path: &[usize], usage: u8) -> Vec<(u8, bool)> {
        self.fake.send(path, &[0, 0, usage, 0, 0, 0, 0, 0], 1);
        self.fake.send(path, &[0; 8], 1);
        self.run(5)
    }
}

fn keyboard(speed: Speed) -> Device {
    Device::new(Kind::Keyboard, speed)
}

fn hub(speed: Speed) -> Device {
    Device::new(Kind::Hub { ports: 4 }, speed)
}

const A: [(u8, bool); 2] = [(4, true), (4, false)];

#[test]
fn a_keyboard_of_each_speed_on_a_port() {
    for speed in [Speed::Full, Speed::Low, Speed::High] {
        for (large_contexts, scratch) in [(false, 0), (true, 0), (false, 34), (true, 128)] {
            let mut fake = Fake::new();
            (fake.large_contexts, fake.scratch) = (large_contexts, scratch);
            let mut bench = Bench::new(fake);
            bench.fake.plug(2, keyboard(speed));
            bench.run(300);
            assert_eq!(
                bench.host.keyboards(),
                1,
                "{speed:?} {large_contexts} {scratch}"
            );
            // More often than the ring is long.
            for _ in 0..100 {
                assert_eq!(bench.press(&[2], 4), A);
            }
            let asked = &bench.fake.device(&[2]).expect("it is there").asked;
            assert!(
                asked.contains(&[0x21, 0x0b, 0, 0, 0, 0, 0, 0]),
                "{asked:x?}"
            );
        }
    }
}

#[test]
fn scratch_pages_are_given() {
    let mut fake = Fake::new();
    fake.scratch = 34;
    let bench = Bench::new(fake);
    let memory = &bench.fake.memory;
    let array = (memory[0] - BASE) as usize / 4;
    for page in 0..34 {
        let at = memory[array + 2 * page] - BASE;
        assert!(at.is_multiple_of(4096) && at > memory[0] - BASE);
        assert!((at as usize) / 4 + 1024 <= memory.len());
        assert_eq!(memory[at as usize / 4], 0);
    }
    for scratch in [129, 1023] {
        let mut fake = Fake::new();
        fake.scratch = scratch;
        assert_eq!(needs(&fake), Err(NeedsError::Scratch(scratch)));
    }
}

#[test]
fn what_is_there_at_the_start_is_found_and_nothing_at_usb_3() {
    let mut fake = Fake::new();
    fake.plug(1, keyboard(Speed::Full));
    fake.plug(4, Device::new(Kind::Mouse, Speed::Low));
    fake.plug(5, keyboard(Speed::High));
    let mut bench = Bench::new(fake);
    bench.run(1000);
    assert_eq!(bench.host.keyboards(), 1);
    assert_eq!(bench.press(&[1], 4), A);
    // The mouse is asked once, and its slot given back; nothing goes on.
    let count = |bench: &Bench, kind| bench.fake.log.iter().filter(|k| **k == kind).count();
    assert_eq!((count(&bench, 9), count(&bench, 10)), (2, 1));
    bench.run(5000);
    assert_eq!((count(&bench, 9), count(&bench, 10)), (2, 1));
}

#[test]
fn behind_hubs_slow_devices_have_their_translator() {
    let mut bench = Bench::new(Fake::new());
    let inner = hub(Speed::Full).with(4, keyboard(Speed::Low));
    let outer = hub(Speed::High)
        .with(1, Device::new(Kind::Mouse, Speed::Full))
        .with(2, keyboard(Speed::High))
        .with(3, inner);
    bench.fake.plug(1, outer);
    bench.run(4000);
    assert_eq!(bench.host.keyboards(), 2);
    assert_eq!(bench.press(&[1, 2], 4), A);
    assert_eq!(bench.press(&[1, 3, 4], 4), A);
}

#[test]
fn a_keyboard_comes_and_goes_behind_a_hub() {
    let mut bench = Bench::new(Fake::new());
    bench.fake.plug(3, hub(Speed::High));
    bench.run(1000);
    for _ in 0..20 {
        let hub = bench.fake.device(&[3]).expect("it is there");
        hub.plug(2, keyboard(Speed::Low));
        bench.fake.port_changed(&[3], 2);
        bench.run(500);
        assert_eq!(bench.press(&[3, 2], 4), A);
        // It goes with a key held down, which goes up.
        bench.fake.send(&[3, 2], &[2, 0, 4, 0, 0, 0, 0, 0], 1);
        assert_eq!(bench.run(5), [(0xe1, true), (4, true)]);
        bench.fake.device(&[3]).expect("it is there").unplug(2);
        bench.fake.port_changed(&[3], 2);
        assert_eq!(bench.run(500), [(0xe1, false), (4, false)]);
        assert_eq!(bench.host.keyboards(), 0);
    }
}

#[test]
fn hubs_go_with_all_that_is_behind_them() {
    let mut bench = Bench::new(Fake::new());
    for _ in 0..10 {
        let inner = hub(Speed::High).with(1, keyboard(Speed::Full));
        bench.fake.plug(1, hub(Speed::High).with(1, inner));
        bench.run(4000);
        assert_eq!(bench.press(&[1, 1, 1], 4), A);
        bench.fake.unplug(1);
        bench.run(200);
        assert_eq!(bench.host.keyboards(), 0);
    }
}

#[test]
fn a_device_that_gives_way_to_another_at_any_moment_is_that_other_one() {
    // The first is ready after some 200 ms.
    for ms in 1..300 {
        let mut bench = Bench::new(Fake::new());
        bench
            .fake
            .plug(1, hub(Speed::High).with(2, hub(Speed::Full)));
        bench.run(ms);
        bench.fake.plug(1, keyboard(Speed::Low));
        bench.run(1000);
        assert_eq!(bench.press(&[1], 4), A, "after {ms} ms");
        bench.fake.plug(1, hub(Speed::High));
        bench.run(1000);
        let outer = bench.fake.device(&[1]).expect("it is there");
        outer.plug(2, keyboard(Speed::Low));
        bench.fake.port_changed(&[1], 2);
        bench.run(ms);
        let outer = bench.fake.device(&[1]).expect("it is there");
        outer.plug(2, keyboard(Speed::Full));
        bench.fake.port_changed(&[1], 2);
        bench.run(1000);
        assert_eq!(bench.press(&[1, 2], 4), A, "behind a hub, after {ms} ms");
    }
}

#[test]
fn a_device_that_does_not_answer_is_tried_three_times_and_again_when_it_is_plugged_in_again() {
    let mut bench = Bench::new(Fake::new());
    let mut broken = keyboard(Speed::Full);
    broken.does_not_answer = true;
    bench.fake.plug(1, broken);
    bench.run(20_000);
    let addressed = |bench: &Bench| bench.fake.log.iter().filter(|k| **k == 11).count();
    assert_eq!(addressed(&bench), 3);
    bench.fake.unplug(1);
    bench.run(100);
    bench.fake.plug(1, keyboard(Speed::Full));
    bench.run(500);
    assert_eq!(bench.press(&[1], 4), A);
}

#[test]
fn a_keyboard_that_refuses_requests_is_heard_all_the_same() {
    let mut bench = Bench::new(Fake::new());
    let mut device = keyboard(Speed::Full);
    device.refuses = true;
    bench.fake.plug(1, device);
    bench.run(500);
    assert_eq!(bench.press(&[1], 4), A);
}

#[test]
fn lights_are_told() {
    let mut bench = Bench::new(Fake::new());
    bench.host.set_lights(1);
    bench.fake.plug(1, keyboard(Speed::Full));
    bench.run(500);
    let lights = |bench: &mut Bench| bench.fake.device(&[1]).expect("there").lights;
    assert_eq!(lights(&mut bench), Some(1));
    bench.host.set_lights(3);
    bench.run(10);
    assert_eq!(lights(&mut bench), Some(3));
}

#[test]
fn an_error_of_a_keyboard_has_it_found_anew() {
    let mut bench = Bench::new(Fake::new());
    bench.fake.plug(1, keyboard(Speed::Full));
    bench.run(500);
    for _ in 0..10 {
        assert!(bench.fake.send(&[1], &[], 4));
        bench.run(500);
        assert_eq!(bench.press(&[1], 4), A);
    }
}
