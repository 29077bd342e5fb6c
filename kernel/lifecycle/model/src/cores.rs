//! What a core executes in Bulkhead: as the kernel's `partition` and `operator` do it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use bulkhead_lifecycle::{CoreState, Duty};

use crate::hardware::Seen;
use crate::linux;
use crate::machine::{Entry, Mode, Stop};
use crate::shell;
use crate::world::World;

/// Why a core comes into Bulkhead's code.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    /// It was there when the machine was started.
    Boot,
    /// By a start-up IPI.
    Started,
    /// Out of its Linux by an interrupt.
    Detour,
}

/// The thread that is core `me`.
pub(crate) fn run(world: &Arc<World>, me: usize) {
    let mut next = Ok(Reason::Boot);
    loop {
        let stop = catch_unwind(AssertUnwindSafe(|| match next {
            Ok(reason) => main(world, me, reason),
            Err(partition) => {
                linux::run(world, me, partition, false);
                park(world, me)
            }
        }));
        let Err(stop) = stop else { return };
        let stop = match stop.downcast::<Stop>() {
            Ok(stop) => *stop,
            Err(failure) => resume_unwind(failure),
        };
        next = match stop {
            Stop::Over => return,
            Stop::Detour => Ok(Reason::Detour),
            Stop::Reset => match wait_for_startup(world, me) {
                Some(Entry::Trampoline) => Ok(Reason::Started),
                Some(Entry::Linux(partition)) => Err(partition),
                None => return,
            },
        };
    }
}

/// `None` when the schedule is over.
fn wait_for_startup(world: &World, me: usize) -> Option<Entry> {
    let wait = || loop {
        let mut machine = world.machine();
        // Another INIT while it waits is the same as the one before.
        machine.cores[me].is_reset = false;
        if let Some(entry) = machine.cores[me].entry.take() {
            let slowness = std::mem::take(&mut machine.cores[me].slowness);
            machine.cores[me].frozen_until = machine.clock + slowness;
            if entry == Entry::Trampoline {
                machine.cores[me].mode = Some(Mode::Bulkhead);
            }
            return entry;
        }
        drop(machine);
        world.sleep_in_init(me);
    };
    catch_unwind(AssertUnwindSafe(wait)).ok()
}

fn main(world: &Arc<World>, me: usize, reason: Reason) {
    let hw = Seen { world, me };
    match reason {
        Reason::Boot if me == 0 => {
            world.life.set_core_state(0, CoreState::Bulkhead);
            shell::run(world);
        }
        Reason::Boot => {}
        Reason::Started => world.life.started(&hw),
        Reason::Detour => world.life.parked(&hw),
    }
    park(world, me);
}

/// Does what there is to do, and waits for more.
fn park(world: &Arc<World>, me: usize) {
    let hw = Seen { world, me };
    loop {
        world.point(me);
        let duty = world.life.duty(&hw);
        if duty != Duty::Rest && duty != Duty::Look {
            world.note(|| format!("{duty:?}"));
        }
        match duty {
            Duty::Launch(partition) => {
                if world.life.launch(&hw, partition) {
                    linux::run(world, me, partition, true);
                }
            }
            Duty::End(partition) => {
                world.machine().light(me);
                world.life.finish(&hw, partition);
                world.machine().cores[me].fuse = None;
            }
            Duty::Look => world.relax(me),
            Duty::Shell => {
                world.life.resume_shell(&hw);
                shell::run(world);
            }
            Duty::Rest => {
                while !std::mem::take(&mut world.machine().cores[me].doorbell) {
                    world.sleep(me);
                }
            }
        }
    }
}
