//! `make pictures`: the pictures of `docs/pictures/`, from one run of `conf/demo.conf` in QEMU.
//!
//! * `demo.cast`: what COM1 has sent, from Bulkhead's greeting on, with its times, while the lines of
//!   [`play`] were typed there key by key. What is typed on a Linux's own console meanwhile, a
//!   comment on COM1 tells.
//! * `demo.svg`: the same as a picture that moves.
//! * `screen.png`: the machine's screen at the end of it, as QEMU has it.
//!
//! Nothing is drawn or mended by hand. A run whose screen does not show what the serial line has
//! brought makes no picture.

use std::path::{Path, PathBuf};
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
/// A player shows no pause for longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(1800);

/// What is larger than this has no place in a repository.
const MOST_BYTES: [(&str, usize); 3] = [
    ("demo.cast", 100 << 10),
    ("demo.svg", 150 << 10),
    ("screen.png", 60 << 10),
];

fn main() {
    tool::exit_on_failure("pictures");
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

    let files = [
        ("demo.cast", recording(&mut machine, start).into_bytes()),
        ("demo.svg", Vec::new()),
        ("screen.png", screen(&mut machine)),
    ];
    drop(machine);
    let folder = root().join("docs/pictures");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let cast = String::from_utf8(files[0].1.clone()).expect("it was text");
    let cast = Cast::parse(&cast).unwrap_or_else(|error| panic!("demo.cast: {error}"));
    for (name, bytes) in files {
        let bytes = match name {
            "demo.svg" => svg::render(&cast).into_bytes(),
            _ => bytes,
        };
        save(&folder, name, &bytes);
    }
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
    let mut keys = [0; 4];
    for c in line.chars() {
        machine.com(1).send(c.encode_utf8(&mut keys));
        std::thread::sleep(KEY);
    }
    std::thread::sleep(2 * KEY);
    machine.com(1).send("\r");
    machine.wait_for(1, "\n");
    machine.wait_for(1, "bulkhead> ");
    std::thread::sleep(READING);
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

/// What COM1 has sent, from Bulkhead's first word on: what stands before is the firmware's and the
/// loader's.
fn recording(machine: &mut Running, start: Instant) -> String {
    let arrivals = machine.com(1).arrivals().into_iter();
    let cast = Cast {
        width: COLUMNS,
        height: ROWS,
        title: "Bulkhead: conf/demo.conf in QEMU, on COM1".to_string(),
        longest_pause: LONGEST_PAUSE,
        events: arrivals.map(|(at, text)| (at - start, text)).collect(),
    };
    let cast = cast.from("Bulkhead 0.").expect("it has greeted");
    cast.write()
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

fn save(folder: &Path, name: &str, bytes: &[u8]) {
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
