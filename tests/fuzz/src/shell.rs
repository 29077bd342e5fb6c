//! What is typed at the prompt, a boot script, and Bulkhead's own command line.

use bulkhead_shell::Options;

use crate::Target;
use crate::bytes::text;
use crate::made::shell::Session;

pub(crate) const TARGETS: [Target; 3] = [
    Target {
        name: "prompt",
        most: 512,
        run: prompt,
        seeds: || {
            let lines: [&[u8]; 5] = [
                b"define web cores=2-3 memory=512M kernel=linux61 initrd=demo\rstart web\rlist\r",
                b"de\tweb co\t\x1b[A\x1b[D\x7f\x17help define\r",
                b"show web\rset web cmdline=\"a 'b'\" restart=always\rundefine web\r\x03",
                b"devices\rmemory\rcores\rcheck web\rhandoff db\rwait web running 1\r",
                b"link a b size=64K\rstop web\rconsole web\rlog web\rkeymap de\r",
            ];
            lines.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "script",
        most: 1024,
        run: script,
        seeds: || {
            let scripts: [&[u8]; 2] = [
                b"# two\ndefine web cores=2-3 memory=512M@0x40000000 kernel=linux61 devices=pci:03\nstart web\non-error continue\n",
                b"on-error stop\ninclude demo\ndefine db cores=4,5 memory=64M kernel=linux61 cmdline=\"x=\\\"y\\\"\"\nset db console=com3\n",
            ];
            scripts.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "options",
        most: 1024,
        run: |bytes| {
            let options = Options::parse(&text(bytes));
            assert!(options.problems.len() <= 33);
            for problem in &options.problems {
                assert!(problem.len() <= 1024, "{problem}");
                assert!(!problem.chars().any(char::is_control), "{problem:?}");
            }
        },
        seeds: || {
            vec![
                b"bulkhead.console=com1,115200n8 bulkhead.conf=x bulkhead.verbose bulkhead.keymap=de bulkhead.x=y".to_vec(),
                b"bulkhead.console=tty0 bulkhead.noscript bulkhead.nousb".to_vec(),
            ]
        },
    },
];

/// The terminal panics at anything unexpected, so this says that output is clean as well.
fn prompt(bytes: &[u8]) {
    let mut session = Session::new();
    for byte in bytes {
        session
            .shell
            .feed(*byte, &mut session.kernel, &mut session.terminal);
        session.shell.tick(&session.kernel, &mut session.terminal);
    }
    session
        .shell
        .event("web: powered-off", &mut session.terminal);
    session.keys("\x03");
    assert_eq!(session.terminal.line(), "bulkhead>");
}

/// A refused line leaves the ledger as it was.
fn script(bytes: &[u8]) {
    let mut session = Session::after("define db cores=4 memory=512M kernel=linux61");
    for line in text(bytes).lines() {
        let before = session.kernel.ledger.clone();
        let mut said = String::new();
        let done = session
            .shell
            .script("s", line, &mut session.kernel, &mut said);
        if done.is_err() {
            assert!(said.contains("\ns:1: error: "), "{said}");
            assert_eq!(&before, &session.kernel.ledger);
        }
    }
    let mut said = String::new();
    let _ = session
        .shell
        .script("s", &text(bytes), &mut session.kernel, &mut said);
}
