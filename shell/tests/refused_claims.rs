//! Claims that can't be had: the caret, the sentence, and that nothing changes.

mod support;

use support::Session;
use support::refused::assert_refused;

const NAMES: &str = "accepted: 1-16 of a-z, 0-9 and -, a letter first";

#[test]
fn names() {
    let rest = "cores=5 memory=64M kernel=linux61";
    let refuse = |name: &str| format!("define {name} {rest}");
    let (capital, digit, long, word, taken) = (
        refuse("Web"),
        refuse("7"),
        refuse("a-very-long-name-"),
        refuse("list"),
        refuse("web"),
    );
    assert_refused(&[
        (
            &capital,
            "       ^^^",
            format!("name \"Web\" contains 'W' ({NAMES})"),
        ),
        (
            &digit,
            "       ^",
            format!("name \"7\" does not start with a letter a-z ({NAMES})"),
        ),
        (
            &long,
            "       ^^^^^^^^^^^^^^^^^",
            format!("name \"a-very-long-name-\" is longer than 16 characters ({NAMES})"),
        ),
        (
            &word,
            "       ^^^^",
            format!("name \"list\" is a word of the shell's ({NAMES})"),
        ),
        (
            &taken,
            "       ^^^",
            "there is a partition \"web\" already".into(),
        ),
        (
            "show wbe",
            "     ^^^",
            "there is no partition \"wbe\", did you mean \"web\"? (partitions: web, db)".into(),
        ),
        (
            "start db nobody",
            "         ^^^^^^",
            "there is no partition \"nobody\" (partitions: web, db)".into(),
        ),
        (
            "start db db",
            "         ^^",
            "\"db\" is listed twice".into(),
        ),
    ]);
}

#[test]
fn claims() {
    assert_refused(&[
        (
            "set db cores=5,2",
            "               ^",
            "core 2 belongs to \"web\"".into(),
        ),
        (
            "set db cores=1-3,5",
            "             ^^^",
            "core 2 belongs to \"web\"".into(),
        ),
        (
            "set db cores=5,12",
            "               ^^",
            "core 12 does not exist (cores: 0-7)".into(),
        ),
        // Whose the others are is of no use before that is known.
        (
            "set db cores=1-99",
            "             ^^^^",
            "core 8 does not exist (cores: 0-7)".into(),
        ),
        (
            "set db cores=2,99,5",
            "               ^^",
            "core 99 does not exist (cores: 0-7)".into(),
        ),
        (
            "set db cores=7",
            "             ^",
            "core 7 does not respond".into(),
        ),
        (
            "set db kernel=linux",
            "              ^^^^^",
            "there is no image \"linux\" (images: linux61, linux612, old, demo)".into(),
        ),
        (
            "set db kernel=demo",
            "              ^^^^",
            "image \"demo\" is a cpio archive, not a bzImage (use it as initrd=)".into(),
        ),
        (
            "set db initrd=linux61",
            "              ^^^^^^^",
            "image \"linux61\" is a kernel, not an initrd".into(),
        ),
        (
            "set db initrd=demo,old",
            "                   ^^^",
            "image \"old\" is a kernel, not an initrd".into(),
        ),
        (
            "set db initrd=demo,nix",
            "                   ^^^",
            "there is no image \"nix\" (images: linux61, linux612, old, demo)".into(),
        ),
        (
            "set db console=com1",
            "               ^^^^",
            "com1 is the console of Bulkhead's shell (free: com3)".into(),
        ),
        (
            "set db console=com2",
            "               ^^^^",
            "com2 belongs to \"web\"".into(),
        ),
        (
            "set db console=com4",
            "               ^^^^",
            "com4 does not exist (found: com2 com3)".into(),
        ),
    ]);
}

#[test]
fn devices() {
    assert_refused(&[
        (
            "set db devices=rtc,com2,01:00.0",
            "                   ^^^^",
            "com2 belongs to \"web\"".into(),
        ),
        (
            "set db devices=rtc,com1",
            "                   ^^^^",
            "com1 is the console of Bulkhead's shell (free: com3)".into(),
        ),
        (
            "set db devices=rtc,1:0.1,com3",
            "                   ^^^^^",
            "there is no 0000:01:00.1 (\"devices\" lists what there is)".into(),
        ),
        (
            "set db devices=pci:9",
            "               ^^^^^",
            "no function is on PCI bus 0000:09".into(),
        ),
        (
            "set db devices=rtc,00:1f.2",
            "                   ^^^^^^^",
            "0000:00:1f.2 is on a root bus, which goes to one partition with all below it \
             (accepted: bus0)"
                .into(),
        ),
        (
            "set db devices=07:00.0",
            "               ^^^^^^^",
            "0000:07:00.0 has neither MSI nor MSI-X: INTx only, needs ioapic0".into(),
        ),
        (
            "set db devices=ps2,rtc",
            "               ^^^",
            "ps2 needs ioapic0 too: Linux drives it by its interrupt only".into(),
        ),
        (
            "set db console=com3 devices=rtc,COM3",
            "                                ^^^^",
            "com3 is the partition's console already".into(),
        ),
        (
            "set db cmdline=console=ttyS2 devices=rtc",
            "               ^^^^^^^^^^^^^",
            "parameter console=ttyS2 is refused: com3 is not the partition's (its serial ports: \
             none)"
                .into(),
        ),
    ]);
}

#[test]
fn devices_of_others() {
    let mut session = Session::after(
        "define web cores=2-3 memory=512M kernel=linux61 devices=02:00.0,framebuffer\n\
         define db cores=4 memory=512M kernel=linux612",
    );
    for (line, carets, message) in [
        (
            "set db devices=rtc,2:0.1,com3",
            "                   ^^^^^",
            "0000:02:00.1 shares bus 02 with 0000:02:00.0 of \"web\"",
        ),
        (
            "set db devices=rtc,pci:2",
            "                   ^^^^^",
            "pci:02 belongs to \"web\"",
        ),
        (
            "set db devices=rtc,bus0",
            "                   ^^^^",
            "bus0 shares bus 02 with 0000:02:00.0 of \"web\"",
        ),
        (
            "set db devices=framebuffer",
            "               ^^^^^^^^^^^",
            "framebuffer belongs to \"web\"",
        ),
        (
            "define mail cores=5 memory=64M kernel=linux61 devices=2:0.0",
            "                                                      ^^^^^",
            "0000:02:00.0 belongs to \"web\"",
        ),
    ] {
        let before = session.kernel.ledger.clone();
        let said = session.line(line);
        assert_eq!(said, format!("{:10}{carets}\nerror: {message}\n", ""));
        assert_eq!(session.kernel.ledger, before, "{line}");
    }
}

#[test]
fn cmdline() {
    assert_refused(&[
        (
            "set db cmdline='quiet acpi=off'",
            "                      ^^^^^^^^",
            "parameter acpi=off is refused: Linux would not use the partition's ACPI tables and \
             would take the machine's interrupt controllers"
                .into(),
        ),
        (
            "set db cmdline='a console=ttyS1'",
            "                  ^^^^^^^^^^^^^",
            "parameter console=ttyS1 is refused: com2 is not the partition's (its serial ports: \
             none)"
                .into(),
        ),
    ]);
}

#[test]
fn memory() {
    assert_refused(&[
        (
            "set db memory=32M,512M@0x10000000",
            "                  ^^^^^^^^^^^^^^^",
            "memory 0x10000000-0x2fffffff overlaps \"web\"".into(),
        ),
        (
            "set db memory=30M",
            "              ^^^",
            "30M is too little memory (at least 32M)".into(),
        ),
        (
            "set db memory=1G,3M",
            "                 ^^",
            "memory size 3M is not a multiple of 2M (accepted: multiples of it, 32M or more in all)"
                .into(),
        ),
        (
            "set db memory=32M,64M@0x7d000000",
            "                  ^^^^^^^^^^^^^^",
            "memory 0x7d000000-0x80ffffff is not RAM at 0x7ffdf000".into(),
        ),
        (
            "set db memory=67108864@0x7b000000",
            "              ^^^^^^^^^^^^^^^^^^^",
            "memory 0x7b000000-0x7effffff is kept by Bulkhead (images)".into(),
        ),
    ]);
}

#[test]
fn links() {
    let size =
        |size| format!("a link of {size} is not possible (accepted: 2M to 1G, in steps of 2M)");
    let not = "\"web\" and \"db\" are not linked";
    assert_refused(&[
        ("link web db 3", "            ^", size("3")),
        ("link db web 3M", "            ^^", size("3M")),
        ("link web db 900G", "            ^^^^", size("900G")),
        (
            "link db web",
            "        ^^^",
            "\"web\" is running and can't be linked (accepted after kill web)".into(),
        ),
        ("unlink web db", "       ^^^", not.into()),
        (
            "link db db",
            "     ^^",
            "\"db\" can't be linked to itself (accepted: the names of two partitions)".into(),
        ),
    ]);
}

#[test]
fn a_size_that_is_not_free_is_the_sizes_fault() {
    let mut session = Session::after(
        "define one cores=1 memory=1G kernel=linux61 initrd=demo\n\
         define two cores=2 memory=2G kernel=linux61 initrd=demo",
    );
    let said = session.line("link one two 1G");
    let start = format!("{:23}^^\nerror: no free 1026M for a link ", "");
    assert!(said.starts_with(&start), "{said}");
}

#[test]
fn states() {
    assert_refused(&[
        (
            "set web cores=2",
            "    ^^^",
            "\"web\" is running and can't be changed (accepted after kill web)".into(),
        ),
        (
            "undefine web",
            "         ^^^",
            "\"web\" is running and can't be undefined (accepted after kill web)".into(),
        ),
        (
            "start web",
            "      ^^^",
            "\"web\" is running and can't be launched (accepted: restart web)".into(),
        ),
        (
            "start db web",
            "         ^^^",
            "\"web\" is running and can't be launched (accepted: restart web)".into(),
        ),
        (
            "restart db nobody",
            "           ^^^^^^",
            "there is no partition \"nobody\" (partitions: web, db)".into(),
        ),
        (
            "restart web frce",
            "            ^^^^",
            "there is no partition \"frce\", did you mean \"force\"? (partitions: web, db)".into(),
        ),
        (
            "restart frce",
            "        ^^^^",
            "there is no partition \"frce\" (partitions: web, db)".into(),
        ),
        (
            "restart web web",
            "            ^^^",
            "\"web\" is listed twice".into(),
        ),
        (
            "handoff web",
            "        ^^^",
            "\"web\" does not claim core 0, Bulkhead's own (accepted: a partition with core 0 that does not run)".into(),
        ),
        (
            "handoff db",
            "        ^^",
            "\"db\" does not claim core 0, Bulkhead's own (accepted: a partition with core 0 that does not run; for this one: start db)".into(),
        ),
        (
            "kill db",
            "     ^^",
            "\"db\" is defined: it does not run".into(),
        ),
        (
            "reset",
            "^^^^^",
            "\"web\" is running, and no agent is heard in it (accepted all the same: reset force)".into(),
        ),
        (
            "  poweroff",
            "  ^^^^^^^^",
            "\"web\" is running, and no agent is heard in it (accepted all the same: poweroff force)".into(),
        ),
    ]);
}
