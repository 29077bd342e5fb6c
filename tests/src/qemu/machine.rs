//! What a machine has.

use std::path::{Path, PathBuf};

use crate::devices::Board;

/// Which firmware the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS, QEMU's own.
    Bios,
    /// OVMF.
    Uefi,
}

impl Firmware {
    /// The one of that name, as `$FIRMWARE` has it; the BIOS if it is empty.
    ///
    /// # Errors
    /// What is accepted.
    pub fn by_name(name: &str) -> Result<Self, String> {
        match name {
            "" | "bios" => Ok(Self::Bios),
            "uefi" => Ok(Self::Uefi),
            other => Err(format!("FIRMWARE \"{other}\": bios or uefi is accepted")),
        }
    }
}

/// Who listens at the sockets of the serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// This program; QEMU connects.
    Us,
    /// QEMU, which goes on only when somebody has come to each port.
    Qemu,
}

/// A machine to be started.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Of its sockets and logs.
    pub(super) folder: PathBuf,
    pub(super) boot: Vec<String>,
    pub(super) has_debug_port: bool,
    pub(super) firmware: Firmware,
    pub(super) keeps_variables: bool,
    pub(super) cores: String,
    pub(super) memory: String,
    pub(super) ports: usize,
    pub(super) listener: Listener,
    pub(super) resets: bool,
    pub(super) virtual_time: Option<bool>,
    pub(super) kind: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) extra: Vec<String>,
}

impl Machine {
    /// A q35 with 4 cores, 2 GiB, four serial ports and the BIOS, which boots as those arguments say.
    pub(super) fn booted_by(folder: PathBuf, boot: Vec<String>) -> Self {
        Self {
            folder,
            boot,
            has_debug_port: false,
            firmware: Firmware::Bios,
            keeps_variables: false,
            cores: "4".to_string(),
            memory: "2G".to_string(),
            ports: 4,
            listener: Listener::Us,
            resets: false,
            virtual_time: None,
            kind: "q35",
            namespace: None,
            extra: Vec::new(),
        }
    }

    /// Its sockets and logs lie in that folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = folder.to_path_buf();
        self
    }

    /// QEMU listens at the sockets of the serial ports, and starts the machine when somebody has
    /// come to each: so the first words are seen too.
    #[must_use]
    pub fn listens(mut self) -> Self {
        self.listener = Listener::Qemu;
        self
    }

    /// With that firmware.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Self {
        self.firmware = firmware;
        self
    }

    /// UEFI keeps its variables in the machine's folder, so that a reset does not lose them.
    #[must_use]
    pub fn keeps_variables(mut self) -> Self {
        self.keeps_variables = true;
        self
    }

    /// With that `-smp`.
    #[must_use]
    pub fn cores(mut self, cores: &str) -> Self {
        self.cores = cores.to_string();
        self
    }

    /// With that `-m`.
    #[must_use]
    pub fn memory(mut self, memory: &str) -> Self {
        self.memory = memory.to_string();
        self
    }

    /// Under emulation, time is what the cores have executed, two nanoseconds an instruction, and
    /// jumps to the next timer when all are idle: the host's load and the order of its threads are
    /// not to be seen any more. The cores take turns then, so one is the slower the more others are
    /// busy. With KVM nothing changes.
    #[must_use]
    pub fn virtual_time(mut self) -> Self {
        self.virtual_time = Some(false);
        self
    }

    /// The same, but while all cores are idle time goes on with the host's clock: what they wait
    /// for, as a disk, takes of that. So much as they work is exact.
    #[must_use]
    pub fn counted_time(mut self) -> Self {
        self.virtual_time = Some(true);
        self
    }

    /// With that many serial ports.
    #[must_use]
    pub fn serial_ports(mut self, count: usize) -> Self {
        self.ports = count;
        self
    }

    /// A reset starts it anew. Without this it ends QEMU.
    #[must_use]
    pub fn resets(mut self) -> Self {
        self.resets = true;
        self
    }

    /// With those devices behind root ports.
    #[must_use]
    pub fn board(mut self, board: &Board) -> Self {
        self.extra.extend(board.arguments());
        self
    }

    /// The older `pc` in place of the q35: no PCI Express, hence no ECAM.
    #[must_use]
    pub fn without_ecam(mut self) -> Self {
        self.kind = "pc";
        self
    }

    /// In that network namespace, which needs root.
    #[must_use]
    pub fn in_namespace(mut self, name: &str) -> Self {
        self.namespace = Some(name.to_string());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments(mut self, extra: &[&str]) -> Self {
        self.extra.extend(extra.iter().map(ToString::to_string));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_has_two_names() {
        assert_eq!(Firmware::by_name(""), Ok(Firmware::Bios));
        assert_eq!(Firmware::by_name("uefi"), Ok(Firmware::Uefi));
        let refused = Firmware::by_name("efi").expect_err("no such firmware");
        assert!(refused.contains("bios or uefi"), "{refused}");
    }
}
