//! The variables that a Linux keeps, in its own RAM: it writes there whatever it likes.

use std::sync::atomic::{AtomicU8, Ordering};

use bulkhead_services::{Book, Entry, Fault, Held, Key, MAX_NAME, STORE_BYTES, Store};

use crate::Target;
use crate::bytes::{Plan, piece};

pub(crate) const TARGETS: [Target; 1] = [Target {
    name: "store",
    most: 1024,
    run: store,
    seeds,
}];

const HALF: usize = STORE_BYTES / 2;

/// `LINUX_EFI_CRASH_GUID`.
const CRASH: [u8; 16] = [
    0x79, 0xfc, 0xc8, 0xcf, 0x2e, 0xbe, 0xdc, 0x4d, 0x97, 0xf0, 0x9f, 0x98, 0xbf, 0xe2, 0x98, 0xa0,
];

fn seeds() -> Vec<Vec<u8>> {
    let set = |kind: u8, name: &[u8], size: u16| {
        [&[kind][..], &piece(name), &size.to_le_bytes(), &[7]].concat()
    };
    let over = |which: u8, bytes: &[u8]| [&[4, which, 0, 0][..], &piece(bytes)].concat();
    let record =
        |name: u8, names: u8, data: u8| [&[1; 16][..], &[names, 0, data, 0, name, 0]].concat();
    vec![
        // Two variables, one of which is given the other's name, and then set.
        [
            set(0, b"a", 2),
            set(0, b"b", 300),
            over(1, &record(b'a', 1, 2)),
            set(0, b"a", 9),
            set(2, b"a", 0),
        ]
        .concat(),
        // A name of zeroes, none, one that is too long.
        [
            set(0, b"a", 2),
            over(0, &record(0, 1, 2)),
            set(1, b"a", 5),
            over(0, &record(b'a', 0, 4)),
            over(0, &record(b'a', 200, 4)),
        ]
        .concat(),
        // Records of panics, until they give way; another run; a core that writes meanwhile.
        [
            set(0x10, b"11", 3000),
            set(0x10, b"21", 3000),
            vec![3],
            set(0x10, b"12", 3000),
            set(0x08, b"c", 500),
        ]
        .concat(),
    ]
}

/// Whose, called what.
type Name = ([u8; 16], Vec<u16>);

/// A store in RAM that is its Linux's.
struct Ram {
    bytes: Box<[AtomicU8; STORE_BYTES]>,
    book: Book,
}

impl Ram {
    fn hold(&self) -> Held<'_> {
        let store = Store::new(&self.bytes, &self.book);
        store.hold().expect("nobody else is inside")
    }

    /// Writes the same over both halves: which of them is in force is Bulkhead's to know.
    fn write_over(&self, at: usize, bytes: &[u8]) {
        for start in [0, HALF] {
            let half = &self.bytes[start..start + HALF];
            for (to, from) in half.iter().skip(at).zip(bytes) {
                to.store(*from, Ordering::Relaxed);
            }
        }
    }

    /// All of them, as a Linux asks for them: each by the name of the one before.
    fn all(&self) -> Vec<(Name, Vec<u8>)> {
        let held = self.hold();
        let mut all = Vec::new();
        let mut next = held.after(None);
        while let Some(entry) = next {
            let name = name(&held, &entry);
            assert!(all.len() < HALF / 20, "they come round again");
            let is_name = (1..=MAX_NAME).contains(&name.1.len()) && !name.1.contains(&0);
            assert!(is_name, "{name:x?} can't be asked for");
            let found = find(&held, &name);
            assert_eq!(found, Some(entry), "the one that was listed");
            let mut data = vec![0; entry.data];
            held.read(&entry, 0, &mut data);
            all.push((name, data));
            next = held.after(found.as_ref());
        }
        assert!(held.free() <= HALF);
        all
    }
}

fn name(held: &Held<'_>, entry: &Entry) -> Name {
    let mut bytes = vec![0; 2 * entry.name];
    held.read_name(entry, 0, &mut bytes);
    let units = bytes.as_chunks().0.iter().copied().map(u16::from_le_bytes);
    (held.vendor(entry), units.collect())
}

fn find(held: &Held<'_>, (vendor, name): &Name) -> Option<Entry> {
    held.find(&Key {
        vendor: *vendor,
        name,
    })
}

/// Calls of a Linux, and what it writes between them.
fn store(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let ram = Ram {
        bytes: Box::new([const { AtomicU8::new(0xa5) }; STORE_BYTES]),
        book: Book::new(),
    };
    while !plan.is_over() {
        let kind = plan.u8();
        match kind & 7 {
            3 => ram.book.begin(),
            4..8 => {
                // At a record's beginning, or behind it.
                let (which, behind) = (plan.u8(), plan.u16());
                let all = ram.all();
                let before = all.iter().take(which.into());
                let record = |((_, name), data): &(Name, Vec<u8>)| 20 + 2 * name.len() + data.len();
                let at: usize = before.map(record).sum();
                ram.write_over(at + usize::from(behind), plan.piece());
            }
            call => change(&ram, &mut plan, call, kind),
        }
        drop(ram.all());
    }
    ram.book.clear();
    assert_eq!(ram.all(), []);
}

/// A variable is set, appended to or deleted: it is as the answer says, and so are the others.
fn change(ram: &Ram, plan: &mut Plan<'_>, call: u8, kind: u8) {
    let called = plan.piece();
    let name: Name = if kind & 0x10 == 0 {
        let units = called.iter().map(|unit| u16::from(*unit).max(1));
        (
            [1; 16],
            units.chain(called.is_empty().then_some(1)).collect(),
        )
    } else {
        let digit = |at: usize| called.get(at).map_or(0, |byte| byte % 10);
        let text = format!("dump-type0-{}-{}-1700000000-C", digit(0), digit(1));
        (CRASH, text.encode_utf16().collect())
    };
    let before = ram.all();
    let old = before.iter().find(|(known, _)| *known == name);
    let old = old.map(|(_, data)| data.clone());
    let key = Key {
        vendor: name.0,
        name: &name.1,
    };
    if call == 2 {
        let done = ram.hold().delete(&key);
        assert_eq!(done.is_ok(), old.is_some(), "{done:?}");
        let others = before.into_iter().filter(|(known, _)| *known != name);
        assert_eq!(ram.all(), others.collect::<Vec<_>>());
        return;
    }
    let (size, byte) = (plan.u16(), plan.u8());
    let (append, meanwhile) = (call == 1, kind & 8 != 0);
    let done = ram.hold().set(&key, append, size.into(), |offset, into| {
        into.fill(byte);
        if meanwhile {
            let at = plan.below(HALF);
            ram.write_over(at, plan.take(24));
        }
        (byte != 0xff || offset == 0).then_some(())
    });
    // Then nothing can be said of it.
    if meanwhile && size > 0 {
        return;
    }
    let after = ram.all();
    if let Err(fault) = done {
        assert!(fault != Fault::Busy && fault != Fault::Missing, "{fault:?}");
        assert_eq!(before, after, "{fault:?}");
        return;
    }
    let mut data = old.filter(|_| append).unwrap_or_default();
    data.resize(data.len() + usize::from(size), byte);
    assert_eq!(after.last(), Some(&(name.clone(), data)));
    let others = || before.iter().filter(|(known, _)| *known != name);
    let mut kept = after.iter().filter(|(known, _)| *known != name);
    if name.0 == CRASH {
        // Others of panics may have given way.
        let is_kept = |one: &&(Name, Vec<u8>)| one.0.0 == CRASH || after.contains(one);
        assert!(others().all(|one| is_kept(&one)));
        // What lay hidden behind one that gave way has its name.
        assert!(kept.all(|(name, _)| before.iter().any(|(known, _)| known == name)));
    } else {
        assert!(kept.eq(others()), "others have changed");
    }
}
