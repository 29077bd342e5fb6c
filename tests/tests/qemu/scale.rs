//! As many partitions as cores: more than there is low memory for pieces of their own. Five minutes.

use std::time::{Duration, Instant};

use bulkhead_tests::answers;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::long_story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![long_story("scale::thirty_two_on_one_core_each", thirty_two)]
}

/// Reboots once: a variable tells the second run that it is.
const ONCE: &str = "f=/sys/firmware/efi/efivars/A-01234567-89ab-cdef-0123-456789abcdef;\
    [%20-f%20$f%20]||{%20printf%20%27%5C007%5C0%5C0%5C0x%27%3E$f;reboot%20-f;}";

const SINGLE: usize = 32;
const PAIRS: [&str; 2] = ["33,34", "35,36"];
/// For one of them to boot twice while all others run.
const LIMIT: Duration = Duration::from_secs(60);

/// Thirty-two of one core, of which those share low memory after which many may still come, and two of
/// two, which never do; every second
/// one has another kernel. The older board has more RAM below 4 GiB, of which each kernel needs 64M. Each boots, reboots, and boots beside all that came before.
fn thirty_two() {
    let define = |name: &str, cores: &str, number: usize| {
        let kernel = ["cloud61", "cloud612"][number % 2];
        format!(
            "define {name} cores={cores} memory=100M kernel={kernel} initrd=demo restart=always \
             cmdline=\"bulkhead.name={name} quiet bulkhead.run={ONCE}\"\n"
        )
    };
    let mut names = Vec::new();
    let mut script = String::new();
    for number in 1..=SINGLE {
        names.push(format!("p{number}"));
        script += &define(&names[number - 1], &number.to_string(), number);
    }
    for (number, cores) in PAIRS.into_iter().enumerate() {
        names.push(format!("pair{number}"));
        script += &define(&names[SINGLE + number], cores, number);
    }
    let iso = Iso::new("scale_thirty_two")
        .image("cloud61", Kernel::Debian61Cloud.image())
        .image("cloud612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(&script)
        .make();
    let machine = Machine::new(&iso, "run").without_ecam();
    let machine = machine.cores("37").memory("3560M");
    let mut machine = machine.start();
    machine.wait_for_prompt();
    let chunk = |show: &str| {
        let line = show.lines().find(|line| line.starts_with("  low "));
        line.unwrap_or_default().to_string()
    };
    let singles = &names[..SINGLE];
    let chunks: Vec<String> = singles
        .iter()
        .map(|name| chunk(&machine.command(&format!("show {name}"))))
        .collect();
    let sharing = chunks.iter().filter(|chunk| chunk.ends_with(", shared"));
    // One of the seventeen pieces is shared, and two are the pairs'.
    let least = SINGLE - 14;
    if sharing.clone().count() < least || sharing.clone().any(|chunk| *chunk != chunks[0]) {
        machine.fail(&format!("not {least} share one piece: {chunks:?}"));
    }
    for pair in &names[SINGLE..] {
        let own = chunk(&machine.command(&format!("show {pair}")));
        assert!(!own.is_empty() && !own.contains("shared"), "{own}");
    }
    // One by one: Linux finds its timer too slow where an emulating host has no time for it.
    let began = Instant::now();
    for name in &names {
        machine.com(1).skip();
        machine.expect(&format!("start {name}"), &[]);
        machine.wait_for_within(1, &format!("* {name}: launched run=2"), LIMIT);
    }
    println!(
        "{} partitions, two launches each: {:?}",
        names.len(),
        began.elapsed()
    );
    let list = answers::list(&machine.command("list"));
    for name in &names {
        let row = list.iter().find(|row| row.name == *name);
        let is_right = row.is_some_and(|row| row.state == "running" && row.runs == 2);
        if !is_right {
            machine.fail(&format!("{name}: {row:?}"));
        }
    }
    // Two at once wait for each other's turn, and who is killed before it wrote holds nobody up.
    machine.com(1).skip();
    machine.expect("restart p1 p2 p3", &[]);
    machine.expect("kill p1", &[]);
    for name in ["p2", "p3"] {
        machine.wait_for_within(1, &format!("* {name}: launched run=3"), LIMIT);
    }
    machine.expect_states(&[("p1", "stopped"), ("p2", "running"), ("p3", "running")]);
}
