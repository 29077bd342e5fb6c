//! Launching and ending, for the operator and for partitions that ask.

use alloc::format;
use alloc::string::String;

use bulkhead_lifecycle::{LaunchError, Outcome, Refusal, State, Verb};

use crate::{ConductError, Conductor, How, Stage, check};

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// Launches a partition in that way, as it is defined now.
    ///
    /// # Errors
    /// [`ConductError`] says why not. If it was live and could not be planned anew, it is untouched.
    pub fn launch(&mut self, name: &str, how: How) -> Result<(), ConductError> {
        self.observe();
        check(&self.machine, &self.ledger, name, how)?;
        if self.ledger.get(name)?.life.state.is_live() {
            // One at rest has nothing to lose by being planned once only, below.
            let code = self.stage.resident_code();
            self.ledger.plan(&self.machine, &code, name)?;
            self.kill(name)?;
        }
        let id = self.ledger.get(name)?.id;
        let own = (how == How::Handoff).then(|| self.stage.me());
        let allowed = self.life.check_launch(id, own);
        allowed.map_err(|error| self.why_not(error))?;
        self.plan(name)?;
        let begun = match how {
            How::Start | How::Restart => self.life.start(&self.stage, id),
            How::Handoff => self.life.start_here(&self.stage, id),
        };
        begun.map_err(|error| self.why_not(error))?;
        self.observe_one(id);
        Ok(())
    }

    fn why_not(&self, error: LaunchError) -> ConductError {
        match error {
            LaunchError::NotParked(index) => ConductError::NotParked {
                core: self.stage.apic_id(index),
                state: self.life.core_state(index).word(),
            },
            error => ConductError::Launch(error),
        }
    }

    /// Ends a partition by force, and waits until its cores are back.
    ///
    /// # Errors
    /// [`ConductError`] says why not, or which core did not come back.
    pub fn kill(&mut self, name: &str) -> Result<(), ConductError> {
        let id = self.ledger.get(name)?.id;
        // One at rest is only called by what its record says of its cores.
        self.observe();
        let begun = self.life.kill(&self.stage, id);
        let lost = self.ledger.get(name)?.life.lost_cores.first();
        begun.map_err(|refusal| match (refusal, lost) {
            // The machine's boot processor, which can't be called.
            (Refusal::NotLive, Some(&core)) => ConductError::CoreLost { core },
            _ => ConductError::Refused(refusal),
        })?;
        // Each step of an end has its time, after which somebody else takes it up: here, this core.
        while self.state(id) == State::Ending {
            self.life.tend(&self.stage);
            self.stage.relax();
        }
        self.observe_one(id);
        let lost = self
            .ledger
            .by_id(id)
            .and_then(|p| p.life.lost_cores.first());
        match lost {
            Some(&core) => Err(ConductError::CoreLost { core }),
            None => Ok(()),
        }
    }

    fn state(&self, id: usize) -> State {
        self.life.view(id).unwrap_or_default().state
    }

    /// Does what the next partition with the right asks for, as if the operator had typed it, and
    /// answers it: the line to tell of it.
    pub fn serve_request(&mut self) -> Option<String> {
        let (asker, verb, name) = loop {
            let (asker, verb, target) = self.life.next_request()?;
            self.observe();
            if let Some(partition) = self.ledger.by_id(target) {
                break (asker, verb, partition.definition.name.clone());
            }
            self.life.answer(asker, Outcome::Unknown);
        };
        let done = match verb {
            Verb::Start => self.launch(&name, How::Start),
            Verb::Restart => self.launch(&name, How::Restart),
            Verb::Kill => self.kill(&name),
            // Never passed, or no launch and no end.
            Verb::Stop
            | Verb::Shell
            | Verb::Do
            | Verb::Hold
            | Verb::Keep
            | Verb::Dumped
            | Verb::Release
            | Verb::Attach => Ok(()),
        };
        let asked = verb.word();
        match done {
            Ok(()) => {
                self.life.answer(asker, Outcome::Done);
                Some(format!(
                    "{name}: asked to {asked} by a partition with control"
                ))
            }
            Err(error) => {
                let mut outcome = error.outcome();
                // Who has a token can read the reason.
                let why = format!("\"{name}\" was not {}: {error}", past(verb));
                if outcome == Outcome::Refused && self.life.say(&self.stage, asker, &why) {
                    outcome = Outcome::Said;
                }
                self.life.answer(asker, outcome);
                Some(format!("{name}: asked to {asked}, refused: {error}"))
            }
        }
    }
}

/// As in the sentences of the shell.
const fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "launched",
        Verb::Restart => "restarted",
        Verb::Kill => "killed",
        Verb::Stop => "stopped",
        Verb::Shell
        | Verb::Do
        | Verb::Hold
        | Verb::Keep
        | Verb::Dumped
        | Verb::Release
        | Verb::Attach => "done",
    }
}
