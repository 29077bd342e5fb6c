//! A machine's PCI as it might be: found, cut into units, set up, quieted; sound and absurd.

mod address;
mod arbitrary;
mod assign;
mod fake;
mod group;
mod intx;
mod machine;
mod node;
mod prepare;
mod quiet;
mod scan;
mod unit;
