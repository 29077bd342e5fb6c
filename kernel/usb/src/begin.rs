//! Beginning a job's step.

use crate::Io;
use crate::device::{Device, Place};
use crate::host::Host;
use crate::hub::clear_change;
use crate::job::{Job, Step, Wait};
use crate::layout::BUFFER;
use crate::request::{CONFIGURATION, DEVICE, HUB, Request, feature};
use crate::trb::{Trb, kind};

/// Milliseconds: until a plug sits (USB §7.1.7.3), for a reset, after it (§7.1.7.5), between looks, after
/// a new address (§9.2.6.3).
const SETTLE_MS: u64 = 100;
const RESET_MS: u64 = 500;
const RECOVER_MS: u64 = 10;
const LOOK_MS: u64 = 20;
const ADDRESSED_MS: u64 = 10;

impl Host {
    /// Begins a step.
    pub(crate) fn begin(&mut self, io: &mut impl Io, now: u64, job: &mut Job) -> Wait {
        let Place { hub, port } = job.place;
        let slot = job.slot;
        let function = self.device(slot).and_then(|device| device.function);
        let interface = function.map_or(0, |function| function.interface);
        let after = |ms| Wait::Time { due: now + ms };
        let request = match job.step {
            Step::Settle => return after(SETTLE_MS),
            Step::Recover => return after(RECOVER_MS),
            Step::PortWait => return after(LOOK_MS),
            Step::Addressed => return after(ADDRESSED_MS),
            Step::Powered => {
                let ms = self.device(slot).map_or(0, |device| device.power_ms);
                return after(u64::from(ms));
            }
            Step::Reset => {
                self.reset_port(io, port);
                let until = now + RESET_MS;
                return Wait::Port { until };
            }
            Step::Slot
            | Step::Address
            | Step::Packet
            | Step::Endpoint
            | Step::Unhalt
            | Step::Requeue
            | Step::Drop => return self.begin_command(io, now, job),
            Step::PortStatus => return self.control(io, now, hub, Request::port_status(port)),
            Step::PortClear => {
                return self.control(io, now, hub, clear_change(port, job.pending));
            }
            Step::PortReset => {
                job.is_resetting = true;
                return self.control(io, now, hub, Request::set_port(port, feature::RESET));
            }
            Step::First => Request::descriptor(DEVICE, 8),
            Step::Header => Request::descriptor(CONFIGURATION, 9),
            Step::Configuration => Request::descriptor(CONFIGURATION, u32::from(job.length)),
            Step::HubDescriptor => Request::descriptor(HUB, 9),
            Step::Configure => Request::configure(function.map_or(1, |f| f.configuration)),
            Step::Protocol => Request::boot_protocol(interface),
            Step::Idle => Request::idle(interface),
            Step::Power => {
                let [port, _] = job.length.to_le_bytes();
                Request::set_port(port, feature::POWER)
            }
            Step::Lights => {
                io.store(BUFFER, u32::from(self.lights));
                Request::lights(interface)
            }
        };
        self.control(io, now, slot, request)
    }

    fn begin_command(&mut self, io: &mut impl Io, now: u64, job: &Job) -> Wait {
        let slot = job.slot;
        let device = self.device(slot).copied().unwrap_or(Device::FREE);
        let kind = match job.step {
            Step::Slot => return self.command(io, now, Trb::command(kind::ENABLE_SLOT, 0, 0)),
            Step::Drop => return self.command(io, now, Trb::command(kind::DISABLE_SLOT, slot, 0)),
            Step::Unhalt => {
                return self.command(io, now, Trb::endpoint(kind::RESET_ENDPOINT, slot, 0));
            }
            Step::Requeue => {
                let dequeue = device.control.dequeue(io);
                return self.command(io, now, Trb::endpoint(kind::SET_DEQUEUE, slot, dequeue));
            }
            Step::Address => {
                self.input(io).address(&device);
                kind::ADDRESS_DEVICE
            }
            Step::Packet => {
                self.input(io).packet(&device, u32::from(job.length));
                kind::EVALUATE_CONTEXT
            }
            _ => {
                self.input(io).endpoint(&device);
                kind::CONFIGURE_ENDPOINT
            }
        };
        self.command_with_input(io, now, (kind, slot))
    }
}
