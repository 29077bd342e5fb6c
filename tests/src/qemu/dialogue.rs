//! Talking to a machine: to Bulkhead's shell on COM1, and to the Linuxes on the other ports.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{PROMPT, Running};
use crate::answers::{self, ListRow};
use crate::control::is_on_its_way;
use crate::port::{Port, plain};
use crate::report::{self, Report};

impl Running {
    /// The serial port of that number, from 1.
    pub fn com(&mut self, number: usize) -> &mut Port {
        &mut self.ports[number - 1]
    }

    /// Waits for a text on a port; gives what stood before it.
    ///
    /// # Panics
    /// When it does not come, with the last lines of every port.
    pub fn wait_for(&mut self, com: usize, wanted: &str) -> String {
        self.wait_for_within(com, wanted, self.patience)
    }

    /// As [`Self::wait_for`], with a limit of its own.
    ///
    /// # Panics
    /// When it does not come, with the last lines of every port.
    pub fn wait_for_within(&mut self, com: usize, wanted: &str, limit: Duration) -> String {
        match self.com(com).try_wait_for(wanted, limit) {
            Ok(before) => before,
            Err(silence) => self.fail(&silence.to_string()),
        }
    }

    /// Waits for the shell's first prompt.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_for_prompt(&mut self) -> String {
        plain(&self.wait_for(1, PROMPT))
    }

    /// Types a command into the shell and gives what it printed, without the echo.
    ///
    /// # Panics
    /// When no prompt comes back.
    pub fn command(&mut self, line: &str) -> String {
        self.com(1).skip();
        self.com(1).send(&format!("{line}\r"));
        // First the whole echo: an event may just have redrawn a prompt. Then come the output and
        // the next prompt.
        self.wait_for(1, line);
        self.wait_for(1, "\n");
        plain(&self.wait_for(1, PROMPT))
    }

    /// As [`Self::command`], and the output must hold every one of `wanted`.
    ///
    /// # Panics
    /// When it does not.
    pub fn expect(&mut self, line: &str, wanted: &[&str]) -> String {
        let output = self.command(line);
        for text in wanted {
            if !output.contains(text) {
                self.fail(&format!("{line:?} did not print {text:?} but:\n{output}"));
            }
        }
        output
    }

    /// The row that `list` has for a partition.
    ///
    /// # Panics
    /// If it has none.
    pub fn listed(&mut self, name: &str) -> ListRow {
        let output = self.command("list");
        let row = answers::list(&output)
            .into_iter()
            .find(|row| row.name == name);
        row.unwrap_or_else(|| self.fail(&format!("{name} is not in the list:\n{output}")))
    }

    /// `list` shows each of these partitions in its state, or on its way there for a moment.
    ///
    /// # Panics
    /// If it does not.
    pub fn expect_states(&mut self, states: &[(&str, &str)]) {
        /// Two cores that are given up take four seconds.
        const MOMENT: Duration = Duration::from_secs(10);
        let end = Instant::now() + MOMENT;
        loop {
            let output = self.command("list");
            let rows = answers::list(&output);
            let state = |name: &str| rows.iter().find(|row| row.name == name);
            let wrong = states
                .iter()
                .find(|(name, wanted)| state(name).is_none_or(|row| row.state != *wanted));
            let Some((name, wanted)) = wrong else { return };
            let comes = state(name).is_some_and(|row| is_on_its_way(&row.state));
            if !comes || Instant::now() > end {
                self.fail(&format!("{name} is not {wanted}:\n{output}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for a demo Linux's report and then for its shell.
    ///
    /// # Panics
    /// When they do not come, or the report is not complete.
    pub fn wait_for_demo(&mut self, com: usize) -> Report {
        self.wait_for(com, report::BEGIN);
        let patience = self.patience;
        let find = |text: &str| report::ended(text).map(|stop| (stop, stop));
        if let Err(silence) = self.com(com).wait_until(report::END, patience, find) {
            self.fail(&silence.to_string());
        }
        self.wait_for(com, "# ");
        let Some(report) = Report::parse(&self.com(com).text()) else {
            self.fail("the report is not complete");
        };
        report
    }

    /// Waits until so many of these cores have interrupts off for good.
    ///
    /// # Panics
    /// When it does not come to that.
    pub fn wait_for_deaf_cores(&mut self, cores: &[u32], count: usize) {
        const LOOKS: usize = 4;
        let end = Instant::now() + self.patience;
        loop {
            let mut monitor = self.monitor();
            let mut deaf: BTreeSet<u32> = cores.iter().copied().collect();
            for _ in 0..LOOKS {
                std::thread::sleep(Duration::from_millis(500));
                deaf = &deaf & &monitor.deaf_cores();
            }
            // Who reports a failure wants it.
            drop(monitor);
            if deaf.len() == count {
                return;
            }
            if Instant::now() > end {
                self.fail(&format!("interrupts are off on {deaf:?}, not on {count}"));
            }
        }
    }

    /// Types a line into a Linux's shell on a port, and gives what the command printed.
    ///
    /// # Panics
    /// When it does not end.
    pub fn linux(&mut self, com: usize, line: &str) -> String {
        self.linux_within(com, line, self.patience)
    }

    /// Throws away what stands half typed at the prompt of a demo Linux, a quote that is not closed
    /// too: Ctrl-C, as a person would.
    ///
    /// # Panics
    /// When no new prompt comes.
    pub fn fresh_line(&mut self, com: usize) {
        let port = self.com(com);
        port.skip();
        port.send("\x03");
        self.wait_for(com, "# ");
    }

    /// As [`Self::linux`], for what takes longer than anything else.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub fn linux_within(&mut self, com: usize, line: &str, limit: Duration) -> String {
        // The markers are put together by the shell, so that an echo is not taken for them.
        let port = self.com(com);
        port.skip();
        port.send(&format!(
            "echo BULK''HEAD-BEGIN; {line}; echo BULK''HEAD-DONE\r"
        ));
        self.wait_for(com, "BULKHEAD-BEGIN");
        let output = plain(&self.wait_for_within(com, "BULKHEAD-DONE", limit));
        self.wait_for(com, "# ");
        output.trim().to_string()
    }

    /// As [`Self::linux`], and the output must hold `wanted`.
    ///
    /// # Panics
    /// When it does not.
    pub fn linux_expect(&mut self, com: usize, line: &str, wanted: &str) -> String {
        let output = self.linux(com, line);
        if !output.contains(wanted) {
            self.fail(&format!(
                "{line:?} on com{com} did not print {wanted:?} but:\n{output}"
            ));
        }
        output
    }

    /// Starts a command in a Linux's background; [`Self::job`] has what it prints. It reads nothing:
    /// a shell with job control would stop it as soon as it touched the terminal.
    ///
    /// # Panics
    /// When the shell does not answer.
    pub fn start_job(&mut self, com: usize, name: &str, line: &str) {
        self.linux(
            com,
            &format!(
                "rm -f /tmp/{name}.*; ( ({line}; echo JOB=$?) </dev/null >/tmp/{name}.out 2>&1 &)"
            ),
        );
    }

    /// Waits until a job has ended well; gives what it printed.
    ///
    /// # Panics
    /// When it has failed, or does not end within `limit`.
    pub fn job(&mut self, com: usize, name: &str, limit: Duration) -> String {
        let end = Instant::now() + limit;
        loop {
            let output = self.linux(com, &format!("tail -n 12 /tmp/{name}.out"));
            if output.contains("JOB=0") {
                return output;
            }
            if output.contains("JOB=") || Instant::now() > end {
                self.fail(&format!(
                    "job {name} on com{com} has not ended well:\n{output}"
                ));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
