//! For tests: a machine, its images, and short ways to say what an operator says.
#![forbid(unsafe_code)]

use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_linux::{BzImage, BzImageError, FileKind};
use bulkhead_memory::Region;
use bulkhead_model::{
    Change, Com, Core, DeviceName, Image, ImageKind, Machine, MemoryKind, MemoryRange,
    MemoryRequest, Node, Resident, Told, Uart, Warning,
};

mod board;
pub mod boards;
mod file;
pub mod large;
mod life;
mod ram;
pub mod sockets;

pub use board::{add_devices, address, bus};
pub use file::{bzimage_file, cpio, pe, remainder};
pub use life::{Happening, happen};
pub use ram::written;

/// 1 KiB in bytes.
pub const KIB: u64 = 1 << 10;
/// 1 MiB in bytes.
pub const MIB: u64 = 1 << 20;
/// 1 GiB in bytes.
pub const GIB: u64 = 1 << 30;

/// The region from `start` to before `end`.
pub fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

/// Like QEMU's q35 with 4 GiB under a BIOS: 2 GiB below 4 GiB, 2 GiB above; cores 0 and 1, 2
/// and 3 and so on are SMT siblings; core 9 never answered.
pub fn machine() -> Machine {
    let core = |apic_id| Core {
        apic_id,
        acpi_uid: apic_id,
        package: 0,
        core: apic_id / 2,
        responding: apic_id != 9,
    };
    let mut machine = Machine {
        cores: (0..10).map(core).collect(),
        boot_core: 0,
        memory: memory(),
        images: images(),
        uarts: [(Com::Com1, true), (Com::Com2, false), (Com::Com3, false)]
            .map(|(port, is_shell)| Uart { port, is_shell })
            .to_vec(),
        local_apic_address: 0xfee0_0000,
        tsc_khz: 2_400_000,
        ..Machine::default()
    };
    let keep = |region, what: &str| Resident {
        region,
        what: what.into(),
    };
    machine.resident = vec![
        keep(region(0x8000, 0x9000), "trampoline"),
        keep(region(MIB, MIB + 300 * KIB + 7), "kernel"),
    ];
    let images = machine.images.iter();
    let kept = images.filter_map(|image| Some((image.region?, &image.name)));
    let kept = kept.map(|(region, name)| keep(region, &format!("image \"{name}\"")));
    machine.resident.extend(kept);
    machine
}

fn memory() -> Vec<MemoryRange> {
    use MemoryKind::{AcpiNvs, AcpiTables, Reserved, Usable};
    [
        (0, 0x9_fc00, Usable),
        (0x9_fc00, 0xa_0000, Reserved),
        (0xf_0000, 0x10_0000, Reserved),
        (0x10_0000, 0x7ffd_e123, Usable),
        (0x7ffd_e123, 0x7fff_0000, AcpiTables),
        (0x7fff_0000, 0x8000_0000, AcpiNvs),
        (0xb000_0000, 0xc000_0000, Reserved),
        (0xfffc_0000, 0x1_0000_0000, Reserved),
        (0x1_0000_0000, 0x1_8000_0000, Usable),
    ]
    .map(|(start, end, kind)| MemoryRange {
        region: region(start, end),
        kind,
    })
    .to_vec()
}

/// A kernel of 8 MiB that needs `init_size` bytes.
pub fn bzimage(init_size: u64) -> BzImage {
    BzImage {
        protocol: 0x020f,
        version: Some("6.1.0-50-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP".into()),
        setup_bytes: 0x4000,
        protected_mode_bytes: 8 * MIB - 0x4000,
        init_size,
        kernel_alignment: 2 * MIB,
        pref_address: 16 * MIB,
        xloadflags: 0x3f,
        has_efi: true,
        cmdline_size: 2047,
        compression: None,
        header: vec![0; 0x7b],
    }
}

fn images() -> Vec<Image> {
    let image = |name: &str, start, bytes, kind| Image {
        name: name.into(),
        region: Region::new(start, bytes),
        kind,
        told: Told::default(),
    };
    let kernel = |init_size| ImageKind::Kernel(bzimage(init_size));
    let short = BzImageError::TooShort {
        have: 600,
        need: 616,
    };
    vec![
        image("linux61", 0x7000_0000, 8 * MIB, kernel(40 * MIB)),
        image("linux612", 0x7080_0000, 8 * MIB, kernel(56 * MIB)),
        image("huge", 0x7100_0000, 8 * MIB, kernel(600 * MIB)),
        image("broken", 0x7180_0000, 600, ImageKind::BadKernel(short)),
        image(
            "demo.img",
            0x7190_0000,
            3 * MIB + 123,
            ImageKind::Data(FileKind::Cpio),
        ),
        image("zero", 0x71f0_0000, 0, ImageKind::Data(FileKind::Empty)),
    ]
}

/// The code of runtime services that do nothing.
pub const CODE: [u8; 3000] = [0xcc; 3000];

/// What [`CODE`] is.
pub const RESIDENT: ResidentCode = ResidentCode {
    code: &CODE,
    partition_id_offset: 40,
    services: [
        64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 2999,
    ],
};

/// `512M`, or `512M@0x40000000`.
pub fn at(size: u64, at: impl Into<Option<u64>>) -> MemoryRequest {
    MemoryRequest {
        size,
        at: at.into(),
    }
}

/// `cores=... memory=... kernel=linux61`
pub fn claim(cores: &[u32], memory: &[MemoryRequest]) -> Change {
    Change {
        cores: Some(cores.to_vec()),
        memory: Some(memory.to_vec()),
        kernel: Some("linux61".into()),
        ..Change::default()
    }
}

/// With `initrd=demo.img`.
pub fn with_initrd(mut change: Change) -> Change {
    change.initrds = Some(vec!["demo.img".into()]);
    change
}

/// With `console=`.
pub fn with_console(mut change: Change, port: Com) -> Change {
    change.console = Some(Some(port));
    change
}

/// `devices=01:00.0,com3`, or none if it is empty.
pub fn with_devices(mut change: Change, devices: &str) -> Change {
    change.devices = Some(names(devices));
    change
}

/// The devices of a list, as the shell reads it.
pub fn names(devices: &str) -> Vec<DeviceName> {
    let items = devices.split(',').filter(|item| !item.is_empty());
    items.map(|item| item.parse().unwrap()).collect()
}

/// A ledger and its machine.
pub struct Fake {
    /// The machine.
    pub machine: Machine,
    /// Its partitions.
    pub ledger: Ledger,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// [`machine()`] without partitions.
    pub fn new() -> Self {
        Self {
            machine: machine(),
            ledger: Ledger::new(),
        }
    }

    /// With PCI, PS/2 and the rest; firmware reserves the addresses below 4 GiB where it all is.
    pub fn with_devices() -> Self {
        let mut fake = Self::new();
        add_devices(&mut fake.machine);
        fake.machine.memory.push(MemoryRange {
            region: region(0xfc00_0000, 0xff00_0000),
            kind: MemoryKind::Reserved,
        });
        fake
    }

    /// With two nodes: cores 0 to 4 with the RAM below 4 GiB, 5 to 9 with that above.
    pub fn with_nodes() -> Self {
        let mut fake = Self::new();
        let node = |domain, cores: core::ops::Range<u32>, memory| Node {
            domain,
            cores: cores.collect(),
            memory: [memory].into_iter().collect(),
        };
        fake.machine.nodes = vec![
            node(0, 0..5, region(0, 4 * GIB)),
            node(4, 5..10, region(4 * GIB, 8 * GIB)),
        ];
        fake.machine.distances = vec![10, 21, 22, 10];
        fake.machine.performance = large::performance(2);
        fake
    }

    /// [`Self::with_devices`] with so many I/O APICs, as [`sockets`] has them.
    pub fn with_io_apics(count: u8) -> Self {
        let mut fake = Self::with_devices();
        sockets::add_io_apics(&mut fake.machine, count);
        fake
    }

    /// Defines a partition that differs from others in its core, with these devices.
    pub fn give(
        &mut self,
        name: &str,
        core: u32,
        devices: &str,
    ) -> Result<Vec<Warning>, PlanError> {
        let change = claim(&[core], &[at(256 * MIB, None)]);
        self.define(name, with_devices(change, devices))
    }

    /// With "web" on core 2 and 512M at 1G, on com2.
    pub fn with_web() -> Self {
        let mut fake = Self::new();
        let change = with_initrd(claim(&[2], &[at(512 * MIB, GIB)]));
        fake.define("web", with_console(change, Com::Com2)).unwrap();
        fake
    }

    /// [`Ledger::define`] on this machine.
    pub fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.define(&self.machine, name, change)
    }

    /// [`Ledger::set`] on this machine.
    pub fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.set(&self.machine, name, change)
    }

    /// The plan of the partition called `name`, which there must be.
    pub fn plan(&self, name: &str) -> LaunchPlan {
        self.ledger.plan(&self.machine, &RESIDENT, name).unwrap()
    }
}
