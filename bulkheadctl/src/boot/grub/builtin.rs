//! GRUB's commands, those that say what is booted.

use super::interpret::{Leave, Script};
use super::truth::{Asked, test};
use crate::boot::environment::{Environment, MOST_BYTES};
use crate::boot::{By, Place, Volume};

/// Carries one out. One that is not known here has nothing to do with what is booted.
pub(super) fn run(script: &mut Script<'_>, words: &[String]) {
    let (name, rest) = words
        .split_first()
        .map_or(("", words), |(name, rest)| (name.as_str(), rest));
    let mut status = true;
    match name {
        "set" => rest.iter().for_each(|word| assign(script, word)),
        "unset" => rest
            .iter()
            .for_each(|name| drop(script.variables.remove(name))),
        "[" => {
            status = test(
                rest.strip_suffix(&["]".to_string()]).unwrap_or(rest),
                script,
            )
        }
        "test" => status = test(rest, script),
        "!" => {
            run(script, rest);
            status = !script.status;
        }
        "false" | "keystatus" => status = false,
        "return" => {
            status = rest.first().is_none_or(|code| code == "0");
            script.leaves = Some(Leave::Function);
        }
        "break" => script.leaves = Some(Leave::Loop),
        "continue" => script.leaves = Some(Leave::Round),
        "search" | "search.fs_uuid" | "search.fs_label" | "search.file" => {
            status = search(script, name, rest);
        }
        "load_env" => status = load(script, rest),
        "save_env" => status = save(script, rest),
        "source" | "." | "configfile" => {
            let place = rest.first().map(|path| script.place(path));
            script.status = true;
            if let Some(place) = place {
                script.source(&place);
            }
            status = script.status;
        }
        "blscfg" => script.wants_entries = true,
        "linux" | "linuxefi" | "linux16" => {
            script.target.kernel = rest.first().map(|path| script.place(path));
            script.target.options = rest
                .get(1..)
                .unwrap_or_default()
                .iter()
                .map(quoted)
                .collect::<Vec<_>>()
                .join(" ");
        }
        "initrd" | "initrdefi" | "initrd16" => {
            script.target.initrds = rest.iter().map(|path| script.place(path)).collect();
        }
        _ => match name.split_once('=') {
            Some((variable, _)) if is_name(variable) => assign(script, &words[0]),
            _ => {}
        },
    }
    script.status = status;
}

fn is_name(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(is_known)
}

fn assign(script: &mut Script<'_>, word: &str) {
    if let Some((name, value)) = word.split_once('=') {
        script.set(name, value);
    }
}

/// A parameter with a space gets quotes back, which Linux wants (`grub-core/lib/cmdline.c`).
fn quoted(word: &String) -> String {
    if word.contains(' ') {
        format!("\"{word}\"")
    } else {
        word.clone()
    }
}

/// The title and the name of an entry. Source: GRUB `grub-core/commands/menuentry.c`.
pub(super) fn title(words: &[String]) -> (String, String) {
    let (mut title, mut id) = (None, None);
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--id" => id = rest.next(),
            "--class" | "--users" | "--hotkey" | "--source" => drop(rest.next()),
            option if option.starts_with("--id=") => id = Some(word),
            option if option.starts_with("--") => {}
            _ => title = title.or(Some(word)),
        }
    }
    let title = title.cloned().unwrap_or_default();
    let id = id.map(|id| id.strip_prefix("--id=").unwrap_or(id).to_string());
    let id = id.unwrap_or_else(|| title.clone());
    (title, id)
}

impl Asked for Script<'_> {
    fn size(&self, path: &str) -> Option<u64> {
        self.files.size(&self.place(path))
    }

    fn is_folder(&self, path: &str) -> bool {
        self.files.is_folder(&self.place(path))
    }
}

impl Script<'_> {
    /// `(device)/path`, or a path on `root`.
    pub(super) fn place(&self, path: &str) -> Place {
        let parts = path.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (device, path) = parts.unwrap_or_else(|| (self.variable("root"), path));
        Place::new(self.volume(device), path)
    }

    /// The file system by its name here. The firmware's numbers (`hd0,gpt2`) are no names here: a script
    /// says them as a guess, before it searches.
    fn volume(&self, device: &str) -> Volume {
        let number = device
            .strip_prefix("fs")
            .and_then(|number| number.parse().ok());
        number
            .filter(|number| *number < self.files.volumes())
            .unwrap_or(self.home)
    }
}

fn search(script: &mut Script<'_>, name: &str, words: &[String]) -> bool {
    let mut by = match name {
        "search.fs_uuid" => By::Uuid,
        "search.fs_label" => By::Label,
        _ => By::File,
    };
    let (mut variable, mut values) = (None, Vec::new());
    let mut rest = words.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "--fs-uuid" | "-u" => by = By::Uuid,
            "--label" | "-l" | "--fs-label" => by = By::Label,
            "--file" | "-f" => by = By::File,
            "--set" | "-s" => variable = Some("root"),
            "--hint" | "-h" => drop(rest.next()),
            _ => match word.strip_prefix("--set=") {
                Some(name) => variable = Some(name),
                None if word.starts_with('-') => {}
                None => values.push(word),
            },
        }
    }
    let (what, variable) = match values.as_slice() {
        [] => return false,
        // `--set root UUID`, the older form.
        [name, what, ..] if variable == Some("root") => (*what, Some(*name)),
        [what, name, ..] if variable.is_none() => (*what, Some(*name)),
        [what, ..] => (*what, variable),
    };
    let found = script.files.find(by, what);
    if let Some(found) = found {
        script.set(variable.unwrap_or("root"), &format!("fs{found}"));
    }
    found.is_some()
}

/// The file of `load_env` and `save_env`, and the names that follow.
fn block<'a>(script: &Script<'_>, words: &'a [String]) -> (Place, Vec<&'a str>) {
    let (mut file, mut names) = (None, Vec::new());
    let mut rest = words.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "-f" | "--file" => file = rest.next(),
            "-s" | "--skip-sig" => {}
            _ => match word.strip_prefix("--file=") {
                Some(name) => file = Some(name),
                None => names.push(word),
            },
        }
    }
    let default = format!("{}/grubenv", script.variable("prefix"));
    (script.place(file.unwrap_or(&default)), names)
}

fn read(script: &Script<'_>, place: &Place) -> Option<Environment> {
    let written = script
        .written
        .get(place)
        .map(|(environment, _)| environment.clone());
    written.or_else(|| Environment::parse(&script.files.read(place, MOST_BYTES)?))
}

fn load(script: &mut Script<'_>, words: &[String]) -> bool {
    let (place, names) = block(script, words);
    let Some(environment) = read(script, &place) else {
        return false;
    };
    for (name, value) in environment.iter() {
        if names.is_empty() || names.contains(&name) {
            script.set(name, value);
        }
    }
    true
}

fn save(script: &mut Script<'_>, words: &[String]) -> bool {
    let (place, names) = block(script, words);
    let Some(mut environment) = read(script, &place) else {
        return false;
    };
    for name in names {
        let value = script.variables.get(name).filter(|value| !value.is_empty());
        environment.set(name, value.map(String::as_str));
    }
    script.written.insert(place, (environment, true));
    true
}
