//! What a kernel that is entered by `kexec` is told.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Carried, ComPort, Entered, Walls, carry, check_user, compose, may_enter};

const WALLS: Walls<'static> = Walls {
    claim_bytes: 512 << 20,
    tsc_khz: 2_400_000,
    absent_apic_id: Some(254),
    cores: 2,
    console: Some(ComPort {
        io_base: 0x2f8,
        tty_index: 1,
    }),
    owned_io: &[0x2f8],
    owns_screen: false,
    owns_io_apic: false,
    kernel: Some((6, 12)),
    has_kexec: true,
};

fn running(user: &str, kernel: (u32, u32)) -> String {
    compose(
        user,
        &Walls {
            kernel: Some(kernel),
            ..WALLS
        },
        2047,
    )
    .expect("accepted")
}

fn entered<'a>(running: &'a str, entry: &'a str) -> Entered<'a> {
    Entered {
        running,
        entry,
        own: &["bulkhead."],
        absent_apic_id: Some(254),
        kernel: Some((6, 12)),
        limit: 2047,
    }
}

fn carried(running: &str, entry: &str) -> Carried {
    carry(&entered(running, entry)).expect("accepted")
}

#[test]
fn the_line_is_what_bulkhead_would_have_made_of_the_entry() {
    let entry = "root=UUID=1-2 ro quiet";
    let with_operator = running("bulkhead.timeout=0 crashkernel=256M", (6, 12));
    let said = carried(&with_operator, entry);
    assert_eq!(said.left_out, []);
    assert_eq!(
        said.line,
        running("root=UUID=1-2 ro quiet crashkernel=256M", (6, 12))
    );
    // A second time changes nothing.
    assert_eq!(carried(&said.line, "").line, said.line);
}

#[test]
fn an_entry_takes_the_place_of_defaults_and_never_of_walls() {
    let own = running("", (6, 12));
    let said = carried(&own, "console=tty0 console=ttyS1,9600 panic=30 reboot=efi");
    assert_eq!(said.line.matches("console=").count(), 2);
    assert!(!said.line.contains("panic=1 ") && said.line.contains("panic=30"));
    assert!(!said.line.contains("warm"));
    let said = carried(&own, "panic=");
    assert!(said.line.contains("panic=1 ") && said.line.contains("panic= "));
    let entry =
        "root=/dev/nvme0n1p2 acpi=off no_ipi_broadcast=0 reserve=0x300,8 reboot=bios console=ttyS0";
    let said = carried(&own, entry);
    let left_out: Vec<String> = said.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out.len(), 5, "{left_out:?}");
    assert!(left_out[4].contains("console=ttyS0"), "{left_out:?}");
    assert_eq!(said.line, running("root=/dev/nvme0n1p2", (6, 12)));
}

#[test]
fn what_an_older_kernel_does_not_see_it_is_told() {
    let newer = running("", (6, 12));
    let older = running("", (6, 1));
    assert!(!newer.contains("disable_cpu_apicid") && older.contains("disable_cpu_apicid=254"));
    for running in [&newer, &older] {
        for (kernel, is_told) in [(Some((6, 1)), true), (None, true), (Some((6, 9)), false)] {
            let line = carry(&Entered {
                kernel,
                ..entered(running, "")
            })
            .expect("accepted")
            .line;
            assert_eq!(
                line.contains("disable_cpu_apicid=254"),
                is_told,
                "{kernel:?}"
            );
        }
    }
    // The partition with the machine's boot processor has no such processor in its table.
    let last = compose(
        "",
        &Walls {
            absent_apic_id: None,
            ..WALLS
        },
        2047,
    )
    .expect("accepted");
    let line = carry(&Entered {
        kernel: Some((6, 1)),
        absent_apic_id: None,
        ..entered(&last, "")
    })
    .expect("accepted")
    .line;
    assert!(!line.contains("disable_cpu_apicid"));
}

/// An operator may say what Bulkhead says to who has the boot processor.
#[test]
fn what_an_operator_says_takes_nothing_away() {
    let own = running("unknown_nmi_panic", (6, 12));
    let line = carry(&Entered {
        kernel: Some((6, 1)),
        ..entered(&own, "")
    })
    .expect("accepted")
    .line;
    assert!(line.contains("disable_cpu_apicid=254"), "{line}");
}

#[test]
fn what_is_for_init_stays_behind_the_walls() {
    let own = running("-- single", (6, 12));
    assert!(carried(&own, "ro").line.ends_with(" -- single"));
    assert!(
        carried(&own, "ro -- emergency")
            .line
            .ends_with(" -- emergency")
    );
    assert_eq!(
        carried(&own, "ro -- emergency")
            .line
            .matches(" -- ")
            .count(),
        1
    );
}

#[test]
fn refusals() {
    let own = running("", (6, 12));
    for entry in [
        "quiet=\"x",
        "na\u{ef}ve",
        "a=\"b acpi_rsdp=0x10\"",
        "-- console=ttyS0",
    ] {
        carry(&entered(&own, entry)).expect_err(entry);
    }
    let long = "a".repeat(2048);
    let error = carry(&entered(&own, &long)).expect_err("too long");
    assert!(error.to_string().contains("2047"), "{error}");
    assert!(may_enter(&own));
    let none = compose(
        "",
        &Walls {
            has_kexec: false,
            ..WALLS
        },
        2047,
    )
    .expect("accepted");
    assert!(!may_enter(&none));
}

proptest! {
    #[test]
    fn whatever_an_entry_says_the_rules_hold(
        entry in r#"([a-c=" \t-]|console=|ttyS|[0-3]|acpi=off|reserve=|mem=|--|pci=){0,24}"#
    ) {
        let own = running("quiet", (6, 12));
        if let Ok(said) = carry(&entered(&own, &entry)) {
            let walls = own.find("no_ipi_broadcast").expect("it is there");
            let ours = &own[walls..];
            let at = said.line.find(ours).expect("the walls are whole");
            // What stands before them is what an operator might have written.
            prop_assert_eq!(check_user(&said.line[..at], u64::MAX), Ok(()));
            prop_assert!(!said.line.split(' ').any(|word| word.starts_with("console=ttyS0")));
        }
    }
}
