//! How long each story took: what a run of all of them is to be made shorter by.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many of the longest are told.
const TOLD: usize = 15;

/// Times stories, several at once.
#[derive(Default)]
pub struct Stopwatch {
    taken: Mutex<Vec<(Duration, String)>>,
}

/// A story under way: its time is noted when this goes, also if that is by a panic.
struct Lap<'a> {
    of: &'a Stopwatch,
    title: &'a str,
    since: Instant,
}

impl Drop for Lap<'_> {
    fn drop(&mut self) {
        // A poisoned list is still a list, and a panic in here would hide the story's own.
        let mut taken = self
            .of
            .taken
            .lock()
            .unwrap_or_else(|list| list.into_inner());
        taken.push((self.since.elapsed(), self.title.to_string()));
    }
}

impl Stopwatch {
    /// Plays a story, and notes how long it took, however it ends.
    pub fn time(&self, title: &str, story: impl FnOnce()) {
        let _lap = Lap {
            of: self,
            title,
            since: Instant::now(),
        };
        story();
    }

    /// The longest, the first of them first, in seconds. Nothing where nothing was played.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let taken = self.taken.lock().unwrap_or_else(|list| list.into_inner());
        let mut taken = taken.clone();
        taken.sort_by(|one, other| other.cmp(one));
        let sum: Duration = taken.iter().map(|(time, _)| *time).sum();
        let mut text = format!(
            "stories: {} in {} s; the longest:",
            taken.len(),
            sum.as_secs()
        );
        for (time, title) in taken.iter().take(TOLD) {
            text += &format!("\n  {:4} s  {title}", time.as_secs());
        }
        (!taken.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[test]
    fn the_longest_are_told_also_those_that_fail() {
        let watch = Stopwatch::default();
        assert_eq!(watch.summary(), None);
        watch.time("short", || ());
        let failing = AssertUnwindSafe(|| {
            watch.time("long", || {
                std::thread::sleep(Duration::from_millis(20));
                panic!("it fails");
            });
        });
        assert!(std::panic::catch_unwind(failing).is_err());
        let summary = watch.summary().expect("two were played");
        let lines: Vec<&str> = summary.lines().collect();
        assert_eq!(lines[0], "stories: 2 in 0 s; the longest:");
        assert!(lines[1].ends_with("long"), "{summary}");
        assert!(lines[2].ends_with("short"), "{summary}");
    }

    #[test]
    fn no_more_than_some_are_told() {
        let watch = Stopwatch::default();
        for _ in 0..TOLD + 5 {
            watch.time("one of many", || ());
        }
        let summary = watch.summary().expect("many were played");
        assert_eq!(summary.lines().count(), 1 + TOLD);
        assert!(summary.starts_with("stories: 20 in"), "{summary}");
    }
}
