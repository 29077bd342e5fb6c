//! `make pictures`: the pictures of `docs/pictures/`, from one run of `conf/demo.conf` in QEMU.
//!
//! * `demo.cast`: what COM1 has sent, from Bulkhead's greeting on, with its times, while the lines of
//!   [`play`] were typed there key by key. What is typed on a Linux's own console meanwhile, a
//!   comment on COM1 tells.
//! * `demo.svg`: the same as a picture that moves.
//! * `screen.png`: the machine's screen at the end of it, as QEMU has it.
//! * `day.cast`, `day.svg`: what [`day`] types on the console of one of two other Linuxes, likewise.
//!
//! Nothing is drawn or mended by hand. A run whose screen does not show what the serial line has
//! brought makes no picture.

mod day;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulkhead_tests::cast::Cast;
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::screen::expected;
use bulkhead_tests::{Kernel, demo_initrd, root, svg, tool};

/// The terminal of the recording, and the screen: GRUB can set its mode, whatever the monitor.
const COLUMNS: usize = 100;
const ROWS: usize = 30;
const VIDEO: &str = "800x600x32";

/// The consoles of the demo's Linuxes.
const WEB: usize = 2;
const DB: usize = 3;

/// A key after the other, and the time to read what came.
const KEY: Duration = Duration::from_millis(70);
const READING: Duration = Duration::from_millis(1500);
/// By this a shell asks where the cursor is, and a player would answer.
const ASKS_WHERE: &str = "\x1b[6n";
/// A player shows no pause for longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(1800);

/// What is larger than this has no place in a repository.
const MOST_BYTES: [(&str, usize); 5] = [
    ("demo.cast", 100 << 10),
    ("demo.svg", 150 << 10),
    ("screen.png", 60 << 10),
    ("day.cast", 100 << 10),
    ("day.svg", 200 << 10),
];

/// What `$ONLY` may be.
const PARTS: [&str; 2] = ["demo", "day"];

fn main() {
    tool::exit_on_failure("pictures");
    let only = std::env::var("ONLY").ok().filter(|only| !only.is_empty());
    if let Some(only) = &only {
        let (is_one, parts) = (PARTS.contains(&only.as_str()), PARTS.join(" or "));
        assert!(is_one, "ONLY=\"{only}\": {parts} is accepted");
    }
    let is_wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    if is_wanted("demo") {
        let (cast, screen) = demo();
        save_moving("demo", &cast);
        save("screen.png", &screen);
    }
    if is_wanted("day") {
        save_moving("day", &day::record());
    }
}

/// The recording, and the screen at its end.
fn demo() -> (String, Vec<u8>) {
    let script = root().join("conf/demo.conf");
    let script = std::fs::read_to_string(&script).expect("conf/demo.conf can be read");
    let iso = Iso::new("pictures")
        .loader(Loader::Grub)
        .video(VIDEO)
        .image("debian-6.12-cloud", Kernel::Debian612Cloud.image())
        .image("debian-6.1-cloud", Kernel::Debian61Cloud.image())
        .image("demo.img", demo_initrd())
        .script(&script)
        .make();
    let start = Instant::now();
    let machine = Machine::new(&iso, "run");
    let mut machine = machine.arguments(&["-vga", "std"]).start();
    tool::watch(&machine);
    play(&mut machine);
    let title = "Bulkhead: conf/demo.conf in QEMU, on COM1";
    // What stands before is the firmware's and the loader's.
    let cast = recorded(&mut machine, 1, start, title, "Bulkhead 0.");
    (cast, screen(&mut machine))
}

/// The recording, and as a picture that moves.
fn save_moving(name: &str, text: &str) {
    let cast = Cast::parse(text).unwrap_or_else(|error| panic!("{name}.cast: {error}"));
    save(&format!("{name}.cast"), text.as_bytes());
    save(&format!("{name}.svg"), svg::render(&cast).as_bytes());
}

/// The operator's part.
fn play(machine: &mut Running) {
    machine.wait_for_prompt();
    machine.wait_for_demo(WEB);
    machine.wait_for_demo(DB);
    enter(
        machine,
        "# two stock Debian kernels have booted, each on its own console",
    );
    enter(machine, "list");
    enter(machine, "cores");
    enter(machine, "show web");
    enter(
        machine,
        "define mail cores=3 memory=256M kernel=debian-6.1-cloud",
    );
    enter(
        machine,
        "# now on COM3, the console of db: echo c > /proc/sysrq-trigger",
    );
    crash_db(machine);
    enter(machine, "list");
    enter(machine, "kill web");
    enter(machine, "list");
    enter(machine, "start web");
    machine.wait_for_demo(WEB);
    enter(machine, "# now on COM2, the console of web: reboot");
    reboot_web(machine);
    enter(machine, "list");
}

/// Types a line key by key, and waits for the prompt after it.
fn enter(machine: &mut Running, line: &str) {
    machine.com(1).skip();
    type_keys(machine, 1, line);
    machine.wait_for(1, "\n");
    machine.wait_for(1, "bulkhead> ");
    std::thread::sleep(READING);
}

/// The keys of a line, and the one that ends it.
fn type_keys(machine: &mut Running, com: usize, line: &str) {
    let mut keys = [0; 4];
    for c in line.chars() {
        machine.com(com).send(c.encode_utf8(&mut keys));
        std::thread::sleep(KEY);
    }
    std::thread::sleep(2 * KEY);
    machine.com(com).send("\r");
}

fn crash_db(machine: &mut Running) {
    let said = ["* db: failed reason=\"panic", "* db: launched run=2"];
    comes_back(machine, DB, "echo c > /proc/sysrq-trigger", said);
}

fn reboot_web(machine: &mut Running) {
    let said = ["* web: rebooted", "* web: launched run=3"];
    comes_back(machine, WEB, "reboot", said);
}

/// Ends a Linux by a line on its console; it is launched again by its policy.
fn comes_back(machine: &mut Running, com: usize, line: &str, said: [&str; 2]) {
    machine.com(1).skip();
    machine.com(com).skip();
    machine.com(com).send(&format!("{line}\r"));
    for event in said {
        machine.wait_for(1, event);
    }
    machine.wait_for(1, "bulkhead> ");
    machine.wait_for_demo(com);
    std::thread::sleep(READING);
}

/// What a port has sent, from that text on.
fn recorded(machine: &mut Running, com: usize, start: Instant, title: &str, from: &str) -> String {
    let arrivals = machine.com(com).arrivals().into_iter();
    let cast = Cast {
        width: COLUMNS,
        height: ROWS,
        title: title.to_string(),
        longest_pause: LONGEST_PAUSE,
        events: without(ASKS_WHERE, arrivals.map(|(at, text)| (at - start, text))),
    };
    let cast = cast.from(from).expect("it begins so");
    cast.write()
}

/// Leaves that text out, also where it came in two pieces.
fn without(
    what: &str,
    events: impl Iterator<Item = (Duration, String)>,
) -> Vec<(Duration, String)> {
    let mut begun = String::new();
    let mut kept = Vec::new();
    for (at, text) in events {
        let mut text = (std::mem::take(&mut begun) + &text).replace(what, "");
        let lengths = (1..what.len()).rev();
        let mut starts = lengths.filter_map(|length| what.get(..length));
        if let Some(start) = starts.find(|start| text.ends_with(start)) {
            text.truncate(text.len() - start.len());
            begun = start.to_string();
        }
        if !text.is_empty() {
            kept.push((at, text));
        }
    }
    kept
}

/// The screen, once it shows all that the serial line has brought.
fn screen(machine: &mut Running) -> Vec<u8> {
    let file: PathBuf = machine.folder().join("screen.ppm");
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let picture = machine.monitor().picture(&file);
        let (expected, lines) = expected(&machine.com(1).text(), picture.width, picture.height);
        if picture.differences(&expected, lines, 0) == 0 {
            return picture.png();
        }
        if Instant::now() > end {
            machine.fail("the screen does not show what the serial line has brought: run it again");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn save(name: &str, bytes: &[u8]) {
    let folder = root().join("docs/pictures");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let most = MOST_BYTES.iter().find(|(file, _)| *file == name);
    let most = most.map_or(0, |(_, bytes)| *bytes);
    let length = bytes.len();
    assert!(
        length <= most,
        "{name} has {length} bytes, more than {most}"
    );
    std::fs::write(folder.join(name), bytes).expect("a picture can be written");
    println!("docs/pictures/{name}: {length} bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_is_left_out_in_pieces_too() {
        let second = Duration::from_secs(1);
        let events = ["a# \x1b[6nb", "c\x1b", "[6", "nd\x1b[", "31m"];
        let events = (0..)
            .zip(events)
            .map(|(n, text)| (n * second, text.to_string()));
        let kept = without(ASKS_WHERE, events);
        let text: String = kept.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(text, "a# bcd\x1b[31m");
        assert!(kept.iter().all(|(_, text)| !text.is_empty()));
    }
}
