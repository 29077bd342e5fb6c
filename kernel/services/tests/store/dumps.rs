//! What a panicking Linux writes, and its room.

use bulkhead_services::{DUMP_BYTES, Entry, Fault, Key, MAX_DATA, OTHER_BYTES, STORE_BYTES, Store};
use proptest::prelude::*;

use crate::{Map, Ram, Step, all, apply, bytes, expected, key, put};

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
    let mut name = 1;
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
