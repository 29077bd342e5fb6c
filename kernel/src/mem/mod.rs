//! Memory as the kernel itself uses it.
//!
//! * [`heap`]: the small heap; [`arenas`]: what it is made of.
//! * [`frames`]: taking whole pages before anybody claims memory.
//! * [`paging`]: the kernel's own page tables, shared by all cores.
//! * [`phys`]: reading and writing physical memory through the identity map.

mod arenas;
pub(crate) mod frames;
pub(crate) mod heap;
pub(crate) mod paging;
pub(crate) mod phys;
