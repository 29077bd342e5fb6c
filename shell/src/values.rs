//! Values of the keys: lists of cores, of memory and of devices.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bulkhead_lifecycle::MOST_STOP_SECONDS;
use bulkhead_memory::{parse_address, parse_size};
use bulkhead_model::{DeviceName, MemoryRequest};

use crate::error::did_you_mean;
use crate::limits::{CORES, DEVICE_ITEMS, INITRDS, MEMORY_ITEMS};
use crate::sentence::Cut;

/// What is wrong with a value, and which bytes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ValueError {
    /// The place in the value.
    pub(crate) range: Range<usize>,
    /// The sentence.
    pub(crate) message: String,
}

impl ValueError {
    fn new(range: Range<usize>, message: String) -> Self {
        Self { range, message }
    }
}

const CORES_FORM: &str = "accepted: local APIC IDs and ranges, as in 1,2-3";
const MEMORY_FORM: &str = "accepted: SIZE or SIZE@ADDRESS, as in 512M or 1G@0x40000000";

/// Reads `1,2-3`, in the order given.
pub(crate) fn cores(value: &str) -> Result<Vec<u32>, ValueError> {
    let mut cores: Vec<u32> = Vec::new();
    for (range, item) in items(value, ',') {
        let refuse = |message| ValueError::new(range.clone(), message);
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(refuse(format!(
                "\"{}\" is not a core ({CORES_FORM})",
                Cut(item)
            )));
        };
        if first > last {
            let message = format!("the range {} runs backwards ({CORES_FORM})", Cut(item));
            return Err(refuse(message));
        }
        for core in first..=last {
            if cores.contains(&core) {
                return Err(refuse(format!("core {core} is listed twice")));
            }
            if cores.len() == CORES {
                return Err(refuse(format!("more than {CORES} cores are named")));
            }
            cores.push(core);
        }
    }
    Ok(cores)
}

/// A number in decimal digits and nothing else (`parse` would take `+1`).
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Reads `512M,1G@0x100000000`.
pub(crate) fn memory(value: &str) -> Result<Vec<MemoryRequest>, ValueError> {
    items(value, ',')
        .enumerate()
        .map(|(index, (range, item))| {
            if index == MEMORY_ITEMS {
                let message = format!("more than {MEMORY_ITEMS} items are listed");
                return Err(ValueError::new(range, message));
            }
            let (size, at) = match item.split_once('@') {
                Some((size, at)) => (size, Some(at)),
                None => (item, None),
            };
            let refuse = |what: &str, part: &str, why: &dyn core::fmt::Display| {
                let start = range.start + if what == "size" { 0 } else { size.len() + 1 };
                let message = format!("the {what} \"{}\" {why}", Cut(part));
                ValueError::new(start..start + part.len(), message)
            };
            let bytes = parse_size(size).map_err(|e| refuse("size", size, &e))?;
            if bytes == 0 {
                return Err(refuse("size", size, &format!("is zero ({MEMORY_FORM})")));
            }
            let at = at
                .map(|at| parse_address(at).map_err(|e| refuse("address", at, &e)))
                .transpose()?;
            Ok(MemoryRequest { size: bytes, at })
        })
        .collect()
}

/// Reads `ucode.img,root.img`, names of images; nothing is none.
pub(crate) fn initrds(value: &str) -> Result<Vec<String>, ValueError> {
    let mut names: Vec<String> = Vec::new();
    for (range, name) in items(value, ',').filter(|_| !value.is_empty()) {
        let message = if name.is_empty() {
            "a name is missing (accepted: as in ucode.img,root.img)".into()
        } else if names.iter().any(|other| other == name) {
            format!("\"{}\" is listed twice", Cut(name))
        } else if names.len() == INITRDS {
            format!("more than {INITRDS} initrds are named")
        } else {
            names.push(name.into());
            continue;
        };
        return Err(ValueError::new(range, message));
    }
    Ok(names)
}

/// Reads `0000:01:00.0,com3`; nothing, or `none`, is no device.
pub(crate) fn devices(value: &str) -> Result<Vec<DeviceName>, ValueError> {
    if value.is_empty() || value == "none" {
        return Ok(Vec::new());
    }
    let mut devices = Vec::new();
    for (range, item) in items(value, ',') {
        let device: DeviceName = item.parse().map_err(|error| {
            let hint = did_you_mean(item, DeviceName::WORDS.map(|(word, _)| word));
            let message = if hint.is_empty() {
                format!("{error}")
            } else {
                let form = DeviceName::FORM;
                format!("\"{}\" is not a device{hint} (accepted: {form})", Cut(item))
            };
            ValueError::new(range.clone(), message)
        })?;
        if devices.contains(&device) {
            return Err(ValueError::new(range, format!("{device} is listed twice")));
        }
        if devices.len() == DEVICE_ITEMS {
            let message = format!("more than {DEVICE_ITEMS} devices are named");
            return Err(ValueError::new(range, message));
        }
        devices.push(device);
    }
    Ok(devices)
}

/// Longest time that can be waited for: a day.
const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

/// Reads `10`, `10s`, `500ms` or `2m` into milliseconds; a refusal names the text.
pub(crate) fn duration_ms(value: &str) -> Result<u64, String> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit_ms = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let ms = number
        .zip(unit_ms)
        .and_then(|(number, unit)| number.checked_mul(unit));
    match ms {
        Some(ms) if ms <= LONGEST_WAIT_MS => Ok(ms),
        _ => Err(format!(
            "\"{}\" is not a time of at most a day (accepted: 10, 10s, 500ms, 2m)",
            Cut(value)
        )),
    }
}

/// How long a Linux has to end itself, in milliseconds: whole seconds, an hour at most.
pub(crate) fn stop_ms(value: &str) -> Result<u64, String> {
    let most = u64::from(MOST_STOP_SECONDS) * 1000;
    let ms = duration_ms(value).ok();
    ms.filter(|ms| (1000..=most).contains(ms) && ms % 1000 == 0)
        .ok_or_else(|| {
            format!(
                "\"{}\" is no time that it can have (accepted: 1s to 60m)",
                Cut(value)
            )
        })
}

/// The items of a list and their places.
pub(crate) fn items(value: &str, separator: char) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    value.split(separator).map(move |item| {
        let range = start..start + item.len();
        start = range.end + 1;
        (range, item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_cores() {
        assert_eq!(cores("1,2-3"), Ok([1, 2, 3].to_vec()));
        assert_eq!(cores("7,0"), Ok([7, 0].to_vec()));
        let table = [
            ("", 0..0, "\"\" is not a core"),
            ("1,,2", 2..2, "\"\" is not a core"),
            ("1,x", 2..3, "\"x\" is not a core"),
            ("1,+2", 2..4, "\"+2\" is not a core"),
            ("1,3-2", 2..5, "the range 3-2 runs backwards"),
            ("1-3,2", 4..5, "core 2 is listed twice"),
            ("0-4294967295", 0..12, "more than 1024 cores are named"),
            ("4294967296", 0..10, "\"4294967296\" is not a core"),
        ];
        for (value, range, message) in table {
            let error = cores(value).unwrap_err();
            assert_eq!(error.range, range, "{value}");
            assert!(error.message.starts_with(message), "{}", error.message);
        }
    }

    #[test]
    fn lists_of_memory() {
        let request = |size, at| MemoryRequest { size, at };
        assert_eq!(
            memory("512M,1G@0x100000000").unwrap(),
            [request(512 << 20, None), request(1 << 30, Some(1 << 32))]
        );
        let table = [
            ("", 0..0, "the size \"\" is empty"),
            ("512M,", 5..5, "the size \"\" is empty"),
            ("0M", 0..2, "the size \"0M\" is zero"),
            ("12Q", 0..3, "the size \"12Q\" is not a number"),
            ("1G@", 3..3, "the address \"\" is empty"),
            ("1G@x", 3..4, "the address \"x\" is not a number"),
            (
                "1M,99999999999999T",
                3..18,
                "the size \"99999999999999T\" is larger than",
            ),
        ];
        for (value, range, message) in table {
            let error = memory(value).unwrap_err();
            assert_eq!(error.range, range, "{value}");
            assert!(error.message.starts_with(message), "{}", error.message);
        }
    }

    #[test]
    fn times() {
        for (value, ms) in [
            ("10", 10_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("0", 0),
            ("1440m", LONGEST_WAIT_MS),
        ] {
            assert_eq!(duration_ms(value), Ok(ms), "{value}");
        }
        for value in [
            "",
            "s",
            "-1",
            "1h",
            "1.5s",
            "1441m",
            "18446744073709551616",
            "ms",
            "1 s",
        ] {
            let message = duration_ms(value).unwrap_err();
            assert!(
                message.starts_with(&format!("\"{value}\" is not a time")),
                "{message}"
            );
        }
    }

    #[test]
    fn lists_of_devices() {
        for value in ["", "none"] {
            assert_eq!(devices(value), Ok(Vec::new()));
        }
        let names = devices("1:0.0,pci:02,COM3").unwrap();
        let names: Vec<String> = names.iter().map(|name| format!("{name}")).collect();
        assert_eq!(names, ["0000:01:00.0", "pci:02", "com3"]);
        for (value, range, message) in [
            ("com3,", 5..5, "\"\" is not a device"),
            ("com3,eth0,ps2", 5..9, "\"eth0\" is not a device"),
            ("0000:01:20.0", 0..12, "\"0000:01:20.0\" is not a device"),
            ("com3,bus0,COM3", 10..14, "com3 is listed twice"),
            ("0000:01:00.0,1:0.0", 13..18, "0000:01:00.0 is listed twice"),
        ] {
            let error = devices(value).unwrap_err();
            assert_eq!(error.range, range, "{value}");
            assert!(error.message.starts_with(message), "{}", error.message);
        }
    }

    proptest! {
        #[test]
        fn any_value_is_survived(value in "[0-9x,@kMG-]{0,24}") {
            for range in [
                devices(&value).map_err(|e| e.range).err(),
                cores(&value).map_err(|e| e.range).err(),
                memory(&value).map_err(|e| e.range).err(),
            ].into_iter().flatten() {
                prop_assert!(value.get(range).is_some());
            }
        }
    }
}
