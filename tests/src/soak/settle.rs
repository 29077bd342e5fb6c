//! How a round of two control partitions comes to its end, and all to where they began.

use std::time::{Duration, Instant};

use super::contend::{Contest, port};
use super::table::{Act, Actor, BOSSES, PARTITIONS, State, Table, listed, read};
use crate::control;
use crate::port::plain;
use crate::qemu::PATIENCE;

/// How long a Linux that may have ended is listened to.
const ANSWERS: Duration = Duration::from_secs(5);
/// How long the shell is.
const LISTS: Duration = Duration::from_secs(20);

impl Contest<'_> {
    /// Waits until who asked has its answer or is at its end, and nothing is on its way.
    pub(super) fn settle(&mut self, acts: &[Act], context: &str) -> Table {
        let end = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let table = self.look();
            if let Some(table) = &table {
                let has_come = |act: &Act, soak: &mut Self| match act.actor {
                    Actor::Shell => true,
                    Actor::Boss(boss) => {
                        let row = table[boss];
                        let is_same = row.state == State::Running && row.runs == soak.runs[boss];
                        !is_same || !soak.answers(boss).is_empty()
                    }
                };
                let have_come = acts.iter().all(|act| has_come(act, self));
                let is_at_rest = table.iter().all(|row| row.state != State::OnItsWay);
                if have_come && is_at_rest && before.as_ref() == Some(table) {
                    return *table;
                }
            }
            if Instant::now() > end {
                self.machine
                    .fail(&format!("{context}: it does not come to rest: {table:?}"));
            }
            before = table;
        }
    }

    /// What the shell lists, or any Linux that answers reads; nothing if none does.
    pub(super) fn look(&mut self) -> Option<Table> {
        if self.has_shell {
            let list = self.try_list();
            return list.and_then(|list| listed(&list));
        }
        let ports = PARTITIONS.into_iter().filter_map(|(_, com)| com);
        ports.into_iter().find_map(|com| {
            let text = self.try_linux(com, &control::reading("Partitions"))?;
            read(&text)
        })
    }

    /// As `machine.command("list")`, but what is lost of it is asked for again, and told at the end:
    /// Bulkhead drops what a serial port does not take in time, as QEMU's does on a host that is busy.
    fn try_list(&mut self) -> Option<String> {
        let port = self.machine.com(1);
        port.skip();
        port.send("list\r");
        for wanted in ["list", "\n"] {
            port.try_wait_for(wanted, LISTS).ok()?;
        }
        match port.try_wait_for("bulkhead> ", LISTS) {
            Ok(list) => Some(plain(&list)),
            Err(silence) => {
                self.unheard.push(silence.to_string());
                None
            }
        }
    }

    /// As `machine.linux(..)` of a Linux that may have ended.
    fn try_linux(&mut self, com: usize, command: &str) -> Option<String> {
        self.token += 1;
        let token = self.token;
        let port = self.machine.com(com);
        port.skip();
        port.send(&format!(
            "echo BE''GIN{token}.; {command}; echo E''ND{token}.\r"
        ));
        let limit = ANSWERS;
        port.try_wait_for(&format!("BEGIN{token}."), limit).ok()?;
        let text = port.try_wait_for(&format!("END{token}."), limit).ok()?;
        Some(plain(&text).trim().to_string())
    }

    /// A Linux that was killed while somebody typed to it leaves the rest of that line, with a quote
    /// that nothing closes, in its serial port, for the next run's shell: Ctrl-C ends it.
    fn forget_typed(&mut self, com: usize) {
        self.machine.com(com).send("\x03");
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Who runs answers on its console, after its next report if it is another run.
    pub(super) fn come_up(&mut self, table: &Table, context: &str) {
        for (index, (name, com)) in PARTITIONS.into_iter().enumerate() {
            let (Some(com), State::Running) = (com, table[index].state) else {
                continue;
            };
            let end = Instant::now() + PATIENCE;
            let is_new = table[index].runs != self.runs[index];
            while is_new && !self.of_this_round(com).contains("BULKHEAD-DEMO end") {
                if Instant::now() > end {
                    self.machine
                        .fail(&format!("{context}: {name} did not come up"));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            if is_new {
                self.forget_typed(com);
            }
            while self.try_linux(com, "echo $((3*3))").as_deref() != Some("9") {
                if Instant::now() > end {
                    self.machine
                        .fail(&format!("{context}: {name} does not answer"));
                }
            }
            if is_new && BOSSES.contains(&index) {
                control::teach(self.machine, com);
            }
        }
    }

    /// What is stopped is started, by the shell or by a boss; then all are as they are to be.
    pub(super) fn repair(&mut self, table: &Table, context: &str) {
        self.runs = table.map(|row| row.runs);
        for (index, (name, com)) in PARTITIONS.into_iter().enumerate() {
            if table[index].state == State::Running {
                continue;
            }
            if let Some(com) = com {
                self.machine.com(com).skip();
            }
            let request = format!("start {name}");
            let boss = BOSSES
                .into_iter()
                .find(|boss| table[*boss].state == State::Running);
            match boss {
                Some(boss) if !self.has_shell || self.random.below(2) == 0 => {
                    self.asks(port(boss), &request, context);
                }
                _ if self.has_shell => drop(self.machine.expect(&request, &[])),
                _ => self.machine.fail(&format!("{context}: nobody is left")),
            }
            self.runs[index] += 1;
            if let Some(com) = com {
                self.machine.wait_for_demo(com);
                self.forget_typed(com);
                if BOSSES.contains(&index) {
                    control::teach(self.machine, com);
                }
            }
        }
        let wanted = self.runs;
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.look();
            let is_right = now.is_some_and(|table| {
                let rows = table.iter().zip(wanted);
                rows.into_iter()
                    .all(|(row, runs)| row.state == State::Running && row.runs == runs)
            });
            if is_right {
                return;
            }
            if Instant::now() > end {
                self.machine.fail(&format!(
                    "{context}: not all run, {wanted:?} times: {now:?}"
                ));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn asks(&mut self, com: usize, request: &str, context: &str) {
        self.requests += 1;
        let answer = control::ask(self.machine, com, request);
        if !answer.starts_with("ok") {
            self.machine.fail(&format!(
                "{context}: then {request:?} by com{com}: {answer}"
            ));
        }
    }

    /// The shell's core parks.
    pub(super) fn halt(&mut self) {
        self.machine.com(1).skip();
        self.machine.com(1).send("halt\r");
        self.machine.wait_for(1, "\n");
        std::thread::sleep(Duration::from_secs(2));
        self.has_shell = false;
        self.halts += 1;
    }

    /// And is fetched again, and lists what a Linux reads.
    pub(super) fn wake(&mut self) {
        let read = self.look();
        let com = port(BOSSES[self.random.below(BOSSES.len())]);
        self.machine.com(1).skip();
        self.asks(com, "shell", "after a halt");
        self.machine.wait_for(1, "the shell is back");
        self.machine.wait_for(1, "bulkhead> ");
        self.has_shell = true;
        let listed = self.look();
        if listed != read {
            self.machine.fail(&format!(
                "the shell lists {listed:?}, a Linux had read {read:?}"
            ));
        }
    }
}
