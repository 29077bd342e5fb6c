//! What is read of a result, and what must hold of it whatever was measured: a figure that was changed by hand
//! contradicts another.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::table::median;

/// `make bench` writes four digits behind the point.
const ROUNDED: f64 = 0.000_051;

/// The fields of one thing. What is wrong with one says which, and not of what: who reads adds that.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    pub(super) fn text(self, key: &str) -> Result<String, String> {
        let text = self.0[key].as_str();
        Ok(text.ok_or_else(|| self.is_no(key, "text"))?.to_string())
    }

    pub(super) fn flag(self, key: &str) -> Result<bool, String> {
        let flag = self.0[key].as_bool();
        flag.ok_or_else(|| self.is_no(key, "true or false"))
    }

    /// A whole number that is no less than nothing.
    pub(super) fn count(self, key: &str) -> Result<u64, String> {
        let count = self.0[key].as_u64();
        count.ok_or_else(|| self.is_no(key, "number of something"))
    }

    pub(super) fn number(self, key: &str) -> Result<f64, String> {
        let number = number(&self.0[key]);
        number.ok_or_else(|| self.is_no(key, "number from 0 on"))
    }

    /// One at least.
    pub(super) fn numbers(self, key: &str) -> Result<Vec<f64>, String> {
        let numbers = numbers(&self.0[key]);
        numbers.ok_or_else(|| self.is_no(key, "list of numbers from 0 on, one at least"))
    }

    /// As many as there were runs.
    pub(super) fn of_runs(self, key: &str, runs: usize) -> Result<Vec<f64>, String> {
        let numbers = self.numbers(key)?;
        are(key, numbers.len(), runs)?;
        Ok(numbers)
    }

    pub(super) fn list(self, key: &str) -> Result<&'a [Value], String> {
        let list = self.0[key].as_array().map(Vec::as_slice);
        let list = list.filter(|list| !list.is_empty());
        list.ok_or_else(|| self.is_no(key, "list with something in it"))
    }

    /// What is written of it, if anything is: `wanted` up to how both were rounded.
    pub(super) fn is_about(self, key: &str, wanted: f64, within: f64) -> Result<(), String> {
        let is = match &self.0[key] {
            Value::Null if wanted.is_nan() => return Ok(()),
            is => is.as_f64(),
        };
        match is {
            Some(is) if (is - wanted).abs() <= within => Ok(()),
            _ => Err(format!(
                "\"{key}\" is {}, and its values come to {wanted:.4}",
                self.0[key]
            )),
        }
    }

    /// A whole number of these.
    pub(super) fn within(self, key: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
        let count = self.0[key].as_u64().filter(|count| range.contains(count));
        count.ok_or_else(|| {
            format!(
                "\"{key}\" is {}: a number from {} to {} is accepted",
                self.0[key],
                range.start(),
                range.end()
            )
        })
    }

    /// What takes time, takes room, or gets done.
    pub(super) fn above_zero(self, key: &str) -> Result<f64, String> {
        let number = self.number(key)?;
        match number > 0.0 {
            true => Ok(number),
            false => Err(format!("\"{key}\" is 0: more than 0 is accepted")),
        }
    }

    /// The same of as many as there were runs.
    pub(super) fn of_runs_above_zero(self, key: &str, runs: usize) -> Result<Vec<f64>, String> {
        let numbers = self.of_runs(key, runs)?;
        are_above_zero(key, &numbers)?;
        Ok(numbers)
    }

    fn is_no(self, key: &str, what: &str) -> String {
        match &self.0[key] {
            Value::Null => format!("\"{key}\" is missing: no {what}"),
            other => format!("\"{key}\" is no {what}: {other}"),
        }
    }
}

/// Nothing that is measured is less than nothing, or more than a number can be drawn.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| (0.0..1e15).contains(number))
}

/// One at least.
pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    let all: Option<Vec<f64>> = value.as_array()?.iter().map(number).collect();
    all.filter(|all| !all.is_empty())
}

/// There is one of it for each run.
pub(super) fn are(key: &str, count: usize, runs: usize) -> Result<(), String> {
    match count == runs {
        true => Ok(()),
        false => Err(format!("\"{key}\" has {count} of {runs} runs")),
    }
}

/// Nothing is done at no rate or in no time.
pub(super) fn are_above_zero(key: &str, numbers: &[f64]) -> Result<(), String> {
    match numbers.iter().all(|number| *number > 0.0) {
        true => Ok(()),
        false => Err(format!("\"{key}\" has a 0: more than 0 is accepted")),
    }
}

/// A day of the calendar, year first.
pub(super) fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let is_long = [year, month, day].map(str::len) == [4, 2, 2];
    let [Ok(year), Ok(month), Ok(day)] = [year, month, day].map(str::parse::<u32>) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    is_long && (1..=days).contains(&day)
}

/// How far one median by another may be from what was written, all of them rounded.
pub(super) fn within(above: &[f64], below: &[f64]) -> f64 {
    let [above, below] = [above, below].map(median);
    ROUNDED + above / below * (ROUNDED / above.max(ROUNDED) + ROUNDED / below.max(ROUNDED))
}

/// Milliseconds from the doorbell to the entry of each launch, and of these copying.
pub(super) fn launches(fields: Fields) -> Result<Vec<[f64; 2]>, String> {
    let (entry, copy) = (
        fields.numbers("doorbell_to_entry_ms")?,
        fields.numbers("copy_ms")?,
    );
    are("copy_ms", copy.len(), entry.len())?;
    let launches: Vec<[f64; 2]> = entry
        .into_iter()
        .zip(copy)
        .map(|(entry, copy)| [entry, copy])
        .collect();
    are_above_zero("copy_ms", launches.as_flattened())?;
    match launches.iter().find(|[entry, copy]| copy > entry) {
        Some([entry, copy]) => Err(format!("a launch of {entry} ms copies for {copy} ms")),
        None => Ok(launches),
    }
}

/// Nothing is in it twice.
pub(super) fn are_different<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("{name:?} is there twice"));
        }
        seen.push(name);
    }
    Ok(())
}

/// From here on `ticks` tells fewer apart than there are.
const LAST: u32 = 17;

/// In which part of a histogram so many microseconds are: below one, from one to less than two, and so on.
fn bucket(us: u64) -> usize {
    (u64::BITS - us.leading_zeros()) as usize
}

/// Whether these are one timer's ticks: each late by what the histogram has, the median, 99th and 99.9th percentile and the
/// latest where it has them.
pub(super) fn ticks(count: u64, late_us: [u64; 4], histogram: &[u64]) -> Result<(), String> {
    let [middle, high, higher, latest] = late_us;
    if !late_us.is_sorted() {
        return Err(format!(
            "p50 {middle}, p99 {high}, p99.9 {higher} and the latest, {latest}, are not in this order"
        ));
    }
    let sum: u64 = histogram.iter().sum();
    if count == 0 || sum != count {
        return Err(format!("the histogram has {sum} of {count} ticks"));
    }
    // As `ticks` finds them: the first that so many of a thousand are not above.
    for (name, us, per_mille) in [
        ("p50_us", middle, 500),
        ("p99_us", high, 990),
        ("p999_us", higher, 999),
    ] {
        let (at, wanted) = (bucket(us), count * per_mille / 1000);
        let before: u64 = histogram.iter().take(at).sum();
        let through: u64 = histogram.iter().take(at + 1).sum();
        if !(before..through).contains(&wanted) {
            return Err(format!(
                "\"{name}\" is {us}, where the histogram has number {before} to {through}, and it is number {wanted}"
            ));
        }
    }
    let last = histogram.iter().rposition(|count| *count > 0).unwrap_or(0);
    let is_last = match latest >> (LAST - 1) {
        0 => bucket(latest) == last,
        _ => last >= LAST as usize,
    };
    match is_last {
        true => Ok(()),
        false => Err(format!(
            "\"max_us\" is {latest}, and the histogram's last is from {} on",
            (1u64 << last) >> 1
        )),
    }
}

/// The timer's.
const PERIOD_US: u64 = 1000;

/// Whether so many periods can have passed without a tick: as many as each tick is late by whole ones.
pub(super) fn lost(lost: u64, latest: u64, histogram: &[u64]) -> Result<(), String> {
    let (mut least, mut most) = (0, 0);
    for (count, at) in histogram.iter().zip(0..) {
        let from = (1u64 << at) >> 1;
        let to = match at < LAST {
            true => latest.min((1 << at) - 1),
            false => latest,
        };
        least += count * (from / PERIOD_US);
        most += count * (to / PERIOD_US);
    }
    match (least..=most).contains(&lost) {
        true => Ok(()),
        false => Err(format!(
            "\"lost\" is {lost}: by the histogram {least} to {most} is accepted"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_one_timers() {
        let histogram = [0, 0, 0, 0, 0, 0, 7545, 13, 1];
        ticks(7559, [59, 61, 64, 158], &histogram).unwrap();
        for (count, late, wanted) in [
            // All but the median are what they can't be.
            (7559, [59, 1, 1, 1], "not in this order"),
            (7559, [1, 1, 1, 1], "\"p50_us\" is 1"),
            (7559, [59, 61, 64, 64], "\"max_us\" is 64"),
            (7559, [59, 61, 64, 300], "\"max_us\" is 300"),
            (7559, [59, 64, 64, 158], "\"p99_us\" is 64"),
            (7559, [59, 61, 61, 158], "\"p999_us\" is 61"),
            (7560, [59, 61, 64, 158], "7559 of 7560"),
        ] {
            let why = ticks(count, late, &histogram).expect_err(wanted);
            assert!(why.contains(wanted), "{why}");
        }
        assert!(ticks(0, [0; 4], &[0, 0]).is_err());
        // What is later than the last that is told apart.
        ticks(2, [1, 900_000, 900_000, 900_000], &[0, 1, 1]).unwrap_err();
        let mut long = vec![0; 19];
        (long[1], long[18]) = (1, 1);
        assert!(ticks(2, [200_000, 200_000, 200_000, 900_000], &long).is_ok());
    }

    #[test]
    fn a_field_says_what_is_wrong_with_it() {
        let value = serde_json::json!({"lost": -1, "rate": null, "all": [1.0, -2.0], "r": 0.93});
        let fields = Fields(&value);
        assert!(fields.count("lost").unwrap_err().contains("-1"));
        assert!(fields.number("rate").unwrap_err().contains("is missing"));
        assert!(fields.numbers("all").unwrap_err().contains("-2.0"));
        assert!(fields.is_about("r", 0.930_04, 0.000_05).is_ok());
        let why = fields.is_about("r", 0.931, 0.000_05).unwrap_err();
        assert_eq!(why, "\"r\" is 0.93, and its values come to 0.9310");
        // Nothing by nothing is written as none.
        assert!(fields.is_about("rate", f64::NAN, 0.0).is_ok());
        assert!(fields.is_about("rate", 1.0, 0.0).is_err());
    }
}
