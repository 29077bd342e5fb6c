//! Which licences a crate may have: those that let everybody use what is built here under MIT or
//! Apache-2.0. Copyleft (GPL, LGPL, AGPL, MPL, EPL) is not among them: it would bind the whole
//! kernel, or the files of it, to conditions that the README does not tell.
//!
//! Source: the SPDX specification 2.3, annex D (licence expressions). Manifests of before 2018 have
//! `A/B` for `A OR B`.

use crate::packages::Package;

/// What is accepted, and why.
const ACCEPTED: [(&str, &str); 11] = [
    ("MIT", "this project's own"),
    ("Apache-2.0", "this project's own"),
    (
        "Apache-2.0 WITH LLVM-exception",
        "gives more than Apache-2.0: no notice in binaries",
    ),
    ("MIT-0", "MIT without the notice"),
    ("0BSD", "BSD without the notice"),
    ("BSD-2-Clause", "asks for what MIT asks for"),
    (
        "BSD-3-Clause",
        "and not to advertise with the authors' names",
    ),
    ("ISC", "MIT in other words"),
    ("Zlib", "binaries need no notice"),
    ("BSL-1.0", "binaries need no notice"),
    (
        "Unicode-3.0",
        "MIT's conditions, on tables made of Unicode's data",
    ),
];

/// Each crate whose licence is not accepted, with what would be.
pub(crate) fn problems(packages: &[Package]) -> Vec<String> {
    let refused = packages.iter().filter_map(|package| {
        let why = match accepts(&package.licence) {
            Ok(true) => return None,
            Ok(false) => format!("its licence, {}, is not accepted", package.licence),
            Err(why) => why,
        };
        let names: Vec<_> = ACCEPTED.iter().map(|(name, _)| *name).collect();
        Some(format!(
            "{} {}: {why} (accepted: {})",
            package.name,
            package.version,
            names.join(", ")
        ))
    });
    refused.collect()
}

/// Whether an expression can be fulfilled by accepted licences alone.
fn accepts(expression: &str) -> Result<bool, String> {
    if expression.is_empty() {
        return Err("its manifest names no licence".to_owned());
    }
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words };
    let accepted = reader.any();
    match (accepted, reader.words) {
        (Some(accepted), []) => Ok(accepted),
        _ => Err(format!(
            "its licence is not an SPDX expression: {expression}"
        )),
    }
}

/// Reads an expression from the left; `None` is a fault in it.
struct Reader<'a> {
    words: &'a [&'a str],
}

impl Reader<'_> {
    /// Alternatives: `a OR b`.
    fn any(&mut self) -> Option<bool> {
        let mut accepted = self.all()?;
        while self.take("OR") {
            accepted |= self.all()?;
        }
        Some(accepted)
    }

    /// What holds at once, and binds closer: `a AND b`.
    fn all(&mut self) -> Option<bool> {
        let mut accepted = self.one()?;
        while self.take("AND") {
            accepted &= self.one()?;
        }
        Some(accepted)
    }

    /// A licence, with its exception; or an expression in parentheses.
    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let accepted = self.any()?;
            return self.take(")").then_some(accepted);
        }
        let mut name = self.name()?.to_owned();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.name()?);
        }
        Some(ACCEPTED.iter().any(|(accepted, _)| *accepted == name))
    }

    fn name(&mut self) -> Option<&str> {
        let (&first, rest) = self.words.split_first()?;
        if ["(", ")", "OR", "AND", "WITH"].contains(&first) {
            return None;
        }
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::parse;

    #[test]
    fn an_expression_holds_if_accepted_licences_fulfil_it() {
        for accepted in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-2.0-only OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "MIT AND GPL-3.0-or-later OR Zlib",
        ] {
            assert_eq!(accepts(accepted), Ok(true), "{accepted}");
        }
        for refused in [
            "GPL-3.0-or-later",
            "MPL-2.0",
            "MIT AND LGPL-2.1-only",
            "MIT AND (MPL-2.0 OR EPL-2.0)",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "LicenseRef-Own",
            "mit",
        ] {
            assert_eq!(accepts(refused), Ok(false), "{refused}");
        }
    }

    #[test]
    fn what_is_no_expression_is_not_passed() {
        for broken in [
            "",
            "MIT OR",
            "(MIT",
            "MIT)",
            "MIT Apache-2.0",
            "AND",
            "MIT WITH",
        ] {
            assert!(accepts(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_crate_of_an_unknown_or_copyleft_licence_or_of_none_is_named() {
        let tree = "good v1.0.0\tMIT\n\
                    left v0.3.1\tGPL-3.0-only\n\
                    odd v2.0.0\tSomebodys-1.0\n\
                    silent v0.1.0\t\n";
        let problems = problems(&parse(tree).unwrap());
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("left 0.3.1: its licence, GPL-3.0-only, is not accepted"));
        assert!(problems[1].starts_with("odd 2.0.0: its licence, Somebodys-1.0, is not accepted"));
        assert!(problems[2].starts_with("silent 0.1.0: its manifest names no licence"));
    }
}
