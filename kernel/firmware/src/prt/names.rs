//! Looking names up in tables, with no more memory than the names asked for take.

use litemap::LiteMap;

use super::aml::Object;
use super::path::{Name, Path};
use super::run::{Value, outcomes};
use super::walk;

/// The most paths that can be asked for; a machine with one root bridge needs a hundred.
const MAX_PATHS: usize = 1024;
/// Steps of all methods that are run, each time; real ones take a few hundred.
const MAX_STEPS: u32 = 1 << 20;

/// What is known of the paths asked for so far.
///
/// The kernel's heap is too small for the namespace of a machine. So a path that is asked for
/// the first time counts as [`Object::Unknown`] and is noted; after all questions
/// [`Names::look_up`] walks over the tables once and answers the noted ones, and all is asked
/// anew, until nothing is noted any more.
#[derive(Default)]
pub(super) struct Names<'a> {
    known: LiteMap<Path, Object<'a>>,
    noted: LiteMap<Path, Object<'a>>,
    overflowed: bool,
    steps_taken: u32,
    /// Integers have 32 bits only: the DSDT is of revision 1 (ACPI §19.3.5.4, §5.2.11.1).
    pub(super) is_narrow: bool,
}

impl<'a> Names<'a> {
    /// Whether more was asked for than can be answered: no answer is to be relied on then.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Answers what is noted; whether anything was.
    pub(super) fn look_up(&mut self, tables: &[&'a [u8]]) -> bool {
        let mut noted = core::mem::take(&mut self.noted);
        if noted.is_empty() {
            return false;
        }
        for table in tables {
            walk::definitions(table, &mut |path, object| {
                if let Some(known) = noted.get_mut(&path) {
                    *known = if *known == Object::Absent {
                        object
                    } else {
                        Object::Unknown
                    };
                }
            });
        }
        for (path, object) in noted {
            self.known.insert(path, object);
        }
        true
    }

    /// What lies at `path`.
    pub(super) fn at(&mut self, path: Option<Path>) -> Object<'a> {
        // Too deep a path is never defined by the walk.
        let Some(path) = path else {
            return Object::Unknown;
        };
        if let Some(object) = self.known.get(&path) {
            return *object;
        }
        if self.known.len() + self.noted.len() < MAX_PATHS {
            self.noted.insert(path, Object::Absent);
        } else {
            self.overflowed = true;
        }
        Object::Unknown
    }

    /// What `name` in `scope` refers to, and where that lies.
    pub(super) fn referred(&mut self, name: &Name, scope: Path) -> Option<(Path, Object<'a>)> {
        // All places are asked for, so that one look-up answers them all.
        name.places(scope).fold(None, |found, place| {
            let object = self.at(Some(place));
            found.or(Some((place, object)).filter(|_| object != Object::Absent))
        })
    }

    /// The value at `path` as an integer; `absent` if nothing is there, `None` if it isn't certain.
    pub(super) fn integer(&mut self, path: Option<Path>, absent: u64) -> Option<u64> {
        if self.at(path) == Object::Absent {
            return Some(absent);
        }
        match outcomes(self, path?)?[..] {
            [Value::Integer(value)] => Some(value),
            _ => None,
        }
    }

    /// Takes a step of those that methods may take; `None` if all were taken.
    pub(super) fn step(&mut self) -> Option<()> {
        self.steps_taken += 1;
        (self.steps_taken <= MAX_STEPS).then_some(())
    }

    /// Whether that many more can be asked for before it is too much.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.known.len() + self.noted.len() + more < MAX_PATHS
    }

    /// Whether the device at `path` is of a kind: `_HID` as a compressed EISA ID or as a string.
    pub(super) fn is_kind(&mut self, path: Path, kinds: &[Kind]) -> bool {
        let id = self.at(path.child(*b"_HID"));
        kinds.iter().any(|kind| kind.is_named_by(id))
    }
}

/// What `_HID` says of a device (ACPI §6.1.5).
pub(super) struct Kind {
    /// As `EisaId` encodes it.
    pub(super) eisa: u32,
    pub(super) text: &'static [u8],
}

impl Kind {
    pub(super) fn is_named_by(&self, id: Object<'_>) -> bool {
        match id {
            Object::Integer(value) => value == u64::from(self.eisa),
            Object::Text(text) => text == self.text,
            _ => false,
        }
    }
}
