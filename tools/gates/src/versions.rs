//! A crate in two versions is built twice, and what one means by a type the other does not. So each
//! stands once, but for those named here.

use crate::packages::Package;

/// A crate that may stand in several versions.
pub(crate) struct Twice {
    name: &'static str,
    /// How many versions there are.
    versions: usize,
    /// Who wants which, and why that does no harm.
    reason: &'static str,
}

/// The crates of this repository that do.
pub(crate) const TWICE: [Twice; 5] = [
    Twice {
        name: "getrandom",
        versions: 2,
        reason: "shuttle's rand 0.8 wants 0.2, proptest 0.4; only host tests have them",
    },
    Twice {
        name: "miniz_oxide",
        versions: 2,
        reason: "png 0.18.1 wants 0.8 and its flate2 0.9; only `make pictures` and tests have them",
    },
    Twice {
        name: "rand",
        versions: 2,
        reason: "shuttle 0.9 wants 0.8, proptest 0.10; only host tests have them",
    },
    Twice {
        name: "rand_core",
        versions: 2,
        reason: "as rand",
    },
    Twice {
        name: "syn",
        versions: 2,
        reason: "zerocopy-derive wants 2, clap 3; both run in the compiler only",
    },
];

/// Each crate in more versions than `allowed` says, and each entry of `allowed` that is not true.
pub(crate) fn problems(packages: &[Package], allowed: &[Twice]) -> Vec<String> {
    let mut names: Vec<_> = packages.iter().map(|package| &*package.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut problems = Vec::new();
    for name in names {
        let versions: Vec<_> = packages
            .iter()
            .filter(|package| package.name == name)
            .map(|package| &*package.version)
            .collect();
        let expected = allowed.iter().find(|twice| twice.name == name);
        if versions.len() != expected.map_or(1, |twice| twice.versions) {
            let known = expected.map_or(String::new(), |twice| {
                format!("; tools/gates expects {}: {}", twice.versions, twice.reason)
            });
            problems.push(format!(
                "{name} is built in {} version(s), {} (cargo tree -i {name}){known}",
                versions.len(),
                versions.join(" and ")
            ));
        }
    }
    let gone = allowed
        .iter()
        .filter(|twice| packages.iter().all(|package| package.name != twice.name))
        .map(|twice| {
            format!(
                "{} is not built any more: remove it from tools/gates",
                twice.name
            )
        });
    problems.extend(gone);
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::parse;

    const ALLOWED: [Twice; 1] = [Twice {
        name: "a",
        versions: 2,
        reason: "for a test",
    }];

    fn found(tree: &str) -> Vec<String> {
        problems(&parse(tree).unwrap(), &ALLOWED)
    }

    #[test]
    fn a_second_version_is_named_unless_there_is_a_reason() {
        assert_eq!(
            found("a v1.0.0\tMIT\na v2.0.0\tMIT\nb v1.0.0\tMIT\n"),
            [""; 0]
        );
        let problems = found("a v1.0.0\tMIT\na v2.0.0\tMIT\nb v1.0.0\tMIT\nb v1.1.0\tMIT\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("b is built in 2 version(s), 1.0.0 and 1.1.0"));
    }

    #[test]
    fn a_reason_that_is_not_needed_any_more_is_named() {
        assert_eq!(found("a v1.0.0\tMIT\n").len(), 1);
        assert_eq!(found("b v1.0.0\tMIT\n").len(), 1);
        assert_eq!(
            found("a v1.0.0\tMIT\na v2.0.0\tMIT\na v3.0.0\tMIT\n").len(),
            1
        );
    }
}
