//! The layouts, by the names under which they are chosen.

/// What is printed on the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keymap {
    /// American, 104 keys.
    #[default]
    Us,
    /// British, 105 keys.
    Uk,
    /// German.
    De,
    /// French.
    Fr,
    /// Finnish and Swedish.
    Fi,
    /// Norwegian.
    No,
    /// Japanese, 109 keys.
    Jp,
    /// American Dvorak.
    Dvorak,
    /// Programmer's Dvorak.
    Dvp,
    /// Colemak.
    Colemak,
}

impl Keymap {
    /// The names of all of them.
    pub const NAMES: [&str; 10] = [
        "us", "uk", "de", "fr", "fi", "no", "jp", "dvorak", "dvp", "colemak",
    ];

    const ALL: [Self; 10] = [
        Self::Us,
        Self::Uk,
        Self::De,
        Self::Fr,
        Self::Fi,
        Self::No,
        Self::Jp,
        Self::Dvorak,
        Self::Dvp,
        Self::Colemak,
    ];

    /// The layout of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        Self::ALL.get(index).copied()
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}
