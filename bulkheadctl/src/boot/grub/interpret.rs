//! A script carried out: which entries it makes, which variables it leaves, what it writes down.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::item::Item;
use super::lexer::{Piece, Word};
use super::parser::{Block, Statement, parse};
use super::{MOST_DEPTH, MOST_ITEMS, MOST_STEPS, MOST_VALUE};
use crate::boot::environment::Environment;
use crate::boot::{Files, Place, Target, Volume};

/// A script that is run, and what came of it.
pub struct Script<'a> {
    pub(super) files: &'a dyn Files,
    /// The file system that it lies on: what a device that is not known here is taken for.
    pub(super) home: Volume,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) functions: BTreeMap<String, Block>,
    pub(super) items: Vec<Item>,
    pub(super) target: Target,
    /// Blocks that were changed, and whether since they were last asked for.
    pub(super) written: BTreeMap<Place, (Environment, bool)>,
    /// Whether `blscfg` was there, for entries that are found elsewhere.
    pub wants_entries: bool,
    /// What could not be understood.
    pub complaints: Vec<String>,
    steps: usize,
    depth: usize,
    made: usize,
    pub(super) status: bool,
    /// What leaves a function or a loop.
    pub(super) leaves: Option<Leave>,
}

/// What a command leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Loop,
    Round,
    Function,
    All,
}

impl<'a> Script<'a> {
    /// Runs the script at that place.
    #[must_use]
    pub fn run(files: &'a dyn Files, place: &Place) -> Self {
        let folder = place.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let volume = place.volume;
        let known = [
            ("root", format!("fs{volume}")),
            ("prefix", format!("(fs{volume}){folder}")),
            ("cmdpath", format!("(fs{volume}){folder}")),
            ("config_directory", format!("(fs{volume}){folder}")),
            ("config_file", format!("(fs{volume}){}", place.path)),
            ("grub_platform", "efi".to_string()),
            ("grub_cpu", "x86_64".to_string()),
            ("menuentry_id_option", "--id".to_string()),
        ];
        // What a script asks before it uses what an old GRUB has not.
        let features = [
            "menuentry_id",
            "menuentry_options",
            "timeout_style",
            "default_font_path",
        ]
        .map(|name| (format!("feature_{name}"), "y".to_string()));
        let known = known.map(|(name, value)| (name.to_string(), value));
        let mut script = Self {
            files,
            home: volume,
            variables: known.into_iter().chain(features).collect(),
            functions: BTreeMap::new(),
            items: Vec::new(),
            target: Target::default(),
            written: BTreeMap::new(),
            wants_entries: false,
            complaints: Vec::new(),
            steps: 0,
            depth: 0,
            made: 0,
            status: true,
            leaves: None,
        };
        script.source(place);
        script
    }

    /// The entries and submenus.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// A variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// Chooses an entry: what it boots. `chosen` is the path to it, as GRUB's variable of that name.
    pub fn choose(&mut self, item: &Item, chosen: &str) -> Target {
        self.target = Target::default();
        (self.steps, self.leaves) = (0, None);
        self.set("chosen", chosen);
        if let Some(body) = &item.body {
            self.call(body, &item.words);
        }
        std::mem::take(&mut self.target)
    }

    /// The blocks of environment that were changed since this was last asked. The script goes on with what it
    /// has set, whether or not that is written.
    pub fn take_written(&mut self) -> Vec<(Place, Vec<u8>)> {
        let (mut blocks, mut full) = (Vec::new(), Vec::new());
        let changed = self.written.iter_mut().filter(|(_, (_, is_new))| *is_new);
        for (place, (environment, is_new)) in changed {
            *is_new = false;
            match environment.to_bytes() {
                Some(bytes) => blocks.push((place.clone(), bytes)),
                None => full.push(format!("{} has no room", place.path)),
            }
        }
        full.into_iter().for_each(|what| self.complain(what));
        blocks
    }

    /// Runs another script in this one's place.
    pub(super) fn source(&mut self, place: &Place) {
        let Some(bytes) = self.files.read(place, super::MOST_SCRIPT) else {
            self.status = false;
            return self.complain(format!("{} can't be read", place.path));
        };
        match parse(&bytes) {
            Ok(block) => self.block(&block),
            Err(what) => {
                self.status = false;
                self.complain(format!("{}: {what}", place.path));
            }
        }
    }

    pub(super) fn complain(&mut self, what: String) {
        if self.complaints.len() < 20 {
            self.complaints.push(what);
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let end = value.floor_char_boundary(MOST_VALUE);
        self.variables
            .insert(name.to_string(), value[..end].to_string());
    }

    pub(super) fn block(&mut self, block: &[Statement]) {
        if self.depth >= MOST_DEPTH {
            return self.give_up(format!("more than {MOST_DEPTH} calls in each other"));
        }
        self.depth += 1;
        for statement in block {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                self.give_up(format!("it has not ended after {MOST_STEPS} steps"));
            }
            if self.leaves.is_some() {
                break;
            }
            self.statement(statement);
        }
        self.depth -= 1;
    }

    fn give_up(&mut self, why: String) {
        if self.leaves != Some(Leave::All) {
            self.complain(why);
        }
        self.leaves = Some(Leave::All);
        self.status = false;
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Command { words, block } => self.command(words, block.as_ref()),
            Statement::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
            }
            Statement::If { arms, otherwise } => {
                for (condition, body) in arms {
                    self.block(condition);
                    if self.status {
                        return self.block(body);
                    }
                }
                self.status = true;
                self.block(otherwise);
            }
            Statement::For { name, words, body } => {
                for word in self.expand(words) {
                    self.set(name, &word);
                    if !self.round(body) {
                        break;
                    }
                }
            }
            Statement::While {
                condition,
                is_until,
                body,
            } => loop {
                self.block(condition);
                if self.status == *is_until || self.leaves.is_some() || !self.round(body) {
                    break;
                }
            },
        }
    }

    /// One round of a loop, whether there may be another. Counts, since its body may be empty.
    fn round(&mut self, body: &[Statement]) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            self.give_up(format!("it has not ended after {MOST_STEPS} steps"));
        }
        self.block(body);
        if self.leaves == Some(Leave::Round) {
            self.leaves = None;
        }
        let goes_on = self.leaves.is_none();
        if self.leaves == Some(Leave::Loop) {
            self.leaves = None;
        }
        goes_on
    }

    /// A function or an entry's body, with its words as `$1` and so on.
    fn call(&mut self, body: &[Statement], words: &[String]) {
        let is_own = |name: &str| name == "@" || name == "#" || name.parse::<usize>().is_ok();
        let outer: Vec<(String, String)> = self
            .variables
            .iter()
            .filter(|(name, _)| is_own(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.variables.retain(|name, _| !is_own(name));
        for (at, word) in words.iter().enumerate() {
            self.set(&at.to_string(), word);
        }
        self.set("#", &words.len().saturating_sub(1).to_string());
        self.set("@", &words.get(1..).unwrap_or_default().join(" "));
        self.block(body);
        if self.leaves == Some(Leave::Function) {
            self.leaves = None;
        }
        self.variables.retain(|name, _| !is_own(name));
        self.variables.extend(outer);
    }

    fn command(&mut self, words: &[Word], block: Option<&Block>) {
        let words = self.expand(words);
        let Some(name) = words.first() else { return };
        if let Some(body) = self.functions.get(name).map(Rc::clone) {
            return self.call(&body, &words);
        }
        match (name.as_str(), block) {
            ("menuentry", Some(body)) => self.entry(&words, Some(body)),
            ("submenu", Some(body)) => {
                let outer = std::mem::take(&mut self.items);
                let variables = self.variables.clone();
                self.block(body);
                self.variables = variables;
                let items = std::mem::replace(&mut self.items, outer);
                self.entry(&words, None);
                if let Some(item) = self.items.last_mut() {
                    item.items = items;
                }
            }
            _ => super::builtin::run(self, &words),
        }
        self.set("?", if self.status { "0" } else { "1" });
    }

    fn entry(&mut self, words: &[String], body: Option<&Block>) {
        self.made += 1;
        if self.made > MOST_ITEMS {
            return self.give_up(format!("more than {MOST_ITEMS} entries"));
        }
        let (title, id) = super::builtin::title(words);
        self.items.push(Item {
            title,
            id,
            items: Vec::new(),
            body: body.map(Rc::clone),
            words: words.to_vec(),
            entry: None,
        });
        self.status = true;
    }

    /// The words with their variables put in; one that is nothing but empty variables is none.
    fn expand(&self, words: &[Word]) -> Vec<String> {
        let mut out = Vec::new();
        for word in words {
            let (mut text, mut is_word) = (String::new(), word.is_quoted);
            for piece in &word.pieces {
                match piece {
                    Piece::Text(piece) => {
                        text.push_str(piece);
                        is_word = true;
                    }
                    Piece::Variable {
                        name,
                        is_quoted: true,
                    } => text.push_str(self.variable(name)),
                    Piece::Variable { name, .. } => {
                        let value = self.variable(name);
                        is_word |= !value.trim().is_empty();
                        for (nth, part) in value.split_whitespace().enumerate() {
                            if nth > 0 {
                                out.push(std::mem::take(&mut text));
                            }
                            text.push_str(part);
                        }
                    }
                }
            }
            if is_word {
                out.push(text);
            }
        }
        out
    }
}
