//! The registers of one unit (VT-d §11.4): switched on, flushed.

use super::Capabilities;
use super::queue::Queue;
use crate::Physical;

const CAPABILITIES: u64 = 0x08;
const EXTENDED: u64 = 0x10;
const COMMAND: u64 = 0x18;
const STATUS: u64 = 0x1c;
const ROOT: u64 = 0x20;
const CONTEXT_COMMAND: u64 = 0x28;
const FAULT_STATUS: u64 = 0x34;
const FAULT_CONTROL: u64 = 0x38;
const PROTECTED: u64 = 0x64;

/// Bits of Global Command and Global Status.
const TRANSLATE: u32 = 1 << 31;
const SET_ROOT: u32 = 1 << 30;
const WRITE_BUFFER: u32 = 1 << 27;
const QUEUE: u32 = 1 << 26;
const REMAP: u32 = 1 << 25;
/// Of the status, what stays as it is when a command is written; the others happen once.
const STANDING: u32 = 0x96ff_ffff;
/// Of Protected Memory Enable: on, and the state.
const PROTECT: u32 = 1 << 31;
const IS_PROTECTED: u32 = 1;
const MASKED: u32 = 1 << 31;
/// Of Fault Status: an overflow, and three kinds of errors of a queue, with which it stands still.
const ERRORS: u32 = 0x71;
/// Invalidate Context-Cache, all of it.
const ALL_CONTEXTS: u64 = 1 << 63 | 1 << 61;
/// Invalidate IOTLB, all of it, after reads and writes on their way.
const ALL_PAGES: u64 = 1 << 63 | 1 << 60 | 1 << 49 | 1 << 48;
const BUSY: u64 = 1 << 63;

/// Longest wait for a unit, in microseconds: it answers within a few.
pub(super) const WAIT_US: u64 = 50_000;
/// The major version from which on there is no invalidation by registers (VT-d §6.5.1).
const FIRST_WITHOUT: u32 = 6;

/// What the unit whose registers are at `base` can do.
pub(super) fn capabilities(hw: &impl Physical, base: u64) -> Capabilities {
    Capabilities {
        cap: hw.load64(base + CAPABILITIES),
        ecap: hw.load64(base + EXTENDED),
    }
}

/// Whether it translates.
pub(super) fn is_on(hw: &impl Physical, base: u64) -> bool {
    hw.load32(base + STATUS) & TRANSLATE != 0
}

/// Whether it takes invalidations by its registers.
pub(super) fn takes_registers(hw: &impl Physical, base: u64) -> bool {
    hw.load32(base) >> 4 & 0xf < FIRST_WITHOUT
}

/// Gives a command, and waits until it shows (`is_set`) or no longer shows.
fn command(hw: &impl Physical, base: u64, bit: u32, is_set: bool) -> bool {
    let standing = hw.load32(base + STATUS) & STANDING;
    let new = if is_set {
        standing | bit
    } else {
        standing & !bit
    };
    hw.store32(base + COMMAND, new);
    hw.within(WAIT_US, || (hw.load32(base + STATUS) & bit != 0) == is_set)
}

/// Has the unit translate by the root table at `root`, from whatever state firmware left it in. It
/// never stops translating on the way if it did before, and only begins once the table is in use. Whether
/// it answers.
pub(super) fn enable(
    hw: &impl Physical,
    base: u64,
    root: u64,
    queue: Option<Queue>,
    value: u32,
) -> bool {
    let can = capabilities(hw, base);
    // Faults are looked for, and interrupt nobody.
    hw.store32(base + FAULT_CONTROL, MASKED);
    if hw.load32(base + STATUS) & QUEUE != 0 && !command(hw, base, QUEUE, false) {
        return false;
    }
    hw.store32(base + FAULT_STATUS, ERRORS);
    if let Some(queue) = queue {
        queue.begin(hw, base);
        if !command(hw, base, QUEUE, true) {
            return false;
        }
    }
    hw.store64(base + ROOT, root);
    flush_writes(hw, base, can)
        && command(hw, base, SET_ROOT, true)
        && flush(hw, base, can, queue, value)
        && command(hw, base, TRANSLATE, true)
        && release(hw, base, can)
}

/// Has the unit let everything pass as it is. Whether it answers.
pub(super) fn disable(hw: &impl Physical, base: u64) -> bool {
    command(hw, base, TRANSLATE, false)
}

/// Ends what else firmware may have left on: its protection of memory, which the tables are from now on,
/// and its remapping of interrupts, which blocks the messages that a Linux without DMAR has devices
/// send.
fn release(hw: &impl Physical, base: u64, can: Capabilities) -> bool {
    if hw.load32(base + STATUS) & REMAP != 0 && !command(hw, base, REMAP, false) {
        return false;
    }
    if can.has_protected_regions() && hw.load32(base + PROTECTED) & (PROTECT | IS_PROTECTED) != 0 {
        hw.store32(base + PROTECTED, 0);
        let is_off = || hw.load32(base + PROTECTED) & IS_PROTECTED == 0;
        return hw.within(WAIT_US, is_off);
    }
    true
}

/// What was written to tables has left the unit's own buffer.
fn flush_writes(hw: &impl Physical, base: u64, can: Capabilities) -> bool {
    if !can.buffers_writes() {
        return true;
    }
    let standing = hw.load32(base + STATUS) & STANDING;
    hw.store32(base + COMMAND, standing | WRITE_BUFFER);
    hw.within(WAIT_US, || hw.load32(base + STATUS) & WRITE_BUFFER == 0)
}

/// Forgets all that the unit has cached of its tables. Nothing of before is in use, and no request is
/// on its way by it, once this has returned; whether it answers. By the unit's queue if it has one, which
/// writes `value`.
pub(super) fn flush(
    hw: &impl Physical,
    base: u64,
    can: Capabilities,
    queue: Option<Queue>,
    value: u32,
) -> bool {
    let pages = base + u64::from(can.iotlb_offset()) + 8;
    flush_writes(hw, base, can)
        && match queue {
            Some(queue) => queue.flush(hw, base, can, value),
            None => [(base + CONTEXT_COMMAND, ALL_CONTEXTS), (pages, ALL_PAGES)]
                .into_iter()
                .all(|(register, order)| by_register(hw, register, order)),
        }
}

/// Gives an order to a register of invalidations, and waits until it is done.
fn by_register(hw: &impl Physical, register: u64, order: u64) -> bool {
    let is_done = || hw.load64(register) & BUSY == 0;
    // One at a time: what another core asked for comes first.
    let is_free = hw.within(WAIT_US, is_done);
    if is_free {
        hw.store64(register, order);
    }
    is_free && hw.within(WAIT_US, is_done)
}
