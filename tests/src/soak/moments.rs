//! Ends by force at random moments of a boot: two partitions are restarted and killed while they load, set up their
//! cores, call their firmware or run, the one while the other is at a moment of its own; a third one does not notice.

use std::fmt::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::PARTITIONS;
use super::rounds::Soak;
use crate::qemu::Running;

/// Every so many ends both come up, and all is looked at.
const LOOK_EVERY: usize = 50;
/// An end comes so many milliseconds after its launch at most: an emulated Linux is up then, or nearly.
const BOOT_MS: usize = 4000;
/// Before another try, where a Linux has only begun to boot.
const TOO_EARLY: Duration = Duration::from_millis(20);
const TRIES: usize = 100;

/// A way to end one by force that leads to its next run.
#[derive(Clone, Copy)]
enum Force {
    Restart,
    KillAndStart,
}

/// So many ends on a machine made by [`machine_with_witness`](super::machine_with_witness); `say` gets a line for each
/// look, and a summary.
///
/// # Panics
/// At the first thing that is not right, with the last lines of every port.
pub fn moments(machine: &mut Running, ends: usize, seed: u64, say: &mut dyn FnMut(&str)) {
    let begin = Instant::now();
    machine.wait_for_prompt();
    let mut soak = Moments {
        soak: Soak::new(machine, seed),
        launched: [begin; 2],
        counts: [0; 2],
        too_early: 0,
    };
    // What is allocated once has been before the first look.
    soak.end(0, Force::Restart);
    soak.end(1, Force::KillAndStart);
    soak.is_whole(2);
    let first = soak.soak.look_again(None, 0);
    for number in 1..=ends {
        let index = soak.soak.random.below(PARTITIONS.len());
        let way = soak
            .soak
            .random
            .one_of(&[Force::Restart, Force::KillAndStart]);
        soak.end(index, way);
        if number.is_multiple_of(LOOK_EVERY) || number == ends {
            soak.is_whole(number);
            let look = soak.soak.look_again(Some(&first), 2 * number);
            let seconds = begin.elapsed().as_secs();
            say(&format!(
                "end {number:>5}/{ends}  both are whole, in {seconds} s"
            ));
            if number == ends {
                let mut text = format!(
                    "{ends} ends at random moments in {seconds} s, all of them right.\n  {:>5} x restart force\n  {:>5} x kill, start\n\
                     Tried again since it had only begun to boot: {} times.\n\
                     Heap in use at first and now: {} and {} bytes. No core lost; `memory` and `cores` are what they were.\n",
                    soak.counts[0],
                    soak.counts[1],
                    soak.too_early,
                    first.heap_bytes,
                    look.heap_bytes
                );
                for garbled in &soak.soak.garbled {
                    let _ = writeln!(text, "Seen once, and not at a second look: {garbled}.");
                }
                let _ = write!(
                    text,
                    "Left over from ended Linuxes, counted and dropped: {}.",
                    look.left_over()
                );
                say(&text);
            }
        }
    }
}

struct Moments<'a> {
    soak: Soak<'a>,
    launched: [Instant; 2],
    counts: [u32; 2],
    too_early: u32,
}

impl Moments<'_> {
    /// That partition, at a moment of its boot.
    fn end(&mut self, index: usize, way: Force) {
        let name = PARTITIONS[index].name;
        let moment = Duration::from_millis(self.soak.random.below(BOOT_MS) as u64);
        sleep(moment.saturating_sub(self.launched[index].elapsed()));
        let com = PARTITIONS[index].com;
        self.soak.runs[index] += 1;
        let launched = format!("* {name}: launched run={}", self.soak.runs[index]);
        self.counts[way as usize] += 1;
        let said = match way {
            Force::Restart => self.by_force(com, &format!("restart {name} force")),
            Force::KillAndStart => {
                self.by_force(com, &format!("kill {name}"));
                self.soak.machine.command(&format!("start {name}"))
            }
        };
        // It may be told after the prompt.
        if !said.contains(&launched) {
            self.soak.machine.wait_for(1, &launched);
        }
        self.launched[index] = Instant::now();
    }

    fn by_force(&mut self, com: usize, line: &str) -> String {
        for _ in 0..TRIES {
            // What the run that ends has printed is not the next one's.
            self.soak.machine.com(com).skip();
            let said = self.soak.machine.command(line);
            if !said.contains("error: ") {
                return said;
            }
            if !said.contains("it has only begun to boot; try again") {
                self.soak.machine.fail(&format!("{line}: {said}"));
            }
            self.too_early += 1;
            sleep(TOO_EARLY);
        }
        self.soak
            .machine
            .fail(&format!("{line}: too early {TRIES} times"))
    }

    /// Both come up from where they are, and the third one has counted on.
    fn is_whole(&mut self, number: usize) {
        for index in 0..PARTITIONS.len() {
            self.soak.is_whole(index, &format!("after end {number}"));
        }
        self.soak
            .witness
            .runs_on(self.soak.machine, "ends at random moments");
        self.soak.witness.noticed_nothing(self.soak.machine);
    }
}
