//! The kernel command line: what an operator may not say, and what Bulkhead adds.
//!
//! [`check_user`] and [`check_ports`] refuse, by name and with a reason, what would break the
//! partition's walls; [`compose`] does both and adds the partition's own parameters. Every
//! parameter that is added or refused is told to operators in `docs/parameters.md`.

mod carry;
#[cfg(test)]
mod carry_tests;
mod count;
mod error;
mod memory;
mod ports;
mod rules;
#[cfg(test)]
mod tests;
mod words;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter;

pub use carry::{Carried, Entered, carry, may_enter};
pub use error::CmdlineError;
pub use ports::reserved_ports;

use ports::{NO_SCREEN, PortUse, port_name, port_use};
use rules::{RULES, SEEN_THROUGH_QUOTES};
use words::{Word, kernel_end, kernel_words, plain_words};

/// What a partition owns, as far as its command line has to say it.
#[derive(Clone, Copy, Debug)]
pub struct Walls<'a> {
    /// Bytes of RAM that the partition claims.
    pub claim_bytes: u64,
    /// Frequency of the time-stamp counter in kHz; 0 if it is not known.
    pub tsc_khz: u64,
    /// The local APIC ID that its MADT lists first and that no core has; `None` for a partition
    /// that has the machine's boot processor.
    pub absent_apic_id: Option<u32>,
    /// How many cores the partition has.
    pub cores: usize,
    /// The serial port that is its console.
    pub console: Option<ComPort>,
    /// First I/O port of every serial port it owns, its console among them.
    pub owned_io: &'a [u16],
    /// Whether it has the screen.
    pub owns_screen: bool,
    /// Whether it has the I/O APICs.
    pub owns_io_apic: bool,
    /// The kernel's version, such as (6, 12); `None` if its image does not say.
    pub kernel: Option<(u32, u32)>,
    /// Whether it has the low memory for `kexec`.
    pub has_kexec: bool,
}

/// The first kernel that does not know `disable_cpu_apicid=`, and needs none: it sees by itself that
/// the first processor of the MADT is not the one that it runs on. In 6.1 it is there, in 6.12 not;
/// Linux took it out with "x86/cpu: Detect real BSP on crash kernels", in 6.9.
const LEAVES_ABSENT_ALONE: (u32, u32) = (6, 9);

/// Has Linux refuse `kexec`, for good (`Documentation/admin-guide/sysctl/kernel.rst`); sysctls are
/// parameters from 5.8 on.
const NO_KEXEC: &str = "sysctl.kernel.kexec_load_disabled=1";

/// A serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComPort {
    /// First of its eight I/O ports.
    pub io_base: u16,
    /// The number that stock Linux gives it: 0 in `ttyS0`.
    pub tty_index: u8,
}

/// Checks the operator's text by every rule that needs to know no ports; [`check_ports`] has the
/// rest.
///
/// # Errors
/// [`CmdlineError`] names the parameter at fault.
pub fn check_user(user: &str, claim_bytes: u64) -> Result<(), CmdlineError> {
    check_text(user)?;
    for word in checked_words(user) {
        if let Some(rule) = RULES
            .iter()
            .find(|rule| word.is_called(rule.name) && (rule.refuses)(word.value))
        {
            return Err(refused(&word, rule.reason));
        }
        if word.is_called("mem")
            && word
                .value
                .is_some_and(|value| memory::is_beyond(value, claim_bytes))
        {
            return Err(CmdlineError::BeyondClaim {
                parameter: word.text.to_owned(),
                claim_bytes,
            });
        }
    }
    Ok(())
}

/// Checks that the operator's text uses no serial port but those of `owned_io`, and no screen
/// unless it `owns_screen`.
///
/// # Errors
/// [`CmdlineError`] names the parameter at fault.
pub fn check_ports(user: &str, owned_io: &[u16], owns_screen: bool) -> Result<(), CmdlineError> {
    for word in checked_words(user) {
        match port_use(word.name, word.value) {
            PortUse::Refused(reason) => return Err(refused(&word, reason)),
            PortUse::Screen if !owns_screen => return Err(refused(&word, NO_SCREEN)),
            PortUse::Port(port) if !owned_io.contains(&port) => {
                return Err(CmdlineError::ForeignPort {
                    parameter: word.text.to_owned(),
                    port: port_name(port),
                    owned: port_names(owned_io),
                });
            }
            PortUse::None | PortUse::Port(_) | PortUse::Screen => {}
        }
    }
    Ok(())
}

/// The whole command line: defaults for what the operator does not say, the operator's parameters,
/// then those of the walls, which thereby win, then what the operator has for init behind `--`.
///
/// # Errors
/// [`CmdlineError`]: all that [`check_user`] and [`check_ports`] refuse, a line longer than `limit`
/// bytes, and more parameters that the kernel may not know than it has room for.
pub fn compose(user: &str, walls: &Walls<'_>, limit: u32) -> Result<String, CmdlineError> {
    check_user(user, walls.claim_bytes)?;
    check_ports(user, walls.owned_io, walls.owns_screen)?;
    let (kernel, init) = user.split_at(kernel_end(user));
    let parts: Vec<String> = default_parameters(user, walls)
        .chain(iter::once(kernel.trim().to_owned()))
        .chain(wall_parameters(walls))
        .chain(iter::once(init.trim().to_owned()))
        .filter(|part| !part.is_empty())
        .collect();
    let line = parts.join(" ");
    // A length of more than 32 bits is too long for any kernel.
    if u32::try_from(line.len()).map_or(true, |bytes| bytes > limit) {
        return Err(CmdlineError::TooLong {
            bytes: line.len(),
            limit,
        });
    }
    count::check(&line)?;
    Ok(line)
}

/// What a partition wants unless its operator says otherwise.
fn default_parameters(user: &str, walls: &Walls<'_>) -> impl Iterator<Item = String> {
    let screen = walls.owns_screen.then(|| ("console", "tty0".to_owned()));
    // Behind the screen: the last one becomes init's.
    let serial = walls
        .console
        .map(|com| ("console", format!("ttyS{},115200", com.tty_index)));
    let has_clock = walls.tsc_khz != 0;
    let has_absent = walls.absent_apic_id.is_some();
    screen
        .into_iter()
        .chain(serial)
        .chain(has_clock.then(|| ("tsc", "reliable".to_owned())))
        .chain(has_absent.then(|| ("possible_cpus", format!("{}", walls.cores))))
        .chain([
            ("coherent_pool", "4K".to_owned()),
            ("panic", "1".to_owned()),
            ("reboot", "warm,panic_cold,efi".to_owned()),
            // A parameter with a dot is a module's: not one that the kernel counts as unknown.
            ("kvm.enable_virt_at_load", "0".to_owned()),
        ])
        .filter(move |(name, _)| !kernel_words(user).any(|word| word.replaces(name)))
        .map(|(name, value)| format!("{name}={value}"))
}

/// What keeps Linux inside the partition; `docs/parameters.md` has the reasons.
fn wall_parameters(walls: &Walls<'_>) -> impl Iterator<Item = String> {
    let khz = Some(walls.tsc_khz).filter(|khz| *khz != 0);
    let reserved: Vec<String> = reserved_ports(walls.owned_io)
        .into_iter()
        .map(|(base, length)| format!("{base:#x},{length}"))
        .collect();
    iter::once("no_ipi_broadcast=1".to_owned())
        .chain(
            walls
                .absent_apic_id
                .filter(|_| {
                    walls
                        .kernel
                        .is_none_or(|version| version < LEAVES_ABSENT_ALONE)
                })
                .map(|id| format!("disable_cpu_apicid={id}")),
        )
        .chain(
            walls
                .absent_apic_id
                .is_none()
                .then(|| "unknown_nmi_panic".to_owned()),
        )
        // In decimal without leading zeros, which would make it octal.
        .chain(khz.map(|khz| format!("tsc_early_khz={khz}")))
        .chain(["pci=noearly", "efi=runtime"].map(str::to_owned))
        .chain((!walls.owns_io_apic).then(|| "noapic".to_owned()))
        .chain((!walls.has_kexec).then(|| NO_KEXEC.to_owned()))
        .chain((!reserved.is_empty()).then(|| format!("reserve={}", reserved.join(","))))
}

/// The parameters that rules apply to: the kernel's own, and what its decompressor would find
/// elsewhere.
fn checked_words(user: &str) -> impl Iterator<Item = Word<'_>> {
    kernel_words(user).chain(
        plain_words(user)
            .filter(|word| SEEN_THROUGH_QUOTES.iter().any(|name| word.is_called(name))),
    )
}

/// Whether the text is such that what follows it stays what it is.
fn check_text(user: &str) -> Result<(), CmdlineError> {
    let is_accepted = |c: &char| c.is_ascii_graphic() || *c == ' ' || *c == '\t';
    if let Some(character) = user.chars().find(|c| !is_accepted(c)) {
        return Err(CmdlineError::BadCharacter { character });
    }
    if user.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(CmdlineError::OpenQuote);
    }
    Ok(())
}

fn refused(word: &Word<'_>, reason: &'static str) -> CmdlineError {
    CmdlineError::Refused {
        parameter: word.text.to_owned(),
        reason,
    }
}

fn port_names(owned_io: &[u16]) -> String {
    if owned_io.is_empty() {
        return "none".to_owned();
    }
    owned_io
        .iter()
        .map(|base| port_name(*base))
        .collect::<Vec<_>>()
        .join(", ")
}
