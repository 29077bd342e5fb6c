//! Asking Bulkhead's shell and both Linuxes, and having these start again.

use std::time::{Duration, Instant};

use super::verdict::Hurt;
use crate::answers::{self, ListRow};
use crate::port::plain;
use crate::qemu::Running;
use crate::report;
use crate::withheld::{Gap, Withheld};

/// Serial ports.
const SHELL: usize = 1;
pub(super) const IT: usize = 2;
pub(super) const WITNESS: usize = 3;
/// As its definition has it.
pub(super) const WITNESS_CORE: u32 = 3;
/// Bulkhead's, and those of `it`.
const OTHERS: [u32; 3] = [0, 1, 2];
/// What is waited for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(15);
/// For a restart.
const RESTART: Duration = Duration::from_secs(120);
/// What comes late, such as a panic or a watchdog, has come then.
pub(super) const AFTER: Duration = Duration::from_secs(3);

/// What the host withheld, and from whom.
pub(super) struct Host {
    pub(super) witness: Withheld,
    others: Withheld,
}

impl Host {
    pub(super) fn watch(machine: &Running) -> Self {
        Self {
            witness: Withheld::watch(machine, &[WITNESS_CORE]),
            others: Withheld::watch(machine, &OTHERS),
        }
    }

    /// Whether who did not answer since then may have had no processor to do so.
    pub(super) fn was_busy(&self, since: Instant) -> bool {
        let now = Instant::now();
        let waited = now.saturating_duration_since(since).as_millis() / 10;
        let length = u64::try_from(waited).unwrap_or(u64::MAX);
        let all = Gap {
            ended: length,
            length,
        };
        let lost = |withheld: &Withheld| withheld.of(all, length, [now, now]);
        is_much(lost(&self.witness).max(lost(&self.others)), length)
    }
}

/// Whether it is half of it or more.
const fn is_much(withheld: u64, waited: u64) -> bool {
    withheld.saturating_mul(2) >= waited
}

/// Types a line into a Linux; what it printed, if it came back.
pub(super) fn ask(
    machine: &mut Running,
    com: usize,
    line: &str,
    limit: Duration,
) -> Option<String> {
    let port = machine.com(com);
    port.skip();
    port.send(&format!(
        "\x03\recho BULK''HEAD-BEGIN; {line}; echo BULK''HEAD-DONE\r"
    ));
    port.try_wait_for("BULKHEAD-BEGIN", limit).ok()?;
    let said = port.try_wait_for("BULKHEAD-DONE", limit).ok()?;
    Some(plain(&said).trim().to_string())
}

/// Types a line into Bulkhead's shell; what it printed, if it came back.
pub(super) fn shell(machine: &mut Running, line: &str, limit: Duration) -> Option<String> {
    let port = machine.com(SHELL);
    port.skip();
    port.send(&format!("{line}\r"));
    port.try_wait_for(line, limit).ok()?;
    port.try_wait_for("\n", limit).ok()?;
    port.try_wait_for("bulkhead> ", limit)
        .ok()
        .map(|said| plain(&said))
}

/// The row that `list` has for it.
pub(super) fn row(list: &str, name: &str) -> Option<ListRow> {
    answers::list(list).into_iter().find(|row| row.name == name)
}

/// What is wrong if the operator can't have it run again.
pub(super) fn comes_back(
    machine: &mut Running,
    host: &Host,
    name: &str,
    com: usize,
) -> Option<Hurt> {
    let begin = Instant::now();
    machine.com(com).skip();
    if started_again(machine, name, com, begin + RESTART).is_some() {
        return None;
    }
    Some(Hurt {
        how: format!("{name} can't be started again"),
        may_be_the_hosts: host.was_busy(begin),
    })
}

fn started_again(machine: &mut Running, name: &str, com: usize, end: Instant) -> Option<()> {
    let runs = |machine: &mut Running| {
        let list = shell(machine, "list", ANSWER)?;
        row(&list, name)
    };
    // One that is about to end by itself can't be restarted before it has.
    let before = loop {
        let before = runs(machine)?.runs;
        let answer = shell(machine, &format!("restart {name} force"), ANSWER)?;
        if !answer.contains("error") {
            break before;
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(AFTER);
    };
    // Else it is the old one that answers.
    while !is_a_later_run(&runs(machine)?, before) {
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    // What is typed before it has a shell is torn. One that is silent here may answer all the same.
    let rest = end.saturating_duration_since(Instant::now());
    let _ = machine.com(com).try_wait_for(report::END, rest / 2);
    while Instant::now() < end {
        if ask(machine, com, "true", ANSWER).is_some() {
            return Some(());
        }
    }
    None
}

fn is_a_later_run(row: &ListRow, before: u32) -> bool {
    row.runs > before && row.state == "running"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_linux_that_answers_was_not_started_again() {
        let list = "NAME  STATE  CORES  MEMORY  KERNEL  RUNS  RESTART  CONSOLE\n\
                    it  running  1-2  256M  linux  2  on-failure  com2\n\
                    witness  ended  3  256M  linux  1  never  com3\n";
        let it = row(list, "it").expect("it is there");
        assert!(is_a_later_run(&it, 1));
        assert!(!is_a_later_run(&it, 2));
        let witness = row(list, "witness").expect("it is there");
        assert!(!is_a_later_run(&witness, 0));
        assert_eq!(row(list, "other"), None);
    }

    #[test]
    fn half_of_it_is_much() {
        assert!(is_much(750, 1500) && is_much(1500, 1500));
        assert!(!is_much(749, 1500) && !is_much(0, 1));
    }
}
