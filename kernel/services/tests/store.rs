//! The store against a map, and with a core that is reset in the middle.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use std::sync::atomic::AtomicU8;

use bulkhead_services::{
    Book, DUMP_BYTES, Entry, Fault, Key, MAX_DATA, MAX_NAME, OTHER_BYTES, STORE_BYTES, Store,
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
        1 => prop::collection::vec(any::<u16>(), MAX_NAME - 1..MAX_NAME + 2),
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

/// `LINUX_EFI_CRASH_GUID`.
const CRASH: [u8; 16] = [
    0x79, 0xfc, 0xc8, 0xcf, 0x2e, 0xbe, 0xdc, 0x4d, 0x97, 0xf0, 0x9f, 0x98, 0xbf, 0xe2, 0x98, 0xa0,
];

/// As `efi_pstore` writes a record of the dump number `count` of its run.
fn dump(store: &Store<'_>, part: usize, count: usize, size: usize) -> Result<(), Fault> {
    let name = format!("dump-type0-{part}-{count}-1700000000-C");
    let name: Vec<u16> = name.encode_utf16().collect();
    let key = Key {
        vendor: CRASH,
        name: &name,
    };
    put(store, &key, false, &vec![7; size])
}

/// Parts and counts of the dumps that are there, in their order.
fn dumps(store: &Store<'_>) -> Vec<(usize, usize)> {
    let held = store.hold().expect("free");
    let entries = std::iter::successors(held.after(None), |last: &Entry| held.after(Some(last)));
    let names = entries
        .filter(|entry| held.vendor(entry) == CRASH)
        .map(|entry| {
            let mut name = vec![0; 2 * entry.name];
            held.read_name(&entry, 0, &mut name);
            let name: String = name.chunks(2).map(|unit| char::from(unit[0])).collect();
            let parts: Vec<String> = name.split('-').map(String::from).collect();
            (parts[2].parse().unwrap(), parts[3].parse().unwrap())
        });
    names.collect()
}

#[test]
fn a_panic_finds_room_whatever_else_is_there() {
    let ram = Ram::new();
    let store = ram.store();
    // All else that there is room for.
    let mut name = 0;
    while put(&store, &key(3, &[1, name]), false, &[1; 1000]).is_ok() {
        name += 1;
    }
    assert_eq!(
        put(&store, &key(3, &[2]), false, &[1; 1000]),
        Err(Fault::Full)
    );
    let others = all(&store);
    assert!(bytes(&others) > OTHER_BYTES - 1022 && bytes(&others) <= OTHER_BYTES);
    // Linux writes none unless 5 KiB stay free beside it, of what it is told is.
    let free = || store.hold().expect("free").free();
    let mut parts = 0;
    for panic in 1..=4 {
        ram.book.begin();
        parts = 0;
        for part in 1..=10 {
            assert!(free() >= 5120 + 1024 + 2 * 40);
            parts += usize::from(dump(&store, part, 1, 1024).is_ok());
        }
        // Of the last panic, from its last words on.
        let kept: Vec<_> = (1..=parts).map(|part| (part, 1)).collect();
        assert_eq!(dumps(&store), kept, "panic {panic}");
    }
    assert_eq!(
        parts,
        DUMP_BYTES / (20 + 2 * "dump-type0-1-1-1700000000-C".len() + 1024)
    );
    assert!(parts >= 7);
    // Nothing else had to give way, or gives way to more of the others.
    for (name, data) in &others {
        assert_eq!(all(&store).get(name), Some(data));
    }
    // The oldest go first, as few as need to.
    ram.book.begin();
    assert_eq!(
        dump(&store, 1, 1, 512),
        Ok(()),
        "in place of the part of that name"
    );
    ram.book.begin();
    assert_eq!(dump(&store, 11, 1, 1024), Ok(()));
    assert_eq!(dumps(&store)[0], (3, 1));
    // An oops gives way to the panic that follows it in the same run.
    ram.book.begin();
    for part in 1..=7 {
        assert_eq!(dump(&store, part, 1, 1024), Ok(()));
    }
    assert_eq!(dump(&store, 8, 1, 1024), Err(Fault::Full));
    assert_eq!(dump(&store, 1, 2, 1024), Ok(()));
    assert_eq!(dumps(&store)[0], (2, 1));
    // What was erased is free again.
    let name: Vec<u16> = "dump-type0-1-2-1700000000-C".encode_utf16().collect();
    let newest = Key {
        vendor: CRASH,
        name: &name,
    };
    assert_eq!(store.hold().expect("free").delete(&newest), Ok(()));
    assert_eq!(dump(&store, 8, 1, 1024), Ok(()));
    assert_eq!(
        dump(&store, 1, 3, MAX_DATA),
        Err(Fault::Full),
        "too much for all of the room"
    );
    assert_eq!(dumps(&store).len(), 7, "and nothing has changed");
    // Of that name, but another's.
    let name: Vec<u16> = "dump-type0-1-1-1700000000-C".encode_utf16().collect();
    assert_eq!(
        put(&store, &key(3, &name), false, &[1; 1000]),
        Err(Fault::Full)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Neither kind takes the other's room, and what is not of an earlier panic stays.
    #[test]
    fn dumps_and_others_have_their_own_room(
        steps in prop::collection::vec((0..4u8, 1..12usize, 1..3usize, 1..2000usize), 1..60),
    ) {
        let ram = Ram::new();
        let store = ram.store();
        let mut others = Map::new();
        // Those of this run.
        let mut new: Vec<(usize, usize)> = Vec::new();
        for (what, part, count, size) in steps {
            match what {
                0 => {
                    let step = Step::Set(3, vec![u16::try_from(part).unwrap()], false, vec![1; size]);
                    prop_assert_eq!(apply(&store, &step), expected(&mut others, &step));
                }
                1 if part == 1 => {
                    ram.book.begin();
                    new.clear();
                }
                _ => {
                    let before = dumps(&store);
                    let done = dump(&store, part, count, size);
                    let after = dumps(&store);
                    if done.is_ok() {
                        prop_assert_eq!(after.last(), Some(&(part, count)));
                        new.retain(|known| *known != (part, count) && known.1 == count);
                        new.push((part, count));
                        prop_assert!(new.iter().all(|known| after.contains(known)));
                    } else {
                        prop_assert_eq!(before, after);
                    }
                }
            }
            let everything = all(&store);
            let is_dump = |vendor: u8| vendor == CRASH[0];
            let (dumped, rest): (Map, Map) =
                everything.into_iter().partition(|((vendor, _), _)| is_dump(*vendor));
            prop_assert_eq!(&rest, &others);
            prop_assert!(bytes(&dumped) <= DUMP_BYTES);
            let free = store.hold().expect("free").free();
            prop_assert_eq!(free, STORE_BYTES / 2 - bytes(&others));
        }
    }
}
