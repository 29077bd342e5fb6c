//! The driver against a 16550 of software, rates, the ring.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod fake;
mod ring;
mod speed;
mod uart;
