//! A controller, and what it is doing.

use crate::device::{Device, Kind, Place};
use crate::job::Job;
use crate::layout::DEVICES;
use crate::register::operational;
use crate::ring::{EventRing, Ring};
use crate::start::Registers;
use crate::{Io, Key, Needs};

/// How often a controller is asked whether it is well, in milliseconds.
const WATCH_MS: u64 = 1_000;
/// Times that a controller is begun anew because it did not answer.
const RESTARTS: u8 = 2;

/// What a controller does. It is [halted](Self::Off), and has none of the shared memory, unless it is
/// `Ready` or `Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Off,
    /// Firmware is asked to leave it, then it is reset.
    Starting,
    /// It was reset; the next [`Host::poll`] has it run, for which it needs the bus.
    Ready,
    /// It runs.
    Running,
    /// It does not answer.
    Failed,
}

/// Steps of [`State::Starting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Off,
    Asking,
    Halting,
    Resetting,
    Ready,
    Running,
    Failed,
}

/// A controller with its devices, of which the keyboards are what this is for.
#[derive(Debug)]
pub struct Host {
    pub(crate) needs: Needs,
    pub(crate) registers: Registers,
    pub(crate) phase: Phase,
    /// Milliseconds until which something is waited for in a phase.
    pub(crate) until: u64,
    restarts: u8,
    watched: u64,
    pub(crate) commands: Ring,
    pub(crate) events: EventRing,
    /// The device in slot n is the one at n-1.
    pub(crate) devices: [Device; DEVICES],
    /// Ports to be looked at, by bits.
    pub(crate) roots: u64,
    /// Ports at which there is nothing of use, by bits, until something else is plugged in there.
    pub(crate) useless: u64,
    pub(crate) job: Option<Job>,
    /// Where something has failed last, and how often.
    pub(crate) trouble: (Place, u8),
    /// The lights that all keyboards shall have (HID §B.1): Num Lock, Caps Lock.
    pub(crate) lights: u8,
}

impl Host {
    /// A controller whose registers answer, and which is not touched yet.
    #[must_use]
    pub fn new(io: &impl Io, needs: Needs) -> Self {
        Self {
            needs,
            registers: Registers::find(io),
            phase: Phase::Off,
            until: 0,
            restarts: 0,
            watched: 0,
            commands: Ring::NONE,
            events: EventRing::NEW,
            devices: [Device::FREE; DEVICES],
            roots: 0,
            useless: 0,
            job: None,
            trouble: (Place::default(), 0),
            lights: 0,
        }
    }

    /// What it does.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Off => State::Off,
            Phase::Asking | Phase::Halting | Phase::Resetting => State::Starting,
            Phase::Ready => State::Ready,
            Phase::Running => State::Running,
            Phase::Failed => State::Failed,
        }
    }

    /// How many keyboards are there.
    #[must_use]
    pub fn keyboards(&self) -> usize {
        let devices = self.devices.iter();
        devices
            .filter(|device| device.kind == Kind::Keyboard)
            .count()
    }

    /// Begins to make it run; [`Self::poll`] goes on with that. `now` is in milliseconds.
    pub fn start(&mut self, io: &mut impl Io, now: u64) {
        self.restarts = 0;
        self.ask(io, now);
    }

    /// Which lights all keyboards shall have, as their report has them: bit 0 Num Lock, 1 Caps Lock.
    pub const fn set_lights(&mut self, lights: u8) {
        self.lights = lights;
    }

    /// Does what there is to do, and gives a key if one went down or up.
    pub fn poll(&mut self, io: &mut impl Io, now: u64) -> Option<Key> {
        match self.phase {
            Phase::Off | Phase::Failed => return None,
            Phase::Running => {}
            _ => {
                self.bring_up(io, now);
                return None;
            }
        }
        // What was reported is told before the next report is taken.
        if let Some(key) = self.key(now) {
            return Some(key);
        }
        self.take_events(io, now);
        if self.phase == Phase::Running {
            self.work(io, now);
        }
        if now >= self.watched + WATCH_MS {
            self.watched = now;
            let status = io.read(self.registers.operational + operational::STATUS);
            const BAD: u32 = operational::SYSTEM_ERROR | operational::CONTROLLER_ERROR;
            if status & BAD != 0 {
                self.broken(io, now);
            }
        }
        self.key(now)
    }

    /// The next key of any keyboard.
    pub(crate) fn key(&mut self, now: u64) -> Option<Key> {
        self.devices
            .iter_mut()
            .find_map(|device| device.keys.next(now))
    }

    /// Does not answer, or says itself that it is ill.
    pub(crate) fn broken(&mut self, io: &mut impl Io, now: u64) {
        self.halt(io);
        if self.restarts == RESTARTS {
            self.phase = Phase::Failed;
        } else {
            self.restarts += 1;
            self.ask(io, now);
        }
    }

    /// Asks it to halt, for good: the devices are forgotten.
    pub fn halt(&mut self, io: &mut impl Io) {
        self.set_command(io, 0);
        self.devices = [Device::FREE; DEVICES];
        self.job = None;
        self.phase = Phase::Off;
    }

    /// Whether it has halted.
    #[must_use]
    pub fn has_halted(&self, io: &impl Io) -> bool {
        io.read(self.registers.operational + operational::STATUS) & operational::HALTED != 0
    }

    /// Begins to reset it, once it has halted. Until it was reset ([`Self::is_reset`]) it may be that
    /// it does not answer anybody.
    pub fn reset(&mut self, io: &mut impl Io) {
        self.set_command(io, operational::RESET);
    }

    /// Whether it was reset.
    #[must_use]
    pub fn is_reset(&self, io: &impl Io) -> bool {
        let at = self.registers.operational;
        io.read(at + operational::COMMAND) & operational::RESET == 0
            && io.read(at + operational::STATUS) & operational::NOT_READY == 0
    }

    pub(crate) fn set_command(&self, io: &mut impl Io, command: u32) {
        io.write(self.registers.operational + operational::COMMAND, command);
    }

    /// The device in a slot, if there is such a slot.
    pub(crate) fn device(&mut self, slot: u8) -> Option<&mut Device> {
        self.devices.get_mut(usize::from(slot).checked_sub(1)?)
    }
}
