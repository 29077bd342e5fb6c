//! Interrupt gates, and the registers of memory types.
#![allow(missing_docs, reason = "a test has no public interface")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead_processor::gate::interrupt_gate;
use bulkhead_processor::mtrr::Snapshot;

#[test]
fn a_gate_has_its_handler_in_three_parts() {
    let gate = interrupt_gate(0x1122_3344_5566_7788, 0xabcd);
    let bytes = [
        0x88, 0x77, 0xcd, 0xab, 0, 0x8e, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0,
    ];
    assert_eq!(gate, bytes);
}

/// A core's registers; reading one that is not there is a fault.
fn read(registers: &BTreeMap<u32, u64>) -> Snapshot {
    Snapshot::read(|register| registers[&register])
}

/// A core with so many pairs, whose values are made of `seed`.
fn core(pairs: u32, has_fixed: bool, seed: u64) -> BTreeMap<u32, u64> {
    let mut registers = BTreeMap::new();
    let fixed = [0x250, 0x258, 0x259].into_iter().chain(0x268..=0x26f);
    let all = (0x200..0x200 + 2 * pairs).chain(fixed.filter(|_| has_fixed));
    registers.extend(all.map(|register| (register, seed + u64::from(register))));
    registers.insert(0xfe, u64::from(pairs) | u64::from(has_fixed) << 8);
    registers.insert(0x2ff, 0xc06);
    registers
}

#[test]
fn one_core_gets_what_another_has_and_none_acts_meanwhile() {
    for (pairs, has_fixed) in [(0, false), (8, true), (10, false), (16, true)] {
        let first = core(pairs, has_fixed, 0x1000);
        let wanted = read(&first);
        let other = RefCell::new(core(pairs, has_fixed, 0x2000));
        assert_eq!(read(&other.borrow()) == wanted, pairs == 0 && !has_fixed);
        let writes: Vec<_> = wanted.writes().collect();
        for (at, (register, value)) in writes.iter().enumerate() {
            let is_on = other.borrow()[&0x2ff] & 0x800 != 0;
            assert_eq!(is_on, at == 0, "write {at}");
            // One that there is: no other may be written.
            *other.borrow_mut().get_mut(register).unwrap() = *value;
        }
        assert_eq!(*other.borrow(), first);
        assert!(read(&other.borrow()) == wanted);
    }
}

#[test]
fn more_pairs_than_there_can_be_are_not_read() {
    let mut many = core(16, false, 0);
    many.insert(0xfe, 0xff);
    assert_eq!(read(&many).writes().count(), 2 + 32);
}
