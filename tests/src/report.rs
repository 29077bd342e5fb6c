//! What a demo Linux says of itself: the lines of `initramfs-tools/demo/init`.

use crate::port::plain;

const MARK: &str = "BULKHEAD-DEMO ";

/// One report, between its `begin` and its `end`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The partition's name.
    pub name: String,
    /// `uname -r`.
    pub release: String,
    /// How many cores are online.
    pub cpus: usize,
    /// Their local APIC IDs, in Linux's order.
    pub apic_ids: Vec<u32>,
    /// `MemTotal` in KiB.
    pub memory_total_kib: u64,
    /// "System RAM" of `/proc/iomem`, inclusive bounds.
    pub ram: Vec<(u64, u64)>,
    /// How many PCI functions are seen.
    pub pci: usize,
}

impl Report {
    /// The last complete report in what a console printed.
    #[must_use]
    pub fn parse(console: &str) -> Option<Self> {
        let text = without_kernel(&plain(console));
        let start = text.rfind(BEGIN)?;
        let text = &text[start..];
        let text = &text[..text.find(END)?];
        let mut report = Self::default();
        for line in text.lines().filter_map(|line| line.split(MARK).nth(1)) {
            for word in line.split_ascii_whitespace() {
                let Some((key, value)) = word.split_once('=') else {
                    continue;
                };
                report.take(key, value)?;
            }
        }
        Some(report)
    }

    /// Takes one value; `None` if it is not one.
    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "name" => self.name = value.to_string(),
            "release" => self.release = value.to_string(),
            "cpus" => self.cpus = value.parse().ok()?,
            "apicids" => {
                self.apic_ids = value
                    .split(',')
                    .map(str::parse)
                    .collect::<Result<_, _>>()
                    .ok()?;
            }
            "memtotal_kib" => self.memory_total_kib = value.parse().ok()?,
            "ram" => {
                let (start, end) = value.split_once('-')?;
                let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
                self.ram.push((hex(start)?, hex(end)?));
            }
            "pci" => self.pci = value.parse().ok()?,
            _ => {}
        }
        Some(())
    }

    /// Bytes of RAM in all.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        self.ram.iter().map(|(start, end)| end + 1 - start).sum()
    }
}

/// A report's first line.
pub const BEGIN: &str = "BULKHEAD-DEMO begin";
/// Its last line.
pub const END: &str = "BULKHEAD-DEMO end";

/// Where the line behind the last one of a report begins, if that is there, torn by the kernel or not.
#[must_use]
pub fn ended(text: &str) -> Option<usize> {
    let mut ends = text.match_indices('\n').map(|(at, _)| at + 1);
    ends.find(|end| without_kernel(&plain(&text[..*end])).contains(END))
}

/// Without what the kernel says meanwhile, each of whose messages begins with its time and ends its
/// line: one that was under way when the report began tears a line of it apart.
fn without_kernel(text: &str) -> String {
    let mut own = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, message) = rest.split_at(at);
        own.push_str(before);
        rest = if is_time(message) {
            message.split_once('\n').map_or("", |(_, after)| after)
        } else {
            own.push('[');
            &message[1..]
        };
    }
    own.push_str(rest);
    own
}

/// Whether it begins with a time as the kernel writes it: `[    1.775815] `.
fn is_time(text: &str) -> bool {
    let Some((time, _)) = text[1..].split_once("] ") else {
        return false;
    };
    let Some((seconds, fraction)) = time.trim_start().split_once('.') else {
        return false;
    };
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    are_digits(seconds) && fraction.len() == 6 && are_digits(fraction)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_that_the_kernel_tore_apart_is_whole() {
        let console = "BULKHEAD-DEMO begin\r\nBULKHEAD-DEMO ram=00010000-00[    1.775815] clocksource: \
                       tsc: mask: 0xff [x]\r\n[    1.776403] clocksource: Switched\r\n01ffff\r\n\
                       BULKHEAD-DEMO end\r\n";
        let report = Report::parse(console).unwrap();
        assert_eq!(report.ram, [(0x10000, 0x1ffff)]);
        assert_eq!(
            without_kernel("a [x] [1.5] [ 1.123456] b\nc"),
            "a [x] [1.5] c"
        );
    }

    use super::*;

    #[test]
    fn reads_what_the_demo_prints() {
        let console = "boot noise\r\nBULKHEAD-DEMO begin\r\nBULKHEAD-DEMO name=web\r\n\
            BULKHEAD-DEMO release=6.1.0\r\n[    1.2] kernel noise\r\n\
            BULKHEAD-DEMO cpus=2 apicids=2,3\r\nBULKHEAD-DEMO memtotal_kib=400000\r\n\
            BULKHEAD-DEMO ram=00010000-0001ffff\r\nBULKHEAD-DEMO ram=40000000-5fffffff\r\n\
            BULKHEAD-DEMO pci=0\r\nBULKHEAD-DEMO end\r\n/ # ";
        let report = Report::parse(console).expect("it is complete");
        assert_eq!(report.name, "web");
        assert_eq!(report.apic_ids, [2, 3]);
        assert_eq!(
            report.ram,
            [(0x1_0000, 0x1_ffff), (0x4000_0000, 0x5fff_ffff)]
        );
        assert_eq!(report.ram_bytes(), 0x2001_0000);
    }

    #[test]
    fn a_last_line_that_was_torn() {
        let torn = "pci=0\r\nBUL[    1.801857] clocksource: tsc: mask: 0x1\r\n\
                    [    1.802335] clocksource: Switched\r\nKHEAD-DEMO end\r\nLeave\r\none# ";
        let end = ended(torn).expect("it is there");
        assert!(torn[end..].starts_with("Leave"));
        assert_eq!(ended(&torn[..end - 1]), None);
        assert_eq!(ended("x\r\nBULKHEAD-DEMO end\r\n"), Some(22));
    }

    #[test]
    fn an_incomplete_report_is_none() {
        assert_eq!(
            Report::parse("BULKHEAD-DEMO begin\nBULKHEAD-DEMO name=web\n"),
            None
        );
        assert_eq!(Report::parse(""), None);
    }
}
