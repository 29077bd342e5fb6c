//! What a Linux reads of the partitions beyond a line each: `Details`, `Events`, `Output`, `Machine`.
//!
//! Rows have a fixed length, so that what is told first, how long the variable is, holds for what is
//! written then. A partition sees itself, and those that it may ask for.

use arrayvec::ArrayString;
use core::fmt::{self, Write};

use bulkhead_model::MAX_NAME_BYTES;

use super::{CallerMemory, MAX_TEXT, Status, Variables, fixed};
use crate::hardware::Hardware;
use crate::{Agent, End, Event, KEPT, Kind, State};

/// Bytes of a row, LF included.
const DETAILS_BYTES: usize = 448;
const EVENT_BYTES: usize = 96;
/// With a token of sixteen digits, and the longest of what is told ([`Outcome`](crate::Outcome)).
const ANSWER_BYTES: usize = 144;
/// Bytes of a list of cores; what has no room is `+`.
const CORES_BYTES: usize = 64;
/// Which form all this has; a program that knows less reads no further.
const PROTOCOL: u32 = 1;

pub(super) enum Rows {
    /// A row for each partition.
    Details,
    /// A row for each event that is still there.
    Events,
    /// A row for each place: Linux asks how long it is, then for the text, and who asks meanwhile must not
    /// make it longer.
    Answers,
}

impl Rows {
    const fn bytes(&self) -> usize {
        match self {
            Self::Details => DETAILS_BYTES,
            Self::Events => EVENT_BYTES,
            Self::Answers => ANSWER_BYTES,
        }
    }
}

/// A row but for its LF. Of what has no room, the beginning is kept: a reason is worth more cut than lost.
struct Row(ArrayString<{ DETAILS_BYTES - 1 }>);

impl Write for Row {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.0.remaining_capacity();
        let fits = text.get(..room.min(text.len())).unwrap_or_default();
        let _ = self.0.try_push_str(fits);
        (fits.len() == text.len()).then_some(()).ok_or(fmt::Error)
    }
}

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    /// Writes the rows; a number is that of a partition, or an event's ticket.
    pub(super) fn rows(&self, to: [u64; 3], rows: &Rows) -> Option<Status> {
        self.lifecycle.tend(self.hardware);
        let numbers = || match rows {
            #[expect(clippy::cast_possible_truncation, reason = "there are at most 255")]
            Rows::Details => 0..P as u32,
            #[expect(clippy::cast_possible_truncation, reason = "there are eight")]
            Rows::Answers => 1..KEPT as u32 + 1,
            Rows::Events => self.lifecycle.recent_events(),
        };
        let numbers = numbers();
        let is_told = |number: &u32| match rows {
            Rows::Details => self.sees(*number as usize),
            Rows::Events => self.event(*number).is_some(),
            Rows::Answers => true,
        };
        let count = numbers.clone().filter(is_told).count();
        if count == 0 {
            return self.short(to, b"none\n");
        }
        if let Some(refused) = self.answer(to, fixed::ATTRIBUTES, count * rows.bytes())? {
            return Some(refused);
        }
        let [.., mut data] = to;
        let mut told = numbers.filter(is_told);
        for _ in 0..count {
            let mut row = Row(ArrayString::new());
            // One that went meanwhile leaves an empty row.
            if let Some(number) = told.next() {
                let _ = match rows {
                    Rows::Details => self.detail(number as usize, &mut row),
                    Rows::Events => self.event_row(number, &mut row),
                    Rows::Answers => self.answer_row(number as usize, &mut row),
                };
            }
            let mut bytes = [b' '; DETAILS_BYTES];
            let bytes = bytes.get_mut(..rows.bytes())?;
            for (to, byte) in bytes.iter_mut().zip(row.0.bytes()) {
                *to = byte;
            }
            *bytes.last_mut()? = b'\n';
            self.memory.write(data, bytes)?;
            data = data.checked_add(bytes.len() as u64)?;
        }
        Some(Status::Success)
    }

    pub(super) fn short(&self, to: [u64; 3], text: &[u8]) -> Option<Status> {
        if let Some(refused) = self.answer(to, fixed::ATTRIBUTES, text.len())? {
            return Some(refused);
        }
        let [.., data] = to;
        self.memory.write(data, text)?;
        Some(Status::Success)
    }

    fn sees(&self, partition: usize) -> bool {
        let Some(name) = self.lifecycle.name(partition) else {
            return false;
        };
        let caller = self.lifecycle.slot(self.caller);
        partition == self.caller || caller.is_some_and(|slot| slot.may_ask_for(&name))
    }

    fn event(&self, ticket: u32) -> Option<Event> {
        let event = self.lifecycle.event(ticket)?;
        let is_former = self.lifecycle.is_of_former(event.partition, ticket);
        (!is_former && self.sees(event.partition)).then_some(event)
    }

    /// The name that a partition had at an event; empty if its number may be another's by now.
    fn name_then(&self, partition: usize, ticket: u32) -> ArrayString<MAX_NAME_BYTES> {
        let is_former = self.lifecycle.is_of_former(partition, ticket);
        let name = self.lifecycle.name(partition).filter(|_| !is_former);
        name.unwrap_or_default()
    }

    /// `NAME key=value ...`; what may be long comes last.
    fn detail(&self, partition: usize, row: &mut impl Write) -> fmt::Result {
        let (lifecycle, hardware) = (self.lifecycle, self.hardware);
        let (Some(name), Some(view)) = (lifecycle.name(partition), lifecycle.view(partition))
        else {
            return Ok(());
        };
        let Some(slot) = lifecycle.slot(partition) else {
            return Ok(());
        };
        let boot_core = lifecycle.boot_core(partition).unwrap_or(0);
        let (state, runs, policy) = (view.state, view.runs, slot.policy());
        write!(row, "{name} state={state} runs={runs} restart={policy}")?;
        let (failures, memory) = (view.failures, slot.memory());
        let core = hardware.apic_id(boot_core);
        write!(row, " failures={failures} memory={memory} core={core}")?;
        if let Some(isolation) = lifecycle.isolation(partition) {
            write!(row, " isolation={isolation}")?;
        }
        let (blocked, _) = lifecycle.toll(partition);
        if blocked > 0 {
            write!(row, " blocked={blocked}")?;
        }
        let control = match (slot.has_control(), slot.is_limited()) {
            (false, _) => "no",
            (true, false) => "yes",
            (true, true) => "some",
        };
        write!(row, " control={control}")?;
        match (view.awaits_dump, slot.wants_dump()) {
            (true, _) => write!(row, " dump=awaited")?,
            (false, true) => write!(row, " dump=yes")?,
            (false, false) => {}
        }
        if let Some(holder) = view.holder.and_then(|holder| lifecycle.name(holder)) {
            write!(row, " held={holder}")?;
        }
        let mut comma = " links=";
        for end in slot.other_ends() {
            if let Some(peer) = lifecycle.name(end.peer) {
                write!(row, "{comma}{peer}")?;
                comma = ",";
            }
        }
        let is_running = state == State::Running;
        if is_running {
            let ticks = hardware.now().saturating_sub(lifecycle.entered(partition));
            let seconds = ticks / hardware.ticks(1_000_000).max(1);
            write!(row, " up={seconds}")?;
            let agent = lifecycle.agent(hardware, partition);
            if agent != Agent::default() {
                write!(row, " agent={}", agent.word())?;
            }
            if let Some(ms) = agent.heard_ms {
                write!(row, " heard={}", ms / 1000)?;
            }
        }
        if slot.agent.watchdog() != 0 {
            write!(row, " watchdog={}", slot.agent.watchdog())?;
        }
        let mut cores = ArrayString::<CORES_BYTES>::new();
        let ids = lifecycle
            .members(partition)
            .map(|core| hardware.apic_id(core));
        if list(ids, &mut cores).is_err() {
            // It is cut behind a whole item.
            let end = cores.rfind(',').map_or(0, |end| end + 1);
            cores.truncate(end);
            cores.push('+');
        }
        write!(
            row,
            " count={} cores={cores}",
            lifecycle.members(partition).count()
        )?;
        let ended = runs - u32::from(is_running && runs > 0);
        match view.end {
            Some(End::Failed | End::Silent) => write!(row, " end=failed")?,
            Some(end) => write!(row, " end={end}")?,
            None => {}
        }
        match slot.reason(ended) {
            Some(reason) if view.end.is_some_and(End::is_failure) => {
                write!(row, " reason={reason}")
            }
            _ => Ok(()),
        }
    }

    /// `#TOKEN OUTCOME`
    fn answer_row(&self, place: usize, row: &mut impl Write) -> fmt::Result {
        match self.lifecycle.answer_at(self.caller, place) {
            Some((token, outcome)) => write!(row, "#{token:x} {outcome}"),
            None => Ok(()),
        }
    }

    /// `TICKET NAME KIND DETAIL`
    fn event_row(&self, ticket: u32, row: &mut impl Write) -> fmt::Result {
        let Some(event) = self.event(ticket) else {
            return Ok(());
        };
        let name = self.lifecycle.name(event.partition).unwrap_or_default();
        write!(row, "{ticket} {name} ")?;
        let detail = event.detail;
        let core = || self.hardware.apic_id(detail as usize);
        let end = |end| match end {
            End::PoweredOff => "powered-off",
            End::Rebooted => "rebooted",
            End::Failed | End::Silent => "failed",
            End::Killed => "killed",
        };
        match event.kind {
            Kind::Launched => write!(row, "launched run={detail}"),
            Kind::Ended(how) => write!(row, "{} run={detail}", end(how)),
            Kind::CoreLost => write!(row, "core-lost core={}", core()),
            Kind::Restarting => write!(row, "restarting ms={detail}"),
            Kind::GaveUp(how) => write!(row, "gave-up failures={detail} last={}", end(how)),
            Kind::Parked => write!(row, "parked core={}", core()),
            Kind::DeviceStuck => write!(row, "device-stuck device={detail:#x}"),
            Kind::DeviceReachesMemory => write!(row, "device-reaches-memory device={detail:#x}"),
            Kind::DeviceBlocked => self.blocked(detail, row),
            Kind::WallStuck => write!(row, "wall-stuck"),
            Kind::WatchdogStopped => write!(row, "watchdog-stopped device={detail:#x}"),
            Kind::Waits | Kind::WaitsNoLonger => {
                let of = self.name_then(detail as usize, ticket);
                let word = if event.kind == Kind::Waits {
                    "waits"
                } else {
                    "waits-no-longer"
                };
                write!(row, "{word} for={of}")
            }
            Kind::AgentCame => write!(row, "agent-came"),
            Kind::AgentLeft => write!(row, "agent-left"),
            Kind::StopAsked => write!(row, "stop-asked seconds={detail}"),
            Kind::RestartAsked => write!(row, "restart-asked seconds={detail}"),
            Kind::TooSlow => write!(row, "too-slow seconds={detail}"),
            Kind::Silent => write!(row, "silent seconds={detail}"),
            Kind::HeardAgain => write!(row, "heard-again"),
            Kind::WatchdogRuns => write!(row, "watchdog-runs device={detail:#x}"),
            Kind::AwaitsDump => write!(row, "awaits-dump ms={detail}"),
            Kind::Held | Kind::Dumped | Kind::Released => {
                let by = self.name_then(detail as usize, ticket);
                let word = match event.kind {
                    Kind::Held => "held",
                    Kind::Dumped => "dumped",
                    _ => "released",
                };
                write!(row, "{word} by={by}")
            }
        }
    }

    /// `blocked device= write=ADDRESS more=N`
    fn blocked(&self, number: u32, row: &mut impl Write) -> fmt::Result {
        let Some(blocked) = self.lifecycle.blocked(number) else {
            return write!(row, "blocked");
        };
        let (device, address, held) = (blocked.device, blocked.address, blocked.held);
        let what = if blocked.is_read { "read" } else { "write" };
        write!(row, "blocked device={device:#x} {what}={address:#x}")?;
        if held > 0 {
            write!(row, " more={held}")?;
        }
        Ok(())
    }

    /// What Bulkhead is, and who asks.
    pub(super) fn machine(&self, text: &mut ArrayString<MAX_TEXT>) {
        let lifecycle = self.lifecycle;
        let version = env!("CARGO_PKG_VERSION");
        let name = lifecycle.name(self.caller).unwrap_or_default();
        let shell = if lifecycle.shell_runs() {
            "here"
        } else {
            "away"
        };
        let names = (0..P).filter(|partition| lifecycle.name(*partition).is_some());
        let (count, seen) = (
            names.clone().count(),
            names.filter(|p| self.sees(*p)).count(),
        );
        let _ = writeln!(
            text,
            "protocol={PROTOCOL} version={version} name={name} shell={shell} partitions={count} seen={seen}"
        );
        if let Some(slot) = lifecycle.slot(self.caller) {
            let control = if slot.has_control() { "yes" } else { "no" };
            let _ = write!(text, "control={control}");
            for name in slot.granted() {
                let _ = write!(text, " {name}");
            }
            let _ = writeln!(text);
        }
    }

    /// `#TOKEN FROM TOTAL` in a line, then what the shell said of this partition's line from byte FROM on.
    pub(super) fn output(&self, to: [u64; 3]) -> Option<Status> {
        let desk = &self.lifecycle.desk;
        let slot = self.lifecycle.slot(self.caller)?;
        let claim = desk.claim_of(self.caller);
        let token = claim
            .and_then(|claim| slot.places().get(claim.asker()?.place)?.tokened())
            .filter(|(_, standing)| matches!(standing, crate::standing::Standing::Answered(_)));
        let (Some(claim), Some((token, _))) = (claim, token) else {
            return self.short(to, b"none\n");
        };
        let (from, total, kept) = desk.span(claim);
        let mut head = ArrayString::<64>::new();
        let _ = writeln!(head, "#{token:x} {from} {total}");
        if let Some(refused) = self.answer(to, fixed::ATTRIBUTES, head.len() + kept)? {
            return Some(refused);
        }
        let [.., data] = to;
        self.memory.write(data, head.as_bytes())?;
        let data = data.checked_add(head.len() as u64)?;
        let mut chunk = [0; 256];
        for offset in (0..kept).step_by(chunk.len()) {
            let bytes = desk.read(offset, &mut chunk).min(kept - offset);
            if !desk.is_still(claim) {
                // It was given up by another core of this Linux, and may be somebody else's.
                return Some(Status::NotReady);
            }
            let at = data.checked_add(offset as u64)?;
            self.memory.write(at, chunk.get(..bytes)?)?;
        }
        Some(Status::Success)
    }
}

/// `1,3-5` for 1, 3, 4, 5 in ascending order.
fn list(mut ids: impl Iterator<Item = u32>, out: &mut impl Write) -> fmt::Result {
    let mut run: Option<(u32, u32)> = None;
    let mut comma = "";
    loop {
        let next = ids.next();
        run = match (run, next) {
            (Some((first, last)), Some(id)) if last.checked_add(1) == Some(id) => Some((first, id)),
            (Some((first, last)), next) => {
                // In one piece, so that it is there whole or not at all.
                let mut item = ArrayString::<32>::new();
                match first == last {
                    true => write!(item, "{comma}{first}")?,
                    false => write!(item, "{comma}{first}-{last}")?,
                }
                out.write_str(&item)?;
                comma = ",";
                next.map(|id| (id, id))
            }
            (None, next) => next.map(|id| (id, id)),
        };
        if run.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_answer_has_room_with_the_longest_token() {
        for outcome in crate::Outcome::ALL {
            let row = alloc::format!("#{:x} {outcome}\n", u64::MAX);
            assert!(row.len() <= ANSWER_BYTES, "{}: {row}", row.len());
        }
    }

    #[test]
    fn cores_are_ranges() {
        let listed = |ids: &[u32]| {
            let mut text = ArrayString::<CORES_BYTES>::new();
            list(ids.iter().copied(), &mut text).map(|()| text)
        };
        assert_eq!(listed(&[]).unwrap().as_str(), "");
        assert_eq!(
            listed(&[1, 3, 4, 5, u32::MAX]).unwrap().as_str(),
            "1,3-5,4294967295"
        );
        let many: Vec<u32> = (0..100).map(|id| id * 2).collect();
        assert!(listed(&many).is_err());
    }
}
