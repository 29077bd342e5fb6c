//! One partition to sixty-four in virtual time: what the cores execute for so many, which the host's load does
//! not change. All boot at once, since their cores take turns anyhow; then one starts beside none that runs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use bulkhead_tests::answers::{self, LaunchTime, ListRow};
use bulkhead_tests::qemu::Running;
use bulkhead_tests::{Kernel, tool};

use crate::print::resident_bytes;
use crate::scale;

/// How many partitions, each with one core.
const PARTITIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// For all of them to boot, of one.
const LIMIT: Duration = Duration::from_secs(300);
/// Launches of one where no other runs.
const LAUNCHES: usize = 3;
/// How often `list` is said in a boot script: so often that tens of milliseconds, by which two machines differ in
/// the start of their cores, are little.
const LISTS: usize = 500;

/// One machine, with a core more than partitions. Times are the machine's own.
pub(crate) struct Counted {
    pub(crate) partitions: usize,
    /// Milliseconds from the loader's hand-over to the prompt, with all defined.
    pub(crate) prompt_ms: f64,
    /// What stays resident without images, in bytes.
    pub(crate) resident: u64,
    /// Bytes of the heap in use, when all have been launched.
    pub(crate) heap: u64,
    /// Seconds for each partition from the first one's launch until all have booted and powered off.
    pub(crate) boot_s: f64,
    /// Launches of one where all others are stopped.
    pub(crate) launches: Vec<LaunchTime>,
    /// Milliseconds of the shell's `list` of all of them, none of which runs.
    pub(crate) list_ms: f64,
}

/// What `only` may have.
pub(crate) fn names() -> Vec<String> {
    PARTITIONS.map(|count| count.to_string()).into()
}

/// Each machine once; of those only with that many partitions that `only` asks for.
pub(crate) fn measure(only: &str) -> Vec<Counted> {
    let asked = |count: &usize| tool::is_one_of(only, &count.to_string());
    let all = PARTITIONS.into_iter().filter(asked).map(|partitions| {
        let counted = machine(partitions);
        println!(
            "{partitions} partitions: prompt {:.1} ms, resident {} bytes, heap {}, boot {:.3} s each, launches {:?}, list {:.2} ms",
            counted.prompt_ms, counted.resident, counted.heap, counted.boot_s, counted.launches, counted.list_ms
        );
        counted
    });
    all.collect()
}

/// Such a machine at its prompt, whose boot script has these lines behind its definitions, and the milliseconds
/// until there.
fn booted(name: &str, partitions: usize, then: &str) -> (Vec<String>, Running, f64) {
    // Not a reboot: who was given more turns would boot again meanwhile, and that would count.
    let (names, machine) = scale::defined(
        name,
        Kernel::Debian61Cloud,
        partitions,
        ["never", "poweroff%20-f"],
        then,
    );
    let mut machine = machine.virtual_time().start();
    tool::watch(&machine);
    machine.wait_for_prompt();
    let log = machine.command("log");
    let prompt_ms = answers::boot_ms(&log)
        .unwrap_or_else(|| machine.fail(&format!("no time in the log:\n{log}")));
    (names, machine, prompt_ms)
}

fn machine(partitions: usize) -> Counted {
    // What the boot script does is done before the prompt, and in no time that waits for a terminal.
    let (_, _, with_lists) = booted("bench_counted_list", partitions, &"list\n".repeat(LISTS));
    let (names, mut machine, prompt_ms) = booted("bench_counted", partitions, "");
    let resident = answers::resident(&answers::memory(&machine.command("memory")));
    machine.com(1).skip();
    machine.expect(&format!("start {}", names.join(" ")), &[]);
    // Its line in the log goes where many are launched and end: what is told last stays.
    machine.wait_for_within(1, "* p1: launched run=1", LIMIT);
    let begin = machine.command("log");
    let first = begin.lines().find(|line| line.contains(": launched run=1"));
    // Not all running: where there are many, the first have ended when the last is launched.
    wait_for_all(&mut machine, partitions, "launched", |row| row.runs > 0);
    let log = machine.command("log");
    let heap = answers::heap_bytes(&log)
        .unwrap_or_else(|| machine.fail(&format!("no heap in the log:\n{log}")));
    wait_for_all(&mut machine, partitions, "stopped", |row| {
        row.state == "stopped"
    });
    let end = machine.command("log");
    let last = end.lines().rfind(|line| line.contains(": powered-off"));
    let [Some(before), Some(after)] = [first, last].map(|line| line.and_then(seconds)) else {
        machine.fail(&format!("not all is in the log:\n{begin}\n{end}"));
    };
    for run in 2..2 + LAUNCHES {
        machine.com(1).skip();
        machine.expect("start p1", &[]);
        machine.wait_for_within(1, &format!("* p1: launched run={run}"), LIMIT);
        machine.expect("kill p1", &[]);
    }
    let mut launches = answers::launch_times(&machine.command("log"), "p1");
    launches.drain(..launches.len().saturating_sub(LAUNCHES));
    Counted {
        partitions,
        prompt_ms,
        resident: resident_bytes(&resident),
        heap,
        boot_s: (after - before) / partitions as f64,
        launches,
        list_ms: (with_lists - prompt_ms) / LISTS as f64,
    }
}

/// Until that is so of each.
fn wait_for_all(
    machine: &mut Running,
    partitions: usize,
    what: &str,
    is_so: impl Fn(&ListRow) -> bool,
) {
    let end = Instant::now() + LIMIT * u32::try_from(partitions).expect("few");
    loop {
        let list = answers::list(&machine.command("list"));
        if list.iter().filter(|row| is_so(row)).count() == partitions {
            return;
        }
        if machine.com(1).text().contains(": failed") {
            machine.fail("a partition has failed");
        }
        if let Some(first) = list.iter().find(|row| !is_so(row))
            && Instant::now() > end
        {
            let said = machine.command(&format!("log {}", first.name));
            machine.fail(&format!("not all are {what}: {list:?}\n{said}"));
        }
        // Seldom: what the shell's core executes counts.
        sleep(Duration::from_secs(2));
    }
}

/// The time of a line of the log.
fn seconds(line: &str) -> Option<f64> {
    let (time, _) = line.strip_prefix('[')?.split_once(']')?;
    time.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_has_its_time() {
        assert_eq!(seconds("[     0.051] prompt 83.207 ms after"), Some(0.051));
        assert_eq!(seconds("heap: 1 of 2 bytes in use"), None);
    }
}
