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
const ON: &str = "x2apic: enabled by BIOS";

/// Whether firmware left the local APICs in x2APIC mode; `None` if the log can't be read, or does not go
/// back to the boot any more.
pub(super) fn x2apic_by_firmware() -> Option<bool> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open("/dev/kmsg")
        .ok()?;
    let mut record = vec![0; RECORD_BYTES];
    let records = (0..MOST_RECORDS).map_while(|_| match log.read(&mut record) {
        Ok(length) => Some(String::from_utf8_lossy(record.get(..length)?).into_owned()),
        // Overwritten while it was read: the next read goes on after that.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Some(String::new()),
        Err(_) => None,
    });
    by_records(records)
}

/// A record begins with its priority and its number, which is 0 for the first.
fn by_records(mut records: impl Iterator<Item = String>) -> Option<bool> {
    let is_first = |record: &String| record.split(',').nth(1) == Some("0");
    let first = records.next()?;
    let is_whole = is_first(&first);
    let is_on = first.contains(ON) || records.any(|record| record.contains(ON));
    (is_on || is_whole).then_some(is_on)
}

#[cfg(test)]
mod tests {
    use super::by_records;

    #[test]
    fn the_log_tells_only_where_it_is_whole() {
        let of = |records: &[&str]| by_records(records.iter().map(ToString::to_string));
        let (first, later) = ("5,0,0,-;Linux version 6.1.0", "6,91,2000,-;x");
        let on = "6,12,0,-;x2apic: enabled by BIOS, switching to x2apic ops";
        assert_eq!(of(&[first, on, later]), Some(true));
        assert_eq!(of(&[first, later]), Some(false));
        assert_eq!(of(&[on, later]), Some(true));
        assert_eq!(of(&[later]), None);
        assert_eq!(of(&[]), None);
    }
}
