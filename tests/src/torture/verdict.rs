//! What came of a case.

use std::fmt;

/// Who was hurt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nobody: its own Linux goes on as well, and can be started again.
    Nothing,
    /// Its own Linux alone, which Bulkhead could start again.
    Contained,
    /// Others: how.
    NotContained(String),
}

/// Before how, in a verdict's words.
const NOT_CONTAINED: &str = "not contained: ";

impl Verdict {
    /// Of its words.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "nothing happens" => Some(Self::Nothing),
            "contained" => Some(Self::Contained),
            _ => Some(Self::NotContained(
                text.strip_prefix(NOT_CONTAINED)?.to_string(),
            )),
        }
    }

    /// How far it went: more is worse, and how others were hurt does not matter.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Contained => 1,
            Self::NotContained(_) => 2,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing happens"),
            Self::Contained => f.write_str("contained"),
            Self::NotContained(how) => write!(f, "{NOT_CONTAINED}{how}"),
        }
    }
}

/// One thing that is wrong with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hurt {
    pub(super) how: String,
    /// Whether it may come of a host that had other work.
    pub(super) may_be_the_hosts: bool,
}

impl Hurt {
    /// What no host does.
    pub(super) fn seen(how: impl Into<String>) -> Self {
        Self {
            how: how.into(),
            may_be_the_hosts: false,
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Done {
    /// Who was hurt.
    pub verdict: Verdict,
    /// What the Linux that did it said, its last line.
    pub said: String,
    /// The state that `list` had for it afterwards.
    pub state: String,
    /// Whether all that is wrong may come of a host that had other work.
    pub may_be_the_hosts: bool,
    /// What it came to at earlier looks, which may have been the host's.
    pub earlier: Vec<Verdict>,
}

/// So often is looked at what may be the host's.
const LOOKS: usize = 3;

/// Runs it until what it comes to is not the host's, three times at most. What goes this way or that by chance is
/// looked at once: who looks again until it went well has not seen the worst.
pub fn look(varies: bool, mut run: impl FnMut() -> Done) -> Done {
    let mut earlier = Vec::new();
    loop {
        let done = run();
        if !done.may_be_the_hosts || varies || earlier.len() + 1 == LOOKS {
            return Done { earlier, ..done };
        }
        earlier.push(done.verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(verdict: Verdict, may_be_the_hosts: bool) -> Done {
        Done {
            verdict,
            said: String::new(),
            state: String::new(),
            may_be_the_hosts,
            earlier: Vec::new(),
        }
    }

    #[test]
    fn what_may_be_the_hosts_is_looked_at_three_times() {
        let silent = Verdict::NotContained("the witness does not answer".to_string());
        let each = [
            done(silent.clone(), true),
            done(Verdict::Contained, true),
            done(Verdict::Nothing, false),
        ];
        let looks = |varies, each: &[Done]| {
            let mut each = each.iter().cloned();
            look(varies, || each.next().expect("no more looks"))
        };
        let last = looks(false, &each);
        assert_eq!(last.verdict, Verdict::Nothing);
        assert_eq!(last.earlier, [silent.clone(), Verdict::Contained]);
        // By chance, or surely.
        let first = looks(true, &each[..1]);
        assert_eq!((first.verdict, first.earlier.len()), (silent.clone(), 0));
        let sure = looks(false, &each[2..]);
        assert_eq!((sure.verdict, sure.earlier.len()), (Verdict::Nothing, 0));
        // Each time.
        let same = vec![each[0].clone(); LOOKS];
        let last = looks(false, &same);
        assert!(last.may_be_the_hosts && last.verdict == silent);
        assert_eq!(last.earlier.len(), LOOKS - 1);
    }

    #[test]
    fn words_are_read_as_they_were_written() {
        for verdict in [
            Verdict::Nothing,
            Verdict::Contained,
            Verdict::NotContained("it; it".to_string()),
        ] {
            assert_eq!(Verdict::parse(&verdict.to_string()), Some(verdict));
        }
        assert_eq!(Verdict::parse("fine"), None);
    }
}
