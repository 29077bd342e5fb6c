//! Interrupt lines that lead to two owners: who has nothing else is told, and who may hold one is.

use bulkhead_fake::sockets::root_bus;
use bulkhead_fake::{Fake, address, with_devices};
use bulkhead_model::{Change, Warning};

/// What is said of lines.
fn said(warnings: &[Warning]) -> Vec<String> {
    let is_meant = |warning: &&Warning| matches!(warning, Warning::SharedLine { .. });
    warnings
        .iter()
        .filter(is_meant)
        .map(ToString::to_string)
        .collect()
}

fn checked(fake: &Fake, name: &str) -> Vec<String> {
    said(&fake.ledger.check(&fake.machine, name).unwrap())
}

const NEEDS: &str = "0000:07:00.0 needs interrupt 21, which 0000:06:00.0 of \"db\" shares: \
     that must be driven by MSI or not at all";
const HOLDS: &str = "0000:06:00.0 shares interrupt 21, which 0000:07:00.0 of \"web\" needs: \
     must be driven by MSI or not at all";

#[test]
fn both_are_told_whoever_comes_first() {
    // 06:00.0 has MSI-X, and its pin leads where that of 07:00.0 does, which has nothing else.
    let mut fake = Fake::with_devices();
    let warnings = fake.give("web", 2, "07:00.0,ioapic0").unwrap();
    assert_eq!(said(&warnings), [""; 0]);
    let warnings = fake.give("db", 4, "06:00.0").unwrap();
    assert_eq!(said(&warnings), [HOLDS]);
    assert_eq!(checked(&fake, "web"), [NEEDS]);

    let mut fake = Fake::with_devices();
    let warnings = fake.give("db", 4, "06:00.0").unwrap();
    assert_eq!(said(&warnings), [""; 0]);
    let warnings = fake.give("web", 2, "07:00.0,ioapic0").unwrap();
    assert_eq!(said(&warnings), [NEEDS]);
    assert_eq!(checked(&fake, "db"), [HOLDS]);
    // Another line, or one owner, is no matter.
    let warnings = fake
        .set("db", with_devices(Change::default(), "05:00.0"))
        .unwrap();
    assert_eq!(said(&warnings), [""; 0]);
    assert_eq!(checked(&fake, "web"), [""; 0]);
    let change = with_devices(Change::default(), "06:00.0,07:00.0,ioapic0");
    assert_eq!(said(&fake.set("web", change).unwrap()), [""; 0]);
}

#[test]
fn only_who_hears_the_line_needs_it() {
    // Without the I/O APIC it is said that 07:00.0 can't interrupt, and nothing can take that from it.
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "pci:07").unwrap();
    let warnings = fake.give("db", 4, "06:00.0").unwrap();
    assert_eq!(said(&warnings), [""; 0]);
    assert_eq!(checked(&fake, "web"), [""; 0]);
    // A card that has no pin holds none; nor is one told of whose pin leads nobody knows where.
    for pinless in [true, false] {
        let mut fake = Fake::with_devices();
        if pinless {
            let mut functions = fake.machine.functions.iter_mut();
            let card = functions.find(|f| f.address == address("06:00.0")).unwrap();
            card.interrupt_pin = 0;
        } else {
            fake.machine.routes.retain(|route| route.device != 4);
        }
        fake.give("web", 2, "07:00.0,ioapic0").unwrap();
        fake.give("db", 4, "06:00.0").unwrap();
        assert_eq!(checked(&fake, "db"), [""; 0]);
        assert_eq!(checked(&fake, "web"), [""; 0]);
    }
}

#[test]
fn many_on_a_line_are_one_sentence() {
    let mut fake = Fake::with_devices();
    // All lines are one, as on a board that has few.
    for route in &mut fake.machine.routes {
        route.gsi = 16;
    }
    fake.give("web", 2, "07:00.0,ioapic0").unwrap();
    fake.give("db", 4, "02:00.0,pci:03").unwrap();
    let all = "0000:02:00.0 and 3 more";
    assert_eq!(
        checked(&fake, "db"),
        [format!(
            "{all} share interrupt 16, which 0000:07:00.0 of \"web\" needs: must be driven by MSI or not \
             at all"
        )]
    );
    fake.give("mail", 5, "01:00.0").unwrap();
    assert_eq!(
        checked(&fake, "web"),
        [
            format!(
                "0000:07:00.0 needs interrupt 16, which {all} of \"db\" share: those must be driven by MSI \
                 or not at all"
            ),
            String::from(
                "0000:07:00.0 needs interrupt 16, which 0000:01:00.0 of \"mail\" shares: that must be \
                 driven by MSI or not at all"
            ),
        ]
    );
}

#[test]
fn each_line_is_told_of() {
    // The chipset's device and the card of a root bus need a line each; the second I/O APIC of two.
    let mut fake = Fake::with_io_apics(2);
    let root = root_bus(1);
    for route in &mut fake.machine.routes {
        // The pins of the ports 2 and 3 of bus 0 lead to that I/O APIC too.
        match (route.bus.number, route.device, route.pin) {
            (0, 2, 1) => route.gsi = 25,
            (0, 3, 1) => route.gsi = 28,
            _ => {}
        }
    }
    fake.give("web", 2, &format!("pci:{root:02x},ioapic1"))
        .unwrap();
    fake.give("db", 4, "01:00.0").unwrap();
    fake.give("mail", 5, "02:00.0").unwrap();
    let told = checked(&fake, "web");
    let needs = |at: &str, gsi, beside| {
        format!(
            "0000:{at} needs interrupt {gsi}, which {beside} shares: that must be driven by MSI or not at all"
        )
    };
    assert_eq!(
        told,
        [
            needs("23:00.0", 25, "0000:01:00.0 of \"db\""),
            needs("22:01.0", 28, "0000:02:00.0 of \"mail\""),
        ]
    );
}
