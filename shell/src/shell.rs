//! The shell itself: the line editor on one side, the commands on the other.

use core::fmt::{self, Write};

use crate::complete::{columns, complete};
use crate::control::Control;
use crate::error::{CommandError, Failure, caret_under_typed, quote};
use crate::line::{LineEditor, Outcome, PROMPT};
use crate::parse::parse;
use crate::run::run;

/// A shell on one terminal.
///
/// Output is text with `\n` at line ends; the console makes of it what its terminal needs.
/// What a console can't print is lost: there is nobody to tell.
#[derive(Debug, Default)]
pub struct Shell {
    editor: LineEditor,
    /// Tab was pressed and could not decide: the next one lists.
    undecided: bool,
}

/// A script stopped at its first error, which has been printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptStopped {
    /// The line of the error, from 1.
    pub line: usize,
}

impl fmt::Display for ScriptStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the script stopped at line {}", self.line)
    }
}

impl core::error::Error for ScriptStopped {}

impl Shell {
    /// A shell that has shown nothing yet: print a greeting, run the script, then call
    /// [`Self::prompt`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the prompt at the start of an empty row.
    pub fn prompt(&mut self, out: &mut dyn Write) {
        let _ = self.editor.prompt(out);
    }

    /// Takes one byte that the terminal sent: echoes it, edits, and at the end of a line runs
    /// the command and shows the prompt again.
    pub fn feed(&mut self, byte: u8, control: &mut dyn Control, out: &mut dyn Write) {
        let _ = self.take(byte, control, out);
    }

    /// Prints `* line` on a row of its own and shows again what was being typed.
    pub fn event(&mut self, line: &str, out: &mut dyn Write) {
        let _ = self.editor.interrupt(out, |out| {
            out.write_str("* ")?;
            // Reasons may quote what a firmware or an image says: nothing may move the cursor.
            for c in line.chars() {
                out.write_char(if c.is_control() { '?' } else { c })?;
            }
            out.write_char('\n')
        });
    }

    /// Runs `text`, the script called `name`, up to its first error: that is printed as
    /// `name:LINE: error: ...` below the line and its caret.
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
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            if let Err(Failure::Refused(error)) = execute(line, control, out) {
                let line_number = index + 1;
                let _ = quote(line, error.span, out);
                let _ = writeln!(out, "{name}:{line_number}: error: {error}");
                return Err(ScriptStopped { line: line_number });
            }
        }
        Ok(())
    }

    fn take(&mut self, byte: u8, control: &mut dyn Control, out: &mut dyn Write) -> fmt::Result {
        let Some(outcome) = self.editor.feed(byte, out)? else {
            return Ok(());
        };
        let undecided = core::mem::take(&mut self.undecided);
        match outcome {
            Outcome::Editing => Ok(()),
            Outcome::Complete => self.tab(undecided, control, out),
            Outcome::Submitted(line) => {
                match execute(&line, control, out) {
                    Ok(()) => {}
                    Err(Failure::Refused(error)) => refuse(&line, &error, out)?,
                    Err(Failure::Output(error)) => return Err(error),
                }
                self.editor.prompt(out)
            }
        }
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
        if undecided && !completion.candidates.is_empty() {
            self.editor.step_down(out)?;
            out.write_str(&columns(&completion.candidates))?;
            return self.editor.prompt(out);
        }
        self.undecided = true;
        self.editor.bell(out)
    }
}

/// Runs one line.
fn execute(line: &str, control: &mut dyn Control, out: &mut dyn Write) -> Result<(), Failure> {
    match parse(line)? {
        Some(request) => run(&request, control, out),
        None => Ok(()),
    }
}

fn refuse(line: &str, error: &CommandError, out: &mut dyn Write) -> fmt::Result {
    caret_under_typed(line, error.span, PROMPT.len(), out)?;
    writeln!(out, "error: {error}")
}
