//! Jobs: what takes several steps, one job at a time on a controller.
//!
//! ```text
//! a port:      Settle -> Reset -> Recover --.
//! a hub's:     PortStatus (-> PortClear)     > Slot -> Address -> Addressed -> First (-> Packet)
//!              -> Settle -> PortReset       |      -> Header -> Configuration (-> HubDescriptor)
//!              -> PortWait -> PortStatus    |      -> Endpoint -> Configure
//!              -> Recover ------------------'      -> Protocol -> Idle | Power -> Powered
//! a keyboard:  Lights
//! a slot:      Drop
//! ```

use crate::Io;
use crate::device::{Device, Kind, Place};
use crate::host::Host;
use crate::register::port;
use crate::trb::{Trb, code};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Settle,
    Reset,
    PortStatus,
    PortClear,
    PortReset,
    PortWait,
    Recover,
    Slot,
    Address,
    Addressed,
    First,
    Packet,
    Header,
    Configuration,
    HubDescriptor,
    Endpoint,
    Configure,
    Protocol,
    Idle,
    Power,
    Powered,
    Lights,
    /// After a refusal: the control endpoint is made to work again, and the job goes on.
    Unhalt,
    Requeue,
    Drop,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing.
    Over,
    Time {
        due: u64,
    },
    /// The reset of one of the controller's ports.
    Port {
        until: u64,
    },
    /// The end of the command at that address.
    Command {
        at: u32,
        until: u64,
    },
    /// The end of the control transfer whose last TRB that is.
    Transfer {
        at: u32,
        slot: u8,
        until: u64,
    },
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Step(Step),
    Done,
    /// The device is tried once more, or not.
    Failed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) step: Step,
    pub(crate) wait: Wait,
    pub(crate) place: Place,
    /// The device; 0: none yet.
    pub(crate) slot: u8,
    pub(crate) speed: u8,
    /// How long the descriptor is; which port gets power.
    pub(crate) length: u16,
    /// Of a hub's port: how often it was looked at, changes so far, those not cleared yet.
    pub(crate) looks: u8,
    pub(crate) changes: u16,
    pub(crate) pending: u16,
    pub(crate) is_resetting: bool,
    /// Where it goes on after `Requeue`.
    after: Next,
}

impl Job {
    const fn new(step: Step, place: Place, slot: u8) -> Self {
        Self {
            step,
            wait: Wait::Over,
            place,
            slot,
            speed: 0,
            length: 0,
            looks: 0,
            changes: 0,
            pending: 0,
            is_resetting: false,
            after: Next::Done,
        }
    }
}

impl Host {
    /// What the job waits for.
    pub(crate) fn waiting(&self) -> Option<Wait> {
        self.job.as_ref().map(|job| job.wait)
    }

    /// Begins a job if there is none, and goes on with one whose time has come.
    pub(crate) fn work(&mut self, io: &mut impl Io, now: u64) {
        if self.job.is_none() {
            self.job = self.next_job(io);
            if let Some(mut job) = self.job {
                job.wait = self.begin(io, now, &mut job);
                self.job = Some(job);
            }
        }
        match self.waiting() {
            Some(Wait::Over) => self.go_on(io, now, None),
            Some(Wait::Time { due }) if now >= due => self.go_on(io, now, None),
            Some(Wait::Port { until }) => {
                let number = self.job.map_or(0, |job| job.place.port);
                let value = io.read(self.registers.port(number));
                let is_done = value & port::RESET_CHANGE != 0 && value & port::RESET == 0;
                if is_done || now >= until {
                    self.go_on(io, now, None);
                }
            }
            // A controller that does not do what it was told is not to be told more.
            Some(Wait::Command { until, .. }) if now >= until => self.broken(io, now),
            Some(Wait::Transfer { until, .. }) if now >= until => self.fail(true),
            _ => {}
        }
    }

    fn next_job(&mut self, io: &mut impl Io) -> Option<Job> {
        let slots = 1u8..;
        let mut devices = slots.zip(&self.devices);
        if let Some((slot, _)) = devices.find(|(_, device)| device.kind == Kind::Gone) {
            return Some(Job::new(Step::Drop, Place::default(), slot));
        }
        while self.roots != 0 {
            let number = self.roots.trailing_zeros().to_le_bytes()[0];
            self.roots &= self.roots - 1;
            if self.look_at_port(io, number) {
                let place = Place {
                    hub: 0,
                    port: number,
                };
                return Some(Job::new(Step::Settle, place, 0));
            }
        }
        for (slot, device) in (1u8..).zip(&mut self.devices) {
            if device.kind == Kind::Hub && device.changed != 0 {
                let number = device.changed.trailing_zeros().to_le_bytes()[0];
                device.changed &= device.changed - 1;
                let place = Place {
                    hub: slot,
                    port: number,
                };
                return Some(Job::new(Step::PortStatus, place, 0));
            }
            if device.kind == Kind::Keyboard && device.lights != self.lights {
                device.lights = self.lights;
                return Some(Job::new(Step::Lights, device.place, slot));
            }
        }
        None
    }

    /// Ends a step, by the event that it has waited for or by time, and begins the next.
    pub(crate) fn go_on(&mut self, io: &mut impl Io, now: u64, event: Option<Trb>) {
        let Some(mut job) = self.job else { return };
        let is_good = event.is_none_or(|event| event.code() == code::SUCCESS);
        let is_control = matches!(job.wait, Wait::Transfer { .. });
        let next = match job.step {
            Step::Drop => self.finish(io, &mut job, event),
            // What a keyboard may refuse. Its control endpoint has halted by that.
            Step::Protocol | Step::Idle | Step::Lights if !is_good && is_control => {
                job.after = self.finish(io, &mut job, None);
                Next::Step(Step::Unhalt)
            }
            _ if !is_good => Next::Failed,
            _ => self.finish(io, &mut job, event),
        };
        match next {
            Next::Step(step) => {
                job.step = step;
                job.wait = self.begin(io, now, &mut job);
                self.job = Some(job);
            }
            Next::Done => {
                self.ready(io, &job);
                self.job = None;
            }
            Next::Failed => {
                self.job = Some(job);
                self.fail(!is_good);
            }
        }
    }

    /// What comes after a step that has ended well.
    fn finish(&mut self, io: &mut impl Io, job: &mut Job, event: Option<Trb>) -> Next {
        let is_keyboard = |host: &mut Self| {
            let function = host.device(job.slot).and_then(|device| device.function);
            function.is_some_and(|function| !function.is_hub)
        };
        Next::Step(match job.step {
            Step::Settle if job.place.hub != 0 => Step::PortReset,
            Step::Settle => return self.settled(io, job),
            Step::Reset => return self.was_reset(io, job),
            Step::PortStatus => return self.at_hub_port(io, job),
            Step::PortClear | Step::PortWait => Step::PortStatus,
            Step::PortReset => Step::PortWait,
            Step::Recover => Step::Slot,
            Step::Slot => return self.got_slot(io, job, event),
            Step::Address => Step::Addressed,
            Step::Addressed => Step::First,
            Step::First | Step::Header | Step::Configuration | Step::HubDescriptor => {
                return self.learn(io, job);
            }
            Step::Packet => Step::Header,
            Step::Endpoint => Step::Configure,
            Step::Configure if is_keyboard(self) => Step::Protocol,
            Step::Configure => {
                job.length = 1;
                Step::Power
            }
            Step::Protocol => Step::Idle,
            Step::Power => {
                let ports = self.device(job.slot).map_or(0, |device| device.ports);
                if job.length >= u16::from(ports) {
                    Step::Powered
                } else {
                    job.length += 1;
                    Step::Power
                }
            }
            Step::Unhalt => Step::Requeue,
            Step::Requeue => return job.after,
            Step::Idle | Step::Powered | Step::Lights => return Next::Done,
            Step::Drop => {
                Self::unfurnish(io, job.slot);
                if let Some(device) = self.device(job.slot) {
                    *device = Device::FREE;
                }
                job.slot = 0;
                return Next::Done;
            }
        })
    }
}
