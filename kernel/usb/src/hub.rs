//! Hubs, their ports (USB §11.24).

use crate::Io;
use crate::device::{Place, speed};
use crate::host::Host;
use crate::job::{Job, Next, Step};
use crate::layout::BUFFER;
use crate::request::{Request, feature};

/// Most ports of a hub: what the way to a device has room for (xHCI §8.9).
pub(crate) const MOST_PORTS: u8 = 15;
/// Hubs that a device can be behind (USB §4.1.1).
pub(crate) const MOST_TIERS: u8 = 5;

/// Bits of a port's status, and of its changes.
const CONNECTED: u16 = 1 << 0;
const ENABLED: u16 = 1 << 1;
const RESET: u16 = 1 << 4;
const LOW_SPEED: u16 = 1 << 9;
const HIGH_SPEED: u16 = 1 << 10;
const CHANGES: u16 = 0x1f;

/// Looks at a port that is being reset, 20 ms each.
const MOST_LOOKS: u8 = 40;

/// The request that clears one of some changes.
pub(crate) fn clear_change(port: u8, changes: u16) -> Request {
    let change = (changes & CHANGES).trailing_zeros();
    Request::clear_port(port, feature::CHANGES + change)
}

impl Host {
    /// After a hub has said how a port is: what is to be done there.
    pub(crate) fn at_hub_port(&mut self, io: &impl Io, job: &mut Job) -> Next {
        let [status, changes] = port_status(io);
        job.looks += 1;
        if job.looks > MOST_LOOKS {
            return Next::Failed;
        }
        job.changes |= changes & CHANGES;
        job.pending = changes & CHANGES;
        if job.pending != 0 {
            return Next::Step(Step::PortClear);
        }
        if !job.is_resetting {
            let has_changed = job.changes & CONNECTED != 0;
            let is_new = self.is_new(job.place, has_changed, status & CONNECTED != 0);
            job.changes = 0;
            return if is_new {
                Next::Step(Step::Settle)
            } else {
                Next::Done
            };
        }
        if status & RESET != 0 || job.changes & RESET == 0 {
            return Next::Step(Step::PortWait);
        }
        job.speed = match (status & LOW_SPEED, status & HIGH_SPEED) {
            (0, 0) => speed::FULL,
            (0, _) => speed::HIGH,
            _ => speed::LOW,
        };
        if status & (CONNECTED | ENABLED) == CONNECTED | ENABLED {
            Next::Step(Step::Recover)
        } else {
            Next::Failed
        }
    }

    /// How the way to a new device goes on from the hub that it is behind; whether it can.
    pub(crate) fn route(&mut self, place: Place, slot: u8) -> bool {
        let Some(hub) = self.device(place.hub).copied() else {
            return false;
        };
        let Some(device) = self.device(slot) else {
            return false;
        };
        device.root = hub.root;
        device.tier = hub.tier + 1;
        device.route = hub.route | u32::from(place.port) << (4 * hub.tier);
        if device.speed != speed::HIGH {
            // The last hub at high speed translates for all that is behind it.
            device.translator = if hub.speed == speed::HIGH {
                place
            } else {
                hub.translator
            };
        }
        hub.tier < MOST_TIERS
    }
}

/// Status and changes of the port that was asked for.
fn port_status(io: &impl Io) -> [u16; 2] {
    let [a, b, c, d] = io.load(BUFFER).to_le_bytes();
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}
