//! Boots Bulkhead in QEMU and talks to it over its serial ports.
//!
//! * [`iso`]: an ISO, or a folder for network boot, from a boot script and images.
//! * [`qemu`]: a machine, with each serial port on a socket of its own: how QEMU is started.
//! * [`devices`]: its PCI devices, each behind a root port.
//! * [`made_card`]: a PCI function whose every answer is made here.
//! * [`monitor`]: what is done to it from outside.
//! * [`picture`]: pictures of its screen.
//! * [`http`]: a web server for network boot.
//! * [`port`]: one serial port: send, wait for a text, fail on silence.
//! * [`report`]: what a demo Linux said of itself, as values.
//! * [`cast`]: what came over a serial line and when, as a file for asciinema.
//! * [`svg`]: such a file as a moving picture.
//! * [`screen`]: what Bulkhead's screen has to show.
//! * [`answers`]: what Bulkhead's commands print, as values.
//! * [`claims`]: what a boot script asks for, as values.
//! * [`emulator`]: traces of QEMU's own faults; [`replay`]: what they are worth, by its version.
//! * [`stopwatch`]: how long each story took.
//! * [`control`]: Bulkhead's EFI variables, as a Linux has them.
//! * [`inside`]: a machine that is run from its Linuxes.
//! * [`neighbour`]: a Linux that counts while another is put through something.
//! * [`ticks`]: how late such a neighbour's timer is.
//! * [`evaluation`]: tables and plots of the benchmark's results.
//! * [`soak`]: two partitions ended by every way, at random.
//! * [`torture`]: what a partition's root can do to the machine, and who is hurt.
//! * [`faulty`]: modules that make a stock kernel oops or hang.
//! * [`kexec`]: a Linux that enters another kernel by itself.
//! * [`bochs`]: a machine in Bochs, for what QEMU does not emulate.
//! * [`depth`]: how deep the kernel's stacks get.
//! * [`source`]: lines of code, and `unsafe`.
//! * [`tool`]: for the programs in `bin/`: the demo and the benchmarks.
//!
//! A wait that ends without its text fails the test with the last lines of every port, so that a
//! silent hang can't pass.

pub mod answers;
pub mod bochs;
pub mod cast;
pub mod claims;
pub mod control;
pub mod core_file;
pub mod debugger;
pub mod depth;
pub mod devices;
pub mod emulator;
pub mod evaluation;
pub mod faulty;
pub mod host_network;
pub mod http;
pub mod inside;
pub mod iso;
pub mod kexec;
pub mod made_card;
pub mod monitor;
pub mod neighbour;
pub mod picture;
pub mod port;
pub mod qemu;
pub mod replay;
pub mod report;
pub mod screen;
pub mod soak;
pub mod source;
pub mod stopwatch;
pub mod svg;
pub mod through;
pub mod ticks;
pub mod tool;
pub mod torture;
pub mod values;
pub mod withheld;

use std::path::PathBuf;

/// The repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the root")
        .into()
}

/// The folder for everything that is made: `build/` in the root.
#[must_use]
pub fn build_folder() -> PathBuf {
    let folder = root().join("build");
    std::fs::create_dir_all(&folder).expect("the build folder can be made");
    folder
}

/// What is downloaded: `~/.cache/bulkhead`.
#[must_use]
pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").expect("HOME is set");
    PathBuf::from(home).join(".cache/bulkhead")
}

/// The stock kernels that `tools/kernels` caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Debian 12's cloud kernel.
    Debian61Cloud,
    /// Debian 12's generic kernel.
    Debian61,
    /// Debian 13's cloud kernel.
    Debian612Cloud,
    /// Debian 13's generic kernel.
    Debian612,
    /// Debian 13's kernel with `PREEMPT_RT`.
    Debian612Rt,
    /// The cloud kernel of Debian's sid, the newest.
    DebianSidCloud,
    /// Debian 11's cloud kernel, the oldest.
    Debian510Cloud,
    /// Debian 11's generic kernel; this and what follows is for the table of kernels only.
    Debian510,
    /// Debian 11's kernel with `PREEMPT_RT`.
    Debian510Rt,
    /// Debian 12's kernel with `PREEMPT_RT`.
    Debian61Rt,
    /// The generic kernel of Debian's sid.
    DebianSid,
    /// Its kernel with `PREEMPT_RT`.
    DebianSidRt,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Debian510Cloud,
        Self::Debian510,
        Self::Debian510Rt,
        Self::Debian61Cloud,
        Self::Debian61,
        Self::Debian61Rt,
        Self::Debian612Cloud,
        Self::Debian612,
        Self::Debian612Rt,
        Self::DebianSidCloud,
        Self::DebianSid,
        Self::DebianSidRt,
    ];

    /// The one that `tools/kernels` calls by that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == name)
    }

    /// What `tools/kernels` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian61Cloud => "debian-6.1-cloud",
            Self::Debian61 => "debian-6.1",
            Self::Debian612Cloud => "debian-6.12-cloud",
            Self::Debian612 => "debian-6.12",
            Self::Debian612Rt => "debian-6.12-rt",
            Self::DebianSidCloud => "debian-sid-cloud",
            Self::Debian510Cloud => "debian-5.10-cloud",
            Self::Debian510 => "debian-5.10",
            Self::Debian510Rt => "debian-5.10-rt",
            Self::Debian61Rt => "debian-6.1-rt",
            Self::DebianSid => "debian-sid",
            Self::DebianSidRt => "debian-sid-rt",
        }
    }

    fn folder(self) -> PathBuf {
        cache().join("kernels").join(self.name())
    }

    /// Its bzImage.
    #[must_use]
    pub fn image(self) -> PathBuf {
        let path = self.folder().join("vmlinuz");
        assert!(
            path.exists(),
            "{} is missing: run tools/kernels (make test does)",
            path.display()
        );
        path
    }

    /// Whether `tools/kernels` has fetched it.
    #[must_use]
    pub fn is_there(self) -> bool {
        self.folder().join("efivarfs.ko").exists()
    }

    /// The demo's initial RAM disk, with this kernel's module for EFI variables and `files`.
    #[must_use]
    pub fn initrd(self, mut files: Vec<(String, PathBuf)>) -> PathBuf {
        let module = format!("/lib/modules/{}/efivarfs.ko", self.release());
        files.push((module, self.module()));
        initrd_with(&format!("{}.img", self.name()), &files)
    }

    /// Its module for EFI variables.
    #[must_use]
    pub fn module(self) -> PathBuf {
        self.folder().join("efivarfs.ko")
    }

    /// One of its modules, by its path below the modules' folder `kernel`.
    #[must_use]
    pub fn driver(self, path: &str) -> PathBuf {
        let modules = self.folder().join("lib/modules").join(self.release());
        modules.join("kernel").join(path)
    }

    /// One of its compressed modules as busybox's `insmod` takes it, in a story's folder; by its path
    /// below the modules' folder `kernel`, without `.ko.xz`.
    ///
    /// # Panics
    /// If it can't be unpacked.
    #[must_use]
    pub fn unpacked(self, path: &str, story: &str) -> PathBuf {
        let packed = self.driver(&format!("{path}.ko.xz"));
        let output = std::process::Command::new("xz")
            .arg("-dc")
            .arg(&packed)
            .output()
            .expect("xz is installed");
        assert!(output.status.success(), "{}", packed.display());
        let folder = build_folder().join("tests").join(story);
        let name = path.rsplit('/').next().expect("a name");
        let file = folder.join(format!("{name}.ko"));
        std::fs::create_dir_all(folder).expect("it can be made");
        std::fs::write(&file, output.stdout).expect("it can be written");
        file
    }

    /// Its version, as `uname -r` prints it.
    #[must_use]
    pub fn release(self) -> String {
        let path = self.folder().join("release");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}: run tools/kernels", path.display()));
        text.trim().to_string()
    }
}

/// An initial RAM disk made in `build/tests` under that name: the demo's, with more files, each as
/// where it goes and where it is.
///
/// # Panics
/// If the packer, which `make` builds, can't make it.
#[must_use]
pub fn initrd_with(name: &str, files: &[(impl AsRef<str>, PathBuf)]) -> PathBuf {
    let files = files.iter().flat_map(|(to, from)| {
        let file = format!("{}={}", to.as_ref(), from.display());
        ["--file".to_string(), file]
    });
    packed_initrd(name, files)
}

/// The same, by the packer's own arguments.
///
/// # Panics
/// If the packer, which `make` builds, can't make it.
pub fn packed_initrd(name: &str, arguments: impl IntoIterator<Item = String>) -> PathBuf {
    let folder = build_folder().join("tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let out = folder.join(name);
    let packer = [
        "run",
        "--quiet",
        "--locked",
        "-p",
        "bulkhead-initramfs-tools",
        "--",
    ];
    let status = std::process::Command::new(env!("CARGO"))
        .current_dir(root())
        .args(packer)
        .arg(&out)
        .args(arguments)
        .status()
        .expect("cargo can be run");
    assert!(status.success(), "the initial RAM disk {name} was not made");
    out
}

/// For `bulkhead.run=` of a demo: reboots once. A variable tells the second run that it is.
pub const REBOOT_ONCE: &str = "f=/sys/firmware/efi/efivars/A-01234567-89ab-cdef-0123-456789abcdef;\
    [%20-f%20$f%20]||{%20printf%20%27%5C007%5C0%5C0%5C0x%27%3E$f;reboot%20-f;}";

/// The demo's initial RAM disk with the Firmware Test Suite, dmidecode and that kernel's own module
/// `efi_test`, as `/lib/efi_test.ko`; made by `tools/fwts` and `tools/efi-test`.
///
/// # Panics
/// If it can't be made, which needs Debian's packages.
#[must_use]
pub fn fwts_initrd(kernel: Kernel) -> PathBuf {
    let out = build_folder().join(format!("tests/fwts-{}.img", kernel.name()));
    std::fs::create_dir_all(build_folder().join("tests")).expect("the folder can be made");
    let built = std::process::Command::new(root().join("tools/efi-test"))
        .arg(kernel.name())
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("tools/efi-test can be run");
    assert!(built.status.success(), "tools/efi-test failed");
    let module = String::from_utf8_lossy(&built.stdout);
    let status = std::process::Command::new(root().join("tools/fwts"))
        .arg(&out)
        .arg(format!("/lib/efi_test.ko={}", module.trim()))
        .arg(format!(
            "/lib/modules/{}/efivarfs.ko={}",
            kernel.release(),
            kernel.module().display()
        ))
        .status()
        .expect("tools/fwts can be run");
    assert!(status.success(), "tools/fwts failed");
    out
}

/// One of the programs for the inside of a Linux (`initramfs-tools/guest`), built by `make`.
#[must_use]
pub fn guest_tool(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    target.join("x86_64-unknown-linux-musl/release").join(name)
}

/// The demo's initial RAM disk, made by `make`.
#[must_use]
pub fn demo_initrd() -> PathBuf {
    made_by_make("demo.img")
}

/// The demo's with the drivers of that kernel, made by `make`.
#[must_use]
pub fn device_initrd(kernel: Kernel) -> PathBuf {
    made_by_make(&format!("devices-{}.img", kernel.name()))
}

/// The initial RAM disk of a partition that boots from its own disk, for that kernel; made by `make`.
#[must_use]
pub fn boot_image(kernel: Kernel) -> PathBuf {
    made_by_make(&format!("boot-{}.img", kernel.name()))
}

fn made_by_make(name: &str) -> PathBuf {
    let path = build_folder().join(name);
    assert!(
        path.exists(),
        "{} is missing: make test makes it",
        path.display()
    );
    path
}
