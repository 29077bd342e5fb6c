//! The QEMU tier: each story boots a machine and talks to it.
//!
//! `cargo test -p bulkhead-tests --test qemu [-- NAME]`. Stories that need Limine are reported as
//! ignored where it is not installed, and those that take long without `BULKHEAD_LONG=1`.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod agent;
mod agent_inits;
mod boot;
mod consoles;
mod contention;
mod devices;
mod dump;
mod every_way;
mod faults;
mod firmware;
mod firmware_tests;
mod generic;
mod handoff;
mod high_memory;
mod identity;
mod images;
mod inside;
mod kernels;
mod large_ids;
mod last;
mod last_kexec;
mod lifecycle;
mod links;
mod loaders;
mod login;
mod messages;
mod numa;
mod pair;
mod power_button;
mod printed;
mod processor;
mod prompt;
mod pstore;
mod refusals;
mod scale;
mod screen;
mod serial;
mod shell;
mod soak;
mod stacks;
mod survey;
mod suspend;
mod torture;
mod two_linuxes;
mod userland;
mod virtualization;

use std::sync::LazyLock;

use bulkhead_tests::iso::Loader;
use bulkhead_tests::neighbour;
use bulkhead_tests::qemu;
use bulkhead_tests::replay::Replays;
use bulkhead_tests::stopwatch::Stopwatch;
use libtest_mimic::{Arguments, Trial};

/// What may be played again with the QEMU in use, and was.
static REPLAYS: LazyLock<Replays> =
    LazyLock::new(|| Replays::with(&qemu::version(), qemu::has_kvm()));

/// How long each took.
static STOPWATCH: LazyLock<Stopwatch> = LazyLock::new(Stopwatch::default);

/// A story that every machine can play.
fn story(name: &str, play: impl Fn() + Send + 'static) -> Trial {
    let title = name.to_string();
    Trial::test(name, move || {
        STOPWATCH.time(&title, || REPLAYS.play(&title, &play));
        Ok(())
    })
}

/// A story that needs a loader which may not be there.
fn story_with(loader: Loader, name: &str, play: impl Fn() + Send + 'static) -> Trial {
    story(name, play).with_ignored_flag(!loader.is_available())
}

/// A story that is only played in `make test-long`.
fn long_story(name: &str, play: impl Fn() + Send + 'static) -> Trial {
    story(name, play).with_ignored_flag(!is_long())
}

/// Whether this is `make test-long`.
fn is_long() -> bool {
    std::env::var_os("BULKHEAD_LONG").is_some_and(|value| value == "1")
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
        virtualization::stories(),
        lifecycle::stories(),
        links::stories(),
        login::stories(),
        consoles::stories(),
        printed::stories(),
        pstore::stories(),
        handoff::stories(),
        suspend::stories(),
        survey::stories(),
        contention::stories(),
        last::stories(),
        last_kexec::stories(),
        faults::stories(),
        firmware_tests::stories(),
        processor::stories(),
        prompt::stories(),
        large_ids::stories(),
        high_memory::stories(),
        numa::stories(),
        loaders::stories(),
        images::stories(),
        agent::stories(),
        agent_inits::stories(),
        inside::stories(),
        dump::stories(),
        boot::stories(),
        firmware::stories(),
        generic::stories(),
        identity::stories(),
        messages::stories(),
        kernels::stories(),
        shell::stories(),
        screen::stories(),
        serial::stories(),
        soak::stories(),
        stacks::stories(),
        userland::stories(),
        devices::stories(),
        refusals::stories(),
        power_button::stories(),
        scale::stories(),
        torture::stories(),
    ];
    let conclusion = libtest_mimic::run(&arguments, stories.into_iter().flatten().collect());
    if let Some(summary) = REPLAYS.summary() {
        println!("{summary}");
    }
    if let Some(summary) = STOPWATCH.summary() {
        println!("{summary}");
    }
    conclusion.exit();
}
