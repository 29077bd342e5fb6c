//! The machine's clock in its registers, and a partition's as `EFI_TIME`.

use bulkhead_services::clock::Offset;
use bulkhead_services::cmos;
use bulkhead_services::seed::{Pool, READINGS};
use proptest::prelude::*;

/// 2026-11-28 16:37:02 UTC, by `date -d @1795883822`.
const THEN: i64 = 1_795_883_822;
const NANOSECONDS: i64 = 1_000_000_000;

#[test]
fn registers_are_read_in_all_their_forms() {
    let bcd = [0x02, 0x37, 0x16, 0x28, 0x11, 0x26];
    assert_eq!(cmos::decode(bcd, 0x02), Some(THEN));
    assert_eq!(cmos::decode([2, 37, 16, 28, 11, 26], 0x06), Some(THEN));
    let afternoon = [0x02, 0x37, 0x84, 0x28, 0x11, 0x26];
    assert_eq!(cmos::decode(afternoon, 0x00), Some(THEN));
    // 12 at night and at noon.
    let at = |hour| cmos::decode([0, 0, hour, 0x01, 0x01, 0x70], 0x00);
    assert_eq!((at(0x12), at(0x92)), (Some(0), Some(12 * 3600)));
    for wrong in [
        [0x60, 0x37, 0x16, 0x28, 0x11, 0x26],
        [0x02, 0x3a, 0x16, 0x28, 0x11, 0x26],
        [0x02, 0x37, 0x24, 0x28, 0x11, 0x26],
        [0x02, 0x37, 0x16, 0x30, 0x02, 0x26],
        [0x02, 0x37, 0x16, 0x28, 0x00, 0x26],
        [0xff; 6],
    ] {
        assert_eq!(cmos::decode(wrong, 0x02), None, "{wrong:x?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(seconds in 0..3_155_760_000i64, status in any::<u8>()) {
        let registers = cmos::encode(seconds, status).expect("before 2070");
        prop_assert_eq!(cmos::decode(registers, status), Some(seconds));
    }

    #[test]
    fn any_registers_are_read(registers in any::<[u8; 6]>(), status in any::<u8>()) {
        let _ = cmos::decode(registers, status);
    }

    #[test]
    fn any_time_is_set_or_refused(time in any::<[u8; 16]>(), machine in any::<i64>()) {
        let offset = Offset::new();
        let before = offset.get(machine);
        if offset.set(machine, &time).is_none() {
            prop_assert_eq!(offset.get(machine), before);
        }
    }
}

#[test]
fn a_clock_that_is_set_goes_on_from_there() {
    let offset = Offset::new();
    let now = THEN * NANOSECONDS + 5;
    let time = offset.get(now).expect("a time");
    assert_eq!(
        time,
        [
            0xea, 0x07, 11, 28, 16, 37, 2, 0, 5, 0, 0, 0, 0xff, 0x07, 0, 0
        ]
    );
    let mut other = time;
    other[..2].copy_from_slice(&1999u16.to_le_bytes());
    other[12..15].copy_from_slice(&[60, 0, 1]);
    offset.set(now, &other).expect("a time");
    let later = offset.get(now + NANOSECONDS).expect("a time");
    other[6] = 3;
    assert_eq!(later, other);
    // Its neighbour's is another value, and has not changed.
    assert_eq!(Offset::new().get(now), Some(time));
    for (at, wrong) in [
        (2, 13),
        (3, 31),
        (4, 24),
        (5, 60),
        (6, 60),
        (11, 0xff),
        (13, 9),
        (14, 4),
    ] {
        let mut bad = time;
        bad[at] = wrong;
        assert_eq!(offset.set(now, &bad), None, "byte {at}");
        assert_eq!(offset.get(now + NANOSECONDS), Some(other));
    }
    offset.clear();
    assert_eq!(offset.get(now), Some(time));
}

#[test]
fn seeds_differ_by_all_that_goes_in() {
    let seed = |before: u8, word: u64, number: u8| {
        let mut pool = Pool::new(&[before; 32]);
        pool.stir(word);
        pool.seed(number)
    };
    let all = [seed(0, 1, 0), seed(0, 1, 1), seed(0, 2, 0), seed(1, 1, 0)];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one));
    }
    assert_eq!(seed(0, 1, 0), seed(0, 1, 0));
    // The lowest byte of each reading counts, whatever is above it, and wherever the reading stands.
    let of_readings = |readings| {
        let mut pool = Pool::new(&[0; 32]);
        pool.stir_readings(readings);
        pool.seed(0)
    };
    let readings = [0x1234_5678_9a00u64; READINGS];
    let mut others = vec![of_readings(readings)];
    for changed in 0..READINGS {
        for value in 1..=0xff {
            let mut readings = readings;
            readings[changed] += value;
            others.push(of_readings(readings));
        }
    }
    let count = others.len();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), count);
}
