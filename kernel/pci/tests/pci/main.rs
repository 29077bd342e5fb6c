//! A machine's PCI as it might be: found, cut into units, set up, quieted; sound and absurd.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what is cast is made up here: it fits, or a part of it is wanted"
)]

mod acs;
mod address;
mod arbitrary;
mod assign;
mod boards;
mod broken_reset;
mod fake;
mod group;
mod intx;
mod linear;
mod machine;
mod node;
mod own;
mod prepare;
mod progress;
mod quiet;
mod quiet_other;
mod scan;
mod unit;
mod watchdog;
mod watchdog_board;
