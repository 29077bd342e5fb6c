//! What the Linux that runs this shows of its machine.
//!
//! Nothing is changed: files are read, and CPUID is asked on each core in turn.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::pack::Pack;
use crate::scrub;
use crate::secrets::Secrets;

mod kernel_log;

/// Longest piece that is read, in bytes.
const MOST_BYTES: usize = 8 << 20;
/// The PS/2 controller's status register, as a place of `/dev/port`.
const PS2_STATUS: u64 = 0x64;
/// `IA32_APIC_BASE`.
const APIC_BASE: u64 = 0x1b;
/// `struct screen_info` of the zero page.
const SCREEN_BYTES: usize = 64;
/// What SMBIOS says of models; its serial numbers and UUID are not read.
const MODELS: [&str; 7] = [
    "sys_vendor",
    "product_name",
    "board_vendor",
    "board_name",
    "bios_vendor",
    "bios_version",
    "bios_date",
];

/// What could not be read, and what it would have told; a line each.
pub type Missing = Vec<String>;

/// Gathers the inputs. Serial numbers and addresses are taken out at once.
#[must_use]
pub fn gather() -> (Pack, Missing) {
    let mut pack = Pack::default();
    let mut missing = Missing::new();
    acpi_tables(&mut pack, &mut missing);
    memory_map(&mut pack, &mut missing);
    functions(&mut pack);
    pack.put("cpuid", processors());
    if let Ok(zero_page) = fs::read("/sys/kernel/boot_params/data") {
        let length = zero_page.len().min(SCREEN_BYTES);
        pack.put("screen", &zero_page[..length]);
    }
    if Path::new("/sys/firmware/efi").exists() {
        pack.put("efi", *b"yes\n");
    }
    // Four bytes of attributes, then the value (UEFI 2.10 §32.3, `SecureBoot`).
    const SECURE_BOOT: &str =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    if let Ok([.., 1]) = fs::read(SECURE_BOOT).as_deref() {
        pack.put("secure-boot", *b"on\n");
    }
    pack.put("ports", serial_ports());
    pack.put("ps2", ps2_status());
    if let Some(base) = apic_base() {
        pack.put("apic-base", format!("{base:x}\n"));
    }
    let log = kernel_log::KernelLog::read();
    if let Some(is_on) = log.x2apic_by_firmware() {
        pack.put("x2apic", if is_on { "on\n" } else { "off\n" });
    }
    if let Some(khz) = tsc_khz() {
        pack.put("tsc", format!("{khz}\n"));
    }
    let iommus = iommus();
    // A Linux that uses them has said so when it booted.
    if let (Some(is_on), false) = (log.iommu_by_firmware(), iommus.is_empty()) {
        pack.put("iommu-left", if is_on { "on\n" } else { "off\n" });
    }
    pack.put("iommu", iommus);
    let models = MODELS.iter().filter_map(|name| {
        let value = fs::read_to_string(format!("/sys/class/dmi/id/{name}")).ok()?;
        Some(format!("{name} {}\n", value.trim()))
    });
    pack.put("dmi", models.collect::<String>());
    scrub::scrub(&mut pack, &Secrets::here());
    (pack, missing)
}

/// The names in a folder, sorted; none if it is not there.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The IOMMUs that Linux uses, a line each, and what the registers that it shows say.
fn iommus() -> String {
    const FOLDER: &str = "/sys/class/iommu";
    let mut lines = String::new();
    for name in names(FOLDER) {
        lines.push_str(&name);
        for register in ["intel-iommu/address", "intel-iommu/cap", "intel-iommu/ecap"] {
            if let Ok(value) = fs::read_to_string(format!("{FOLDER}/{name}/{register}")) {
                let word = register.rsplit('/').next().unwrap_or_default();
                lines.push_str(&format!(" {word}={}", value.trim()));
            }
        }
        lines.push('\n');
    }
    lines
}

fn acpi_tables(pack: &mut Pack, missing: &mut Missing) {
    const FOLDER: &str = "/sys/firmware/acpi/tables";
    for folder in ["", "dynamic/"] {
        for name in names(&format!("{FOLDER}/{folder}")) {
            let path = format!("{FOLDER}/{folder}{name}");
            if !Path::new(&path).is_file() {
                continue;
            }
            match fs::read(&path) {
                Ok(bytes) if bytes.len() <= MOST_BYTES => {
                    pack.put(format!("acpi/{folder}{name}"), bytes);
                }
                Ok(_) => missing.push(format!("{path}: longer than 8 MiB")),
                Err(error) => missing.push(format!("{path}: {error}")),
            }
        }
    }
    if pack.below("acpi/").next().is_none() {
        missing.push(format!(
            "{FOLDER}: no table could be read: cores, PCI and interrupts are not known"
        ));
    }
}

/// Firmware's own map; without it what Linux made of it, which root can see.
fn memory_map(pack: &mut Pack, missing: &mut Missing) {
    const FOLDER: &str = "/sys/firmware/memmap";
    let mut ranges: Vec<(u64, String)> = Vec::new();
    for name in names(FOLDER) {
        let read = |what| fs::read_to_string(format!("{FOLDER}/{name}/{what}")).ok();
        let number = |what| crate::pack::hex(read(what)?.trim());
        if let (Some(start), Some(end), Some(kind)) = (number("start"), number("end"), read("type"))
        {
            ranges.push((start, format!("{start:x} {end:x} {}\n", kind.trim())));
        }
    }
    if ranges.is_empty() {
        let all = fs::read_to_string("/proc/iomem").unwrap_or_default();
        for line in all.lines().filter(|line| !line.starts_with(' ')) {
            let Some(((start, end), kind)) = line
                .split_once(" : ")
                .and_then(|(range, kind)| Some((range.split_once('-')?, kind)))
            else {
                continue;
            };
            let Some(number) = crate::pack::hex(start).filter(|_| end != "00000000") else {
                continue;
            };
            ranges.push((number, format!("{start} {end} {kind}\n")));
        }
        let why = if ranges.is_empty() {
            "the memory map is not known"
        } else {
            "the memory map is what Linux made of it, in /proc/iomem"
        };
        missing.push(format!("{FOLDER} (CONFIG_FIRMWARE_MEMMAP): {why}"));
    }
    ranges.sort();
    pack.put(
        "memmap",
        ranges.into_iter().map(|(_, line)| line).collect::<String>(),
    );
}

fn functions(pack: &mut Pack) {
    const FOLDER: &str = "/sys/bus/pci/devices";
    for name in names(FOLDER) {
        for what in ["config", "resource"] {
            if let Ok(bytes) = fs::read(format!("{FOLDER}/{name}/{what}")) {
                pack.put(format!("pci/{name}/{what}"), bytes);
            }
        }
    }
}

/// A line for each leaf and subleaf that each core answers, the core that Linux calls 0 first.
fn processors() -> String {
    let Ok(before) = sched_getaffinity(None) else {
        return leaves(0);
    };
    let mut text = String::new();
    for cpu in 0..CpuSet::MAX_CPU {
        let mut one = CpuSet::new();
        one.set(cpu);
        if before.is_set(cpu) && sched_setaffinity(None, &one).is_ok() {
            text.push_str(&leaves(cpu));
        }
    }
    // It would only be slower on one core.
    let _ = sched_setaffinity(None, &before);
    text
}

fn leaves(cpu: usize) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for base in [0u32, 0x8000_0000] {
        let last = raw_cpuid::cpuid!(base).eax;
        for leaf in base..=last.min(base + 0x3f) {
            // Leaf 3 was a serial number.
            let subleaves = match leaf {
                3 => 0,
                4 | 7 | 0xb | 0xd | 0x1f | 0x8000_001d | 0x8000_0026 => 6,
                _ => 1,
            };
            for subleaf in 0..subleaves {
                let found = raw_cpuid::cpuid!(leaf, subleaf);
                let [a, b, c, d] = [found.eax, found.ebx, found.ecx, found.edx];
                let _ = writeln!(text, "{cpu} {leaf:x} {subleaf:x} {a:x} {b:x} {c:x} {d:x}");
            }
        }
    }
    text
}

/// The I/O ports at which Linux found a UART.
fn serial_ports() -> String {
    let all = fs::read_to_string("/proc/tty/driver/serial").unwrap_or_default();
    let found = all.lines().filter(|line| !line.contains("uart:unknown"));
    let ports = found.filter_map(|line| {
        let port = line
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix("port:"))?;
        Some(format!("{:x}\n", crate::pack::hex(port)?))
    });
    ports.collect()
}

/// The controller's status where it can be read (root); else whether Linux has a driver on it. Where Linux
/// has, it answers, whatever the port reads just now.
fn ps2_status() -> String {
    const NOBODY: u8 = 0xff;
    const IDLE: u8 = 0x1c;
    let mut status = [NOBODY];
    let port = File::open("/dev/port").and_then(|port| port.read_exact_at(&mut status, PS2_STATUS));
    let is_driven = Path::new("/sys/bus/serio/devices/serio0").exists();
    let status = match (port, status) {
        (Ok(()), [status]) if status != NOBODY || !is_driven => status,
        _ if is_driven => IDLE,
        _ => NOBODY,
    };
    format!("{status:x}\n")
}

fn apic_base() -> Option<u64> {
    let mut value = [0; 8];
    let registers = File::open("/dev/cpu/0/msr").ok()?;
    registers.read_exact_at(&mut value, APIC_BASE).ok()?;
    Some(u64::from_le_bytes(value))
}

/// What Linux says that the first core runs at: near the TSC's rate on most machines.
fn tsc_khz() -> Option<u64> {
    let all = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = all.lines().find(|line| line.starts_with("cpu MHz"))?;
    let mhz = line.split_once(':')?.1.trim();
    let (whole, part) = mhz.split_once('.').unwrap_or((mhz, "0"));
    let khz: u64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    Some(whole.parse::<u64>().ok()?.checked_mul(1000)? + khz)
}
