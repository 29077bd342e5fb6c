//! What all the disks offer, in one list.

use super::entries::{self, Entry};
use super::grub::{Item, Script, default_of, fallbacks_of};
use super::{Files, Place, Target, Volume, links};

/// Rows of the list.
const MOST_ROWS: usize = 99;
/// Where a GRUB has its script, on a root file system, on a `/boot` of its own, in Debian's subvolume.
const SCRIPTS: [&str; 5] = [
    "/boot/grub/grub.cfg",
    "/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub2/grub.cfg",
    "/@/boot/grub/grub.cfg",
];

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is shown: of an entry in a submenu, that one's title before it.
    pub title: String,
    /// What an operator may call it as well.
    pub id: String,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// An entry of a script: which one, the path to it, the same by names.
    Grub(usize, Item, String),
    Entry(Box<Entry>, Volume),
    Link(Target),
}

/// What there is to boot.
pub struct Menu<'a> {
    files: &'a dyn Files,
    scripts: Vec<Script<'a>>,
    /// All rows.
    pub rows: Vec<Row>,
    /// The default, then what is tried if that can't be loaded.
    pub order: Vec<usize>,
    /// What was not understood.
    pub complaints: Vec<String>,
}

impl<'a> Menu<'a> {
    /// Looks through the disks, or only at the file system of that number.
    #[must_use]
    pub fn of(files: &'a dyn Files, only: Option<Volume>) -> Self {
        let mut menu = Self {
            files,
            scripts: Vec::new(),
            rows: Vec::new(),
            order: Vec::new(),
            complaints: Vec::new(),
        };
        let volumes: Vec<Volume> = (0..files.volumes())
            .filter(|at| only.is_none_or(|only| only == *at))
            .collect();
        let places = volumes
            .iter()
            .flat_map(|volume| SCRIPTS.map(|path| Place::new(*volume, path)));
        for place in places.filter(|place| files.size(place).is_some()) {
            let mut script = Script::run(files, &place);
            menu.complaints.append(&mut script.complaints);
            menu.scripts.push(script);
        }
        let by_grub = menu.scripts.iter().any(|script| script.wants_entries);
        // A loader that reads nothing but entries goes before a GRUB, which Debian leaves installed.
        for volume in volumes.iter().filter(|_| !by_grub) {
            menu.add_entries(*volume);
        }
        for at in 0..menu.scripts.len() {
            menu.add_script(at, &volumes);
        }
        for volume in &volumes {
            let found = links::of(files, *volume);
            let rows = found.into_iter().map(|(title, target)| Row {
                id: title.clone(),
                title,
                source: Source::Link(target),
            });
            menu.add(rows.collect(), &[]);
        }
        menu
    }

    /// Adds rows. The first that come say what is the default and what follows it.
    fn add(&mut self, rows: Vec<Row>, order: &[usize]) {
        let start = self.rows.len();
        self.rows.extend(rows);
        self.rows.truncate(MOST_ROWS);
        if self.order.is_empty() && start < self.rows.len() {
            let all: Vec<usize> = (0..self.rows.len() - start).collect();
            let order = if order.is_empty() { &all } else { order };
            self.order = order
                .iter()
                .map(|at| start + at)
                .filter(|at| *at < self.rows.len())
                .collect();
        }
    }

    fn add_entries(&mut self, volume: Volume) {
        let (found, default) = entries::of(self.files, volume);
        // Those behind the default are what it falls back to.
        let order: Vec<usize> = std::iter::once(default)
            .chain((0..found.len()).filter(|at| *at != default))
            .collect();
        let rows = found
            .into_iter()
            .map(|entry| row_of(entry, volume))
            .collect();
        self.add(rows, &order);
    }

    fn add_script(&mut self, at: usize, volumes: &[Volume]) {
        let script = &self.scripts[at];
        let mut items = script.items().to_vec();
        let mut found = Vec::new();
        if script.wants_entries {
            for volume in volumes {
                let (entries, _) = entries::of(self.files, *volume);
                found.extend(entries.into_iter().map(|entry| (entry, *volume)));
            }
            let made = found
                .iter()
                .enumerate()
                .map(|(at, (entry, _))| Item::of_entry(at, &entry.title, &entry.id));
            items.splice(0..0, made);
        }
        let default = default_of(&items, script.variable("default"));
        let fallbacks = fallbacks_of(&items, script.variable("fallback"));
        let (mut rows, mut paths) = (Vec::new(), Vec::new());
        flatten(&items, &mut Vec::new(), &mut |path, item, titles, ids| {
            if !script.boots_linux(item) {
                return;
            }
            let mut row = match item.entry.and_then(|at| found.get(at).cloned()) {
                Some((mut entry, volume)) => {
                    entry.target.options = expand(&entry.target.options, |name| {
                        script.variable(name).to_string()
                    });
                    row_of(entry, volume)
                }
                None => Row {
                    title: String::new(),
                    id: ids.to_string(),
                    source: Source::Grub(at, item.clone(), ids.to_string()),
                },
            };
            row.title = titles.to_string();
            rows.push(row);
            paths.push(path.to_vec());
        });
        let row_of = |wanted: &Vec<usize>| paths.iter().position(|path| path == wanted);
        // A default that is no Linux, such as Bulkhead's own entry of this disk: the first that is.
        let default = default
            .as_ref()
            .and_then(row_of)
            .or((!rows.is_empty()).then_some(0));
        let fallbacks = fallbacks
            .iter()
            .filter_map(row_of)
            .filter(|at| Some(*at) != default);
        let order: Vec<usize> = default.into_iter().chain(fallbacks).collect();
        self.add(rows, &order);
    }

    /// The row that an operator means: by its number in the list, its name or its title.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<usize> {
        let number = text
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let number = number.filter(|number| *number < self.rows.len());
        number.or_else(|| {
            let is_it = |row: &Row| {
                row.title == text || row.id == text || row.id.rsplit('>').next() == Some(text)
            };
            self.rows.iter().position(is_it)
        })
    }

    /// What a row boots. That may change what is to be written.
    pub fn choose(&mut self, row: usize) -> Target {
        match &self.rows[row].source {
            Source::Grub(script, item, chosen) => self.scripts[*script].choose(item, chosen),
            Source::Entry(entry, _) => entry.target.clone(),
            Source::Link(target) => target.clone(),
        }
    }

    /// The file of a row's entry that is to be renamed before it is tried, and its new name.
    #[must_use]
    pub fn counted(&self, row: usize) -> Option<(Volume, String, String)> {
        match &self.rows[row].source {
            Source::Entry(entry, volume) => Some((*volume, entry.file.clone(), entry.counted()?)),
            _ => None,
        }
    }

    /// What scripts have written down since it was last asked: files and their new bytes.
    pub fn take_written(&mut self) -> Vec<(Place, Vec<u8>)> {
        let written = self
            .scripts
            .iter_mut()
            .flat_map(Script::take_written)
            .collect();
        let complaints = self
            .scripts
            .iter_mut()
            .flat_map(|script| std::mem::take(&mut script.complaints));
        self.complaints.extend(complaints);
        written
    }
}

fn row_of(entry: Entry, volume: Volume) -> Row {
    let bad = if entry.is_bad() {
        " (tried too often)"
    } else {
        ""
    };
    Row {
        title: format!("{}{bad}", entry.title),
        id: entry.id.clone(),
        source: Source::Entry(Box::new(entry), volume),
    }
}

/// Every entry with the path to it, the titles and the names on it.
fn flatten(
    items: &[Item],
    path: &mut Vec<(usize, String, String)>,
    add: &mut impl FnMut(&[usize], &Item, &str, &str),
) {
    for (at, item) in items.iter().enumerate() {
        path.push((at, item.title.clone(), item.id.clone()));
        if item.is_submenu() {
            flatten(&item.items, path, add);
        } else {
            let numbers: Vec<usize> = path.iter().map(|(at, ..)| *at).collect();
            let join = |part: fn(&(usize, String, String)) -> &str, gap| {
                path.iter().map(part).collect::<Vec<_>>().join(gap)
            };
            add(
                &numbers,
                item,
                &join(|part| &part.1, " > "),
                &join(|part| &part.2, ">"),
            );
        }
        path.pop();
    }
}

/// `$name` in an entry's options, which a GRUB with `blscfg` replaces.
fn expand(options: &str, value: impl Fn(&str) -> String) -> String {
    let words = options
        .split_whitespace()
        .map(|word| match word.strip_prefix('$') {
            Some(name) => value(name.trim_start_matches('{').trim_end_matches('}')),
            None => word.to_string(),
        });
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
