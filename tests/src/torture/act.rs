//! Doing a case, and what was said of it.

use super::cases::{Act, Case};
use super::look::{ANSWER, IT, WITNESS, ask, shell};
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
    let line = with_addresses(line, machine);
    let said = ask(machine, IT, &line, ACT).map(|said| last_line(&said));
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
    let mut do_line = |line: &str| {
        let line = with_addresses(line, machine);
        ask(machine, IT, &line, ACT).map(|said| last_line(&said))
    };
    match case.act {
        Act::Line(line) | Act::Beside(line, _) => do_line(line),
        Act::Code(_) => do_line("insmod /lib/made.ko; echo code $?"),
        Act::Card(before) => {
            let line = with_addresses(&format!("{before}{COPY}"), machine);
            let places = with_addresses("{OWN} {WITNESS}", machine);
            let places: Vec<u64> = places
                .split(' ')
                .filter_map(|place| u64::from_str_radix(place, 16).ok())
                .collect();
            let held = words(machine, places[1]);
            let said = ask(machine, IT, &line, ACT);
            let [own, now] = [0, 1].map(|place| words(machine, places[place]));
            assert!(own.iter().any(|word| *word != 0), "nothing to copy");
            // Whatever it wrote there, if its read was what was stopped.
            if now != held {
                return Some(LANDED.to_string());
            }
            // Else it must have come to a wall, or the card did nothing.
            let log = machine.command("log");
            let told = log.lines().rfind(|line| line.contains("(blocked)"));
            let Some((_, wall)) = told.and_then(|line| line.split_once("it: ")) else {
                panic!("the card did nothing, {said:?}:\n{log}");
            };
            Some(wall.trim().to_string())
        }
        // QEMU says so if this processor has no such checks on.
        Act::Check("") => do_line("true"),
        Act::Check(what) => {
            let what = with_addresses(what, machine);
            Some(machine.monitor().command(&format!("mce {what}")))
        }
        Act::Shell(line) => shell(machine, line, ANSWER).map(|said| said.trim().to_string()),
    }
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
    fn a_witness_that_did_nothing_is_no_verdict() {
        for answer in ["", "HOSTILE did 0", "HOSTILE failed: iopl", "Killed"] {
            let found = std::panic::catch_unwind(|| found(answer));
            assert!(found.is_err(), "{answer:?}");
        }
    }
}
