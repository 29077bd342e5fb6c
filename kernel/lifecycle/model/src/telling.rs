//! The events alone: more writers than the ring has room for, any of them reset between its ticket
//! and its word, or late by a lap.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulkhead_lifecycle::Kind;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::machine::{one_in, pick};
use crate::world::{World, check};

const WRITERS: [usize; 3] = [1, 2, 3];
/// Events of each: together more than the ring keeps.
const EACH: u32 = 130;

/// One schedule.
pub(crate) fn schedule() {
    let world = World::new();
    let writing = Arc::new(AtomicUsize::new(WRITERS.len()));
    let mut threads = vec![{
        let (world, writing) = (world.clone(), writing.clone());
        thread::spawn(move || read(&world, &writing))
    }];
    for writer in WRITERS {
        let (world, writing) = (world.clone(), writing.clone());
        threads.push(thread::spawn(move || {
            for which in 1..=EACH {
                // A reset loses this event, and the core goes on.
                let post = || world.life.device_stuck(writer, which);
                let _ = catch_unwind(AssertUnwindSafe(post));
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    while writing.load(Ordering::SeqCst) > 0 {
        thread::yield_now();
        if one_in(20) {
            world.machine().cores[pick(&WRITERS)].is_reset = true;
        }
    }
    for thread in threads {
        thread.join().expect("what it found wrong is reported");
    }
}

/// Each writer's events come in their order, and none twice.
fn read(world: &World, writing: &AtomicUsize) {
    let mut last = [0; 4];
    loop {
        let is_over = writing.load(Ordering::SeqCst) == 0;
        if let Some(event) = world.life.next_event() {
            assert_eq!(event.kind, Kind::DeviceStuck);
            let before = std::mem::replace(&mut last[event.partition], event.detail);
            let (writer, now) = (event.partition, event.detail);
            assert!(
                now > before,
                "{writer}'s event {now} is told after {before}"
            );
        } else if is_over {
            break;
        }
        if one_in(40) {
            // It has other things to do.
            (0..thread_rng().gen_range(0..600)).for_each(|_| thread::yield_now());
        }
    }
    check(|| {
        world.life.device_stuck(1, u32::MAX);
        let told = world.life.next_event().map(|event| event.detail);
        assert_eq!(told, Some(u32::MAX), "the telling goes on");
    });
}
