//! The chipset's watchdog belongs to whoever has bus 0, and a card's to whoever has the card. Neither may
//! outlive a run of its owner: it resets the machine, neighbours included.

use std::time::{Duration, Instant};

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, faulty, initrd_with};
use libtest_mimic::Trial;

use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::watchdogs", every_end),
        story("devices::watchdogs_left_running", left_running),
    ]
}

const NAME: &str = "watchdog";
/// What the driver of Intel's chipsets is made of, each after what it needs, and that of a card.
const MODULES: [&str; 7] = [
    "drivers/watchdog/watchdog",
    "drivers/watchdog/iTCO_vendor_support",
    "drivers/mfd/intel_pmc_bxt",
    "drivers/mfd/lpc_ich",
    "drivers/watchdog/iTCO_wdt",
    "drivers/watchdog/i6300esb",
    "drivers/watchdog/softdog",
];
/// The machine is reset so long after the watchdog was armed: 6 s are 10 ticks of 0.6 s, and this
/// generation of the chipset counts down twice.
const TIMEOUT: Duration = Duration::from_secs(12);
/// `TCO1_CNT` of QEMU's q35, whose firmware puts the power management block at 0x600; bit 11 halts.
const CONTROL: &str = "i /xh 0x668";

/// Arms both as a program does that is never heard of again. Linux would stop it at an orderly end, as
/// it does for any but systemd; `stop_on_reboot=0` keeps it from that.
const ARM: &str = "insmod /wdt/watchdog.ko stop_on_reboot=0; for m in iTCO_vendor_support intel_pmc_bxt lpc_ich; \
    do insmod /wdt/$m.ko; done; insmod /wdt/iTCO_wdt.ko heartbeat=6; \
    insmod /wdt/i6300esb.ko heartbeat=12; exec 3>/dev/watchdog0 4>/dev/watchdog1; cat /sys/class/watchdog/*/state";

/// What is said of an end, and what brings it about.
type End = (&'static str, fn(&mut Running));

const ENDS: [End; 6] = [
    ("killed", |m| {
        m.expect("kill owner", &[]);
    }),
    ("failed", |m| m.com(2).send("echo c >/proc/sysrq-trigger\r")),
    ("powered-off", |m| m.com(2).send("poweroff -f\r")),
    ("rebooted", |m| m.com(2).send("reboot -f\r")),
    // By Linux's own, which concerns its partition only.
    ("rebooted", |m| {
        m.com(2)
            .send("insmod /wdt/softdog.ko soft_margin=2; exec 5>/dev/watchdog2\r");
    }),
    // The last one hangs with interrupts off until the operator takes its core.
    ("killed", |m| {
        m.com(2).send("insmod /lib/faulty/$(uname -r)-hang1.ko\r");
        std::thread::sleep(Duration::from_secs(5));
        m.expect("restart owner", &[]);
    }),
];

fn every_end() {
    let kernel = Kernel::Debian612;
    let mut files = faulty::files(NAME, &[kernel]);
    files.extend(MODULES.map(|path| {
        let file = path.rsplit('/').next().expect("a name");
        (format!("/wdt/{file}.ko"), kernel.unpacked(path, NAME))
    }));
    let iso = Iso::new(NAME)
        .image("linux", kernel.image())
        .image("demo", initrd_with("watchdog/watchdog.img", &files))
        .script(
            "define owner cores=1 memory=384M kernel=linux initrd=demo console=com2 devices=bus0 restart=never cmdline=\"bulkhead.name=owner quiet\"\n\
             define witness cores=2 memory=384M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=witness quiet\"\n\
             start owner witness\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .arguments(&[
            "-global",
            "ICH9-LPC.noreboot=false",
            "-watchdog-action",
            "reset",
            "-device",
            "i6300esb,addr=2",
        ])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let mut last = Instant::now();
    for (kind, end) in ENDS {
        machine.wait_for_demo(2);
        machine.linux_expect(2, ARM, "active\nactive");
        is_halted(&mut machine, false);
        end(&mut machine);
        last = Instant::now();
        for function in ["02.0", "1f.0"] {
            let wanted = format!("* owner: its watchdog 0000:00:{function} ran, and is stopped");
            machine.wait_for(1, &wanted);
        }
        machine.wait_for(1, &format!("* owner: {kind}"));
        is_halted(&mut machine, true);
        machine.linux_expect(3, "echo $((4*4))", "16");
        if kind != "killed" || machine.listed("owner").state != "running" {
            machine.expect("start owner", &[]);
        }
    }
    // The last run goes on: it does not know of the watchdog, which is long over by then.
    machine.wait_for_demo(2);
    std::thread::sleep((TIMEOUT + Duration::from_secs(3)).saturating_sub(last.elapsed()));
    is_halted(&mut machine, true);
    machine.linux_expect(2, "echo $((5*5))", "25");
    machine.linux_expect(3, "echo $((4*4))", "16");
    machine.expect_states(&[("owner", "running"), ("witness", "running")]);
}

/// Two of a card run when Bulkhead is booted, of which one is locked, as firmware may leave them: the
/// other is stopped, and both are told of.
fn left_running() {
    let iso = Iso::new("watchdogs_left_running")
        .setting("TIMEOUT", "3")
        .make();
    let mut machine = Machine::new(&iso, "run")
        .arguments(&["-device", "i6300esb,addr=2", "-device", "i6300esb,addr=3"])
        .start();
    machine.wait_for(1, "GNU GRUB");
    // Their lock registers (0x68), by the ports of configuration space, before anything is booted.
    let mut monitor = machine.monitor();
    let lock = |device: u32| format!("o /w 0xcf8 {:#x}", 0x8000_0068 | device << 11);
    for (device, value) in [(2, 0x02), (3, 0x03)] {
        monitor.command(&lock(device));
        monitor.command(&format!("o /b 0xcfc {value}"));
    }
    drop(monitor);
    let greeting = machine.wait_for_prompt();
    for wanted in [
        "firmware left the watchdog at 0000:00:02.0 running: it is stopped",
        "warning: the watchdog at 0000:00:03.0, which firmware left running, can't be stopped: it may reset",
    ] {
        if !greeting.contains(wanted) {
            machine.fail(&format!("not said: {wanted}"));
        }
    }
    assert!(!greeting.contains("00:1f.0"), "the chipset's never ran");
    let mut monitor = machine.monitor();
    for (device, wanted) in [(2, "0x00"), (3, "0x03")] {
        monitor.command(&lock(device));
        let value = monitor.command("i /xb 0xcfc");
        assert!(value.contains(wanted), "device {device}: {value}");
    }
}

/// Whether the watchdog is halted.
fn is_halted(machine: &mut Running, wanted: bool) {
    let text = machine.monitor().command(CONTROL);
    let value = text.trim().rsplit("0x").next().unwrap_or_default();
    let value = value.trim_matches(|c: char| !c.is_ascii_hexdigit());
    let control = u16::from_str_radix(value, 16).unwrap_or_else(|_| panic!("{text}"));
    if (control & 1 << 11 != 0) != wanted {
        machine.fail(&format!(
            "the watchdog's control register: {control:#x}, halted={wanted} expected"
        ));
    }
}
