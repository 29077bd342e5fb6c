//! A command line cut into parameters exactly as Linux cuts it.
//!
//! Source: Linux `lib/cmdline.c`, `next_arg()`: white space ends a parameter unless it is inside
//! double quotes; quotes may enclose the whole parameter or just its value, and are then not part
//! of it. `kernel/params.c`, `parse_args()`: `--` ends the kernel's part, the rest is for init.

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// As it was written, with its quotes.
    pub(super) text: &'a str,
    /// Where it starts in the command line.
    pub(super) start: usize,
    /// What is before the first `=`.
    pub(super) name: &'a str,
    /// What is behind it, if there is one.
    pub(super) value: Option<&'a str>,
}

impl<'a> Word<'a> {
    fn new(text: &'a str, start: usize) -> Self {
        let is_quoted = text.starts_with('"');
        let inner = if is_quoted { &text[1..] } else { text };
        // A `=` in the first place is part of the name.
        let equals = inner
            .bytes()
            .skip(1)
            .position(|b| b == b'=')
            .map(|at| at + 1);
        let Some(equals) = equals else {
            let name = if is_quoted {
                without_last_quote(inner)
            } else {
                inner
            };
            return Self {
                text,
                start,
                name,
                value: None,
            };
        };
        let value = &inner[equals + 1..];
        let value = match value.strip_prefix('"') {
            Some(value) => without_last_quote(value),
            None if is_quoted => without_last_quote(value),
            None => value,
        };
        Self {
            text,
            start,
            name: &inner[..equals],
            value: Some(value),
        }
    }

    /// Whether it takes the place of a default of that name. An empty `panic=` does not: the kernel refuses it
    /// and keeps what it had; it is for initramfs-tools, which then gives its shell in place of a reboot.
    pub(super) fn replaces(&self, name: &str) -> bool {
        self.is_called(name) && !(self.name == "panic" && self.value == Some(""))
    }

    /// Whether this is the `--` that ends the kernel's parameters.
    fn is_end(&self) -> bool {
        self.name == "--" && self.value.is_none()
    }

    /// Whether the kernel takes this for the parameter called `name`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        as_compared(self.name).eq(as_compared(name))
    }
}

/// A name as the kernel compares it: it makes no difference between `-` and `_`.
pub(super) fn as_compared(name: &str) -> impl Iterator<Item = u8> {
    let dash = |byte: u8| if byte == b'-' { b'_' } else { byte };
    name.bytes().map(dash)
}

fn without_last_quote(text: &str) -> &str {
    text.strip_suffix('"').unwrap_or(text)
}

/// The parameters of the kernel's part of `line`.
pub(super) fn kernel_words(line: &str) -> impl Iterator<Item = Word<'_>> {
    words(line).take_while(|word| !word.is_end())
}

/// Where the `--` stands that ends the kernel's part; the line's length if there is none.
pub(super) fn kernel_end(line: &str) -> usize {
    words(line)
        .find(Word::is_end)
        .map_or(line.len(), |word| word.start)
}

/// The words behind the `--`, which are init's.
pub(super) fn init_words(line: &str) -> impl Iterator<Item = Word<'_>> {
    words(line).skip_while(|word| !word.is_end()).skip(1)
}

/// All of `line` cut at white space without regard to quotes or `--`, as the kernel's
/// decompressor looks for the few parameters that it has (`arch/x86/boot/cmdline.c`).
pub(super) fn plain_words(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut end = 0;
    line.split_ascii_whitespace().map(move |text| {
        let start = end + line[end..].find(text).unwrap_or(0);
        end = start + text.len();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        Word {
            text,
            start,
            name,
            value,
        }
    })
}

fn words(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut position = 0;
    core::iter::from_fn(move || {
        let bytes = line.as_bytes();
        let start = position
            + bytes[position..]
                .iter()
                .position(|b| !b.is_ascii_whitespace())?;
        let mut in_quotes = false;
        let end = bytes[start..].iter().position(|byte| {
            in_quotes ^= *byte == b'"';
            byte.is_ascii_whitespace() && !in_quotes
        });
        position = end.map_or(line.len(), |length| start + length);
        Some(Word::new(&line[start..position], start))
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn cut(line: &str) -> Vec<(&str, Option<&str>)> {
        words(line).map(|word| (word.name, word.value)).collect()
    }

    #[test]
    fn quotes_are_as_the_kernel_has_them() {
        assert_eq!(
            cut("  quiet\tconsole=ttyS1,115200 "),
            [("quiet", None), ("console", Some("ttyS1,115200"))]
        );
        assert_eq!(
            cut(r#"dyndbg="file a.c +p" x"#),
            [("dyndbg", Some("file a.c +p")), ("x", None)]
        );
        assert_eq!(
            cut(r#""dyndbg=file a.c +p" x"#),
            [("dyndbg", Some("file a.c +p")), ("x", None)]
        );
        assert_eq!(cut(r#""two words""#), [("two words", None)]);
        assert_eq!(cut(r#"a=b" c"d=e"#), [("a", Some(r#"b" c"d=e"#))]);
        assert_eq!(
            cut("=x a= b=c=d"),
            [("=x", None), ("a", Some("")), ("b", Some("c=d"))]
        );
        assert_eq!(cut(r#""""#), [("", None)]);
        assert_eq!(cut(r#"""#), [("", None)]);
        assert_eq!(cut(""), []);
    }

    #[test]
    fn the_kernel_s_part_ends_at_two_dashes() {
        let names = |line| kernel_words(line).map(|word| word.name).collect::<Vec<_>>();
        assert_eq!(names("a b -- c"), ["a", "b"]);
        assert_eq!(names("a --b c"), ["a", "--b", "c"]);
        assert_eq!(names("a --=b c"), ["a", "--", "c"]);
        assert_eq!(kernel_end("a b -- c"), 4);
        assert_eq!(kernel_end(r#"a "--" c"#), 2);
        assert_eq!(kernel_end(r#"a=" -- " b"#), 10);
    }

    #[test]
    fn dashes_are_underscores() {
        let word = words("no-ipi_broadcast=0").next().expect("one");
        assert!(word.is_called("no_ipi_broadcast"));
        assert!(!word.is_called("no_ipi_broadcas"));
    }

    #[test]
    fn the_decompressor_sees_through_quotes() {
        let found: Vec<_> = plain_words(r#"a="b acpi_rsdp=0x10 c" -- d=1"#)
            .map(|w| (w.name, w.start))
            .collect();
        assert_eq!(
            found,
            [
                ("a", 0),
                ("acpi_rsdp", 5),
                ("c\"", 20),
                ("--", 23),
                ("d", 26)
            ]
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_loses_nothing(line in r#"[a-c=" \t-]{0,24}"#) {
            for word in words(&line).chain(plain_words(&line)) {
                prop_assert_eq!(&line[word.start..word.start + word.text.len()], word.text);
            }
            let kept: usize = words(&line).map(|word| word.text.len()).sum();
            let outside = line.len() - kept;
            prop_assert!(outside <= line.bytes().filter(u8::is_ascii_whitespace).count());
            prop_assert!(kernel_end(&line) <= line.len());
        }
    }
}
