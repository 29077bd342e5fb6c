//! The crates of a build, as `cargo tree` lists them.

/// What `cargo tree --format` is asked for: name, version and kind; then the licence.
pub(crate) const FORMAT: &str = "{p}\t{l}";

/// A crate, in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version, without the `v`.
    pub(crate) version: String,
    /// The SPDX expression of its manifest; empty if it has none.
    pub(crate) licence: String,
}

/// Reads lines of [`FORMAT`]. Each crate is there once in the result, however often it is listed.
pub(crate) fn parse(tree: &str) -> Result<Vec<Package>, String> {
    let mut packages = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let broken = || format!("cargo tree: not a line of a crate: {line:?}");
        let (crate_, licence) = line.split_once('\t').ok_or_else(broken)?;
        let mut words = crate_.split(' ');
        let name = words.next().ok_or_else(broken)?;
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        // A crate that is listed again has a mark instead of what is below it.
        let licence = licence.strip_suffix("(*)").unwrap_or(licence);
        packages.push(Package {
            name: name.to_owned(),
            version: version.ok_or_else(broken)?.to_owned(),
            licence: licence.trim().to_owned(),
        });
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: licence.to_owned(),
        }
    }

    #[test]
    fn a_tree_is_read_and_each_crate_stands_once() {
        let tree = "b v0.1.0 (/a/folder)\tMIT OR Apache-2.0\n\
                    a v2.0.1+meta (proc-macro)\tMIT\n\
                    \n\
                    b v0.1.0 (/a/folder)\tMIT OR Apache-2.0 (*)\n\
                    c v1.0.0\t\n";
        let expected = vec![
            package("a", "2.0.1+meta", "MIT"),
            package("b", "0.1.0", "MIT OR Apache-2.0"),
            package("c", "1.0.0", ""),
        ];
        assert_eq!(parse(tree), Ok(expected));
    }

    #[test]
    fn another_form_is_an_error_and_not_an_empty_list() {
        assert!(parse("a v1.0.0 MIT").is_err());
        assert!(parse("a 1.0.0\tMIT").is_err());
    }
}
