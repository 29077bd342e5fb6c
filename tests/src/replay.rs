//! Stories that are played again: only because of a fault that the QEMU in use is known to have.
//!
//! A replay hides what it can't tell from that fault. "A vector in service on an idle core" is what a
//! lost write leaves ([`emulator`](crate::emulator)), and just as well what an end of interrupt
//! leaves that Bulkhead forgot. So who has a QEMU without the fault has no replay: a story that
//! fails there fails at once.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

/// How often a story is played that a fault of the emulator spoils.
const PLAYS: usize = 3;

/// The words that mark a failure which such a fault may have made.
const MARK: &str = "QEMU lost a write to a device";

/// The first version that no longer loses writes. `tools/lib.sh` asks for the same one.
const FIRST_SOUND: (u32, u32) = (11, 1);

/// Whether that version of QEMU is known to lose writes to devices; it can't with KVM. Of a version
/// that can't be read nothing is known.
#[must_use]
pub fn loses_writes(version: &str, has_kvm: bool) -> bool {
    let mut numbers = version.split('.').map(|number| {
        let digits = number.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse::<u32>().ok())
    });
    let mut next = || numbers.next().flatten();
    let Some((major, minor)) = next().zip(next()) else {
        return false;
    };
    !has_kvm && (major, minor) < FIRST_SOUND
}

/// What a trace of a lost write is worth, as a line of a story's evidence.
#[must_use]
pub fn verdict(loses_writes: bool, trace: &str) -> String {
    if loses_writes {
        format!("{MARK}: {trace}")
    } else {
        format!("no fault of this QEMU, which loses no writes: {trace}")
    }
}

/// Plays stories, and keeps account of what was played again.
pub struct Replays {
    loses_writes: bool,
    version: String,
    /// A line for each replay.
    told: Mutex<Vec<String>>,
}

impl Replays {
    /// For a QEMU of that version.
    #[must_use]
    pub fn with(version: &str, has_kvm: bool) -> Self {
        Self {
            loses_writes: loses_writes(version, has_kvm),
            version: version.to_string(),
            told: Mutex::default(),
        }
    }

    /// Plays a story: again, twice at most, if it failed with a trace of a lost write in a QEMU that
    /// loses them.
    ///
    /// # Panics
    /// If the story does.
    pub fn play(&self, title: &str, story: &dyn Fn()) {
        for _ in 1..PLAYS {
            let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(story)) else {
                return;
            };
            let Some(trace) = trace(panic.as_ref()).filter(|_| self.loses_writes) else {
                std::panic::resume_unwind(panic);
            };
            let line = format!("{title}: played again. {trace}");
            eprintln!("{line}");
            self.told.lock().expect("no panic while held").push(line);
        }
        story();
    }

    /// What the run has to say of it at its end. Nothing where nothing is ever played again.
    ///
    /// # Panics
    /// Never: the lock is not held across a panic.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let told = self.told.lock().expect("no panic while held");
        let version = &self.version;
        self.loses_writes.then(|| {
            let mut text = format!(
                "replays: {}, because QEMU {version} can lose writes to devices; 11.1 and later can't \
                 (tools/qemu)",
                told.len()
            );
            for line in told.iter() {
                text += "\n  ";
                text += line;
            }
            text
        })
    }
}

/// The line that marks such a failure.
fn trace(panic: &(dyn Any + Send)) -> Option<String> {
    let text = panic.downcast_ref::<String>()?;
    let line = text.lines().find(|line| line.starts_with(MARK))?;
    Some(line.to_string())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SOUND: [&str; 4] = ["11.1.0", "11.1.3", "11.2.50", "12.0.0"];
    const FAULTY: [&str; 3] = ["7.2.22", "10.0.8", "11.0.90"];

    /// How often a story is played that always fails with a trace of a lost write.
    fn plays(replays: &Replays) -> usize {
        let plays = Cell::new(0);
        let story = || {
            plays.set(plays.get() + 1);
            // As evidence has it where the fault is there, whatever this QEMU is.
            let evidence = verdict(true, "on core 1 vector 236 is in service, and it idles");
            panic!("no prompt\n{evidence}\n");
        };
        let play = AssertUnwindSafe(|| replays.play("a story", &story));
        assert!(std::panic::catch_unwind(play).is_err(), "it fails at last");
        plays.get()
    }

    #[test]
    fn nothing_is_played_again_with_a_qemu_that_loses_no_writes() {
        for version in SOUND {
            let replays = Replays::with(version, false);
            assert_eq!(plays(&replays), 1, "{version}");
            assert_eq!(replays.summary(), None, "{version}");
        }
        // Nor where nothing is known of it, nor with KVM.
        for (version, has_kvm) in [("", false), ("eleven", false), ("10.0.8", true)] {
            assert_eq!(plays(&Replays::with(version, has_kvm)), 1, "{version}");
        }
    }

    #[test]
    fn what_an_older_one_spoils_is_played_again_and_told() {
        for version in FAULTY {
            let replays = Replays::with(version, false);
            assert_eq!(plays(&replays), PLAYS, "{version}");
            let summary = replays.summary().expect("it is told");
            assert!(summary.starts_with("replays: 2, because"), "{summary}");
            assert_eq!(summary.matches("a story: played again").count(), 2);
        }
    }

    #[test]
    fn what_fails_without_a_trace_is_not() {
        let replays = Replays::with("10.0.8", false);
        let plays = Cell::new(0);
        let story = || {
            plays.set(plays.get() + 1);
            panic!("no prompt\n{}", verdict(false, "a vector is in service"));
        };
        let play = AssertUnwindSafe(|| replays.play("a story", &story));
        assert!(std::panic::catch_unwind(play).is_err());
        assert_eq!(plays.get(), 1);
        assert!(
            replays
                .summary()
                .is_some_and(|text| text.starts_with("replays: 0,"))
        );
    }

    /// Set-up fetches a QEMU where the machine's own loses writes: it must mean the same.
    #[test]
    fn set_up_asks_for_the_same_version() {
        let script = crate::root().join("tools/lib.sh");
        let script = std::fs::read_to_string(script).expect("tools/lib.sh can be read");
        let (major, minor) = FIRST_SOUND;
        let wanted = format!("printf '%s\\n' {major}.{minor} \"$version\" | sort -V");
        assert!(script.contains(&wanted), "{wanted}");
    }
}
