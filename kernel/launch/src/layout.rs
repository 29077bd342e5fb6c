//! Where everything of a launch lies: known as soon as a definition is, before any byte is made.
//!
//! ```text
//! boot region:  | ... free ... | kernel, init_size | ... free ... | initrd | firmware block |
//! firmware block, from low to high, each part in whole pages:
//!               | zero page | command line | ACPI tables | EFI tables | EFI variables | printed
//!               | the IOMMU's tables | runtime services |
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_linux::cmdline::{self, ComPort, Walls};
use bulkhead_linux::{Placement, ZERO_PAGE_BYTES, place};
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{BELOW_4G, Boot, Claim, Com, Definition, Machine, Warning};
use bulkhead_printk::kept;
use bulkhead_services::STORE_BYTES;
use bulkhead_tables::{acpi, efi, smbios};

use crate::images::Images;
use crate::map::{self, MemoryMaps, Usage};
use crate::{LaunchError, domain, firmware, identity, kexec};

/// Room for the runtime-service code and what it keeps beside it, in bytes. Fixed, so that a
/// definition can be checked to the last byte before there is any code.
pub const RUNTIME_CODE_BYTES: u64 = PAGE;

/// Less memory than this left to Linux is worth a warning, in bytes.
const COMFORTABLE_BYTES: u64 = 64 << 20;
/// Parts of the firmware block, and the initrd.
const PIECES: usize = 9;

/// The topmost pages of a partition's boot region: what firmware and boot loader would have
/// left in memory. Each part is made of whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareBlock {
    /// `struct boot_params`.
    pub zero_page: Region,
    /// The final command line.
    pub cmdline: Region,
    /// RSDP and all other ACPI tables, and SMBIOS's behind them.
    pub acpi: Region,
    /// EFI system table, memory map and the tables they lead to.
    pub efi: Region,
    /// What its Linux keeps in EFI variables, from launch to launch: no launch writes there.
    pub variables: Region,
    /// What its last runs have printed ([`bulkhead_printk::kept`]), which is Bulkhead's, so reserved: no
    /// launch writes there.
    pub printed: Region,
    /// The IOMMU's tables for its devices, if one is in use; reserved.
    pub iommu: Option<Region>,
    /// Code of the EFI runtime services.
    pub runtime_code: Region,
}

/// Bytes of each part of a firmware block, in whole pages and in the block's order.
struct BlockSizes([u64; 8]);

impl BlockSizes {
    fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The block that fills the end of `region`; `None` if it is larger.
    fn place(&self, region: Region) -> Option<FirmwareBlock> {
        let mut next = region.end().checked_sub(self.total())?;
        let [
            zero_page,
            cmdline,
            acpi,
            efi,
            variables,
            printed,
            iommu,
            code,
        ] = self.0.map(|size| {
            let part = Region::new(next, size);
            next += size;
            part
        });
        Some(FirmwareBlock {
            zero_page: zero_page?,
            cmdline: cmdline?,
            acpi: acpi?,
            efi: efi?,
            variables: variables?,
            printed: printed?,
            iommu,
            runtime_code: code?,
        })
    }
}

/// Where everything of a launch lies.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) definition: &'a Definition,
    pub(crate) claim: &'a Claim,
    pub(crate) images: Images<'a>,
    pub(crate) cmdline: String,
    pub(crate) placement: Placement,
    pub(crate) block: FirmwareBlock,
    pub(crate) acpi: acpi::Blob,
    pub(crate) smbios: smbios::Blob,
    pub(crate) maps: MemoryMaps,
    pub(crate) walls: domain::Walls,
}

impl<'a> Layout<'a> {
    /// The layout of a partition, which depends on nothing but its definition and its claim.
    ///
    /// # Errors
    /// [`LaunchError`] says why it can't be launched.
    pub fn of(
        machine: &'a Machine,
        definition: &'a Definition,
        claim: &'a Claim,
    ) -> Result<Self, LaunchError> {
        let images = Images::of(machine, definition)?;
        let cmdline = final_cmdline(machine, definition, claim, &images.boot)?;
        let mut told = Told::of(machine, definition, claim);
        let walls = domain::Walls::of(machine, definition, claim)?;
        let sizes = BlockSizes([
            pages(ZERO_PAGE_BYTES as u64),
            pages(cmdline.len() as u64 + 1),
            pages(told.smbios.base + told.smbios.bytes.len() as u64),
            pages(efi::size_for(map::most_descriptors(machine, claim, PIECES))),
            pages(STORE_BYTES as u64),
            pages(kept::ROOM_BYTES as u64),
            walls.bytes,
            RUNTIME_CODE_BYTES,
        ]);
        let placement = placed(claim, &images, sizes.total())?;
        let block = sizes
            .place(placement.firmware)
            .ok_or(LaunchError::NothingLow)?;
        let pieces: Vec<(Region, Usage)> = [
            (block.zero_page, Usage::Loaded),
            (block.cmdline, Usage::Loaded),
            (block.acpi, Usage::AcpiTables),
            (block.efi, Usage::RuntimeData),
            (block.variables, Usage::RuntimeData),
            (block.printed, Usage::Reserved),
            (block.runtime_code, Usage::RuntimeCode),
        ]
        .into_iter()
        .chain(block.iommu.map(|iommu| (iommu, Usage::Reserved)))
        .chain(placement.initrd.map(|initrd| (initrd, Usage::Loaded)))
        .collect();
        told.move_to(block.acpi.start());
        Ok(Self {
            machine,
            definition,
            claim,
            acpi: told.acpi,
            smbios: told.smbios,
            maps: map::build(machine, claim, &pieces)?,
            images,
            cmdline,
            placement,
            block,
            walls,
        })
    }

    /// What is worth saying of it: a kernel without EFI, no kexec, and little memory left once everything
    /// is in place.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> {
        let no_efi = (!self.images.boot.bzimage.has_efi).then(|| Warning::NoEfi {
            kernel: self.definition.kernel.clone(),
        });
        let no_kexec = !kexec::is_possible(self.claim, self.images.boot.bzimage);
        let no_kexec = no_kexec.then_some(Warning::NoKexec {
            is_shared: self.claim.shares_low_chunk,
        });
        let others = no_efi.into_iter().chain(no_kexec);
        let others = others.chain(self.tightness()).chain(self.open());
        others.chain(self.reach())
    }

    /// A device with 32 address lines has Linux copy for it, in memory below 4 GiB.
    fn reach(&self) -> Option<Warning> {
        let is_low = |region: &Region| region.overlaps(BELOW_4G);
        let none = !self.claim.memory.iter().any(is_low);
        (none && !self.claim.devices.units.is_empty()).then_some(Warning::NothingLow)
    }

    /// Its devices reach all RAM although the machine could keep others' from it.
    fn open(&self) -> Option<Warning> {
        let why = self.walls.why.as_ref()?;
        self.machine.iommu.as_ref()?;
        Some(Warning::Bare {
            why: why.to_string(),
        })
    }

    fn tightness(&self) -> Option<Warning> {
        let used = self.placement.kernel.size()
            + self.images.initrd_bytes()
            + self.placement.firmware.size();
        let left = self.claim.memory_bytes().saturating_sub(used);
        (left < COMFORTABLE_BYTES).then_some(Warning::Tight { left })
    }
}

/// In the first of the regions from which it can boot that has the room.
fn placed(claim: &Claim, images: &Images<'_>, block: u64) -> Result<Placement, LaunchError> {
    let mut why = LaunchError::NothingLow;
    for region in claim.boot_regions() {
        let others: Vec<Region> = claim
            .memory
            .iter()
            .copied()
            .filter(|other| !other.overlaps(region))
            .collect();
        let kernel = images.boot.bzimage;
        match place(region, &others, kernel, images.initrd_bytes(), block) {
            Ok(placement) => return Ok(placement),
            // What the first one lacks is what its operator can mend.
            Err(error) if matches!(why, LaunchError::NothingLow) => why = error.into(),
            Err(_) => {}
        }
    }
    Err(why)
}

/// The tables that share a part of the block.
struct Told {
    acpi: acpi::Blob,
    smbios: smbios::Blob,
}

impl Told {
    /// Where SMBIOS's tables begin: any multiple of 16 does.
    const ALIGNMENT: u64 = 64;

    /// The tables, to lie at 0 until they are moved.
    fn of(machine: &Machine, definition: &Definition, claim: &Claim) -> Self {
        let mut told = Self {
            acpi: firmware::tables(machine, claim),
            smbios: identity::tables(machine, definition, claim),
        };
        told.move_to(0);
        told
    }

    /// Has them lie at `base`, a multiple of [`Self::ALIGNMENT`].
    fn move_to(&mut self, base: u64) {
        self.acpi.move_to(base);
        let behind = base + self.acpi.bytes.len() as u64;
        self.smbios
            .move_to(behind.next_multiple_of(Self::ALIGNMENT));
    }
}

fn pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE)
}

/// The operator's command line and what Bulkhead adds to it.
fn final_cmdline(
    machine: &Machine,
    definition: &Definition,
    claim: &Claim,
    boot: &Boot<'_>,
) -> Result<String, LaunchError> {
    let owned_io: Vec<u16> = claim.ports().map(Com::io_base).collect();
    let walls = Walls {
        claim_bytes: claim.memory_bytes(),
        tsc_khz: machine.tsc_khz,
        absent_apic_id: firmware::first_absent(machine, claim),
        cores: claim.cores.len(),
        console: claim.console.map(|com| ComPort {
            io_base: com.io_base(),
            tty_index: com.tty_index(),
        }),
        owned_io: &owned_io,
        owns_screen: claim.devices.framebuffer,
        owns_io_apic: !claim.devices.io_apics.is_empty(),
        kernel: boot.bzimage.major_minor(),
        has_kexec: kexec::is_possible(claim, boot.bzimage),
    };
    let given = boot.cmdline(definition).map_err(LaunchError::Kernel)?;
    cmdline::compose(given, &walls, boot.bzimage.cmdline_size).map_err(|error| {
        if definition.cmdline == given {
            LaunchError::Cmdline(error)
        } else {
            LaunchError::UkiCmdline {
                image: boot.image.name.clone(),
                error,
            }
        }
    })
}
