//! Firmware tables as a machine might have them: sound, wrong, and absurd.

mod arbitrary;
mod discover;
mod fake;
mod fixed;
mod tables;
