//! The keyboards of all controllers: who has which controller, and when each runs.
//!
//! A controller that no running partition has is driven here. Before a partition with it is launched, and
//! when the shell's core leaves, it is halted and reset, and may not use memory any more; when it is
//! nobody's again it is set up anew.

use alloc::vec::Vec;

use bulkhead_terminal::keyboard::{Input, Keymap, Keys};

use crate::{Host, Io, Needs, State};

/// Longest waits in microseconds, with the shell standing still: for the halt, for the reset.
const HALT_US: u64 = 20_000;
const RESET_US: u64 = 250_000;
/// Keys that mean nothing and are taken at once: all that a report can tell.
const AT_ONCE: usize = 20;

/// A controller, and the way to it.
pub trait Controller: Io {
    /// What it is called by.
    type Address: Copy + PartialEq;
    /// Its name.
    fn address(&self) -> Self::Address;
    /// Makes it answer at its registers, whatever its last owner has left; whether it is there.
    fn open(&mut self) -> bool;
    /// Lets it use memory, or not.
    fn master(&mut self, may: bool);
    /// Waits until `done`, so many microseconds at most; says whether it came.
    fn wait_until(&self, us: u64, done: impl FnMut() -> bool) -> bool;
}

struct Driven<C> {
    controller: C,
    host: Host,
    /// A partition has it, or may have.
    is_lent: bool,
}

/// All controllers, and what is held on their keyboards.
pub struct Keyboards<C: Controller> {
    controllers: Vec<Driven<C>>,
    keys: Option<Keys>,
    keymap: Keymap,
    /// What was not told yet: one that does not answer any more.
    failed: Option<C::Address>,
}

impl<C: Controller> Keyboards<C> {
    /// Bytes of a controller in the list.
    pub const EACH: usize = size_of::<Driven<C>>();

    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            controllers: Vec::new(),
            keys: None,
            keymap: Keymap::Us,
            failed: None,
        }
    }

    /// Makes room for so many, and no more.
    pub fn reserve(&mut self, count: usize) {
        self.controllers.reserve_exact(count);
    }

    /// Adds one, lent until it is said that nobody has it.
    pub fn add(&mut self, controller: C, needs: Needs) {
        let host = Host::new(&controller, needs);
        self.controllers.push(Driven {
            controller,
            host,
            is_lent: true,
        });
    }

    fn mine(&mut self) -> impl Iterator<Item = &mut Driven<C>> {
        self.controllers.iter_mut().filter(|c| !c.is_lent)
    }

    /// What the operator did, if anything. `now` is in milliseconds; `told` hears what becomes of the
    /// controllers.
    pub fn read(&mut self, now: u64, mut told: impl FnMut(C::Address, State)) -> Option<Input> {
        for driven in self.controllers.iter_mut().filter(|c| !c.is_lent) {
            for _ in 0..AT_ONCE {
                let before = driven.host.state();
                let key = driven.host.poll(&mut driven.controller, now);
                let state = driven.host.state();
                if state != before {
                    told(driven.controller.address(), state);
                    let is_up = matches!(state, State::Ready | State::Running);
                    driven.controller.master(is_up);
                    if state == State::Failed {
                        self.failed = Some(driven.controller.address());
                    }
                }
                let Some(key) = key else { break };
                let keys = self.keys.get_or_insert_with(|| Keys::new(self.keymap));
                let input = keys.usage(key.usage, key.is_down);
                let [num_lock, caps_lock] = keys.locks();
                driven
                    .host
                    .set_lights(u8::from(num_lock) | u8::from(caps_lock) << 1);
                if input.is_some() {
                    return input;
                }
            }
        }
        None
    }

    /// Says of each controller whether a partition has it. One that comes back is set up anew.
    pub fn set_lent(&mut self, now: u64, is_lent: impl Fn(C::Address) -> bool) {
        for driven in &mut self.controllers {
            let is_lent = is_lent(driven.controller.address());
            if driven.is_lent == is_lent {
                continue;
            }
            driven.is_lent = is_lent;
            if is_lent {
                driven.stop();
            } else if driven.controller.open() {
                driven.host.start(&mut driven.controller, now);
            }
        }
        if self.controllers.iter().all(|driven| driven.is_lent) {
            // Whatever was held was let go elsewhere.
            self.keys = None;
        }
    }

    /// Leaves those to the partition that is about to be launched with them.
    pub fn lend(&mut self, is_wanted: impl Fn(C::Address) -> bool) {
        for driven in self.mine() {
            if is_wanted(driven.controller.address()) {
                driven.is_lent = true;
                driven.stop();
            }
        }
    }

    /// The controllers, in the order in which they were added.
    pub fn addresses(&self) -> impl Iterator<Item = C::Address> {
        self.controllers.iter().map(|c| c.controller.address())
    }

    /// Chooses the layout.
    pub fn set_keymap(&mut self, keymap: Keymap) {
        self.keymap = keymap;
        if let Some(keys) = &mut self.keys {
            keys.set_keymap(keymap);
        }
    }

    /// How many keyboards there are.
    pub fn count(&self) -> usize {
        let mine = self.controllers.iter().filter(|c| !c.is_lent);
        mine.map(|driven| driven.host.keyboards()).sum()
    }

    /// A controller that does not answer any more, since the last call.
    pub fn take_failed(&mut self) -> Option<C::Address> {
        self.failed.take()
    }
}

impl<C: Controller> Default for Keyboards<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Controller> Driven<C> {
    /// Halts and resets it.
    fn stop(&mut self) {
        let Self {
            host, controller, ..
        } = self;
        if !matches!(host.state(), State::Off | State::Failed) {
            host.halt(controller);
            if controller.wait_until(HALT_US, || host.has_halted(controller)) {
                host.reset(controller);
                let _ = controller.wait_until(RESET_US, || host.is_reset(controller));
            }
        }
        controller.master(false);
    }
}
