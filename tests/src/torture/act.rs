//! Doing a case, and what was said of it.

use super::case::{Act, Case};
use super::talk::{ANSWER, IT, WITNESS, ask, shell};
use crate::answers;
use crate::qemu::Running;
use std::time::Duration;

/// The longest that a case itself takes.
const ACT: Duration = Duration::from_secs(90);

/// What came back.
pub(super) struct Said {
    /// The last line, if its Linux came to the end of it in time.
    pub(super) line: Option<String>,
    /// What the witness found that others did to it meanwhile.
    pub(super) found: Option<String>,
}

/// Does it.
///
/// # Panics
/// If it was not done, but for one that does not come back: that says nothing of who would be hurt.
pub(super) fn act(case: &Case, machine: &mut Running) -> Said {
    let Act::Beside(line, witness) = case.act else {
        return Said {
            line: alone(case, machine),
            found: None,
        };
    };
    let witness = with_addresses(witness, machine);
    let begin = format!("{{ ({witness}) >/tmp/beside 2>&1 & }}");
    assert!(
        ask(machine, WITNESS, &begin, ANSWER).is_some(),
        "the witness does not begin"
    );
    let said = do_line(machine, line, 0);
    let answer = ask(machine, WITNESS, "wait $!; cat /tmp/beside", ACT);
    let line = said.map(|said| {
        let answer = answer.as_deref().map(last_line);
        format!("{said}; witness: {}", answer.unwrap_or_default())
    });
    Said {
        line,
        // One that does not answer at all is seen to be so afterwards.
        found: answer.and_then(|answer| found(&answer)),
    }
}

/// What the witness has found, by what it printed.
///
/// # Panics
/// If it did not do what it was to do: that says nothing.
fn found(answer: &str) -> Option<String> {
    let line = last_line(answer);
    if let Some((_, what)) = line.split_once("HOSTILE found: ") {
        return Some(format!("the witness finds: {what}"));
    }
    let did = line.strip_prefix("HOSTILE did ");
    assert!(did.is_some_and(|count| count != "0"), "witness: {answer:?}");
    None
}

fn alone(case: &Case, machine: &mut Running) -> Option<String> {
    match case.act {
        Act::Line(line) | Act::Beside(line, _) => do_line(machine, line, 0),
        Act::Code(_, wanted) => do_line(machine, "insmod /lib/made.ko", wanted),
        Act::Card(before) => Some(copy(machine, before)),
        Act::Check("") => do_line(machine, "true", 0),
        Act::Check(what) => {
            let what = with_addresses(what, machine);
            let answer = machine.monitor().command(&format!("mce {what}"));
            Some(refused_nothing(answer))
        }
        Act::Shell(line) => {
            let answer = shell(machine, line, ANSWER)?;
            assert!(!answer.contains("error"), "{line}: {answer}");
            Some(answer.trim().to_string())
        }
    }
}

/// Has `it` do that, of which each command must succeed, until one ends with the wanted code; the last line that
/// was printed, if it came back.
fn do_line(machine: &mut Running, line: &str, wanted: u8) -> Option<String> {
    let line = with_addresses(line, machine);
    let line = format!("(set -e -o pipefail; {line}); echo code $?");
    ask(machine, IT, &line, ACT).map(|said| done(&said, wanted))
}

/// The last line of what was printed before `code N`.
///
/// # Panics
/// If that is not the code by which it is seen to have been done, or it was done not once.
fn done(said: &str, wanted: u8) -> String {
    let (before, code) = said.rsplit_once("code ").unwrap_or((said, ""));
    let code: Option<u8> = code.trim().parse().ok();
    let line = last_line(before.trim_end());
    assert!(
        code == Some(wanted) && !line.starts_with("HOSTILE did 0"),
        "it was not done: code {code:?} in place of {wanted}, {said:?}"
    );
    line
}

/// What QEMU's monitor says of a machine check.
///
/// # Panics
/// If it is anything: then it has told it to nobody, or not as it was to be.
fn refused_nothing(answer: String) -> String {
    assert!(answer.is_empty(), "it was not done: {answer}");
    answer
}

/// Has its card copy, after that.
fn copy(machine: &mut Running, before: &str) -> String {
    let places = with_addresses("{OWN} {WITNESS}", machine);
    let places: Vec<u64> = places
        .split(' ')
        .filter_map(|place| u64::from_str_radix(place, 16).ok())
        .collect();
    let held = words(machine, places[1]);
    let said = do_line(machine, &format!("{before}{COPY}"), 0);
    let [own, now] = [0, 1].map(|place| words(machine, places[place]));
    assert!(own.iter().any(|word| *word != 0), "nothing to copy");
    // Whatever it wrote there, if its read was what was stopped.
    if now != held {
        return LANDED.to_string();
    }
    // Else it must have come to a wall, or the card did nothing.
    let log = machine.command("log");
    let told = log.lines().rfind(|line| line.contains("(blocked)"));
    let Some((_, wall)) = told.and_then(|line| line.split_once("it: ")) else {
        panic!("the card did nothing, {said:?}:\n{log}");
    };
    wall.trim().to_string()
}

/// Has the card copy 64 bytes. It takes a tenth of a second for each way.
const COPY: &str = "d=/sys/bus/pci/devices/0001:01:00.0; b=$(awk 'NR==1{print $1}' $d/resource); \
    printf '\\006' | dd of=$d/config bs=1 seek=4 conv=notrunc 2>/dev/null; \
    w() { devmem $((b+$1)) 64 $2; }; run() { w 0x80 $1; w 0x88 $2; w 0x90 64; w 0x98 $3; usleep 400000; }; \
    run 0x{OWN} 0x40000 1; run 0x40000 0x{WITNESS} 3; echo copied";
/// What is said where it has.
pub(super) const LANDED: &str = "the card's write is in the witness's memory";

/// Sixteen words of memory.
fn words(machine: &Running, address: u64) -> Vec<u32> {
    let mut monitor = machine.monitor();
    (0..16)
        .map(|word| monitor.dword(address + 4 * word))
        .collect()
}

fn last_line(said: &str) -> String {
    said.lines().last().unwrap_or_default().trim().to_string()
}

/// A line with the places put in that only this machine knows.
fn with_addresses(line: &str, machine: &mut Running) -> String {
    if !line.contains('{') {
        return line.to_string();
    }
    const INTO: u64 = 32 << 20;
    let [witness, ram] = ["witness", "it"].map(|name| {
        let ram = answers::shown_ram(&machine.command(&format!("show {name}")));
        let largest = ram.iter().max_by_key(|(start, end)| end - start);
        largest.map_or(0, |(start, _)| start + INTO)
    });
    let rows = answers::memory(&machine.command("memory"));
    let kernel = rows.iter().find(|row| row.owner.contains("(kernel)"));
    let bulkhead = kernel.map_or(0, |row| row.bounds.0);
    let shown = machine.command("show it");
    // What EFI keeps for it, and calls.
    let [own, code] = ["runtime data", "runtime code"].map(|kind| {
        let mut rows = shown.lines().filter(|line| line.contains(kind));
        let start = rows.find_map(|line| line.trim().strip_prefix("0x")?.split('-').next());
        start.unwrap_or_default().to_string()
    });
    assert!(
        witness > INTO && ram > INTO && bulkhead > 0 && !own.is_empty() && !code.is_empty(),
        "addresses: {witness:#x}, {bulkhead:#x}, {own:?}, {code:?}:\n{shown}"
    );
    line.replace("{WITNESS}", &format!("{witness:x}"))
        .replace("{RAM}", &format!("{ram:x}"))
        .replace("{BULKHEAD}", &format!("{bulkhead:x}"))
        .replace("{OWN}", &own)
        .replace("{CODE}", &code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_that_found_something_is_heard() {
        let what = found("3 of 9\r\nHOSTILE found: it is wrong\r\n");
        assert_eq!(what.as_deref(), Some("the witness finds: it is wrong"));
        assert_eq!(found("1 of 2\nHOSTILE did 4"), None);
    }

    #[test]
    fn what_succeeded_was_done_and_nothing_else() {
        assert_eq!(done("3\r\nHOSTILE did 1\r\ncode 0", 0), "HOSTILE did 1");
        assert_eq!(done("code 0", 0), "");
        assert_eq!(done("Killed\r\ncode 137", 137), "Killed");
        for (said, wanted) in [
            // As BusyBox says it.
            (
                "insmod: can't insert '/lib/nosuch.ko': No such file or directory\r\ncode 1",
                0,
            ),
            ("code 254", 0),
            // Last it is set back.
            (
                "date: can't set date: Operation not permitted\r\nThu Jan  1 00:00:00 UTC 2026\r\ncode 1",
                0,
            ),
            ("HOSTILE did 0\r\ncode 0", 0),
            ("HOSTILE failed: iopl\r\ncode 1", 0),
            ("code 0", 137),
            ("sh: syntax error", 0),
            ("", 0),
        ] {
            let done = std::panic::catch_unwind(|| done(said, wanted));
            assert!(done.is_err(), "{said:?}");
        }
    }

    #[test]
    fn what_the_monitor_refuses_was_not_done() {
        assert_eq!(refused_nothing(String::new()), "");
        // QEMU, `target/i386/helper.c` and `monitor.c`.
        for answer in [
            "Guest does not support MCA broadcast\\r\\n",
            "Invalid bank number\\r\\n",
            "CPU 1: Uncorrected error reporting disabled\\r\\n",
        ] {
            let refused = std::panic::catch_unwind(|| refused_nothing(answer.to_string()));
            assert!(refused.is_err(), "{answer}");
        }
    }

    #[test]
    fn a_witness_that_did_nothing_is_no_verdict() {
        for answer in ["", "HOSTILE did 0", "HOSTILE failed: iopl", "Killed"] {
            let found = std::panic::catch_unwind(|| found(answer));
            assert!(found.is_err(), "{answer:?}");
        }
    }
}
