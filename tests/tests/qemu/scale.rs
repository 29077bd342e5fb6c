//! As many partitions as cores: more than there is low memory for pieces of their own.

use std::time::{Duration, Instant};

use bulkhead_tests::answers;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, REBOOT_ONCE, demo_initrd, initrd_with, kexec};
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("scale::kexec_by_low_memory", kexec_by_low_memory),
        story("scale::who_never_writes_low_memory", who_never_writes),
        long_story("scale::thirty_two_on_one_core_each", thirty_two),
        long_story("scale::sixty_four", sixty_four),
    ]
}

/// What `show` says of a partition's low memory.
fn low(machine: &mut Running, name: &str) -> String {
    let show = machine.command(&format!("show {name}"));
    answers::shown_low(&show).unwrap_or_else(|| machine.fail(&format!("no low memory:\n{show}")))
}

/// Who has too little low memory for its kernel's kexec is told and refuses it; one whose kernel needs no
/// more than others have enters another kernel, which has no more either.
fn kexec_by_low_memory() {
    let entered = Kernel::DebianSidCloud;
    let carrier = initrd_with("carrier_sid.img", &kexec::files(&[entered]));
    let iso = Iso::new("scale_kexec")
        .image("cloud61", Kernel::Debian61Cloud.image())
        .image("cloud612", Kernel::Debian612Cloud.image())
        .image("sid", Kernel::DebianSidCloud.image())
        .image("carrier", carrier)
        .script(
            "define w1 cores=1 memory=64M kernel=cloud61\n\
             define w2 cores=2 memory=64M kernel=cloud61\n\
             define w3 cores=3 memory=64M kernel=cloud61\n\
             define w4 cores=4 memory=64M kernel=cloud61\n",
        )
        .make();
    let machine = Machine::new(&iso, "run").cores("24").memory("3G");
    let mut machine = machine.start();
    machine.wait_for_prompt();
    assert_eq!(low(&mut machine, "w4"), "64K");
    for (name, cores, kernel, port, wanted, note) in [
        (
            "old",
            "5,6",
            "cloud61",
            "com2",
            "32K, no kexec",
            "no kexec inside: below 640K it has 32K, and this kernel needs 64K for that",
        ),
        ("new", "7,8", "cloud612", "com3", "32K", ""),
        (
            "single",
            "9",
            "sid",
            "com4",
            "32K, shared, no kexec",
            "no kexec inside: below 640K it shares 32K with others",
        ),
    ] {
        let define = format!(
            "define {name} cores={cores} memory=512M kernel={kernel} initrd=carrier console={port} \
             cmdline=\"bulkhead.name={name} quiet\""
        );
        let answer = machine.expect(&define, &[note]);
        assert_eq!(
            answer.contains("kexec inside"),
            !note.is_empty(),
            "{answer}"
        );
        assert_eq!(low(&mut machine, name), wanted, "{name}");
    }
    machine.expect("start old new single", &[]);
    let command = kexec::command(entered);
    for com in [2, 4] {
        machine.wait_for_demo(com);
        machine.linux_expect(com, &command, "Operation not permitted");
    }
    machine.wait_for_demo(3);
    machine.com(3).skip();
    machine.com(3).send(&format!("{command}\r"));
    let second = machine.wait_for_demo(3);
    assert_eq!(second.release, entered.release());
    assert_eq!(second.apic_ids, [7, 8]);
}

/// A kernel that hangs before it writes the low memory that it shares holds up the launch of the next, for
/// half a minute; and so the handoff of Bulkhead's core, after whose Linux the shell is back.
fn who_never_writes() {
    // Those that have the pieces of their own.
    let mut script = String::new();
    for cores in ["1", "2", "3", "4", "5,6", "7,8"] {
        let name = &cores[..1];
        script += &format!("define w{name} cores={cores} memory=64M kernel=cloud61\n");
    }
    let iso = Iso::new("scale_never_writes")
        .image("cloud61", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&script)
        .make();
    let machine = Machine::new(&iso, "run").cores("32").memory("3G");
    let mut machine = machine.start();
    machine.wait_for_prompt();
    // It panics before it has EFI's services, to which it goes then, and so on for ever.
    let hung = "rcutree.rcu_fanout_leaf=1 panic_on_warn=1";
    for (name, core, line) in [
        ("stuck", "9 console=com2", hung),
        ("next", "10 console=com3", "bulkhead.name=next quiet"),
        (
            "last",
            "0 console=com4",
            "bulkhead.name=last quiet bulkhead.run=poweroff",
        ),
    ] {
        let define = format!(
            "define {name} cores={core} memory=256M kernel=cloud61 initrd=demo \
             restart=never cmdline=\"{line}\""
        );
        machine.expect(&define, &["shares 32K with others"]);
    }
    machine.expect("start stuck", &[]);
    machine.wait_for(1, "* stuck: launched");
    machine.expect("start next", &[]);
    machine.wait_for(1, "* next: waits for stuck, which has not yet written");
    machine.expect_states(&[("stuck", "running"), ("next", "launching")]);
    machine.wait_for(1, "* next: waits no longer for stuck");
    machine.wait_for(1, "* next: launched run=1");
    machine.wait_for_demo(3);
    // It is the last that hangs again, before Bulkhead's core is handed off.
    machine.expect("kill stuck", &[]);
    machine.expect("start stuck", &[]);
    machine.wait_for(1, "* stuck: launched run=2");
    machine.com(1).skip();
    machine.com(1).send("handoff last\r");
    machine.wait_for_within(1, "the shell is back", LIMIT * 2);
    machine.wait_for(1, "* last: waits for stuck");
    machine.wait_for(1, "* last: waits no longer for stuck");
    machine.wait_for(1, "* last: powered-off");
    machine.expect_states(&[
        ("stuck", "running"),
        ("next", "running"),
        ("last", "stopped"),
    ]);
}

const SINGLE: usize = 32;
const PAIRS: [&str; 2] = ["33,34", "35,36"];
/// For one of them to boot twice while all others run.
const LIMIT: Duration = Duration::from_secs(60);

/// Thirty-two of one core, most of which share low memory, and two of two, which never do; every second
/// one has another kernel. The older board has more RAM below 4 GiB, of which each kernel needs 64M.
/// Each boots, reboots, and boots beside all that came before.
fn thirty_two() {
    let define = |name: &str, cores: &str, number: usize| {
        let kernel = ["cloud61", "cloud612"][number % 2];
        format!(
            "define {name} cores={cores} memory=100M kernel={kernel} initrd=demo restart=always \
             cmdline=\"bulkhead.name={name} quiet bulkhead.run={REBOOT_ONCE}\"\n"
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
    let mut kinds = std::collections::BTreeMap::new();
    for name in &names {
        *kinds.entry(low(&mut machine, name)).or_insert(0) += 1;
    }
    // Four have enough for everything; of the last ones some have their own again, as fewer are to come.
    let shared = kinds.get("32K, shared, no kexec").copied().unwrap_or(0);
    if kinds.get("64K") != Some(&4) || shared < 20 {
        machine.fail(&format!("not 4 and at least 20: {kinds:?}"));
    }
    for pair in &names[SINGLE..] {
        let own = low(&mut machine, pair);
        assert!(own.starts_with("32K") && !own.contains("shared"), "{own}");
    }
    machine.expect("memory", &["RAM       shared (partitions with one core)"]);
    each_boots_twice(&mut machine, &names);
    // Two at once wait for each other's turn, and who is killed before it wrote holds nobody up.
    machine.com(1).skip();
    machine.expect("restart p1 p2 p3", &[]);
    machine.expect("kill p1", &[]);
    for name in ["p2", "p3"] {
        machine.wait_for_within(1, &format!("* {name}: launched run=3"), LIMIT);
    }
    machine.expect_states(&[("p1", "stopped"), ("p2", "running"), ("p3", "running")]);
}

/// One by one: Linux finds its timer too slow where an emulating host has no time for it.
fn each_boots_twice(machine: &mut Running, names: &[String]) {
    let began = Instant::now();
    for name in names {
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
    for name in names {
        let row = list.iter().find(|row| row.name == *name);
        let is_right = row.is_some_and(|row| row.state == "running" && row.runs == 2);
        if !is_right {
            machine.fail(&format!("{name}: {row:?}"));
        }
    }
}

/// As many as there can be, of one core and 100M each: the board has 3 GiB below 4 GiB, so that the last ones lie
/// above as a whole.
fn sixty_four() {
    let names: Vec<String> = (1..=64).map(|number| format!("p{number}")).collect();
    let define = |(number, name): (usize, &String)| {
        format!(
            "define {name} cores={} memory=100M kernel=linux initrd=demo restart=always \
             cmdline=\"bulkhead.name={name} quiet bulkhead.run={REBOOT_ONCE}\"\n",
            number + 1
        )
    };
    let script: String = names.iter().enumerate().map(define).collect();
    let iso = Iso::new("scale_sixty_four")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&script)
        .make();
    let machine = Machine::new(&iso, "run").without_ecam();
    let mut machine = machine.cores("65").memory("8G").start();
    machine.wait_for_prompt();
    // As the boot script has said: "p60: cores 60, memory 0x...-0x... (100M)".
    let log = machine.com(1).text().to_string();
    let own = log
        .lines()
        .find_map(|line| line.strip_prefix("p60: cores 60, memory 0x"));
    let start = own.and_then(|own| u64::from_str_radix(own.split('-').next()?, 16).ok());
    assert!(start.is_some_and(|start| start >= 4 << 30), "{own:?}");
    each_boots_twice(&mut machine, &names);
    machine.expect("kill p64", &[]);
    machine.wait_for(1, "* p64: killed");
    machine.expect_states(&[("p63", "running"), ("p64", "stopped")]);
}
