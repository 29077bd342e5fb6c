//! What Bulkhead's commands print, as values.

/// One row of `memory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryRow {
    /// Inclusive bounds.
    pub bounds: (u64, u64),
    /// `RAM`, `reserved` and the like.
    pub kind: String,
    /// A partition, `bulkhead (what)`, `free` or `firmware`.
    pub owner: String,
}

impl MemoryRow {
    /// Its size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bounds.1 - self.bounds.0 + 1
    }
}

/// The rows of `memory`.
#[must_use]
pub fn memory(output: &str) -> Vec<MemoryRow> {
    let row = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let bounds = bounds(words.next()?)?;
        let kind = words.nth(1)?.to_string();
        let owner = words.collect::<Vec<_>>().join(" ");
        Some(MemoryRow {
            bounds,
            kind,
            owner,
        })
    };
    output.lines().filter_map(row).collect()
}

/// One row of `list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// The partition.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// How often it was launched.
    pub runs: u32,
}

/// The rows of `list`.
#[must_use]
pub fn list(output: &str) -> Vec<ListRow> {
    const RUNS: usize = 5;
    let row = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(ListRow {
            name: words.first()?.to_string(),
            state: words.get(1)?.to_string(),
            runs: words.get(RUNS)?.parse().ok()?,
        })
    };
    output.lines().filter_map(row).collect()
}

/// How often a partition was launched, as the first line of its `show` says: `web: running, 1 run`.
#[must_use]
pub fn shown_runs(output: &str) -> Option<u32> {
    let line = output.lines().find(|line| line.contains(": "))?;
    let runs = line.split(", ").find_map(|part| {
        let part = part.trim();
        part.strip_suffix(" runs").or(part.strip_suffix(" run"))
    });
    runs?.parse().ok()
}

/// The rows of `memory` that stay Bulkhead's, without images: what each is for, and its bytes.
#[must_use]
pub fn resident(rows: &[MemoryRow]) -> Vec<(String, u64)> {
    rows.iter()
        .filter_map(|row| {
            let what = row.owner.strip_prefix("bulkhead (")?.strip_suffix(')')?;
            (!what.starts_with("image ")).then(|| (what.to_string(), row.bytes()))
        })
        .collect()
}

/// The RAM of the memory map in `show NAME`, inclusive bounds.
#[must_use]
pub fn shown_ram(output: &str) -> Vec<(u64, u64)> {
    section(output, "e820 map:")
        .filter(|line| line.ends_with(" RAM"))
        .filter_map(|line| bounds(line.split_ascii_whitespace().next()?))
        .collect()
}

/// What `show NAME` says of low memory, behind its addresses: its size, and what that means.
#[must_use]
pub fn shown_low(output: &str) -> Option<String> {
    let mut lines = output.lines();
    let line = lines.find_map(|line| line.strip_prefix("  low "))?;
    let (_, rest) = line.trim().split_once(' ')?;
    Some(rest.trim().to_string())
}

/// The final command line in `show NAME`.
#[must_use]
pub fn shown_cmdline(output: &str) -> Option<String> {
    let line = section(output, "command line:").next()?;
    Some(line.trim().to_string())
}

/// How long one launch took, by Bulkhead's own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaunchTime {
    /// Milliseconds from the doorbell to the kernel's entry.
    pub entry_ms: f64,
    /// Milliseconds of these in which the images were copied.
    pub copy_ms: f64,
}

/// The times of each launch of a partition that `log` remembers, oldest first.
#[must_use]
pub fn launch_times(log: &str, name: &str) -> Vec<LaunchTime> {
    let mark = format!("] {name}: doorbell to kernel entry ");
    let time = |line: &str| {
        let (entry, copy) = line.split_once(&mark)?.1.split_once(" ms, ")?;
        let copy = copy.strip_suffix(" ms of it copying")?;
        Some(LaunchTime {
            entry_ms: entry.parse().ok()?,
            copy_ms: copy.parse().ok()?,
        })
    };
    log.lines().filter_map(time).collect()
}

/// Bytes of the heap that are in use, as `log` says.
#[must_use]
pub fn heap_bytes(log: &str) -> Option<u64> {
    let line = log.lines().find_map(|line| line.strip_prefix("heap: "))?;
    line.split(' ').next()?.parse().ok()
}

/// Vectors that came unexpectedly, as `log` says, and how often.
#[must_use]
pub fn traps(log: &str) -> Vec<(u8, u32)> {
    let trap = |line: &str| {
        let (vector, rest) = line.strip_prefix("trap: vector 0x")?.split_once(" came ")?;
        let vector = u8::from_str_radix(vector, 16).ok()?;
        Some((vector, rest.split(' ').next()?.parse().ok()?))
    };
    log.lines().filter_map(trap).collect()
}

/// The indented lines after a heading.
fn section<'a>(output: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    output
        .lines()
        .skip_while(move |line| *line != heading)
        .skip(1)
        .take_while(|line| line.starts_with("  "))
}

/// `0x1000-0x1fff`.
fn bounds(text: &str) -> Option<(u64, u64)> {
    let (start, end) = text.split_once('-')?;
    let hex = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    (start <= end).then_some((start, end))
}

/// From the loader's hand-over to the prompt, in milliseconds, by `log`.
#[must_use]
pub fn boot_ms(log: &str) -> Option<f64> {
    let (before, _) = log.split_once(" ms after the loader's hand-over")?;
    before.rsplit_once("prompt ")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_the_boot() {
        let log =
            "[     0.004] TSC: 1 kHz\n[     0.051] prompt 83.207 ms after the loader's hand-over\n";
        assert_eq!(boot_ms(log), Some(83.207));
        assert_eq!(boot_ms("[     0.004] TSC: 1 kHz\n"), None);
        assert_eq!(boot_ms("prompt soon ms after the loader's hand-over"), None);
    }

    #[test]
    fn reads_heap_and_traps() {
        let log = "[ 1.0] heap: no\nheap: 76168 of 393216 bytes in use\n\
            trap: vector 0xec came 5 times unexpectedly\n";
        assert_eq!(heap_bytes(log), Some(76168));
        assert_eq!(traps(log), [(0xec, 5)]);
        assert_eq!(heap_bytes(""), None);
    }

    #[test]
    fn reads_low_memory() {
        let show = |rest: &str| {
            format!("claim:\n  cores    1\n  low      0x10000-0x17fff         {rest}\n")
        };
        for rest in ["32K", "32K, shared, no kexec"] {
            assert_eq!(shown_low(&show(rest)).as_deref(), Some(rest));
        }
        assert_eq!(shown_low("claim:\n"), None);
    }

    #[test]
    fn reads_memory() {
        let rows = memory(
            "REGION           SIZE  KIND  OWNER\n\
             0x1000-0x1fff    4K    RAM   bulkhead (trampoline)\n\
             0x10000-0x1ffff  64K   RAM   web\n\
             0x20000-0x20fff  4K    RAM   bulkhead (image \"a b\")\n\
             free: 1.0G, 1.0G of it below 4G\n",
        );
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].bounds, (0x1_0000, 0x1_ffff));
        assert_eq!(
            (rows[1].kind.as_str(), rows[1].owner.as_str()),
            ("RAM", "web")
        );
        assert_eq!(resident(&rows), [("trampoline".to_string(), 0x1000)]);
    }

    #[test]
    fn reads_show() {
        let output = "web: running, 1 run\ncommand line:\n  console=ttyS1,115200 panic=1\n\
            e820 map:\n  0x1000-0xffff           60K  reserved\n  0x10000-0x1ffff         64K  RAM\n\
            EFI memory map:\n  0x30000-0x3ffff         64K  RAM\n";
        assert_eq!(shown_ram(output), [(0x1_0000, 0x1_ffff)]);
        assert_eq!(
            shown_cmdline(output).as_deref(),
            Some("console=ttyS1,115200 panic=1")
        );
    }

    #[test]
    fn reads_states_and_runs() {
        let output = "NAME  STATE    CORES  MEMORY  KERNEL            RUNS  RESTART\n\
            one   running  1-2    320M    debian-6.1-cloud  12    on-failure\n";
        let wanted = ListRow {
            name: "one".to_string(),
            state: "running".to_string(),
            runs: 12,
        };
        assert_eq!(list(output), [wanted]);
        assert_eq!(shown_runs("b: running, 51 runs\ncommand line:\n"), Some(51));
        assert_eq!(
            shown_runs("b: running, 1 run, 2 failures in a row\n"),
            Some(1)
        );
        assert_eq!(shown_runs("b: defined\n"), None);
    }

    #[test]
    fn reads_launch_times() {
        let log = "[     0.255] web: doorbell to kernel entry 91.8 ms, 90.1 ms of it copying\n\
            [     0.256] web: launched run=1 core=1\n\
            [     0.288] db: doorbell to kernel entry 124.8 ms, 120.0 ms of it copying\n";
        let wanted = LaunchTime {
            entry_ms: 91.8,
            copy_ms: 90.1,
        };
        assert_eq!(launch_times(log, "web"), [wanted]);
    }
}
