//! What came of the cases, as it is committed, compared with, and shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::case::Case;
use super::mode::Mode;
use super::verdict::{Done, Verdict};

/// Of every mode and case that was run, the last time, or the worst one where that is chance:
/// `docs/evaluation/torture.json`.
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

    /// Puts in what came of a case in place of what was there: on which machine, of which commit, when. Of a case
    /// that goes this way or that by chance the worst stays; whether it was put in.
    pub fn put(
        &mut self,
        mode: Mode,
        case: &Case,
        done: &Done,
        [machine, commit, date]: [&str; 3],
    ) -> bool {
        let before = self.verdict(mode, case.name);
        if case.varies && before.is_some_and(|before| before.rank() > done.verdict.rank()) {
            return false;
        }
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
        if !done.earlier.is_empty() {
            let earlier: Vec<_> = done.earlier.iter().map(Verdict::to_string).collect();
            cases[case.name][EARLIER] = json!(earlier);
        }
        if done.may_be_the_hosts {
            cases[case.name][HOSTS] = json!(true);
        }
        true
    }

    /// The verdict of a case.
    #[must_use]
    pub fn verdict(&self, mode: Mode, case: &str) -> Option<Verdict> {
        verdict(self.0.get(&mode.to_string())?.get(case)?)
    }

    /// How many cases came to what, a sentence for each mode. Controls are none. Who hurt others is said: root
    /// of a partition, or QEMU's monitor.
    #[must_use]
    pub fn summary(&self, cases: &[Case]) -> String {
        let all = self.counts(cases, Mode::Bare).iter().sum::<usize>();
        let mut text = format!("Of {all} cases:");
        for mode in Mode::ALL {
            let [nothing, contained, hurt, open] = self.counts(cases, mode);
            let by_monitor = cases.iter().filter(|case| {
                let hurt = matches!(
                    self.verdict(mode, case.name),
                    Some(Verdict::NotContained(_))
                );
                case.is_by_monitor() && case.control.is_none() && hurt
            });
            let by_monitor = by_monitor.count();
            // Writing into a string never fails.
            let _ = write!(
                text,
                " in `{mode}` {nothing} nothing happens, {contained} contained, {hurt} not contained ({} by root of a \
                 partition, {by_monitor} by QEMU's monitor), {open} not run;",
                hurt - by_monitor
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
                _ if case.control.is_some() => continue,
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
        for case in cases {
            let [bare, dma] = Mode::ALL.map(|mode| self.cell(mode, case));
            // Writing into a string never fails.
            let _ = writeln!(
                text,
                "| `{}` | {} | {bare} | {dma} | | {} |",
                case.name, case.what, case.note
            );
        }
        text
    }

    /// What a case came to, and what else is to be known of that.
    fn cell(&self, mode: Mode, case: &Case) -> String {
        let Some(verdict) = self.verdict(mode, case.name) else {
            return "not run".to_string();
        };
        let mut text = match verdict {
            Verdict::NotContained(how) => format!("**not contained**: {how}"),
            verdict => verdict.to_string(),
        };
        let row = &self.0[&mode.to_string()][case.name];
        if case.varies {
            let commit = row["commit"].as_str();
            let commit = commit.map_or_else(String::new, |commit| format!(", of {commit}"));
            text += &format!(" (by chance: the worst that was seen{commit})");
        }
        if let Some(earlier) = row[EARLIER].as_array() {
            let earlier: Vec<_> = earlier.iter().filter_map(Value::as_str).collect();
            let looks = earlier.len() + 1;
            text += &format!(" (look {looks}; before it: {})", earlier.join(", then: "));
        }
        if row[HOSTS] == true {
            text += " (may be the host's)";
        }
        text
    }
}

/// What it came to at earlier looks.
const EARLIER: &str = "earlier";
/// Whether it may come of a host that had other work.
const HOSTS: &str = "may_be_the_hosts";

fn verdict(case: &Value) -> Option<Verdict> {
    Verdict::parse(case["verdict"].as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::all;

    fn hurt(how: &str) -> Verdict {
        Verdict::NotContained(how.to_string())
    }

    fn done(verdict: &Verdict) -> Done {
        Done {
            verdict: verdict.clone(),
            said: "HOSTILE did 1".to_string(),
            state: "running".to_string(),
            may_be_the_hosts: false,
            earlier: Vec::new(),
        }
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
            let done = done(verdict);
            assert!(results.put(Mode::Dma, case, &done, ["QEMU", "abc", "2026-11-30"]));
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
        let controls = cases.iter().filter(|case| case.control.is_some());
        let rest = cases.len() - controls.count() - 3;
        let counts = format!(
            "in `dma` 1 nothing happens, 1 contained, 1 not contained (1 by root of a partition, 0 by QEMU's \
                 monitor), {rest} not run."
        );
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
    fn the_worst_of_what_goes_by_chance_stays() {
        let case = Case::line("x", "x", "true");
        let chance = case.by_chance();
        let mut results = Results::default();
        let mut put = |case, verdict, commit| {
            let put = results.put(
                Mode::Bare,
                case,
                &done(&verdict),
                ["QEMU", commit, "2026-11-30"],
            );
            (put, results.verdict(Mode::Bare, "x"))
        };
        let silent = hurt("the witness does not answer");
        assert_eq!(
            put(&chance, Verdict::Nothing, "a"),
            (true, Some(Verdict::Nothing))
        );
        assert_eq!(
            put(&chance, silent.clone(), "b"),
            (true, Some(silent.clone()))
        );
        assert_eq!(put(&chance, Verdict::Contained, "c"), (false, Some(silent)));
        let cell = results.cell(Mode::Bare, &chance);
        assert!(
            cell.ends_with("(by chance: the worst that was seen, of b)"),
            "{cell}"
        );
        // Any other is what it was the last time.
        let put = results.put(Mode::Bare, &case, &done(&Verdict::Contained), ["", "d", ""]);
        assert!(put && results.cell(Mode::Bare, &case) == "contained");
    }

    #[test]
    fn each_look_is_said() {
        let case = Case::line("x", "x", "true");
        let mut results = Results::default();
        let mut looked = done(&Verdict::Nothing);
        looked.earlier = vec![hurt("the witness does not answer"), Verdict::Contained];
        results.put(Mode::Bare, &case, &looked, ["", "", ""]);
        let read = Results::parse(&results.text()).unwrap();
        assert_eq!(
            read.cell(Mode::Bare, &case),
            "nothing happens (look 3; before it: not contained: the witness does not answer, then: contained)"
        );
        looked.may_be_the_hosts = true;
        results.put(Mode::Bare, &case, &looked, ["", "", ""]);
        assert!(
            results
                .cell(Mode::Bare, &case)
                .ends_with(" (may be the host's)")
        );
    }

    #[test]
    fn who_hurt_others_is_counted_apart() {
        let cases = all();
        let mut results = Results::default();
        for name in ["machine-check-all", "control-check-witness", "cf9"] {
            let case = cases.iter().find(|case| case.name == name).unwrap();
            results.put(Mode::Bare, case, &done(&hurt("a")), ["", "", ""]);
        }
        let summary = results.summary(&cases);
        let wanted = "2 not contained (1 by root of a partition, 1 by QEMU's monitor)";
        assert!(summary.contains(wanted), "{summary}");
    }
}
