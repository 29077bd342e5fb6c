//! From a survey's inputs to the machine's description, by the crates that the kernel has.
//!
//! What the kernel does by hardware is stood in for here: cores that firmware names answer, a UART is
//! where Linux found one, and the shell takes the port that it would take.

use bulkhead_describe::images::Module;
use bulkhead_describe::ports::{Candidate, Ports, com, where_it_is};
use bulkhead_describe::{Found, ShellLine, describe};
use bulkhead_firmware::{Firmware, Identity, discover};
use bulkhead_iommu::{Iommus, Kind, Shape};
use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{Com, FirmwareKind, Iommu, Machine, MemoryKind, MemoryRange, Told, map};
use bulkhead_pci::{EcamRange, Function, scan};

use crate::acpi::Tables;
use crate::config::SavedConfig;
use crate::layout::{LARGEST, MAX_FUNCTIONS, MAX_RANGES};
use crate::pack::{Pack, hex};
pub use crate::places::File;
use crate::places::Places;
use crate::processors::Processors;

/// The machine, and what its description does not say.
pub struct Board {
    /// The machine as Bulkhead would describe it.
    pub machine: Machine,
    /// What firmware's tables say.
    pub firmware: Firmware,
    /// What they say of IOMMUs.
    pub iommus: Iommus,
    /// The functions before addresses were given to BARs that have none.
    pub functions: Vec<Function>,
    /// What is known of cores beside.
    pub processors: Processors,
    /// Functions of which only the first 64 bytes are known.
    pub cut: usize,
    /// Functions for which there is no room.
    pub left_out_functions: usize,
    /// Ranges of configuration space where no page table leads.
    pub beyond: usize,
    /// How far RAM is reached at most.
    pub most_reach: u64,
    /// RAM above that, in bytes.
    pub unreached: u64,
}

/// What a unit walks whose registers are not known: the tables take the most room with it.
const fn likely(kind: Kind) -> Shape {
    Shape {
        kind,
        levels: 4,
        has_2m: true,
        // AMD's units have all sizes.
        has_1g: matches!(kind, Kind::AmdVi),
    }
}

/// Describes the machine that the inputs are of. With `files`, RAM for them and for Bulkhead itself
/// is taken; without, all of it is free: where a loader puts them is the loader's choice.
#[must_use]
pub fn board(pack: &Pack, files: Option<&[File]>) -> Board {
    let tables = Tables::of(pack);
    let firmware = tables
        .rsdp
        .map(|rsdp| discover(&tables, rsdp))
        .unwrap_or_default();
    let iommus = Iommus::read(&tables, &firmware.tables);
    let processors = Processors::of(pack, &firmware);
    let config = SavedConfig::of(pack);
    let (ranges, beyond) = configuration_space(&firmware, &config);
    let found = scan(&config, &ranges, MAX_FUNCTIONS, |_, _| ());
    let whole = memory(pack);
    let has_gigabyte_pages = processors.has_gigabyte_pages();
    let reach = map::reach(&map::cacheable(&whole), has_gigabyte_pages);
    let memory = map::within_reach(&whole, reach);
    let unreached = map::ram(&whole).total() - map::ram(&memory).total();
    let ports = uarts(pack);
    let line = shell_line(
        &Ports {
            firmware: firmware.console.as_ref(),
            functions: &found.functions,
            memory: &memory,
            reach,
        },
        &ports,
    );
    let files = files.map(|files| (files, Places::of(&memory, files, processors.cores.len())));
    let mut machine = machine(
        Found {
            loader: String::new(),
            firmware_kind: firmware_kind(pack),
            screen: pack.get("screen").and_then(screen),
            memory,
            kernel: Region::new(0, PAGE).expect("constant"),
            taken: Vec::new(),
            modules: Vec::new(),
            firmware: firmware.clone(),
            cores: processors.cores.clone(),
            boot_core: processors.boot_core,
            topology: processors.topology(),
            functions: found.functions.clone(),
            ports,
            line,
            // Nobody's port reads as all ones.
            has_ps2: pack.number("ps2").is_some_and(|status| status != 0xff),
            tsc_khz: pack.text("tsc").trim().parse().unwrap_or(0),
            cpu_model: processors.brand(),
            identity: Identity::default(),
        },
        files,
    );
    if let Some(kind) = iommus.kind
        && !iommus.units.is_empty()
    {
        let iommu = Iommu::of(likely(kind), &iommus, &found.functions);
        machine.set_iommu(Ok(Some(iommu)));
    }
    Board {
        machine,
        firmware,
        iommus,
        functions: found.functions,
        processors,
        cut: config.cut,
        left_out_functions: found.left_out,
        beyond,
        most_reach: map::most_reach(has_gigabyte_pages),
        unreached,
    }
}

fn firmware_kind(pack: &Pack) -> FirmwareKind {
    match pack.get("efi") {
        Some(_) => FirmwareKind::Uefi,
        None => FirmwareKind::Bios,
    }
}

/// The description, with the kernel and the files where they are placed, if they are.
fn machine<'a>(mut found: Found<'a>, placed: Option<(&'a [File], Places)>) -> Machine {
    let (files, places) = placed.unwrap_or_default();
    let modules = files.iter().zip(places.files).map(|(file, region)| Module {
        name: file.name.clone(),
        region,
        bytes: &file.bytes,
        told: Told::default(),
    });
    found.modules = modules.collect();
    found.taken = places.taken;
    found.kernel = places.kernel.unwrap_or(found.kernel);
    let mut machine = describe(found);
    if places.kernel.is_none() {
        machine
            .resident
            .retain(|resident| resident.what != "kernel");
    }
    machine
}

/// The ranges of configuration space to look at, and how many are beyond what the kernel can map.
fn configuration_space(firmware: &Firmware, config: &SavedConfig) -> (Vec<EcamRange>, usize) {
    let is_near = |range: &EcamRange| {
        range
            .region()
            .is_some_and(|region| region.end() <= map::MOST_REACH)
    };
    let mut ranges = firmware.ecam.clone();
    let named = ranges.len();
    ranges.retain(is_near);
    let beyond = named - ranges.len();
    // A file may claim segments without end; in one without functions there is nothing to look for.
    ranges.retain(|range| config.has_segment(range.segment));
    (ranges, beyond)
}

/// Firmware's memory map, as the loaders hand it over.
fn memory(pack: &Pack) -> Vec<MemoryRange> {
    let text = pack.text("memmap");
    let ranges = text.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (start, end) = (hex(words.next()?)?, hex(words.next()?)?);
        let size = end.checked_sub(start)?.saturating_add(1);
        MemoryRange::new(start, size, kind(words.next().unwrap_or_default()))
    });
    map::bounded(ranges, MAX_RANGES)
}

/// By the words of Linux, in `firmware_map_add_early()` and in `/proc/iomem`.
fn kind(word: &str) -> MemoryKind {
    match word.trim() {
        "System RAM" | "usable" => MemoryKind::Usable,
        "ACPI Tables" | "ACPI data" => MemoryKind::AcpiTables,
        "ACPI Non-volatile Storage" | "ACPI NVS" => MemoryKind::AcpiNvs,
        "Unusable memory" | "unusable" => MemoryKind::Bad,
        _ => MemoryKind::Reserved,
    }
}

fn uarts(pack: &Pack) -> Vec<Com> {
    let text = pack.text("ports");
    let ports: Vec<u64> = text.lines().filter_map(hex).collect();
    let answers = |com: &Com| ports.contains(&u64::from(com.io_base()));
    Com::ALL.into_iter().filter(answers).collect()
}

/// The port that the shell takes where nothing is said: that of firmware's console (SPCR), else COM1.
fn shell_line(ports: &Ports<'_>, there: &[Com]) -> ShellLine {
    let by_table = ports.firmware.and_then(|port| port.as_ref().ok());
    let by_table = by_table.and_then(|port| ports.of_firmware(port, None).ok());
    let candidates = by_table
        .into_iter()
        .chain([Candidate::of_com(Com::Com1, None)]);
    // Of a port that is none of the four nobody can tell from here whether it answers.
    let answers = |port: &Candidate| com(port.registers).is_none_or(|com| there.contains(&com));
    let Some(port) = candidates.into_iter().find(answers) else {
        return ShellLine::default();
    };
    let function = port.function.or_else(|| ports.function_at(port.registers));
    ShellLine {
        com: com(port.registers),
        function,
        text: match function {
            Some(function) => format!("PCI function {function}"),
            None => where_it_is(port.registers),
        },
    }
}

/// A frame buffer by the zero page's `struct screen_info` (`include/uapi/linux/screen_info.h`).
fn screen(bytes: &[u8]) -> Option<Screen> {
    const LINEAR: [u8; 2] = [0x23, 0x70];
    let word = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let dword = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let channel = |at: usize| {
        Some(Channel {
            size: *bytes.get(at)?,
            position: *bytes.get(at + 1)?,
        })
    };
    let kind = *bytes.get(0x0f)?;
    let has_high = dword(0x36)? & 2 != 0;
    let high = if has_high {
        u64::from(dword(0x3a)?) << 32
    } else {
        0
    };
    let (height, pitch) = (word(0x14)?, word(0x24)?);
    let screen = Screen {
        base: high | u64::from(dword(0x18)?),
        size: u64::from(pitch) * u64::from(height),
        width: word(0x12)?,
        height,
        pitch,
        bits_per_pixel: u8::try_from(word(0x16)?).ok()?,
        red: channel(0x26)?,
        green: channel(0x28)?,
        blue: channel(0x2a)?,
        reserved: channel(0x2c)?,
        is_efi: true,
    };
    (LINEAR.contains(&kind) && screen.base != 0 && screen.size != 0).then_some(screen)
}

/// Most partitions that a machine like this is given room for.
#[must_use]
pub fn most_partitions(machine: &Machine) -> usize {
    machine.cores.len().min(LARGEST.partitions)
}
