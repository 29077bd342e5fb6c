//! Ports that send what is from one device to another by way of the root complex.

use bulkhead_pci::{ConfigSpace, redirect};

use crate::fake::address;
use crate::machine::machine;
use crate::node::ACS;

/// All features; the root port has none of Egress Control and Direct Translated P2P.
const ALL: u32 = 0x7f;
const FEW: u32 = 0x1d;

#[test]
fn each_port_has_on_what_it_can() {
    let machine = machine();
    let functions = machine.functions();
    let has_acs =
        |index: usize| machine.fake.node(index).value[usize::from(ACS / 4)] & 0xffff == 0x0d;
    let nodes: Vec<usize> = (0..machine.fake.nodes().len())
        .filter(|i| has_acs(*i))
        .collect();
    assert!(nodes.len() > 3);
    for (count, &index) in nodes.iter().enumerate() {
        machine.fake.edit(index, |node| {
            let can = if count == 0 { FEW } else { ALL };
            let at = usize::from(ACS / 4 + 1);
            // Firmware has let devices talk past the root complex.
            node.value[at] = can | (can & 0x60) << 16;
            node.writable[at] = can << 16;
        });
    }
    let ports = redirect(&machine.fake, &functions);
    let mut on = Vec::new();
    for function in &functions {
        let control = machine.fake.read(function.address, ACS + 4) >> 16;
        if function.bridge.is_some() && control != 0x60 && control != 0 {
            on.push(control);
        }
    }
    assert_eq!(on.len(), ports, "{on:x?}");
    assert_eq!(on[0], FEW & 0x1f);
    assert!(
        ports > 2 && on[1..].iter().all(|control| *control == 0x1f),
        "{on:x?}"
    );
    // Nothing is written twice, and to nobody else.
    let written: Vec<_> = machine
        .fake
        .writes
        .borrow()
        .iter()
        .map(|(a, ..)| *a)
        .collect();
    assert_eq!(redirect(&machine.fake, &functions), ports);
    assert_eq!(machine.fake.writes.borrow().len(), written.len());
    machine.fake.assert_no_accident();
}

#[test]
fn a_port_that_is_gone_or_has_none_is_left() {
    let machine = machine();
    let functions = machine.functions();
    let before = machine.fake.writes.borrow().len();
    // It lists none of the features.
    assert_eq!(redirect(&machine.fake, &functions), 0);
    assert_eq!(machine.fake.writes.borrow().len(), before);
    assert!(functions.iter().any(|f| f.address == address("00:02.0")));
}
