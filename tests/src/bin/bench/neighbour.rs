//! A Linux that wakes every millisecond, while the other one ends in various ways.

use std::time::Duration;

use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::Running;
use bulkhead_tests::soak::{self, PARTITIONS, Way};
use bulkhead_tests::tool;

/// After so long in each case the other one is ended.
const LEAD: Duration = Duration::from_secs(2);
/// For `ticks` to say how it went, beyond its own time.
const PATIENCE: Duration = Duration::from_secs(60);

const CASES: [(&str, Option<Way>); 7] = [
    ("control: nothing happens", None),
    ("poweroff, start", Some(Way::Off("poweroff"))),
    ("reboot -f", Some(Way::Again("reboot -f"))),
    ("panic", Some(Way::Panic("echo c > /proc/sysrq-trigger"))),
    ("kill, start", Some(Way::Kill)),
    ("restart from the shell", Some(Way::Restart)),
    ("control once more", None),
];

/// What `ticks` said in one case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) lost: u64,
    pub(crate) max_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) p50_us: u64,
}

/// Every case, each that many seconds, all in one machine.
pub(crate) fn cases(seconds: usize) -> Vec<Case> {
    let mut machine = soak::boot("bench_neighbour");
    tool::watch(&machine);
    machine.wait_for_prompt();
    for partition in &PARTITIONS {
        machine.wait_for_demo(partition.com);
    }
    let cases = CASES.map(|(name, way)| case(&mut machine, seconds, name, way));
    cases.into()
}

fn case(machine: &mut Running, seconds: usize, name: &'static str, way: Option<Way>) -> Case {
    let [victim, neighbour] = &PARTITIONS;
    machine.com(neighbour.com).skip();
    machine
        .com(neighbour.com)
        .send(&format!("ticks {seconds}\r"));
    if let Some(way) = way {
        std::thread::sleep(LEAD);
        machine.com(1).skip();
        machine.com(victim.com).skip();
        soak::end(machine, victim, way);
        machine.wait_for_demo(victim.com);
    }
    let limit = Duration::from_secs(seconds as u64) + PATIENCE;
    machine.wait_for_within(neighbour.com, "TICKS count=", limit);
    let line = plain(&machine.wait_for(neighbour.com, "\n"));
    machine.wait_for(neighbour.com, "# ");
    println!("{name}: count={}", line.trim());
    let Some(case) = parse(name, &format!("count={line}")) else {
        machine.fail(&format!("{line:?} is not what ticks says"));
    };
    case
}

fn parse(name: &'static str, line: &str) -> Option<Case> {
    let value = |key: &str| {
        let mut words = line.split_ascii_whitespace();
        let text = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?;
        text.parse().ok()
    };
    Some(Case {
        name,
        count: value("count")?,
        lost: value("lost")?,
        max_us: value("max_us")?,
        p999_us: value("p999_us")?,
        p50_us: value("p50_us")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ticks_says() {
        let line = "count=19990 lost=10 max_us=1200 p999_us=900 p50_us=70";
        let case = parse("x", line).expect("it is all there");
        assert_eq!((case.count, case.lost, case.p50_us), (19990, 10, 70));
        assert!(parse("x", "count=1").is_none());
    }
}
