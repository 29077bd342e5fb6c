//! Requests of devices that an IOMMU has blocked: whose they were.

use alloc::format;
use alloc::string::String;

use bulkhead_iommu::Fault;
use bulkhead_launch::Walls;
use bulkhead_ledger::Partition;
use bulkhead_lifecycle::{Blocked, Kind};
use bulkhead_model::{Isolation, Machine};

use crate::{Conductor, Stage, packed, unpacked};

/// `device 0000:02:00.0 tried to write 0x40000000 (blocked)`
#[must_use]
pub fn blocked(blocked: &Blocked) -> String {
    let (device, address) = (unpacked(blocked.device), blocked.address);
    let what = if blocked.is_read { "read" } else { "write" };
    let mut line = format!("device {device} tried to {what} {address:#x} (blocked)");
    if blocked.held > 0 {
        line.push_str(&format!(", and {} times more was blocked", blocked.held));
    }
    line
}

/// What keeps a partition's devices in if it is launched now; `None`: it has none, or they can't be isolated as is
/// wanted.
#[must_use]
pub fn isolation(machine: &Machine, partition: &Partition) -> Option<Isolation> {
    if partition.claim.devices.units.is_empty() {
        return None;
    }
    let walls = Walls::of(machine, &partition.definition, &partition.claim);
    Some(walls.ok()?.isolation)
}

/// Most that are looked at in one go: a storm is to leave time for all else.
const MOST: usize = 64;

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// Takes note of requests of devices that were blocked. Those of a partition's become events; of a device
    /// that is nobody's it is the line to be told.
    pub fn take_blocked(&self, mut take: impl FnMut() -> Option<Fault>) -> Option<String> {
        for _ in 0..MOST {
            let fault = take()?;
            let record = Blocked {
                device: packed(fault.device),
                address: fault.address,
                is_read: fault.is_read,
                held: 0,
            };
            if let Some(owner) = self.ledger.owner_of_requests(fault.device) {
                self.life.device_blocked(&self.stage, owner.id, record);
            } else if let Some(told) = self.life.stray_blocked(&self.stage, record) {
                return Some(format!("bulkhead: {}", blocked(&told)));
            }
        }
        None
    }

    /// What holds for partitions of which nothing else is said, from their next launch on.
    pub fn set_isolation(&mut self, isolation: Option<Isolation>) {
        self.machine.isolation = isolation;
    }

    /// What is told of an event of that record.
    pub(crate) fn blocked_words(&self, kind: Kind, number: u32) -> String {
        match self.life.blocked(number) {
            _ if kind == Kind::WallStuck => String::from(
                "the IOMMU did not answer at its end: its devices may still reach its RAM, which is given to nobody before a reset of the machine",
            ),
            Some(record) => blocked(&record),
            None => String::from("a request of its devices was blocked"),
        }
    }
}
