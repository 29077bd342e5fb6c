//! The 64-bit Linux boot protocol as pure functions.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
