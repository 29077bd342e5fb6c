//! The QEMU tier: each story boots a machine and talks to it.
//!
//! `cargo test -p bulkhead-tests --test qemu [-- NAME]`. Stories that need Limine are reported as
//! ignored where it is not installed, and those that take long without `BULKHEAD_LONG=1`.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod boot;
mod devices;
mod faults;
mod generic;
mod handoff;
mod last;
mod lifecycle;
mod loaders;
mod pair;
mod refusals;
mod screen;
mod serial;
mod shell;
mod soak;
mod stacks;
mod two_linuxes;
mod variables;

use std::panic::AssertUnwindSafe;

use bulkhead_tests::emulator;
use bulkhead_tests::iso::Loader;
use bulkhead_tests::neighbour;
use libtest_mimic::{Arguments, Failed, Trial};

/// How often a story is played that a fault of the emulator spoils.
const PLAYS: usize = 3;

/// A story that every machine can play. It is played again if it failed with a trace of a fault of
/// QEMU's own in the machine ([`emulator`]); the run says so.
fn story(name: &str, play: impl Fn() + Send + 'static) -> Trial {
    let title = name.to_string();
    Trial::test(name, move || {
        for _ in 1..PLAYS {
            let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(&play)) else {
                return Ok::<(), Failed>(());
            };
            let text = panic.downcast_ref::<String>().map_or("", String::as_str);
            let Some(trace) = text.lines().find(|line| line.starts_with(emulator::MARK)) else {
                std::panic::resume_unwind(panic);
            };
            eprintln!("{title}: played again, because of a fault of the emulator. {trace}");
        }
        play();
        Ok(())
    })
}

/// A story that needs a loader which may not be there.
fn story_with(loader: Loader, name: &str, play: impl Fn() + Send + 'static) -> Trial {
    story(name, play).with_ignored_flag(!loader.is_available())
}

/// A story that is only played in `make test-long`.
fn long_story(name: &str, play: impl Fn() + Send + 'static) -> Trial {
    let is_wanted = std::env::var_os("BULKHEAD_LONG").is_some_and(|value| value == "1");
    story(name, play).with_ignored_flag(!is_wanted)
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Each story is a machine of four virtual cores: two at once are enough.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    if !Loader::Limine.is_available() {
        println!("Limine was not found: its stories are skipped (ignored).");
    }
    let stories = [
        two_linuxes::stories(),
        lifecycle::stories(),
        handoff::stories(),
        last::stories(),
        faults::stories(),
        loaders::stories(),
        boot::stories(),
        generic::stories(),
        shell::stories(),
        screen::stories(),
        serial::stories(),
        soak::stories(),
        stacks::stories(),
        devices::stories(),
        refusals::stories(),
    ];
    libtest_mimic::run(&arguments, stories.into_iter().flatten().collect()).exit();
}
