//! Which entry a text means. Source: GRUB `grub-core/normal/menu.c`, `get_entry_number()`.

use super::item::Item;

/// The path to an entry that can be booted: numbers, from the outermost menu on.
pub type Path = Vec<usize>;

/// What `default` means: numbers, titles or names, with `>` between those of a submenu and of what is in it.
/// Without meaning it is the first, as GRUB has it; of a submenu the first that is in it.
#[must_use]
pub fn default_of(items: &[Item], text: &str) -> Option<Path> {
    find(items, text).or_else(|| first(items, 0))
}

/// What `fallback` means: one or more of the same, with spaces between numbers.
#[must_use]
pub fn fallbacks_of(items: &[Item], text: &str) -> Vec<Path> {
    // A title may have spaces, numbers have none.
    let parts: Option<Vec<Path>> = text
        .split_whitespace()
        .map(|part| find(items, part))
        .collect();
    let whole = || find(items, text).into_iter().collect();
    let mut found = parts.unwrap_or_else(whole);
    found.truncate(8);
    found
}

fn find(items: &[Item], text: &str) -> Option<Path> {
    // A path splits at a single `>`; two stand for one in a title.
    let bytes = text.as_bytes();
    let mut at = 0;
    let cut = loop {
        match bytes.get(at) {
            None => break None,
            Some(b'>') if bytes.get(at + 1) == Some(&b'>') => at += 2,
            Some(b'>') => break Some(at),
            Some(_) => at += 1,
        }
    };
    let (head, rest) = cut.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    let head = head.replace(">>", ">");
    let number = head.trim().parse().ok();
    let number = number.or_else(|| {
        items
            .iter()
            .position(|item| item.id == head || item.title == head)
    })?;
    let item = items.get(number)?;
    if !item.is_submenu() {
        return Some(vec![number]);
    }
    let inner = find(&item.items, rest).or_else(|| first(&item.items, 0))?;
    Some(std::iter::once(number).chain(inner).collect())
}

/// The first that can be booted from there on.
fn first(items: &[Item], from: usize) -> Option<Path> {
    items.iter().enumerate().skip(from).find_map(|(at, item)| {
        if !item.is_submenu() {
            return Some(vec![at]);
        }
        let inner = first(&item.items, 0)?;
        Some(std::iter::once(at).chain(inner).collect())
    })
}
