//! `bulkheadctl`: the command line.

use std::ffi::OsString;
use std::fs::File as Handle;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bulkhead_lifecycle::MOST_STOP_SECONDS;
use bulkheadctl::board::{File, board};
use bulkheadctl::bounded::{self, MOST_OF_IMAGE, MOST_OF_SCRIPT};
use bulkheadctl::commands::{Command, Needs, Takes};
use bulkheadctl::inside::link::{Efivars, Trouble};
use bulkheadctl::inside::{self, Wish};
use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::{commands, links, live, suggest, survey};

struct Arguments {
    wish: Wish,
    from: Option<PathBuf>,
    save: Option<PathBuf>,
    serve: Option<PathBuf>,
    images: Vec<(String, PathBuf)>,
}

fn main() -> ExitCode {
    // Of the agent's, for its terminal: no command of its operator's.
    let words: Vec<OsString> = std::env::args_os().collect();
    if let [_, word, command] = &words[..]
        && word == inside::agent::LOGIN
    {
        let why = inside::agent::become_login(&command.to_string_lossy());
        eprintln!("bulkheadctl: {why}");
        return ExitCode::from(3);
    }
    match parse().and_then(|arguments| arguments.map_or(Ok(true), |arguments| run(&arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(trouble) => {
            let (code, message) = match trouble {
                Trouble::Refused(message) => (1, message),
                Trouble::Usage(message) => {
                    const ALL: &str = "bulkheadctl help has all of it)";
                    let message = match message.strip_suffix(')') {
                        Some(message) => format!("{message}; {ALL}"),
                        None => format!("{message} ({ALL}"),
                    };
                    (2, message)
                }
                Trouble::Missing(message) => (3, message),
                Trouble::Denied(message) => (4, message),
                Trouble::Late(message) => (5, message),
            };
            eprintln!("bulkheadctl: {}", message.trim_end());
            ExitCode::from(code)
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
        wish: Wish::default(),
        from: None,
        save: None,
        serve: None,
        images: Vec::new(),
    };
    let mut said = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(wrong)? {
        if let Long(option) = argument {
            said.push(format!("--{option}"));
        }
        let known = commands::find(&arguments.wish.command);
        let accepts = |option: &str| known.is_some_and(|known| known.options.contains(&option));
        match argument {
            Long("help") | Short('h') => {
                let own = known.map_or_else(commands::usage, commands::help_of);
                print(&own)?;
                return Ok(None);
            }
            Long("version") => {
                print(concat!("bulkheadctl ", env!("CARGO_PKG_VERSION"), "\n"))?;
                return Ok(None);
            }
            Long("from") if accepts("--from") => {
                arguments.from = Some(parser.value().map_err(wrong)?.into())
            }
            Long("save") if accepts("--save") => {
                arguments.save = Some(parser.value().map_err(wrong)?.into());
            }
            Long("serve") if accepts("--serve") => {
                arguments.serve = Some(parser.value().map_err(wrong)?.into());
            }
            Long("image") if accepts("--image") => {
                let pair = text(parser.value().map_err(wrong)?)?;
                let (name, path) = image(&pair)?;
                if arguments.images.iter().any(|(known, _)| *known == name) {
                    return Err(Trouble::Usage(format!(
                        "--image {name:?} is given twice (accepted: each name once)"
                    )));
                }
                arguments.images.push((name, path));
            }
            Long("timeout") if accepts("--timeout") => {
                let value = text(parser.value().map_err(wrong)?)?;
                let seconds = value.parse().ok().filter(|seconds| *seconds <= 86_400);
                let message = || format!("--timeout {value:?} (accepted: seconds, a day at most)");
                let seconds = seconds.ok_or_else(|| Trouble::Usage(message()))?;
                arguments.wish.patience = Some(Duration::from_secs(seconds));
            }
            Long("within") if accepts("--within") => {
                let value = text(parser.value().map_err(wrong)?)?;
                let seconds = value.parse().ok();
                let seconds = seconds.filter(|seconds| (1..=MOST_STOP_SECONDS).contains(seconds));
                let message =
                    || format!("--within {value:?} (accepted: 1 to {MOST_STOP_SECONDS} seconds)");
                arguments.wish.within = Some(seconds.ok_or_else(|| Trouble::Usage(message()))?);
            }
            Long("poweroff-command") if accepts("--poweroff-command") => {
                arguments.wish.poweroff = Some(text(parser.value().map_err(wrong)?)?);
            }
            Long("reboot-command") if accepts("--reboot-command") => {
                arguments.wish.reboot = Some(text(parser.value().map_err(wrong)?)?);
            }
            Long("login") if accepts("--login") => {
                arguments.wish.login = Some(text(parser.value().map_err(wrong)?)?);
            }
            Long(option) if accepts(&format!("--{option}")) => {
                arguments.wish.flags.push(format!("--{option}"));
            }
            Value(value) if arguments.wish.command.is_empty() => {
                arguments.wish.command = text(value)?;
            }
            Value(value) if known.is_some_and(|known| has_room(known, &arguments.wish)) => {
                arguments.wish.words.push(text(value)?);
            }
            Long(option)
                if commands::OPTIONS
                    .iter()
                    .any(|(known, ..)| *known == format!("--{option}")) =>
            {
                return Err(Trouble::Usage(commands::misplaced(option, known)));
            }
            other => return Err(wrong(other.unexpected())),
        }
    }
    commands::check_together(&said).map_err(Trouble::Usage)?;
    Ok(Some(arguments))
}

/// An image's name, and where it is.
fn image(pair: &str) -> Result<(String, PathBuf), Trouble> {
    match pair.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_string(), path.into()))
        }
        _ => Err(Trouble::Usage(format!(
            "--image {pair:?} (accepted: NAME=PATH)"
        ))),
    }
}

/// Whether a command takes one word more.
fn has_room(command: &Command, wish: &Wish) -> bool {
    let most = match (command.takes, command.name) {
        (Takes::Nothing, "reset" | "poweroff" | "help") => 1,
        (Takes::Nothing, _) => 0,
        (Takes::Name, "log" | "dump" | "net" | "disk") => 2,
        (Takes::Name, "show" | "undefine" | "console") | (Takes::File | Takes::Word(_), _) => 1,
        (Takes::Name | Takes::Names, _) => usize::MAX,
    };
    wish.words.len() < most
}

/// Does it; whether the answer is good.
fn run(arguments: &Arguments) -> Result<bool, Trouble> {
    let wish = &arguments.wish;
    if let Some(command) =
        commands::find(&wish.command).filter(|command| command.needs == Needs::Bulkhead)
    {
        let is_lacking = command.takes != Takes::Nothing && wish.words.is_empty();
        if is_lacking {
            return Err(Trouble::Usage(format!(
                "usage: {} {}",
                command.name, command.usage
            )));
        }
        if command.name == "agent" {
            return inside::agent::run(wish, &Efivars::here()?);
        }
        if command.name == "console" {
            return inside::console::run(wish, &Efivars::here()?);
        }
        let mut out = std::io::stdout().lock();
        return inside::run(wish, &Efivars::here()?, &mut out);
    }
    match (wish.command.as_str(), wish.words.first()) {
        ("survey", _) => {
            let pack = pack(arguments)?;
            if let Some(path) = &arguments.save {
                save(&pack, path)?;
            }
            let (report, fits) = survey::survey(&pack);
            print(&report)?;
            Ok(fits)
        }
        ("boot", _) => bulkheadctl::boot::run(wish.flags.iter().any(|flag| flag == "--now")),
        ("net", Some(peer)) => {
            let name = wish.words.get(1).map(String::as_str);
            links::net::run(peer, name).map(|()| true)
        }
        ("net", None) => Err(Trouble::Usage(String::from("net: to which partition?"))),
        ("disk", Some(peer)) => disk(arguments, peer).map(|()| true),
        ("disk", None) => Err(Trouble::Usage(String::from("disk: of which partition?"))),
        ("check", Some(path)) => check(arguments, Path::new(path)),
        ("check", None) => Err(Trouble::Usage(String::from("check: which script?"))),
        ("completion", Some(shell)) if shell == "bash" => print(&commands::bash()).map(|()| true),
        ("completion", _) => Err(Trouble::Usage(String::from(
            "completion: bash is the one there is",
        ))),
        ("man", _) => print(&commands::man()).map(|()| true),
        ("help", _) => match wish.words.first() {
            Some(word) => {
                let command = commands::find(word);
                let command = command.ok_or_else(|| unknown(word))?;
                print(&commands::help_of(command)).map(|()| true)
            }
            None => print(&commands::usage()).map(|()| true),
        },
        ("suggest", _) => suggest(arguments),
        ("", _) => Err(Trouble::Usage(format!(
            "no command (accepted: {})",
            commands::names()
        ))),
        (other, _) => Err(unknown(other)),
    }
}

fn unknown(command: &str) -> Trouble {
    let names = commands::COMMANDS.iter().map(|command| command.name);
    let meant = bulkhead_shell::nearest(command, names);
    let meant = meant.map_or_else(String::new, |name| format!(", did you mean {name:?}?"));
    Trouble::Usage(format!(
        "there is no command {command:?}{meant} (accepted: {})",
        commands::names()
    ))
}

/// Uses the other partition's disk, or serves one to it.
fn disk(arguments: &Arguments, peer: &str) -> Result<(), Trouble> {
    let wish = &arguments.wish;
    let is_read_only = wish.flags.iter().any(|flag| flag == "--read-only");
    let device = wish.words.get(1).map(String::as_str);
    match (&arguments.serve, device) {
        (None, device) => links::disk::attach(peer, device, is_read_only),
        (Some(path), None) => links::disk::serve(peer, path, is_read_only),
        (Some(_), Some(device)) => Err(Trouble::Usage(format!(
            "disk: {device:?} and --serve (accepted: one of the two)"
        ))),
    }
}

fn suggest(arguments: &Arguments) -> Result<bool, Trouble> {
    let (pack, files) = (pack(arguments)?, images(arguments)?);
    match suggest::suggest(&pack, &files, &check_line(arguments)) {
        Ok(suggested) => {
            print(&suggested.script)?;
            // The script mostly goes to a file.
            suggested
                .warnings
                .iter()
                .for_each(|warning| eprintln!("bulkheadctl: {warning}"));
            Ok(true)
        }
        Err(why) => {
            eprintln!("bulkheadctl: {why}");
            Ok(false)
        }
    }
}

/// How what is suggested is checked: with the same machine and the same images.
fn check_line(arguments: &Arguments) -> Vec<String> {
    let mut words: Vec<String> = ["bulkheadctl", "check", "bulkhead.conf"]
        .map(String::from)
        .to_vec();
    if let Some(from) = &arguments.from {
        words.extend([String::from("--from"), from.display().to_string()]);
    }
    for (name, path) in &arguments.images {
        words.extend([
            String::from("--image"),
            format!("{name}={}", path.display()),
        ]);
    }
    words
}

fn check(arguments: &Arguments, path: &Path) -> Result<bool, Trouble> {
    let bytes = bounded::read(path, MOST_OF_SCRIPT).map_err(|error| of_file(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| of_file(path, &error))?;
    let files = images(arguments)?;
    if files.is_empty() {
        eprintln!("bulkheadctl: there are no images in /boot (name some: --image NAME=PATH)");
    }
    let machine = board(&pack(arguments)?, Some(&files)).machine;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (said, done) = Operator::new(machine, files).run(&name, &text);
    print(&said)?;
    let is_ok = done.is_ok() && !said.contains(": went on after ");
    if is_ok {
        print(&format!("{name}: ok\n"))?;
    }
    if arguments.images.is_empty() && said.contains("there is no image \"") {
        eprintln!(
            "bulkheadctl: the images are those in /boot, by their own names (accepted: --image NAME=PATH for each \
             that the script names otherwise; what suggest was told, it has written into the script)"
        );
    }
    Ok(is_ok)
}

/// The machine that is meant.
fn pack(arguments: &Arguments) -> Result<Pack, Trouble> {
    let pack = gathered(arguments)?;
    if pack.is_of_partition() {
        return Err(Trouble::Refused(String::from(
            "this is what a partition of Bulkhead is told, not the machine (accepted: --from FILE, which \
             survey --save FILE has made outside)",
        )));
    }
    Ok(pack)
}

fn gathered(arguments: &Arguments) -> Result<Pack, Trouble> {
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
        named = suggest::images_of(Path::new("/boot"));
    }
    let read = |(name, path): (String, PathBuf)| {
        let bytes = bounded::read(&path, MOST_OF_IMAGE).map_err(|error| of_file(&path, &error))?;
        Ok(File { name, bytes })
    };
    named.into_iter().map(read).collect()
}

fn of_file(path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Missing(format!("{}: {error}", path.display()))
}

/// A pipe that is closed is no panic.
fn print(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Trouble::Missing(format!("standard output: {error}")))
}
