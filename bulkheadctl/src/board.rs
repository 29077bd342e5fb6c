//! From a survey's inputs to the machine's description, by the crates that the kernel has.
//!
//! What the kernel does by hardware is stood in for here: cores that firmware names answer, a UART is
//! where Linux found one, and the shell takes the port that it would take.

use std::collections::BTreeMap;

use bulkhead_describe::cores::{FoundCore, Topology, to_start};
use bulkhead_describe::images::Module;
use bulkhead_describe::ports::{Candidate, Ports, com, where_it_is};
use bulkhead_describe::{Found, ShellLine, describe};
use bulkhead_firmware::{Firmware, Identity, discover};
use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{Com, FirmwareKind, Machine, MemoryKind, MemoryRange, map};
use bulkhead_pci::{Function, scan};

use crate::acpi::Tables;
use crate::config::SavedConfig;
use crate::layout::{LARGEST, MAX_CORES, MAX_FUNCTIONS, MAX_RANGES};
use crate::pack::{Pack, hex};
pub use crate::places::File;
use crate::places::Places;

/// Everything above this is not reached by the kernel's page tables: `REACH` of its `machine.rs`.
pub const REACH: u64 = 512 << 30;
/// CPUID's answers: by leaf and subleaf.
type Leaves = BTreeMap<(u32, u32), [u32; 4]>;

/// The machine, and what its description does not say.
pub struct Board {
    /// The machine as Bulkhead would describe it.
    pub machine: Machine,
    /// What firmware's tables say.
    pub firmware: Firmware,
    /// The functions before addresses were given to BARs that have none.
    pub functions: Vec<Function>,
    /// Functions of which only the first 64 bytes are known.
    pub cut: usize,
    /// Functions for which there is no room.
    pub left_out_functions: usize,
    /// Cores for which there is no room.
    pub left_out_cores: usize,
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
    let config = SavedConfig::of(pack);
    // A file may claim segments without end; in one without functions there is nothing to look for.
    let ranges: Vec<_> = firmware
        .ecam
        .iter()
        .filter(|range| config.has_segment(range.segment))
        .copied()
        .collect();
    let found = scan(&config, &ranges, MAX_FUNCTIONS);
    let memory = map::within_reach(&memory(pack), REACH);
    let leaves = leaves(pack);
    let boot_core = boot_core(&leaves);
    let mut ids = to_start(&firmware, boot_core);
    let named = ids.len();
    ids.truncate(MAX_CORES);
    let ports = uarts(pack);
    let line = shell_line(&firmware, &found.functions, &memory, &ports);
    let cores = ids.iter().map(|id| FoundCore {
        apic_id: *id,
        responding: true,
    });
    let cores: Vec<FoundCore> = cores.collect();
    let places = files.map(|files| Places::of(&memory, files, cores.len()));
    let places = places.unwrap_or_default();
    let modules = files.unwrap_or_default().iter().zip(&places.files);
    let modules = modules.map(|(file, region)| Module {
        name: file.name.clone(),
        region: *region,
        bytes: &file.bytes,
        told: bulkhead_model::Told::default(),
    });
    let nothing = Region::new(0, PAGE).expect("constant");
    let mut machine = describe(Found {
        loader: String::new(),
        firmware_kind: match pack.get("efi") {
            Some(_) => FirmwareKind::Uefi,
            None => FirmwareKind::Bios,
        },
        screen: pack.get("screen").and_then(screen),
        memory,
        kernel: places.kernel.unwrap_or(nothing),
        taken: places.taken,
        modules: modules.collect(),
        firmware: firmware.clone(),
        cores,
        boot_core,
        topology: Topology::of(&|leaf, subleaf| answer(&leaves, leaf, subleaf)),
        functions: found.functions.clone(),
        ports,
        line,
        // Nobody's port reads as all ones.
        has_ps2: pack.number("ps2").is_some_and(|status| status != 0xff),
        tsc_khz: pack.text("tsc").trim().parse().unwrap_or(0),
        cpu_model: brand(&leaves),
        identity: Identity::default(),
    });
    if places.kernel.is_none() {
        machine
            .resident
            .retain(|resident| resident.what != "kernel");
    }
    Board {
        left_out_cores: named - machine.cores.len(),
        machine,
        firmware,
        functions: found.functions,
        cut: config.cut,
        left_out_functions: found.left_out,
    }
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
    ranges.take(MAX_RANGES).collect()
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

/// What the first core that answered says: Linux begins with the boot processor.
fn leaves(pack: &Pack) -> Leaves {
    let text = pack.text("cpuid");
    let mut first = None;
    let mut leaves = Leaves::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [cpu, numbers @ ..] = words.as_slice() else {
            continue;
        };
        if *first.get_or_insert(*cpu) != *cpu {
            break;
        }
        let mut numbers = numbers
            .iter()
            .filter_map(|word| u32::from_str_radix(word, 16).ok());
        let mut next = || numbers.next();
        if let (Some(leaf), Some(subleaf), Some(a), Some(b), Some(c), Some(d)) =
            (next(), next(), next(), next(), next(), next())
        {
            leaves.insert((leaf, subleaf), [a, b, c, d]);
        }
    }
    leaves
}

fn answer(leaves: &Leaves, leaf: u32, subleaf: u32) -> [u32; 4] {
    leaves.get(&(leaf, subleaf)).copied().unwrap_or_default()
}

/// Its local APIC ID: 32 bits where the extended topology has it, else 8.
fn boot_core(leaves: &Leaves) -> u32 {
    let [_, levels, _, id] = answer(leaves, 0xb, 0);
    let [_, features, ..] = answer(leaves, 1, 0);
    if levels & 0xffff == 0 {
        features >> 24
    } else {
        id
    }
}

fn brand(leaves: &Leaves) -> String {
    let words = (0x8000_0002..=0x8000_0004).flat_map(|leaf| answer(leaves, leaf, 0));
    let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    let text = String::from_utf8_lossy(&bytes);
    text.trim_matches(['\0', ' '])
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

fn uarts(pack: &Pack) -> Vec<Com> {
    let text = pack.text("ports");
    let ports: Vec<u64> = text.lines().filter_map(hex).collect();
    let answers = |com: &Com| ports.contains(&u64::from(com.io_base()));
    Com::ALL.into_iter().filter(answers).collect()
}

/// The port that the shell takes where nothing is said: that of firmware's console (SPCR), else COM1.
fn shell_line(
    firmware: &Firmware,
    functions: &[Function],
    memory: &[MemoryRange],
    there: &[Com],
) -> ShellLine {
    let ports = Ports {
        firmware: firmware.console.as_ref(),
        functions,
        memory,
        reach: REACH,
    };
    let by_table = firmware
        .console
        .as_ref()
        .and_then(|port| port.as_ref().ok());
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
