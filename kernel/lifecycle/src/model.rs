//! What the model checks hook into: a function of each thread that runs before every access to a
//! shared word. It may let other threads run, or unwind: that is what a reset of the core is.

use std::boxed::Box;
use std::cell::RefCell;

pub use crate::sync::Access;

/// What runs before each step of a thread.
pub type Hook = Box<dyn Fn(Access)>;

std::thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Runs `hook` before each step of this thread from now on; `None` for nothing.
pub fn set_hook(hook: Option<Hook>) {
    HOOK.with(|cell| *cell.borrow_mut() = hook);
}

/// One step.
pub fn step(access: Access) {
    HOOK.with(|cell| {
        if let Some(hook) = cell.borrow().as_ref() {
            hook(access);
        }
    });
}
