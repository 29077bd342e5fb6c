//! Torture's page: its table, and how many cases came to what, as bars.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use super::plot::FONT;
use super::results::TORTURE as RESULTS;
use super::{END, Made};
use crate::torture::{Compared, Control, Mode, Results, Verdict, all};

const PAGE: &str = "torture.md";
const PLOT: &str = "torture.svg";
const BEGIN: &str = "<!-- made by make evaluation -->\n";

/// The page with its table made anew, and the plot.
pub(super) fn made(folder: &Path) -> Result<Made, String> {
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let page = read(PAGE)?;
    let results = self::read(&read(RESULTS)?)?;
    let wrong = || format!("{PAGE} has no {BEGIN:?} and {END:?}");
    let (head, rest) = page.split_once(BEGIN).ok_or_else(wrong)?;
    let (_, tail) = rest.split_once(END).ok_or_else(wrong)?;
    let table = results.markdown(&all());
    Ok(vec![
        (
            PAGE.to_string(),
            format!("{head}{BEGIN}\n{table}\n{END}{tail}"),
        ),
        (PLOT.to_string(), plot(&results)),
    ])
}

/// Of the cases that there are, with each control as it must be: else no verdict says anything.
pub(super) fn read(text: &str) -> Result<Results, String> {
    let results = Results::parse(text)?;
    let cases = all();
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{RESULTS}: {error}"))?;
    for (mode, own) in value.as_object().into_iter().flatten() {
        let mut names = own.as_object().into_iter().flat_map(Map::keys);
        if let Some(name) = names.find(|name| !cases.iter().any(|case| case.name == **name)) {
            let names: Vec<_> = cases.iter().map(|case| case.name).collect();
            return Err(format!(
                "{RESULTS}: {mode}, {name}: is no case; one of {} is accepted",
                names.join(", ")
            ));
        }
    }
    for (mode, case) in Mode::ALL
        .iter()
        .flat_map(|mode| cases.iter().map(move |case| (*mode, case)))
    {
        let wanted = match case.control {
            None => continue,
            Some(Control::Nobody) => Verdict::Nothing,
            Some(Control::Hurt(how)) => Verdict::NotContained(how.to_string()),
        };
        let is = match results.verdict(mode, case.name) {
            // As a run judges it.
            Some(is) if !Compared::of(case, None, &is).is_error() => continue,
            Some(is) => format!("\"{is}\""),
            None => "is missing".to_string(),
        };
        return Err(format!(
            "{RESULTS}: {mode}, {}: {is}, and \"{wanted}\" is accepted",
            case.name
        ));
    }
    Ok(results)
}

const WIDTH: usize = 640;
const LEFT: usize = 60;
const ROW: usize = 34;
/// What a case came to, and its colour: in the order of [`Results::counts`].
const PARTS: [(&str, &str); 4] = [
    ("nothing happens", "#2a6f2a"),
    ("contained", "#1b6ca8"),
    ("not contained", "#b03a2e"),
    ("not run", "#7f8c8d"),
];

/// A bar for each mode, as long as there are cases.
fn plot(results: &Results) -> String {
    let cases = all();
    let height = ROW * (Mode::ALL.len() + 1) + 16;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>torture</title>\n<style>text{{{FONT}}}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (index, mode) in Mode::ALL.into_iter().enumerate() {
        let counts = results.counts(&cases, mode);
        let total = counts.iter().sum::<usize>().max(1);
        let top = 8 + ROW * index;
        // Writing into a string never fails.
        let _ = writeln!(out, "<text x=\"4\" y=\"{}\">{mode}</text>", top + 17);
        let mut done = 0;
        for (count, (_, colour)) in counts.into_iter().zip(PARTS) {
            let at = |count: usize| LEFT + (WIDTH - LEFT - 8) * count / total;
            let (begin, end) = (at(done), at(done + count));
            done += count;
            if count > 0 {
                let _ = writeln!(
                    out,
                    "<rect x=\"{begin}\" y=\"{top}\" width=\"{}\" height=\"24\" fill=\"{colour}\"/>\
                     <text x=\"{}\" y=\"{}\" fill=\"#fff\">{count}</text>",
                    end - begin,
                    begin + 4,
                    top + 17
                );
            }
        }
    }
    let top = 8 + ROW * Mode::ALL.len();
    for (index, (name, colour)) in PARTS.into_iter().enumerate() {
        let left = LEFT + 145 * index;
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            top + 7,
            left + 14,
            top + 17
        );
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_cases() {
        let none = plot(&Results::default());
        let cases = all();
        let count = cases
            .iter()
            .filter(|case| !case.name.starts_with("control-"));
        let count = count.count();
        assert_eq!(none.matches(&format!(">{count}</text>")).count(), 2);
        let json = r#"{"bare": {"pit": {"verdict": "contained"}, "control-nothing": {"verdict": "nothing happens"}}}"#;
        let one = plot(&Results::parse(json).unwrap());
        assert!(one.contains(">1</text>") && one.contains(&format!(">{}</text>", count - 1)));
        assert!(!one.contains("fill=\"#2a6f2a\"/><text x=\"64\""));
    }
}
