//! The shell itself: the line editor on one side, the commands on the other.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::command::Command;
use crate::complete::complete;
use crate::control::Control;
use crate::error::{CommandError, Failure, Span, caret_under_typed};
use crate::line::{LineEditor, Outcome, PROMPT};
use crate::parse::parse;
use crate::run::{Goes, Listening, Watch};
use crate::script::{Reader, ScriptStopped, write_event};
use crate::words::too_long;

/// A shell on one terminal.
///
/// Output is text with `\n` at line ends; the console makes of it what its terminal needs.
/// What a console can't print is lost: there is nobody to tell.
#[derive(Debug, Default)]
pub struct Shell {
    editor: LineEditor,
    /// Tab was pressed and could not decide: the next one lists.
    undecided: bool,
    /// Lines of scripts are shown before they are run.
    echo: bool,
    /// There is no prompt, but this.
    instead: Option<Instead>,
}

/// What goes on by itself until a key is pressed.
#[derive(Debug)]
enum Instead {
    /// The partitions are watched.
    Watch(Watch),
    /// A partition is listened to.
    Console(Box<Listening>),
}

impl Shell {
    /// A shell that has shown nothing yet: print a greeting, run the script, then call
    /// [`Self::prompt`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the lines of scripts before they are run, as `name:LINE: ...`.
    pub fn echo_scripts(&mut self) {
        self.echo = true;
    }

    /// Shows the prompt at the start of an empty row.
    pub fn prompt(&mut self, out: &mut dyn Write) {
        self.instead = None;
        let _ = self.editor.prompt(out);
    }

    /// Takes one byte that the terminal sent: echoes it, edits, and at the end of a line runs
    /// the command and shows the prompt again.
    pub fn feed(&mut self, byte: u8, control: &mut dyn Control, out: &mut dyn Write) {
        let _ = self.take(byte, control, out);
    }

    /// Shows anew what changes by itself, if it is time: to be called now and then.
    pub fn tick(&mut self, control: &dyn Control, out: &mut dyn Write) {
        let _ = match &mut self.instead {
            Some(Instead::Watch(watch)) => watch.tick(control, out),
            Some(Instead::Console(listening)) => match listening.tick(control, out) {
                Ok(Goes::Over) => {
                    self.instead = None;
                    self.editor.prompt(out)
                }
                done => done.map(drop),
            },
            None => Ok(()),
        };
    }

    /// The partitions in one line, for the foot of a screen.
    #[must_use]
    pub fn status_line(control: &dyn Control) -> String {
        crate::run::status_line(control)
    }

    /// Prints `* line` on a row of its own and shows again what was being typed.
    pub fn event(&mut self, line: &str, out: &mut dyn Write) {
        match &mut self.instead {
            Some(Instead::Watch(watch)) => watch.event(line),
            _ => self.interrupt(out, |out| {
                let _ = write_event(line, out);
            }),
        }
    }

    /// Prints on rows of its own and shows again what was being typed.
    pub(crate) fn interrupt(&mut self, out: &mut dyn Write, print: impl FnOnce(&mut dyn Write)) {
        if let Some(Instead::Console(listening)) = &mut self.instead {
            let _ = listening.own_row(out);
            return print(out);
        }
        let _ = self.editor.interrupt(out, |out| {
            print(out);
            Ok(())
        });
    }

    /// Runs `text`, the script called `name`, up to its first error: that is printed as
    /// `name:LINE: error: ...` below the line and its caret. After `on-error continue` it goes on.
    ///
    /// # Errors
    /// [`ScriptStopped`], if there was an error. What stands before it was done.
    pub fn script(
        &mut self,
        name: &str,
        text: &str,
        control: &mut dyn Control,
        out: &mut dyn Write,
    ) -> Result<(), ScriptStopped> {
        let operator = Reader::operator(self.echo);
        let done = operator.inner(name).script(text, control, out);
        // Nobody types here: who reads it later is to know what is missing.
        if let Err(stopped) = &done {
            let _ = writeln!(out, "{name}: {stopped}");
        }
        done
    }

    fn take(&mut self, byte: u8, control: &mut dyn Control, out: &mut dyn Write) -> fmt::Result {
        match self.instead.take() {
            Some(Instead::Watch(_)) => {
                // Whatever the key is, it has done its work.
                self.editor.swallow(byte);
                return self.editor.prompt(out);
            }
            Some(Instead::Console(mut listening)) => {
                if listening.key(byte, control, out)? == Goes::Over {
                    return self.editor.prompt(out);
                }
                self.instead = Some(Instead::Console(listening));
                return Ok(());
            }
            None => {}
        }
        let Some(outcome) = self.editor.feed(byte, out)? else {
            return Ok(());
        };
        let undecided = core::mem::take(&mut self.undecided);
        match outcome {
            Outcome::Editing => Ok(()),
            Outcome::Complete => self.tab(undecided, control, out),
            Outcome::TooLong { start, bytes } => {
                let end = start.len();
                let error = CommandError::new(Span { start: end, end }, too_long(bytes));
                refuse(&start, &error, out)?;
                self.editor.prompt(out)
            }
            Outcome::Submitted(line) => {
                if let Some(begun) = begin(&line, control, out) {
                    return self.go_on(begun, &line, control, out);
                }
                match Reader::operator(self.echo).line(&line, control, out) {
                    // What stopped an included script has been printed.
                    Ok(()) | Err(Failure::Included { .. }) => {}
                    Err(Failure::Refused(error)) => refuse(&line, &error, out)?,
                    Err(Failure::Output(error)) => return Err(error),
                }
                if control.is_leaving() {
                    return Ok(());
                }
                self.editor.prompt(out)
            }
        }
    }

    fn go_on(
        &mut self,
        begun: Result<Instead, Failure>,
        line: &str,
        control: &dyn Control,
        out: &mut dyn Write,
    ) -> fmt::Result {
        match begun {
            Ok(instead) => {
                self.instead = Some(instead);
                self.tick(control, out);
                return Ok(());
            }
            Err(Failure::Refused(error)) => refuse(line, &error, out)?,
            Err(Failure::Output(error)) => return Err(error),
            Err(Failure::Included { .. }) => {}
        }
        self.editor.prompt(out)
    }

    fn tab(
        &mut self,
        undecided: bool,
        control: &mut dyn Control,
        out: &mut dyn Write,
    ) -> fmt::Result {
        let completion = complete(self.editor.before(), control);
        let insertion = completion.insertion(self.editor.after());
        if !insertion.is_empty() {
            return self.editor.insert(&insertion, out);
        }
        if undecided && !completion.is_empty() {
            self.editor.step_down(out)?;
            completion.list(out)?;
            return self.editor.prompt(out);
        }
        self.undecided = true;
        self.editor.bell(out)
    }
}

/// What a line begins that goes on by itself, if it does.
fn begin(
    line: &str,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Option<Result<Instead, Failure>> {
    match parse(line).ok()??.command {
        Command::Watch => Some(Ok(Instead::Watch(Watch::default()))),
        Command::Console(name) => {
            control.observe();
            Some(Listening::to(&name, control, out).map(|of| Instead::Console(Box::new(of))))
        }
        _ => None,
    }
}

fn refuse(line: &str, error: &CommandError, out: &mut dyn Write) -> fmt::Result {
    caret_under_typed(line, error.span, PROMPT.len(), out)?;
    writeln!(out, "error: {error}")
}
