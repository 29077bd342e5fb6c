//! The time of a partition: `GetTime` and `SetTime`.
//!
//! Source: UEFI 2.10 §8.3 (Time Services).

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// Bytes of `EFI_TIME`.
pub const TIME_BYTES: usize = 16;
/// `EFI_UNSPECIFIED_TIMEZONE`.
const NO_ZONE: i16 = 0x7ff;
/// `EFI_TIME_ADJUST_DAYLIGHT` and `EFI_TIME_IN_DAYLIGHT`.
const DAYLIGHT: u8 = 0b11;

/// `EFI_TIME_CAPABILITIES`: a resolution of 1 Hz, an accuracy of 200 parts in a million (in units of
/// 10^-12), and setting it does not clear what is below a second.
#[must_use]
pub fn capabilities() -> [u8; 12] {
    let mut bytes = [0; 12];
    let (resolution, accuracy) = (1u32.to_le_bytes(), 200_000_000u32.to_le_bytes());
    for (to, from) in bytes.iter_mut().zip(resolution.into_iter().chain(accuracy)) {
        *to = from;
    }
    bytes
}

/// By how much a partition's clock differs from the machine's, and what it said of its zone. Kept
/// over its restarts. Each word is written by the partition's own cores alone.
#[derive(Debug)]
pub struct Offset {
    /// Nanoseconds.
    nanoseconds: AtomicI64,
    /// Time zone in minutes, and above its 16 bits daylight saving.
    zone: AtomicU64,
}

impl Default for Offset {
    fn default() -> Self {
        Self::new()
    }
}

impl Offset {
    /// None, in no time zone.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nanoseconds: AtomicI64::new(0),
            zone: AtomicU64::new(NO_ZONE as u64),
        }
    }

    /// As it was when it was new.
    pub fn clear(&self) {
        self.nanoseconds.store(0, Ordering::Relaxed);
        self.zone.store(NO_ZONE as u64, Ordering::Relaxed);
    }

    /// The `EFI_TIME` at so many nanoseconds since 1970 of the machine's clock; `None` if no
    /// `EFI_TIME` can say it.
    #[must_use]
    pub fn get(&self, machine: i64) -> Option<[u8; TIME_BYTES]> {
        let own = machine.checked_add(self.nanoseconds.load(Ordering::Relaxed))?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(own)).ok()?;
        let year = u16::try_from(at.year()).ok()?.to_le_bytes();
        let nanosecond = at.nanosecond().to_le_bytes();
        let zone = self.zone.load(Ordering::Relaxed).to_le_bytes();
        Some([
            year[0],
            year[1],
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            0,
            nanosecond[0],
            nanosecond[1],
            nanosecond[2],
            nanosecond[3],
            zone[0],
            zone[1],
            zone[2],
            0,
        ])
    }

    /// Sets this partition's clock, and no other's; `None`, with nothing changed, if it is no time.
    pub fn set(&self, machine: i64, time: &[u8; TIME_BYTES]) -> Option<()> {
        let [
            y0,
            y1,
            month,
            day,
            hour,
            minute,
            second,
            _,
            n0,
            n1,
            n2,
            n3,
            z0,
            z1,
            daylight,
            _,
        ] = *time;
        let year = i32::from(u16::from_le_bytes([y0, y1]));
        let zone = i16::from_le_bytes([z0, z1]);
        let is_zone = (-1440..=1440).contains(&zone) || zone == NO_ZONE;
        // 1900 to 9999 by the specification; a nanosecond of 64 bits goes from 1678 to 2261.
        if !(1900..=2200).contains(&year) || !is_zone || daylight & !DAYLIGHT != 0 {
            return None;
        }
        let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        let nanosecond = u32::from_le_bytes([n0, n1, n2, n3]);
        let clock = Time::from_hms_nano(hour, minute, second, nanosecond).ok()?;
        let own = PrimitiveDateTime::new(date, clock).assume_utc();
        let own = i64::try_from(own.unix_timestamp_nanos()).ok()?;
        let offset = own.checked_sub(machine)?;
        self.nanoseconds.store(offset, Ordering::Relaxed);
        let zone = u64::from_le_bytes([z0, z1, daylight, 0, 0, 0, 0, 0]);
        self.zone.store(zone, Ordering::Relaxed);
        Some(())
    }
}
