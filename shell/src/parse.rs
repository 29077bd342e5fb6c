//! Words to a command: the grammar.

use alloc::format;
use alloc::vec::Vec;

use bulkhead_memory::parse_size;

use crate::command::{Command, Force, Goal, OnError, Request, Verb};
use crate::error::{CommandError, ONE_COMMAND, Span, did_you_mean, ends_a_command};
use crate::help::usage;
use crate::sentence::Cut;
use crate::settings::Settings;
use crate::values;
use crate::words::{Word, split};

/// Reads a line; `None` if it holds nothing but a comment.
pub(crate) fn parse(line: &str) -> Result<Option<Request>, CommandError> {
    let words = split(line)?.words;
    let Some((first, rest)) = words.split_first() else {
        return Ok(None);
    };
    let command = verb(first)
        .and_then(|verb| command(Arguments { verb, first, rest }))
        .map_err(|error| with_habit(error, &words))?;
    Ok(Some(Request {
        verb: first.clone(),
        command,
    }))
}

/// Adds to a refusal what other shells would have made of the word at fault, or of the one before it.
fn with_habit(error: CommandError, words: &[Word]) -> CommandError {
    let at = words
        .iter()
        .position(|word| (word.span.start..=word.span.end).contains(&error.span.start));
    let Some(at) = at else {
        return error;
    };
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    if ends_a_command(&words[at].text) || before.is_some_and(|word| word.text.ends_with(';')) {
        return CommandError::new(error.span, format!("{error}; {ONE_COMMAND}"));
    }
    error
}

/// What other shells are left by.
const LEAVING: [&str; 4] = ["exit", "quit", "logout", "bye"];
/// What is said of them.
const NO_END: &str = "is no command: the shell has no end of its own (accepted: poweroff, reset; handoff NAME and halt, \
     by which Bulkhead's core goes; without any of them the partitions and their consoles just run on)";

/// The command that `word` names.
fn verb(word: &Word) -> Result<Verb, CommandError> {
    let name = match word.text.as_str() {
        "?" => Verb::Help.name(),
        name => name,
    };
    Verb::from_name(name).ok_or_else(|| {
        if LEAVING.contains(&name) {
            return CommandError::new(word.span, format!("\"{name}\" {NO_END}"));
        }
        let names = Verb::ALL.map(Verb::name);
        let message = format!(
            "unknown command \"{}\"{} (accepted: {}; help says what each does)",
            Cut(name),
            did_you_mean(name, names),
            names.join(", ")
        );
        CommandError::new(word.span, message)
    })
}

fn command(arguments: Arguments<'_>) -> Result<Command, CommandError> {
    Ok(match arguments.verb {
        Verb::Define => {
            let (name, words) = arguments.name()?;
            Command::Define(name.clone(), complete_settings(&arguments, words)?)
        }
        Verb::Set => {
            let (name, words) = arguments.name()?;
            if words.is_empty() {
                return Err(arguments.missing("\"set\" needs key=value"));
            }
            Command::Set(name.clone(), Settings::read(words)?)
        }
        Verb::Undefine => Command::Undefine(arguments.only_name()?),
        Verb::Link => {
            let (pair, rest) = arguments.pair()?;
            Command::Link(pair, size(&arguments, rest)?)
        }
        Verb::Unlink => {
            let (pair, rest) = arguments.pair()?;
            arguments.end_at(rest)?;
            Command::Unlink(pair)
        }
        Verb::Check => match arguments.rest {
            [] => Command::Check(None),
            _ => Command::Check(Some(arguments.only_name()?)),
        },
        Verb::Show => Command::Show(arguments.only_name()?),
        Verb::Start => Command::Start(arguments.names()?),
        Verb::Restart => arguments.restart()?,
        Verb::Stop => arguments.stop()?,
        Verb::Kill => Command::Kill(arguments.only_name()?),
        Verb::Handoff => Command::Handoff(arguments.only_name()?),
        Verb::Wait => arguments.wait()?,
        Verb::Include => Command::Include(arguments.only("the name of a script")?),
        Verb::OnError => {
            let word = arguments.only("continue or stop")?;
            Command::OnError(choice(&word, OnError::from_name, OnError::NAMES)?)
        }
        Verb::Help => Command::Help(arguments.topic()?),
        Verb::Reset => Command::Reset(arguments.force()?),
        Verb::Poweroff => Command::Poweroff(arguments.force()?),
        Verb::Halt => arguments.nothing(Command::Halt)?,
        Verb::List => arguments.nothing(Command::List)?,
        Verb::Watch => arguments.nothing(Command::Watch)?,
        Verb::Console => Command::Console(arguments.only_name()?),
        Verb::Keymap => Command::Keymap(arguments.word()?),
        Verb::Status => Command::Status(arguments.word()?),
        Verb::Isolation => Command::Isolation(arguments.word()?),
        Verb::Log => {
            arguments.end_at(arguments.rest.get(2..).unwrap_or_default())?;
            Command::Log(arguments.rest.to_vec())
        }
        Verb::Version => arguments.nothing(Command::Version)?,
        Verb::Machine => arguments.nothing(Command::Machine)?,
        Verb::Cores => arguments.nothing(Command::Cores)?,
        Verb::Memory => arguments.nothing(Command::Memory)?,
        Verb::Devices => arguments.nothing(Command::Devices)?,
        Verb::Images => arguments.nothing(Command::Images)?,
    })
}

/// The settings of a `define`, none of the required ones missing.
fn complete_settings(arguments: &Arguments<'_>, words: &[Word]) -> Result<Settings, CommandError> {
    let settings = Settings::read(words)?;
    match settings.missing() {
        Some(key) => {
            let what = format!("\"define\" needs {}{}", key.name, key.form);
            Err(arguments.missing(&what))
        }
        None => Ok(settings),
    }
}

/// One size or none, in bytes.
fn size(arguments: &Arguments<'_>, rest: &[Word]) -> Result<Option<(Word, u64)>, CommandError> {
    let Some((word, rest)) = rest.split_first() else {
        return Ok(None);
    };
    arguments.end_at(rest)?;
    let size = parse_size(&word.text).map_err(|error| {
        let message = format!("the size \"{}\" {error}", Cut(&word.text));
        CommandError::new(word.span, message)
    })?;
    Ok(Some((word.clone(), size)))
}

/// What `word` means, of two words that are accepted.
fn choice<T>(
    word: &Word,
    read: fn(&str) -> Option<T>,
    names: [&str; 2],
) -> Result<T, CommandError> {
    let text = &word.text;
    read(text).ok_or_else(|| {
        let hint = did_you_mean(text, names);
        let names = names.join(", ");
        CommandError::new(
            word.span,
            format!("\"{}\" is neither{hint} (accepted: {names})", Cut(text)),
        )
    })
}

/// What follows a command's first word.
struct Arguments<'a> {
    verb: Verb,
    first: &'a Word,
    rest: &'a [Word],
}

impl<'a> Arguments<'a> {
    /// The name, and what follows it.
    fn name(&self) -> Result<(&'a Word, &'a [Word]), CommandError> {
        self.next(self.rest, "the name of a partition")
    }

    /// Two names, and what follows them.
    fn pair(&self) -> Result<([Word; 2], &'a [Word]), CommandError> {
        let (first, rest) = self.name()?;
        let (second, rest) = self.next(rest, "the names of two partitions")?;
        Ok(([first.clone(), second.clone()], rest))
    }

    /// The first word of `rest`, which is `what`, and what follows it.
    fn next(&self, rest: &'a [Word], what: &str) -> Result<(&'a Word, &'a [Word]), CommandError> {
        rest.split_first().ok_or_else(|| {
            let what = format!("\"{}\" needs {what}", self.verb.name());
            self.missing(&what)
        })
    }

    fn only_name(&self) -> Result<Word, CommandError> {
        self.only("the name of a partition")
    }

    /// The one word that follows, which is `what`.
    fn only(&self, what: &str) -> Result<Word, CommandError> {
        let (word, rest) = self.next(self.rest, what)?;
        self.end_at(rest)?;
        Ok(word.clone())
    }

    /// `NAME running|stopped TIMEOUT`
    fn wait(&self) -> Result<Command, CommandError> {
        let (name, rest) = self.name()?;
        let (state, rest) = self.next(rest, "running or stopped")?;
        let goal = choice(state, Goal::from_name, Goal::NAMES)?;
        let (timeout, rest) = self.next(rest, "a time, as in 10s")?;
        self.end_at(rest)?;
        let ms = values::duration_ms(&timeout.text)
            .map_err(|message| CommandError::new(timeout.span, message))?;
        Ok(Command::Wait(name.clone(), goal, ms))
    }

    /// `NAME [TIMEOUT]`
    fn stop(&self) -> Result<Command, CommandError> {
        let (name, rest) = self.name()?;
        let [timeout, rest @ ..] = rest else {
            return Ok(Command::Stop(name.clone(), None));
        };
        self.end_at(rest)?;
        let ms = values::stop_ms(&timeout.text)
            .map_err(|message| CommandError::new(timeout.span, message))?;
        Ok(Command::Stop(name.clone(), Some(ms)))
    }

    /// `NAME... [force]`; a partition of that name can be restarted alone.
    fn restart(&self) -> Result<Command, CommandError> {
        let mut names = self.names()?;
        let is_force = names.len() > 1 && names.last().is_some_and(|word| word.text == "force");
        if is_force {
            names.pop();
        }
        let force = if is_force { Force::Yes } else { Force::No };
        Ok(Command::Restart(names, force))
    }

    fn names(&self) -> Result<Vec<Word>, CommandError> {
        self.name()?;
        for (i, name) in self.rest.iter().enumerate() {
            if self.rest[..i].iter().any(|other| other.text == name.text) {
                let message = format!("\"{}\" is listed twice", Cut(&name.text));
                return Err(CommandError::new(name.span, message));
            }
        }
        Ok(self.rest.to_vec())
    }

    /// One word or none.
    fn word(&self) -> Result<Option<Word>, CommandError> {
        let Some((word, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.end_at(rest)?;
        Ok(Some(word.clone()))
    }

    fn topic(&self) -> Result<Option<Verb>, CommandError> {
        self.word()?.as_ref().map(verb).transpose()
    }

    fn force(&self) -> Result<Force, CommandError> {
        match self.rest {
            [] => Ok(Force::No),
            [word, rest @ ..] if word.text == "force" => self.end_at(rest).map(|()| Force::Yes),
            [word, ..] => {
                // Most likely the name of a partition, by who does not know that the machine is meant.
                let of_one = if self.verb == Verb::Reset {
                    "restart"
                } else {
                    "stop"
                };
                let message = format!(
                    "\"{}\" is too much here (accepted: {}; of a partition: {of_one} NAME)",
                    Cut(&word.text),
                    usage(self.verb)
                );
                Err(CommandError::new(word.span, message))
            }
        }
    }

    fn nothing(&self, command: Command) -> Result<Command, CommandError> {
        self.end_at(self.rest).map(|()| command)
    }

    fn end_at(&self, rest: &[Word]) -> Result<(), CommandError> {
        if rest.is_empty() {
            Ok(())
        } else {
            Err(self.surplus(rest))
        }
    }

    fn surplus(&self, rest: &[Word]) -> CommandError {
        let word = rest.first().unwrap_or(self.first);
        let message = format!(
            "\"{}\" is too much here (accepted: {})",
            Cut(&word.text),
            usage(self.verb)
        );
        CommandError::new(word.span, message)
    }

    /// An error about what should have come next.
    fn missing(&self, what: &str) -> CommandError {
        let end = self.rest.last().unwrap_or(self.first).span.end;
        let span = Span {
            start: end + 1,
            end: end + 1,
        };
        let message = format!("{what} (accepted: {})", usage(self.verb));
        CommandError::new(span, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        parse(line).unwrap().unwrap().command
    }

    #[test]
    fn every_command_is_read_as_it_is_written() {
        for verb in Verb::ALL {
            assert!(usage(verb).starts_with(verb.name()));
            assert_eq!(Verb::from_name(verb.name()), Some(verb));
        }
        let table = [
            ("list # now", Command::List),
            ("log", Command::Log(Vec::new())),
            ("watch", Command::Watch),
            ("keymap", Command::Keymap(None)),
            ("status", Command::Status(None)),
            ("isolation", Command::Isolation(None)),
            ("version", Command::Version),
            ("machine", Command::Machine),
            ("cores", Command::Cores),
            ("memory", Command::Memory),
            ("devices", Command::Devices),
            ("images", Command::Images),
            ("check", Command::Check(None)),
            ("help", Command::Help(None)),
            ("?", Command::Help(None)),
            ("? start", Command::Help(Some(Verb::Start))),
            ("halt", Command::Halt),
            ("help start", Command::Help(Some(Verb::Start))),
            ("reset", Command::Reset(Force::No)),
            ("poweroff force", Command::Poweroff(Force::Yes)),
        ];
        for (line, command) in table {
            assert_eq!(parsed(line), command, "{line}");
        }
        assert_eq!(parse(" # nothing"), Ok(None));
    }

    #[test]
    fn names_are_kept_with_their_places() {
        let Command::Start(names) = parsed("start a 'b' c") else {
            panic!("not a start");
        };
        let places: Vec<_> = names
            .iter()
            .map(|n| (n.text.as_str(), n.span.start))
            .collect();
        assert_eq!(places, [("a", 6), ("b", 8), ("c", 12)]);
        let Command::Set(name, settings) = parsed("set web console=none initrd= cores=2,1") else {
            panic!("not a set");
        };
        assert_eq!(name.text, "web");
        assert_eq!(settings.change.console, Some(None));
        assert_eq!(settings.change.initrds, Some(Vec::new()));
        assert_eq!(settings.change.cores, Some([2, 1].to_vec()));
        assert_eq!(settings.change.kernel, None);
    }
}
