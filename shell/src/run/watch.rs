//! The partitions as they are now: `watch`, and the screen's status line.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_ledger::Partition;
use bulkhead_lifecycle::CoreState;
use bulkhead_memory::Bytes;

use super::table::{self, core_list};
use crate::control::Control;
use crate::limits::EVENT_BYTES;
use crate::line::COLUMNS;
use crate::script;

/// Between two pictures, in milliseconds.
const PERIOD_MS: u64 = 1000;
/// Most partitions and events in a picture, which must fit 24 rows.
const MOST_PARTITIONS: usize = 14;
const MOST_EVENTS: usize = 5;
// With what is around them: headings, "and N more", the key, and the cursor's row.
const _: () = assert!(MOST_PARTITIONS + MOST_EVENTS + 5 <= 24);

const ERASE_SCREEN: &str = "\u{1b}[2J";
const ERASE_REST_OF_SCREEN: &str = "\u{1b}[J";
const ERASE_REST_OF_ROW: &str = "\u{1b}[K";
const UPPER_LEFT: &str = "\u{1b}[H";

/// The partitions, shown again and again.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When the next picture is due; 0 for the first.
    due_ms: u64,
    /// What happened meanwhile, oldest first.
    events: Vec<String>,
}

impl Watch {
    /// Shows a new picture if one is due.
    pub(crate) fn tick(&mut self, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
        let now = control.uptime_ms();
        if now < self.due_ms {
            return Ok(());
        }
        if self.due_ms == 0 {
            out.write_str(ERASE_SCREEN)?;
        }
        self.due_ms = now + PERIOD_MS;
        // Row by row over the last picture: erasing it first would flicker.
        out.write_str(UPPER_LEFT)?;
        for row in self.picture(control)?.lines() {
            let end = row
                .char_indices()
                .nth(COLUMNS)
                .map_or(row.len(), |(at, _)| at);
            writeln!(out, "{}{ERASE_REST_OF_ROW}", &row[..end])?;
        }
        out.write_str(ERASE_REST_OF_SCREEN)
    }

    /// Shows what happened in the next picture, which is due at once.
    pub(crate) fn event(&mut self, line: &str) {
        if self.events.len() == MOST_EVENTS {
            self.events.remove(0);
        }
        let mut event = String::with_capacity(EVENT_BYTES);
        event.push_str("* ");
        for c in line.chars().map(script::printable) {
            if event.len() + c.len_utf8() > EVENT_BYTES {
                break;
            }
            event.push(c);
        }
        self.events.push(event);
        self.due_ms = self.due_ms.min(1);
    }

    fn picture(&self, control: &dyn Control) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let machine = control.machine();
        let state = |core: &bulkhead_model::Core| control.core_state(core.apic_id);
        let parked = machine
            .cores
            .iter()
            .filter(|core| state(core) == CoreState::Parked);
        writeln!(
            text,
            "{}, up {}; {} of {} cores parked; {} of RAM free",
            control.version(),
            Uptime(control.uptime_ms()),
            parked.count(),
            machine.cores.len(),
            Bytes(control.ledger().free_memory(machine).total() & !((1 << 20) - 1)),
        )?;
        let partitions = control.ledger();
        let shown = partitions.iter().take(MOST_PARTITIONS);
        let rows = shown.map(|partition| {
            [
                partition.definition.name.clone(),
                partition.life.state.word().to_string(),
                core_list(&partition.claim.cores),
                Bytes(partition.claim.memory_bytes()).to_string(),
                partition.life.runs.to_string(),
                partition.life.failures.to_string(),
                uptime(control, partition),
            ]
        });
        let headings = ["NAME", "STATE", "CORES", "MEMORY", "RUNS", "FAILURES", "UP"];
        table::print(headings, 0, rows, &mut text)?;
        let more = partitions.iter().count().saturating_sub(MOST_PARTITIONS);
        if more > 0 {
            writeln!(text, "and {more} more")?;
        }
        for event in &self.events {
            writeln!(text, "{event}")?;
        }
        writeln!(text, "(any key stops)")?;
        Ok(text)
    }
}

/// The partitions in one line, the newest last: what the foot of the screen shows.
pub(crate) fn status_line(control: &dyn Control) -> String {
    let mut line = format!(" up {}", Uptime(control.uptime_ms()));
    for partition in control.ledger().iter() {
        let (name, state) = (&partition.definition.name, partition.life.state.word());
        let (cores, runs) = (core_list(&partition.claim.cores), partition.life.runs);
        line.push_str(&format!(" | {name} {state} cores {cores} run {runs}"));
        let up = uptime(control, partition);
        if !up.is_empty() {
            line.push_str(&format!(" up {up}"));
        }
    }
    line
}

fn uptime(control: &dyn Control, partition: &Partition) -> String {
    let up = control.partition_uptime_ms(partition.id);
    up.map_or_else(String::new, |ms| Uptime(ms).to_string())
}

/// Milliseconds, shown as hours, minutes and seconds.
struct Uptime(u64);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours}:{minutes:02}:{:02}", seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(Uptime(999).to_string(), "0:00:00");
        assert_eq!(Uptime(3_725_000).to_string(), "1:02:05");
        assert_eq!(Uptime(360_000_000).to_string(), "100:00:00");
    }
}
