//! The screen and the keyboard: keys are pressed by QEMU, pictures are compared with what the same
//! font gives here for the text that came over the serial line.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::screen::{expected, expected_text};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::{story, story_with};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story_with(Loader::Limine, "screen::limine_bios", || {
            typed(Loader::Limine, Firmware::Bios, "", "limine_bios")
        }),
        story("screen::grub_bios", || {
            typed(Loader::Grub, Firmware::Bios, "", "grub_bios")
        }),
        story("screen::grub_bios_16_bits", || {
            typed(Loader::Grub, Firmware::Bios, "800x600x16", "grub_16")
        }),
        story("screen::grub_uefi", || {
            typed(Loader::Grub, Firmware::Uefi, "", "grub_uefi")
        }),
        story("screen::text_mode", text_mode),
        story("screen::neither_screen_nor_keyboard", neither),
        story("screen::owned_by_a_partition", owned),
    ]
}

/// Shades may differ by as much as the coarsest pixels can't tell apart.
const TOLERANCE: u8 = 8;

struct Seat {
    machine: Running,
}

impl Seat {
    fn start(iso: &Path, firmware: Firmware, devices: &[&str]) -> Self {
        let machine = Machine::new(iso, "run").firmware(firmware);
        let mut machine = machine.arguments(devices).start();
        machine.wait_for_prompt();
        Self { machine }
    }

    /// Types a command on the keyboard, and waits for its end on the serial line.
    fn key_in(&mut self, line: &str) -> String {
        self.machine.com(1).skip();
        self.machine.monitor().press(&format!("{line}\n"));
        self.machine.wait_for(1, "\n");
        self.machine.wait_for(1, "bulkhead> ")
    }

    /// Runs a command on an empty screen, after which the screen has to show what the serial line
    /// has brought. A host that has no time for QEMU makes Bulkhead drop bytes of the serial line,
    /// not of the screen: hence three times.
    fn expect_drawn(&mut self, command: impl Fn(&mut Self)) {
        let mut differences = 0;
        for _ in 0..3 {
            self.machine.com(1).send("\u{c}");
            self.machine.wait_for(1, "bulkhead> ");
            command(self);
            let end = Instant::now() + Duration::from_secs(8);
            while Instant::now() < end {
                differences = self.differences();
                if differences == 0 {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        let why = format!("{differences} pixels are not as they should be");
        self.machine.fail(&why);
    }

    fn differences(&mut self) -> usize {
        let file = self.machine.folder().join("screen.ppm");
        let picture = self.machine.monitor().picture(&file);
        let serial = self.machine.com(1).text();
        let (expected, lines) = expected(&serial, picture.width, picture.height);
        picture.differences(&expected, lines, TOLERANCE)
    }
}

/// `help` typed on the keyboard is on the serial line and on the screen; the screen scrolls.
fn typed(loader: Loader, firmware: Firmware, video: &str, name: &str) {
    let iso = empty(&format!("screen_{name}"), loader, video);
    let mut seat = Seat::start(&iso, firmware, &["-vga", "std"]);
    seat.expect_drawn(|seat| {
        let help = seat.key_in("help");
        assert!(help.contains("poweroff [force]"), "{help}");
    });
    // More than fits, and what has a colour.
    seat.expect_drawn(|seat| {
        seat.machine.command("help");
        seat.key_in("nonsense");
        seat.machine.command("help define");
        seat.machine.command("help");
    });
    // Scrolled back it differs, and a key brings it back.
    seat.machine.monitor().command("sendkey pgup");
    std::thread::sleep(Duration::from_millis(500));
    assert_ne!(seat.differences(), 0);
    seat.expect_drawn(|seat| drop(seat.key_in("version")));
    seat.key_in("keymap de");
    seat.machine.monitor().press("yes");
    seat.machine.wait_for(1, "zes");
    seat.machine.monitor().press("\n");
    seat.machine.wait_for(1, "bulkhead> ");
    let bits = if video.ends_with("x16") {
        ", 16 bits, "
    } else {
        " bits, "
    };
    seat.machine
        .expect("log", &["screen: ", bits, " characters; "]);
}

fn text_mode() {
    let iso = empty("screen_text", Loader::Grub, "text");
    let mut seat = Seat::start(&iso, Firmware::Bios, &["-vga", "std"]);
    seat.key_in("help");
    seat.machine
        .expect("log", &["screen: VGA text mode; 80x25"]);
    let file = seat.machine.folder().join("cells");
    for _ in 0..3 {
        seat.machine.com(1).send("\u{c}");
        seat.machine.wait_for(1, "bulkhead> ");
        seat.machine.command("help start");
        std::thread::sleep(Duration::from_millis(300));
        seat.machine
            .monitor()
            .save_ram(CELLS, CELLS + 2 * 80 * 24, &file);
        let cells = std::fs::read(&file).expect("QEMU has written it");
        let row = |row: &[u8]| {
            let row: String = row.chunks(2).map(|cell| char::from(cell[0])).collect();
            row.trim_end().to_string()
        };
        let rows: Vec<String> = cells.chunks(160).map(row).collect();
        if rows == expected_text(&seat.machine.com(1).text()) {
            return;
        }
    }
    seat.machine.fail("the cells are not as they should be");
}

/// Memory of the VGA's text mode.
const CELLS: u64 = 0xb_8000;

/// Nothing is there but the serial line.
fn neither() {
    let iso = empty("screen_neither", Loader::Grub, "");
    let arguments = ["-vga", "none", "-machine", "i8042=off"];
    let mut seat = Seat::start(&iso, Firmware::Bios, &arguments);
    seat.machine
        .expect("keymap", &["us: there is no PS/2 controller"]);
    seat.machine.expect("status", &["there is no screen"]);
    seat.machine.expect("log", &["screen: none"]);
}

/// While a partition runs that has screen and keyboard, Bulkhead touches neither.
fn owned() {
    let iso = Iso::new("screen_owned")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 \
             devices=framebuffer,ps2,ioapic0 restart=never\n",
        )
        .make();
    let mut seat = Seat::start(&iso, Firmware::Bios, &["-vga", "std"]);
    seat.expect_drawn(|seat| drop(seat.key_in("list")));
    // A wait is given up by a key, too.
    seat.machine.com(1).send("wait one running 100\r");
    seat.machine.wait_for(1, "\n");
    seat.machine.monitor().command("sendkey ctrl-c");
    seat.machine
        .wait_for(1, "error: the wait was given up (^C)");
    seat.machine.wait_for(1, "bulkhead> ");
    seat.machine.command("start one");
    seat.machine.wait_for_demo(2);
    seat.machine.expect("keymap", &["us: a partition has it"]);
    for _ in 0..3 {
        seat.machine.command("help");
    }
    seat.machine.com(1).skip();
    seat.machine.monitor().press("list\n");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(seat.machine.com(1).unseen(), "", "a key came to Bulkhead");
    assert_ne!(seat.differences(), 0, "Bulkhead drew");
    seat.machine.com(2).send("poweroff\r");
    seat.machine.wait_for(1, "* one: powered-off");
    seat.machine.wait_for(1, "* one: parked");
    seat.machine.wait_for(1, "bulkhead> ");
    // The keyboard is set up anew, which takes some milliseconds.
    std::thread::sleep(Duration::from_millis(500));
    seat.expect_drawn(|seat| {
        let list = seat.key_in("list");
        assert!(list.contains("stopped"), "{list}");
    });
}

fn empty(name: &str, loader: Loader, video: &str) -> PathBuf {
    Iso::new(name).loader(loader).video(video).make()
}
