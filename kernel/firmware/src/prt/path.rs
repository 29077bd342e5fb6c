//! Names in AML and the paths they lead to (ACPI §5.3, §20.2.2).

use super::aml::byte;
use crate::bytes::array_at;

/// Four characters, filled up with underscores.
pub(super) type Segment = [u8; 4];

/// No segment.
const NONE: Segment = [0; 4];

/// The most segments a path can have here; real ones that matter have five.
const MAX_SEGMENTS: usize = 8;

const ROOT_CHARACTER: u8 = b'\\';
const PARENT_CHARACTER: u8 = b'^';
const NULL_NAME: u8 = 0x00;
const DUAL_NAME: u8 = 0x2e;
const MULTI_NAME: u8 = 0x2f;

/// Scopes below the root that exist from the start (ACPI §5.3.1).
const PREDEFINED: [&Segment; 5] = [b"_GPE", b"_PR_", b"_SB_", b"_SI_", b"_TZ_"];

/// A place in the namespace, from the root: its segments, and zeroes, which no segment is made of.
///
/// Hundreds of them are copied and compared for each name that is looked up, so it has no length beside
/// that: four words are copied by four instructions, and more by a loop over bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path([Segment; MAX_SEGMENTS]);

impl Path {
    pub(super) const ROOT: Self = Self([NONE; MAX_SEGMENTS]);

    /// How many segments it has.
    fn length(&self) -> usize {
        let none = self.0.iter().position(|segment| *segment == NONE);
        none.unwrap_or(MAX_SEGMENTS)
    }

    fn segments(&self) -> &[Segment] {
        self.0.get(..self.length()).unwrap_or_default()
    }

    /// The object of that name in this one; `None` if that is too deep.
    pub(super) fn child(mut self, segment: Segment) -> Option<Self> {
        let place = self.length();
        *self.0.get_mut(place)? = segment;
        Some(self)
    }

    /// What this is in; `None` for the root.
    pub(super) fn parent(mut self) -> Option<Self> {
        let last = self.length().checked_sub(1)?;
        *self.0.get_mut(last)? = NONE;
        Some(self)
    }

    pub(super) fn last(&self) -> Option<Segment> {
        self.segments().last().copied()
    }

    /// This, what it is in, and so on to the root.
    pub(super) fn ancestors(self) -> impl Iterator<Item = Self> {
        core::iter::successors(Some(self), |path| path.parent())
    }
}

/// A name as it is written: from the root, from some levels up, or from where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    is_absolute: bool,
    levels_up: u8,
    path: Path,
}

impl Name {
    /// Whether a name can begin with that byte; not told of the empty one, which begins like `Zero`.
    pub(super) fn begins(byte: u8) -> bool {
        byte.is_ascii_uppercase()
            || matches!(
                byte,
                b'_' | ROOT_CHARACTER | PARENT_CHARACTER | DUAL_NAME | MULTI_NAME
            )
    }

    /// Takes a name from the front of `aml`.
    pub(super) fn read(aml: &mut &[u8]) -> Option<Self> {
        let mut name = Self {
            is_absolute: aml.first() == Some(&ROOT_CHARACTER),
            levels_up: 0,
            path: Path::ROOT,
        };
        if name.is_absolute {
            byte(aml)?;
        }
        while !name.is_absolute && aml.first() == Some(&PARENT_CHARACTER) {
            byte(aml)?;
            name.levels_up += 1;
            if usize::from(name.levels_up) > MAX_SEGMENTS {
                return None;
            }
        }
        let (prefix_bytes, segments) = match *aml.first()? {
            NULL_NAME => (1, 0),
            DUAL_NAME => (1, 2),
            MULTI_NAME => (2, *aml.get(1)?),
            _ => (0, 1),
        };
        *aml = aml.get(prefix_bytes..)?;
        for _ in 0..segments {
            let segment = array_at(aml, 0).filter(is_segment)?;
            name.path = name.path.child(segment)?;
            *aml = aml.get(4..)?;
        }
        Some(name)
    }

    /// Where an object of this name is defined that is defined in `scope`.
    pub(super) fn defined_in(&self, scope: Path) -> Option<Path> {
        let mut base = if self.is_absolute { Path::ROOT } else { scope };
        for _ in 0..self.levels_up {
            base = base.parent()?;
        }
        let mut segments = self.path.segments().iter();
        segments.try_fold(base, |path, segment| path.child(*segment))
    }

    /// Which scope a `ScopeOp` in `scope` opens. A single segment would be searched for upwards
    /// as any name is; compilers write it where it is found at once, or for a predefined scope.
    pub(super) fn opened_in(&self, scope: Path) -> Option<Path> {
        let is_predefined = self.is_searched_for()
            && self
                .path
                .last()
                .is_some_and(|segment| PREDEFINED.contains(&&segment));
        self.defined_in(if is_predefined { Path::ROOT } else { scope })
    }

    /// Where an object may lie that is referred to by this name in `scope`, best first: a single
    /// segment is searched for in all enclosing scopes (ACPI §5.3).
    pub(super) fn places(&self, scope: Path) -> impl Iterator<Item = Path> {
        let scopes = if self.is_searched_for() {
            usize::MAX
        } else {
            1
        };
        let places = scope.ancestors().take(scopes);
        places.filter_map(|scope| self.defined_in(scope))
    }

    /// Whether it names the scope it stands in, as `\` does.
    pub(super) fn is_empty(&self) -> bool {
        self.path == Path::ROOT
    }

    fn is_searched_for(&self) -> bool {
        !self.is_absolute && self.levels_up == 0 && self.path.length() == 1
    }
}

pub(super) fn is_segment(segment: &Segment) -> bool {
    let is_lead = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let [first, rest @ ..] = segment;
    is_lead(*first)
        && rest
            .iter()
            .all(|byte| is_lead(*byte) || byte.is_ascii_digit())
}
