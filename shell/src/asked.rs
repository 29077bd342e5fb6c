//! Lines that partitions with the right have asked for: done as if their operator had typed them, but for
//! what is the operator's alone.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use bulkhead_lifecycle::Lifecycle;

use crate::command::{Command, Force, Request};
use crate::control::Control;
use crate::error::{CommandError, Failure};
use crate::parse::parse;
use crate::run::{Done, check_end, given_up, run};
use crate::shell::Shell;

/// How long who asks for the machine's end has to read that it comes, in ms.
const ANSWER_MS: u64 = 200;
/// What can be asked for.
const ACCEPTED: &str = "define, set, undefine, link, unlink, isolation, check, list, show, log, version, machine, cores, memory, devices, images, \
     poweroff [force], reset [force]";

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
        let request = parse(&line)
            .map_err(refusal)
            .and_then(|request| request.ok_or_else(|| String::from("an empty line")));
        let done = request
            .as_ref()
            .map_err(String::clone)
            .and_then(|request| serve(request, control, &mut said));
        if let Err(why) = &done {
            let _ = said.write_str(why);
        }
        life.answer_line(asker, done.is_ok());
        if done != Ok(Served::Told) {
            let by = life.name(asker.partition).unwrap_or_default();
            let refused = done
                .as_ref()
                .err()
                .map_or_else(String::new, |why| format!(", refused: {why}"));
            self.event(&format!("{by}: asked to {line}{refused}"), out);
            if let (Ok(Served::Ends), Ok(request)) = (done, request) {
                self.end_machine(&request, control, out);
            }
        }
        true
    }

    /// Ends the machine as if that had been typed. Its asker was answered, so that its Linux can end, too.
    fn end_machine(&mut self, request: &Request, control: &mut dyn Control, out: &mut dyn Write) {
        let end = control.uptime_ms().saturating_add(ANSWER_MS);
        while control.uptime_ms() < end {
            if control.pause() {
                return self.event(&given_up(&request.verb), out);
            }
        }
        let mut done = Ok(());
        self.interrupt(out, |out| done = run(request, control, out));
        if let Err(Failure::Refused(why)) = done {
            self.event(&format!("{why}"), out);
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// Nothing has changed.
    Told,
    Changed,
    /// Nothing yet: it is to be done once that was answered.
    Ends,
}

#[expect(clippy::needless_pass_by_value, reason = "what it maps is by value")]
fn refusal(error: CommandError) -> String {
    format!("{error}")
}

fn serve(
    request: &Request,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Result<Served, String> {
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
        Command::Reset(force) | Command::Poweroff(force) => {
            check_end(request, force, control).map_err(refusal)?;
            let _ = out.write_str(match force {
                Force::No => "every partition is asked to stop, then the machine ends\n",
                Force::Yes => "the machine ends now, and nobody is asked\n",
            });
            return Ok(Served::Ends);
        }
        _ => {
            let verb = &request.verb.text;
            return Err(format!(
                "\"{verb}\" is the operator's alone (accepted: {ACCEPTED})"
            ));
        }
    };
    let done: Done = run(request, control, out);
    match done {
        Ok(()) => Ok(served),
        Err(Failure::Refused(error)) => Err(refusal(error)),
        Err(Failure::Included { .. } | Failure::Output(_)) => Err(String::from("it was cut short")),
    }
}
