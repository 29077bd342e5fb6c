//! Leading cores that take no INIT out of their Linux, by an interrupt.
//!
//! A core in VMX operation is such: it keeps an INIT until it leaves, or loses it (Intel SDM Vol. 3C,
//! "Restrictions on VMX Operation"; Vol. 3A, "MP Initialization Protocol Algorithm"). From 6.12 on, all
//! cores of a Linux that has loaded `kvm_intel` are.

use crate::core::Core;
use crate::hardware::{Hardware, wait};
use crate::life::Life;
use crate::set::CoreSet;
use crate::summon::MOST_CALLS;
use crate::{CoreState, Lifecycle};

/// The call before which a core is led out by the interrupt that a Linux in good health takes.
const ASKING_CALL: u32 = MOST_CALLS - 2;
/// The one before which it is by the interrupt that can't be masked. The last: a core that waits for its
/// start-up IPI should not get it, be it that another of its Linux has reset it, or that it had its
/// interrupts off when it was asked, came later than the call after that, and took the INIT that it had
/// kept. So there is a call like the first ones between the two.
const FORCING_CALL: u32 = MOST_CALLS;
/// How long a core may take to come, in microseconds.
const LED_OUT_US: u64 = 20_000;

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Before the call of that number (from 1): brings cores out of their Linux that take no INIT.
    /// Those that come park, or take the INIT that they kept; either way they are called after it.
    pub(crate) fn lead_out(
        &self,
        hw: &impl Hardware,
        of: (usize, Life),
        missing: CoreSet,
        call: u32,
    ) {
        let is_forced = match call {
            ASKING_CALL => false,
            FORCING_CALL => true,
            _ => return,
        };
        let Some(held) = self.hold_token(hw, Some(of)) else {
            return;
        };
        for index in missing {
            if !held.is_held() {
                break;
            }
            if is_forced {
                hw.force(of.0, index);
            } else {
                hw.ask(of.0, index);
            }
        }
        held.release();
        let has_left = |index| {
            let core: Option<&Core> = self.core(index);
            core.is_none_or(|core| core.state() != CoreState::Running)
        };
        let _ = wait(hw, LED_OUT_US, || missing.into_iter().all(has_left));
    }
}
