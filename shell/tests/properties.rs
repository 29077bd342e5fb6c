//! Whatever is sent to the shell, it stays up.

mod support;

use proptest::prelude::*;
use support::Session;

/// Bytes that reach deep: fragments of the language among noise.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let words = vec![
        "define ",
        "set ",
        "start ",
        "kill ",
        "restart ",
        "handoff ",
        "undefine ",
        "check ",
        "show ",
        "web ",
        "db ",
        "cores=",
        "memory=",
        "kernel=",
        "initrd=",
        "cmdline=\"",
        "console=",
        "restart=",
        "devices=",
        "0000:02:00.0 ",
        "pci:03",
        "bus0,",
        "com3,ioapic0 ",
        "devices\r",
        "control=yes ",
        "never ",
        "1,2-3 ",
        "512M ",
        "1G@0x40000000 ",
        "linux61 ",
        "demo ",
        "com2 ",
        "help ",
        "list\r",
        "memory\r",
        "watch\r",
        "keymap ",
        "status off\r",
        "cores\r",
        "reset\r",
        "halt\r",
        "poweroff force\r",
        "\r",
        "\t",
        "\t\t",
        "\x1b[A",
        "\x1b[D",
        "\x7f",
        "\x17",
        "'",
        "\"",
        "#",
        "=",
        ",",
        "define web cores=2-3 memory=512M kernel=linux61\r",
        "start web\r",
        "restart web\r",
        "define db cores=0-1 memory=512M kernel=linux61\r",
        "handoff db\r",
        "wait web running 1\r",
        "wait db stopped 5ms\r",
        "include demo\r",
        "on-error stop\r",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// The terminal panics at anything unexpected, so this says that output is clean as well.
    #[test]
    fn any_bytes_are_survived(bytes in input(), event in 0..200usize) {
        let mut session = Session::new();
        for (i, byte) in bytes.into_iter().enumerate() {
            session.shell.feed(byte, &mut session.kernel, &mut session.terminal);
            session.shell.tick(&session.kernel, &mut session.terminal);
            if i == event {
                session.shell.event("web: powered-off", &mut session.terminal);
            }
        }
        session.keys("\x03");
        prop_assert_eq!(session.terminal.line(), "bulkhead>");
        prop_assert_eq!(session.terminal.column(), 10);
    }

    /// A refused line leaves the ledger as it was.
    #[test]
    fn a_refused_line_changes_nothing(bytes in input()) {
        let mut session = Session::after("define db cores=4 memory=512M kernel=linux61");
        let text = String::from_utf8_lossy(&bytes).replace('\r', "\n");
        for line in text.lines() {
            let before = session.kernel.ledger.clone();
            let mut said = String::new();
            let done = session.shell.script("s", line, &mut session.kernel, &mut said);
            if done.is_err() {
                prop_assert!(said.contains("\ns:1: error: "), "{}", said);
                prop_assert_eq!(&before, &session.kernel.ledger);
            }
        }
    }
}
