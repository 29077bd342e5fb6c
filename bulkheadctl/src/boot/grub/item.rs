//! What a script offers.

use std::rc::Rc;

use super::interpret::Script;
use super::lexer::Word;
use super::parser::{Block, Statement};
use super::{MOST_DEPTH, MOST_STEPS};

/// An entry or a submenu.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is shown.
    pub title: String,
    /// What it is called by `--id`; its title without.
    pub id: String,
    /// What is in a submenu.
    pub items: Vec<Item>,
    /// What an entry does.
    pub(super) body: Option<Rc<Vec<Statement>>>,
    /// Its own words, `$1` and so on in it.
    pub(super) words: Vec<String>,
    /// An entry of the Boot Loader Specification (`blscfg`), by its number.
    pub entry: Option<usize>,
}

impl Item {
    /// An entry of the Boot Loader Specification, by its number among those that were found.
    #[must_use]
    pub fn of_entry(number: usize, title: &str, id: &str) -> Self {
        Self {
            title: title.to_string(),
            id: id.to_string(),
            items: Vec::new(),
            body: None,
            words: Vec::new(),
            entry: Some(number),
        }
    }

    /// Whether it is a submenu.
    #[must_use]
    pub fn is_submenu(&self) -> bool {
        self.body.is_none() && self.entry.is_none()
    }
}

impl Script<'_> {
    /// Whether an entry boots a Linux, and not another loader, a firmware's menu or a hypervisor: whether its
    /// body says so anywhere.
    #[must_use]
    pub fn boots_linux(&self, item: &Item) -> bool {
        item.entry.is_some()
            || item
                .body
                .as_ref()
                .is_some_and(|body| self.has_linux(body, 0, &mut { MOST_STEPS }))
    }

    /// `left` is how many statements may still be looked at.
    fn has_linux(&self, block: &[Statement], depth: usize, left: &mut usize) -> bool {
        block.iter().any(|statement| {
            *left = left.saturating_sub(1);
            if *left == 0 || depth >= MOST_DEPTH {
                return false;
            }
            let mut has = |block: &Block| self.has_linux(block, depth + 1, left);
            match statement {
                Statement::Command { words, .. } => match words.first().and_then(Word::plain) {
                    Some("linux" | "linuxefi" | "linux16") => true,
                    Some(name) => self.functions.get(name).is_some_and(has),
                    None => false,
                },
                Statement::If { arms, otherwise } => {
                    arms.iter()
                        .any(|(condition, body)| has(condition) || has(body))
                        || has(otherwise)
                }
                Statement::For { body, .. } | Statement::While { body, .. } => has(body),
                Statement::Function { .. } => false,
            }
        })
    }
}
