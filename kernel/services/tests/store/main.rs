//! The store against a map, and with a core that is reset in the middle.

mod dumps;
mod hostile;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use std::sync::atomic::AtomicU8;

use bulkhead_services::{
    Book, Entry, Fault, Key, MAX_DATA, MAX_NAME, OTHER_BYTES, STORE_BYTES, Store,
};
use proptest::prelude::*;

type Map = BTreeMap<(u8, Vec<u16>), Vec<u8>>;

fn key(vendor: u8, name: &[u16]) -> Key<'_> {
    Key {
        vendor: [vendor; 16],
        name,
    }
}

/// Of an empty store; its bytes are what they happen to be.
struct Ram {
    bytes: Box<[AtomicU8; STORE_BYTES]>,
    book: Book,
}

impl Ram {
    fn new() -> Self {
        Self {
            bytes: Box::new(std::array::from_fn(|_| AtomicU8::new(0xa5))),
            book: Book::new(),
        }
    }

    fn store(&self) -> Store<'_> {
        Store::new(&self.bytes, &self.book)
    }
}

fn put(store: &Store<'_>, key: &Key<'_>, append: bool, data: &[u8]) -> Result<(), Fault> {
    let held = store.hold().expect("free");
    held.set(key, append, data.len(), |offset, into| {
        into.copy_from_slice(&data[offset..][..into.len()]);
        Some(())
    })
}

/// All that is in a store, as `GetNextVariableName` and `GetVariable` find it.
fn all(store: &Store<'_>) -> Map {
    let held = store.hold().expect("free");
    let entries = std::iter::successors(held.after(None), |last: &Entry| held.after(Some(last)));
    entries
        .map(|entry| {
            let mut name = vec![0; 2 * entry.name];
            held.read_name(&entry, 0, &mut name);
            let name: Vec<u16> = name
                .chunks(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .collect();
            let vendor = held.vendor(&entry);
            assert_eq!(
                held.find(&Key {
                    vendor,
                    name: &name
                }),
                Some(entry),
                "once"
            );
            let mut data = vec![0; entry.data];
            held.read(&entry, 0, &mut data);
            ((vendor[0], name), data)
        })
        .collect()
}

fn bytes(map: &Map) -> usize {
    let record = |(name, data): (&(u8, Vec<u16>), &Vec<u8>)| 20 + 2 * name.1.len() + data.len();
    map.iter().map(record).sum()
}

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<u16>, bool, Vec<u8>),
    Delete(u8, Vec<u16>),
}

fn name() -> impl Strategy<Value = Vec<u16>> {
    prop_oneof![
        4 => prop::collection::vec(1u16..4, 1..3),
        1 => prop::collection::vec(1u16.., MAX_NAME - 1..MAX_NAME + 2),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..300),
        1 => (4000..MAX_DATA + 2, any::<u8>()).prop_map(|(size, byte)| vec![byte; size]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..2, name(), any::<bool>(), data())
            .prop_map(|(vendor, name, append, data)| Step::Set(vendor, name, append, data)),
        1 => (0u8..2, name()).prop_map(|(vendor, name)| Step::Delete(vendor, name)),
    ]
}

/// What a step does to the map, and what it has to answer.
fn expected(map: &mut Map, step: &Step) -> Result<(), Fault> {
    match step {
        Step::Delete(vendor, name) => {
            let gone = map.remove(&(*vendor, name.clone()));
            gone.map(drop).ok_or(Fault::Missing)
        }
        Step::Set(vendor, name, append, data) => {
            let at = (*vendor, name.clone());
            let mut new = Vec::new();
            if *append {
                new.extend(map.get(&at).into_iter().flatten());
            }
            new.extend(data);
            if new.len() > MAX_DATA || name.len() > MAX_NAME {
                return Err(Fault::TooLong);
            }
            let mut changed = map.clone();
            changed.insert(at, new);
            if bytes(&changed) > OTHER_BYTES {
                return Err(Fault::Full);
            }
            *map = changed;
            Ok(())
        }
    }
}

fn apply(store: &Store<'_>, step: &Step) -> Result<(), Fault> {
    match step {
        Step::Set(vendor, name, append, data) => put(store, &key(*vendor, name), *append, data),
        Step::Delete(vendor, name) => store.hold().expect("free").delete(&key(*vendor, name)),
    }
}

proptest! {
    // Each looks at the whole store after each step.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_store_is_a_map(steps in prop::collection::vec(step(), 0..60)) {
        let ram = Ram::new();
        let store = ram.store();
        let mut map = Map::new();
        for step in &steps {
            prop_assert_eq!(apply(&store, step), expected(&mut map, step));
            prop_assert_eq!(all(&store), map.clone());
            let free = store.hold().expect("free").free();
            prop_assert_eq!(free, STORE_BYTES / 2 - bytes(&map));
        }
    }

    /// A core that is reset while it changes a variable leaves all as it was; what it held is let go
    /// at the next launch.
    #[test]
    fn a_reset_at_any_step_changes_nothing(
        steps in prop::collection::vec(step(), 0..20),
        append in any::<bool>(),
        size in 1usize..3000,
        after in 0usize..12,
    ) {
        let ram = Ram::new();
        let store = ram.store();
        let mut map = Map::new();
        for step in &steps {
            prop_assert_eq!(apply(&store, step), expected(&mut map, step));
        }
        let mut chunks = 0;
        let died = catch_unwind(AssertUnwindSafe(|| {
            let held = store.hold().expect("free");
            let done = held.set(&key(1, &[2, 2]), append, size, |_, into| {
                assert!(chunks < after, "the core is reset");
                chunks += 1;
                into.fill(0xee);
                Some(())
            });
            // The drop of `held` is what a core that is reset does not come to.
            std::mem::forget(held);
            done
        }));
        ram.book.begin();
        if died.is_err() || died.is_ok_and(|done| done.is_err()) {
            prop_assert_eq!(&all(&store), &map);
        }
        let _ = apply(&store, &Step::Set(0, vec![9], false, vec![1]));
        prop_assert!(bytes(&all(&store)) <= STORE_BYTES / 2);
    }
}

#[test]
fn what_cannot_be_read_is_not_stored() {
    let ram = Ram::new();
    let store = ram.store();
    put(&store, &key(1, &[7]), false, b"old").expect("room");
    let set = |size| {
        let held = store.hold().expect("free");
        held.set(&key(1, &[7]), false, size, |offset, _| {
            (offset < 256).then_some(())
        })
    };
    assert_eq!(set(300), Err(Fault::Unreadable));
    assert_eq!(set(usize::MAX), Err(Fault::TooLong));
    assert_eq!(
        all(&store).values().next().map(Vec::as_slice),
        Some(&b"old"[..])
    );
}

#[test]
fn a_second_core_waits_and_gives_up() {
    let ram = Ram::new();
    let store = ram.store();
    let held = store.hold().expect("free");
    assert_eq!(store.hold().map(drop), Err(Fault::Busy));
    drop(held);
    let lost = store.hold().expect("free again");
    std::mem::forget(lost); // its core was reset
    assert_eq!(store.hold().map(drop), Err(Fault::Busy));
    ram.book.begin();
    assert!(store.hold().is_ok());
}

/// Two cores of one partition at once, which a Linux does not do: one after the other is served.
#[test]
fn two_cores_at_once_are_served_in_turn() {
    let ram = Ram::new();
    let store = ram.store();
    std::thread::scope(|scope| {
        for vendor in 1..3u8 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..200u16 {
                    let _ = put(store, &key(vendor, &[round % 3 + 1]), false, &[vendor; 40]);
                }
            });
        }
    });
    let all = all(&store);
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|((vendor, _), data)| *data == [*vendor; 40]));
}

proptest! {
    /// Its RAM is the partition's, and its Linux may write there whatever it likes, at any time.
    #[test]
    fn nothing_that_its_linux_wrote_over_it_is_trusted(
        steps in prop::collection::vec(step(), 0..20),
        spots in prop::collection::vec((0..STORE_BYTES, any::<[u8; 24]>()), 1..20),
        more in prop::collection::vec(step(), 1..20),
    ) {
        let ram = Ram::new();
        let store = ram.store();
        for step in &steps {
            let _ = apply(&store, step);
        }
        for (at, bytes) in &spots {
            for (byte, value) in ram.bytes.iter().skip(*at).zip(bytes) {
                byte.store(*value, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let _ = all(&store);
        for step in &more {
            let _ = apply(&store, step);
            let held = store.hold().expect("free");
            prop_assert!(held.free() <= STORE_BYTES / 2);
        }
        let _ = all(&store);
        ram.book.clear();
        prop_assert_eq!(all(&store), Map::new());
    }
}
