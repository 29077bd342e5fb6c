//! What came of the cases, as it is committed, compared with, and shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::cases::Case;
use super::look::{Done, Verdict};
use super::mode::Mode;

/// Of every mode and case that was run, the last time: `docs/evaluation/torture.json`.
#[derive(Clone, Debug, Default)]
pub struct Results(Map<String, Value>);

impl Results {
    /// Reads what [`Results::text`] has written.
    ///
    /// # Errors
    /// What is not so.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("torture.json: {error}"))?;
        let Value::Object(modes) = value else {
            return Err("torture.json: no object".to_string());
        };
        for (mode, cases) in &modes {
            let cases = cases.as_object().filter(|_| Mode::by_name(mode).is_some());
            let cases = cases.ok_or_else(|| format!("torture.json: {mode} is no mode"))?;
            if let Some((name, _)) = cases.iter().find(|(_, case)| verdict(case).is_none()) {
                return Err(format!("torture.json: {mode}, {name}: no verdict"));
            }
        }
        Ok(Self(modes))
    }

    /// As it is committed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }

    /// Puts in what came of a case in place of what was there: on which machine, of which commit, when.
    pub fn put(
        &mut self,
        mode: Mode,
        case: &Case,
        done: &Done,
        [machine, commit, date]: [&str; 3],
    ) {
        let cases = self.0.entry(mode.to_string());
        let cases = cases.or_insert_with(|| Value::Object(Map::new()));
        cases[case.name] = json!({
            "verdict": done.verdict.to_string(),
            "state": done.state,
            "said": done.said,
            "machine": machine,
            "commit": commit,
            "date": date,
        });
    }

    /// The verdict of a case.
    #[must_use]
    pub fn verdict(&self, mode: Mode, case: &str) -> Option<Verdict> {
        verdict(self.0.get(&mode.to_string())?.get(case)?)
    }

    /// How many cases came to what, a sentence for each mode. Controls are none.
    #[must_use]
    pub fn summary(&self, cases: &[Case]) -> String {
        let all = self.counts(cases, Mode::Bare).iter().sum::<usize>();
        let mut text = format!("Of {all} cases:");
        for mode in Mode::ALL {
            let [nothing, contained, hurt, open] = self.counts(cases, mode);
            // Writing into a string never fails.
            let _ = write!(
                text,
                " in `{mode}` {nothing} nothing happens, {contained} contained, {hurt} not contained, {open} not run;"
            );
        }
        text.pop();
        text + ".\n"
    }

    /// How many came to nothing, were contained, were not, and were not run. Controls are none.
    #[must_use]
    pub fn counts(&self, cases: &[Case], mode: Mode) -> [usize; 4] {
        let mut counts = [0; 4];
        for case in cases {
            let which = match self.verdict(mode, case.name) {
                _ if case.name.starts_with("control-") => continue,
                Some(Verdict::Nothing) => 0,
                Some(Verdict::Contained) => 1,
                Some(Verdict::NotContained(_)) => 2,
                None => 3,
            };
            counts[which] += 1;
        }
        counts
    }

    /// Which Bulkheads it was done with, and how often, a sentence.
    #[must_use]
    pub fn versions(&self) -> String {
        let modes = self.0.values().filter_map(Value::as_object);
        let mut counts = BTreeMap::new();
        for case in modes.flat_map(|cases| cases.values()) {
            let version = match (case["commit"].as_str(), case["date"].as_str()) {
                (Some(commit), Some(date)) => format!("{commit} on {date}"),
                _ => "30 November 2026 and the day before, of which nothing more was written down"
                    .to_string(),
            };
            *counts.entry(version).or_insert(0) += 1;
        }
        let counts = counts
            .iter()
            .map(|(version, count)| format!("{count} of {version}"));
        format!("Runs: {}.\n", counts.collect::<Vec<_>>().join("; "))
    }

    /// The table, one row for each case.
    #[must_use]
    pub fn markdown(&self, cases: &[Case]) -> String {
        let mut text = format!("{}\n{}\n", self.summary(cases), self.versions());
        text += "| case | what is done | `bare` | `dma` | `guard` | on real hardware |\n|---|---|---|---|---|---|\n";
        let cell = |mode, case: &Case| match self.verdict(mode, case.name) {
            Some(Verdict::NotContained(how)) => format!("**not contained**: {how}"),
            Some(verdict) => verdict.to_string(),
            None => "not run".to_string(),
        };
        for case in cases {
            let [bare, dma] = Mode::ALL.map(|mode| cell(mode, case));
            // Writing into a string never fails.
            let _ = writeln!(
                text,
                "| `{}` | {} | {bare} | {dma} | | {} |",
                case.name, case.what, case.note
            );
        }
        text
    }
}

fn verdict(case: &Value) -> Option<Verdict> {
    Verdict::parse(case["verdict"].as_str()?)
}

/// Whether a case went worse than it did before.
#[must_use]
pub fn worse(before: &Verdict, now: &Verdict) -> bool {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Nothing => 0,
        Verdict::Contained => 1,
        Verdict::NotContained(_) => 2,
    };
    rank(now) > rank(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::all;

    fn hurt(how: &str) -> Verdict {
        Verdict::NotContained(how.to_string())
    }

    #[test]
    fn what_was_written_is_read_and_shown() {
        let cases = all();
        let verdicts = [
            Verdict::Nothing,
            Verdict::Contained,
            hurt("the witness does not answer; more"),
        ];
        let mut results = Results::default();
        // The last ones are no controls.
        let chosen = || cases.iter().rev().zip(&verdicts);
        for (case, verdict) in chosen() {
            let done = Done {
                verdict: verdict.clone(),
                said: "HOSTILE did 1".to_string(),
                state: "running".to_string(),
            };
            results.put(Mode::Dma, case, &done, ["QEMU", "abc", "2026-11-30"]);
        }
        let read = Results::parse(&results.text()).unwrap();
        for (case, verdict) in chosen() {
            assert_eq!(read.verdict(Mode::Dma, case.name).as_ref(), Some(verdict));
            assert_eq!(read.verdict(Mode::Bare, case.name), None);
        }
        let table = read.markdown(&cases);
        let cells = "| not run | **not contained**: the witness does not answer; more |";
        assert!(table.contains(cells), "{table}");
        assert_eq!(table.lines().count(), cases.len() + 6);
        assert!(table.contains("Runs: 3 of abc on 2026-11-30.\n"), "{table}");
        let controls = cases
            .iter()
            .filter(|case| case.name.starts_with("control-"));
        let rest = cases.len() - controls.count() - 3;
        let counts =
            format!("in `dma` 1 nothing happens, 1 contained, 1 not contained, {rest} not run.");
        assert!(
            read.summary(&cases).ends_with(&format!("{counts}\n")),
            "{}",
            read.summary(&cases)
        );
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for text in [
            "",
            "[]",
            "{\"guard\": {}}",
            "{\"bare\": []}",
            "{\"bare\": {\"cf9\": {\"verdict\": \"fine\"}}}",
        ] {
            assert!(Results::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn worse_is_who_else_is_hurt_and_not_how() {
        assert!(worse(&Verdict::Nothing, &Verdict::Contained));
        assert!(worse(&Verdict::Contained, &hurt("a")));
        assert!(!worse(&hurt("a"), &hurt("b")));
        assert!(!worse(&hurt("a"), &Verdict::Nothing));
    }
}
