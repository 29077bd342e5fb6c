//! `bulkhead-initramfs`: packs an initial RAM disk of static busybox, an init script and files.
//!
//! The same inputs give the same bytes. The busybox comes from Debian's package `busybox-static`;
//! each of its applets gets a link in `/bin`.

mod newc;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use newc::Archive;

const USAGE: &str = "\
usage: bulkhead-initramfs OUT [--init FILE] [--busybox FILE] [--file DESTINATION=SOURCE]...
                          [--tree DESTINATION=FOLDER]...
  OUT         where to write the initial RAM disk
  --init      the script that runs as process 1; the demo's by default
  --busybox   a statically linked busybox; /bin/busybox by default
  --file      one more file, executable if SOURCE is
  --tree      all files and links in a folder; takes the place of a busybox link of that name
";

/// What runs when no `--init` is given.
const DEMO_INIT: &[u8] = include_bytes!("../demo/init");

struct Options {
    out: String,
    init: Option<String>,
    busybox: String,
    files: Vec<(String, String)>,
    trees: Vec<(String, String)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(&arguments).and_then(|options| pack(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bulkhead-initramfs: error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut out = None;
    let mut options = Options {
        out: String::new(),
        init: None,
        busybox: "/bin/busybox".into(),
        files: vec![],
        trees: vec![],
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .cloned()
                .ok_or(format!("{argument} wants a value"))
        };
        match argument.as_str() {
            "--init" => options.init = Some(value()?),
            "--busybox" => options.busybox = value()?,
            "--file" => options.files.push(pair(argument, &value()?)?),
            "--tree" => options.trees.push(pair(argument, &value()?)?),
            option if option.starts_with('-') => {
                return Err(format!("unknown option \"{option}\"\n{USAGE}"));
            }
            path if out.is_none() => out = Some(path.to_string()),
            extra => return Err(format!("\"{extra}\" is one too many\n{USAGE}")),
        }
    }
    options.out = out.ok_or(format!("no output file\n{USAGE}"))?;
    Ok(options)
}

/// `DESTINATION=SOURCE` as its two halves.
fn pair(option: &str, text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(destination, source)| (destination.into(), source.into()))
        .ok_or(format!("{option} \"{text}\" is not DESTINATION=SOURCE"))
}

fn pack(options: &Options) -> Result<(), String> {
    let mut archive = Archive::default();
    for directory in ["dev", "proc", "sys", "tmp", "root"] {
        archive.directory(directory)?;
    }
    let init = options
        .init
        .as_deref()
        .map_or_else(|| Ok(DEMO_INIT.to_vec()), read)?;
    archive.file("init", 0o755, init)?;

    let busybox = read(&options.busybox)?;
    if is_dynamic(&busybox) {
        return Err(format!(
            "\"{}\" is dynamically linked; the package busybox-static has the one to use",
            options.busybox
        ));
    }
    archive.file("bin/busybox", 0o755, busybox)?;
    for (destination, source) in &options.files {
        add_file(&mut archive, destination, source)?;
    }
    for (destination, folder) in &options.trees {
        add_tree(&mut archive, destination.trim_end_matches('/'), folder)?;
    }
    // A program of its own goes before busybox's.
    for applet in applets(&options.busybox)? {
        let path = format!("bin/{applet}");
        if !archive.contains(&path) {
            archive.symlink(&path, "busybox")?;
        }
    }
    write_whole(Path::new(&options.out), &archive.to_bytes())
}

fn add_file(archive: &mut Archive, destination: &str, source: &str) -> Result<(), String> {
    let executable = fs::metadata(source).is_ok_and(|m| m.permissions().mode() & 0o100 != 0);
    let permissions = if executable { 0o755 } else { 0o644 };
    archive.file(destination, permissions, read(source)?)
}

/// All that is in a folder: files, links as links, folders.
fn add_tree(archive: &mut Archive, destination: &str, folder: &str) -> Result<(), String> {
    let describe = |error| format!("cannot read \"{folder}\": {error}");
    for entry in fs::read_dir(folder).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or(format!("\"{folder}\" holds a name that is not UTF-8"))?;
        let (to, from) = (format!("{destination}/{name}"), format!("{folder}/{name}"));
        let kind = entry.file_type().map_err(describe)?;
        if kind.is_dir() {
            archive.directory(&to)?;
            add_tree(archive, &to, &from)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&from).map_err(describe)?;
            let target = target
                .to_str()
                .ok_or(format!("\"{from}\": its target is not UTF-8"))?;
            archive.symlink(&to, target)?;
        } else {
            add_file(archive, &to, &from)?;
        }
    }
    Ok(())
}

/// The names of busybox's applets, as it says itself.
fn applets(busybox: &str) -> Result<Vec<String>, String> {
    let output = Command::new(busybox)
        .arg("--list")
        .output()
        .map_err(|error| format!("cannot run \"{busybox}\": {error}"))?;
    let names = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<String> = names
        .lines()
        .filter(|name| *name != "busybox")
        .map(String::from)
        .collect();
    names.dedup();
    if !output.status.success() || !names.iter().any(|name| name == "sh") {
        return Err(format!("\"{busybox}\" is not a busybox with a shell"));
    }
    Ok(names)
}

/// Whether an ELF file asks for a dynamic loader (program header type 3, `PT_INTERP`).
fn is_dynamic(elf: &[u8]) -> bool {
    let word = |at: usize, bytes: usize| {
        let field = elf.get(at..at + bytes)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0usize, |value, byte| value << 8 | usize::from(*byte)),
        )
    };
    let headers = || Some((word(32, 8)?, word(54, 2)?, word(56, 2)?)); // 64-bit e_phoff, size, count
    elf.starts_with(b"\x7fELF\x02")
        && headers().is_some_and(|(start, bytes, count)| {
            (0..count).any(|i| word(start.saturating_add(i * bytes), 4) == Some(3))
        })
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read \"{path}\": {error}"))
}

/// Writes beside the destination first: nobody finds half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let describe = |error| format!("cannot write \"{}\": {error}", path.display());
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(describe)?;
    }
    let partial = path.with_added_extension(format!("partial.{}", std::process::id()));
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(describe)
}
