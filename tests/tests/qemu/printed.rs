//! What a Linux's kernel has printed is read from outside: `log NAME`, and why it panicked.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("printed::without_a_console", without_a_console),
        story(
            "printed::as_the_serial_line_has_it",
            as_the_serial_line_has_it,
        ),
    ]
}

/// Two kernels that have no console at all print, and panic.
fn without_a_console() {
    let iso = Iso::new("without_a_console")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define next cores=3 memory=256M kernel=linux61 initrd=demo console=com3 cmdline=\"bulkhead.name=next\"\n\
             define once cores=1 memory=256M kernel=linux61 initrd=demo restart=never \
             cmdline=\"bulkhead.run=echo%20c>/proc/sysrq-trigger\"\n\
             define again cores=2 memory=256M kernel=linux612 initrd=demo cmdline=\"rdinit=/bin/false\"\n\
             start next\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let mut next = Neighbour::watch(&mut machine, 3);
    // One that runs, from its first line on.
    let log = machine.command("log next");
    assert!(log.contains("[    0.000000] Linux version 6.1."), "{log}");

    let crash = "failed reason=\"panic: sysrq triggered crash\"";
    machine.expect("start once", &[]);
    machine.wait_for(1, &format!("* once: {crash}"));
    let log = machine.command("log once");
    let first = log.find("[    0.000000] Linux version 6.1.");
    let last = log.find("] Kernel panic - not syncing: sysrq triggered crash\n");
    assert!(first < last && first.is_some(), "{log}");
    machine.expect("show once", &[&format!("last end:\n  {crash}\n")]);
    next.runs_on(&mut machine, "a panic that was read");

    let killed = "Attempted to kill init! exitcode=0x00000100";
    machine.expect("start again", &[]);
    for run in 1..=4 {
        machine.wait_for(1, &format!("* again: launched run={run}"));
        machine.wait_for(1, &format!("* again: failed reason=\"panic: {killed}\""));
    }
    machine.expect("kill again", &[]);
    for run in 2..=4 {
        let log = machine.command(&format!("log again {run}"));
        assert!(log.contains("[    0.000000] Linux version 6.12."), "{log}");
        assert!(log.contains(&format!("not syncing: {killed}")), "{log}");
    }
    let log = machine.command("log again 1");
    assert!(
        log.contains("nothing of run 1 is there (runs that are kept: 2, 3, 4)"),
        "{log}"
    );
    // It is the definition's, and goes with it.
    machine.expect("undefine once", &[]);
    machine.expect("define once cores=1 memory=256M kernel=linux61", &[]);
    machine.expect("log once", &["nothing that \"once\" printed is found"]);
    // What it costs where there is nothing: one that has only begun to unpack itself.
    let cost = |machine: &mut Running, what: &str| {
        let log = machine.command("log");
        let line = log.lines().find(|line| line.starts_with("printed: "));
        println!("{what}: {}", line.unwrap_or("?"));
    };
    cost(&mut machine, "found, 256M");
    machine.expect("set again memory=768M", &[]);
    machine.expect("start again", &[]);
    machine.wait_for(1, "* again: launched run=5");
    machine.expect("kill again", &[]);
    // What was kept lay elsewhere.
    machine.expect(
        "log again",
        &["printed is found (runs that are kept: none)"],
    );
    cost(&mut machine, "looked for in vain, 768M");
    next.noticed_nothing(&mut machine);
}

/// Kernels from 5.10 on: line by line what their own console has shown.
fn as_the_serial_line_has_it() {
    let kernels = [
        Kernel::Debian510Cloud,
        Kernel::Debian61Cloud,
        Kernel::Debian612Cloud,
        Kernel::DebianSidCloud,
    ];
    let mut iso = Iso::new("as_the_serial_line_has_it").image("demo", demo_initrd());
    for kernel in kernels {
        iso = iso.image(kernel.name(), kernel.image());
    }
    let iso = iso
        .script(
            "define it cores=1,2 memory=256M kernel=debian-5.10-cloud console=com2 restart=never \
             cmdline=\"ignore_loglevel\"\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    for (kernel, run) in kernels.into_iter().zip(1..) {
        machine.com(2).skip();
        machine.expect(&format!("set it kernel={}", kernel.name()), &[]);
        machine.expect("start it", &[]);
        let root = "failed reason=\"panic: VFS: Unable to mount root fs on";
        machine.wait_for(1, &format!("* it: {root}"));
        same(&mut machine, kernel, run);
    }
}

/// The log is what was on the serial line, in that order, and nothing else.
fn same(machine: &mut Running, kernel: Kernel, run: u32) {
    /// What part of it the serial line may lose under load: a kernel waits for its transmitter for a moment
    /// only, and then writes over what was not sent yet.
    const MOST_LOST: usize = 10;
    let lines = |text: &str| {
        let text = text.replace('\t', " ");
        let lines = text.lines().map(str::trim_end);
        lines
            .filter(|line| line.starts_with('['))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let log = lines(&machine.command(&format!("log it {run}")));
    let shown = lines(&machine.com(2).unseen());
    assert!(log.contains("] Linux version"), "{kernel:?}: {log}");
    let (mut lost, most_lost) = (0, log.len() / MOST_LOST);
    let mut rest = log.chars();
    for (nth, wanted) in shown.chars().enumerate() {
        let before = rest.as_str();
        match rest.position(|next| next == wanted) {
            Some(skipped) if lost + skipped <= most_lost => lost += skipped,
            _ => {
                let both = [&shown[nth.saturating_sub(200)..], before];
                let [shown, log] = both.map(|text| text.chars().take(400).collect::<String>());
                panic!("{kernel:?}: the serial line has\n{shown}\nand the log\n{log}");
            }
        }
    }
    // The last words may be lost to the reset.
    let end: Vec<&str> = rest.as_str().lines().collect();
    assert!(end.len() <= 3, "{kernel:?}: {end:?}");
    let (count, bytes) = (shown.lines().count(), shown.len());
    println!(
        "{kernel:?}: {count} lines, {bytes} bytes are the same, {lost} were lost on the serial line"
    );
    assert!(count > 100, "{kernel:?}: {shown}");
}
