//! Lines that partitions with the right have asked for: done as if their operator had typed them, but for
//! what is the operator's alone.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use bulkhead_lifecycle::Lifecycle;

use crate::command::Command;
use crate::control::Control;
use crate::error::{CommandError, Failure};
use crate::parse::parse;
use crate::run::{Done, run};
use crate::shell::Shell;

/// What can be asked for.
const ACCEPTED: &str = "define, set, undefine, link, unlink, isolation, check, list, show, log, version, machine, cores, memory, devices, images";

impl Shell {
    /// Does the next line that a partition asks for, answers it, and tells the operator of what may have
    /// changed something; whether there was one. To be called between the commands of the operator.
    pub fn serve_line<const P: usize, const C: usize>(
        &mut self,
        life: &Lifecycle<P, C>,
        control: &mut dyn Control,
        out: &mut dyn Write,
    ) -> bool {
        let Some((asker, line)) = life.next_line() else {
            return false;
        };
        let mut said = life.saying();
        let done = serve(&line, control, &mut said);
        if let Err(why) = &done {
            let _ = said.write_str(why);
        }
        life.answer_line(asker, done.is_ok());
        if done != Ok(Served::Told) {
            let by = life.name(asker.partition).unwrap_or_default();
            let refused = done
                .err()
                .map_or_else(String::new, |why| format!(", refused: {why}"));
            self.event(&format!("{by}: asked to {line}{refused}"), out);
        }
        true
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// Nothing has changed.
    Told,
    Changed,
}

fn serve(line: &str, control: &mut dyn Control, out: &mut dyn Write) -> Result<Served, String> {
    let refused = |error: CommandError| format!("{error}");
    let request = parse(line).map_err(refused)?.ok_or("an empty line")?;
    let served = match request.command {
        Command::Define(..)
        | Command::Set(..)
        | Command::Undefine(_)
        | Command::Link(..)
        | Command::Unlink(_)
        | Command::Isolation(Some(_)) => Served::Changed,
        Command::Check(_)
        | Command::List
        | Command::Show(_)
        | Command::Log(_)
        | Command::Isolation(None)
        | Command::Version
        | Command::Machine
        | Command::Cores
        | Command::Memory
        | Command::Devices
        | Command::Images => Served::Told,
        _ => {
            let verb = &request.verb.text;
            return Err(format!(
                "\"{verb}\" is the operator's alone (accepted: {ACCEPTED})"
            ));
        }
    };
    let done: Done = run(&request, control, out);
    match done {
        Ok(()) => Ok(served),
        Err(Failure::Refused(error)) => Err(refused(error)),
        Err(Failure::Included { .. } | Failure::Output(_)) => Err(String::from("it was cut short")),
    }
}
