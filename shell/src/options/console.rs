//! `bulkhead.console=`: the serial port that the shell uses.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use bulkhead_model::Com;
use bulkhead_pci::Address;
use bulkhead_terminal::serial::Speed;

use crate::sentence::Cut;

/// A serial port for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    /// Which.
    pub place: ConsolePlace,
    /// Its rate; `None`: the usual one, or what the firmware's table says.
    pub speed: Option<Speed>,
}

/// Where a port for the shell is. Displays as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsolePlace {
    /// One of the four of a PC.
    Com(Com),
    /// A PCI function.
    Pci(Address),
    /// Where the firmware's SPCR table says.
    Spcr,
    /// Nowhere.
    None,
}

impl Console {
    /// What is accepted.
    pub(super) const FORM: &'static str =
        "com1-com4, pci:0000:01:00.0 or spcr, with ,RATE behind it if wanted; none";

    /// COM1 at the usual rate.
    pub const USUAL: Self = Self {
        place: ConsolePlace::Com(Com::Com1),
        speed: None,
    };

    /// Reads a value.
    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let (place, speed) = match value.split_once(',') {
            Some((place, speed)) => (place, Some(speed)),
            None => (value, None),
        };
        let place = match place {
            "none" => ConsolePlace::None,
            "spcr" => ConsolePlace::Spcr,
            _ => match (Com::from_name(place), place.strip_prefix("pci:")) {
                (Some(com), _) => ConsolePlace::Com(com),
                (None, Some(address)) => ConsolePlace::Pci(
                    address
                        .parse()
                        .map_err(|error| format!("\"{}\" {error}", Cut(address)))?,
                ),
                (None, None) => {
                    let (place, form) = (Cut(place), Self::FORM);
                    return Err(format!("\"{place}\" is no port (accepted: {form})"));
                }
            },
        };
        if place == ConsolePlace::None && speed.is_some() {
            return Err("none has no rate".to_string());
        }
        let speed = speed.map(str::parse).transpose();
        Ok(Self {
            place,
            speed: speed
                .map_err(|error: bulkhead_terminal::serial::SpeedError| error.to_string())?,
        })
    }
}

impl fmt::Display for ConsolePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Com(com) => f.write_str(com.name()),
            Self::Pci(address) => write!(f, "pci:{address}"),
            Self::Spcr => f.write_str("spcr"),
            Self::None => f.write_str("none"),
        }
    }
}
