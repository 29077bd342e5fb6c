//! Many schedules, and what it takes to see a failure again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::world::{install, print_trace};
use crate::{check, telling};

/// How schedules are chosen.
#[derive(Clone, Copy, Debug)]
pub enum Search {
    /// Each next core at random.
    Random,
    /// By priorities that change a few times (PCT).
    Priorities,
    /// Each next core at random; the events alone.
    Events,
}

std::thread_local! {
    static ITERATION: Cell<usize> = const { Cell::new(0) };
}

/// Tries `count` schedules from `seed` on; the failure, with what it takes to see it again.
///
/// # Errors
/// What failed first.
pub fn search(how: Search, seed: u64, count: usize) -> Result<(), String> {
    install();
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    // Far more than any takes: several in a row wait half a minute each for shared low memory, and are
    // rung for ten times a second, while an end is left undone for a minute.
    config.max_steps = MaxSteps::FailAfter(3_000_000);
    config.stack_size = 0x20000;
    config.silence_warnings = true;
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    ITERATION.set(0);
    let run = move || {
        ITERATION.set(ITERATION.get() + 1);
        if matches!(how, Search::Events) {
            telling::schedule();
        } else {
            check::schedule();
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| match how {
        Search::Random | Search::Events => {
            Runner::new(RandomScheduler::new_from_seed(seed, count), config).run(run)
        }
        Search::Priorities => {
            Runner::new(PctScheduler::new_from_seed(seed, 5, count), config).run(run)
        }
    }));
    let Err(failure) = result else { return Ok(()) };
    print_trace();
    let text = failure.downcast_ref::<String>().cloned();
    let text = text.or_else(|| failure.downcast_ref::<&str>().map(|s| (*s).into()));
    Err(format!(
        "{how:?}, seed {seed}, schedule {} of {count}: {}",
        ITERATION.get(),
        text.unwrap_or_else(|| "it failed".into())
    ))
}
