//! `apply`: the difference between what a file says and what there is, as lines for Bulkhead's shell.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use bulkhead_model::RestartPolicy;

/// A definition: its keys and values, as they are typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Whose.
    pub name: String,
    /// In the order in which they were given, each once.
    pub keys: Vec<(String, String)>,
}

/// What a file wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `define` and `set` lines, put together.
    pub definitions: Vec<Definition>,
    /// `start` lines.
    pub started: Vec<String>,
}

/// What there is of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// As `show` has it.
    pub definition: Definition,
    /// Whether a kernel of it may run.
    pub is_live: bool,
}

/// One thing to be done. Displays as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none of that name.
    Define(Definition),
    /// Those keys differ: the new values, and the old ones.
    Set(Definition, Vec<String>),
    /// It runs, and has to be ended first.
    Kill(String),
    /// It is wanted to run.
    Start(String),
    /// It runs, and differs: it was not said that it may be restarted.
    Left(Definition, Vec<String>),
}

impl Step {
    /// The request: `start NAME`, `kill NAME`, or a line for the shell.
    #[must_use]
    pub fn request(&self) -> Option<String> {
        match self {
            Self::Define(definition) => Some(format!("define {definition}")),
            Self::Set(definition, _) => Some(format!("set {definition}")),
            Self::Kill(name) => Some(format!("kill {name}")),
            Self::Start(name) => Some(format!("start {name}")),
            Self::Left(..) => None,
        }
    }

    /// Whether it is a line for the shell.
    #[must_use]
    pub const fn is_line(&self) -> bool {
        matches!(self, Self::Define(_) | Self::Set(..))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(_, old) | Self::Left(_, old) => {
                let line = match self {
                    Self::Left(definition, _) => format!("left: set {definition}"),
                    _ => self.request().unwrap_or_default(),
                };
                write!(f, "{line} (was: {})", old.join(" "))?;
                match self {
                    Self::Left(..) => f.write_str("; it runs (accepted: --restart)"),
                    _ => Ok(()),
                }
            }
            _ => f.write_str(&self.request().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut keys = self.keys.iter();
        keys.try_for_each(|(key, value)| write!(f, " {key}={}", quoted(value)))
    }
}

/// A value as the shell reads it.
#[must_use]
pub fn quoted(value: &str) -> String {
    if value.contains([' ', '\t', '\r', '"', '\'', '#']) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{value}\"")
    } else {
        value.to_string()
    }
}

/// The words of a line, by the rules of Bulkhead's shell (shell/src/words.rs).
///
/// # Errors
/// A quote that is not closed.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t' | '\r')).is_some() {}
        if matches!(chars.peek(), None | Some('#')) {
            return Ok(words);
        }
        let mut word = String::new();
        while let Some(c) = chars.next_if(|c| !matches!(c, ' ' | '\t' | '\r')) {
            if c != '"' && c != '\'' {
                word.push(c);
                continue;
            }
            loop {
                match chars.next() {
                    None => {
                        return Err(format!("this quote is not closed: a second {c} is missing"));
                    }
                    Some(end) if end == c => break,
                    Some('\\') if c == '"' && matches!(chars.peek(), Some('"' | '\\')) => {
                        word.extend(chars.next());
                    }
                    Some(other) => word.push(other),
                }
            }
        }
        words.push(word);
    }
}

/// `NAME KEY=VALUE ...`
fn definition(words: &[String]) -> Result<Definition, String> {
    let Some((name, pairs)) = words.split_first() else {
        return Err(String::from("which partition?"));
    };
    bulkhead_model::check_name(name).map_err(|why| format!("the name {name:?} {why}"))?;
    let mut made = Definition {
        name: name.clone(),
        keys: Vec::new(),
    };
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(format!("{pair:?} is not key=value"));
        };
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(format!("{key:?} is no key"));
        }
        made.put(key, value);
    }
    Ok(made)
}

impl Definition {
    fn put(&mut self, key: &str, value: &str) {
        match self.keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value.to_string(),
            None => self.keys.push((key.to_string(), value.to_string())),
        }
    }

    fn value(&self, key: &str) -> Option<&str> {
        let mut keys = self.keys.iter();
        keys.find_map(|(known, value)| (known == key).then_some(value.as_str()))
    }
}

/// What a file wants.
///
/// # Errors
/// The line that it can't be, and why.
pub fn read(text: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        add(&mut wanted, line).map_err(|why| format!("line {}: {why}", index + 1))?;
    }
    Ok(wanted)
}

fn add(wanted: &mut Wanted, line: &str) -> Result<(), String> {
    let words = words(line)?;
    let Some((verb, rest)) = words.split_first() else {
        return Ok(());
    };
    let known = |name: &str| {
        wanted
            .definitions
            .iter()
            .position(|known| known.name == name)
    };
    match verb.as_str() {
        "define" => {
            let made = definition(rest)?;
            if known(&made.name).is_some() {
                return Err(format!("\"{}\" is defined twice", made.name));
            }
            wanted.definitions.push(made);
        }
        "set" => {
            let made = definition(rest)?;
            let at = known(&made.name)
                .ok_or_else(|| format!("\"{}\" is not defined above", made.name))?;
            for (key, value) in made.keys {
                wanted.definitions[at].put(&key, &value);
            }
        }
        "start" => {
            for name in rest {
                known(name).ok_or_else(|| format!("\"{name}\" is not defined above"))?;
            }
            wanted.started.extend(rest.iter().cloned());
        }
        other => return Err(format!("{other:?} (accepted: define, set, start)")),
    }
    Ok(())
}

/// The definition that `show` prints.
#[must_use]
pub fn shown(text: &str) -> Option<Definition> {
    let mut lines = text.lines().skip_while(|line| *line != "definition:");
    let words = words(lines.nth(1)?).ok()?;
    definition(words.strip_prefix(&[String::from("define")][..])?).ok()
}

/// A value such that two which mean the same are equal.
fn meaning(key: &str, value: &str) -> String {
    match (key, value) {
        ("cores", list) => {
            let mut cores = BTreeSet::new();
            for item in list.split(',') {
                let (first, last) = item.split_once('-').unwrap_or((item, item));
                match (number(first), number(last)) {
                    // More than any machine has is no list to be counted through.
                    (Some(first), Some(last)) if last.saturating_sub(first) < 4096 => {
                        cores.extend(first..=last);
                    }
                    _ => return list.to_string(),
                }
            }
            format!("{cores:?}")
        }
        ("memory", list) => {
            let mut out = String::new();
            for item in list.split(',') {
                let (size, at) = item.split_once('@').unwrap_or((item, ""));
                let _ = match (bytes(size), number(at)) {
                    (Some(size), Some(at)) => write!(out, "{size}@{at},"),
                    (Some(size), None) if at.is_empty() => write!(out, "{size},"),
                    _ => write!(out, "{item},"),
                };
            }
            out
        }
        ("console" | "node", "") => String::from("none"),
        ("devices", list) => {
            let items: BTreeSet<String> = list.split(',').map(device).collect();
            format!("{items:?}")
        }
        (_, value) => value.to_string(),
    }
}

/// `00:1f.2` is short for `0000:00:1f.2`.
fn device(name: &str) -> String {
    let is_short = name.matches(':').count() == 1 && name.contains('.');
    if is_short {
        format!("0000:{name}")
    } else {
        name.to_string()
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return None,
    };
    number(digits)?.checked_mul(1 << shift)
}

/// What a key is where it is not given.
fn absent(key: &str) -> String {
    match key {
        "isolation" => String::from("default"),
        "restart" => RestartPolicy::default().name().to_string(),
        "control" | "dump" => String::from("no"),
        "console" | "node" => String::from("none"),
        _ => String::new(),
    }
}

/// What has to be done, in order; the partitions that are not in the file are left alone.
#[must_use]
pub fn plan(wanted: &Wanted, present: &[Present], may_restart: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for definition in &wanted.definitions {
        let wants_start = wanted.started.contains(&definition.name);
        let found = present
            .iter()
            .find(|one| one.definition.name == definition.name);
        let Some(one) = found else {
            steps.push(Step::Define(definition.clone()));
            if wants_start {
                steps.push(Step::Start(definition.name.clone()));
            }
            continue;
        };
        let (change, old) = difference(definition, &one.definition);
        let is_same = change.keys.is_empty();
        match (is_same, one.is_live) {
            (true, _) => {}
            (false, true) if !may_restart => {
                steps.push(Step::Left(change, old));
                continue;
            }
            (false, is_live) => {
                if is_live {
                    steps.push(Step::Kill(definition.name.clone()));
                }
                steps.push(Step::Set(change, old));
            }
        }
        let starts = if is_same {
            wants_start && !one.is_live
        } else {
            wants_start || one.is_live
        };
        if starts {
            steps.push(Step::Start(definition.name.clone()));
        }
    }
    steps
}

/// The keys of `new` that mean something else than in `old`, and what those were.
fn difference(new: &Definition, old: &Definition) -> (Definition, Vec<String>) {
    let keys = new
        .keys
        .iter()
        .chain(&old.keys)
        .map(|(key, _)| key.as_str());
    let mut change = Definition {
        name: new.name.clone(),
        keys: Vec::new(),
    };
    let mut before = Vec::new();
    for key in keys {
        let of = |definition: &Definition| {
            definition
                .value(key)
                .map_or_else(|| absent(key), String::from)
        };
        let (wanted, was) = (of(new), of(old));
        if meaning(key, &wanted) != meaning(key, &was) && change.value(key).is_none() {
            before.push(format!("{key}={}", quoted(&was)));
            change.keys.push((key.to_string(), wanted));
        }
    }
    (change, before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "\
# a machine\n\
define web cores=2,3 memory=512M kernel=linux cmdline=\"a b\" restart=always # main\n\
define db cores=1 memory=1024M kernel=linux\n\
set db control=web\n\
start web db\n";

    fn present(line: &str, is_live: bool) -> Present {
        let text = format!("x: running, 1 run\ndefinition:\n  define {line}\npolicy:\n");
        Present {
            definition: shown(&text).unwrap(),
            is_live,
        }
    }

    fn said(present: &[Present], may_restart: bool) -> Vec<String> {
        let steps = plan(&read(FILE).unwrap(), present, may_restart);
        steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_there_is_defined_and_started() {
        assert_eq!(
            said(&[], false),
            [
                "define web cores=2,3 memory=512M kernel=linux cmdline=\"a b\" restart=always",
                "start web",
                "define db cores=1 memory=1024M kernel=linux control=web",
                "start db",
            ]
        );
    }

    #[test]
    fn what_means_the_same_is_left() {
        let web = "web cores=2-3 memory=512M kernel=linux cmdline=\"a b\" restart=always";
        let db = "db cores=1 memory=1G kernel=linux control=web";
        assert_eq!(
            said(&[present(web, true), present(db, true)], false),
            [""; 0]
        );
        assert_eq!(
            said(&[present(web, true), present(db, false)], false),
            ["start db"]
        );
    }

    #[test]
    fn what_differs_is_set_and_what_runs_only_if_that_was_said() {
        let web = present(
            "web cores=2-3 memory=512M kernel=old console=com2 restart=always",
            true,
        );
        let db = present(
            "db cores=1 memory=1G kernel=linux control=web devices=00:1f.2",
            false,
        );
        let all = [web, db];
        let set = "set web kernel=linux cmdline=\"a b\" console=none (was: kernel=old cmdline= console=com2)";
        let db = ["set db devices= (was: devices=00:1f.2)", "start db"];
        let left = format!("left: {set}; it runs (accepted: --restart)");
        assert_eq!(said(&all, false), [left.as_str(), db[0], db[1]]);
        assert_eq!(
            said(&all, true),
            ["kill web", set, "start web", db[0], db[1]]
        );
    }

    #[test]
    fn a_file_is_refused_by_its_line() {
        for (file, why) in [
            (
                "\nhalt\n",
                "line 2: \"halt\" (accepted: define, set, start)",
            ),
            (
                "define a x=1\ndefine a x=2",
                "line 2: \"a\" is defined twice",
            ),
            ("set a x=1", "line 1: \"a\" is not defined above"),
            ("start a", "line 1: \"a\" is not defined above"),
            ("define a x", "line 1: \"x\" is not key=value"),
            ("define", "line 1: which partition?"),
            ("define a ' '=1", "line 1: \" \" is no key"),
            (
                "define a x=\"1",
                "line 1: this quote is not closed: a second \" is missing",
            ),
        ] {
            assert_eq!(read(file), Err(why.to_string()));
        }
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in any::<String>(), line in "define [a-c] [ -~]{0,40}") {
            let _ = (read(&text), shown(&text));
            if let Ok(wanted) = read(&line) {
                let steps = plan(&wanted, &[], true);
                // What is sent is read back as what was meant.
                for step in steps {
                    let words = words(&step.request().unwrap()).unwrap();
                    prop_assert_eq!(definition(&words[1..]).unwrap(), wanted.definitions[0].clone());
                }
            }
        }
    }
}
