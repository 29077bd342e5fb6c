//! The shell's serial line: which port it is, and what it survives ([`line`]).

use std::path::Path;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::port::{Port, plain};
use bulkhead_tests::qemu::{Machine, PATIENCE, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

mod line;

const PROMPT: &str = "bulkhead> ";

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("serial::another_port", another_port),
        story("serial::pci", pci),
        story("serial::spcr", spcr),
        story("serial::wrong_ports", wrong_ports),
        story("serial::no_port", no_port),
        story("serial::paste", line::paste),
        story("serial::break_and_garbage", line::break_and_garbage),
        story("serial::slow_reader", line::slow_reader),
    ]
}

fn iso(name: &str, command_line: &str) -> Iso {
    Iso::new(&format!("serial_{name}"))
        .setting("CMDLINE", command_line)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
}

/// Waits for a text; gives what stood before it, as it looks.
fn wait(port: &mut Port, wanted: &str) -> String {
    match port.try_wait_for(wanted, PATIENCE) {
        Ok(before) => plain(&before),
        Err(silence) => panic!("{silence}; last lines:\n{}", port.last_lines(40)),
    }
}

/// Types a command into a shell on any port; gives what it printed, which must hold all of `wanted`.
fn expect(port: &mut Port, line: &str, wanted: &[&str]) -> String {
    port.skip();
    port.send(&format!("{line}\r"));
    wait(port, line);
    wait(port, "\n");
    let output = wait(port, PROMPT);
    for text in wanted {
        assert!(
            output.contains(text),
            "{line:?} printed no {text:?}:\n{output}"
        );
    }
    output
}

/// The divisor latch of a PC's serial port, as QEMU has it.
fn divisor(machine: &Running, base: u16) -> u32 {
    let mut monitor = machine.monitor();
    let line_control = base + 3;
    monitor.command(&format!("o/1b {line_control:#x} 0x83"));
    let mut byte = |port: u16| {
        let answer = monitor.command(&format!("i/1bx {port:#x}"));
        let digits = answer.rsplit("0x").next().unwrap_or("").trim();
        let digits = digits.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).collect();
        u32::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("a byte: {answer:?}"))
    };
    let divisor = byte(base) | byte(base + 1) << 8;
    monitor.command(&format!("o/1b {line_control:#x} 0x03"));
    divisor
}

/// COM2 at 19200 baud: the shell is there and nowhere else, and COM1 is a partition's.
fn another_port() {
    let iso = iso("another_port", "bulkhead.console=com2,19200").make();
    let mut machine = Machine::new(&iso, "run").start();
    wait(machine.com(2), PROMPT);
    assert_eq!(divisor(&machine, 0x2f8), 6);
    let shell = machine.com(2);
    expect(shell, "machine", &["console    com2, 19200 baud"]);
    let devices = expect(shell, "devices", &["com2  0x2f8"]);
    let owner = |port: &str| {
        let mut lines = devices.lines();
        let line = lines.find(|line| line.trim().starts_with(port));
        line.and_then(|line| line.split_whitespace().last().map(String::from))
    };
    assert_eq!(owner("com1").as_deref(), Some("free"), "{devices}");
    assert_eq!(owner("com2").as_deref(), Some("bulkhead"), "{devices}");
    let claim = "cores=1 memory=256M kernel=linux initrd=demo cmdline=bulkhead.name=one";
    for key in ["console", "devices"] {
        let line = format!("define one {claim} {key}=com2");
        expect(
            shell,
            &line,
            &["error: com2 is the console of Bulkhead's shell"],
        );
    }
    expect(
        shell,
        &format!("define one {claim} console=com1"),
        &["one: cores 1"],
    );
    expect(shell, "start one", &[]);
    assert_eq!(machine.wait_for_demo(1).name, "one");
    let text = machine.com(1).text();
    assert!(
        !text.contains(PROMPT),
        "nothing of the shell's on COM1:\n{text}"
    );
    machine.com(1).send("poweroff\r");
    wait(machine.com(2), "* one: powered-off");
}

/// A serial card behind a bridge: the shell is there, and nobody else can have its bus.
fn pci() {
    let iso = iso("pci", "bulkhead.console=pci:01:01.0,57600").make();
    let folder = iso.parent().expect("an ISO lies in a folder");
    let mut card = Port::listen(folder, "card");
    let chardev = format!("socket,id=card,path={}", card.path().display());
    let mut machine = Machine::new(&iso, "run")
        .arguments(&["-chardev", &chardev])
        .arguments(&["-device", "pcie-pci-bridge,id=bridge,bus=pcie.0"])
        .arguments(&["-device", "pci-serial,chardev=card,bus=bridge,addr=1"])
        .arguments(&["-device", "e1000,bus=bridge,addr=2,romfile="])
        .start();
    assert!(card.accept(|| machine.is_alive()), "{}", machine.said());
    wait(&mut card, PROMPT);
    let shell = &mut card;
    expect(
        shell,
        "machine",
        &["console    PCI function 0000:01:01.0, 57600 baud"],
    );
    expect(
        shell,
        "devices",
        &[
            "owner bulkhead; the console of Bulkhead's shell",
            "shares bus 01 with 0000:01:01.0 of \"bulkhead\"",
        ],
    );
    let claim = "define one cores=1 memory=256M kernel=linux initrd=demo console=com1";
    for (device, why) in [
        ("01:01.0", "0000:01:01.0 is the console of Bulkhead's shell"),
        (
            "01:02.0",
            "0000:01:02.0 would bring 0000:01:01.0 along, the console of Bulkhead's shell",
        ),
        (
            "pci:01",
            "pci:01 can't be given: 0000:01:01.0 on it is the console of Bulkhead's shell",
        ),
        (
            "bus0",
            "bus0 can't be given: 0000:01:01.0 on it is the console of Bulkhead's shell",
        ),
    ] {
        expect(
            shell,
            &format!("{claim} devices={device}"),
            &["error: ", why],
        );
    }
    expect(shell, claim, &["one: cores 1"]);
    expect(shell, "start one", &[]);
    machine.wait_for_demo(1);
    // The shell is still there beside the Linux.
    expect(shell, "list", &["one", "running"]);
    let text = machine.com(1).text();
    let moved = "Bulkhead: the console goes on at I/O port ";
    assert!(text.contains(moved) && !text.contains(PROMPT), "{text}");
}

/// The body of an SPCR of revision 2: COM3 at 57600 baud.
fn spcr_body() -> Vec<u8> {
    let mut body = vec![0; 44];
    let mut set = |offset: usize, bytes: &[u8]| {
        body[offset - 36..offset - 36 + bytes.len()].copy_from_slice(bytes);
    };
    set(40, &[1, 8, 0, 1]);
    set(44, &0x3e8u64.to_le_bytes());
    set(58, &[6, 0, 1]);
    set(64, &[0xff; 4]);
    body
}

/// The firmware's table says where, and is overruled.
fn spcr() {
    let plain_iso = iso("spcr", "").make();
    let folder = plain_iso.parent().expect("an ISO lies in a folder");
    let body = folder.join("spcr.bin");
    std::fs::write(&body, spcr_body()).expect("the table can be written");
    let table = format!("sig=SPCR,rev=2,data={}", body.display());
    let with_table = |iso: &Path, run: &str| {
        let machine = Machine::new(iso, run);
        machine.arguments(&["-acpitable", &table]).start()
    };

    let mut machine = with_table(&plain_iso, "run");
    wait(machine.com(3), PROMPT);
    assert_eq!(divisor(&machine, 0x3e8), 2);
    let shell = machine.com(3);
    expect(shell, "machine", &["console    com3, 57600 baud", "SPCR"]);
    let claim = "define one cores=1 memory=256M kernel=linux";
    let refused = "error: com3 is the console of Bulkhead's shell";
    expect(shell, &format!("{claim} console=com3"), &[refused]);
    expect(shell, &format!("{claim} console=com1"), &["one: cores 1"]);
    let text = machine.com(1).text();
    assert!(
        text.contains("Bulkhead: the console goes on at com3"),
        "{text}"
    );
    assert!(!text.contains(PROMPT), "{text}");
    drop(machine);

    let asked = iso("spcr_rate", "bulkhead.console=spcr,9600").make();
    let mut machine = with_table(&asked, "run");
    wait(machine.com(3), PROMPT);
    assert_eq!(divisor(&machine, 0x3e8), 12);
    drop(machine);

    // Nobody answers at the port of the table.
    let mut machine = Machine::new(&plain_iso, "run")
        .serial_ports(1)
        .arguments(&["-acpitable", &table])
        .start();
    let greeting = machine.wait_for_prompt();
    let warning = "warning: console: the firmware's SPCR table: no UART answers at com3";
    assert!(greeting.contains(warning), "{greeting}");
    drop(machine);

    let overruled = iso("spcr_overruled", "bulkhead.console=com1").make();
    let mut machine = with_table(&overruled, "run");
    machine.wait_for_prompt();
    machine.expect("machine", &["console    com1, 115200 baud"]);
    let refused = "error: com1 is the console of Bulkhead's shell";
    machine.expect(&format!("{claim} console=com1"), &[refused]);
}

/// Ports that are not there, or are none: told on the one that is taken in the end.
fn wrong_ports() {
    let wanted = "bulkhead.console=com4 bulkhead.console=pci:00:1f.2 bulkhead.console=pci:00:1e.7 \
                  bulkhead.console=spcr";
    let warnings = [
        "warning: console: com4: no UART answers at com4",
        "warning: console: pci:0000:00:1f.2: PCI function 0000:00:1f.2 is of class 010601, no 16550",
        "warning: console: pci:0000:00:1e.7: there is no PCI function 0000:00:1e.7",
        "warning: console: spcr: the firmware has no SPCR table",
    ];
    // Then the next one that is named.
    let next = iso("wrong_next", &format!("{wanted} bulkhead.console=com2")).make();
    let mut machine = Machine::new(&next, "run").serial_ports(2).start();
    let greeting = wait(machine.com(2), PROMPT);
    for warning in warnings {
        assert!(greeting.contains(warning), "{warning}:\n{greeting}");
    }
    expect(machine.com(2), "machine", &["console    com2, 115200 baud"]);
    drop(machine);
    // Or COM1, if none is.
    let none = iso("wrong_all", wanted).make();
    let mut machine = Machine::new(&none, "run").serial_ports(1).start();
    let greeting = machine.wait_for_prompt();
    for warning in warnings {
        assert!(greeting.contains(warning), "{warning}:\n{greeting}");
    }
    let line = "define one cores=1 memory=256M kernel=linux console=com4";
    machine.expect(line, &["error: com4 does not exist (found: none)"]);
}

/// Without any serial port, and with one that is not to be used: the machine does its work.
fn no_port() {
    let script = "define one cores=1 memory=256M kernel=linux initrd=demo\n\
                  start one\nwait one running 60\npoweroff force\n";
    let without = iso("no_port", "").script(script).make();
    let mut machine = Machine::new(&without, "run").serial_ports(0).start();
    assert!(
        machine.wait_for_end(PATIENCE),
        "its script ends with poweroff"
    );
    drop(machine);

    // The refusal would stop the script: the port is free, and the Linux has it.
    let script = script.replace("initrd=demo", "initrd=demo console=com1");
    let script = script.replace("poweroff force\n", "");
    let mute = iso("mute", "bulkhead.console=none").script(&script).make();
    let mut machine = Machine::new(&mute, "run").start();
    machine.wait_for_demo(1);
    let text = machine.com(1).text();
    assert!(
        !text.contains(PROMPT) && !text.contains("Bulkhead 0."),
        "{text}"
    );
}
