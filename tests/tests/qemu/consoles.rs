//! `console NAME`: partitions without a port are listened to.

use std::time::Instant;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("consoles::eight_without_a_port", eight_without_a_port),
        story("consoles::over_a_panic_and_fast", over_a_panic_and_fast),
    ]
}

/// Attaches to a partition's console.
fn attach(machine: &mut Running, name: &str) {
    machine.com(1).skip();
    machine.com(1).send(&format!("console {name}\r"));
    machine.wait_for(1, &format!("(what the kernel of \"{name}\" prints"));
    machine.wait_for(1, "Ctrl-] leaves)");
}

fn leave(machine: &mut Running) {
    machine.com(1).send("\u{1d}");
    machine.wait_for_prompt();
}

/// Eight partitions of one core each that have no port: what each prints is read of each, from its first
/// line on, whatever its kernel is told of loglevels, and none prints to a port.
fn eight_without_a_port() {
    let mut iso = Iso::new("eight_without_a_port")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd());
    let (mut script, mut names) = (String::new(), Vec::new());
    for core in 1..=8 {
        let kernel = ["linux61", "linux612"][core % 2];
        let level = ["", " quiet", " loglevel=0"][core % 3];
        let name = format!("p{core}");
        script.push_str(&format!(
            "define {name} cores={core} memory=128M kernel={kernel} initrd=demo console=mem \
             cmdline=\"bulkhead.run=echo%20words%20of%20{name}>/dev/kmsg{level}\"\n"
        ));
        names.push(name);
    }
    script.push_str(&format!("start {}\n", names.join(" ")));
    iso = iso.script(&script);
    let machine = Machine::new(&iso.make(), "run").cores("9").memory("3G");
    let mut machine = machine.serial_ports(2).start();
    machine.wait_for_prompt();
    let list = machine.command("list");
    for (core, name) in (1..).zip(&names) {
        let row = list
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        let row = row.unwrap_or_else(|| machine.fail(&list));
        assert!(row.ends_with("  on-failure  mem"), "{row}");
        attach(&mut machine, name);
        machine.wait_for(1, &format!("] words of {name}"));
        leave(&mut machine);
        let log = machine.command(&format!("log {name}"));
        let version = ["6.1.", "6.12."][core % 2];
        let first = format!("[    0.000000] Linux version {version}");
        assert!(log.starts_with(&first), "{name}: {log}");
        assert_eq!(log.matches("words of").count(), 1, "{name}: {log}");
        assert!(log.contains(&format!("words of {name}\n")), "{log}");
    }
    assert_eq!(machine.com(2).text(), "", "a port that nobody has");
}

/// A partition is listened to over its panic and its restart; one with a port as well, as fast as the
/// operator's line is.
fn over_a_panic_and_fast() {
    let iso = Iso::new("consoles_panic")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define crash cores=1 memory=256M kernel=linux612 initrd=demo \
             cmdline=\"bulkhead.run=sleep%203;echo%20c>/proc/sysrq-trigger\"\n\
             define port cores=2 memory=256M kernel=linux61 initrd=demo console=com2 \
             cmdline=\"bulkhead.name=port quiet printk.devkmsg=on\"\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    attach(&mut machine, "crash");
    machine.wait_for(1, "(\"crash\" is defined: it is waited for)");
    leave(&mut machine);
    machine.expect("start crash", &[]);
    attach(&mut machine, "crash");
    let panic = "Kernel panic - not syncing: sysrq triggered crash";
    machine.wait_for(1, &format!("] {panic}"));
    let said = machine.wait_for(1, "(run 2 of \"crash\")");
    assert!(
        said.contains("* crash: failed reason=\"panic: sysrq triggered crash\""),
        "{said}"
    );
    assert!(said.contains("(run 1 of \"crash\" has ended)"), "{said}");
    // Its first line is the first; only the event may come between.
    let between = machine.wait_for(1, "[    0.000000] Linux version 6.12.");
    assert!(!between.contains('['), "{between}");
    machine.wait_for(1, &format!("] {panic}"));
    machine.wait_for(1, "(run 2 of \"crash\" has ended)");
    machine.com(1).send("x");
    machine.wait_for(1, "(what is typed here reaches nobody");
    leave(&mut machine);
    machine.expect("kill crash", &[]);

    machine.expect("start port", &[]);
    machine.wait_for_demo(2);
    machine.linux(
        2,
        "yes abcdefghijklmnopqrstuvwxyz0123456789 | head -c 90000 > /tmp/much",
    );
    attach(&mut machine, "port");
    machine.com(2).send("echo it-is-found > /dev/kmsg\r");
    machine.wait_for(1, "] it-is-found");
    let begun = Instant::now();
    machine
        .com(2)
        .send("dd if=/tmp/much of=/dev/kmsg bs=900; echo the-last-word > /dev/kmsg\r");
    let said = machine.wait_for(1, "] the-last-word");
    let (bytes, ms) = (said.len(), begun.elapsed().as_millis());
    println!(
        "{bytes} bytes in {ms} ms: {} bytes/s",
        bytes as u128 * 1000 / ms.max(1)
    );
    let lost = said.matches(" lost").count();
    println!("losses that were told of: {lost}");
    // Of 900 bytes each, a line of 37 with a stamp.
    let letters = said.matches(|c: char| c.is_ascii_alphanumeric()).count();
    assert!(letters > 90_000 || lost > 0, "{letters} of {bytes} bytes");
    leave(&mut machine);
}
