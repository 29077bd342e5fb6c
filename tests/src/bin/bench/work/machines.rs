//! The machines: partitions, and the same stock Linux by itself on the same devices.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Machine, Running, has_kvm, version};
use bulkhead_tests::replay;
use bulkhead_tests::report::Report;
use bulkhead_tests::{Kernel, build_folder, device_initrd, guest_tool, initrd_with, tool};

use super::tasks::Clock;

const DISK_BYTES: usize = 64 << 20;
/// RAM of each partition; a Linux alone has that of all.
const MEMORY_MIB: usize = 512;

/// For a boot, drivers and all, which is not measured here: under emulation on a loaded host.
const PATIENCE: Duration = Duration::from_secs(900);
/// Before the first work: since 6.12 a kernel tests its cryptography after its boot, half a second of a core.
const SETTLE: &str = "sleep 5";
/// How often a machine is booted at most, if QEMU itself fails.
const ATTEMPTS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Partition,
    Alone,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Partition, Self::Alone];
}

/// A partition: its name, port, number of cores, devices if it has any.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) com: usize,
    pub(crate) cores: usize,
    pub(crate) devices: &'static str,
}

/// The port of the Linux that is alone, and of the first partition.
pub(crate) const COM: usize = 2;

/// A kernel, its devices and how they are divided.
pub(crate) struct Bench {
    kernel: Kernel,
    parts: Vec<Part>,
    board: Board,
    iso: PathBuf,
    pub(super) initrd: PathBuf,
    /// More words of every Linux's command line.
    words: &'static str,
    clock: Clock,
    /// In virtual time, whether idle cores wait for the host's clock.
    waits: bool,
    is_halted: bool,
}

impl Bench {
    /// Without cards there are no disks either, and no drivers are loaded.
    pub(crate) fn new(
        name: &str,
        kernel: Kernel,
        parts: Vec<Part>,
        cards: Option<[Device; 2]>,
        clock: Clock,
    ) -> Self {
        let folder = build_folder().join("tests").join(name);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        // A copy, so that both sides have the same even if it is built anew meanwhile.
        let initrd = match cards {
            Some(_) => {
                let initrd = folder.join("initrd.img");
                std::fs::copy(device_initrd(kernel), &initrd)
                    .expect("the initial RAM disk can be copied");
                initrd
            }
            None => {
                let work = ("/bin/work".to_string(), guest_tool("work"));
                initrd_with(&format!("{name}/initrd.img"), &[work])
            }
        };
        let words = match cards {
            Some(_) => "quiet",
            None => "quiet bulkhead.drivers=no",
        };
        let iso = Iso::new(name)
            .loader(Loader::Limine) // where there is none, it is GRUB
            .image("linux", kernel.image())
            .image("initrd", &initrd)
            .script(&script(&parts, words))
            .make();
        let mut board = Board::new();
        if let Some([first, second]) = cards {
            // A hole in a file would be read at once: these are full.
            board = board
                .device(Device::nvme(&full_disk(&folder, "nvme.img")))
                .device(Device::virtio_blk(&full_disk(&folder, "virtio.img")))
                .device(first)
                .device(second);
        }
        Self {
            kernel,
            parts,
            board,
            iso,
            initrd,
            words,
            clock,
            waits: true,
            is_halted: false,
        }
    }

    /// Whether Bulkhead's own core is parked once all Linuxes are up: then nothing of it runs.
    pub(crate) fn halted(self, is_halted: bool) -> Self {
        Self { is_halted, ..self }
    }

    /// The same, but while all cores are idle virtual time goes on to the next timer at once: nobody is late by the
    /// host. A disk or a card takes much of that time.
    pub(crate) fn without_waiting(self) -> Self {
        Self {
            waits: false,
            ..self
        }
    }

    /// Boots one side up to its shells.
    ///
    /// Under emulation a QEMU before 11.1 can end by a failed assertion while one core maps devices
    /// and another works (seen with 10.0: `iotlb_to_section`). It is told of, and the boot tried
    /// again, since it is no part of what is measured. Whatever else goes wrong fails the bench.
    pub(crate) fn boot(&self, side: Side) -> Running {
        let attempts = match replay::loses_writes(&version(), has_kvm()) {
            true => ATTEMPTS,
            false => 1,
        };
        for _ in 1..attempts {
            match self.try_boot(side) {
                Ok(machine) => return machine,
                Err(assertion) => println!("QEMU failed while it booted, once more: {assertion}"),
            }
        }
        self.try_boot(side)
            .unwrap_or_else(|assertion| panic!("QEMU fails: {assertion}"))
    }

    /// `Err` has the words of an assertion of QEMU's that failed.
    fn try_boot(&self, side: Side) -> Result<Running, String> {
        let mut machine = self.machine(side).board(&self.board).start();
        tool::watch(&machine);
        if side == Side::Partition {
            wait(&mut machine, 1, "bulkhead> ")?;
        }
        for (com, cores, name) in self.linuxes(side) {
            // One after the other: fewer at once that map devices.
            if side == Side::Partition {
                machine.com(1).skip();
                machine.com(1).send(&format!("start {name}\r"));
            }
            wait(&mut machine, com, "BULKHEAD-DEMO end")?;
            machine.wait_for(com, "# ");
            let report = Report::parse(&machine.com(com).text()).unwrap_or_default();
            if report.release != self.kernel.release() || report.cpus != cores {
                machine.fail(&format!("another Linux was wanted: {report:?}"));
            }
        }
        if self.is_halted && side == Side::Partition {
            machine.com(1).send("halt\r");
            // It says what will be possible, last of all how the shell comes back.
            wait(&mut machine, 1, "reset")?;
        }
        for (com, ..) in self.linuxes(side) {
            machine.linux_within(com, SETTLE, PATIENCE);
        }
        Ok(machine)
    }

    fn machine(&self, side: Side) -> Machine {
        let machine = self.by_host(side);
        match self.clock {
            Clock::Host => machine,
            Clock::Virtual if self.waits => machine.counted_time(),
            Clock::Virtual => machine.virtual_time(),
        }
    }

    fn by_host(&self, side: Side) -> Machine {
        let cores: usize = self.parts.iter().map(|part| part.cores).sum();
        match side {
            // And one for Bulkhead, which sleeps there.
            Side::Partition => {
                let machine = match self.clock {
                    Clock::Host => Machine::new(&self.iso, "run"),
                    Clock::Virtual => Machine::from_disk(&self.iso, "run"),
                };
                machine.cores(&(cores + 1).to_string())
            }
            Side::Alone => {
                let memory = self.parts.len() * MEMORY_MIB;
                let (smp, possible) = control_cores(cores, has_kvm());
                Machine::without_bulkhead(
                    &self.iso.with_file_name("alone"),
                    &self.kernel.image(),
                    &self.initrd,
                    // As in a partition: the port, and the clock's source.
                    &format!(
                        "console=ttyS1,115200 tsc=reliable bulkhead.name=alone {} {possible}",
                        self.words
                    ),
                )
                .cores(&smp)
                .memory(&format!("{memory}M"))
            }
        }
    }

    /// Ports, numbers of cores and names of the Linuxes on one side.
    fn linuxes(&self, side: Side) -> Vec<(usize, usize, &'static str)> {
        let parts = self.parts.iter();
        match side {
            Side::Partition => parts
                .map(|part| (part.com, part.cores, part.name))
                .collect(),
            Side::Alone => vec![(COM, parts.map(|part| part.cores).sum(), "alone")],
        }
    }
}

/// Waits for a text of a boot. `Err` is as [`Bench::try_boot`]'s.
fn wait(machine: &mut Running, com: usize, wanted: &str) -> Result<(), String> {
    let Err(silence) = machine.com(com).try_wait_for(wanted, PATIENCE) else {
        return Ok(());
    };
    let said = machine.said();
    let assertion = said.lines().find(|line| line.contains("Assertion"));
    match assertion {
        Some(line) if silence.closed => Err(line.to_string()),
        _ => machine.fail(&silence.to_string()),
    }
}

/// The control's `-smp`, and what its Linux is told of it. QEMU's emulation is quicker in a machine
/// that can have one core only: it need not keep the cores' memory accesses in order. The other
/// side's has one more, so the control's could have that too; its Linux is told that there is none,
/// since one that can have one core only leaves out its own locks, and would on a machine with one.
pub(super) fn control_cores(cores: usize, has_kvm: bool) -> (String, String) {
    if has_kvm {
        return (cores.to_string(), String::new());
    }
    let smp = format!("{cores},maxcpus={}", cores + 1);
    (smp, format!("possible_cpus={cores}"))
}

/// Core 0 stays Bulkhead's; the parts have the next ones.
fn script(parts: &[Part], words: &str) -> String {
    let mut core = 1;
    let mut text = String::new();
    for part in parts {
        let Part {
            name,
            com,
            cores,
            devices,
        } = part;
        let last = core + cores - 1;
        let devices = match *devices {
            "" => String::new(),
            devices => format!(" devices={devices}"),
        };
        text += &format!(
            "define {name} cores={core}-{last} memory={MEMORY_MIB}M kernel=linux initrd=initrd \
             console=com{com}{devices} cmdline=\"bulkhead.name={name} {words}\"\n"
        );
        core = last + 1;
    }
    text
}

pub(crate) fn full_disk(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, vec![0xa5; DISK_BYTES]).expect("the disk can be written");
    path
}

/// Cards of a machine by itself, with the host at the other end.
pub(crate) fn cards_to_host() -> [Device; 2] {
    [Card::Virtio, Card::E1000e].map(Device::card_to_host)
}

/// Two cards on one wire.
pub(crate) fn cards_on_a_wire() -> [Device; 2] {
    [(); 2].map(|()| Device::card(Card::Virtio, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_could_have_a_core_more_under_emulation() {
        assert_eq!(control_cores(2, true), ("2".to_string(), String::new()));
        let emulated = ("1,maxcpus=2".to_string(), "possible_cpus=1".to_string());
        assert_eq!(control_cores(1, false), emulated);
    }

    #[test]
    fn cores_follow_each_other() {
        let part = |name, com, cores| Part {
            name,
            com,
            cores,
            devices: "01:00.0",
        };
        let text = script(&[part("a", 2, 2), part("b", 3, 1)], "quiet");
        assert!(text.contains("define a cores=1-2 "), "{text}");
        assert!(text.contains("define b cores=3-3 "), "{text}");
        let end = "console=com3 devices=01:00.0 cmdline=\"bulkhead.name=b quiet\"\n";
        assert!(text.ends_with(end), "{text}");
        let bare = Part {
            devices: "",
            ..part("a", 2, 1)
        };
        let text = script(&[bare], "quiet");
        assert!(text.contains("console=com2 cmdline="), "{text}");
    }
}
