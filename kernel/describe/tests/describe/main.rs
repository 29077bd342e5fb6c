//! A machine is described as it was found, whatever was found.

mod cores;
mod machine;
mod ports;
