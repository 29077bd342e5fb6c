//! `corpus list`: the targets, each with the most bytes that make sense. `corpus unpack NAME FOLDER`: what a
//! search of it begins with, a file each. `corpus pack NAME FOLDER`: those files are its corpus from now on.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use bulkhead_fuzz::{corpus, target, targets};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["list"] => {
            for target in targets() {
                println!("{} {}", target.name, target.most);
            }
            Ok(())
        }
        ["unpack", name, folder] => unpack(name, Path::new(folder)),
        ["pack", name, folder] => pack(name, Path::new(folder)),
        _ => Err("accepted: list, unpack NAME FOLDER, pack NAME FOLDER".to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("corpus: {why}");
            ExitCode::FAILURE
        }
    }
}

fn unpack(name: &str, folder: &Path) -> Result<(), String> {
    let seeds = (target(name)?.seeds)();
    let path = corpus::path(name);
    let found = if path.exists() {
        corpus::unpack(&fs::read(&path).map_err(|error| error.to_string())?)
    } else {
        Vec::new()
    };
    for (number, input) in seeds.iter().chain(&found).enumerate() {
        let file = folder.join(format!("{number:04}"));
        fs::write(&file, input).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

fn pack(name: &str, folder: &Path) -> Result<(), String> {
    target(name)?;
    let mut inputs = Vec::new();
    for file in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let file = file.map_err(|error| error.to_string())?.path();
        inputs.push(fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?);
    }
    let bytes = corpus::pack(inputs);
    println!("{name}: {} bytes of inputs", bytes.len());
    fs::write(corpus::path(name), bytes).map_err(|error| error.to_string())
}
