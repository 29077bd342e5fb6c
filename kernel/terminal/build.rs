//! Packs pc-keyboard's layouts into tables: as code they would take 20 KiB of the resident kernel,
//! as differences from the American one 3.

use std::collections::BTreeSet;
use std::fmt::Write;

use pc_keyboard::layouts::{
    AnyLayout, Azerty, Colemak, DVP104Key, De105Key, Dvorak104Key, FiSe105Key, Jis109Key, No105Key,
    Uk105Key, Us104Key,
};
use pc_keyboard::{
    DecodedKey, HandleControl, KeyCode, KeyboardLayout, Modifiers, ScancodeSet, ScancodeSet1,
    ScancodeSet2,
};

/// In the order of `Keymap`; the first is the one that the others differ from.
const LAYOUTS: [(&str, AnyLayout); 10] = [
    ("us", AnyLayout::Us104Key(Us104Key)),
    ("uk", AnyLayout::Uk105Key(Uk105Key)),
    ("de", AnyLayout::De105Key(De105Key)),
    ("fr", AnyLayout::Azerty(Azerty)),
    ("fi", AnyLayout::FiSe105Key(FiSe105Key)),
    ("no", AnyLayout::No105Key(No105Key)),
    ("jp", AnyLayout::Jis109Key(Jis109Key)),
    ("dvorak", AnyLayout::Dvorak104Key(Dvorak104Key)),
    ("dvp", AnyLayout::DVP104Key(DVP104Key)),
    ("colemak", AnyLayout::Colemak(Colemak)),
];

/// What is held down at each level, as `table.rs` has it.
fn levels() -> [Modifiers; 6] {
    let none = Modifiers {
        numlock: true,
        ..Modifiers::default()
    };
    let with = |change: fn(&mut Modifiers)| {
        let mut modifiers = none.clone();
        change(&mut modifiers);
        modifiers
    };
    [
        none.clone(),
        with(|m| m.lshift = true),
        with(|m| m.capslock = true),
        with(|m| (m.lshift, m.capslock) = (true, true)),
        with(|m| m.ralt = true),
        with(|m| m.lctrl = true),
    ]
}

/// The keys that either set of scan codes has.
fn keys() -> BTreeSet<KeyCode> {
    let mut keys = BTreeSet::new();
    for prefix in [None, Some(0xe0), Some(0xe1)] {
        for code in 0..=u8::MAX {
            let (mut one, mut two) = (ScancodeSet1::new(), ScancodeSet2::new());
            for set in [&mut one as &mut dyn ScancodeSet, &mut two] {
                let first = prefix.map(|prefix| set.advance_state(prefix));
                if first.is_none_or(|first| matches!(first, Ok(None)))
                    && let Ok(Some(event)) = set.advance_state(code)
                {
                    keys.insert(event.code);
                }
            }
        }
    }
    keys
}

/// The character of each level: 0 for none, 0x80 for one beyond ASCII.
fn row(layout: &AnyLayout, key: KeyCode) -> [u8; 6] {
    levels().map(|modifiers| {
        match layout.map_keycode(key, &modifiers, HandleControl::MapLettersToUnicode) {
            DecodedKey::Unicode(c) => u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(0x80),
            DecodedKey::RawKey(_) => 0,
        }
    })
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let mut text = String::new();
    let first = &LAYOUTS[0].1;
    for (name, layout) in &LAYOUTS {
        let rows = keys().into_iter().map(|key| (key as u8, key));
        let rows: Vec<_> = rows
            .map(|(code, key)| (code, row(layout, key), row(first, key)))
            .filter(|(_, row, of_first)| *row != [0; 6] || *of_first != [0; 6])
            .filter(|(_, row, of_first)| *name == LAYOUTS[0].0 || row != of_first)
            .map(|(code, row, _)| (code, row))
            .collect();
        let name = name.to_uppercase();
        writeln!(text, "static {name}: [Row; {}] = {rows:?};", rows.len()).expect("a string grows");
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(format!("{out}/layouts.rs"), text).expect("cargo's folder can be written to");
}
