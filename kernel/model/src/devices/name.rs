//! How an operator calls a device.

use core::fmt;
use core::str::FromStr;

use alloc::format;
use alloc::string::String;

use bulkhead_pci::{Address, Bus};

use crate::Com;

/// Bus 0 of segment 0: where the machine's root ports and built-in devices are.
const BUS0: Bus = Bus {
    segment: 0,
    number: 0,
};

/// The name of the only I/O APIC; with a number behind it, of one of them.
const IO_APIC: &str = "ioapic";

/// One item of `devices=`. Displays as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceName {
    /// `0000:01:00.0`: a PCI function, and with it its whole bus.
    Function(Address),
    /// `pci:01`: a bus and all below it; `bus0` for bus 0 of segment 0.
    Bus(Bus),
    /// `com3`: a serial port beside the console.
    Port(Com),
    /// `ps2`: the keyboard and mouse controller.
    Ps2,
    /// `rtc`: the real-time clock, to set it.
    Rtc,
    /// `framebuffer`: the screen as the loader left it.
    Framebuffer,
    /// `ioapic0`: an I/O APIC; `ioapic`: the only one that there is.
    IoApic(Option<u8>),
}

impl DeviceName {
    /// What is accepted, for errors and help.
    pub const FORM: &'static str =
        "0000:01:00.0, pci:01, bus0, com1-com4, ps2, rtc, framebuffer, ioapic0";

    /// The names that are words, without those of I/O APICs.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("bus0", Self::Bus(BUS0)),
        ("com1", Self::Port(Com::Com1)),
        ("com2", Self::Port(Com::Com2)),
        ("com3", Self::Port(Com::Com3)),
        ("com4", Self::Port(Com::Com4)),
        ("framebuffer", Self::Framebuffer),
        ("ps2", Self::Ps2),
        ("rtc", Self::Rtc),
    ];
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((word, _)) = Self::WORDS.iter().find(|(_, name)| name == self) {
            return f.write_str(word);
        }
        match self {
            Self::Function(address) => address.fmt(f),
            Self::Bus(bus) if bus.segment == 0 => write!(f, "pci:{:02x}", bus.number),
            Self::Bus(bus) => write!(f, "pci:{bus}"),
            Self::Port(com) => f.write_str(com.name()),
            Self::IoApic(None) => f.write_str(IO_APIC),
            Self::IoApic(Some(number)) => write!(f, "{IO_APIC}{number}"),
            // All words.
            Self::Ps2 | Self::Rtc | Self::Framebuffer => Ok(()),
        }
    }
}

/// A text that is the name of no device. Displays as the sentence that says what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNameError(String);

impl fmt::Display for DeviceNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for DeviceNameError {}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if let Some((_, name)) = Self::WORDS.iter().find(|(word, _)| *word == lower) {
            return Ok(*name);
        }
        if let Some(number) = lower.strip_prefix(IO_APIC) {
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            match number.parse() {
                Ok(number) if is_number => return Ok(Self::IoApic(Some(number))),
                _ if number.is_empty() => return Ok(Self::IoApic(None)),
                _ => {}
            }
        }
        let refused =
            |why: &dyn fmt::Display| DeviceNameError(format!("\"{text}\" is not a device: {why}"));
        if let Some(bus) = lower.strip_prefix("pci:") {
            return bus.parse().map(Self::Bus).map_err(|error| refused(&error));
        }
        if lower.contains(':') {
            let address = lower.parse().map(Self::Function);
            return address.map_err(|error| refused(&error));
        }
        let form = Self::FORM;
        Err(DeviceNameError(format!(
            "\"{text}\" is not a device (accepted: {form})"
        )))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn names_are_read_as_they_are_shown() {
        for text in [
            "0000:01:00.0",
            "0002:ff:1f.7",
            "pci:01",
            "pci:0001:80",
            "bus0",
            "com1",
            "com4",
            "ps2",
            "rtc",
            "framebuffer",
            "ioapic",
            "ioapic0",
            "ioapic255",
        ] {
            assert_eq!(text.parse::<DeviceName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_spellings() {
        for (text, shown) in [
            ("1:0.0", "0000:01:00.0"),
            ("0000:0A:1F.3", "0000:0a:1f.3"),
            ("pci:0", "bus0"),
            ("pci:0000:00", "bus0"),
            ("COM2", "com2"),
            ("PCI:1A", "pci:1a"),
            ("IOApic07", "ioapic7"),
        ] {
            assert_eq!(text.parse::<DeviceName>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_name() {
        for text in [
            "",
            "com5",
            "pci:",
            "pci:100",
            "01:20.0",
            "01:00.8",
            "0000:01",
            "eth0",
            "1.0",
            "ioapic256",
            "ioapic+1",
            "ioapicx",
        ] {
            let error = text.parse::<DeviceName>().unwrap_err().to_string();
            assert!(error.contains("accepted"), "{error}");
        }
    }
}
