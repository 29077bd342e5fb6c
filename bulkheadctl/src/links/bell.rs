//! Interrupts both ways: rung by Bulkhead's variable `Ring`, heard as a platform interrupt.
//!
//! A Linux has a vector for interrupts of a "platform", without any of its own on a PC, and a tracepoint
//! that is passed whenever one comes. So no driver is needed. Which interrupt it wants a side says in
//! its MSI-X table, as a driver would.
//!
//! Each is optional. Who can't ring says so to the other side, which then looks up by itself; who can't hear
//! does so too.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use bulkheadctl_rim::Tracepoint;

use super::find::End;
use super::mapped;
use crate::cpuinfo::apic_ids;
use crate::inside::link::{ATTRIBUTES, Efivars};

/// `X86_PLATFORM_IPI_VECTOR` (Linux: `arch/x86/include/asm/irq_vectors.h`), the same since 2.6.33.
const VECTOR: u64 = 0xf7;
const TRACEPOINT: &str = "irq_vectors/x86_platform_ipi_entry";
/// Where a message to a local APIC goes, and where in it the core's ID is.
const TO_APIC: u64 = 0xfee0_0000;
const ID: u32 = 12;
/// The mask, in the second word of an entry.
const MASKED: u64 = 1 << 32;
const PAGE: usize = 4096;

/// Wakes the other side.
#[derive(Debug)]
pub(super) struct Bell {
    file: File,
    text: Vec<u8>,
}

impl Bell {
    /// To ring that interrupt of the other side's; `None` where there are no variables of a Bulkhead that
    /// knows of it.
    pub(super) fn new(peer: &str, number: usize) -> Option<Self> {
        let file = Efivars::here().ok()?.writer("Ring").ok()?;
        let text = format!("{peer} {number}");
        let text = [&ATTRIBUTES[..], text.as_bytes()].concat();
        Some(Self { file, text })
    }

    /// A bell that is not heard costs time, and no more.
    pub(super) fn ring(&mut self) {
        let _ = self.file.write(&self.text);
    }
}

/// Hears the interrupt of that number.
///
/// # Errors
/// A sentence says why this Linux does not.
pub(super) fn hear(end: &End, number: usize) -> Result<Tracepoint, String> {
    let id = boot_core().ok_or("its processor's APIC ID has more than eight bits")?;
    let heard = Tracepoint::watch(TRACEPOINT, 0).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => String::from(
            "no such tracepoint (accepted: mount -t tracefs tracefs /sys/kernel/tracing)",
        ),
        _ => format!("perf: {error}"),
    })?;
    let side = if end.told.is_second { PAGE as u64 } else { 0 };
    let table = mapped(end.told.window.0 + side, PAGE).map_err(|_| "no /dev/mem")?;
    let entry = table.get(2 * number..2 * number + 2).unwrap_or_default();
    ask(entry, u64::from(id));
    Ok(heard)
}

/// Writes an entry, masked until it is whole.
fn ask(entry: &[AtomicU64], id: u64) {
    let [address, data] = entry else { return };
    data.store(MASKED | VECTOR, Ordering::Release);
    address.store(TO_APIC | id << ID, Ordering::Release);
    data.store(VECTOR, Ordering::Release);
}

/// The APIC ID of processor 0.
fn boot_core() -> Option<u8> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    apic_id(&text)
}

fn apic_id(cpuinfo: &str) -> Option<u8> {
    u8::try_from(apic_ids(cpuinfo).next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_processors_id_is_found() {
        let text =
            "processor\t: 0\napicid\t\t: 6\ninitial apicid\t: 6\n\nprocessor\t: 1\napicid\t\t: 7\n";
        assert_eq!(apic_id(text), Some(6));
        assert_eq!(apic_id("apicid\t\t: 256\n"), None);
        assert_eq!(apic_id(""), None);
    }

    #[test]
    fn an_entry_is_what_a_driver_would_write() {
        let entry = [AtomicU64::new(0), AtomicU64::new(MASKED)];
        ask(&entry, 6);
        let words = entry.each_ref().map(|word| word.load(Ordering::Relaxed));
        assert_eq!(words, [0xfee0_6000, 0xf7]);
    }
}
