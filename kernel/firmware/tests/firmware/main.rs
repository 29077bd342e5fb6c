//! Firmware tables as a machine might have them: sound, wrong, and absurd.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod acpiexec;
mod aml;
mod arbitrary;
mod arbitrary_aml;
mod boards;
mod bridges;
mod discover;
mod events;
mod fake;
mod fixed;
mod hmat;
mod links;
mod methods;
mod no_routes;
mod numa;
mod power;
mod routes;
mod smbios;
mod spcr;
mod tables;
