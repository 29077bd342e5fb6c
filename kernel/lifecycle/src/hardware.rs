//! What the lifecycle needs of the machine. The kernel implements it on hardware, the model checks
//! on cores that may be reset at any step.

/// The machine, as seen from the core that runs. Cores are named by their index in the kernel's
/// table of cores, ascending by local APIC ID.
pub trait Hardware {
    /// The core that runs this.
    fn me(&self) -> usize;

    /// The local APIC ID of a core, as it is shown.
    fn apic_id(&self, core: usize) -> u32;

    /// The time-stamp counter.
    fn now(&self) -> u64;

    /// Microseconds in ticks of [`now`](Self::now).
    fn ticks(&self, us: u64) -> u64;

    /// Called in every loop that waits for another core.
    fn relax(&self);

    /// Sends INIT to another core. Never to the machine's boot processor: it would run the firmware.
    fn init(&self, core: usize);

    /// How long to wait between INIT and the start-up IPI, in microseconds.
    fn init_delay_us(&self) -> u64;

    /// Sends a start-up IPI for Bulkhead's trampoline.
    fn startup(&self, core: usize);

    /// Wakes a core that is parked.
    fn doorbell(&self, core: usize);

    /// Whether that core is the machine's boot processor.
    fn is_boot_processor(&self, core: usize) -> bool;

    /// Whether a partition's Linux has only just been entered on the machine's boot processor, so
    /// that a non-maskable interrupt would reset the machine.
    fn is_too_early(&self, partition: usize) -> bool;

    /// Whether the boot processor has to be asked before the partition's other cores are taken,
    /// because its own Linux will have to bring it back.
    fn boot_processor_first(&self, partition: usize) -> bool;

    /// Makes interrupts of a core lead out of the partition's Linux, which is at its end, and sends the
    /// one that a Linux in good health takes. For the machine's boot processor, whose siblings are
    /// taken back already, and for a core that no INIT reaches.
    fn ask(&self, partition: usize, core: usize);

    /// Sends it the one that can't be masked.
    fn force(&self, partition: usize, core: usize);

    /// Sends a core the interrupt that can't be masked, in its Linux, which may say then what it is about.
    fn startle(&self, core: usize);

    /// Keeps the partition's devices from all memory and from interrupting, and resets those that
    /// can be. None of its cores runs its Linux any more.
    fn silence(&self, partition: usize);

    /// Sets the partition's devices up for a launch; silences them before, if it is the first one
    /// of its plan.
    fn set_up(&self, partition: usize, is_first: bool);

    /// Clears what others left in the partition's RAM.
    fn clear(&self, partition: usize);

    /// Writes the partition's images and tables: how long the images took, in ticks.
    fn place(&self, partition: usize) -> u64;

    /// Whether the mark in the low memory that the partition shares is gone: a Linux has written there.
    fn is_low_written(&self, partition: usize) -> bool;

    /// Puts the mark there; if `clears`, after what its plan says is to be cleared of that memory, where
    /// no other Linux is at work then.
    fn mark_low(&self, partition: usize, clears: bool);

    /// Where the Linux that ran last in a partition keeps VMCOREINFO, and its page tables (CR3): physical
    /// addresses; 0 for what is not known.
    fn core_info(&self, _partition: usize) -> [u64; 2] {
        [0; 2]
    }

    /// An entry of an MSI-X table in a link's memory, at that physical address; none is masked.
    fn message(&self, _at: u64) -> [u32; 4] {
        [0, 0, 0, 1]
    }

    /// Sends a core that runs a Linux an interrupt of one of its devices.
    fn interrupt(&self, _core: usize, _vector: u8) {}

    /// Leaves this core as a Linux finds it after a reset.
    fn hand_over(&self, partition: usize);

    /// The reverse: this core stays with Bulkhead.
    fn keep(&self);
}

/// Waits at most `us` microseconds for `done`; whether it came.
pub(crate) fn wait(hw: &impl Hardware, us: u64, mut done: impl FnMut() -> bool) -> bool {
    let end = hw.now().saturating_add(hw.ticks(us));
    loop {
        // The time first: a core that stood still meanwhile (a virtual one, or in system
        // management mode) must still look once after it.
        let is_over = hw.now() >= end;
        if done() {
            return true;
        }
        if is_over {
            return false;
        }
        hw.relax();
    }
}
