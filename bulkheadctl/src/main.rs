//! `bulkheadctl`: the command line.

use std::ffi::OsString;
use std::fs::File as Handle;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkheadctl::board::{File, board};
use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::{live, suggest, survey};

const USAGE: &str = "\
usage: bulkheadctl survey [--from FILE] [--save FILE]
       bulkheadctl check SCRIPT [--from FILE] [--image NAME=PATH]...
       bulkheadctl suggest [--from FILE] [--image NAME=PATH]...

  survey    what Bulkhead would make of this machine; as root, it sees all of it
  check     what Bulkhead's shell would say of a boot script on this machine
  suggest   a first boot script for this machine and its kernels

  --from FILE         the machine that a saved file is of, instead of this one
  --save FILE         keeps what the survey is made from: a tar archive, without serial numbers, MAC
                      addresses and host names; its piece `about` says what is in it
  --image NAME=PATH   a kernel or initial RAM disk, by the name that the script has for it; without
                      any, all kernels and initial RAM disks in /boot, by their own names

exit codes: 0 nothing is to be changed, 1 something is (survey), or is refused (check, suggest),
            2 the command line is wrong, 3 a file can't be read or written
";

const COMMANDS: &str = "accepted: survey, check, suggest";

/// Why it ends otherwise than well.
enum Trouble {
    Usage(String),
    File(String),
}

struct Arguments {
    command: String,
    script: Option<PathBuf>,
    from: Option<PathBuf>,
    save: Option<PathBuf>,
    images: Vec<(String, PathBuf)>,
}

fn main() -> ExitCode {
    match parse().and_then(|arguments| arguments.map_or(Ok(true), |arguments| run(&arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Trouble::Usage(message)) => {
            eprintln!("bulkheadctl: {message}\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Trouble::File(message)) => {
            eprintln!("bulkheadctl: {message}");
            ExitCode::from(3)
        }
    }
}

/// The command line; `None` if it asked for help, which was given.
fn parse() -> Result<Option<Arguments>, Trouble> {
    use lexopt::prelude::{Long, Short, Value};
    let wrong = |error: lexopt::Error| Trouble::Usage(error.to_string());
    let text = |value: OsString| {
        value
            .into_string()
            .map_err(|value| Trouble::Usage(format!("{value:?} is no UTF-8")))
    };
    let mut arguments = Arguments {
        command: String::new(),
        script: None,
        from: None,
        save: None,
        images: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(wrong)? {
        let command = arguments.command.as_str();
        match argument {
            Long("help") | Short('h') => {
                print(USAGE)?;
                return Ok(None);
            }
            Long("version") => {
                print(concat!("bulkheadctl ", env!("CARGO_PKG_VERSION"), "\n"))?;
                return Ok(None);
            }
            Long("from") => arguments.from = Some(parser.value().map_err(wrong)?.into()),
            Long("save") if command == "survey" => {
                arguments.save = Some(parser.value().map_err(wrong)?.into());
            }
            Long("image") if matches!(command, "check" | "suggest") => {
                let pair = text(parser.value().map_err(wrong)?)?;
                let Some((name, path)) = pair.split_once('=') else {
                    let message = format!("--image {pair:?} (accepted: NAME=PATH)");
                    return Err(Trouble::Usage(message));
                };
                arguments.images.push((name.to_string(), path.into()));
            }
            Value(value) if command.is_empty() => arguments.command = text(value)?,
            Value(value) if command == "check" && arguments.script.is_none() => {
                arguments.script = Some(value.into());
            }
            other => return Err(wrong(other.unexpected())),
        }
    }
    Ok(Some(arguments))
}

/// Does it; whether the answer is good.
fn run(arguments: &Arguments) -> Result<bool, Trouble> {
    match (arguments.command.as_str(), &arguments.script) {
        ("survey", _) => {
            let pack = pack(arguments)?;
            if let Some(path) = &arguments.save {
                save(&pack, path)?;
            }
            let (report, fits) = survey::survey(&pack);
            print(&report)?;
            Ok(fits)
        }
        ("check", Some(path)) => check(arguments, path),
        ("check", None) => Err(Trouble::Usage(String::from("check: which script?"))),
        ("suggest", _) => match suggest::suggest(&pack(arguments)?, &images(arguments)?) {
            Ok(script) => {
                print(&script)?;
                Ok(true)
            }
            Err(why) => {
                eprintln!("bulkheadctl: {why}");
                Ok(false)
            }
        },
        ("", _) => Err(Trouble::Usage(format!("no command ({COMMANDS})"))),
        (other, _) => Err(Trouble::Usage(format!(
            "there is no command {other:?} ({COMMANDS})"
        ))),
    }
}

fn check(arguments: &Arguments, path: &Path) -> Result<bool, Trouble> {
    let bytes = std::fs::read(path).map_err(|error| of_file(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| of_file(path, &error))?;
    let files = images(arguments)?;
    let machine = board(&pack(arguments)?, Some(&files)).machine;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (said, done) = Operator::new(machine, files).run(&name, &text);
    print(&said)?;
    let is_ok = done.is_ok() && !said.contains(": went on after ");
    print(&match done {
        Err(stopped) => format!("{name}: {stopped}\n"),
        Ok(()) if is_ok => format!("{name}: ok\n"),
        Ok(()) => String::new(),
    })?;
    Ok(is_ok)
}

fn pack(arguments: &Arguments) -> Result<Pack, Trouble> {
    if let Some(path) = &arguments.from {
        let file = Handle::open(path).map_err(|error| of_file(path, &error))?;
        return Pack::read(BufReader::new(file)).map_err(|error| of_file(path, &error));
    }
    let (pack, missing) = live::gather();
    for what in missing {
        eprintln!("bulkheadctl: {what}");
    }
    Ok(pack)
}

fn save(pack: &Pack, path: &Path) -> Result<(), Trouble> {
    let file = Handle::create(path).map_err(|error| of_file(path, &error))?;
    pack.write(BufWriter::new(file))
        .map_err(|error| of_file(path, &error))?;
    eprintln!(
        "bulkheadctl: {} has what this survey was made from; look into it: tar -xOf {} about",
        path.display(),
        path.display()
    );
    Ok(())
}

/// The images that the command line names, else those of `/boot`, newest kernels first.
fn images(arguments: &Arguments) -> Result<Vec<File>, Trouble> {
    let mut named = arguments.images.clone();
    if named.is_empty() {
        let is_image = |name: &str| {
            ["vmlinuz", "initrd", "initramfs"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        let entries = std::fs::read_dir("/boot").into_iter().flatten().flatten();
        named = entries
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
            .filter(|(name, path)| is_image(name) && path.is_file())
            .collect();
        named.sort_by(|(a, _), (b, _)| b.cmp(a));
    }
    let read = |(name, path): (String, PathBuf)| {
        let bytes = std::fs::read(&path).map_err(|error| of_file(&path, &error))?;
        Ok(File { name, bytes })
    };
    named.into_iter().map(read).collect()
}

fn of_file(path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::File(format!("{}: {error}", path.display()))
}

/// A pipe that is closed is no panic.
fn print(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Trouble::File(format!("standard output: {error}")))
}
