//! What is read, as text, as JSON and in Prometheus' format.

use std::fmt::Write;

use bulkhead_memory::Bytes;
use serde_json::{Map, Value, json};

use super::told::{Event, Partition};

mod metrics;

pub use metrics::metrics;

/// A list for eyes.
#[must_use]
pub fn table(all: &[Partition]) -> String {
    const HEAD: [&str; 8] = [
        "NAME", "STATE", "CORES", "MEMORY", "RUNS", "UP", "AGENT", "LAST END",
    ];
    /// Its place.
    const AGENT: usize = 6;
    let none = || String::from("-");
    let row = |one: &Partition| {
        let detail = one.detail.as_ref();
        let of = |text: &dyn Fn(&super::told::Detail) -> String| detail.map_or_else(none, text);
        let end = detail.and_then(|detail| {
            let end = detail.end.clone()?;
            let reason = detail.reason.as_ref();
            Some(reason.map_or_else(|| end.clone(), |why| format!("{end}: {why}")))
        });
        [
            one.name.clone(),
            one.state.clone(),
            of(&|detail| detail.cores.clone()),
            of(&|detail| Bytes(detail.memory).to_string()),
            one.runs.to_string(),
            detail.and_then(|detail| detail.up).map_or_else(none, span),
            detail
                .and_then(|detail| detail.agent.clone())
                .unwrap_or_else(none),
            end.unwrap_or_else(none),
        ]
    };
    let rows: Vec<[String; 8]> = std::iter::once(HEAD.map(String::from))
        .chain(all.iter().map(row))
        .collect();
    // Only where there is one.
    let has_agent = all.iter().any(|one| {
        one.detail
            .as_ref()
            .is_some_and(|detail| detail.agent.is_some())
    });
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().enumerate();
        let cells = cells.filter(|(nth, _)| has_agent || *nth != AGENT);
        let line: String = cells
            .map(|(nth, cell)| format!("{cell:<0$}  ", width(nth)))
            .collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Seconds as `3d 4h`, `5m 6s`.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// All that is known of one.
#[must_use]
pub fn paragraph(one: &Partition) -> String {
    let mut out = String::new();
    let mut say = |key: &str, value: String| {
        let _ = writeln!(out, "{key:<9}{value}");
    };
    say("name", one.name.clone());
    say("state", one.state.clone());
    say("runs", one.runs.to_string());
    let Some(detail) = &one.detail else {
        say("core", format!("{} (boot core)", one.core));
        say(
            "more",
            String::from("only for those that may ask for it (control=)"),
        );
        return out;
    };
    if let Some(up) = detail.up {
        say("up", span(up));
    }
    if let Some(agent) = &detail.agent {
        let heard = detail.heard.map(span);
        let heard = heard.map_or_else(String::new, |heard| format!(", heard {heard} ago"));
        say("agent", format!("{agent}{heard}"));
    }
    if let Some(seconds) = detail.watchdog {
        say("watchdog", format!("{seconds} s"));
    }
    if let Some(end) = &detail.end {
        say("last end", end.clone());
    }
    if let Some(reason) = &detail.reason {
        say("reason", reason.clone());
    }
    say(
        "cores",
        format!(
            "{} ({} of them, boot core {})",
            detail.cores, detail.count, one.core
        ),
    );
    say("memory", Bytes(detail.memory).to_string());
    say(
        "restart",
        format!("{}, {} failures in a row", detail.restart, detail.failures),
    );
    say("control", detail.control.clone());
    if !detail.links.is_empty() {
        say("links", detail.links.join(", "));
    }
    if let Some(isolation) = &detail.isolation {
        say("devices", format!("isolation={isolation}"));
    }
    if let Some(count) = detail.blocked {
        say(
            "blocked",
            format!("{count} requests of its devices, by the IOMMU"),
        );
    }
    if let Some(dump) = &detail.dump {
        say("dump", dump.clone());
    }
    if let Some(holder) = &detail.held {
        say("held by", holder.clone());
    }
    out
}

/// The same for programs; what is not told is null.
#[must_use]
pub fn partition(one: &Partition) -> Value {
    let detail = one.detail.as_ref();
    json!({
        "name": one.name,
        "state": one.state,
        "runs": one.runs,
        "boot_core": one.core,
        "cores": detail.map(|detail| &detail.cores),
        "core_count": detail.map(|detail| detail.count),
        "memory_bytes": detail.map(|detail| detail.memory),
        "restart": detail.map(|detail| &detail.restart),
        "failures": detail.map(|detail| detail.failures),
        "control": detail.map(|detail| &detail.control),
        "dump": detail.map(|detail| detail.dump.as_deref().unwrap_or("no")),
        "isolation": detail.and_then(|detail| detail.isolation.as_ref()),
        "blocked_requests": detail.map(|detail| detail.blocked.unwrap_or(0)),
        "links": detail.map(|detail| &detail.links),
        "held_by": detail.and_then(|detail| detail.held.as_ref()),
        "agent": detail.and_then(|detail| detail.agent.as_ref()),
        "agent_heard_seconds": detail.and_then(|detail| detail.heard),
        "watchdog_seconds": detail.and_then(|detail| detail.watchdog),
        "up_seconds": detail.and_then(|detail| detail.up),
        "last_end": detail.and_then(|detail| detail.end.as_ref()),
        "reason": detail.and_then(|detail| detail.reason.as_ref()),
    })
}

/// The reason of the failure that an event is of, as long as the partition still has it.
fn reason<'a>(event: &Event, all: &'a [Partition]) -> Option<&'a str> {
    let one = all.iter().find(|one| one.name == event.name)?;
    let detail = one.detail.as_ref()?;
    let last = one.runs - u32::from(detail.up.is_some() && one.runs > 0);
    let is_it = event.kind == "failed" && event.detail("run") == Some(last.to_string().as_str());
    detail.reason.as_deref().filter(|_| is_it)
}

/// A device of an event: `0x80` is 0000:00:10.0.
fn device(value: &str) -> String {
    let number = value
        .strip_prefix("0x")
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    number.map_or_else(
        || value.to_string(),
        |number| bulkhead_conductor::unpacked(number).to_string(),
    )
}

/// A line for an event.
#[must_use]
pub fn event(event: &Event, all: &[Partition]) -> String {
    let mut line = format!("{}: {}", event.name, event.kind);
    for (key, value) in &event.details {
        let value = if key == "device" {
            device(value)
        } else {
            value.clone()
        };
        let _ = write!(line, " {key}={value}");
    }
    if let Some(reason) = reason(event, all) {
        // What Bulkhead itself says says so.
        let panic = if reason.starts_with("watchdog: ") {
            ""
        } else {
            "panic: "
        };
        let _ = write!(line, " reason=\"{panic}{reason}\"");
    }
    line
}

/// The same for programs.
#[must_use]
pub fn event_json(event: &Event, all: &[Partition]) -> Value {
    let mut map = Map::new();
    map.insert("ticket".into(), event.ticket.into());
    map.insert("partition".into(), event.name.clone().into());
    map.insert("event".into(), event.kind.clone().into());
    for (key, value) in &event.details {
        let value = match value.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) if key == "device" => device(value).into(),
            Err(_) => value.clone().into(),
        };
        map.insert(key.clone(), value);
    }
    if let Some(reason) = reason(event, all) {
        map.insert("reason".into(), reason.into());
    }
    map.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::told::{self, Machine};

    fn all() -> Vec<Partition> {
        told::partitions(
            "one failed 2 2\nthree defined 0 9\n",
            "one state=failed runs=2 restart=never failures=1 memory=67108864 core=2 control=no count=2 \
             cores=2,4 end=failed reason=Attempted to \"kill\" init!\n\
             two state=running runs=3 restart=always failures=0 memory=1073741824 core=6 control=some links=one,three up=3725 \
             count=1 cores=6\n",
        )
    }

    #[test]
    fn a_table_lines_up() {
        let wanted = "\
NAME   STATE    CORES  MEMORY  RUNS  UP     LAST END
one    failed   2,4    64M     2     -      failed: Attempted to \"kill\" init!
three  defined  -      -       0     -      -
two    running  6      1G      3     1h 2m  -
";
        assert_eq!(table(&all()), wanted);
        assert_eq!([59, 60, 90_000].map(span), ["59s", "1m 0s", "1d 1h"]);
    }

    #[test]
    fn one_is_shown() {
        let all = all();
        let shown = paragraph(&all[0]);
        assert!(
            shown.contains("\nreason   Attempted to \"kill\" init!\n"),
            "{shown}"
        );
        assert!(
            shown.contains("\ncores    2,4 (2 of them, boot core 2)\n"),
            "{shown}"
        );
        assert!(paragraph(&all[1]).contains("control="));
        assert!(paragraph(&all[2]).contains("\nlinks    one, three\n"));
        assert!(!shown.contains("links"), "{shown}");
    }

    #[test]
    fn json_escapes_and_has_null_for_what_is_not_told() {
        let all = all();
        let text = partition(&all[0]).to_string();
        assert!(
            text.contains(r#""reason":"Attempted to \"kill\" init!""#),
            "{text}"
        );
        assert_eq!(partition(&all[1])["memory_bytes"], Value::Null);
        let links: Vec<Value> = all
            .iter()
            .map(|one| partition(one)["links"].clone())
            .collect();
        assert_eq!(links, [json!([]), Value::Null, json!(["one", "three"])]);
    }

    #[test]
    fn an_event_has_the_reason_of_its_run() {
        let all = all();
        let events = told::events(
            "7 one failed run=1\n8 one failed run=2\n9 two device-stuck device=0x80\n",
        );
        let lines: Vec<String> = events.iter().map(|one| event(one, &all)).collect();
        assert_eq!(lines[0], "one: failed run=1");
        assert_eq!(
            lines[1],
            "one: failed run=2 reason=\"panic: Attempted to \"kill\" init!\""
        );
        assert_eq!(lines[2], "two: device-stuck device=0000:00:10.0");
        let json = event_json(&events[1], &all).to_string();
        assert!(
            json.contains(r#""run":2"#) && json.contains(r#""ticket":8"#),
            "{json}"
        );
    }

    #[test]
    fn metrics_are_in_families() {
        let machine = Machine {
            version: "0.2\"".into(),
            ..Machine::default()
        };
        let text = metrics(&machine, &all());
        for line in [
            "bulkhead_info{version=\"0.2\\\"\"} 1",
            "bulkhead_partition_state{name=\"two\",state=\"running\"} 1",
            "bulkhead_partition_state{name=\"two\",state=\"failed\"} 0",
            "bulkhead_partition_runs_total{name=\"one\"} 2",
            "bulkhead_partition_up_seconds{name=\"two\"} 3725",
            "bulkhead_partition_last_failed{name=\"one\"} 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}:\n{text}");
        }
        // Each family's rows stand together, below what says its type.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1);
        }
    }
}
