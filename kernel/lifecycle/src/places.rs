//! Where a partition's requests are kept: one place for those without a token, and [`KEPT`] for those
//! with one, so that several programs of one Linux ask at once and each finds its own answer.
//!
//! A token is the asker's own number. Its answer stays until the asker says that it has seen it, or until
//! another needs the place ten seconds after it was answered: an asker that died keeps none for ever.

use crate::Outcome;
use crate::hardware::Hardware;
use crate::slot::Slot;
use crate::standing::Standing;
use crate::sync::Word64;

/// Requests with a token that are kept of each partition.
pub const KEPT: usize = 8;
/// How long an answer stays that nobody says to have seen, in microseconds.
const UNSEEN_US: u64 = 10_000_000;

/// One place.
#[derive(Debug)]
pub(crate) struct Place {
    standing: Word64,
    /// 0: nobody's.
    token: Word64,
    /// When it was first found as it stands, in ticks, whose low byte says how that is
    /// ([`Place::mark`]); 0: not yet.
    found: Word64,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The partition.
    pub partition: usize,
    /// The place of its request.
    pub(crate) place: usize,
}

impl Place {
    pub(crate) const fn new() -> Self {
        Self {
            standing: Word64::new(0),
            token: Word64::new(0),
            found: Word64::new(0),
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing::decode(self.standing.load())
    }

    /// Its word, by who looks at all of them a thousand times a second.
    pub(crate) fn word(&self) -> u64 {
        self.standing.peek()
    }

    pub(crate) fn stand(&self, from: Standing, to: Standing) -> bool {
        self.standing.replace(from.encode(), to.encode())
    }

    /// A new run asks for nothing yet.
    pub(crate) fn empty(&self) {
        self.standing.store(0);
        if self.token.peek() != 0 {
            self.token.store(0);
        }
    }

    /// The token, and how its request stands; `None` where there is none, or another is about it.
    pub(crate) fn tokened(&self) -> Option<(u64, Standing)> {
        let standing = self.standing();
        let token = self.token.load();
        // The token is changed only while it stands so that nothing is read of it.
        let is_changing = matches!(standing, Standing::Changing { .. });
        let is_steady = self.standing() == standing && !is_changing;
        (token != 0 && is_steady).then_some((token, standing))
    }

    /// Makes it that token's; `false` if another is about it.
    fn take(&self, from: Standing, token: u64) -> bool {
        let turn = match from {
            Standing::Changing { turn } => turn.wrapping_add(1),
            _ => 0,
        };
        let changing = Standing::Changing { turn };
        if !self.stand(from, changing) {
            return false;
        }
        self.token.store(token);
        self.found.store(0);
        self.stand(changing, Standing::Answered(Outcome::None))
    }

    /// As what it was found, in a byte; `None` where it can't be given up.
    fn mark(standing: Standing) -> Option<u64> {
        match standing {
            Standing::Answered(outcome) => Some(outcome as u64 & 0x7f),
            // Its core was reset, if it stays so.
            Standing::Changing { turn } => Some(0x80 | u64::from(turn) & 0x7f),
            Standing::Passed { .. }
            | Standing::Taken
            | Standing::Ending { .. }
            | Standing::Ordered { .. } => None,
        }
    }

    /// As what it is to be given up, if nobody has come for its answer for a long time. What somebody found
    /// when there was no answer yet says nothing of when there was.
    fn stale(&self, hw: &impl Hardware) -> Option<Standing> {
        const MARK: u64 = 0xff;
        let standing = self.standing();
        let mark = Self::mark(standing)?;
        let (now, found) = (hw.now().max(MARK + 1), self.found.load());
        if found == 0 || found & MARK != mark {
            self.found.store(now & !MARK | mark);
            return None;
        }
        let age = now.saturating_sub(found & !MARK);
        (age > hw.ticks(UNSEEN_US)).then_some(standing)
    }

    pub(crate) fn is_stale(&self, hw: &impl Hardware) -> bool {
        self.stale(hw).is_some()
    }
}

impl Slot {
    /// The place of that token; `None` if no request with it is kept.
    pub(crate) fn place_of(&self, token: u64) -> Option<usize> {
        let mut tokened = self.places().iter().enumerate().skip(1);
        tokened
            .find(|(_, place)| place.tokened().is_some_and(|(other, _)| other == token))
            .map(|(index, _)| index)
    }

    /// A place for a new request with that token.
    pub(crate) fn claim_place(&self, hw: &impl Hardware, token: u64) -> Result<usize, Outcome> {
        let empty = Standing::Answered(Outcome::None);
        if let Some(index) = self.place_of(token) {
            let place = &self.places()[index];
            let standing = place.standing();
            // Another core has just claimed it, and is about what it asks; or was reset.
            let is_free = match standing {
                Standing::Answered(Outcome::None) => place.is_stale(hw),
                Standing::Answered(_) => true,
                _ => false,
            };
            let is_taken = is_free && place.take(standing, token);
            return is_taken.then_some(index).ok_or(Outcome::Unanswered);
        }
        let mut tokened = self.places().iter().enumerate().skip(1);
        let free = tokened.find(|(_, place)| place.token.load() == 0 && place.take(empty, token));
        let found = free.or_else(|| {
            let stale = self.places().iter().enumerate().skip(1);
            // All are looked at, so that each has its time from now on.
            stale.fold(None, |found, (index, place)| {
                let stale = place.stale(hw);
                let is_taken = |standing| found.is_none() && place.take(standing, token);
                if stale.is_some_and(is_taken) {
                    Some((index, place))
                } else {
                    found
                }
            })
        });
        found.map(|(index, _)| index).ok_or(Outcome::Full)
    }

    /// The asker has seen the answer that stands there: its place is free.
    pub(crate) fn seen(&self, place: usize, answered: Standing) -> Outcome {
        match answered {
            Standing::Answered(_) if self.places()[place].take(answered, 0) => Outcome::Done,
            _ => Outcome::Unanswered,
        }
    }
}

/// A request with a token, `#TOKEN WORDS`: the token and what follows it; `None` if that is no token.
pub(crate) fn split_token(text: &str) -> Option<(u64, &str)> {
    let text = text.strip_prefix('#')?;
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '\0');
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let token = u64::from_str_radix(token, 16).ok().filter(|_| is_hex)?;
    (token != 0).then_some((token, rest))
}

/// The verbs of a line that is for Bulkhead's shell.
pub(crate) const DO: &str = "do";
/// The answer was seen.
pub(crate) const SEEN: &str = "seen";

/// `do [OFFSET] LINE`: from which byte of what the shell says, and the line.
pub(crate) fn line_of(words: &str) -> Option<(u32, &str)> {
    let rest = words.trim_ascii_start().strip_prefix(DO)?;
    let rest = rest.strip_prefix(' ')?.trim_end_matches('\0').trim_ascii();
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    match first.parse() {
        Ok(offset) if !after.is_empty() => Some((offset, after.trim_ascii_start())),
        _ => (!rest.is_empty()).then_some((0, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_number_of_sixteen_hex_digits_at_most() {
        assert_eq!(split_token("#1f start two"), Some((0x1f, " start two")));
        let most = "#ffffffffffffffff shell";
        assert_eq!(split_token(most), Some((u64::MAX, " shell")));
        assert_eq!(split_token("#1\0"), Some((1, "\0")));
        for text in [
            "#",
            "# start",
            "#0 start",
            "#+1 start",
            "#g",
            "#10000000000000000 x",
        ] {
            assert_eq!(split_token(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_may_have_an_offset() {
        assert_eq!(line_of(" do show two\n\0"), Some((0, "show two")));
        assert_eq!(line_of("do 4096 log two"), Some((4096, "log two")));
        assert_eq!(line_of("do 7"), Some((0, "7")));
        for text in ["do", "do ", "dot x", "start two"] {
            assert_eq!(line_of(text), None, "{text}");
        }
    }
}
