//! Launch plans on a machine made up for them.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod archives;
mod device_views;
mod identity;
mod io_apics;
mod large;
mod launches;
mod links;
mod maps;
mod nodes;
mod walls;
