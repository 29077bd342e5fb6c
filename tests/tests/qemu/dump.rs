//! `bulkheadctl dump`: the memory of a dead Linux as a core that others' tools read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bulkhead_tests::core_file::Core;
use bulkhead_tests::devices::{Board, Device, ext4_disk};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, cache, device_initrd, initrd_with, root};
use libtest_mimic::Trial;

use crate::story;

const BOSS: usize = 2;
const LIMIT: Duration = Duration::from_secs(120);
const PANIC: &str = "Kernel panic - not syncing: sysrq triggered crash";

pub(crate) fn stories() -> Vec<Trial> {
    vec![story(
        "dump::a_dead_one_and_a_live_one",
        a_dead_one_and_a_live_one,
    )]
}

/// A reader with a disk; two to be read, of two kernels, the second in two pieces and with its ring
/// outside of its image.
fn start(folder: &Path) -> Running {
    let ctl = ("/bin/bulkheadctl", root().join("build/bulkheadctl"));
    let disk = ext4_disk(folder, "disk.img", 700);
    let iso = Iso::new("dump")
        .image("linux612", Kernel::Debian612.image())
        .image("cloud61", Kernel::Debian61Cloud.image())
        .image("cloud612", Kernel::Debian612Cloud.image())
        .image("demo", initrd_with("dump.img", &[ctl]))
        .image("drivers", device_initrd(Kernel::Debian612))
        .script(
            "define boss cores=1 memory=512M kernel=linux612 initrd=drivers,demo console=com2 devices=0000:01:00.0 \
             control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define one cores=2 memory=256M kernel=cloud61 initrd=demo console=com3 restart=on-failure dump=yes \
             cmdline=\"bulkhead.name=one panic=1\"\n\
             define two cores=3 memory=64M@0x60000000,128M@0x68000000 kernel=cloud612 initrd=demo console=com4 \
             restart=never cmdline=\"bulkhead.name=two log_buf_len=1M\"\n\
             start boss one two\n",
        )
        .make();
    let board = Board::new().device(Device::nvme(&disk));
    let mut machine = Machine::new(&iso, "run").memory("3G").board(&board).start();
    machine.wait_for_prompt();
    for com in [BOSS, 3, 4] {
        machine.wait_for_demo(com);
    }
    machine.linux(BOSS, "modprobe nvme; modprobe ext4; modprobe efivarfs; mount -t efivarfs e /sys/firmware/efi/efivars; sleep 1");
    machine.linux_expect(
        BOSS,
        "mkdir -p /m /s; mount -t ext4 /dev/nvme0n1 /m && mount -t tmpfs -o size=4m s /s && echo MOUNT''ED",
        "MOUNTED",
    );
    machine
}

/// It ends so, and says that.
fn expect(machine: &mut Running, command: &str, code: i32, wanted: &[&str]) -> String {
    let line = format!("bulkheadctl {command} 2>&1; echo code $?");
    let said = machine.linux_within(BOSS, &line, LIMIT);
    println!("{command}:\n{said}");
    let ended = said.trim_end().ends_with(&format!("code {code}"));
    if !ended || wanted.iter().any(|text| !said.contains(text)) {
        machine.fail(&format!(
            "{command}: {code}, {wanted:?} were expected:\n{said}"
        ));
    }
    said
}

fn a_dead_one_and_a_live_one() {
    let folder = build_folder().join("tests/dump");
    let machine = &mut start(&folder);
    // One that runs is left alone, and what there is none of is said.
    let live = "accepted: dump one --stop, which kills it before";
    expect(
        machine,
        "dump one /m/one.core",
        1,
        &["\"one\" is running", live],
    );
    expect(
        machine,
        "dump nobody",
        1,
        &["there is no partition \"nobody\""],
    );

    // Its restart waits until its memory was read.
    machine.com(3).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(
        1,
        "* one: launches again when its memory was dumped, or in 600 s",
    );
    expect(
        machine,
        "show one",
        0,
        &["state    waiting", "dump     awaited"],
    );
    machine.expect(
        "show one",
        &["launches again when its memory was dumped", "dump=yes"],
    );
    full(machine);
    expect(machine, "show one", 0, &["state    waiting"]);
    mapped_as_ram(machine, "dump one /m/one.core --json");
    machine.wait_for(1, "* one: dumped by boss");
    machine.wait_for(1, "* one: launched run=2");
    machine.wait_for_demo(3);

    // A live one is killed for it. While it is held nobody launches it, or changes it.
    expect(
        machine,
        "dump two /m/two.core --stop",
        0,
        &["/m/two.core: run 1 of two, 196672K ("],
    );
    held(machine);
    machine.expect("start two", &[]);
    machine.wait_for_demo(4);

    machine.linux(BOSS, "umount /m");
    for (name, kernel, wanted) in [
        ("one", Kernel::Debian61Cloud, PANIC),
        ("two", Kernel::Debian612Cloud, "bulkhead.name=two"),
    ] {
        let file = taken(&folder, name);
        read(&file, name, wanted);
        crash(&file, name, kernel, wanted);
    }
}

/// No room: an error, no file, and the partition waits on.
fn full(machine: &mut Running) {
    let wanted = ["/s/one.core.part: No space left on device"];
    expect(machine, "dump one /s/one.core", 3, &wanted);
    assert_eq!(machine.linux(BOSS, "ls /s").trim(), "");
    machine.wait_for(1, "* one: no longer held by boss");
    expect(
        machine,
        "dump one /none/one.core",
        3,
        &["/none/one.core.part: No such file"],
    );
}

/// A dump, while it is looked how its Linux maps the other's memory: as RAM, and not uncached.
fn mapped_as_ram(machine: &mut Running, command: &str) {
    machine.linux(
        BOSS,
        "mount -t debugfs d /sys/kernel/debug; ( while [ ! -f /tmp/over ]; do cat /sys/kernel/debug/x86/pat_memtype_list; sleep 0.1; done >/tmp/pat & )",
    );
    let said = expect(
        machine,
        command,
        0,
        &["\"vmcoreinfo\":true", "\"memory_bytes\":2685"],
    );
    let speed = said
        .split_once("mb_per_second\":")
        .and_then(|(_, rest)| rest.split(',').next());
    println!("{} MB/s while the list is read", speed.unwrap_or("?"));
    machine.linux(BOSS, "touch /tmp/over");
    let held = machine.linux(BOSS, "grep -v System /proc/iomem | grep -c Reserved");
    let types = machine.linux(
        BOSS,
        "sort /tmp/pat | uniq -c | grep -v -E 'uncached-minus$|PAT memtype' | tail -5",
    );
    println!("{held}\n{types}");
    assert!(types.contains("write-back"), "{types}");
}

fn held(machine: &mut Running) {
    let request = |text: &str| bulkhead_tests::control::request(text);
    machine.linux(BOSS, &request("hold two"));
    machine.wait_for(1, "* two: held for a dump by boss");
    expect(machine, "start two", 1, &["its memory is held for a dump"]);
    expect(machine, "show two", 0, &["held by  boss"]);
    expect(
        machine,
        "dump two /m/three.core",
        1,
        &["its memory is held for a dump"],
    );
    let why = "\"two\" can't be launched: its memory is held for a dump (accepted: kill two, which takes it from its holder)";
    machine.expect("start two", &[why]);
    machine.expect(
        "set two memory=64M",
        &["can't be changed: its memory is held for a dump"],
    );
    machine.expect(
        "undefine two",
        &["can't be undefined: its memory is held for a dump"],
    );
    machine.expect("kill two", &[]);
    machine.wait_for(1, "* two: no longer held by boss");
}

/// A file of the reader's disk.
fn taken(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.core"));
    let _ = std::fs::remove_file(&file);
    let wish = format!("dump /{name}.core {}", file.display());
    let disk = folder.join("disk.img");
    let status = Command::new("/sbin/debugfs")
        .args(["-R", &wish])
        .arg(disk)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "debugfs failed"
    );
    file
}

/// What the kernel had printed is found by what the core says of itself; and by makedumpfile and crash where
/// `tools/crash` has brought them.
fn read(file: &Path, name: &str, wanted: &str) {
    let core = Core::open(file).expect("it is an ELF core");
    let ring = core.printed().expect("it leads to what was printed");
    assert!(ring.contains(wanted), "{name}: {ring}");
    let tool = cache().join("crash/makedumpfile");
    if !tool.exists() {
        println!("no makedumpfile: run tools/crash");
        return;
    }
    let out = file.with_extension("dmesg");
    let _ = std::fs::remove_file(&out);
    let status = Command::new(tool)
        .arg("--dump-dmesg")
        .args([file, &out])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "makedumpfile can't read {name}"
    );
    let text = std::fs::read_to_string(&out).expect("it has written it");
    assert!(text.contains(wanted), "{name}: {text}");
}

/// `crash` opens it, where `tools/crash` has brought that kernel's symbols: what the machine was, which tasks there were,
/// what was printed; and where one panicked, in which task.
fn crash(file: &Path, name: &str, kernel: Kernel, wanted: &str) {
    let tools = cache().join("crash");
    let symbols = tools.join(format!("vmlinux-{}", kernel.release()));
    if !symbols.exists() {
        println!("no symbols for crash: run tools/crash {}", kernel.name());
        return;
    }
    let commands = file.with_extension("crash");
    std::fs::write(&commands, "sys\nbt\nps\nlog\nquit\n").expect("it can be written");
    let output = Command::new("timeout")
        .arg("300")
        .arg(tools.join("crash"))
        .arg("-s")
        .args([&symbols, file])
        .stdin(std::fs::File::open(&commands).expect("it was written"))
        .output()
        .expect("timeout is there");
    let said = String::from_utf8_lossy(&output.stdout);
    let node = format!("NODENAME: {name}\n");
    let release = format!("RELEASE: {}\n", kernel.release());
    let mut all = vec![node.as_str(), &release, "[kthreadd]", wanted];
    if wanted == PANIC {
        all.extend(["sysrq_handle_crash at ", "COMMAND: \"sh\""]);
    }
    let shown: Vec<&str> = said.lines().take(30).collect();
    println!("{}", shown.join("\n"));
    let missing: Vec<&&str> = all.iter().filter(|text| !said.contains(**text)).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && missing.is_empty(),
        "crash says of {name} nothing of {missing:?}, {}:\n{said}\n{errors}",
        output.status
    );
}
