//! The launch plan: every address and every byte, before anything is touched.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::{BootParams, BzImageError, E820, EfiInfo, Placement};
use bulkhead_memory::{Region, RegionSet};
use bulkhead_model::{Boot, ImageError, RestartPolicy, Warning};
use bulkhead_pci::Grant;
use bulkhead_tables::efi;

use crate::domain::{Domain, domain};
use crate::firmware::owned_io_apics;
use crate::images::Images;
use crate::write::{fill, numbered};
use crate::{FirmwareBlock, LaunchError, Layout, ResidentCode, Write, links};

/// Bytes to be copied from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where they lie.
    pub from: Region,
    /// Where they go.
    pub to: u64,
}

impl Copy {
    /// The bytes that will be overwritten; `None` if they would not be addressable.
    #[must_use]
    pub fn target(&self) -> Option<Region> {
        Region::new(self.to, self.from.size())
    }
}

/// A launch, complete. Applying it is copying, writing, clearing, and ringing a doorbell; a
/// restart is applying it again.
#[derive(Clone, Debug)]
pub struct LaunchPlan {
    /// The partition's number.
    pub partition: usize,
    /// Its name.
    pub name: String,
    /// The core that enters the kernel.
    pub boot_core: u32,
    /// Its other cores, ascending: parked until its Linux starts them.
    pub other_cores: Vec<u32>,
    /// When it is launched again by itself.
    pub restart: RestartPolicy,
    /// Whether it may start, restart and kill other partitions.
    pub control: bool,
    /// Where the boot core enters the kernel, in 64-bit mode.
    pub entry: u64,
    /// Physical address of the zero page, for `RSI`.
    pub boot_params: u64,
    /// Physical addresses of the seeds, [`efi::SEED_BYTES`] each: fresh at every launch, after the
    /// writes.
    pub seeds: [u64; 2],
    /// From the images. No two targets of copies and writes overlap.
    pub copies: Vec<Copy>,
    /// The firmware block, but for what is kept from run to run.
    pub writes: Vec<Write>,
    /// What to clear because another partition used it last; nothing that is copied or written to.
    pub clear: Vec<Region>,
    /// The low chunk, if other partitions have it too: their kernels must not write it at once.
    pub shared_low_chunk: Option<Region>,
    /// What to clear of that, once it is its turn to write there.
    pub clear_at_turn: Vec<Region>,
    /// Its PCI functions, to be set up before and quieted after each run.
    pub grant: Grant,
    /// What they reach, where an IOMMU sees to it.
    pub domain: Option<Box<Domain>>,
    /// Register pages of the I/O APICs that it owns, to be masked after each run.
    pub io_apics: Vec<u64>,
    /// Whether it owns the real-time clock, whose time is then its to say.
    pub rtc: bool,
    /// Whether its kernel is one that calls EFI's services.
    pub calls_efi: bool,
    /// What the partition is told.
    pub view: View,
    /// What is worth saying.
    pub warnings: Vec<Warning>,
}

impl LaunchPlan {
    /// The plan as it is kept: without what is only for people to look at, which takes as much room
    /// as the rest. A launch needs nothing of that.
    #[must_use]
    pub fn without_view(mut self) -> Self {
        self.view.e820 = E820::default();
        self.view.efi = Vec::new();
        self.view.tables = Vec::new();
        self.view.cmdline = String::new();
        self.view.kernel_release = None;
        self.warnings = Vec::new();
        self
    }

    /// Local APIC IDs of all its cores, the boot core first.
    pub fn cores(&self) -> impl Iterator<Item = u32> + '_ {
        core::iter::once(self.boot_core).chain(self.other_cores.iter().copied())
    }
}

/// Everything that a partition is told about the machine, as `show` shows it.
#[derive(Clone, Debug)]
pub struct View {
    /// Its memory map.
    pub e820: E820,
    /// The same as EFI descriptors.
    pub efi: Vec<efi::Descriptor>,
    /// Its ACPI tables: signature, physical address, length in bytes.
    pub tables: Vec<([u8; 4], u64, u32)>,
    /// Physical address of its RSDP.
    pub rsdp: u64,
    /// Physical address of its EFI system table.
    pub efi_system_table: u64,
    /// Its command line, with what Bulkhead adds.
    pub cmdline: String,
    /// Where its kernel, its initrd and its firmware block lie.
    pub placement: Placement,
    /// What the firmware block is made of.
    pub block: FirmwareBlock,
    /// The kernel's release, for example `6.1.0-50-cloud-amd64`, if its image tells.
    pub kernel_release: Option<String>,
}

/// Plans the launch of the partition number `id`. Of its RAM, `foreign` holds data of others: pieces, of
/// which none is half in the low chunk.
///
/// # Errors
/// [`LaunchError::Oversized`] and [`LaunchError::RuntimeCode`] if `resident` can't be;
/// [`LaunchError::Kernel`] if the kernel's image is shorter than its header says.
// Not in the frame of who lays it out, from where the stack is deepest.
#[inline(never)]
pub fn plan(
    layout: Layout<'_>,
    id: usize,
    resident: &ResidentCode,
    foreign: &[Region],
    warnings: Vec<Warning>,
) -> Result<LaunchPlan, LaunchError> {
    let Layout {
        machine,
        definition,
        claim,
        ref block,
        ref placement,
        ..
    } = layout;
    let efi = efi::build(&efi::View {
        base: block.efi.start(),
        map: &layout.maps.efi,
        rsdp: layout.acpi.rsdp,
        smbios: layout.smbios.base,
        services: services(resident, block.runtime_code.start()),
    });
    let zero_page = BootParams {
        image: layout.images.boot.bzimage,
        e820: &layout.maps.e820,
        cmdline: block.cmdline.start(),
        cmdline_bytes: layout.cmdline.len(),
        initrd: placement.initrd,
        rsdp: layout.acpi.rsdp,
        screen: machine.screen.filter(|_| claim.devices.framebuffer),
        efi: EfiInfo {
            system_table: efi.system_table,
            memory_map: efi.memory_map,
            memory_map_bytes: efi.memory_map_bytes,
            descriptor_bytes: efi.descriptor_bytes,
            descriptor_version: efi.descriptor_version,
        },
        setup_data: efi.setup_data,
    };
    let mut told = layout.acpi.bytes;
    let behind = layout.smbios.base - layout.acpi.base;
    told.resize(usize::try_from(behind).unwrap_or(told.len()), 0);
    told.extend_from_slice(&layout.smbios.bytes);
    let own = [
        fill(block.zero_page, "the zero page", &zero_page.to_bytes())?,
        fill(block.cmdline, "the command line", layout.cmdline.as_bytes())?,
        fill(block.acpi, "the ACPI and SMBIOS tables", &told)?,
        fill(block.efi, "the EFI tables", &efi.bytes)?,
    ];
    let code = numbered(block.runtime_code, resident, id)?;
    let (copies, gaps) = copies(&layout.images, placement)?;
    let shared_low_chunk = claim.shares_low_chunk.then_some(claim.low_chunk);
    let links = links::writes(claim, &definition.name)?;
    let writes: Vec<Write> = own
        .into_iter()
        .chain(code)
        .chain(gaps)
        .chain(links)
        .collect();
    let is_shared = |part: &Region| shared_low_chunk.is_some_and(|chunk| chunk.overlaps(*part));
    let (clear_at_turn, foreign): (Vec<_>, Vec<_>) = foreign.iter().copied().partition(is_shared);
    Ok(LaunchPlan {
        partition: id,
        name: definition.name.clone(),
        boot_core: claim.boot_core(),
        other_cores: claim.cores.iter().skip(1).copied().collect(),
        restart: definition.restart,
        control: definition.control.is_any(),
        entry: placement.entry,
        boot_params: block.zero_page.start(),
        seeds: efi.seeds,
        clear: to_clear(&foreign, &copies, &writes),
        copies,
        writes,
        shared_low_chunk,
        clear_at_turn,
        grant: Grant::new(&machine.functions, &claim.devices.units),
        domain: block
            .iommu
            .map(|room| Box::new(domain(machine, layout.walls.isolation, claim, room))),
        io_apics: owned_io_apics(machine, claim)
            .map(|io_apic| io_apic.address)
            .collect(),
        rtc: claim.devices.rtc,
        calls_efi: layout.images.boot.bzimage.has_efi,
        view: View {
            rsdp: layout.acpi.rsdp,
            efi_system_table: efi.system_table,
            placement: layout.placement,
            block: layout.block,
            kernel_release: layout.images.boot.bzimage.release().map(String::from),
            e820: layout.maps.e820,
            efi: layout.maps.efi,
            tables: layout.acpi.tables,
            cmdline: layout.cmdline,
        },
        warnings,
    })
}

fn services(resident: &ResidentCode, base: u64) -> efi::Services {
    efi::Services::from_array(resident.services.map(|offset| base + u64::from(offset)))
}

/// The kernel's protected-mode part (`boot.rst`, "Loading The Rest of The Kernel") and the initrds, and
/// the zeros between these.
fn copies(
    images: &Images<'_>,
    placement: &Placement,
) -> Result<(Vec<Copy>, Vec<Write>), LaunchError> {
    let Boot {
        image,
        bzimage,
        file,
        ..
    } = images.boot;
    let start = file.start().saturating_add(bzimage.setup_bytes);
    let from = Region::new(start, bzimage.protected_mode_bytes)
        .filter(|from| file.contains_region(*from))
        .ok_or_else(|| {
            LaunchError::Kernel(ImageError::BadKernel {
                name: image.name.clone(),
                reason: BzImageError::Truncated {
                    have: file.size(),
                    need: bzimage
                        .setup_bytes
                        .saturating_add(bzimage.protected_mode_bytes),
                },
            })
        })?;
    let kernel = Copy {
        from,
        to: placement.kernel.start(),
    };
    let (initrds, gaps) = match placement.initrd {
        Some(initrd) => images.join_at(initrd.start()),
        None => (Vec::new(), Vec::new()),
    };
    Ok(([kernel].into_iter().chain(initrds).collect(), gaps))
}

/// What another partition used last and nothing of the plan overwrites.
fn to_clear(foreign: &[Region], copies: &[Copy], writes: &[Write]) -> Vec<Region> {
    let mut clear: RegionSet = foreign.iter().copied().collect();
    let copied = copies.iter().filter_map(Copy::target);
    for target in copied.chain(writes.iter().filter_map(Write::target)) {
        clear.remove(target);
    }
    clear.iter().collect()
}
