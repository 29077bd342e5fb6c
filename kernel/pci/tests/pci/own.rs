//! A function that Bulkhead drives itself: reached whatever its last owner has left, and nothing touched
//! that is as it should be.

use bulkhead_pci::Own;

use crate::fake::address;
use crate::machine::machine;
use crate::node::{MSI, MSIX};

const COMMAND: usize = 1;
const MASTER: u32 = 1 << 2;
const MEMORY: u32 = 1 << 1;
const INTX_OFF: u32 = 1 << 10;

#[test]
fn what_a_linux_has_left_is_put_right() {
    let machine = machine();
    let functions = machine.functions();
    let disk = functions
        .iter()
        .find(|f| machine.fake.find(f.address) == Some(machine.disk));
    let own = Own::of(&functions, disk.expect("it was found").address).expect("it is there");
    let boot = machine.fake.nodes();
    for node in [machine.switch_port, machine.upstream, machine.downstream] {
        // As after an end: what is above lets nothing pass.
        machine
            .fake
            .edit(node, |node| node.value[COMMAND] &= !(MASTER | MEMORY));
    }
    machine.fake.edit(machine.downstream, |node| {
        node.value[0x20 / 4] = 0xfff0_0000 & node.writable[8]
    });
    machine.fake.edit(machine.disk, |node| {
        node.value[COMMAND] = 0;
        node.value[4] = 0;
    });
    assert!(own.open(&machine.fake, &machine.fake));
    machine.fake.assert_no_accident();
    for node in [machine.switch_port, machine.upstream, machine.downstream] {
        let word = machine.fake.node(node).word(4);
        assert_eq!(word & (MASTER | MEMORY), MASTER | MEMORY);
    }
    let window = machine.fake.node(machine.downstream).word(0x20);
    assert_eq!(window, boot[machine.downstream].word(0x20));
    let disk = machine.fake.node(machine.disk);
    assert_eq!(disk.word(0x10) & !0xf, boot[machine.disk].word(0x10) & !0xf);
    assert_eq!(disk.word(4) & (MASTER | MEMORY), MEMORY);
    own.master(&machine.fake, true);
    assert_ne!(machine.fake.node(machine.disk).word(4) & MASTER, 0);
    own.master(&machine.fake, false);
    assert_eq!(machine.fake.node(machine.disk).word(4) & MASTER, 0);
}

#[test]
fn what_is_as_at_boot_stays_so() {
    let machine = machine();
    let functions = machine.functions();
    let own = Own::of(&functions, address("01:00.0")).expect("it is there");
    let boot = machine.fake.nodes();
    assert!(own.open(&machine.fake, &machine.fake));
    for (before, after) in boot.iter().zip(machine.fake.nodes()) {
        for offset in (0..4096).step_by(4) {
            let kept = match offset {
                4 => !(INTX_OFF | MASTER | MEMORY),
                // Nothing interrupts.
                MSI => !(1 << 16),
                MSIX => !(1 << 31),
                _ => !0,
            };
            assert_eq!(
                before.word(offset) & kept,
                after.word(offset) & kept,
                "{offset:#x}"
            );
        }
    }
}

#[test]
fn another_device_in_its_place_is_not_touched() {
    let machine = machine();
    let functions = machine.functions();
    let own = Own::of(&functions, address("01:00.0")).expect("it is there");
    machine
        .fake
        .edit(machine.nic, |node| node.value[0] ^= 1 << 16);
    let before = machine.fake.node(machine.nic).value;
    assert!(!own.open(&machine.fake, &machine.fake));
    own.master(&machine.fake, true);
    assert_eq!(machine.fake.node(machine.nic).value, before);
    assert!(Own::of(&functions, address("77:00.0")).is_none());
}
