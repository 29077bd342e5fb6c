//! Looking names up in tables, with no more memory than the names asked for take.

use litemap::LiteMap;

use super::aml::{Object, data, op};
use super::path::{Name, Path};
use super::walk;

/// The most paths that can be asked for; a machine with one root bridge needs a hundred.
const MAX_PATHS: usize = 1024;
/// The longest chain of methods that do nothing but return another's value.
const MAX_CHAIN: usize = 4;

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
}

impl<'a> Names<'a> {
    /// Whether more was asked for than can be answered: no answer is to be relied on then.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Answers what is noted; whether anything was.
    pub(super) fn look_up(&mut self, tables: &[&'a [u8]]) -> bool {
        let mut noted = core::mem::take(&mut self.noted);
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
        let any = !noted.is_empty();
        for (path, object) in noted {
            self.known.insert(path, object);
        }
        any
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

    /// What `object` at `place` is worth: itself, or if it is a method that does nothing but return
    /// a constant or another such object, that. With the scope in which names in it are meant.
    pub(super) fn value(
        &mut self,
        mut place: Path,
        mut object: Object<'a>,
    ) -> Option<(Path, Object<'a>)> {
        for _ in 0..MAX_CHAIN {
            let Object::Method(body) = object else {
                return Some((place.parent()?, object));
            };
            let mut body = body.strip_prefix(&[op::RETURN])?;
            let mut rest = body;
            if let Some(constant) = data(&mut rest) {
                return rest.is_empty().then_some((place, constant));
            }
            let name = Name::read(&mut body).filter(|_| body.is_empty())?;
            (place, object) = self.referred(&name, place)?;
        }
        None
    }

    /// The value at `path` as an integer; `absent` if nothing is there.
    pub(super) fn integer(&mut self, path: Option<Path>, absent: u64) -> Option<u64> {
        let object = self.at(path);
        if object == Object::Absent {
            return Some(absent);
        }
        match self.value(path?, object)? {
            (_, Object::Integer(value)) => Some(value),
            _ => None,
        }
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
