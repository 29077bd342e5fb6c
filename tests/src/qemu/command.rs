//! The command that makes a machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::host::{accelerator, program, virtual_time};
use super::machine::Listener;
use super::{Firmware, Machine};

impl Machine {
    /// The names of its ports: each is that of a socket in its folder.
    pub(super) fn port_names(&self) -> Vec<String> {
        let debug = self.has_debug_port.then(|| "debug".to_string());
        let ports = (1..=self.ports).map(|number| format!("com{number}"));
        ports.chain(debug).collect()
    }

    /// The number of its cores.
    pub(super) fn core_count(&self) -> u32 {
        let count = self.cores.split(',').next();
        count.and_then(|count| count.parse().ok()).unwrap_or(4)
    }

    /// Where a port's socket is.
    pub(super) fn socket(&self, port: &str) -> PathBuf {
        self.folder.join(format!("{port}.sock"))
    }

    /// The program to be run and its arguments: QEMU, or what brings it into a network namespace.
    ///
    /// # Panics
    /// If there is no UEFI firmware and the machine wants one.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let mut command = Vec::new();
        if let Some(name) = &self.namespace {
            command.extend(["ip", "netns", "exec", name].map(String::from));
        }
        command.push(program().display().to_string());
        command.extend(self.board_arguments());
        command.extend(self.boot.iter().cloned());
        command.extend(self.firmware_arguments());
        command.extend(self.port_arguments());
        command.extend(self.extra.iter().cloned());
        command
    }

    fn board_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-machine", self.kind, "-smp", &self.cores];
        arguments.extend(["-m", &self.memory]);
        arguments.extend(match self.virtual_time {
            Some(sleeps) => virtual_time(sleeps),
            None => accelerator().to_vec(),
        });
        arguments.extend(["-nodefaults", "-display", "none"]);
        if !self.resets {
            // A reset would hide a triple fault: QEMU ends instead, and the test sees it.
            arguments.push("-no-reboot");
        }
        arguments.into_iter().map(String::from).collect()
    }

    fn firmware_arguments(&self) -> Vec<String> {
        if self.firmware == Firmware::Bios {
            return Vec::new();
        }
        let code = ovmf();
        let mut drives = vec![format!("readonly=on,file={code}")];
        if self.keeps_variables {
            drives.push(format!("file={}", self.variables().display()));
        }
        let drives = drives.into_iter();
        drives
            .flat_map(|drive| {
                [
                    "-drive".to_string(),
                    format!("if=pflash,format=raw,{drive}"),
                ]
            })
            .collect()
    }

    fn variables(&self) -> PathBuf {
        self.folder.join("vars.fd")
    }

    /// Makes the folder, and in it the files that the command names.
    ///
    /// # Panics
    /// If they can't be made.
    pub fn prepare(&self) {
        std::fs::create_dir_all(&self.folder).expect("the folder can be made");
        if self.firmware == Firmware::Uefi && self.keeps_variables {
            let empty = ovmf().replace("OVMF_CODE", "OVMF_VARS");
            std::fs::copy(empty, self.variables()).expect("UEFI's variables can be copied");
        }
    }

    fn port_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let side = match self.listener {
            Listener::Us => "",
            Listener::Qemu => ",server=on,wait=on",
        };
        for (number, name) in self.port_names().iter().enumerate() {
            let path = self.socket(name);
            let socket = format!("socket,id=c{number},path={}{side}", path.display());
            arguments.extend(["-chardev".to_string(), socket]);
            arguments.extend(if number < self.ports {
                ["-serial".to_string(), format!("chardev:c{number}")]
            } else {
                let device = format!("isa-debugcon,iobase=0x402,chardev=c{number}");
                ["-device".to_string(), device]
            });
        }
        let monitor = self.folder.join("qmp.sock");
        let monitor = format!("unix:{},server=on,wait=off", monitor.display());
        arguments.extend(["-qmp".to_string(), monitor]);
        arguments
    }

    /// The same, to be run.
    pub(super) fn process(&self) -> Command {
        let command = self.command();
        let (program, arguments) = command.split_first().expect("a program comes first");
        let mut process = Command::new(program);
        process.args(arguments);
        process
    }
}

/// Where OVMF is, by the names of Debian's versions of it.
fn ovmf() -> String {
    let candidates = [
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_CODE.fd",
    ];
    let found = candidates.into_iter().find(|path| Path::new(path).exists());
    found.expect("OVMF is installed (package ovmf)").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::host::has_kvm;
    use super::*;

    fn command(machine: &Machine) -> String {
        machine.command()[1..].join(" ")
    }

    #[test]
    fn a_storys_machine_connects_and_ends_with_a_reset() {
        let machine = Machine::new(Path::new("/i/boot.iso"), "run").serial_ports(2);
        let accelerator = accelerator().join(" ");
        let wanted = format!(
            "-machine q35 -smp 4 -m 2G {accelerator} -nodefaults -display none -no-reboot \
             -cdrom /i/boot.iso \
             -chardev socket,id=c0,path=/i/run/com1.sock -serial chardev:c0 \
             -chardev socket,id=c1,path=/i/run/com2.sock -serial chardev:c1 \
             -qmp unix:/i/run/qmp.sock,server=on,wait=off"
        );
        assert_eq!(command(&machine), wanted);
    }

    #[test]
    fn a_live_machine_waits_for_who_looks() {
        let machine = Machine::new(Path::new("/i/boot.iso"), "run")
            .folder(Path::new("/w"))
            .serial_ports(1)
            .listens()
            .resets()
            .arguments(&["-vga", "std"]);
        let text = command(&machine);
        let port = "-chardev socket,id=c0,path=/w/com1.sock,server=on,wait=on -serial chardev:c0";
        assert!(text.contains(port), "{text}");
        assert!(!text.contains("-no-reboot"), "{text}");
        assert!(text.ends_with(" -vga std"), "{text}");
    }

    fn boot() -> Machine {
        Machine::new(Path::new("/i/boot.iso"), "run")
    }

    #[test]
    fn virtual_time_is_one_threads() {
        for (machine, sleeps) in [
            (boot().virtual_time(), "sleep=off"),
            (boot().counted_time(), "sleep=on"),
        ] {
            let words = command(&machine);
            for word in ["thread=single", sleeps] {
                assert_eq!(words.contains(word), !has_kvm(), "{words}");
            }
        }
    }
}
