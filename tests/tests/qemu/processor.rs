//! What a Linux leaves in a core's registers is not there for the next one.
//!
//! Root of a stock Linux writes registers that neither Linux nor Bulkhead uses here, and that the
//! emulator keeps over an INIT as a processor does.

use bulkhead_tests::devices::{Board, Device, empty_disk};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd, guest_tool, initrd_with};
use libtest_mimic::Trial;

use crate::devices::{Partition, folder, machine};
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("processor::registers", || {
            // VM_HSAVE_PA, the address of a page; IA32_PKRS.
            registers("registers", "max", &[("c0010117", 0x1000), ("6e1", 1)]);
        }),
        story("processor::registers_of_intel", || {
            // IA32_MISC_ENABLE.
            registers("registers_of_intel", "Skylake-Client", &[("1a0", 1)]);
        }),
        story("processor::thermal_entry", thermal_entry),
        story("processor::core_256", core_256),
        story("processor::linux_in_x2apic_mode", linux_in_x2apic_mode),
    ]
}

/// A register's number in hexadecimal, as the tool takes it, and what to change in it.
type Register = (&'static str, u64);

const KERNEL: Kernel = Kernel::Debian61Cloud;
const CPUS: [u32; 2] = [0, 1];

/// The registers of both cores of the partition.
fn read(machine: &mut Running, registers: &[Register]) -> Vec<u64> {
    let names: Vec<&str> = registers.iter().map(|(name, _)| *name).collect();
    machine.linux_expect(2, "msr load /lib/msr.ko", "MSR ok");
    let mut values = Vec::new();
    for cpu in CPUS {
        let output = machine.linux(2, &format!("msr read {cpu} {}", names.join(" ")));
        let lines = output.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once(' ')?;
            names
                .contains(&name)
                .then(|| u64::from_str_radix(value, 16).ok())?
        });
        let found: Vec<u64> = lines.collect();
        if found.len() != names.len() {
            machine.fail(&format!("the registers {names:?} of CPU {cpu}: {output}"));
        }
        values.extend(found);
    }
    values
}

/// Changes them all on both cores; the emulator must keep that.
fn change(machine: &mut Running, registers: &[Register], before: &[u64]) {
    for (cpu, values) in CPUS.into_iter().zip(before.chunks(registers.len())) {
        for ((name, change), value) in registers.iter().zip(values) {
            let value = value ^ change;
            machine.linux_expect(2, &format!("msr write {cpu} {name} {value:x}"), "MSR ok");
            let line = format!("msr read {cpu} {name}");
            machine.linux_expect(2, &line, &format!("{name} {value:x}"));
        }
    }
}

/// A Linux on two cores changes the registers on both, and reboots, by which one of them comes back
/// without an INIT and the other by one; then it does so again, and is restarted by force.
fn registers(name: &str, processor: &str, registers: &[Register]) {
    let files = [
        ("/bin/msr", guest_tool("msr")),
        ("/lib/msr.ko", KERNEL.driver("arch/x86/kernel/msr.ko")),
    ];
    let iso = Iso::new(name)
        .image("linux", KERNEL.image())
        .image("demo", initrd_with(&format!("{name}.img"), &files))
        .script(
            "define one cores=1,2 memory=320M kernel=linux initrd=demo console=com2 restart=always cmdline=\"bulkhead.name=one quiet\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .arguments(&["-cpu", processor])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    let before = read(&mut machine, registers);

    change(&mut machine, registers, &before);
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* one: rebooted");
    machine.wait_for_demo(2);
    assert_eq!(read(&mut machine, registers), before, "after a reboot");

    change(&mut machine, registers, &before);
    machine.com(2).skip();
    machine.expect("restart one", &[]);
    machine.wait_for_demo(2);
    assert_eq!(
        read(&mut machine, registers),
        before,
        "after a restart by force"
    );
    let log = machine.command("log");
    assert!(!log.contains("refused") && !log.contains("lost"), "{log}");
}

/// A core's thermal entry, as its local APIC has it now.
fn thermal(machine: &Running, core: u32) -> u32 {
    let said = machine.monitor().command(&format!("info lapic {core}"));
    let (_, after) = said.split_once("LVTTHMR").expect("it has one");
    let digits = after.split_once("0x").map(|(_, after)| after.get(..8));
    let digits = digits.flatten().expect("it has a value");
    u32::from_str_radix(digits, 16).expect("it is a number")
}

/// Firmware has its own code called when the processor is hot, as servers' does, here by the loader's
/// hand. An INIT, by which a Linux starts its second core, masks the entry there, and a Linux that reboots
/// masks it in its first; afterwards it is firmware's again, in all of them.
fn thermal_entry() {
    const SMI: u32 = 0b010 << 8;
    const MASKED: u32 = 1 << 16;
    let iso = Iso::new("thermal_entry")
        .setting("BEFORE", &format!("write_dword 0xfee00330 {SMI}"))
        .image("linux", KERNEL.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1,2 memory=320M kernel=linux initrd=demo console=com2 restart=never cmdline=\"bulkhead.name=one quiet\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    let all = |machine: &Running| [0, 1, 2, 3].map(|core| thermal(machine, core));
    let running = [SMI, SMI, MASKED, SMI];
    assert_eq!(all(&machine), running, "a Linux runs");
    // By the way back of a Linux that asks for it, and by force.
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* one: rebooted");
    machine.expect_states(&[("one", "stopped")]);
    assert_eq!(all(&machine), [SMI; 4], "it has rebooted");
    machine.com(2).skip();
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
    assert_eq!(all(&machine), running, "again");
    machine.expect("kill one", &[]);
    machine.expect_states(&[("one", "stopped")]);
    assert_eq!(all(&machine), [SMI; 4], "it was killed");
}

/// Two cores of the first package, and one whose APIC ID is 256.
fn with_core_256(machine: Machine) -> Machine {
    machine
        .cores("2,maxcpus=258,sockets=2,cores=129")
        .arguments(&[
            "-cpu",
            "max",
            "-device",
            "max-x86_64-cpu,socket-id=1,core-id=0,thread-id=0",
        ])
}

/// A core whose ID has nine bits is started, and no other one is mistaken for it: in xAPIC mode the
/// command would go to core 0. The BIOS has chosen x2APIC for it.
fn core_256() {
    let iso = Iso::new("core_256").script("").make();
    let mut machine = with_core_256(Machine::new(&iso, "run")).start();
    machine.wait_for_prompt();
    let cores = machine.command("cores");
    let state = |id: &str| {
        let mut lines = cores.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next() == Some(id)).then(|| words.nth(3))?)
    };
    for (id, wanted) in [("0", "bulkhead"), ("1", "parked"), ("256", "parked")] {
        assert_eq!(state(id), Some(wanted), "{cores}");
    }
}

/// Where the BIOS has chosen x2APIC, a generic kernel stays in that mode, with physical destinations,
/// and its disk interrupts it by MSI-X.
fn linux_in_x2apic_mode() {
    let name = "linux_in_x2apic_mode";
    let disk = empty_disk(&folder(name), "disk.img", 16);
    let board = Board::new().device(Device::nvme(&disk));
    let one = Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0");
    let mut machine = with_core_256(machine(name, &[one], &board)).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    let mode = "dmesg | grep 'APIC routing to'";
    machine.linux_expect(2, mode, "physical x2apic");
    let read = "dd if=/dev/nvme0n1 of=/dev/null bs=1M 2>&1";
    machine.linux_expect(2, read, "16+0 records in");
}
