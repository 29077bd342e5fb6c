//! Two virtual machines of the big Linux, by KVM and QEMU, each on a core of its own: what one would
//! have on one machine for two Linuxes without Bulkhead.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, cache, guest_tool, initrd_with, root, tool};

use super::machines::{COM, control_cores};

/// For all that a virtual machine is to do: emulated, its boot alone takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);
/// Of the big Linux: 384 MiB for each guest, and the rest for QEMU and itself.
const MEMORY: &str = "2G";
/// Names, and the cores that they are on as `taskset` takes them; `guests.sh` knows them too.
const NAMES: [(&str, u8); 2] = [("a", 1), ("b", 2)];
/// Of the firmware that QEMU brings, what a `microvm` and the loading of its kernel want.
const FIRMWARE: [&str; 3] = [
    "seabios/bios-microvm.bin",
    "qemu/linuxboot_dma.bin",
    "qemu/kvmvapic.bin",
];
const STORY: &str = "bench_guests";

/// Both run.
pub(super) struct Guests {
    /// The big Linux's.
    pub(super) machine: Running,
    /// What their kernels tell the time by.
    pub(super) clock: String,
}

impl Guests {
    /// With the kernel and the initial RAM disk of all others.
    pub(super) fn boot(kernel: Kernel, initrd: &Path) -> Self {
        let own = initrd_with(
            &format!("{STORY}/initrd.img"),
            &[virtual_machine(kernel, initrd), modules(kernel)].concat(),
        );
        let (smp, possible) = control_cores(NAMES.len(), false);
        let words = format!(
            "console=ttyS1,115200 tsc=reliable bulkhead.name=big quiet bulkhead.drivers=no {possible}"
        );
        let folder = build_folder().join("tests").join(STORY).join("big");
        let mut machine = Machine::without_bulkhead(&folder, &kernel.image(), &own, &words)
            .cores(&smp)
            .memory(MEMORY)
            // KVM looks for the maker first.
            .arguments(&["-cpu", "max,vendor=AuthenticAMD"])
            .counted_time()
            .start();
        tool::watch(&machine);
        machine.wait_for(COM, "BULKHEAD-DEMO end");
        machine.wait_for(COM, "# ");
        machine.linux_expect(COM, "guests modules", "1");
        for (name, mask) in NAMES {
            let words = format!(
                "console=ttyS0,115200 tsc=reliable bulkhead.name={name} quiet bulkhead.drivers=no"
            );
            let line = format!("guests start {name} {mask} '{words}'");
            machine.linux_within(COM, &line, PATIENCE);
        }
        let mut guests = Self {
            machine,
            clock: String::new(),
        };
        for (name, _) in NAMES {
            guests.tell(name, "ip link set lo up; echo LO $?", "LO 0");
        }
        let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let clock = guests.tell("a", &format!("echo CLOCK $(cat {source})"), "CLOCK");
        guests.clock = clock.replace("CLOCK ", "");
        guests
    }

    /// Types a line into one's shell; the line of what it says that begins so.
    fn tell(&mut self, name: &str, line: &str, wanted: &str) -> String {
        let line = format!("guests tell {name} '{line}'; guests said {name} '{wanted}'");
        self.machine.linux_within(COM, &line, PATIENCE)
    }

    /// What both say of that work, begun at once.
    pub(super) fn both(&mut self, words: &str) -> String {
        let line = format!("guests both {words}");
        self.machine.linux_within(COM, &line, PATIENCE)
    }
}

/// QEMU with all that it needs, what it boots, and the script for it.
fn virtual_machine(kernel: Kernel, initrd: &Path) -> Vec<(String, PathBuf)> {
    let qemu = cache().join("qemu/root/usr");
    let program = qemu.join("bin/qemu-system-x86_64");
    assert!(
        program.exists(),
        "KVM=1 wants the QEMU that tools/qemu unpacks: {} is missing",
        program.display()
    );
    let libraries = qemu.join("lib/x86_64-linux-gnu");
    let loader = libraries.join("ld-linux-x86-64.so.2");
    let script = root().join("tests/src/bin/bench/work/guests.sh");
    let mut files = vec![
        ("/bin/guests".to_string(), script),
        ("/bin/work".to_string(), guest_tool("work")),
        ("/qemu/linux".to_string(), kernel.image()),
        ("/qemu/initrd".to_string(), initrd.into()),
    ];
    for library in libraries_of(&loader, &libraries, &program) {
        let name = library.file_name().expect("a file").to_string_lossy();
        files.push((format!("/qemu/lib/{name}"), library.clone()));
    }
    for path in FIRMWARE {
        let name = path.rsplit('/').next().expect("a name");
        files.push((
            format!("/qemu/firmware/{name}"),
            qemu.join("share").join(path),
        ));
    }
    files.push(("/qemu/loader".to_string(), loader));
    files.push(("/qemu/qemu".to_string(), program));
    files
}

/// Those that the dynamic loader would load.
fn libraries_of(loader: &Path, folder: &Path, program: &Path) -> Vec<PathBuf> {
    let output = Command::new(loader)
        .arg("--library-path")
        .arg(folder)
        .arg("--list")
        .arg(program)
        .output()
        .expect("QEMU's own loader can be run");
    libraries_in(&String::from_utf8_lossy(&output.stdout))
}

/// From what `--list` prints.
fn libraries_in(text: &str) -> Vec<PathBuf> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim().split_once(" => "));
    lines
        // The loader itself is named by what the program asks for.
        .filter(|(name, _)| !name.contains('/'))
        .filter_map(|(_, place)| Some(place.split_once(" (")?.0.into()))
        .collect()
}

/// KVM's modules, named so that each comes after those that it needs.
fn modules(kernel: Kernel) -> Vec<(String, PathBuf)> {
    let index = kernel.driver("../modules.dep");
    let text = std::fs::read_to_string(&index).expect("the modules' index can be read");
    let modules = needed(&text, "kvm-amd").into_iter().enumerate();
    modules
        .map(|(number, path)| {
            let file = match path.strip_suffix(".ko.xz") {
                Some(path) => kernel.unpacked(path, STORY),
                None => kernel.driver(&path),
            };
            (format!("/kvm/{number}.ko"), file)
        })
        .collect()
}

/// A module and what it needs, by depmod's index: first what is needed first.
fn needed(index: &str, module: &str) -> Vec<String> {
    let found = index.lines().find_map(|line| {
        let (path, needs) = line.split_once(':')?;
        let name = path.rsplit('/').next()?;
        let is_it = name.split('.').next() == Some(module);
        is_it.then(|| [vec![path], needs.split_whitespace().collect()].concat())
    });
    let paths = found.unwrap_or_else(|| panic!("the kernel has no module {module}"));
    let below = |path: &str| path.trim_start_matches("kernel/").to_string();
    paths.into_iter().rev().map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_what_it_needs() {
        let index = "kernel/fs/a.ko: kernel/fs/b.ko\n\
                     kernel/arch/x86/kvm/kvm-amd.ko.xz: kernel/drivers/ccp.ko.xz kernel/arch/x86/kvm/kvm.ko.xz\n";
        let wanted = [
            "arch/x86/kvm/kvm.ko.xz",
            "drivers/ccp.ko.xz",
            "arch/x86/kvm/kvm-amd.ko.xz",
        ];
        assert_eq!(needed(index, "kvm-amd"), wanted);
    }

    #[test]
    fn a_loaders_list_is_libraries() {
        let text = "\tlinux-vdso.so.1 (0x00007f36)\n\
                    \tlibz.so.1 => /q/libz.so.1 (0x00007f35)\n\
                    \t/lib64/ld-linux-x86-64.so.2 => /q/ld-linux-x86-64.so.2 (0x00007f36)\n";
        assert_eq!(libraries_in(text), [PathBuf::from("/q/libz.so.1")]);
    }
}
