//! What happened, in lines for the operator.

use alloc::format;
use alloc::string::String;

use bulkhead_lifecycle::{End, Event, Kind};
use bulkhead_pci::Address;

use crate::{Conductor, Stage};

/// Between two looks at all partitions of which nothing was heard, in microseconds.
const LOOK_US: u64 = 8_000;
/// Between two looks at all that they can ask in, of which there are hundreds: one is not told of only where its
/// asker was reset at that very moment.
const SCAN_US: u64 = 128_000;

/// Segment, bus, device and function in the 32 bits of an event.
#[must_use]
pub fn packed(address: Address) -> u32 {
    u32::from(address.segment) << 16
        | u32::from(address.bus) << 8
        | u32::from(address.device & 0x1f) << 3
        | u32::from(address.function & 7)
}

/// The reverse of [`packed`].
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "each part is cut out of the word"
)]
pub const fn unpacked(detail: u32) -> Address {
    Address {
        segment: (detail >> 16) as u16,
        bus: (detail >> 8) as u8,
        device: (detail >> 3) as u8 & 0x1f,
        function: detail as u8 & 7,
    }
}

/// The words for a failure, of which `reason` may be known: `failed reason="panic: ..."`.
#[must_use]
pub fn failed(reason: Option<&str>) -> String {
    let end = End::Failed;
    reason.map_or_else(
        || format!("{end}"),
        |reason| quoted(&format!("panic: {reason}")),
    )
}

/// Why one failed whose agent was silent; what that Linux said then comes behind.
#[must_use]
pub fn silent(seconds: u32, reason: Option<&str>) -> String {
    let panic = reason.map_or_else(String::new, |reason| format!("; panic: {reason}"));
    format!("watchdog: silent for {seconds} s{panic}")
}

/// A reason, as it is told.
#[must_use]
pub fn quoted(reason: &str) -> String {
    format!("failed reason=\"{reason}\"")
}

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// The next line to be told, after the ledger was brought in line; what partitions ask for is
    /// done on the way.
    pub fn next_line(&mut self) -> Option<(Option<Event>, String)> {
        loop {
            let Some((ticket, event)) = self.life.next_with_ticket() else {
                return self.look_at_all().map(|line| (None, line));
            };
            self.formers.forget_before(ticket);
            self.observe();
            if let Some(text) = self.words(ticket, &event) {
                let name = self.name_of(event.partition, ticket);
                return Some((Some(event), format!("{name}: {text}")));
            }
        }
    }

    /// Takes up what was left, and does the next thing that a partition asks for.
    ///
    /// The shell asks a thousand times a second, so all partitions are looked at one by one only where
    /// one has asked, and now and then: nothing that is waited for is due within such a time. What they can
    /// ask in is looked at more seldom still.
    fn look_at_all(&mut self) -> Option<String> {
        let now = self.stage.now();
        let was_asked = self.life.was_asked();
        if !was_asked && now < self.next_look {
            return None;
        }
        self.life.tend(&self.stage);
        self.next_look = now.saturating_add(self.stage.ticks(LOOK_US));
        if !was_asked && now < self.next_scan {
            return None;
        }
        self.life.refuse_lost_lines();
        let done = self.serve_request();
        self.next_scan = now.saturating_add(self.stage.ticks(SCAN_US));
        if done.is_some() {
            // After one there may be another.
            self.next_look = now;
            self.next_scan = now;
        }
        done
    }

    /// The name of the partition that had that number at the time of an event.
    fn name_of(&self, id: usize, ticket: u32) -> String {
        let former = self.formers.name(id, ticket);
        let name = former.or_else(|| Some(self.ledger.by_id(id)?.definition.name.as_str()));
        name.map_or_else(|| format!("partition {id}"), String::from)
    }

    /// What is told of a failure. Nothing is looked up of a partition that is undefined since: the run of that
    /// number, and `watchdog=`, are another's.
    fn failure(&self, partition: usize, ticket: u32, run: u32, end: End) -> String {
        if self.life.is_of_former(partition, ticket) {
            return format!("{end}");
        }
        let reason = self.stage.reason(partition, run);
        if end == End::Silent {
            let seconds = self.life.watchdog_seconds(partition);
            let why = silent(seconds, reason.as_deref());
            self.life.set_reason(partition, run, &why);
            return quoted(&why);
        }
        if let Some(reason) = &reason {
            self.life.set_reason(partition, run, reason);
        }
        failed(reason.as_deref())
    }

    fn words(&self, ticket: u32, event: &Event) -> Option<String> {
        let detail = event.detail;
        let core = |index| self.stage.apic_id(index);
        let boot_core = || self.life.boot_core(event.partition).map_or(0, core);
        Some(match event.kind {
            Kind::Launched => format!("launched run={detail} core={}", boot_core()),
            Kind::Ended(end @ (End::Failed | End::Silent)) => {
                self.failure(event.partition, ticket, detail, end)
            }
            Kind::Ended(end @ (End::PoweredOff | End::Rebooted | End::Killed)) => {
                format!("{end}")
            }
            Kind::Restarting if detail == 0 => return None,
            Kind::Restarting => format!("launches again in {detail} ms"),
            Kind::Parked => format!("parked core={}", core(detail as usize)),
            Kind::GaveUp(end) => {
                let last = match end {
                    End::Rebooted => "; a reboot within 60 s counts as one",
                    End::PoweredOff => "; a power-off within 60 s counts as one",
                    End::Failed | End::Killed | End::Silent => "",
                };
                format!("not launched again: {detail} failures in a row{last}")
            }
            Kind::DeviceStuck => {
                format!("{} did not come back from its reset", unpacked(detail))
            }
            Kind::DeviceReachesMemory => format!(
                "{} may still reach memory: give its RAM to nobody before a reset of the machine",
                unpacked(detail)
            ),
            Kind::WatchdogStopped => {
                format!("its watchdog {} ran, and is stopped", unpacked(detail))
            }
            Kind::WatchdogRuns => format!(
                "its watchdog {} can't be stopped: it may reset the machine",
                unpacked(detail)
            ),
            Kind::Waits => format!(
                "waits for {}, which has not yet written the low memory that they share",
                self.name_of(detail as usize, ticket)
            ),
            Kind::WaitsNoLonger => format!(
                "waits no longer for {}, which has not written the low memory that they share in 30 s",
                self.name_of(detail as usize, ticket)
            ),
            Kind::AwaitsDump => format!(
                "launches again when its memory was dumped, or in {} s",
                detail / 1000
            ),
            Kind::Held => format!(
                "held for a dump by {}",
                self.name_of(detail as usize, ticket)
            ),
            Kind::Dumped => format!("dumped by {}", self.name_of(detail as usize, ticket)),
            Kind::Released => format!(
                "no longer held by {}",
                self.name_of(detail as usize, ticket)
            ),
            Kind::AgentCame => String::from("its agent is heard"),
            Kind::AgentLeft => String::from("its agent leaves"),
            Kind::StopAsked => format!("is asked to stop, and killed if it runs in {detail} s"),
            Kind::RestartAsked => {
                format!("is asked to restart, and killed and launched if it runs in {detail} s")
            }
            Kind::TooSlow => format!("did not end in {detail} s, and is killed"),
            Kind::Silent => {
                format!("its agent is silent since {detail} s: it gets an NMI, and 10 s")
            }
            Kind::DeviceBlocked | Kind::WallStuck => self.blocked_words(event.kind, detail),
            Kind::HeardAgain => String::from("its agent is heard again"),
            Kind::CoreLost => {
                format!("core {} did not come back", core(detail as usize))
            }
        })
    }
}
