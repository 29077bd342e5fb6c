//! Commands carried out over [`Control`].
//!
//! One file for each topic; this one only sends a command to the right one.

mod attached;
mod change;
mod class;
mod console;
mod devices;
mod handoff;
mod images;
mod launch;
mod links;
mod list;
mod machine;
mod memory;
mod names;
mod printed;
mod room;
mod seat;
mod show;
mod stop;
mod table;
mod wait;
mod walls;
mod watch;

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use crate::command::{Command, Request};
use crate::control::Control;
use crate::error::{CommandError, Failure};
use crate::help;
use crate::words::Word;

pub(crate) use console::{Goes, Listening};
pub(crate) use stop::{check_end, given_up};
pub(crate) use watch::{Watch, status_line};

/// What every command ends with.
pub(crate) type Done = Result<(), Failure>;

/// Does what is asked for. If it is refused, nothing has been changed.
// Not in the frames of scripts, which include each other.
#[inline(never)]
pub(crate) fn run(request: &Request, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let verb = &request.verb;
    control.observe();
    room::check(request, control)?;
    match &request.command {
        Command::Define(name, settings) => change::define(name, settings, control, out)?,
        Command::Set(name, settings) => change::set(name, settings, control, out)?,
        Command::Undefine(name) => change::undefine(name, control)?,
        Command::Link(pair, size) => links::link(pair, size.as_ref(), control, out)?,
        Command::Unlink(pair) => links::unlink(pair, control)?,
        Command::Check(None) => launch::check_all(verb, control, out)?,
        Command::Check(Some(name)) => launch::check(name, control, out)?,
        Command::Start(names) => launch::start(names, control, out)?,
        Command::Restart(names, force) => stop::restart(names, *force, control, out)?,
        Command::Stop(name, ms) => stop::stop(name, *ms, control, out)?,
        Command::Handoff(name) => handoff::handoff(name, control, out)?,
        Command::Halt => handoff::halt(verb, control, out)?,
        Command::Kill(name) => launch::kill(name, control)?,
        Command::List => list::list(control, out)?,
        Command::Show(name) => show::show(name, control, out)?,
        Command::Wait(name, goal, ms) => wait::wait(name, *goal, *ms, control, out)?,
        // These two are about the script that they stand in: `script` does them.
        Command::Include(_) | Command::OnError(_) => {}
        Command::Watch | Command::Console(_) => return Err(only_typed(verb)),
        Command::Keymap(None) => seat::keymap(control, out)?,
        Command::Keymap(Some(name)) => seat::set_keymap(name, control)?,
        Command::Status(None) => seat::status(control, out)?,
        Command::Status(Some(word)) => seat::set_status(word, control)?,
        Command::Isolation(None) => walls::isolation(control, out)?,
        Command::Isolation(Some(word)) => walls::set_isolation(word, control)?,
        Command::Log(words) => match words.as_slice() {
            [name, rest @ ..] => printed::printed(name, rest.first(), control, out)?,
            [] => control.log(out)?,
        },
        Command::Version => writeln!(out, "{}", control.version())?,
        Command::Help(None) => help::overview(out)?,
        Command::Help(Some(verb)) => help::topic(*verb, out)?,
        Command::Machine => machine::machine(control, out)?,
        Command::Cores => machine::cores(control, out)?,
        Command::Memory => memory::memory(control, out)?,
        Command::Devices => devices::devices(control, out)?,
        Command::Images => images::images(control, out)?,
        Command::Reset(force) => {
            stop::all(verb, *force, control, out)?;
            let why = control.reset();
            return Err(refused(verb, format!("the machine was not reset: {why}")));
        }
        Command::Poweroff(force) => {
            stop::check_poweroff(verb, control)?;
            stop::all(verb, *force, control, out)?;
            let why = control.poweroff();
            let message = format!("the machine was not powered off: {why}");
            return Err(refused(verb, message));
        }
    }
    Ok(())
}

/// At the prompt they never come here: the shell itself goes on with them.
fn only_typed(verb: &Word) -> Failure {
    let message = format!(
        "\"{}\" is for the prompt: a script has no key to stop it with",
        verb.text
    );
    refused(verb, message)
}

fn refused(word: &Word, message: String) -> Failure {
    CommandError::new(word.span, message).into()
}
