//! A fault of QEMU's emulation, told from one of Bulkhead's.
//!
//! Where QEMU emulates with a thread for each core (TCG; with KVM this can't happen), a write to a
//! device can reach another device than it is meant for. A core's TLB keeps for each page of device
//! registers the *number* of a section of the physical address space. When another core changes that
//! space (a PCI driver moves a BAR, or switches memory decoding or MSI-X on), the sections are
//! numbered anew at once, while the core's TLB is flushed only when its thread comes to it; a write in
//! between goes by the old number (QEMU 10.0: `iotlb_to_section` and `tcg_commit` in
//! `system/physmem.c`). On a busy host that is milliseconds. QEMU 11.1 has that code no more, and is
//! what `tools/qemu` fetches; this is for where another one is used.
//!
//! Seen, each time with a stock Linux that ran on a core of its own while others booted:
//! * the end-of-interrupt of its timer was lost: its local APIC has the vector in service, and the
//!   core idles for ever with interrupts on;
//! * the write that arms its timer was lost: the count is over, nothing is pending, and programs that
//!   run are never interrupted;
//! * the write fell into an MSI-X table that is too short for it, where QEMU asserts and ends;
//! * there was no section of the old number any more: QEMU asserts just that, and ends;
//! * the write that tells a network card of new frames was lost: nobody looks at its queue any more, and
//!   Linux says so.
//!
//! A story that fails says which of these traces it finds in the machine. What that is worth depends on
//! the QEMU in use: [`replay`](crate::replay).

/// What QEMU prints when the write falls into an MSI-X table, and when there is no such section.
const ASSERTIONS: [&str; 2] = [
    "msix_table_mmio_write: Assertion",
    "iotlb_to_section: Assertion",
];

/// Says what trace there is of a lost write.
///
/// `cores` is what [`Monitor::cores`](crate::monitor::Monitor::cores) saw: every core at least
/// twice, a second apart. `log` is what QEMU itself printed.
#[must_use]
pub fn lost_write(cores: &str, log: &str) -> Option<String> {
    if let Some(line) = log
        .lines()
        .find(|line| ASSERTIONS.iter().any(|words| line.contains(words)))
    {
        return Some(format!("it ended: {line}"));
    }
    let samples = samples(cores);
    let (first, rest) = samples.split_first()?;
    // The first core is Bulkhead's.
    (1..first.len()).find_map(|core| {
        let mut traces = rest
            .iter()
            .map(|sample| first[core].trace(sample.get(core)?));
        let what = traces.next()??;
        traces
            .all(|trace| trace.as_ref() == Some(&what))
            .then(|| format!("on core {core} {what}"))
    })
}

/// Says whether a card's doorbell was lost.
///
/// `consoles` is what Linuxes printed, and `commands` are the Command registers of the virtio functions
/// that answer: one that may not reach memory stands still for that reason, and that would be
/// Bulkhead's doing.
#[must_use]
pub fn lost_doorbell(consoles: &str, commands: &[u16]) -> Option<String> {
    const BUS_MASTER: u16 = 1 << 2;
    let mut lines = consoles.lines();
    let line =
        lines.find(|line| line.contains("virtio_net") && line.contains("TX timeout on queue"))?;
    let may_all = !commands.is_empty() && commands.iter().all(|command| command & BUS_MASTER != 0);
    may_all.then(|| format!("a card's doorbell: {}", line.trim()))
}

/// A core at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Core {
    /// Halted with interrupts on.
    is_idle: bool,
    instruction: String,
    in_service: String,
    requested: String,
    /// The timer is one-shot and not masked.
    is_armed: bool,
    /// Initial count and current count.
    counts: (u64, u64),
}

impl Core {
    /// The trace in what was seen first and `later`.
    fn trace(&self, later: &Self) -> Option<String> {
        const NONE: &str = "(none)";
        let is_known = |core: &Self| !core.in_service.is_empty() && !core.requested.is_empty();
        if !is_known(self) || !is_known(later) {
            return None;
        }
        // An idle core serves nothing.
        let idles = self.is_idle && later.is_idle && self.instruction == later.instruction;
        if idles && self.in_service != NONE && self.in_service == later.in_service {
            return Some(format!(
                "vector {} is in service, and it idles",
                self.in_service
            ));
        }
        // Idle or not: over in the same count a second later, and neither pending nor served.
        let is_over = |core: &Self| {
            core.is_armed
                && core.counts.0 > 0
                && core.counts.1 == 0
                && core.in_service == NONE
                && core.requested == NONE
        };
        (is_over(self) && is_over(later) && self.counts.0 == later.counts.0)
            .then(|| "the timer's count is over with nothing pending".to_string())
    }
}

/// The cores, for each time that they were looked at.
fn samples(text: &str) -> Vec<Vec<Core>> {
    let mut samples: Vec<Vec<Core>> = Vec::new();
    // Registers come first, all cores; then the local APICs, in the same order.
    let mut apic = None;
    for line in text.lines().map(str::trim) {
        if let Some(number) = line.strip_prefix("CPU#") {
            if number == "0" {
                samples.push(Vec::new());
            }
            if let Some(sample) = samples.last_mut() {
                sample.push(Core::default());
            }
            apic = None;
            continue;
        }
        let Some(sample) = samples.last_mut() else {
            continue;
        };
        if line.starts_with("dumping local APIC") {
            apic = Some(apic.map_or(0, |core| core + 1));
            continue;
        }
        let core = match apic {
            Some(core) => sample.get_mut(core),
            None => sample.last_mut(),
        };
        let Some(core) = core else { continue };
        let word = |name: &str| value(line, name);
        if line.starts_with("RIP=") {
            core.is_idle = word("HLT=") == Some("1") && has_interrupts_on(line) == Some(true);
            core.instruction = word("RIP=").unwrap_or_default().to_string();
        } else if line.starts_with("LVTT ") {
            core.is_armed = line.contains("one-shot") && !line.contains("masked");
        } else if line.starts_with("Timer") {
            let count = |name| word(name).and_then(|count| count.parse().ok()).unwrap_or(0);
            core.counts = (count("initial_count = "), count("current_count = "));
        } else if let Some(set) = line.strip_prefix("ISR") {
            core.in_service = set.trim().to_string();
        } else if let Some(set) = line.strip_prefix("IRR") {
            core.requested = set.trim().to_string();
        }
    }
    samples
}

/// Whether a core has interrupts on, if that line of its registers says so.
pub(crate) fn has_interrupts_on(line: &str) -> Option<bool> {
    const INTERRUPTS_ON: u64 = 1 << 9;
    let flags = u64::from_str_radix(value(line, "RFL=")?, 16).ok()?;
    Some(flags & INTERRUPTS_ON != 0)
}

/// The word behind `name`.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(name)?;
    rest.split_ascii_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doorbell_is_lost_if_the_card_may_reach_memory() {
        // From a report of `devices::dma_after_a_crash`.
        let console = "sender# [   53.512119] virtio_net virtio0 eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5612 ms\n\
                       [   53.512913] virtio_net virtio0 eth0: TX timeout on queue: 0, sq: output.0, vq: 0x1, name: output.0, 5612000 usecs ago\n";
        let said = lost_doorbell(console, &[0x0406]).expect("it is lost");
        assert!(said.contains("virtio0 eth0"), "{said}");
        assert_eq!(lost_doorbell(console, &[0x0406, 0x0402]), None);
        assert_eq!(lost_doorbell(console, &[]), None, "it is not known");
        assert_eq!(lost_doorbell("eth0: link up", &[0x0406]), None);
    }

    const IDLE: &str = "RIP=ffffffffbad12a3f RFL=00000206 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1";
    const BUSY: &str = "RIP=ffffffffba201280 RFL=00000206 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=0";
    const DEAF: &str = "RIP=ffffffffbad12a3f RFL=00000006 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1";
    const ARMED: &str = "LVTT  0x000000ec active-hi edge                 one-shot     Fixed";
    const MASKED: &str = "LVTT  0x000100ec active-hi edge  masked         one-shot     Fixed";

    /// Two looks at a machine: Bulkhead's core, and one that is as described.
    fn seen(registers: &str, timer: &str, counts: [(u64, u64); 2], isr: &str, irr: &str) -> String {
        let mut text = String::new();
        for (initial, current) in counts {
            text += &format!(
                "CPU#0\n{IDLE}\nCR3=1 CR4=2\nCPU#1\n{registers}\nCR3=3 CR4=4\n\
                 dumping local APIC state for CPU 0 \n{ARMED}\n\
                 Timer  DCR=0x3 (divide by 16) initial_count = 62970 current_count = 53731\n\
                 ISR  (none)\nIRR  224 \nAPR 0x00 TPR 0x00 DFR 0x0f LDR 0x00 PPR 0x00\n\
                 dumping local APIC state for CPU 1 \n{timer}\n\
                 Timer  DCR=0x3 (divide by 16) initial_count = {initial} current_count = {current}\n\
                 ISR  {isr}\nIRR  {irr}\nAPR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0xe0\n"
            );
        }
        text
    }

    const OVER: [(u64, u64); 2] = [(35654, 0), (35654, 0)];

    #[test]
    fn each_trace_is_known() {
        // As it was seen: a 6.12 that stopped at its start, all its interrupts behind one vector.
        let text = seen(IDLE, ARMED, OVER, "236 ", "236 ");
        let said = lost_write(&text, "").expect("a lost end of interrupt");
        assert_eq!(said, "on core 1 vector 236 is in service, and it idles");
        let text = seen(IDLE, ARMED, OVER, "(none)", "(none)");
        let said = lost_write(&text, "").expect("a lost start of the timer");
        assert!(said.contains("count is over"), "{said}");
        // Seen too while a program ran on, never interrupted.
        let text = seen(BUSY, ARMED, OVER, "(none)", "(none)");
        assert!(lost_write(&text, "").is_some());
        // A second core, whose timer is periodic yet.
        const PERIODIC: &str = "LVTT  0x000200ec active-hi edge                 periodic     Fixed";
        let counts = [(256_739, 171_331), (256_739, 52_437)];
        let text = seen(IDLE, PERIODIC, counts, "236 ", "32 236 ");
        assert!(lost_write(&text, "").is_some());
        let log = "qemu-system-x86_64: ../hw/pci/msix.c:228: msix_table_mmio_write: Assertion \
                   `addr + size <= dev->msix_entries_nr * PCI_MSIX_ENTRY_SIZE' failed.";
        assert!(lost_write("", log).is_some());
        let log = "warning: a\nqemu-system-x86_64: ../system/physmem.c:2671: iotlb_to_section: \
                   Assertion `section_index < d->map.sections_nb' failed.\n";
        let said = lost_write("", log).expect("a section that is not there");
        assert!(said.ends_with("failed."), "{said}");
    }

    #[test]
    fn a_machine_without_one_is_none() {
        let table = [
            (
                "it works",
                seen(IDLE, ARMED, [(9, 5), (7, 3)], "(none)", "(none)"),
            ),
            ("busy", seen(BUSY, ARMED, OVER, "236", "236")),
            ("interrupts off", seen(DEAF, ARMED, OVER, "236", "236")),
            (
                "about to be served",
                seen(IDLE, ARMED, OVER, "(none)", "236"),
            ),
            ("timer off", seen(IDLE, MASKED, OVER, "(none)", "(none)")),
            (
                "never armed",
                seen(IDLE, ARMED, [(0, 0); 2], "(none)", "(none)"),
            ),
            (
                "armed meanwhile",
                seen(IDLE, ARMED, [(9, 0), (8, 0)], "(none)", "(none)"),
            ),
            (
                "timer goes on",
                seen(IDLE, ARMED, [(9, 0), (9, 4)], "(none)", "(none)"),
            ),
            ("nothing seen", String::new()),
        ];
        for (what, text) in table {
            assert_eq!(
                lost_write(&text, "Assertion of another kind"),
                None,
                "{what}"
            );
        }
        // One look is not enough.
        let text = seen(IDLE, ARMED, OVER, "236", "236");
        let half = &text[..text.len() / 2];
        assert_eq!(lost_write(half, ""), None);
    }
}
