//! A first boot script for a machine and the kernels of its Linux.

use std::cmp::Ordering;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use bulkhead_memory::Bytes;
use bulkhead_model::{Com, Machine};
use bulkhead_shell::limits::LINE_BYTES;

use crate::board::{File, board};
use crate::boot::version::compare;
use crate::operator::Operator;
use crate::pack::Pack;
use crate::standing::Given;

const MIB: u64 = 1 << 20;
/// What a distribution's Linux starts with in comfort; half of it has to do on a small machine.
const WANTED: [u64; 3] = [2048 * MIB, 1024 * MIB, 512 * MIB];

/// A script that the shell accepts on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggested {
    /// Its text.
    pub script: String,
    /// What the shell warns of when it runs it.
    pub warnings: Vec<String>,
}

/// Suggests a script for this machine, which says that it can be checked by these words.
///
/// # Errors
/// Why there can be none.
pub fn suggest(pack: &Pack, files: &[File], check: &[String]) -> Result<Suggested, String> {
    let machine = board(pack, Some(files)).machine;
    // The package's name for it first, if it is there by that.
    let names = || machine.images.iter().map(|image| image.name.as_str());
    let newest = || {
        let kernels = names().filter(|name| name.starts_with("vmlinuz"));
        kernels.min_by(|a, b| newest_first(a, b))
    };
    let kernel = names().find(|name| *name == "linux").or_else(newest);
    let Some(kernel) = kernel.map(String::from) else {
        return Err(String::from(
            "there is no kernel (a file /boot/vmlinuz-*; or name one: --image linux=PATH)",
        ));
    };
    let cores = siblings(&machine);
    let Some(cores) = cores.first() else {
        return Err(String::from("there is no core beside Bulkhead's own"));
    };
    let initrd = initrd_of(&kernel, &machine);
    let mut why = String::new();
    for memory in WANTED {
        let text = hint(check) + &script(&machine, cores, memory, &kernel, initrd.as_deref());
        let (said, done) =
            Operator::new(machine.clone(), files.to_vec()).run("bulkhead.conf", &text);
        if done.is_ok() {
            // Defining and checking both say it.
            let mut warnings: Vec<String> = said
                .lines()
                .filter(|line| line.starts_with("warning: "))
                .map(String::from)
                .collect();
            warnings.dedup();
            return Ok(Suggested {
                script: text,
                warnings,
            });
        }
        why = said;
    }
    Err(format!("the shell refuses what would be suggested:\n{why}"))
}

/// The cores that are not Bulkhead's, by physical core; without those that share Bulkhead's.
fn siblings(machine: &Machine) -> Vec<Vec<u32>> {
    let own = machine
        .core(machine.boot_core)
        .map(|core| (core.package, core.core));
    let mut groups: Vec<((u32, u32), Vec<u32>)> = Vec::new();
    for core in machine
        .cores
        .iter()
        .filter(|core| core.apic_id != machine.boot_core)
    {
        let place = (core.package, core.core);
        match groups.iter_mut().find(|(known, _)| *known == place) {
            Some((_, group)) => group.push(core.apic_id),
            None => groups.push((place, vec![core.apic_id])),
        }
    }
    groups.sort_by_key(|(place, _)| Some(*place) == own);
    groups.into_iter().map(|(_, group)| group).collect()
}

fn initrd_of(kernel: &str, machine: &Machine) -> Option<String> {
    let names = match kernel.strip_prefix("vmlinuz") {
        Some(version) => vec![
            format!("initrd.img{version}"),
            format!("initramfs{version}.img"),
            // openSUSE's, and Alpine's.
            format!("initrd{version}"),
            format!("initramfs{version}"),
        ],
        None => vec![String::from("initrd")],
    };
    names.into_iter().find(|name| machine.image(name).is_some())
}

/// A comment with these words, as a shell of Linux reads them; nothing if no line of a script can hold them.
fn hint(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    let quoted = |word: &String| {
        if !word.is_empty() && word.chars().all(is_plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', "'\\''"))
    };
    let words: Vec<String> = words.iter().map(quoted).collect();
    let line = format!("# check it: {}", words.join(" "));
    if words.is_empty() || line.len() > LINE_BYTES || line.contains(char::is_control) {
        return String::new();
    }
    line + "\n"
}

fn script(
    machine: &Machine,
    cores: &[u32],
    memory: u64,
    kernel: &str,
    initrd: Option<&str>,
) -> String {
    let mut text = String::new();
    let list: Vec<String> = cores.iter().map(u32::to_string).collect();
    let free = |com: &&Com| {
        machine
            .uarts
            .iter()
            .any(|uart| uart.port == **com && !uart.is_shell)
    };
    let console = Com::ALL.iter().find(free);
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "# A first partition, without devices. `devices` says what it can have. An initrd that finds no disk\n\
         # reboots by itself, so it is not launched again before it has one."
    );
    for function in alone(machine) {
        let _ = writeln!(text, "# can be owned alone: devices={function}");
    }
    let _ = write!(
        text,
        "define first cores={} memory={} kernel={kernel}",
        list.join(","),
        Bytes(memory)
    );
    if let Some(initrd) = initrd {
        let _ = write!(text, " initrd={initrd}");
    }
    if let Some(console) = console {
        let _ = write!(text, " console={}", console.name());
    }
    let _ = writeln!(text, " restart=never\ncheck first\n# start first");
    text
}

fn alone(machine: &Machine) -> impl Iterator<Item = bulkhead_pci::Address> {
    let functions = machine.functions.iter();
    functions
        .filter(|function| Given::of(machine, function) == Given::Alone)
        .map(|function| function.address)
}

/// The kernels and initrds of a folder, newest kernels first.
#[must_use]
pub fn images_of(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut named: Vec<_> = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, path)| version(name).is_some() && path.is_file())
        .collect();
    named.sort_by(|(a, _), (b, _)| newest_first(a, b));
    named
}

/// Kernels before initrds, and each with the newest before the others; what is kept for the case that a new one
/// fails comes last, whatever its version.
fn newest_first(a: &str, b: &str) -> Ordering {
    let is_initrd = |name: &str| !name.starts_with("vmlinuz");
    // Linux's release candidates come before the release.
    let version = |name| version(name).unwrap_or_default().replace("-rc", "~rc");
    is_initrd(a)
        .cmp(&is_initrd(b))
        .then_with(|| is_spare(a).cmp(&is_spare(b)))
        .then_with(|| compare(&version(b), &version(a)))
        .then_with(|| a.cmp(b))
}

/// What distributions call the kernel before this one, and the one that is never updated.
fn is_spare(name: &str) -> bool {
    let ends = [".old", ".bak", ".dpkg-bak", ".dpkg-old", ".rpmsave"];
    let parts = ["rescue", "fallback"];
    ends.iter().any(|end| name.ends_with(end)) || parts.iter().any(|part| name.contains(part))
}

/// The version in the name of a kernel or an initrd, which may have none there; `None` if it is neither.
fn version(name: &str) -> Option<&str> {
    let starts = ["vmlinuz", "initrd.img", "initrd", "initramfs"];
    let version = starts.iter().find_map(|start| name.strip_prefix(start))?;
    let version = version.trim_start_matches('-');
    Some(version.strip_suffix(".img").unwrap_or(version))
}
