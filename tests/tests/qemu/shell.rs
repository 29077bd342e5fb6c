//! The shell on a real serial line: editing, completion, history, scripts, events.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("shell::dialogue", dialogue),
        story("shell::script_error", script_error),
        story("shell::siblings", siblings),
    ]
}

fn dialogue() {
    let iso = Iso::new("shell")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();

    machine.expect("help", &["define", "start", "poweroff"]);
    machine.expect("help define", &["cores=", "memory=", "kernel="]);
    machine.expect("cores", &["0", "3", "bulkhead", "parked"]);
    machine.expect("memory", &["free", "kernel", "linux"]);
    machine.expect("devices", &["com1", "8086:29c0"]);
    machine.expect("images", &["linux", "ok", "6.1.0", "demo"]);
    machine.expect("machine", &["BIOS", "GRUB", "MCFG"]);

    // Editing: left, insert, Home, kill to the end, yank nothing; the line runs as it looks.
    machine.com(1).skip();
    machine
        .com(1)
        .send("vrsion\x1b[D\x1b[D\x1b[D\x1b[D\x1b[De\x05\r");
    machine.wait_for(1, "Bulkhead 0.");
    machine.wait_for(1, "bulkhead> ");
    // Completion: of a command, a key, an image.
    machine.com(1).send("def\tone cor\t1 mem\t256M ker\tli\t\r");
    machine.wait_for(1, "bulkhead> ");
    machine.expect("list", &["one", "defined", "256M", "linux"]);
    // History: the command before the last.
    machine.com(1).skip();
    machine.com(1).send("\x1b[A\r");
    machine.wait_for(1, "defined");
    machine.wait_for(1, "bulkhead> ");
    // A failed command changes nothing.
    machine.expect("set one memory=1T", &["error:"]);
    machine.expect("show one", &["256M", "e820", "FACP", "no_ipi_broadcast=1"]);
    machine.expect("check one", &[]);

    // An event does not destroy the line being typed.
    machine.expect("set one initrd=demo console=com2", &[]);
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
    machine.com(1).skip();
    machine.com(1).send("vers");
    machine.wait_for(1, "vers");
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* one: powered-off");
    machine.com(1).send("ion\r");
    machine.wait_for(1, "Bulkhead 0.");
    machine.wait_for(1, "bulkhead> ");
    let log = machine.expect("log", &["one: launched run=1", "one: powered-off"]);
    // The machine has four cores.
    let resident = log.split_once("resident: ").and_then(|(_, rest)| {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number.parse::<u64>().ok()
    });
    // Below 1 MiB before partitions could be worked with from inside; that may take a quarter more.
    assert!(
        resident.is_some_and(|kib| kib < 1280),
        "below 1.25 MiB: {log}"
    );
    machine.expect("undefine one", &[]);
    let list = machine.command("list");
    assert!(!list.contains("one"), "{list}");
}

fn script_error() {
    let iso = Iso::new("script_error")
        .script("# a comment\n\nversion\nfrobnicate now\ndefine x\n")
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    let greeting = machine.wait_for_prompt();
    let greeting = plain(&greeting);
    assert!(
        greeting.contains("Bulkhead 0."),
        "the lines before ran:\n{greeting}"
    );
    assert!(greeting.contains("bulkhead.conf:4: error:"), "{greeting}");
    assert!(greeting.contains("frobnicate"), "{greeting}");
    assert!(
        !greeting.contains("bulkhead.conf:5"),
        "it stopped:\n{greeting}"
    );
    machine.expect("version", &["Bulkhead"]);
}

/// Cores with two threads each: siblings are shown, and splitting them is warned of, not refused.
fn siblings() {
    let iso = Iso::new("siblings")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .make();
    let mut machine = Machine::new(&iso, "run")
        .cores("8,sockets=2,cores=2,threads=2")
        .start();
    machine.wait_for_prompt();
    let cores = machine.command("cores");
    assert_eq!(cores.matches("parked").count(), 7, "{cores}");
    let claim = "memory=256M kernel=linux initrd=demo";
    machine.expect(
        &format!("define half cores=2 {claim} console=com2"),
        &["half: cores 2"],
    );
    let split = format!("define other cores=3 {claim}");
    machine.expect(&split, &["warning: other:", "core 2", "\"half\""]);
    machine.expect(
        &format!("define near cores=1 {claim}"),
        &["warning: near:", "core 0"],
    );
    machine.expect("undefine other", &[]);
    let whole = machine.expect("set half cores=2,3", &["half: cores 2-3"]);
    assert!(!whole.contains("warning"), "{whole}");
    machine.expect("start half", &[]);
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [2, 3]);
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* half: powered-off");
}
