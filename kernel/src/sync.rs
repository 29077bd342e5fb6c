//! The one lock that may be shared with an interrupt handler of the same core.
//!
//! Words that a partition's core touches are never behind a lock: a core that is reset by INIT
//! while holding one would never release it. Those words are atomics.

use core::ops::{Deref, DerefMut};

use spin::mutex::{TicketMutex, TicketMutexGuard};
use x86_64::instructions::interrupts;

/// A ticket lock that masks interrupts while it is held.
pub(crate) struct IrqLock<T> {
    inner: TicketMutex<T>,
}

/// Holding it is holding the lock.
pub(crate) struct IrqGuard<'a, T> {
    guard: Option<TicketMutexGuard<'a, T>>,
    enable_after: bool,
}

impl<T> IrqLock<T> {
    /// A free lock.
    pub(crate) const fn new(value: T) -> Self {
        Self {
            inner: TicketMutex::new(value),
        }
    }

    /// Masks interrupts, then waits for the lock.
    pub(crate) fn lock(&self) -> IrqGuard<'_, T> {
        let enable_after = interrupts::are_enabled();
        interrupts::disable();
        IrqGuard {
            guard: Some(self.inner.lock()),
            enable_after,
        }
    }

    /// The lock if it is free now: for the panic path, which must not wait.
    pub(crate) fn try_lock(&self) -> Option<IrqGuard<'_, T>> {
        let enable_after = interrupts::are_enabled();
        interrupts::disable();
        let guard = self.inner.try_lock();
        if guard.is_none() && enable_after {
            interrupts::enable();
        }
        guard.map(|guard| IrqGuard {
            guard: Some(guard),
            enable_after,
        })
    }
}

impl<T> Deref for IrqGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.guard.as_ref().expect("present until drop")
    }
}

impl<T> DerefMut for IrqGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("present until drop")
    }
}

impl<T> Drop for IrqGuard<'_, T> {
    fn drop(&mut self) {
        // The lock is released before interrupts can come, so a handler finds it free.
        self.guard = None;
        if self.enable_after {
            interrupts::enable();
        }
    }
}
