//! Firmware tables as a machine might have them: sound, wrong, and absurd.

mod aml;
mod arbitrary;
mod arbitrary_aml;
mod discover;
mod fake;
mod fixed;
mod no_routes;
mod routes;
mod spcr;
mod tables;
