//! What Linux said when it booted (`Documentation/ABI/testing/dev-kmsg`).

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;

/// The line is one of the first few hundred; a log without end is not read to it.
const MOST_RECORDS: usize = 2048;
/// Longest record that Linux gives, in bytes.
const RECORD_BYTES: usize = 8192;
/// What `check_x2apic()` says where it found the mode on.
const X2APIC: &str = "x2apic: enabled by BIOS";
/// What the drivers of both vendors' IOMMUs say where they found one translating.
const TRANSLATING: &str = "Translation was enabled for ";

/// What was looked for in the log; `None` if the log can't be read, or does not go back to the boot any
/// more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KernelLog {
    x2apic: Option<bool>,
    iommu: Option<bool>,
}

impl KernelLog {
    pub(super) fn read() -> Self {
        Self::open().unwrap_or_default()
    }

    /// Whether firmware left the local APICs in x2APIC mode.
    pub(super) const fn x2apic_by_firmware(&self) -> Option<bool> {
        self.x2apic
    }

    /// Whether firmware left an IOMMU translating, as far as this Linux has drivers for it.
    pub(super) const fn iommu_by_firmware(&self) -> Option<bool> {
        self.iommu
    }

    fn open() -> Option<Self> {
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
        let mut log = OpenOptions::new()
            .read(true)
            .custom_flags(nonblocking)
            .open("/dev/kmsg")
            .ok()?;
        let mut record = vec![0; RECORD_BYTES];
        Some(Self::of((0..MOST_RECORDS).map_while(|_| {
            match log.read(&mut record) {
                Ok(length) => Some(String::from_utf8_lossy(record.get(..length)?).into_owned()),
                // Overwritten while it was read: the next read goes on after that.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Some(String::new()),
                Err(_) => None,
            }
        })))
    }

    /// A record begins with its priority and its number, which is 0 for the first.
    fn of(records: impl Iterator<Item = String>) -> Self {
        let is_first = |record: &String| record.split(',').nth(1) == Some("0");
        let (mut is_whole, mut x2apic, mut iommu) = (false, false, false);
        for (nth, record) in records.enumerate() {
            is_whole |= nth == 0 && is_first(&record);
            x2apic |= record.contains(X2APIC);
            iommu |= record.contains(TRANSLATING);
        }
        let known = |is_on: bool| (is_on || is_whole).then_some(is_on);
        Self {
            x2apic: known(x2apic),
            iommu: known(iommu),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KernelLog;

    #[test]
    fn the_log_tells_only_where_it_is_whole() {
        let of = |records: &[&str]| {
            let log = KernelLog::of(records.iter().map(ToString::to_string));
            (log.x2apic_by_firmware(), log.iommu_by_firmware())
        };
        let (first, later) = ("5,0,0,-;Linux version 6.1.0", "6,91,2000,-;x");
        let on = "6,12,0,-;x2apic: enabled by BIOS, switching to x2apic ops";
        let left = "4,300,9,-;DMAR: Translation was enabled for dmar0 but we are not in kdump mode";
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(of(&[first, on, later]), (yes, no));
        assert_eq!(of(&[first, later]), (no, no));
        assert_eq!(of(&[first, later, left]), (no, yes));
        assert_eq!(of(&[on, later]), (yes, None));
        assert_eq!(of(&[later, left]), (None, yes));
        assert_eq!(of(&[later]), (None, None));
        assert_eq!(of(&[]), (None, None));
    }
}
