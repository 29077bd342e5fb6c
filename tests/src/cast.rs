//! Recordings of a terminal: asciinema's file format, version 2. The first line is a header, each
//! further line is an event: seconds since the start, `"o"` for output, and the text.

use std::fmt::Write;
use std::time::Duration;

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Columns of the terminal.
    pub width: usize,
    /// Rows of the terminal.
    pub height: usize,
    /// What it shows.
    pub title: String,
    /// A player shows no pause for longer than this. The times in the file are the real ones.
    pub longest_pause: Duration,
    /// Output, and when it came.
    pub events: Vec<(Duration, String)>,
}

impl Cast {
    /// The recording from the first `start` on, which makes the time zero. `None` if it is not there.
    #[must_use]
    pub fn from(mut self, start: &str) -> Option<Self> {
        let text: String = self.events.iter().map(|(_, text)| text.as_str()).collect();
        let mut skipped = text.find(start)?;
        while let Some((_, text)) = self.events.first_mut() {
            if text.len() > skipped {
                text.drain(..skipped);
                break;
            }
            skipped -= text.len();
            self.events.remove(0);
        }
        let zero = self.events.first()?.0;
        for (at, _) in &mut self.events {
            *at -= zero;
        }
        Some(self)
    }

    /// The events as a player shows them: no pause is longer than the longest.
    #[must_use]
    pub fn played(&self) -> Vec<(Duration, &str)> {
        let (mut now, mut before) = (Duration::ZERO, Duration::ZERO);
        let mut played = Vec::new();
        for (at, text) in &self.events {
            now += at.saturating_sub(before).min(self.longest_pause);
            before = *at;
            played.push((now, text.as_str()));
        }
        played
    }

    /// The file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = format!(
            "{{\"version\": 2, \"width\": {}, \"height\": {}, \"idle_time_limit\": {}, \"title\": {}}}\n",
            self.width,
            self.height,
            self.longest_pause.as_secs_f64(),
            quoted(&self.title)
        );
        for (at, text) in &self.events {
            // Writing into a string never fails.
            let _ = writeln!(out, "[{:.3}, \"o\", {}]", at.as_secs_f64(), quoted(text));
        }
        out
    }

    /// Reads a file as [`Self::write`] makes it.
    ///
    /// # Errors
    /// Which line is not one, and why.
    pub fn parse(file: &str) -> Result<Self, String> {
        let mut lines = file.lines().zip(1..);
        let (header, _) = lines.next().ok_or("there is no header")?;
        if value(header, "version") != Some("2") {
            return Err(format!("line 1: version 2 is accepted: {header}"));
        }
        let number = |key: &str| {
            let number = value(header, key).and_then(|text| text.parse::<f64>().ok());
            let number = number.filter(|number| (0.0..1e6).contains(number));
            number.ok_or_else(|| format!("line 1: no {key}: {header}"))
        };
        let title = header.split_once("\"title\": ").map(|(_, rest)| rest);
        let title = title.and_then(unquoted).ok_or("line 1: no title")?.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`number` takes what is below a million"
        )]
        let mut cast = Self {
            width: number("width")? as usize,
            height: number("height")? as usize,
            title,
            longest_pause: Duration::from_secs_f64(number("idle_time_limit")?),
            events: Vec::new(),
        };
        for (line, number) in lines {
            let (at, text) = event(line).ok_or_else(|| format!("line {number}: {line}"))?;
            if cast.events.last().is_some_and(|(before, _)| at < *before) {
                return Err(format!("line {number}: before the one above it: {line}"));
            }
            cast.events.push((at, text));
        }
        Ok(cast)
    }
}

fn event(line: &str) -> Option<(Duration, String)> {
    let (at, rest) = line.strip_prefix('[')?.split_once(", \"o\", ")?;
    let at = Duration::try_from_secs_f64(at.parse().ok()?).ok()?;
    let (text, rest) = unquoted(rest)?;
    (rest == "]").then_some((at, text))
}

/// The text of a number in the header.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("\"{key}\": "))?;
    let end = rest.find([',', '}'])?;
    Some(&rest[..end])
}

/// A text as JSON spells it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => {
                // Writing into a string never fails.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text at the start of JSON, and what follows it.
fn unquoted(json: &str) -> Option<(String, &str)> {
    let mut characters = json.strip_prefix('"')?.chars();
    let mut out = String::new();
    loop {
        match characters.next()? {
            '"' => return Some((out, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                'u' => {
                    let code: String = characters.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                c @ ('"' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Cast {
        let ms = Duration::from_millis;
        Cast {
            width: 80,
            height: 24,
            title: "a \"title\"".to_string(),
            longest_pause: ms(1500),
            events: vec![
                (ms(1000), "BIOS\r\nBu".to_string()),
                (ms(1250), "lkhead \\ \u{8}\u{1b}[K\"é\"".to_string()),
                (ms(9250), "later".to_string()),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let file = sample().write();
        assert_eq!(Cast::parse(&file), Ok(sample()), "{file}");
        let mut lines = file.lines();
        assert_eq!(
            lines.next(),
            Some(
                "{\"version\": 2, \"width\": 80, \"height\": 24, \"idle_time_limit\": 1.5, \
                 \"title\": \"a \\\"title\\\"\"}"
            )
        );
        assert_eq!(lines.next(), Some("[1.000, \"o\", \"BIOS\\r\\nBu\"]"));
        assert_eq!(
            lines.next(),
            Some("[1.250, \"o\", \"lkhead \\\\ \\u0008\\u001b[K\\\"é\\\"\"]")
        );
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let good = sample().write();
        for (from, to) in [
            ("\"version\": 2", "\"version\": 1"),
            ("\"width\": 80", "\"width\": -1"),
            ("\"o\"", "\"i\""),
            ("later\"]", "later\""),
            ("9.250", "0.250"),
            ("\\u001b", "\\u00"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(Cast::parse(&bad).is_err(), "{bad}");
        }
        assert!(Cast::parse("").is_err());
    }

    #[test]
    fn it_begins_where_it_shall() {
        let cast = sample().from("Bulkhead").expect("it is there");
        let texts: Vec<&str> = cast.events.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts[0], "Bu");
        assert_eq!(texts.len(), 3);
        assert_eq!(cast.events[1].0, Duration::from_millis(250));
        let cast = sample().from("lkhead").expect("it is there");
        assert_eq!(cast.events[0].0, Duration::ZERO);
        assert_eq!(cast.events.len(), 2);
        assert_eq!(sample().from("nothing"), None);
    }

    #[test]
    fn pauses_are_cut_and_nothing_else() {
        let played: Vec<u128> = sample()
            .played()
            .iter()
            .map(|(at, _)| at.as_millis())
            .collect();
        assert_eq!(played, [1000, 1250, 2750]);
    }
}
