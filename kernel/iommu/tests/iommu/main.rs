//! Firmware's tables of IOMMUs as a machine might have them: sound, wrong, absurd.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod amd;
mod arbitrary;
mod dmar;
mod ivrs;
mod made;
mod made_amd;
mod made_vtd;
mod names;
mod routes;
mod silent;
mod turns;
mod unit;
