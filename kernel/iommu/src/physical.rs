//! The hardware, as this crate wants it.

/// Physical memory and registers, by physical address.
pub trait Physical {
    /// The dword at an address.
    fn load32(&self, address: u64) -> u32;
    /// Stores a dword.
    fn store32(&self, address: u64, value: u32);
    /// The qword at an address.
    fn load64(&self, address: u64) -> u64;
    /// Stores a qword.
    fn store64(&self, address: u64, value: u64);
    /// Writes `bytes` of memory from an address on back out of the processors' caches.
    fn write_back(&self, address: u64, bytes: u64);
    /// Waits at most so many microseconds for `done`; whether it came.
    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool;
}
