//! The command line of a kernel that a partition's Linux enters by `kexec`: what a boot entry of its disk
//! says, and what Bulkhead had told the Linux that runs.
//!
//! Bulkhead does not see a `kexec`, and nobody checks the line that is given then. So whoever takes it from
//! somewhere else than `/proc/cmdline` does what [`compose`](super::compose) does: refuses by the same
//! rules, lets the walls win.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::ports::owned_ports;
use super::rules::RULES;
use super::words::{Word, init_words, kernel_end, kernel_words, plain_words};
use super::{
    CmdlineError, LEAVES_ABSENT_ALONE, SEEN_THROUGH_QUOTES, check_ports, check_text, count, memory,
    refused,
};

/// The words of [`super::wall_parameters`] by their names; those that others may also say, whole.
const WALLS: [&str; 9] = [
    "no_ipi_broadcast",
    "disable_cpu_apicid",
    "unknown_nmi_panic",
    "tsc_early_khz",
    "pci=noearly",
    "efi=runtime",
    "noapic",
    "sysctl.kernel.kexec_load_disabled",
    "reserve",
];
/// The words of [`super::default_parameters`], which an entry takes the place of.
const DEFAULTS: [&str; 7] = [
    "console",
    "tsc",
    "possible_cpus",
    "coherent_pool",
    "panic",
    "reboot",
    "kvm.enable_virt_at_load",
];

/// What is known when a kernel is entered.
#[derive(Clone, Copy, Debug)]
pub struct Entered<'a> {
    /// The command line of the Linux that runs, as Bulkhead gave it.
    pub running: &'a str,
    /// What the boot entry says.
    pub entry: &'a str,
    /// Parameters of the running line that are not for the next, by the beginnings of their names.
    pub own: &'a [&'a str],
    /// The local APIC ID that the partition's MADT lists first, and that none of its cores has; `None` if
    /// one has it: the partition has the machine's boot processor.
    pub absent_apic_id: Option<u32>,
    /// The version of the kernel to be entered; `None` if its image does not say.
    pub kernel: Option<(u32, u32)>,
    /// The longest line that it takes.
    pub limit: u32,
}

/// A line, and what of the entry is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// To enter the kernel with.
    pub line: String,
    /// What was left out, each with the rule.
    pub left_out: Vec<CmdlineError>,
}

/// Whether the Linux that runs may enter another at all.
#[must_use]
pub fn may_enter(running: &str) -> bool {
    !kernel_words(running).any(|word| word.is_called("sysctl.kernel.kexec_load_disabled"))
}

/// The line for a kernel that is entered by `kexec`: the entry's, without what would break the walls; of the
/// running one the operator's words, the defaults that the entry does not speak of, and the walls, last.
///
/// # Errors
/// A text that would swallow what follows it, and a line that is too long or has too many words that the
/// kernel may not know.
pub fn carry(entered: &Entered<'_>) -> Result<Carried, CmdlineError> {
    let Entered { running, entry, .. } = *entered;
    check_text(entry)?;
    let owns_screen = kernel_words(running).any(|word| word.text == "console=tty0");
    let owned = (owned_ports(reserved(running)), owns_screen);
    let (entry, left_out) = without_refused(entry, &owned)?;
    let (entry, entry_init) = entry.split_at(kernel_end(&entry));
    let (mut first, mut last, mut walls) = (Vec::new(), Vec::new(), Vec::new());
    for word in kernel_words(running) {
        let said = || kernel_words(entry).any(|other| other.replaces(word.name));
        if is_wall(&word) {
            if !word.is_called("disable_cpu_apicid") {
                walls.push(word.text.to_owned());
            }
        } else if DEFAULTS.iter().any(|name| word.is_called(name)) {
            if !said() {
                first.push(word.text.to_owned());
            }
        } else if !entered.own.iter().any(|own| word.name.starts_with(own)) {
            last.push(word.text.to_owned());
        }
    }
    walls.extend(absent(entered));
    let init = [entry_init, &running[kernel_end(running)..]];
    let init = init
        .into_iter()
        .map(str::trim)
        .find(|init| !init.is_empty());
    let parts: Vec<&str> = first
        .iter()
        .map(String::as_str)
        .chain([entry.trim()])
        .chain(last.iter().chain(&walls).map(String::as_str))
        .chain(init)
        .filter(|part| !part.is_empty())
        .collect();
    let line = parts.join(" ");
    let limit = entered.limit;
    if u32::try_from(line.len()).map_or(true, |bytes| bytes > limit) {
        let bytes = line.len();
        return Err(CmdlineError::TooLong { bytes, limit });
    }
    count::check(&line)?;
    Ok(Carried { line, left_out })
}

fn is_wall(word: &Word<'_>) -> bool {
    WALLS
        .iter()
        .any(|wall| word.text == *wall || (!wall.contains('=') && word.is_called(wall)))
}

/// What a kernel that does not see it by itself has to be told of the processor that no core has. The
/// running one may be one that does, and so was not told.
fn absent(entered: &Entered<'_>) -> Option<String> {
    let sees = entered
        .kernel
        .is_some_and(|version| version >= LEAVES_ABSENT_ALONE);
    let id = entered.absent_apic_id.filter(|_| !sees)?;
    Some(format!("disable_cpu_apicid={id}"))
}

fn reserved(running: &str) -> &str {
    let word = kernel_words(running)
        .filter(|word| word.is_called("reserve"))
        .last();
    word.and_then(|word| word.value).unwrap_or_default()
}

/// The text without the words that a rule refuses. What the decompressor finds in quotes or behind `--` can't
/// be cut out there, so that such a text is refused whole.
fn without_refused(
    entry: &str,
    owned: &Owned,
) -> Result<(String, Vec<CmdlineError>), CmdlineError> {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for word in kernel_words(entry) {
        match check(&word, owned) {
            Ok(()) => kept.push(word.text),
            Err(error) => left_out.push(error),
        }
    }
    let line = kept.join(" ");
    let init: Vec<&str> = init_words(entry).map(|word| word.text).collect();
    let line = if init.is_empty() {
        line
    } else {
        format!("{line} -- {}", init.join(" "))
    };
    for word in plain_words(&line) {
        if SEEN_THROUGH_QUOTES.iter().any(|name| word.is_called(name)) {
            check(&word, owned)?;
        }
    }
    Ok((line, left_out))
}

/// Serial ports, and whether the screen.
type Owned = (Vec<u16>, bool);

fn check(word: &Word<'_>, owned: &Owned) -> Result<(), CmdlineError> {
    let rule = RULES
        .iter()
        .find(|rule| word.is_called(rule.name) && (rule.refuses)(word.value));
    if let Some(rule) = rule {
        return Err(refused(word, rule.reason));
    }
    // How large the claim is, is not known here; what is beyond it is not in the memory map either.
    let has_no_size = |value| memory::is_beyond(value, u64::MAX);
    if word.is_called("mem") && word.value.is_some_and(has_no_size) {
        let (parameter, claim_bytes) = (word.text.to_owned(), u64::MAX);
        return Err(CmdlineError::BeyondClaim {
            parameter,
            claim_bytes,
        });
    }
    check_ports(word.text, &owned.0, owned.1)
}
