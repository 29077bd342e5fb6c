//! What the shell's serial line survives: a long script at once, noise, a reader who stands still.

use std::time::Duration;

use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::{Machine, Running};

use super::{PROMPT, iso};

/// What the pasted script has at least.
const PASTE_BYTES: usize = 64 << 10;

/// Lines to be pasted, and what the shell shows when all of them have arrived.
fn script(defined: &str) -> (String, String) {
    let (mut lines, mut shown) = (String::new(), String::new());
    let mut add = |line: &str, output: &str| {
        lines += &format!("{line}\r");
        shown += &format!("{PROMPT}{line}\n{output}");
    };
    let mut number = 0;
    let mut bytes = 0;
    while bytes < PASTE_BYTES {
        let name = format!("p{number}");
        let define = format!("define {name} cores=1 memory=256M kernel=linux");
        let undefine = format!("undefine {name}");
        add(&define, &defined.replace("first", &name));
        bytes += define.len() + undefine.len() + 2;
        for part in 0..6 {
            let comment = format!("# {number}.{part}: nothing of this may be lost on its way");
            bytes += comment.len() + 1;
            add(&comment, "");
        }
        add(&undefine, "");
        number += 1;
    }
    (lines, shown)
}

/// 64 KiB of commands at once: every line is executed, and shown, in order.
pub(super) fn paste() {
    let iso = iso("paste", "").make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let defined = machine.command("define first cores=1 memory=256M kernel=linux");
    assert!(defined.contains("first: cores 1"), "{defined}");
    machine.command("undefine first");
    let (lines, mut shown) = script(&defined);
    assert!(lines.len() >= PASTE_BYTES);
    machine.com(1).skip();
    let start = std::time::Instant::now();
    machine.com(1).send(&format!("{lines}# all of it\r"));
    let text = machine.wait_for_within(1, "# all of it\r\n", Duration::from_secs(300));
    let took = start.elapsed();
    println!("{} bytes pasted in {took:?}", lines.len());
    machine.wait_for(1, PROMPT);
    // Flow control is not text.
    let text = plain(&text).replace(['\u{11}', '\u{13}'], "");
    let text = format!("{PROMPT}{text}");
    shown += PROMPT;
    if text != shown {
        let mut pairs = text.lines().zip(shown.lines()).enumerate();
        let first = pairs.find(|(_, (is, should))| is != should);
        panic!("the first line that is not as it should be: {first:?}");
    }
    let list = machine.command("list");
    assert!(!list.contains("defined"), "{list}");
    let log = machine.command("log");
    assert!(!log.contains("overruns"), "{log}");
}

/// Breaks are counted and dropped; noise leaves a prompt that works.
pub(super) fn break_and_garbage() {
    let iso = iso("garbage", "").make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let log = machine.command("log");
    assert!(!log.contains("serial line:"), "{log}");
    // In the middle of a line.
    machine.com(1).skip();
    machine.com(1).send("vers");
    machine.wait_for(1, "vers");
    for _ in 0..3 {
        machine.monitor().command("chardev-send-break c0");
        std::thread::sleep(Duration::from_millis(100));
    }
    machine.com(1).send("ion\r");
    let shown = machine.wait_for(1, PROMPT);
    assert!(plain(&shown).contains("Bulkhead 0."), "{shown:?}");
    assert!(!shown.contains('\u{7}'), "a break rings no bell: {shown:?}");
    machine.expect("log", &["serial line: 3 breaks"]);

    // Every byte, alone and behind an escape; text cut off in the middle; noise.
    let all: Vec<u8> = (0..=255).collect();
    let escaped: Vec<u8> = all
        .iter()
        .flat_map(|byte| [0x1b, b'[', *byte, 0x1b, *byte])
        .collect();
    let cut = b"\xc3\r\xe2\x82\r\xf0\x9f\x92\r\xff\xfe\r\x1b[999999999999999999~\x1b[1;5".to_vec();
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33 & 0xff) as u8
    })
    .take(16 << 10)
    .collect();
    for (round, garbage) in [all, escaped, cut, noise].iter().enumerate() {
        machine.com(1).send_bytes(garbage);
        // Whatever it left half done is given up.
        // Noise may bring back a line of an earlier round, hence the number.
        let line = format!("# still here, {round}");
        machine.com(1).send(&format!("\x03\x03\r\r{line}\r"));
        machine.wait_for(1, &line);
        machine.wait_for(1, PROMPT);
        machine.expect("version", &["Bulkhead 0."]);
    }
    machine.expect("cores", &["bulkhead", "parked"]);
}

/// A terminal that stands still for a second gets all of it; one that does so for longer than an operator
/// can bear is told what it has missed. QEMU's socket takes some 280 bytes that nobody reads.
pub(super) fn slow_reader() {
    let iso = iso("slow_reader", "").make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let whole = machine.command("help");
    assert!(whole.len() > 1000, "{whole}");
    let held = |machine: &mut Running, seconds: u64| {
        machine.com(1).skip();
        machine.com(1).hold(true);
        machine.com(1).send("help\r");
        std::thread::sleep(Duration::from_secs(seconds));
        machine.com(1).hold(false);
    };
    held(&mut machine, 1);
    machine.wait_for(1, "help\r\n");
    let said = machine.wait_for(1, PROMPT);
    assert_eq!(plain(&said).trim(), whole.trim());

    held(&mut machine, 6);
    // Whoever types again learns of it, and goes on.
    std::thread::sleep(Duration::from_secs(1));
    machine.com(1).send("\r");
    machine.wait_for(1, "help\r\n");
    let before = machine.wait_for(1, "\r\n... ");
    let lost = machine.wait_for(1, " bytes lost\r\n");
    let lost: usize = lost.parse().expect("a number");
    // How much the socket took is the host's affair; what it did not take was counted.
    assert!(said.starts_with(&before), "{before:?}");
    assert_eq!(before.len() + lost, said.len() + PROMPT.len());
    assert!(
        before.len() < said.len() / 2,
        "{} of {}",
        before.len(),
        said.len()
    );
    machine.wait_for(1, PROMPT);
    assert_eq!(machine.command("help"), whole);
}
