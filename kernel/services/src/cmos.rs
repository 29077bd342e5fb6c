//! What the registers of the machine's real-time clock say.
//!
//! Source: Motorola MC146818A data sheet, "Time, Calendar and Alarm Locations", registers B and D;
//! ACPI 6.5 §5.2.9 (the FADT's `CENTURY`). Without a century's register Linux takes years below 70
//! for those after 2000, and so does this.

use time::{Date, Month, PrimitiveDateTime, Time};

/// Registers of the time: seconds, minutes, hours, day of the month, month, year.
pub const TIME: [u8; 6] = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09];
/// Register A; its top bit says that the time is being updated.
pub const STATUS_A: u8 = 0x0a;
/// Top bit of register A.
pub const UPDATING: u8 = 0x80;
/// In register A: what divides the oscillator. Above [`DIVIDES`] it is held in reset, or for tests.
pub const DIVIDER: u8 = 0x70;
/// In register A: the oscillator has 32,768 Hz, and is divided to seconds.
pub const DIVIDES: u8 = 0x20;
/// Register D; its top bit says that the battery did not fail.
pub const STATUS_D: u8 = 0x0d;
/// Top bit of register D.
pub const IS_VALID: u8 = 0x80;
/// Register B.
pub const STATUS_B: u8 = 0x0b;
/// Top bit of register B: somebody is setting the time, and the clock stands still meanwhile.
pub const SETTING: u8 = 0x80;
/// In register B: numbers are binary, not decimal.
const BINARY: u8 = 0x04;
/// In register B: hours count to 24.
const HOURS_24: u8 = 0x02;
/// In the register of hours, unless they count to 24: afternoon.
const AFTERNOON: u8 = 0x80;

/// Seconds since 1970 of the registers [`TIME`], with register B; `None` if they are no time.
#[must_use]
pub fn decode(registers: [u8; 6], status_b: u8) -> Option<i64> {
    let number = |value: u8| {
        if status_b & BINARY != 0 {
            return Some(value);
        }
        let (tens, ones) = (value >> 4, value & 0xf);
        (tens < 10 && ones < 10).then_some(tens * 10 + ones)
    };
    let [second, minute, raw_hour, day, month, year] = registers;
    let hour = if status_b & HOURS_24 != 0 {
        number(raw_hour)?
    } else {
        let hour = number(raw_hour & !AFTERNOON)?;
        let noon = if raw_hour & AFTERNOON == 0 { 0 } else { 12 };
        (1..=12).contains(&hour).then_some(hour % 12 + noon)?
    };
    let year = i32::from(number(year).filter(|year| *year < 100)?);
    let year = if year < 70 { 2000 + year } else { 1900 + year };
    let month = Month::try_from(number(month)?).ok()?;
    let date = Date::from_calendar_date(year, month, number(day)?).ok()?;
    let time = Time::from_hms(hour, number(minute)?, number(second)?).ok()?;
    Some(
        PrimitiveDateTime::new(date, time)
            .assume_utc()
            .unix_timestamp(),
    )
}

/// The registers [`TIME`] for so many seconds since 1970; `None` unless that is between 1970 and 2069.
#[must_use]
pub fn encode(seconds: i64, status_b: u8) -> Option<[u8; 6]> {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    if !(1970..2070).contains(&at.year()) {
        return None;
    }
    let number = |value: u8| {
        if status_b & BINARY != 0 {
            value
        } else {
            ((value / 10) << 4) | (value % 10)
        }
    };
    let hour = if status_b & HOURS_24 != 0 {
        number(at.hour())
    } else {
        let noon = if at.hour() < 12 { 0 } else { AFTERNOON };
        number((at.hour() + 11) % 12 + 1) | noon
    };
    let year = u8::try_from(at.year() % 100).ok()?;
    Some([
        number(at.second()),
        number(at.minute()),
        hour,
        number(at.day()),
        number(u8::from(at.month())),
        number(year),
    ])
}
