//! `stop`, `restart`, and what comes before the machine's end: a Linux is asked by its agent to end itself, and
//! ended by force when its time is over.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use bulkhead_conductor::{ConductError, How};
use bulkhead_ledger::Partition;
use bulkhead_lifecycle::{Order, Refusal, STOP_SECONDS, State};

use super::{Done, launch, names};
use crate::command::{Command, Force, Request};
use crate::control::Control;
use crate::error::{CommandError, Failure};
use crate::script::tell_events;
use crate::words::Word;

/// Whether asking that one to end leads to its end.
fn can_be_asked(partition: &Partition, control: &dyn Control) -> bool {
    match partition.life.state {
        // Nobody is in it, or is soon.
        State::Waiting | State::Ending => true,
        State::Running => control.agent(partition.id).can_be_asked(),
        _ => false,
    }
}

/// `stop NAME [TIMEOUT]`
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn stop(
    name: &Word,
    ms: Option<u64>,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let id = names::partition(name, control.ledger())?.id;
    let mut was_ending = false;
    loop {
        let partition = names::partition(name, control.ledger())?;
        let (state, runs) = (partition.life.state, partition.life.runs);
        match state {
            // What follows is asked in its turn: it may be launched again.
            State::Ending => {
                was_ending = true;
                let has_ended = |partition: &Partition| partition.life.state != State::Ending;
                wait(name, has_ended, control, out)?;
            }
            _ if !state.is_live() && was_ending => break,
            _ if !state.is_live() => {
                let message = format!("\"{}\" is {state}: it does not run", name.text);
                return Err(CommandError::new(name.span, message).into());
            }
            _ if !can_be_asked(partition, control) => {
                let message = format!(
                    "no agent is heard in \"{0}\", so that nothing asks its Linux to end (accepted: its own poweroff, kill {0})",
                    name.text
                );
                return Err(CommandError::new(name.span, message).into());
            }
            _ if order(name, Order::Stop, seconds(ms), control)? => {
                let has_ended = |partition: &Partition| {
                    !partition.life.state.is_live() || partition.life.runs != runs
                };
                wait(name, has_ended, control, out)?;
                break;
            }
            // It is looked at once more.
            _ => {}
        }
    }
    let lost = control.ledger().by_id(id);
    match lost.and_then(|partition| partition.life.lost_cores.first()) {
        Some(&core) => Err(not_done(name, "stopped", &ConductError::CoreLost { core })),
        None => Ok(()),
    }
}

fn seconds(ms: Option<u64>) -> u32 {
    ms.and_then(|ms| u32::try_from(ms / 1000).ok())
        .unwrap_or(STOP_SECONDS)
}

fn not_done(name: &Word, what: &str, why: &ConductError) -> Failure {
    let message = format!("\"{}\" was not {what}: {why}", name.text);
    CommandError::new(name.span, message).into()
}

/// Whether it is asked: not if its Linux has ended meanwhile.
fn order(
    name: &Word,
    order: Order,
    seconds: u32,
    control: &mut dyn Control,
) -> Result<bool, Failure> {
    let what = if order == Order::Stop {
        "stopped"
    } else {
        "restarted"
    };
    match control.order(&name.text, order, seconds) {
        Ok(()) => Ok(true),
        Err(ConductError::Refused(Refusal::Ending)) => Ok(false),
        Err(why) => Err(not_done(name, what, &why)),
    }
}

/// Milliseconds from an end that is seen to what is said of it: the core that ends a run makes that step first.
const TELLING_MS: u64 = 10;

/// Tells what belongs to an end that has just been seen: as a rule its line comes with its command then, and when the
/// machine is about to end nobody tells it later.
fn tell_rest(control: &mut dyn Control, out: &mut dyn Write) -> core::fmt::Result {
    let begun = control.uptime_ms();
    while control.uptime_ms().saturating_sub(begun) < TELLING_MS {
        // That the operator gives up what is done says nothing.
        let _ = control.pause();
        tell_events(control, out)?;
    }
    Ok(())
}

/// Until that is true of it. Its time is over some day, whatever its Linux does.
fn wait(
    name: &Word,
    is_met: impl Fn(&Partition) -> bool,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    loop {
        tell_events(control, out)?;
        control.observe();
        let partition = names::partition(name, control.ledger())?;
        if is_met(partition) {
            return Ok(tell_rest(control, out)?);
        }
        let (id, state) = (partition.id, partition.life.state);
        if control.pause() {
            let left = (control.agent(id).left_ms + 500) / 1000;
            let message = format!(
                "the wait was given up (^C): \"{}\" is {state}, and its cores are taken in {left} s",
                name.text
            );
            return Err(CommandError::new(name.span, message).into());
        }
    }
}

/// `restart NAME ... [force]`: nothing is touched unless everything can be launched. Those in which no agent is heard
/// are restarted by force.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn restart(
    names: &[Word],
    force: Force,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let mut asked: Vec<(&Word, u32)> = Vec::new();
    let mut others: Vec<Word> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if control.ledger().find(&name.text).is_none() {
            // Behind a name, the last word is perhaps none.
            let word = (at > 0 && at + 1 == names.len()).then_some("force");
            return Err(names::unknown(name, control.ledger(), word).into());
        }
        launch::check_how(name, How::Restart, control)?;
        let partition = names::partition(name, control.ledger())?;
        if force == Force::No && control.agent(partition.id).can_be_asked() {
            asked.push((name, partition.life.runs));
        } else {
            others.push(name.clone());
        }
    }
    for (name, _) in &asked {
        if !order(name, Order::Restart, STOP_SECONDS, control)? {
            let why = ConductError::Refused(Refusal::Ending);
            return Err(not_done(name, "restarted", &why));
        }
    }
    if !others.is_empty() {
        launch::restart(&others, control, out)?;
    }
    for (name, runs) in asked {
        let is_met =
            |partition: &Partition| partition.life.runs != runs || !partition.life.state.is_live();
        wait(name, is_met, control, out)?;
        let life = &names::partition(name, control.ledger())?.life;
        if let (true, Some(&core)) = (life.runs == runs, life.lost_cores.first()) {
            return Err(not_done(
                name,
                "restarted",
                &ConductError::CoreLost { core },
            ));
        }
    }
    Ok(())
}

/// Before the machine ends: asks all that run to end, and waits until they have; unless somebody says that they are to
/// be lost. Refused, and nobody is asked, where one of them can't be.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn all(
    verb: &Word,
    force: Force,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    if force == Force::Yes {
        return Ok(());
    }
    // In this run. What a run was asked goes with it, and its end is observed later.
    let mut asked: Vec<(usize, u32)> = Vec::new();
    loop {
        if asked.is_empty() {
            rest(verb, control, out)?;
        }
        tell_events(control, out)?;
        let was_asked =
            |partition: &Partition| asked.contains(&(partition.id, partition.life.runs));
        check(verb, was_asked, control)?;
        let live = || control.ledger().iter().filter(|p| p.life.state.is_live());
        let is_asked = |partition: &&Partition| {
            was_asked(partition)
                || partition.life.state == State::Ending
                // When whoever reads its memory has ended it is not held any more.
                || partition.life.held_by.is_some()
                || control.agent(partition.id).order == Some(Order::Stop)
        };
        let next = live().find(|partition| !is_asked(partition));
        if let Some(partition) = next {
            let run = (partition.id, partition.life.runs);
            let mut word = verb.clone();
            word.text.clone_from(&partition.definition.name);
            if order(&word, Order::Stop, STOP_SECONDS, control)? {
                asked.push(run);
            }
        } else if live().next().is_none() {
            return Ok(tell_rest(control, out)?);
        } else if control.pause() {
            let message = format!("{}; what was asked to stop still does", given_up(verb));
            return Err(CommandError::new(verb.span, message).into());
        }
    }
}

/// Until none is ending: what follows may be a launch, and its Linux can't be asked before it has booted. Who is asked
/// to end before that is known ends for nothing.
fn rest(verb: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    loop {
        tell_events(control, out)?;
        control.observe();
        let mut states = control
            .ledger()
            .iter()
            .map(|partition| partition.life.state);
        if !states.any(|state| state == State::Ending) {
            return Ok(());
        }
        if control.pause() {
            return Err(CommandError::new(verb.span, given_up(verb)).into());
        }
    }
}

/// Whether the machine can be powered off, as far as that is known: nobody is to be stopped for nothing.
pub(super) fn check_poweroff(verb: &Word, control: &dyn Control) -> Result<(), CommandError> {
    let lacking = control.lacks_poweroff();
    lacking.map_or(Ok(()), |why| {
        let message = format!("the machine can't be powered off: {why}");
        Err(CommandError::new(verb.span, message))
    })
}

/// Whether the machine can end, and all that run can be asked to.
///
/// # Errors
/// Why not, or who can't.
pub(crate) fn check_end(
    request: &Request,
    force: Force,
    control: &mut dyn Control,
) -> Result<(), CommandError> {
    let verb = &request.verb;
    if matches!(request.command, Command::Poweroff(_)) {
        check_poweroff(verb, control)?;
    }
    check(verb, |_| force == Force::Yes, control)
}

/// That somebody at the console does not want it.
pub(crate) fn given_up(verb: &Word) -> String {
    format!("\"{}\" was given up (^C)", verb.text)
}

/// Whether all that run, but for those, can be asked to end.
fn check(
    verb: &Word,
    is_no_matter: impl Fn(&Partition) -> bool,
    control: &mut dyn Control,
) -> Result<(), CommandError> {
    control.observe();
    let live = control.ledger().iter().filter(|p| p.life.state.is_live());
    let deaf: Vec<&str> = live
        .filter(|partition| !is_no_matter(partition) && !can_be_asked(partition, control))
        .map(|partition| partition.definition.name.as_str())
        .collect();
    if deaf.is_empty() {
        return Ok(());
    }
    let whom = if deaf.len() == 1 { "it" } else { "them" };
    let message: String = format!(
        "{}, and no agent is heard in {whom} (accepted all the same: {} force)",
        names::are_running(&deaf),
        verb.text
    );
    Err(CommandError::new(verb.span, message))
}
