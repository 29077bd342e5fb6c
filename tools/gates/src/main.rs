//! Checks of the repository that no compiler makes; `make check` runs it.
//!
//! * Every crate that is built here has a licence that [`licence`] accepts, and stands in one
//!   version, but for those that [`versions`] names with a reason.
//! * Every link between the documents leads to a file, and to a heading in it ([`links`]).
//! * Every story that a document names is there ([`stories`]).
//! * The README is no longer than somebody reads.
//! * The kernel's own code, which only a machine can try, has no more lines than [`size`] allows.
//!
//! Prints how many these are, and what is wrong, a line each, and fails if anything is. It has no dependencies, so that it
//! is built in a moment and before everything else.

#![forbid(unsafe_code)]

mod licence;
mod links;
mod packages;
mod size;
mod stories;
mod versions;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use packages::Package;

/// What a README may have, in bytes: ten minutes of reading.
const README_LIMIT: u64 = 10 * 1024;

/// Where what is built here runs. Crates that only another system would need are not built, and
/// not even downloaded.
const TARGETS: [&str; 3] = [
    "x86_64-unknown-none",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
];

fn main() -> ExitCode {
    match problems(&root()) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("gates: {problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("gates: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn problems(root: &Path) -> Result<Vec<String>, String> {
    let packages = packages(root)?;
    let mut problems = licence::problems(&packages);
    problems.extend(versions::problems(&packages, &versions::TWICE));
    let mut pages = Vec::new();
    documents(root, Path::new(""), &mut pages).map_err(|e| format!("documents: {e}"))?;
    problems.extend(links::problems(root, &pages)?);
    problems.extend(stories::problems(root, &pages)?);
    let readme = root.join("README.md");
    let bytes = readme.metadata().map_err(|e| format!("README.md: {e}"))?;
    problems.extend(too_long("README.md", bytes.len(), README_LIMIT));
    let lines = size::lines_below(&root.join(size::FOLDER))
        .map_err(|e| format!("{}: {e}", size::FOLDER))?;
    println!(
        "gates: {} has {lines} lines of code, of {} at most",
        size::FOLDER,
        size::MOST
    );
    problems.extend(size::problem(lines));
    Ok(problems)
}

fn too_long(name: &str, bytes: u64, limit: u64) -> Option<String> {
    (bytes > limit).then(|| {
        format!(
            "{name} has {bytes} bytes, at most {limit} are allowed: move what is too much to docs/"
        )
    })
}

/// All that is built, for the product, its build and its tests.
fn packages(root: &Path) -> Result<Vec<Package>, String> {
    // The one that runs this, not the one that once built it: that may be gone.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.current_dir(root)
        .args([
            "tree",
            "--locked",
            "--workspace",
            "--edges",
            "normal,build,dev",
        ])
        .args(["--prefix", "none", "--format", packages::FORMAT]);
    for target in TARGETS {
        tree.args(["--target", target]);
    }
    packages::parse(&output(&mut tree)?)
}

/// The documents below a folder of the repository, relative to its root: without what is hidden,
/// and what is built.
fn documents(root: &Path, folder: &Path, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || ["target", "build"].contains(&&*name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            documents(root, &path, found)?;
        } else if name.ends_with(".md") {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(())
}

/// What a command says; an error if it fails.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} failed: {}", why.trim()));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{name}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_of_more_than_its_limit_is_a_problem() {
        assert_eq!(too_long("README.md", 10_240, README_LIMIT), None);
        assert!(too_long("README.md", 10_241, README_LIMIT).is_some());
    }

    #[test]
    fn pages_in_folders_are_found_and_what_is_built_is_not() {
        let mut pages = Vec::new();
        documents(&root(), Path::new(""), &mut pages).unwrap();
        for page in ["README.md", "docs/design.md"] {
            assert!(pages.iter().any(|found| found == page), "{pages:?}");
        }
        assert!(pages.iter().all(|page| !page.starts_with("target/")));
    }
}
