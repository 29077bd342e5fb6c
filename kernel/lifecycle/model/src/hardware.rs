//! The [`Hardware`] of a simulated core, and what must never be asked of it.

use bulkhead_lifecycle::{Hardware, State};
use shuttle::rand::{Rng, thread_rng};

use crate::machine::{CORES, Entry, LAST, Mode, one_in, owner};
use crate::world::{World, check};

/// As seen from one core.
pub(crate) struct Seen<'a> {
    pub(crate) world: &'a World,
    pub(crate) me: usize,
}

impl Seen<'_> {
    /// A step that others may wait for.
    fn act(&self) {
        self.world.point(self.me);
        self.world.progress();
    }

    /// Works on a partition's memory and devices, alone.
    fn work(&self, partition: usize, what: &str) {
        self.act();
        self.world.note(|| format!("{what} {partition}"));
        self.world.is_not_read(partition, what);
        let mut machine = self.world.machine();
        for (index, core) in machine.cores.iter().enumerate() {
            let is_lost = || check(|| self.world.life.is_lost_from(index, partition));
            assert!(
                core.mode != Some(Mode::Linux(partition)) || what == "silence" && is_lost(),
                "core {} does {what} of {partition} while core {index} runs its Linux",
                self.me
            );
        }
        if let Some((other, life)) = machine.memory[partition].writer {
            assert!(
                other == self.me || machine.cores[other].life != life,
                "cores {} and {other} work on {partition} at once: {what}",
                self.me
            );
        }
        let memory = machine.memory[partition];
        assert!(
            !memory.is_replanned,
            "{what} of {partition} reads a plan that is replaced"
        );
        machine.memory[partition].writer = Some((self.me, machine.cores[self.me].life));
        drop(machine);
        for _ in 0..3 {
            self.act();
            self.world.is_not_read(partition, what);
        }
        self.world.machine().memory[partition].writer = None;
    }

    /// That the way out is made in a Linux that has ended, by its own plan.
    fn is_led_out(&self, partition: usize, core: usize) {
        assert_eq!(partition, owner(core), "core {core} is not its");
        for _ in 0..2 {
            let state = self.world.state(partition);
            assert_eq!(
                state,
                State::Ending,
                "core {core} is led out of {partition}"
            );
            self.act();
        }
    }
}

impl Hardware for Seen<'_> {
    fn me(&self) -> usize {
        self.me
    }

    #[expect(clippy::cast_possible_truncation, reason = "it has a handful of cores")]
    fn apic_id(&self, core: usize) -> u32 {
        core as u32 * 2
    }

    fn now(&self) -> u64 {
        self.world.machine().clock
    }

    fn ticks(&self, us: u64) -> u64 {
        us
    }

    fn relax(&self) {
        self.world.relax(self.me);
    }

    fn init(&self, core: usize) {
        self.act();
        self.world.note(|| format!("INIT to {core}"));
        assert!(core < CORES && core != 0, "INIT to core {core}");
        assert!(core != self.me, "INIT to itself");
        let owner = owner(core);
        let state = self.world.state(owner);
        assert_eq!(state, State::Ending, "INIT to core {core} of {owner}");
        let mut machine = self.world.machine();
        let target = &machine.cores[core];
        let is_stuck = machine.clock < target.frozen_until;
        assert!(
            target.owes.is_empty() || is_stuck,
            "INIT to core {core}, which has sent one to {:?} and no start-up IPI yet",
            target.owes
        );
        machine.cores[self.me].owes.push(core);
        if machine.faults > 0 && one_in(4) {
            machine.faults -= 1;
            let clock = machine.clock;
            let target = &mut machine.cores[core];
            target.was_faulty = true;
            let time = thread_rng().gen_range(0..3_000_000);
            if one_in(2) {
                target.frozen_until = clock + time;
            } else {
                target.slowness = time;
            }
            let (frozen, slow) = (target.frozen_until, target.slowness);
            drop(machine);
            self.world
                .note(|| format!("core {core} frozen until {frozen}, slow by {slow}"));
        } else {
            drop(machine);
        }
        self.world.send_init(core);
    }

    fn init_delay_us(&self) -> u64 {
        10
    }

    fn startup(&self, core: usize) {
        self.act();
        self.world.note(|| format!("start-up IPI to {core}"));
        self.world.machine().cores[self.me].owes.clear();
        self.world.take_startup(core, Entry::Trampoline);
    }

    fn doorbell(&self, core: usize) {
        self.act();
        self.world.note(|| format!("doorbell to {core}"));
        self.world.machine().cores[core].doorbell = true;
        self.world.wake(core);
    }

    fn is_boot_processor(&self, core: usize) -> bool {
        core == 0
    }

    fn is_too_early(&self, partition: usize) -> bool {
        let entered = check(|| self.world.life.entered(partition));
        let machine = self.world.machine();
        partition == LAST && machine.steps_of_last < 3 && machine.clock < entered + 500_000
    }

    fn boot_processor_first(&self, _: usize) -> bool {
        self.world.machine().boot_processor_first
    }

    fn ask(&self, partition: usize, core: usize) {
        self.act();
        self.world.note(|| format!("asks core {core}"));
        self.is_led_out(partition, core);
        self.world.machine().cores[core].asked = true;
        self.world.wake(core);
    }

    fn force(&self, partition: usize, core: usize) {
        self.act();
        self.world.note(|| format!("forces core {core}"));
        self.is_led_out(partition, core);
        self.world.machine().cores[core].nmi = true;
        self.world.wake(core);
    }

    fn startle(&self, core: usize) {
        self.act();
        self.world.note(|| format!("startles core {core}"));
    }

    fn silence(&self, partition: usize) {
        self.work(partition, "silence");
    }

    fn set_up(&self, partition: usize, _is_first: bool) {
        self.world.machine().memory[partition].launches += 1;
        self.work(partition, "set-up");
    }

    fn clear(&self, partition: usize) {
        self.work(partition, "clear");
        self.world.machine().memory[partition].is_foreign = false;
    }

    fn place(&self, partition: usize) -> u64 {
        self.work(partition, "place");
        1
    }

    fn is_low_written(&self, _: usize) -> bool {
        self.world.point(self.me);
        !self.world.machine().is_low_marked
    }

    fn mark_low(&self, partition: usize, clears: bool) {
        self.act();
        let mut machine = self.world.machine();
        for (other, memory) in machine.memory.iter().enumerate() {
            assert!(
                !clears || other == partition || !memory.is_to_write,
                "{partition} clears low memory that {other} is about to write"
            );
        }
        machine.is_low_marked = true;
        machine.is_low_foreign &= !clears;
        machine.memory[partition].marked = machine.clock;
    }

    fn hand_over(&self, partition: usize) {
        self.act();
        self.world.machine().cores[self.me].launching = Some(partition);
    }

    fn keep(&self) {
        self.act();
        self.world.machine().cores[self.me].launching = None;
    }
}
