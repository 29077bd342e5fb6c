//! What a run says of what was kept before.

use std::fmt;

use super::case::{Case, Control};
use super::verdict::Verdict;

/// How a verdict is beside the one that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The same; or a control is what it must be.
    Same,
    /// Others are hurt in another way.
    OtherWords,
    /// It went better, and must not do so silently.
    Better,
    /// The same of what goes this way or that by chance.
    BetterByChance,
    /// It went worse.
    Worse,
    /// Nothing was kept, and nobody else is hurt.
    New,
    /// Nothing was kept, and others are hurt.
    NewAndHurt,
    /// A control is not what it must be: no verdict says anything.
    NoControl,
}

impl Compared {
    /// Compares them.
    #[must_use]
    pub fn of(case: &Case, before: Option<&Verdict>, now: &Verdict) -> Self {
        let is_control = match (case.control, now) {
            (Some(Control::Nobody), Verdict::Nothing) => true,
            (Some(Control::Hurt(wanted)), Verdict::NotContained(how)) => how.contains(wanted),
            _ => false,
        };
        let is_hurt = matches!(now, Verdict::NotContained(_));
        let Some(before) = before.filter(|_| case.control.is_none()) else {
            return match (case.control, is_hurt) {
                (Some(_), _) if is_control => Self::Same,
                (Some(_), _) => Self::NoControl,
                (None, true) => Self::NewAndHurt,
                (None, false) => Self::New,
            };
        };
        match now.rank().cmp(&before.rank()) {
            std::cmp::Ordering::Greater => Self::Worse,
            std::cmp::Ordering::Less if case.varies => Self::BetterByChance,
            std::cmp::Ordering::Less => Self::Better,
            std::cmp::Ordering::Equal if before == now => Self::Same,
            std::cmp::Ordering::Equal => Self::OtherWords,
        }
    }

    /// Whether somebody has to look.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Worse | Self::NewAndHurt | Self::NoControl)
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "as it must be",
            Self::OtherWords => "not as bad nor worse, but hurt in another way than it was",
            Self::Better => "better than it was",
            Self::BetterByChance => "better than the worst that was seen; it goes by chance",
            Self::Worse => "worse than it was",
            Self::New => "new",
            Self::NewAndHurt => "new, and not contained",
            Self::NoControl => "a control that is not what it must be",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Act;
    use super::*;

    fn hurt(how: &str) -> Verdict {
        Verdict::NotContained(how.to_string())
    }

    #[test]
    fn nothing_changes_silently() {
        let case = Case::new("x", "", Act::Line("true"));
        let chance = case.by_chance();
        let of = |case, before: Option<Verdict>, now| Compared::of(case, before.as_ref(), &now);
        for (before, now, wanted) in [
            (Some(Verdict::Nothing), Verdict::Nothing, Compared::Same),
            (Some(Verdict::Nothing), Verdict::Contained, Compared::Worse),
            (Some(Verdict::Contained), hurt("a"), Compared::Worse),
            (Some(hurt("a")), hurt("a"), Compared::Same),
            (Some(hurt("a")), hurt("b"), Compared::OtherWords),
            (Some(hurt("a")), Verdict::Contained, Compared::Better),
            (Some(Verdict::Contained), Verdict::Nothing, Compared::Better),
            (None, Verdict::Contained, Compared::New),
            (None, hurt("a"), Compared::NewAndHurt),
        ] {
            assert_eq!(of(&case, before.clone(), now.clone()), wanted);
            let by_chance = match wanted {
                Compared::Better => Compared::BetterByChance,
                other => other,
            };
            assert_eq!(of(&chance, before, now), by_chance);
        }
        let errors = [Compared::Worse, Compared::NewAndHurt, Compared::NoControl];
        assert!(errors.into_iter().all(Compared::is_error));
        let fine = [Compared::Better, Compared::BetterByChance, Compared::New];
        assert!(!fine.into_iter().any(Compared::is_error));
    }

    #[test]
    fn a_control_is_what_it_must_be_whatever_it_was() {
        let case = Case::new("x", "", Act::Check(""));
        let nobody = case.control(Control::Nobody);
        let log = case.control(Control::Hurt("complains"));
        for before in [None, Some(Verdict::Nothing), Some(hurt("complains"))] {
            let of = |case, now| Compared::of(case, before.as_ref(), &now);
            assert_eq!(of(&nobody, Verdict::Nothing), Compared::Same);
            assert_eq!(of(&nobody, Verdict::Contained), Compared::NoControl);
            assert_eq!(of(&nobody, hurt("complains")), Compared::NoControl);
            assert_eq!(
                of(&log, hurt("the witness's kernel complains: x")),
                Compared::Same
            );
            // Hurt, but not seen by its log.
            assert_eq!(
                of(&log, hurt("the witness does not answer")),
                Compared::NoControl
            );
            assert_eq!(of(&log, Verdict::Nothing), Compared::NoControl);
        }
    }
}
