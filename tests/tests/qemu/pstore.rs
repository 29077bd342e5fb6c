//! A panic's last words in EFI variables (`efi_pstore`), found by the next run.

use std::path::PathBuf;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, initrd_with};
use libtest_mimic::Trial;

use crate::firmware::FILE;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("pstore::last_words_outlive_a_panic", last_words)]
}

/// Loads the module, mounts what it has, and lists that.
const LOAD: &str = "insmod /lib/modules/$(uname -r)/efi-pstore.ko; \
                    mount -t pstore pstore /sys/fs/pstore; ls /sys/fs/pstore | wc -l";

/// The demo's with the modules for EFI variables and for pstore of both kernels.
fn initrd() -> PathBuf {
    let [old, new] = [Kernel::Debian61Cloud, Kernel::Debian612Cloud];
    let pstore = "drivers/firmware/efi/efi-pstore";
    let modules = [
        (old, "efivarfs", old.module()),
        (new, "efivarfs", new.module()),
        (old, "efi-pstore", old.driver(&format!("{pstore}.ko"))),
        (new, "efi-pstore", new.unpacked(pstore, "pstore")),
    ];
    let files = modules
        .map(|(kernel, name, from)| (format!("/lib/modules/{}/{name}.ko", kernel.release()), from));
    initrd_with("pstore.img", &files)
}

/// How many records there are.
fn load(machine: &mut Running, com: usize) -> usize {
    let said = machine.linux(com, LOAD);
    let count = said
        .lines()
        .last()
        .and_then(|line| line.trim().parse().ok());
    count.unwrap_or_else(|| machine.fail(&said))
}

/// The records have these words. All of them would take the serial line long.
fn has(machine: &mut Running, com: usize, words: &str) {
    let line = format!("grep -h '{words}' /sys/fs/pstore/* | tail -1");
    machine.linux_expect(com, &line, &format!("] {words}"));
}

fn crash(machine: &mut Running, com: usize, words: &str) {
    machine.com(com).skip();
    let line = format!("echo {words} > /dev/kmsg; echo c > /proc/sysrq-trigger\r");
    machine.com(com).send(&line);
    machine.wait_for_demo(com);
}

fn last_words() {
    let iso = Iso::new("pstore")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux61 initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet\"\n\
             define two cores=2 memory=256M kernel=linux612 initrd=demo console=com3 cmdline=\"bulkhead.name=two quiet\"\n\
             start one two\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    for com in [2, 3] {
        machine.wait_for_demo(com);
        // All other room is in use.
        for (name, bytes) in [("Sample", 8000), ("Other", 4000)] {
            let file = FILE.replace("Sample", name);
            let value = format!("(printf '\\007\\000\\000\\000'; head -c {bytes} /dev/zero)");
            machine.linux_expect(
                com,
                &format!("{value} > /tmp/value; cat /tmp/value > {file}; wc -c < {file}"),
                &(bytes + 4).to_string(),
            );
        }
        assert_eq!(load(&mut machine, com), 0);
        crash(&mut machine, com, "words of the first");
        let first = load(&mut machine, com);
        has(
            &mut machine,
            com,
            "Kernel panic - not syncing: sysrq triggered crash",
        );
        has(&mut machine, com, "words of the first");
        // Those of an earlier panic, if nobody takes them away, give way.
        crash(&mut machine, com, "words of the second");
        let second = load(&mut machine, com);
        has(&mut machine, com, "words of the second");
        println!("com{com}: {first} records, then {second}");
        assert!(first >= 2 && second >= 2, "{first} {second}");
        let bytes = machine.linux(com, "cat /sys/firmware/efi/efivars/dump-* | wc -c");
        println!("com{com}: {bytes} bytes in variables");
        assert!(bytes.trim().parse::<usize>().expect("a number") <= 8 << 10);
        machine.linux(com, "rm /sys/fs/pstore/*");
        machine.linux_expect(com, "ls /sys/fs/pstore | wc -l", "0");
        machine.com(com).skip();
        machine.com(com).send("reboot -f\r");
        machine.wait_for_demo(com);
        assert_eq!(load(&mut machine, com), 0, "erased for good");
        // This list is what was there at the mount.
        let left = "ls /sys/firmware/efi/efivars | grep -c dump-";
        machine.linux_expect(com, left, "0");
    }
    machine.expect("show one", &["last end:\n  rebooted"]);
}
