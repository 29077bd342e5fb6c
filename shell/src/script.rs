//! Scripts: lines of the shell's language that nobody types.
//!
//! A script is the boot script or an image that another script, or the operator, includes. What
//! happens to partitions is told between its lines.
//!
//! Key types: [`Reader`], [`ScriptStopped`].

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use bulkhead_memory::Bytes;
use bulkhead_model::{Image, ImageKind};

use crate::command::{Command, OnError};
use crate::control::Control;
use crate::error::{CommandError, Failure, did_you_mean, quote};
use crate::limits::{INCLUDES, SCRIPT_BYTES};
use crate::parse::parse;
use crate::run::{Done, run};
use crate::sentence::{Cut, listed};
use crate::words::Word;

/// A script stopped at its first error, which has been printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptStopped {
    /// The line of the error, from 1.
    pub line: usize,
}

impl fmt::Display for ScriptStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the script stopped at line {}; nothing behind it was done",
            self.line
        )
    }
}

impl core::error::Error for ScriptStopped {}

/// Whose lines are run.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The script's name; the operator at the prompt has none.
    name: Option<&'a str>,
    /// Who included it.
    outer: Option<&'a Reader<'a>>,
    on_error: OnError,
    /// Whether lines are shown before they are run.
    echo: bool,
}

impl<'a> Reader<'a> {
    /// The operator, whose scripts are shown line by line if `echo`.
    pub(crate) const fn operator(echo: bool) -> Self {
        Self {
            name: None,
            outer: None,
            on_error: OnError::Stop,
            echo,
        }
    }

    /// A script that this one includes.
    pub(crate) const fn inner(&'a self, name: &'a str) -> Self {
        Self {
            name: Some(name),
            outer: Some(self),
            on_error: self.on_error,
            echo: self.echo,
        }
    }

    /// The scripts being read, innermost first.
    fn names(&self) -> impl Iterator<Item = &str> {
        core::iter::successors(Some(self), |reader| reader.outer).filter_map(|reader| reader.name)
    }

    /// Runs one line.
    pub(crate) fn line(
        &mut self,
        line: &str,
        control: &mut dyn Control,
        out: &mut dyn Write,
    ) -> Done {
        let Some(request) = parse(line)? else {
            return Ok(());
        };
        match &request.command {
            Command::Include(name) => self.include(name, control, out),
            Command::OnError(_) if self.name.is_none() => {
                let message = "\"on-error\" is for scripts; at the prompt nothing stops";
                Err(CommandError::new(request.verb.span, message).into())
            }
            Command::OnError(what) => {
                self.on_error = *what;
                Ok(())
            }
            _ => run(&request, control, out),
        }
    }

    /// Runs a whole script, this one, up to its first error if that is to stop it. Errors are
    /// printed as `name:LINE: error: ...`, below the line and its caret.
    pub(crate) fn script(
        &mut self,
        text: &str,
        control: &mut dyn Control,
        out: &mut dyn Write,
    ) -> Result<(), ScriptStopped> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let name = self.name.unwrap_or_default();
        let mut refused = 0;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if self.echo {
                let _ = writeln!(out, "{name}:{number}: {}", line.trim_end());
            }
            let done = self.line(line, control, out);
            if control.is_leaving() {
                return Ok(());
            }
            // What the console can't print is lost: there is nobody to tell.
            let _ = tell_events(control, out);
            match done {
                Ok(()) | Err(Failure::Output(_)) => continue,
                Err(Failure::Refused(error)) => {
                    let _ = quote(line, error.span, out);
                    let _ = writeln!(out, "{name}:{number}: error: {error}");
                }
                Err(Failure::Included { name: inner, line }) => {
                    let _ = writeln!(
                        out,
                        "{name}:{number}: error: \"{inner}\" stopped at its line {line}"
                    );
                }
            }
            if self.on_error == OnError::Stop {
                return Err(ScriptStopped { line: number });
            }
            refused += 1;
        }
        if refused > 0 {
            let lines = if refused == 1 { "line" } else { "lines" };
            let _ = writeln!(out, "{name}: went on after {refused} refused {lines}");
        }
        Ok(())
    }

    /// `include NAME`
    fn include(&self, name: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
        let refuse = |message| CommandError::new(name.span, message);
        if self.names().any(|outer| outer == name.text) {
            return Err(refuse(format!("\"{}\" would include itself", name.text)).into());
        }
        if self.names().count() == INCLUDES {
            return Err(refuse(format!("scripts may include each other {INCLUDES} deep")).into());
        }
        let text = text(&name.text, control).map_err(refuse)?;
        self.inner(&name.text)
            .script(text, control, out)
            .map_err(|stopped| Failure::Included {
                name: name.text.clone(),
                line: stopped.line,
            })
    }
}

/// The text of the image called `name`; or why it is no script, naming it.
fn text(name: &str, control: &dyn Control) -> Result<&'static str, String> {
    let images = &control.machine().images;
    let Some(image) = control.machine().image(name) else {
        let names = || images.iter().map(|image| image.name.as_str());
        return Err(format!(
            "there is no image \"{}\"{} (images: {})",
            Cut(name),
            did_you_mean(name, names()),
            listed(names())
        ));
    };
    check_size(image)?;
    let bytes = image
        .region
        .map_or(&[][..], |region| control.image_bytes(region));
    core::str::from_utf8(bytes)
        .map_err(|error| format!("\"{name}\" is no script: not UTF-8 text: {error}"))
}

fn check_size(image: &Image) -> Result<(), String> {
    let name = &image.name;
    if !matches!(image.kind, ImageKind::Data(_)) {
        return Err(format!("\"{name}\" is no script: it is a kernel"));
    }
    if image.bytes() > SCRIPT_BYTES {
        let (size, most) = (Bytes(image.bytes()), Bytes(SCRIPT_BYTES));
        return Err(format!(
            "\"{name}\" is no script: it has {size} bytes, more than {most}"
        ));
    }
    Ok(())
}

/// Tells what happened to partitions, a line `* ...` each.
pub(crate) fn tell_events(control: &mut dyn Control, out: &mut dyn Write) -> fmt::Result {
    while let Some(line) = control.next_event() {
        write_event(&line, out)?;
    }
    Ok(())
}

/// Reasons of an event may quote what a firmware or an image says: nothing may move the cursor.
pub(crate) fn printable(c: char) -> char {
    if c.is_control() { '?' } else { c }
}

/// Prints `* line`.
pub(crate) fn write_event(line: &str, out: &mut dyn Write) -> fmt::Result {
    out.write_str("* ")?;
    line.chars()
        .try_for_each(|c| out.write_char(printable(c)))?;
    out.write_char('\n')
}
