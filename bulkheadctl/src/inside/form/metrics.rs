//! Prometheus' text format.

use std::fmt::Write;

use bulkhead_model::State;

use crate::inside::told::{Detail, Machine, Partition};

/// The states that there are.
const STATES: [&str; 7] = [
    State::Defined.word(),
    State::Launching.word(),
    State::Running.word(),
    State::Ending.word(),
    State::Waiting.word(),
    State::Stopped.word(),
    State::Failed.word(),
];

/// Prometheus' text format, version 0.0.4.
#[must_use]
pub fn metrics(machine: &Machine, all: &[Partition]) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, u64)>| {
        let _ = writeln!(
            out,
            "# HELP bulkhead_{name} {help}\n# TYPE bulkhead_{name} {kind}"
        );
        for (labels, value) in rows {
            let _ = writeln!(out, "bulkhead_{name}{labels} {value}");
        }
    };
    let label = |one: &Partition| format!("{{name=\"{}\"}}", escaped(&one.name));
    let version = format!("{{version=\"{}\"}}", escaped(&machine.version));
    family(
        "info",
        "gauge",
        "Always 1; which Bulkhead this is.",
        vec![(version, 1)],
    );
    let has_shell = u64::from(machine.has_shell);
    let shell = vec![(String::new(), has_shell)];
    family(
        "shell",
        "gauge",
        "Whether Bulkhead's shell has its core.",
        shell,
    );
    let states = all.iter().flat_map(|one| {
        let other = (!STATES.contains(&one.state.as_str())).then_some(one.state.as_str());
        STATES.into_iter().chain(other).map(|state| {
            let labels = format!(
                "{{name=\"{}\",state=\"{}\"}}",
                escaped(&one.name),
                escaped(state)
            );
            (labels, u64::from(one.state == state))
        })
    });
    let help = "1 for the state that a partition is in.";
    family("partition_state", "gauge", help, states.collect());
    let runs = all.iter().map(|one| (label(one), u64::from(one.runs)));
    family(
        "partition_runs_total",
        "counter",
        "Launches.",
        runs.collect(),
    );
    let mut of = |name: &str, help: &str, value: &dyn Fn(&Detail) -> Option<u64>| {
        let rows = all
            .iter()
            .filter_map(|one| Some((label(one), value(one.detail.as_ref()?)?)));
        family(name, "gauge", help, rows.collect());
    };
    of("partition_failures", "Failures in a row.", &|detail| {
        Some(detail.failures.into())
    });
    of("partition_memory_bytes", "RAM.", &|detail| {
        Some(detail.memory)
    });
    of("partition_cores", "Cores.", &|detail| {
        Some(detail.count.into())
    });
    of(
        "partition_agent_heard_seconds",
        "Since the agent was heard; for those in which one is.",
        &|detail| detail.heard,
    );
    of(
        "partition_up_seconds",
        "Since its kernel was entered.",
        &|detail| detail.up,
    );
    of(
        "partition_last_failed",
        "Whether its last run failed.",
        &|detail| detail.end.as_ref().map(|end| u64::from(end == "failed")),
    );
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
