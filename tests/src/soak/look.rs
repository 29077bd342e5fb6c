//! What Bulkhead says of itself, which must not change over any number of ends.

use crate::answers;
use crate::qemu::Running;

/// The shell remembers 64 lines, which take memory.
const HISTORY: usize = 66;
/// Vectors below are the processor's own exceptions; 2 is the NMI, which fetches cores.
const EXCEPTIONS: u8 = 32;
const NMI: u8 = 2;
/// What Bulkhead says of itself while both partitions run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) heap_bytes: u64,
    memory: String,
    cores: String,
    pub(super) traps: Vec<(u8, u32)>,
}

/// Interrupts that were pending when a Linux ended arrive at the parked core and are counted: of each
/// vector no more than this are that, if so many cores were ended each round.
pub(super) fn most_traps(cores: usize, rounds: usize) -> u32 {
    const LEFT_OVER: u32 = 4;
    u32::try_from(cores * rounds).unwrap_or(u32::MAX / LEFT_OVER) * LEFT_OVER
}

impl Look {
    /// Takes a look.
    ///
    /// # Panics
    /// If a core is lost, or the shell does not say what is asked.
    pub(super) fn take(machine: &mut Running) -> Self {
        // What the shell remembers is the same then.
        for number in 0..HISTORY {
            let line = if number % 2 == 0 {
                "version"
            } else {
                "version "
            };
            machine.command(line);
        }
        let memory = machine.command("memory");
        let cores = machine.command("cores");
        let log = machine.command("log");
        if log.lines().any(|line| line.contains(": lost (")) {
            machine.fail(&format!("a core is lost:\n{log}"));
        }
        let Some(heap_bytes) = answers::heap_bytes(&log) else {
            machine.fail("\"log\" does not say what of the heap is in use");
        };
        Self {
            heap_bytes,
            memory,
            cores,
            traps: answers::traps(&log),
        }
    }

    /// What is not as it was; nothing if all is. No vector may have come more often than `most_traps`.
    pub(super) fn difference(first: &Self, now: &Self, most_traps: u32) -> Option<String> {
        let changed = |what: &str, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
            Some(format!("{what} is not what it was: {was:?}, {is:?}"))
        };
        if now.heap_bytes != first.heap_bytes {
            return changed("the heap in use", &first.heap_bytes, &now.heap_bytes);
        }
        let texts = [
            ("`memory`", &first.memory, &now.memory),
            ("`cores`", &first.cores, &now.cores),
        ];
        for (what, was, is) in texts {
            let lines = was.lines().zip(is.lines());
            let pair = lines.into_iter().find(|(was, is)| was != is);
            if let Some((was, is)) = pair {
                return changed(what, &was, &is);
            }
            if was != is {
                return changed(what, was, is);
            }
        }
        let is_wrong = |(vector, count): &&(u8, u32)| {
            (*vector < EXCEPTIONS && *vector != NMI) || *count > most_traps
        };
        let (vector, count) = now.traps.iter().find(is_wrong)?;
        Some(format!("vector {vector:#x} came {count} times"))
    }

    /// The same with another heap, where that is compared apart.
    pub(super) fn with_heap(self, heap_bytes: u64) -> Self {
        Self { heap_bytes, ..self }
    }

    /// The traps, for people.
    pub(super) fn left_over(&self) -> String {
        let traps = self.traps.iter();
        let traps = traps.map(|(vector, count)| format!("{vector:#x} {count} times"));
        let traps: Vec<String> = traps.collect();
        if traps.is_empty() {
            "nothing".to_string()
        } else {
            format!("vector {}", traps.join(", "))
        }
    }
}
