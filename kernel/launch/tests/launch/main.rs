//! Launch plans on a machine made up for them.

mod device_views;
mod launches;
mod maps;
