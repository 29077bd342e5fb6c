//! `make evaluation`: the tables and plots of `docs/evaluation/` from the results that are there.

use std::process::ExitCode;

use bulkhead_tests::{evaluation, root};

fn main() -> ExitCode {
    let folder = root().join("docs/evaluation");
    let made = match evaluation::make(&folder) {
        Ok(made) => made,
        Err(why) => {
            eprintln!("evaluation: error: {why}");
            return ExitCode::FAILURE;
        }
    };
    for (name, text) in made {
        let path = folder.join(name);
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("evaluation: error: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
