//! What a file, and what `show` prints, say.

use bulkhead_memory::{Region, parse_address};

use super::{Definition, Link, Wanted};

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
pub(super) fn definition(words: &[String]) -> Result<Definition, String> {
    let Some((name, pairs)) = words.split_first() else {
        return Err(String::from("which partition?"));
    };
    let accepted = bulkhead_model::ACCEPTED_NAMES;
    bulkhead_model::check_name(name)
        .map_err(|why| format!("the name {name:?} {why} (accepted: {accepted})"))?;
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
    pub(super) fn put(&mut self, key: &str, value: &str) {
        match self.keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value.to_string(),
            None => self.keys.push((key.to_string(), value.to_string())),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&str> {
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
        "link" => {
            let link = Link::read(rest)?;
            for name in &link.names {
                known(name).ok_or_else(|| format!("\"{name}\" is not defined above"))?;
            }
            if wanted.links.iter().any(|known| known.names == link.names) {
                let [a, b] = &link.names;
                return Err(format!("\"{a}\" and \"{b}\" are linked twice"));
            }
            wanted.links.push(link);
        }
        "isolation" => match rest {
            [what] if ["bare", "dma", "default"].contains(&what.as_str()) => {
                wanted.isolation = Some(what.clone());
            }
            _ => return Err(String::from("accepted: isolation bare, dma or default")),
        },
        other => {
            return Err(format!(
                "{other:?} (accepted: define, set, isolation, link, start)"
            ));
        }
    }
    Ok(())
}

/// The links that `show` prints for the partition of that name.
#[must_use]
pub fn shown_links(name: &str, text: &str) -> Vec<Link> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("  link "));
    rows.filter_map(|row| Link::shown(name, row.trim()))
        .collect()
}

/// Where the memory is that `show` prints among the claim.
#[must_use]
pub fn shown_memory(text: &str) -> Vec<Region> {
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("  memory "));
    let region = |row: &str| {
        let (first, last) = row.split_whitespace().next()?.split_once('-')?;
        let [first, last] = [first, last].map(parse_address);
        Region::from_bounds(first.ok()?, last.ok()?.checked_add(1)?)
    };
    rows.filter_map(region).collect()
}

/// The definition that `show` prints.
#[must_use]
pub fn shown(text: &str) -> Option<Definition> {
    let mut lines = text.lines().skip_while(|line| *line != "definition:");
    let words = words(lines.nth(1)?).ok()?;
    definition(words.strip_prefix(&[String::from("define")][..])?).ok()
}
