//! A machine in QEMU.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::devices::Board;
use crate::emulator;
use crate::monitor::Monitor;
use crate::port::{Port, plain};
use crate::report::Report;

/// Which firmware the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS, QEMU's own.
    Bios,
    /// OVMF.
    Uefi,
}

/// How long the slowest thing may take here under emulation.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The same of a machine whose cores take turns.
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(600);

const PROMPT: &str = "bulkhead> ";

/// Whether the processor can run guests itself: asked of the processor, since the device file
/// alone may be there and not work.
#[must_use]
pub fn has_kvm() -> bool {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flag = info
        .split_ascii_whitespace()
        .any(|word| word == "vmx" || word == "svm");
    flag && std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok()
}

/// The program: what `tools/qemu` keeps in the cache, where it does, else the machine's own.
#[must_use]
pub fn program() -> PathBuf {
    const NAME: &str = "qemu-system-x86_64";
    let own = crate::cache().join("qemu").join(NAME);
    if own.exists() {
        own
    } else {
        PathBuf::from(NAME)
    }
}

/// The accelerator's arguments.
#[must_use]
pub fn accelerator() -> [&'static str; 4] {
    if has_kvm() {
        ["-accel", "kvm", "-cpu", "host"]
    } else {
        ["-accel", "tcg,thread=multi", "-cpu", "max"]
    }
}

/// Those of [`Machine::virtual_time`]: `-icount` wants the cores in one thread.
const VIRTUAL_TIME: [&str; 6] = [
    "-accel",
    "tcg,thread=single",
    "-cpu",
    "max",
    "-icount",
    "shift=1,sleep=off",
];

/// A machine to be started.
pub struct Machine {
    folder: PathBuf,
    boot: Vec<String>,
    has_debug_port: bool,
    firmware: Firmware,
    cores: String,
    memory: String,
    ports: usize,
    resets: bool,
    has_virtual_time: bool,
    kind: &'static str,
    namespace: Option<String>,
    extra: Vec<String>,
}

impl Machine {
    /// A q35 with 4 cores, 2 GiB and four serial ports that boots an ISO made by
    /// [`crate::iso::Iso::make`]. Its sockets and logs lie beside the ISO, in a folder called
    /// `run`.
    ///
    /// # Panics
    /// If the folder can't be made.
    #[must_use]
    pub fn new(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        Self::booted_by(
            folder,
            vec!["-cdrom".to_string(), iso.display().to_string()],
        )
    }

    /// The same, with the ISO as a USB stick. What is written to it is forgotten.
    ///
    /// # Panics
    /// If the folder can't be made.
    #[must_use]
    pub fn from_stick(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        let drive = format!(
            "if=none,id=stick,format=raw,snapshot=on,file={}",
            iso.display()
        );
        let arguments = ["-device", "qemu-xhci", "-drive", &drive];
        let arguments = arguments
            .into_iter()
            .chain(["-device", "usb-storage,drive=stick,removable=on"]);
        Self::booted_by(folder, arguments.map(String::from).collect())
    }

    /// A `microvm` in place of the q35, with the ISO as a disk: one serial port, and neither PCI nor
    /// any of a PC's old devices that it can do without. It has no CD drive.
    ///
    /// # Panics
    /// If the folder can't be made.
    #[must_use]
    pub fn micro(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        let drive = format!(
            "if=none,id=disk,format=raw,snapshot=on,file={}",
            iso.display()
        );
        let arguments = ["-drive", &drive, "-device", "virtio-blk-device,drive=disk"];
        Self {
            kind: "microvm,acpi=on",
            ports: 1,
            ..Self::booted_by(folder, arguments.map(String::from).to_vec())
        }
    }

    /// The same, booted over a network: by QEMU's own servers from a TFTP folder, or by those that
    /// are on the tap interface of that name. UEFI's own network stack is used, not that of the
    /// card's ROM.
    ///
    /// # Panics
    /// If the folder can't be made.
    #[must_use]
    pub fn from_network(tftp: &Path, tap: Option<&str>, firmware: Firmware, run: &str) -> Self {
        let folder = tftp.parent().expect("it lies in a folder").join(run);
        let file = match firmware {
            Firmware::Bios => "bios.pxe",
            Firmware::Uefi => "uefi.efi",
        };
        let network = match tap {
            Some(tap) => format!("tap,id=net,ifname={tap},script=no,downscript=no"),
            None => format!("user,id=net,tftp={},bootfile={file}", tftp.display()),
        };
        let card = match firmware {
            Firmware::Bios => "virtio-net-pci,netdev=net",
            Firmware::Uefi => "virtio-net-pci,netdev=net,romfile=",
        };
        let arguments = ["-netdev", &network, "-device", card];
        Self::booted_by(folder, arguments.map(String::from).to_vec()).firmware(firmware)
    }

    /// A machine whose network card's own iPXE, which is what QEMU's cards have, runs the script at
    /// a URL. `10.0.2.2` is this host.
    #[must_use]
    pub fn from_ipxe(folder: &Path, url: &str) -> Self {
        let network = format!("user,id=net,bootfile={url}");
        let arguments = ["-netdev", &network, "-device", "virtio-net-pci,netdev=net"];
        Self::booted_by(folder.to_path_buf(), arguments.map(String::from).to_vec())
    }

    /// The same without Bulkhead: QEMU itself starts a Linux, to compare with. Two serial ports;
    /// as a third one the words of the BIOS, which says "Booting from ROM" before it loads the
    /// kernel. Its sockets and logs lie in `folder`.
    ///
    /// # Panics
    /// If the folder can't be made.
    #[must_use]
    pub fn without_bulkhead(folder: &Path, kernel: &Path, initrd: &Path, cmdline: &str) -> Self {
        let (kernel, initrd) = (kernel.display(), initrd.display());
        let boot = [
            ("-kernel", kernel.to_string()),
            ("-initrd", initrd.to_string()),
            ("-append", cmdline.to_string()),
        ];
        let boot = boot
            .into_iter()
            .flat_map(|(key, value)| [key.to_string(), value]);
        Self {
            ports: 2,
            has_debug_port: true,
            ..Self::booted_by(folder.to_path_buf(), boot.collect())
        }
    }

    fn booted_by(folder: PathBuf, boot: Vec<String>) -> Self {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        Self {
            folder,
            boot,
            has_debug_port: false,
            firmware: Firmware::Bios,
            cores: "4".to_string(),
            memory: "2G".to_string(),
            ports: 4,
            resets: false,
            has_virtual_time: false,
            kind: "q35",
            namespace: None,
            extra: Vec::new(),
        }
    }

    /// With that firmware.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Self {
        self.firmware = firmware;
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
        self.has_virtual_time = true;
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

    /// Starts it.
    ///
    /// # Panics
    /// If QEMU can't be started.
    #[must_use]
    pub fn start(self) -> Running {
        let debug_port = self.has_debug_port.then(|| "debug".to_string());
        let mut ports: Vec<Port> = (1..=self.ports)
            .map(|n| format!("com{n}"))
            .chain(debug_port)
            .map(|name| Port::listen(&self.folder, &name))
            .collect();
        let program = program();
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(program);
                command
            }
        };
        let accelerator = accelerator();
        command
            .args(["-machine", self.kind, "-smp", &self.cores])
            .args(["-m", &self.memory])
            .args(if self.has_virtual_time && !has_kvm() {
                &VIRTUAL_TIME[..]
            } else {
                &accelerator
            })
            .args(["-nodefaults", "-display", "none"])
            // A reset would hide a triple fault: QEMU ends instead, and the test sees it.
            .args((!self.resets).then_some("-no-reboot"))
            .args(&self.boot);
        if self.firmware == Firmware::Uefi {
            command.args([
                "-drive",
                &format!("if=pflash,format=raw,readonly=on,file={}", ovmf()),
            ]);
        }
        for (number, port) in ports.iter().enumerate() {
            command
                .arg("-chardev")
                .arg(format!(
                    "socket,id=c{number},path={}",
                    port.path().display()
                ))
                .args(if number < self.ports {
                    ["-serial".to_string(), format!("chardev:c{number}")]
                } else {
                    let device = format!("isa-debugcon,iobase=0x402,chardev=c{number}");
                    ["-device".to_string(), device]
                });
        }
        let monitor = self.folder.join("qmp.sock");
        command
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", monitor.display()));
        command.args(&self.extra);
        let errors =
            std::fs::File::create(self.folder.join("qemu.log")).expect("a log can be made");
        let child = command
            .stdin(Stdio::null())
            .stdout(errors.try_clone().expect("a file can be cloned"))
            .stderr(errors)
            .spawn()
            .expect("QEMU is there: tools/setup sees to it");
        let mut running = Running {
            child,
            ports: Vec::new(),
            folder: self.folder,
            cores: self
                .cores
                .split(',')
                .next()
                .and_then(|count| count.parse().ok())
                .unwrap_or(4),
            patience: if self.has_virtual_time {
                VIRTUAL_PATIENCE
            } else {
                PATIENCE
            },
            started: Instant::now(),
        };
        for port in &mut ports {
            port.accept();
        }
        running.ports = ports;
        running
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

/// A machine that runs; dropped, it is ended.
pub struct Running {
    child: Child,
    ports: Vec<Port>,
    folder: PathBuf,
    cores: u32,
    patience: Duration,
    started: Instant,
}

impl Running {
    /// The serial port of that number, from 1.
    pub fn com(&mut self, number: usize) -> &mut Port {
        &mut self.ports[number - 1]
    }

    /// Waits for a text on a port; gives what stood before it.
    ///
    /// # Panics
    /// When it does not come, with the last lines of every port.
    pub fn wait_for(&mut self, com: usize, wanted: &str) -> String {
        self.wait_for_within(com, wanted, self.patience)
    }

    /// As [`Self::wait_for`], with a limit of its own.
    ///
    /// # Panics
    /// When it does not come, with the last lines of every port.
    pub fn wait_for_within(&mut self, com: usize, wanted: &str, limit: Duration) -> String {
        match self.com(com).try_wait_for(wanted, limit) {
            Ok(before) => before,
            Err(silence) => self.fail(&silence.to_string()),
        }
    }

    /// Waits for the shell's first prompt.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_for_prompt(&mut self) -> String {
        plain(&self.wait_for(1, PROMPT))
    }

    /// Types a command into the shell and gives what it printed, without the echo.
    ///
    /// # Panics
    /// When no prompt comes back.
    pub fn command(&mut self, line: &str) -> String {
        self.com(1).skip();
        self.com(1).send(&format!("{line}\r"));
        // First the whole echo: an event may just have redrawn a prompt. Then come the output and
        // the next prompt.
        self.wait_for(1, line);
        self.wait_for(1, "\n");
        plain(&self.wait_for(1, PROMPT))
    }

    /// As [`Self::command`], and the output must hold every one of `wanted`.
    ///
    /// # Panics
    /// When it does not.
    pub fn expect(&mut self, line: &str, wanted: &[&str]) -> String {
        let output = self.command(line);
        for text in wanted {
            if !output.contains(text) {
                self.fail(&format!("{line:?} did not print {text:?} but:\n{output}"));
            }
        }
        output
    }

    /// Waits for a demo Linux's report and then for its shell.
    ///
    /// # Panics
    /// When they do not come, or the report is not complete.
    pub fn wait_for_demo(&mut self, com: usize) -> Report {
        self.wait_for(com, "BULKHEAD-DEMO begin");
        self.wait_for(com, "BULKHEAD-DEMO end");
        self.wait_for(com, "# ");
        let Some(report) = Report::parse(&self.com(com).text()) else {
            self.fail("the report is not complete");
        };
        report
    }

    /// Waits until so many of these cores have interrupts off for good.
    ///
    /// # Panics
    /// When it does not come to that.
    pub fn wait_for_deaf_cores(&mut self, cores: &[u32], count: usize) {
        const LOOKS: usize = 4;
        let end = Instant::now() + self.patience;
        loop {
            let mut monitor = self.monitor();
            let mut deaf: BTreeSet<u32> = cores.iter().copied().collect();
            for _ in 0..LOOKS {
                std::thread::sleep(Duration::from_millis(500));
                deaf = &deaf & &monitor.deaf_cores();
            }
            // Who reports a failure wants it.
            drop(monitor);
            if deaf.len() == count {
                return;
            }
            if Instant::now() > end {
                self.fail(&format!("interrupts are off on {deaf:?}, not on {count}"));
            }
        }
    }

    /// Types a line into a Linux's shell on a port, and gives what the command printed.
    ///
    /// # Panics
    /// When it does not end.
    pub fn linux(&mut self, com: usize, line: &str) -> String {
        self.linux_within(com, line, self.patience)
    }

    /// As [`Self::linux`], for what takes longer than anything else.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub fn linux_within(&mut self, com: usize, line: &str, limit: Duration) -> String {
        // The markers are put together by the shell, so that an echo is not taken for them.
        let port = self.com(com);
        port.skip();
        port.send(&format!(
            "echo BULK''HEAD-BEGIN; {line}; echo BULK''HEAD-DONE\r"
        ));
        self.wait_for(com, "BULKHEAD-BEGIN");
        let output = plain(&self.wait_for_within(com, "BULKHEAD-DONE", limit));
        self.wait_for(com, "# ");
        output.trim().to_string()
    }

    /// As [`Self::linux`], and the output must hold `wanted`.
    ///
    /// # Panics
    /// When it does not.
    pub fn linux_expect(&mut self, com: usize, line: &str, wanted: &str) -> String {
        let output = self.linux(com, line);
        if !output.contains(wanted) {
            self.fail(&format!(
                "{line:?} on com{com} did not print {wanted:?} but:\n{output}"
            ));
        }
        output
    }

    /// Starts a command in a Linux's background; [`Self::job`] has what it prints. It reads nothing:
    /// a shell with job control would stop it as soon as it touched the terminal.
    ///
    /// # Panics
    /// When the shell does not answer.
    pub fn start_job(&mut self, com: usize, name: &str, line: &str) {
        self.linux(
            com,
            &format!(
                "rm -f /tmp/{name}.*; ({line}; echo JOB=$?) </dev/null >/tmp/{name}.out 2>&1 & true"
            ),
        );
    }

    /// Waits until a job has ended well; gives what it printed.
    ///
    /// # Panics
    /// When it has failed, or does not end within `limit`.
    pub fn job(&mut self, com: usize, name: &str, limit: Duration) -> String {
        let end = Instant::now() + limit;
        loop {
            let output = self.linux(com, &format!("tail -n 12 /tmp/{name}.out"));
            if output.contains("JOB=0") {
                return output;
            }
            if output.contains("JOB=") || Instant::now() > end {
                self.fail(&format!(
                    "job {name} on com{com} has not ended well:\n{output}"
                ));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// QEMU's monitor.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::connect(&self.folder.join("qmp.sock"))
    }

    /// The folder of its sockets and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether QEMU still runs.
    ///
    /// # Panics
    /// If the process can't be asked.
    pub fn is_alive(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("our own child can be asked")
            .is_none()
    }

    /// Waits until QEMU has ended by itself; whether it did.
    pub fn wait_for_end(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if !self.is_alive() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// How long it has been running.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// QEMU's process number.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What QEMU itself has said: warnings, and why it gave up.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default()
    }

    /// Fails with the last lines of every port, and with what every core does.
    ///
    /// # Panics
    /// Always: that is its purpose.
    pub fn fail(&self, why: &str) -> ! {
        let mut text = format!("{why}\n");
        for (number, port) in self.ports.iter().enumerate() {
            text += &format!(
                "--- com{} (last lines)\n{}\n",
                number + 1,
                port.last_lines(50)
            );
        }
        let said = self.said();
        if !said.is_empty() {
            text += &format!("--- QEMU\n{said}\n");
        }
        let (mut cores, mut commands) = (String::new(), Vec::new());
        // QEMU may have ended; then its monitor's panic would be all that a program here says.
        if UnixStream::connect(self.folder.join("qmp.sock")).is_ok() {
            let seen = std::panic::catch_unwind(|| {
                let mut monitor = self.monitor();
                (monitor.cores(self.cores), monitor.virtio_commands())
            });
            let unknown = |_| ("QEMU's monitor does not answer".to_string(), Vec::new());
            (cores, commands) = seen.unwrap_or_else(unknown);
        } else {
            cores += "QEMU has ended";
        }
        text += &cores;
        text.push('\n');
        if !has_kvm()
            && let Some(trace) = emulator::lost_write(&cores, &said)
                .or_else(|| emulator::lost_doorbell(&text, &commands))
        {
            text += &trace;
            text.push('\n');
        }
        panic!("{text}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
