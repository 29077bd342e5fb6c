//! `bulkheadctl survey` in a stock Linux, and Bulkhead itself, on the same machine: they say the same.

use bulkhead_tests::devices::{Board, Card, Device, empty_disk};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine};
use bulkhead_tests::{Kernel, build_folder, initrd_with, root};
use libtest_mimic::Trial;

use crate::large_ids::with_large_ids;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("survey::plain", || {
            compare("survey_plain", |machine| machine.memory("2G"));
        }),
        story("survey::devices", || {
            compare("survey_devices", |machine| {
                let disk = empty_disk(&build_folder().join("tests"), "survey", 16);
                let board = Board::new()
                    .device(Device::nvme(&disk))
                    .device(Device::card(Card::E1000e, 0))
                    .device(Device::xhci());
                machine
                    .memory("6G")
                    .cores("4,sockets=2,cores=1,threads=2")
                    .board(&board)
            });
        }),
        story("survey::uefi", || {
            compare("survey_uefi", |machine| {
                machine.memory("2G").firmware(Firmware::Uefi)
            });
        }),
        // x2APIC on, two packages, and cores above 255, for which devices are refused.
        story("survey::large_ids", || {
            compare("survey_large_ids", |machine| {
                with_large_ids(machine.memory("2G"))
            });
        }),
    ]
}

/// What the shell says of a machine.
const COMMANDS: [&str; 3] = ["cores", "memory", "devices"];
/// A boot script of which the shell accepts some lines and refuses others, each for another reason; what is
/// defined is undone. It lies at addresses of its own: where free RAM begins is the loader's to say.
const SCRIPT: &str = "\
on-error continue
define a cores=1 memory=256M@0x20000000 kernel=linux console=com2
define b cores=1 memory=256M kernel=linux
define c cores=77 memory=256M kernel=linux
define d cores=0 memory=256M@0x40000000 kernel=linux
undefine d
define e cores=2 memory=900G kernel=linux
define f cores=2 memory=256M@0xf0000000 kernel=linux
define g cores=2 memory=256M kernel=nothing
define h cores=2 memory=256M kernel=linux console=com1
define i cores=2 memory=256M kernel=linux devices=00:1f.2
define j cores=256 memory=256M kernel=linux devices=rtc
define k cores=2 memory=256M kernel=linux devices=09:00.0,com7
set a cmdline=acpi=off
check a
show a
frobnicate
undefine j
undefine a
undefine a
list
";

fn compare(name: &str, machine: impl Fn(Machine) -> Machine) {
    let kernel = Kernel::Debian61;
    let program = root().join("build/bulkheadctl");
    let script = build_folder().join("tests").join("survey.conf");
    std::fs::write(&script, SCRIPT).expect("the script can be written");
    let files = [
        ("/bin/bulkheadctl", program),
        ("/boot/linux", kernel.image()),
        ("/boot/bulkhead.conf", script),
    ];
    let initrd = initrd_with(&format!("{name}.img"), &files);
    let folder = build_folder().join("tests").join(name).join("linux");
    let cmdline = "console=ttyS1,115200 panic=1 quiet bulkhead.name=linux";
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .script(SCRIPT)
        .make();
    // The same machine: a BIOS keeps a page of RAM for a drive that is there.
    let drive = iso.display().to_string();
    let linux = Machine::without_bulkhead(&folder, &kernel.image(), &initrd, cmdline);
    let mut linux = machine(linux).arguments(&["-cdrom", &drive]).start();
    linux.wait_for_demo(2);
    linux.linux_expect(
        2,
        "bulkheadctl survey --save /tmp/board >/tmp/first; bulkheadctl survey --from /tmp/board >/tmp/again; \
         cmp /tmp/first /tmp/again && echo same",
        "same",
    );
    let time = linux.linux(2, "time bulkheadctl survey >/dev/null");
    let real = time
        .lines()
        .find_map(|line| line.trim().strip_prefix("real"));
    let real = real
        .unwrap_or_else(|| linux.fail(&format!("no time: {time}")))
        .trim();
    if !real.starts_with("0m 0.") {
        linux.fail(&format!("a survey took {real}"));
    }
    let survey = linux.linux(2, "cat /tmp/first");
    let checked = linux.linux(
        2,
        "bulkheadctl check /boot/bulkhead.conf --image bulkhead.conf=/boot/bulkhead.conf --image linux=/boot/linux; \
         echo code $?",
    );
    drop(linux);

    let mut bulkhead = machine(Machine::new(&iso, "bulkhead").serial_ports(2)).start();
    let booted = bulkhead.wait_for_prompt();
    let (ours, theirs) = (of_script(&booted), of_script(&checked));
    if ours.len() < 60 || ours != theirs || !checked.contains("code 1") {
        bulkhead.fail(&format!(
            "the boot script: Bulkhead says\n{booted}\nand bulkheadctl\n{checked}"
        ));
    }
    for command in COMMANDS {
        let said = bulkhead.command(command);
        let foretold = section(&survey, command);
        if said.trim().is_empty() || words(command, &said) != words(command, &foretold) {
            bulkhead.fail(&format!(
                "{command}: Bulkhead says\n{said}\nand bulkheadctl\n{foretold}"
            ));
        }
    }
}

/// From the first line of the script that is refused to the last, without what differs from boot to boot, or
/// follows from where a loader put images: the TSC's rate, and the largest free piece.
fn of_script(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let first = lines.iter().position(|line| line.starts_with("a: cores"));
    let last = lines
        .iter()
        .position(|line| line.contains(": went on after "));
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let lines = lines.get(first..=last).unwrap_or_default().iter();
    let without = lines.map(|line| {
        let (line, _) = line.split_once(" (largest free").unwrap_or((line, ""));
        let words = line.split(' ');
        let words = words.filter(|word| !word.starts_with("tsc_early_khz="));
        words.collect::<Vec<_>>().join(" ")
    });
    without.collect()
}

/// What the survey says under that heading.
fn section(survey: &str, command: &str) -> String {
    let heading = format!("--- {command}");
    let after = survey.lines().skip_while(|line| *line != heading).skip(1);
    let lines = after.take_while(|line| !line.starts_with("--- "));
    lines.collect::<Vec<_>>().join("\n")
}

/// What is compared: all of it, word for word, but for what Bulkhead itself has and its loader did.
/// Of `memory`: RAM of Bulkhead's counts as free, and free pieces that touch are one; sizes and sums
/// follow from that. Of `devices`: the frame buffer, which the loader sets up.
fn words(command: &str, text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    if command != "memory" {
        let lines = lines.filter(|line| !line.trim().starts_with("framebuffer"));
        return lines.map(spaced).collect();
    }
    let mut ranges: Vec<(u64, u64, String)> = Vec::new();
    for line in lines {
        let Some((range, rest)) = line.strip_prefix("0x").and_then(|l| l.split_once(' ')) else {
            continue;
        };
        let (start, end) = range.split_once("-0x").expect("a range has two ends");
        let number = |text| u64::from_str_radix(text, 16).expect("it is in hex");
        let owner = spaced(rest)
            .split_once(' ')
            .expect("size, kind, owner")
            .1
            .to_string();
        let is_own = owner.contains("bulkhead (") && !owner.contains("part of a page");
        let owner = if is_own {
            "RAM free".to_string()
        } else {
            owner
        };
        match ranges.last_mut() {
            Some((_, last, before)) if *before == owner && *last + 1 == number(start) => {
                *last = number(end);
            }
            _ => ranges.push((number(start), number(end), owner)),
        }
    }
    let line = |(start, end, owner)| format!("{start:#x}-{end:#x} {owner}");
    ranges.into_iter().map(line).collect()
}

/// With one space where a table has several.
fn spaced(line: &str) -> String {
    line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
