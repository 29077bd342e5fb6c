//! A recording as a moving picture: an SVG that plays by itself, without scripts, wherever a page
//! shows it as an image. What does not move pictures shows its end.
//!
//! Each row of the terminal is written once for each time that it stays as it is, and is visible
//! during that time. The terminal is [`bulkhead_terminal::screen`]'s, and so are the colours: Bulkhead's serial
//! line has none, its screen tells lines apart in the same way.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use bulkhead_terminal::screen::{Display, Kind, Row, Surface};

use crate::cast::Cast;

/// What comes within this time is seen at once: two keys or so, since each picture of a row takes
/// its bytes.
const MOMENT: Duration = Duration::from_millis(140);
/// How long the end stays before all begins again.
const LAST: Duration = Duration::from_secs(5);

/// Size of a character, and the space around all, in pixels.
const WIDTH: f32 = 7.8;
const HEIGHT: usize = 16;
const MARGIN: usize = 10;

/// A row as it is seen: what is in it, its colour, and the cursor's column.
type Line = (String, Kind, Option<usize>);

/// The terminal at one time.
#[derive(Clone)]
struct Frame {
    at: Duration,
    lines: Vec<Line>,
}

impl Surface for Frame {
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        let text = String::from_utf8_lossy(content.cells).into_owned();
        self.lines[row] = (text, content.kind, content.cursor);
    }
}

/// The picture of a recording.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a recording's width is below a million"
)]
pub fn render(cast: &Cast) -> String {
    let frames = frames(cast);
    let end = frames.last().map_or(Duration::ZERO, |frame| frame.at) + LAST;
    let (width, height) = (
        (cast.width as f32 * WIDTH).ceil() as usize + 2 * MARGIN,
        cast.height * HEIGHT + 2 * MARGIN,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\">\n<title>{}</title>\n<style>text{{font:13px \
         ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;white-space:pre}}",
        escaped(&cast.title)
    );
    let kinds = [
        Kind::Output,
        Kind::Input,
        Kind::Event,
        Kind::Warning,
        Kind::Error,
    ];
    // Writing into a string never fails, here and below.
    for kind in kinds {
        let [red, green, blue] = kind.colours().0;
        let _ = write!(
            out,
            ".{}{{fill:#{red:02x}{green:02x}{blue:02x}}}",
            class(kind)
        );
    }
    let _ = writeln!(
        out,
        "</style>\n<rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#000\"/>"
    );
    for ((from, to), rows) in spans(&frames, cast.height) {
        let start = frames[from].at;
        let stop = frames.get(to).map_or(end, |frame| frame.at);
        let hidden = if to < frames.len() {
            " visibility=\"hidden\""
        } else {
            ""
        };
        let _ = write!(out, "<g{hidden}>{}", animation(start, stop, end));
        for (row, line) in rows {
            write_line(&mut out, row, line);
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// The terminal each time that it has changed.
fn frames(cast: &Cast) -> Vec<Frame> {
    let mut display = Display::new(cast.width, cast.height);
    let mut frame = Frame {
        at: Duration::ZERO,
        lines: vec![(String::new(), Kind::Output, None); cast.height],
    };
    let mut frames: Vec<Frame> = Vec::new();
    for (at, text) in cast.played() {
        display.write(text);
        display.draw(&mut frame);
        match frames.last_mut() {
            Some(last) if at < last.at + MOMENT => last.lines.clone_from(&frame.lines),
            Some(last) if last.lines == frame.lines => {}
            _ => {
                frame.at = at;
                frames.push(frame.clone());
            }
        }
    }
    frames
}

/// From which frame to before which one which rows stay as they are.
fn spans(frames: &[Frame], height: usize) -> BTreeMap<(usize, usize), Vec<(usize, &Line)>> {
    let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in 0..height {
        let mut from = 0;
        for to in 1..=frames.len() {
            let line = &frames[from].lines[row];
            if frames.get(to).is_none_or(|frame| frame.lines[row] != *line) {
                if !line.0.is_empty() || line.2.is_some() {
                    spans.entry((from, to)).or_default().push((row, line));
                }
                from = to;
            }
        }
    }
    spans
}

/// What makes a group visible from `start` to before `stop`, again and again.
fn animation(start: Duration, stop: Duration, end: Duration) -> String {
    let part = |at: Duration| (at.as_secs_f64() / end.as_secs_f64() * 1e5).round() / 1e5;
    let (values, times) = match (start.is_zero(), stop == end) {
        (true, true) => return String::new(),
        (true, false) => ("visible;hidden", format!("0;{}", part(stop))),
        (false, true) => ("hidden;visible", format!("0;{}", part(start))),
        (false, false) => (
            "hidden;visible;hidden",
            format!("0;{};{}", part(start), part(stop)),
        ),
    };
    format!(
        "<animate attributeName=\"visibility\" values=\"{values}\" keyTimes=\"{times}\" \
         calcMode=\"discrete\" dur=\"{:.2}s\" repeatCount=\"indefinite\"/>",
        end.as_secs_f64()
    )
}

fn write_line(out: &mut String, row: usize, (text, kind, cursor): &Line) {
    let top = MARGIN + row * HEIGHT;
    let x = |column: usize| MARGIN as f32 + column as f32 * WIDTH;
    if let Some(column) = cursor {
        let _ = write!(
            out,
            "<rect x=\"{:.1}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#888\"/>",
            x(*column)
        );
    }
    let shown = text.trim_end();
    let indent = shown.len() - shown.trim_start().len();
    let shown = shown.trim_start();
    if shown.is_empty() {
        return;
    }
    // The length keeps the columns in line whatever font there is.
    let _ = write!(
        out,
        "<text class=\"{}\" x=\"{:.1}\" y=\"{}\" textLength=\"{:.1}\">{}</text>",
        class(*kind),
        x(indent),
        top + 12,
        shown.chars().count() as f32 * WIDTH,
        escaped(shown)
    );
}

const fn class(kind: Kind) -> char {
    match kind {
        Kind::Output | Kind::Status => 'o',
        Kind::Input => 'i',
        Kind::Event => 'e',
        Kind::Warning => 'w',
        Kind::Error => 'r',
    }
}

/// Text between tags.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(events: &[(u64, &str)]) -> Cast {
        let events = events
            .iter()
            .map(|(at, text)| (Duration::from_millis(*at), (*text).to_string()));
        Cast {
            width: 40,
            height: 3,
            title: "<x>".to_string(),
            longest_pause: Duration::from_secs(2),
            events: events.collect(),
        }
    }

    #[test]
    fn each_row_is_there_while_it_is_seen() {
        let cast = cast(&[
            (0, "bulkhead> "),
            (1000, "l"),
            (1010, "s"),
            (3000, "\r\nerror: <&>\r\n"),
        ]);
        let frames = frames(&cast);
        let at: Vec<u128> = frames.iter().map(|frame| frame.at.as_millis()).collect();
        assert_eq!(at, [0, 1000, 3000]);
        assert_eq!(frames[1].lines[0].0, "bulkhead> ls");
        assert_eq!(frames[1].lines[0].2, Some(12));
        let svg = render(&cast);
        // From 1 s to 3 s of 8 s the row with the cursor, and then, up to the end, without it.
        assert!(svg.contains("keyTimes=\"0;0.125;0.375\""), "{svg}");
        assert_eq!(svg.matches(">bulkhead&gt; ls</text>").count(), 2, "{svg}");
        assert!(svg.contains("class=\"r\" x=\"10.0\" y=\"38\""), "{svg}");
        assert!(svg.contains(">error: &lt;&amp;&gt;</text>"), "{svg}");
        assert!(svg.contains("<title>&lt;x&gt;</title>"));
        assert!(!svg.contains("<script"));
    }

    #[test]
    fn without_motion_the_end_is_seen() {
        let svg = render(&cast(&[(0, "first"), (1000, "\rlater"), (2000, "\rthird")]));
        for (text, is_seen) in [("first", false), ("later", false), ("third", true)] {
            let line = svg.lines().find(|line| line.contains(&format!(">{text}<")));
            let line = line.expect("each is in it");
            assert_eq!(!line.starts_with("<g visibility"), is_seen, "{line}");
        }
    }

    #[test]
    fn what_scrolls_away_is_gone() {
        let cast = cast(&[(0, "a\r\nb\r\nc"), (1000, "\r\nd")]);
        let frames = frames(&cast);
        let texts = |frame: &Frame| -> Vec<String> {
            frame.lines.iter().map(|line| line.0.clone()).collect()
        };
        assert_eq!(texts(&frames[0]), ["a", "b", "c"]);
        assert_eq!(texts(&frames[1]), ["b", "c", "d"]);
    }

    #[test]
    fn a_long_pause_takes_no_time() {
        let svg = render(&cast(&[(0, "a"), (60_000, "b")]));
        assert!(svg.contains("dur=\"7.00s\""), "{svg}");
    }
}
