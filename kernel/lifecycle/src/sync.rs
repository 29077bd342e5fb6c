//! The shared words: atomics, and nothing else, because a core may be reset between any two steps
//! and would never release a lock.
//!
//! Every access is sequentially consistent. The protocol is small and rarely run, so the stronger
//! order costs nothing that could be measured, and the model checks, which know no weaker one, then
//! say what holds on the machine.
//!
//! With the feature `model` a hook runs before each access: there a check lets another core go on,
//! or resets this one.

use core::sync::atomic::Ordering::SeqCst;

macro_rules! word {
    ($name:ident, $atomic:ident, $value:ty) => {
        /// A shared word.
        #[derive(Debug)]
        pub(crate) struct $name(core::sync::atomic::$atomic);

        // Each kind of word has all the operations, whether or not it is used with each.
        #[allow(dead_code, reason = "one set of operations for all sizes")]
        impl $name {
            pub(crate) const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$atomic::new(value))
            }

            pub(crate) fn load(&self) -> $value {
                step(Access::Read);
                self.0.load(SeqCst)
            }

            /// Reads what nobody changes meanwhile: not a step of the protocol.
            pub(crate) fn peek(&self) -> $value {
                self.0.load(SeqCst)
            }

            pub(crate) fn store(&self, value: $value) {
                step(Access::Write);
                self.0.store(value, SeqCst);
            }

            pub(crate) fn fetch_add(&self, value: $value) -> $value {
                step(Access::Write);
                self.0.fetch_add(value, SeqCst)
            }

            /// Replaces `from` by `to`; whether it did.
            pub(crate) fn replace(&self, from: $value, to: $value) -> bool {
                step(Access::Write);
                self.0.compare_exchange(from, to, SeqCst, SeqCst).is_ok()
            }
        }
    };
}

word!(Word8, AtomicU8, u8);
word!(Word32, AtomicU32, u32);
word!(Word64, AtomicU64, u64);

/// Whether an access can change the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "model"),
    expect(unreachable_pub, reason = "seen by the model checks alone")
)]
pub enum Access {
    /// It reads.
    Read,
    /// It may write.
    Write,
}

#[cfg(not(feature = "model"))]
const fn step(_: Access) {}

#[cfg(feature = "model")]
fn step(access: Access) {
    crate::model::step(access);
}
