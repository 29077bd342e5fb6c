//! Lines that are too long, many or deep, and the longest ones that are not.

use bulkhead_shell::limits::{CORES, DEVICE_ITEMS, HISTORY_BYTES, LINE_BYTES, MEMORY_ITEMS, WORDS};

use crate::LONG;
use crate::support::FakeKernel;
use crate::watched::{Watched, longest};

#[test]
fn long_words_of_a_script_are_refused() {
    let word = "x".repeat(LONG);
    let deep = "\"\\\"".repeat(LONG / 3) + "\"";
    for (line, total) in [
        (word.clone(), LONG),
        (format!("define {word} cores=1"), LONG + 15),
        (format!("show {word}"), LONG + 5),
        (format!("set web {word}=1"), LONG + 10),
        (deep.clone(), deep.len()),
        ("a ".repeat(LONG / 2), LONG),
        (
            format!("define web cores=1 memory={}", "2M,".repeat(LONG)),
            3 * LONG + 26,
        ),
    ] {
        let mut watched = Watched::new();
        assert!(!watched.script(&line));
        watched.assert_bounded(&line[..20]);
        assert_eq!(
            watched.error(),
            format!("error: the line has {total} bytes (accepted: at most {LINE_BYTES})")
        );
    }
}

#[test]
fn a_comment_may_not_be_longer_either() {
    let line = format!("# {}", "\u{e9}".repeat(LONG));
    let mut watched = Watched::new();
    assert!(!watched.script(&line));
    watched.assert_bounded("comment");
}

#[test]
fn a_pasted_line_of_64_kib_is_refused_whole() {
    // The beginning alone would be a good line.
    let start = "define web cores=2 memory=512M kernel=linux61 # ";
    let paste = format!("{start}{}", "x".repeat((64 << 10) - start.len()));
    let mut watched = Watched::new();
    watched.shell.prompt(&mut watched.out);
    watched.type_in(&paste);
    watched.assert_bounded("pasted");
    let said = format!("error: the line has 65536 bytes (accepted: at most {LINE_BYTES})");
    assert!(watched.out.0.ends_with('\u{7}'));
    watched.type_in("\r");
    watched.assert_bounded("entered");
    assert_eq!(watched.error(), said);
    // It is not in the history: Up and Enter would run its beginning.
    watched.type_in("\u{1b}[A\r");
    assert_eq!(watched.error(), said);
    watched.assert_bounded("recalled");
}

#[test]
fn what_was_cut_off_is_forgiven_when_the_line_is_edited() {
    let mut watched = Watched::new();
    watched.shell.prompt(&mut watched.out);
    watched.type_in(&"x".repeat(LINE_BYTES + 1));
    watched.type_in("\u{15}version\r");
    assert!(!watched.out.0.contains("error: "));
    watched.type_in(&"x".repeat(LINE_BYTES + 1));
    watched.type_in("\u{3}\rversion\r");
    assert!(!watched.out.0.contains("error: "));
    assert_eq!(watched.out.0.matches("Bulkhead 0.1.0").count(), 2);
}

#[test]
fn the_history_is_bounded_in_bytes() {
    let lines: Vec<String> = (0..200)
        .map(|i| format!("{i:04}{}\r", "x".repeat(2044)))
        .collect();
    let mut watched = Watched::new();
    for line in &lines {
        watched.type_in(line);
    }
    watched.assert_bounded("history");
    let ups = HISTORY_BYTES / 2048;
    for _ in 0..ups + 1 {
        watched.type_in("\u{1b}[A");
    }
    watched.type_in("\u{1}\u{b}");
    watched.assert_bounded("history, looked at");
    // The last lines are there still.
    let mut watched = Watched::new();
    for i in 0..100 {
        watched.type_in(&format!("show h{i}\r"));
    }
    for _ in 0..64 {
        watched.type_in("\u{1b}[A");
    }
    watched.type_in("\r");
    assert!(watched.error().contains("\"h36\""), "{}", watched.error());
    watched.assert_bounded("history of short lines");
}

#[test]
fn deep_includes_hold_little() {
    let mut kernel = FakeKernel::default();
    let long = format!(" #{}", "x".repeat(LINE_BYTES - 20));
    for i in 0..8 {
        let text = format!("include s{}{long}", i + 1);
        kernel.add_script(&format!("s{i}"), text.leak());
    }
    // The eighth has the longest word that a line can have.
    let text = format!("show {}", "y".repeat(LINE_BYTES - 5));
    kernel.add_script("s8", text.leak());
    let mut watched = Watched::with(kernel);
    watched.type_in("include s1\r");
    watched.assert_bounded("includes");
    assert!(
        watched
            .out
            .0
            .contains("s8:1: error: there is no partition \"yyyy")
    );
}

#[test]
fn lists_and_words_are_counted() {
    let many_words = format!("start{}", " a".repeat(WORDS));
    let memory = format!("define web memory=2M{}", ",2M".repeat(MEMORY_ITEMS));
    let devices: Vec<String> = (0..=DEVICE_ITEMS)
        .map(|i| format!("{:x}:{:x}.0", i / 32, i % 32))
        .collect();
    let cut_short = |n: usize| devices[..n].join(",");
    for (line, sentence) in [
        (many_words, format!("the line has more than {WORDS} words")),
        (
            format!("define web cores=0-{CORES}"),
            format!("more than {CORES} cores are named"),
        ),
        (memory, format!("more than {MEMORY_ITEMS} items are listed")),
        (
            format!("define web devices={}", cut_short(DEVICE_ITEMS + 1)),
            format!("more than {DEVICE_ITEMS} devices are named"),
        ),
    ] {
        let mut watched = Watched::new();
        assert!(!watched.script(&line), "{line}");
        watched.assert_bounded(&line[..20]);
        assert_eq!(watched.error(), format!("error: {sentence}"), "{line}");
    }
}

#[test]
fn the_longest_lines_that_are_read_stay_within_the_peak() {
    let fill = |start: &str, piece: &str, end: &str| {
        let room = LINE_BYTES - start.len() - end.len();
        format!("{start}{}{end}", piece.repeat(room / piece.len()))
    };
    let cores_and_memory = format!(
        "define web cores=8-{} memory={}",
        CORES + 7,
        "2M,".repeat(MEMORY_ITEMS - 1) + "2M"
    );
    let claims = format!("{cores_and_memory} kernel=none devices=");
    let devices: Vec<String> = (0..DEVICE_ITEMS)
        .map(|i| format!("{:x}:{:x}.0", i / 32, i % 32))
        .collect();
    let claims = claims + &devices.join(",");
    for line in [
        fill(
            "define web cores=1 memory=512M kernel=none cmdline='",
            "a ",
            "'",
        ),
        fill(
            "define web cores=1 memory=512M kernel=none cmdline=\"",
            "\\\"",
            "\"",
        ),
        fill("set web cmdline=", "\"\"", ""),
        fill(
            "define web cores=1 memory=512M kernel=none cmdline='",
            "mem=9T ",
            "'",
        ),
        format!(
            "start{}",
            (1..WORDS).map(|i| format!(" {i:041}")).collect::<String>()
        ),
        claims[..claims.len().min(LINE_BYTES)].to_string(),
        longest(&format!("{cores_and_memory} kernel=%")),
        longest("define web cores=2 memory=512M kernel=%"),
    ] {
        assert!(line.len() <= LINE_BYTES, "{}", line.len());
        let mut watched = Watched::with_full_history();
        watched.type_in(&line);
        watched.type_in("\t\t\r");
        watched.assert_bounded(&line[..20]);
        watched.error();
    }
}
