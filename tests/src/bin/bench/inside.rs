//! What `bulkheadctl list` takes in a partition, beside a program that does nothing: in virtual time
//! where the machine is emulated.

use bulkhead_tests::inside;
use bulkhead_tests::qemu::Running;

/// Where the one with all of the right is.
const COM: usize = 2;
/// So often in one go.
const TIMES: u32 = 100;

/// Milliseconds of each go.
pub(crate) struct Inside {
    pub(crate) list: Vec<f64>,
    /// `--version`: the program's start, which asks Bulkhead for nothing.
    pub(crate) nothing: Vec<f64>,
}

/// The two take turns, in one machine.
pub(crate) fn measure(runs: usize) -> Inside {
    let mut machine = inside::machine("bench_inside").virtual_time().start();
    inside::wait(&mut machine);
    let mut inside = Inside {
        list: Vec::new(),
        nothing: Vec::new(),
    };
    for _ in 0..runs {
        inside.list.push(go(&mut machine, "list"));
        inside.nothing.push(go(&mut machine, "--version"));
    }
    inside
}

fn go(machine: &mut Running, command: &str) -> f64 {
    let said = machine.linux(
        COM,
        &format!(
            "time sh -c 'n=0; while [ $n -lt {TIMES} ]; do bulkheadctl {command} >/dev/null; n=$((n+1)); done'"
        ),
    );
    let seconds = real_seconds(&said);
    let seconds = seconds.unwrap_or_else(|| machine.fail(&format!("no time was told: {said}")));
    let ms = seconds * 1000.0 / f64::from(TIMES);
    println!("bulkheadctl {command}: {ms:.2} ms");
    ms
}

/// What `time` says, `real 0m 1.25s`.
pub(crate) fn real_seconds(said: &str) -> Option<f64> {
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("real"))?;
    let (minutes, seconds) = line.trim().split_once("m ")?;
    let (minutes, seconds): (f64, f64) = (
        minutes.parse().ok()?,
        seconds.trim_end_matches('s').parse().ok()?,
    );
    Some(minutes * 60.0 + seconds)
}
