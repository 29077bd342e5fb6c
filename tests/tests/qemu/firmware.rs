//! What a Linux finds as its firmware: variables that it keeps, the time, and random numbers.

use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running, has_kvm};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("firmware::variables", variables),
        story("firmware::time_and_seed", time_and_seed),
    ]
}

const ONE: &str = "cores=1 memory=256M kernel=linux61 initrd=demo console=com2 devices=rtc cmdline=\"bulkhead.name=one quiet\"";
const TWO: &str = "cores=2 memory=256M kernel=linux612 initrd=demo console=com3 cmdline=\"bulkhead.name=two quiet\"";

fn start(name: &str, cpu: &[&str]) -> Running {
    let iso = Iso::new(name)
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(&format!(
            "define one {ONE}\ndefine two {TWO}\nstart one two\n"
        ))
        .make();
    let mut machine = Machine::new(&iso, "run").arguments(cpu).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    machine
}

/// A variable of nobody's, as a file of efivarfs.
pub(crate) const FILE: &str =
    "/sys/firmware/efi/efivars/Sample-01234567-89ab-cdef-0123-456789abcdef";
/// One that Linux lets be erased: what it leaves of a panic (`efi_pstore`).
const DUMP: &str =
    "/sys/firmware/efi/efivars/dump-type0-1-1-1700000000-C-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0";

/// Writes a value with these attributes, in one write; what is said of it.
pub(crate) fn write(
    machine: &mut Running,
    com: usize,
    file: &str,
    attributes: u8,
    text: &str,
) -> String {
    let command = format!(
        "unlock {file}; printf '\\{attributes:03o}\\000\\000\\000{text}' > /tmp/value; cat /tmp/value > {file}"
    );
    machine.linux(com, &format!("({command}) 2>&1 | grep -v unlock"))
}

pub(crate) fn read(machine: &mut Running, com: usize, file: &str) -> String {
    machine.linux(com, &format!("tail -c +5 {file} 2>&1"))
}

fn variables() {
    let mut machine = start("firmware_variables", &[]);
    for com in [2, 3] {
        assert_eq!(write(&mut machine, com, FILE, 7, "first"), "");
        assert_eq!(read(&mut machine, com, FILE), "first");
        assert_eq!(write(&mut machine, com, FILE, 0x47, " and"), "");
        assert_eq!(read(&mut machine, com, FILE), "first and");
        assert_eq!(write(&mut machine, com, DUMP, 7, "oops"), "");
        machine.linux_expect(com, &format!("ls {DUMP}"), "dump-type0-1");
        machine.linux(com, &format!("rm {DUMP}"));
        machine.linux_expect(com, &format!("ls {DUMP} 2>&1"), "No such file");
        // What can't be: volatile ones (there are none any more), authenticated ones, too much.
        let other = FILE.replace("Sample", "Other");
        for attributes in [6, 0x27] {
            let said = write(&mut machine, com, &other, attributes, "no");
            assert!(said.contains("Invalid argument"), "{attributes}: {said:?}");
        }
        let too_much = "(printf '\\007\\000\\000\\000'; head -c 9000 /dev/zero) > /tmp/value";
        machine.linux_expect(
            com,
            &format!("{too_much}; dd if=/tmp/value of={other} bs=16384 2>&1"),
            "dd: ",
        );
        // efivarfs makes the file before it asks; there is nothing in it.
        let bytes = machine.linux(com, &format!("cat {other} 2>/dev/null | wc -c"));
        assert_eq!(bytes, "0");
        let bulkheads = FILE.replace("Sample", "Mine").replace(
            "01234567-89ab-cdef-0123-456789abcdef",
            "8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23",
        );
        let said = write(&mut machine, com, &bulkheads, 7, "no");
        assert!(said.contains("Invalid argument"), "{said:?}");
    }
    // Each has its own, over its restarts.
    assert_eq!(write(&mut machine, 3, FILE, 7, "second"), "");
    machine.com(2).skip();
    machine.com(2).send("reboot -f\r");
    machine.wait_for_demo(2);
    assert_eq!(read(&mut machine, 2, FILE), "first and");
    machine.com(2).skip();
    machine.expect("restart one", &[]);
    machine.wait_for_demo(2);
    assert_eq!(read(&mut machine, 2, FILE), "first and");
    assert_eq!(read(&mut machine, 3, FILE), "second");
    // Not over its definition.
    machine.com(2).skip();
    machine.expect("kill one", &[]);
    machine.expect_states(&[("one", "stopped"), ("two", "running")]);
    machine.expect("undefine one", &[]);
    machine.expect(&format!("define one {ONE}"), &[]);
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
    machine.linux_expect(2, &format!("ls {FILE} 2>&1"), "No such file");
    assert_eq!(read(&mut machine, 3, FILE), "second");
    let complaints = "dmesg | grep -c -i 'efivars: .*status\\|firmware bug'";
    for com in [2, 3] {
        assert_eq!(machine.linux(com, complaints), "0");
    }
}

/// The time of a Linux and that of this machine, in seconds.
fn clocks(machine: &mut Running, com: usize) -> (u64, u64) {
    let its: u64 = machine
        .linux(com, "date +%s")
        .trim()
        .parse()
        .expect("seconds");
    let ours = SystemTime::now().duration_since(UNIX_EPOCH);
    (its, ours.expect("after 1970").as_secs())
}

fn expect_right_time(machine: &mut Running, com: usize) {
    let (its, ours) = clocks(machine, com);
    println!("com{com}: {its}, here {ours}");
    // A Linux's clock stands still from when it reads the ports until it has a timer: half a second,
    // or several where it is all emulated on a busy machine.
    let most = if has_kvm() { 2 } else { 30 };
    assert!(its.abs_diff(ours) <= most, "{its} is not {ours}");
}

fn time_and_seed() {
    // No processor's source of random numbers.
    let mut machine = start("firmware_time", &["-cpu", "max,-rdrand,-rdseed"]);
    for com in [2, 3] {
        expect_right_time(&mut machine, com);
        machine.linux_expect(com, "cat /sys/kernel/boot_params/setup_data/0/type", "0x9");
        let ready = machine.linux(com, "dmesg | grep 'crng init done'");
        println!("com{com}: {ready}");
        assert!(ready.contains("[    0.000000]"), "late: {ready}");
    }
    // While nobody owns the clock, what writes another year into its register is put right.
    machine.command("kill one");
    machine.linux(3, &format!("{}; {}", port(0x70, 0x09), port(0x71, 0x31)));
    let read = "dd if=/dev/port bs=1 skip=113 count=1 2>/dev/null | od -An -tx1";
    machine.linux_expect(3, read, "31");
    reboot(&mut machine, 3);
    expect_right_time(&mut machine, 3);
    // Its owner's setting is not, at a launch of its neighbour, its own or the next.
    machine.command("start one");
    machine.wait_for_demo(2);
    expect_right_time(&mut machine, 2);
    machine.linux(2, "date -s '2031-12-30 12:00:00'; hwclock -w -u");
    reboot(&mut machine, 3);
    machine.linux_expect(3, "date", "2031");
    reboot(&mut machine, 2);
    machine.linux_expect(2, "hwclock -r -u 2>&1; date", "2031");
    machine.linux(2, "date -s '2032-03-30 12:00:00'; hwclock -w -u");
    machine.command("kill one");
    reboot(&mut machine, 3);
    machine.linux_expect(3, "date", "2032");
}

/// What writes a byte to a port.
fn port(port: u16, value: u8) -> String {
    format!("printf '\\{value:03o}' | dd of=/dev/port bs=1 seek={port} conv=notrunc 2>&1")
}

fn reboot(machine: &mut Running, com: usize) {
    machine.com(com).skip();
    machine.com(com).send("reboot -f\r");
    machine.wait_for_demo(com);
}
