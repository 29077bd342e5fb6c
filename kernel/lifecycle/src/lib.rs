//! How partitions are launched, end and start again: who does what, and what holds whatever core is
//! reset meanwhile.
//!
//! All that is true of a partition stands in one record of shared words ([`Lifecycle`]): its state,
//! its runs, how it last ended. Whoever wants something of it makes one step in that record and wakes
//! a core. The rest is done by **the partition's own cores**: one of them, the *worker*, takes the
//! others back, silences the devices and decides what follows. So nobody is held up by the end of
//! another, and no work is in the hands of a core that belongs to somebody else.
//!
//! Any core may be reset at any step (by INIT: it forgets what it did). What it was about is still
//! in the records, and is taken up again: at once by the worker that reset it, or by whoever looks
//! ([`Lifecycle::tend`]) after a deadline.
//!
//! There is no lock. One right is exclusive, for less than a millisecond: that of resetting cores
//! (the token).
//!
//! Neighbours: `bulkhead-ledger` knows the definitions; the kernel's `partition` has the
//! [`Hardware`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "model")]
extern crate std;

mod agent;
mod ask;
mod candidate;
mod console;
mod core;
mod desk;
mod ending;
mod event;
mod granted;
mod hardware;
mod hold;
mod launch;
mod lead;
mod life;
mod links;
#[cfg(feature = "model")]
pub mod model;
mod passed;
mod places;
mod request;
mod seat;
mod set;
mod slot;
mod standing;
mod summon;
mod sync;
mod tend;
mod token;
mod turn;
mod variables;
mod view;
mod walls;
mod work;

pub use crate::core::CoreState;
pub use agent::{Agent, Heard, MOST_STOP_SECONDS, MUTE_SECONDS, Order, STOP_SECONDS};
pub use bulkhead_model::{End, State};
pub use console::{
    Attachment, CONSOLES, HEAD_BYTES, SHOWN_BYTES, Said, Stand, TYPED_BYTES, Terminals, Told,
};
pub use desk::{LINE_BYTES, SAID_BYTES, Saying};
pub use ending::Refusal;
pub use event::{Event, Kind, LENGTH as EVENTS};
pub use hardware::Hardware;
pub use hold::MOST_PIECES;
pub use launch::{Duty, LaunchError};
pub use links::OtherEnd;
pub use places::{Asker, KEPT};
pub use request::{Outcome, Verb};
pub use slot::Definition;
pub use variables::{CallerMemory, GUID, MAX_REQUEST_BYTES, Status, Variables};
pub use view::View;
pub use walls::Blocked;

use alloc::boxed::Box;

use spin::Once;

use crate::core::Core;
use console::Console;
use desk::Desk;
use seat::Seat;
use slot::Slot;
use token::Token;
use turn::Turn;

/// The lives of up to `P` partitions on up to `C` cores. The kernel has one, in static memory; but for
/// what is kept of each core, which takes no more than the machine has.
pub struct Lifecycle<const P: usize, const C: usize> {
    slots: [Slot; P],
    /// Entered once, before any of them runs.
    cores: Once<Box<[Core]>>,
    token: Token,
    turn: Turn,
    events: event::Ring,
    seat: Seat,
    /// Not 0: something was passed to the shell since it was asked last.
    passed: sync::Word32,
    desk: Desk,
    walls: walls::Walls,
    consoles: [Console; CONSOLES],
}

impl<const P: usize, const C: usize> Default for Lifecycle<P, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// No partitions; no cores yet ([`enter_cores`](Self::enter_cores)).
    ///
    /// # Panics
    /// While it is compiled, if `P` or `C` are more than the records have room for.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(P <= 0xff && C <= life::MOST_CORES);
        }
        Self {
            slots: [const { Slot::new() }; P],
            cores: Once::new(),
            token: Token::new(),
            turn: Turn::new(),
            events: event::Ring::new(),
            seat: Seat::new(),
            passed: sync::Word32::new(0),
            desk: Desk::new(),
            walls: walls::Walls::new(),
            consoles: [const { Console::new() }; CONSOLES],
        }
    }

    /// Says how many cores there are, at most `C`: each is absent so far. Counts once, before any core
    /// does anything for a partition; until then there is none.
    pub fn enter_cores(&self, count: usize) {
        let count = count.min(C);
        self.cores
            .call_once(|| (0..count).map(|_| Core::new()).collect());
    }

    fn slot(&self, partition: usize) -> Option<&Slot> {
        self.slots.get(partition)
    }

    fn core(&self, index: usize) -> Option<&Core> {
        self.cores.get()?.get(index)
    }

    fn post(&self, kind: Kind, partition: usize, detail: u32) {
        self.events.post(Event {
            kind,
            partition,
            detail,
        });
    }

    /// Posts an event in which another partition has a part.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer partitions"
    )]
    fn post_about(&self, kind: Kind, partition: usize, other: usize) {
        self.post(kind, partition, other as u32);
    }

    /// Posts that a device of the partition did not come back from its reset.
    pub fn device_stuck(&self, partition: usize, which: u32) {
        self.post(Kind::DeviceStuck, partition, which);
    }

    /// Posts that a device of the partition may still reach memory although its run has ended.
    pub fn device_reaches_memory(&self, partition: usize, which: u32) {
        self.post(Kind::DeviceReachesMemory, partition, which);
    }

    /// Posts that a watchdog of the partition was stopped after its run, or runs on.
    pub fn watchdog(&self, partition: usize, which: u32, is_stopped: bool) {
        let kind = if is_stopped {
            Kind::WatchdogStopped
        } else {
            Kind::WatchdogRuns
        };
        self.post(kind, partition, which);
    }

    /// Keeps why a run failed, for whoever asks of the partition. By the shell's core only.
    pub fn set_reason(&self, partition: usize, run: u32, text: &str) {
        if let Some(slot) = self.slot(partition) {
            slot.set_reason(run, text);
        }
    }

    /// The tickets of the events that may still be there, oldest first. Tickets count up from 1.
    pub fn recent_events(&self) -> ::core::ops::Range<u32> {
        let end = self.events.next_ticket();
        end.saturating_sub(EVENTS).max(1)..end
    }

    /// The event with that ticket, for any core; it stays where it is.
    pub fn event(&self, ticket: u32) -> Option<Event> {
        self.events.with_ticket(ticket)
    }

    /// Whether an event with that ticket, of or about a partition, is of one that had its number before.
    pub fn is_of_former(&self, partition: usize, ticket: u32) -> bool {
        self.slot(partition)
            .is_some_and(|slot| ticket < slot.since())
    }

    /// Takes the next event. By the shell's core only.
    pub fn next_event(&self) -> Option<Event> {
        self.next_with_ticket().map(|(_, event)| event)
    }

    /// The same, with its ticket.
    pub fn next_with_ticket(&self) -> Option<(u32, Event)> {
        self.events.take()
    }
}
