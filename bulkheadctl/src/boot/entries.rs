//! Entries of the Boot Loader Specification (type 1): a file for each in `/loader/entries`.
//!
//! Source: the UAPI group's Boot Loader Specification; `loader.conf(5)` and "Automatic Boot Assessment" of
//! systemd for what is the default and for the counters in files' names.

use std::cmp::Ordering;

use super::version::compare;
use super::{Files, Place, Target, Volume};

/// An entry's bytes.
const MOST_BYTES: usize = 64 << 10;
/// Entries of one folder.
const MOST_ENTRIES: usize = 256;
/// Where they are, on a system partition and on a root file system with its own `/boot`.
const FOLDERS: [&str; 2] = ["/loader/entries", "/boot/loader/entries"];

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its file's name without counters and `.conf`.
    pub id: String,
    /// Its file.
    pub file: String,
    /// What is shown.
    pub title: String,
    /// What it boots.
    pub target: Target,
    /// How many tries it has, and how many it had; `None` where nobody counts.
    pub tries: Option<(u32, u32)>,
    version: String,
    machine: String,
    sort_key: String,
}

impl Entry {
    /// Whether it was tried as often as it may be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.tries.is_some_and(|(left, _)| left == 0)
    }

    /// Its file's name once it is tried again.
    #[must_use]
    pub fn counted(&self) -> Option<String> {
        let (left, done) = self.tries.filter(|(left, _)| *left > 0)?;
        Some(format!(
            "{}+{}-{}.conf",
            self.id,
            left - 1,
            done.saturating_add(1)
        ))
    }
}

/// The entries of a file system, the best one first, and which of them is the default.
#[must_use]
pub fn of(files: &dyn Files, volume: Volume) -> (Vec<Entry>, usize) {
    let Some(folder) = FOLDERS
        .into_iter()
        .find(|folder| files.is_folder(&Place::new(volume, folder)))
    else {
        return (Vec::new(), 0);
    };
    let mut entries: Vec<Entry> = files
        .list(&Place::new(volume, folder))
        .into_iter()
        .filter(|name| name.ends_with(".conf") && !name.starts_with('.'))
        .take(MOST_ENTRIES)
        .filter_map(|name| {
            let place = Place::new(volume, &format!("{folder}/{name}"));
            parse(&name, &files.read(&place, MOST_BYTES)?, volume)
        })
        .collect();
    entries.sort_by(order);
    let top = folder.strip_suffix("/entries").unwrap_or(folder);
    let settings = files.read(
        &Place::new(volume, &format!("{top}/loader.conf")),
        MOST_BYTES,
    );
    let default = settings.and_then(|text| default_of(&entries, &String::from_utf8_lossy(&text)));
    (entries, default.unwrap_or(0))
}

/// Reads one; `None` if it has no kernel for this machine.
#[must_use]
pub fn parse(file: &str, text: &[u8], volume: Volume) -> Option<Entry> {
    let text = String::from_utf8_lossy(text);
    let (id, tries) = counters(file.strip_suffix(".conf").unwrap_or(file));
    let mut entry = Entry {
        id,
        tries,
        file: file.to_string(),
        ..Entry::default()
    };
    let mut options = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
    {
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        match key {
            "title" => entry.title = value.to_string(),
            "version" => entry.version = value.to_string(),
            "machine-id" => entry.machine = value.to_string(),
            "sort-key" => entry.sort_key = value.to_string(),
            "linux" => entry.target.kernel = Some(path(volume, value)),
            // Fedora has several on a line.
            "initrd" => entry
                .target
                .initrds
                .extend(value.split_whitespace().map(|value| path(volume, value))),
            "options" => options.push(value),
            "architecture" if !value.eq_ignore_ascii_case("x64") => return None,
            _ => {}
        }
    }
    entry.target.options = options.join(" ");
    entry.target.kernel.as_ref()?;
    if entry.title.is_empty() {
        entry.title.clone_from(&entry.id);
    }
    Some(entry)
}

fn path(volume: Volume, value: &str) -> Place {
    Place::new(volume, &format!("/{}", value.trim_start_matches('/')))
}

/// `name+LEFT` or `name+LEFT-DONE`.
fn counters(name: &str) -> (String, Option<(u32, u32)>) {
    let found = name.rsplit_once('+').and_then(|(id, counters)| {
        let (left, done) = counters.split_once('-').unwrap_or((counters, "0"));
        let number = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse().ok())?
        };
        Some((id.to_string(), (number(left)?, number(done)?)))
    });
    match found {
        Some((id, tries)) if !id.is_empty() => (id, Some(tries)),
        _ => (name.to_string(), None),
    }
}

/// As `systemd-boot` sorts: what was tried too often last; by sort key, newest first; else by names.
fn order(a: &Entry, b: &Entry) -> Ordering {
    let keyed = || match (a.sort_key.is_empty(), b.sort_key.is_empty()) {
        (false, false) => a
            .sort_key
            .cmp(&b.sort_key)
            .then_with(|| a.machine.cmp(&b.machine))
            .then_with(|| compare(&b.version, &a.version)),
        (has_none, has_not_either) => has_none.cmp(&has_not_either),
    };
    a.is_bad()
        .cmp(&b.is_bad())
        .then_with(keyed)
        .then_with(|| compare(&b.id, &a.id))
        .then_with(|| a.file.cmp(&b.file))
}

/// The entry that `default` of `loader.conf` names by a pattern.
fn default_of(entries: &[Entry], settings: &str) -> Option<usize> {
    let mut words = settings.lines().map(str::split_whitespace);
    let pattern =
        words.find_map(|mut words| (words.next()? == "default").then(|| words.next())?)?;
    let matches = |entry: &Entry| {
        is_like(&entry.id, pattern) || is_like(&format!("{}.conf", entry.id), pattern)
    };
    entries.iter().position(matches)
}

/// Whether a text is like a pattern with `*` and `?`.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((at, in_pattern));
                in_pattern += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((from, of)) = star else { return false };
                star = Some((from + 1, of));
                (at, in_pattern) = (from + 1, of + 1);
            }
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // As `kernel-install` of Debian 13 writes it.
    const DEBIAN: &str = "# Boot Loader Specification type#1 entry\n\
        title      Debian GNU/Linux 13 (trixie)\n\
        version    6.12.118+deb13-amd64\n\
        machine-id 0123456789abcdef0123456789abcdef\n\
        sort-key   debian\n\
        options    root=UUID=1-2 ro quiet systemd.machine_id=0123\n\
        linux      /0123/6.12.118+deb13-amd64/linux\n\
        initrd     /0123/6.12.118+deb13-amd64/initrd.img-6.12.118+deb13-amd64\n";

    fn made(file: &str, text: &str) -> Entry {
        parse(file, text.as_bytes(), 1).expect("an entry")
    }

    #[test]
    fn an_entry() {
        let entry = made("0123-6.12.118+deb13-amd64+3.conf", DEBIAN);
        assert_eq!(entry.id, "0123-6.12.118+deb13-amd64");
        assert_eq!(entry.tries, Some((3, 0)));
        assert_eq!(
            entry.counted().as_deref(),
            Some("0123-6.12.118+deb13-amd64+2-1.conf")
        );
        assert_eq!(entry.title, "Debian GNU/Linux 13 (trixie)");
        assert_eq!(
            entry.target.options,
            "root=UUID=1-2 ro quiet systemd.machine_id=0123"
        );
        assert_eq!(entry.target.initrds.len(), 1);
        // A version's plus is no counter.
        let entry = made("0123-6.12.118+deb13-amd64.conf", DEBIAN);
        assert_eq!(
            (entry.id.as_str(), entry.tries),
            ("0123-6.12.118+deb13-amd64", None)
        );
        assert_eq!(parse("a.conf", b"title x\nefi /shell.efi\n", 0), None);
        assert_eq!(parse("a.conf", b"linux /x\narchitecture aa64\n", 0), None);
        assert_eq!(made("a.conf", "linux x\n").title, "a");
    }

    #[test]
    fn the_order_and_the_default() {
        let entry = |file: &str, version: &str| {
            made(file, &format!("linux /x\nsort-key d\nversion {version}\n"))
        };
        let mut entries = vec![
            entry("c+0-3.conf", "9"),
            entry("a.conf", "6.1"),
            entry("b+1-2.conf", "6.12"),
            made("z.conf", "linux /x\n"),
        ];
        entries.sort_by(order);
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["b", "a", "z", "c"]);
        assert_eq!(entries[3].counted(), None);
        assert_eq!(default_of(&entries, "timeout 3\ndefault z*\n"), Some(2));
        assert_eq!(default_of(&entries, "default a.conf"), Some(1));
        assert_eq!(default_of(&entries, "default no*\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes(file in "[a+0-9.-]{0,12}", text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&file, &text, 0);
            let text = [b"linux /x\n".as_slice(), &text].concat();
            let _ = parse(&file, &text, 0);
        }

        #[test]
        fn a_pattern_ends(text in "[ab]{0,12}", pattern in "[ab*?]{0,12}") {
            let _ = is_like(&text, &pattern);
            prop_assert!(is_like(&text, "*") && is_like(&text, &text));
        }
    }
}
