//! What a file is, by its own bytes, which are untrusted.
//!
//! An operator who brings the wrong file is told what it is and what to use instead. Bulkhead unpacks
//! nothing: what is packed is known by the first bytes of its container alone.
//!
//! Key types: [`FileKind`], [`Uki`].

mod kind;
mod uki;

pub use kind::FileKind;
pub use uki::{Uki, UkiError};
