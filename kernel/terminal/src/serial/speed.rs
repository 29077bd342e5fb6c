//! How fast a line is.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// The clock of a PC's UART in Hz. Cards have others; the divisor counts sixteenths of it.
pub const PC_CLOCK: u32 = 1_843_200;

/// Bits of a byte on the line: start, eight of data, stop.
const BITS: u64 = 10;
/// A receiver that looks at the middle of bits survives this difference from the sender's rate, in
/// percent, together with as much on the other side.
const MOST_PERCENT: u64 = 2;
/// Bytes that may arrive between two looks: half a FIFO, so that the other half is left for a look
/// that comes late.
const BYTES_BETWEEN_LOOKS: u64 = 8;
/// The interval at which is looked, in microseconds: never longer, so that a shell answers at
/// once, nor shorter, so that looking is not all that is done.
const LOOK_US: core::ops::RangeInclusive<u64> = 50..=1000;

/// The rate of a line, and the clock that it is made of. Displays as `115200 baud`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Bits per second; `None`: as the firmware left it.
    baud: Option<u32>,
    clock: u32,
}

/// Why a rate can't be had. Displays as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeedError {
    /// The text is no rate.
    NotARate(String),
    /// No divisor of the clock gives it.
    NotWithClock {
        /// The rate.
        baud: u32,
        /// The clock in Hz.
        clock: u32,
        /// The nearest that can be had.
        nearest: u32,
    },
}

impl Speed {
    /// 115200 baud of a PC's clock.
    pub const USUAL: Self = Self {
        baud: Some(115_200),
        clock: PC_CLOCK,
    };

    /// As the firmware left it.
    pub const KEEP: Self = Self {
        baud: None,
        clock: PC_CLOCK,
    };

    /// How a rate is written.
    pub const FORM: &'static str = "RATE, RATE@CLOCK in Hz, or keep";

    /// A rate of `baud`, of a clock of `clock` Hz.
    ///
    /// # Errors
    /// No divisor gives that rate, or one near enough.
    pub fn new(baud: u32, clock: u32) -> Result<Self, SpeedError> {
        let (wanted, steps) = (u64::from(baud), u64::from(clock / 16));
        let divisor = divisor(baud, clock);
        let sixteenths = wanted * u64::from(divisor);
        if steps.abs_diff(sixteenths) * 100 > sixteenths * MOST_PERCENT || baud == 0 {
            let nearest = clock / 16 / u32::from(divisor);
            return Err(SpeedError::NotWithClock {
                baud,
                clock,
                nearest,
            });
        }
        Ok(Self {
            baud: Some(baud),
            clock,
        })
    }

    /// The rate; `None`: as the firmware left it.
    #[must_use]
    pub const fn baud(self) -> Option<u32> {
        self.baud
    }

    /// What goes into the divisor latch; `None`: what is there stays.
    #[must_use]
    pub fn divisor(self) -> Option<u16> {
        Some(divisor(self.baud?, self.clock))
    }

    /// The rate that a divisor gives.
    #[must_use]
    pub fn of_divisor(self, divisor: u16) -> u32 {
        self.clock / 16 / u32::from(divisor.max(1))
    }

    /// Microseconds after which to look at a receiver of this rate again, so that its FIFO of 16
    /// bytes does not run over.
    #[must_use]
    pub fn look_us(baud: u32) -> u64 {
        let us = BYTES_BETWEEN_LOOKS * BITS * 1_000_000 / u64::from(baud.max(1));
        us.clamp(*LOOK_US.start(), *LOOK_US.end())
    }

    /// Microseconds that a transmitter may take for a full FIFO and the byte before it, with what an
    /// operator can bear for whoever reads at the other end and is busy.
    #[must_use]
    pub fn patience_us(baud: u32) -> u64 {
        2_000_000 + 2 * 17 * BITS * 1_000_000 / u64::from(baud.max(1))
    }
}

/// The divisor whose rate is nearest; 1 if all are too slow.
fn divisor(baud: u32, clock: u32) -> u16 {
    let steps = u64::from(clock / 16);
    let rounded = (steps + u64::from(baud) / 2) / u64::from(baud.max(1));
    u16::try_from(rounded).unwrap_or(u16::MAX).max(1)
}

impl Default for Speed {
    fn default() -> Self {
        Self::USUAL
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "keep" {
            return Ok(Self::KEEP);
        }
        // `parse` alone would take a sign.
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u32>().ok().filter(|number| *number > 0);
            number
                .filter(|_| is_number)
                .ok_or_else(|| SpeedError::NotARate(text.to_string()))
        };
        match text.split_once('@') {
            Some((baud, clock)) => Self::new(number(baud)?, number(clock)?),
            None => Self::new(number(text)?, PC_CLOCK),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.baud {
            Some(baud) => write!(f, "{baud} baud"),
            None => f.write_str("the rate that it had"),
        }
    }
}

impl fmt::Display for SpeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARate(text) => {
                write!(f, "\"{text}\" is not a rate (accepted: {})", Speed::FORM)
            }
            Self::NotWithClock {
                baud,
                clock,
                nearest,
            } => write!(
                f,
                "{baud} baud can't be made of a clock of {clock} Hz (nearest: {nearest})"
            ),
        }
    }
}

impl core::error::Error for SpeedError {}
