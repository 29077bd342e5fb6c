//! Cards that no model of QEMU's is: one that can't be kept from mastering the bus, and one whose bus
//! must not be reset, beside one that is well.

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::Board;
use bulkhead_tests::made_card::{self, MadeCard};
use bulkhead_tests::neighbour::Neighbour;
use libtest_mimic::Trial;

use super::{Partition, boot, folder};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::may_still_reach_memory", may_still_reach_memory)
            .with_ignored_flag(!made_card::is_available()),
    ]
}

/// Turns bus mastering of its three cards on, as a driver does, and reads it back.
const MASTER: &str = "for n in 1 2 3; do f=/sys/bus/pci/devices/0001:0$n:00.0/config; \
                      printf '\\006' | dd of=$f bs=1 seek=4 conv=notrunc 2>/dev/null; \
                      dd if=$f bs=1 skip=4 count=1 2>/dev/null | od -An -tx1; done | tr -d ' \\n'";
const REACHES: &str =
    "may still reach memory: give its RAM to nobody before a reset of the machine";

fn may_still_reach_memory() {
    let folder = folder("made_cards");
    let well = MadeCard::new(&folder, "well", 0x1234, 0x0001);
    // Atheros AR9380: Linux never resets its bus.
    let fragile = MadeCard::new(&folder, "fragile", 0x168c, 0x0030);
    let stuck = MadeCard::new(&folder, "stuck", 0x1234, 0x0003);
    let board = [&well, &fragile, &stuck]
        .into_iter()
        .fold(Board::new(), |board, card| board.device(card.device()));
    let partitions = [
        Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0,02:00.0,03:00.0"),
        Partition::new("next", 3, Kernel::Debian61, "2"),
    ];
    let mut machine = boot("made_cards", &partitions, &board);
    let mut next = Neighbour::watch(&mut machine, 3);
    machine.expect("devices", &["lost by its bus's reset: not used"]);
    machine.expect(
        "check one",
        &["warning: one: 0000:02:00.0 can't be reset (it is lost by its bus's reset)"],
    );
    let resets = || [&well, &fragile, &stuck].map(MadeCard::resets);

    // As long as each obeys there is nothing to tell.
    let before = resets();
    assert_eq!(machine.linux(2, MASTER), "060606");
    machine.com(2).skip();
    machine.expect("restart one", &[]);
    machine.wait_for_demo(2);
    let after = resets();
    assert!(after[0] > before[0] && after[2] > before[2], "{after:?}");
    assert_eq!(after[1], before[1]);
    let log = machine.command("log");
    assert!(!log.contains(REACHES), "{log}");

    // One does not, in whatever way the partition ends.
    stuck.keep_mastering();
    assert_eq!(machine.linux(2, MASTER), "060606");
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, &format!("* one: 0000:03:00.0 {REACHES}"));
    machine.wait_for(1, "* one: powered-off");
    machine.wait_for(1, "* one: parked");
    machine.expect_states(&[("one", "stopped"), ("next", "running")]);
    next.runs_on(&mut machine, "an end with a card that masters the bus");
    let log = machine.command("log");
    assert_eq!(log.matches(REACHES).count(), 1, "{log}");
    machine.com(2).skip();
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
    machine.com(1).send("kill one\r");
    machine.wait_for(1, &format!("* one: 0000:03:00.0 {REACHES}"));
    machine.wait_for(1, "* one: killed");
    next.noticed_nothing(&mut machine);
}
