//! Every way onto a machine: sticks, networks, menus, damaged images, and machines of other sizes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulkhead_tests::host_network::ip;
use bulkhead_tests::http;
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, answers, build_folder, demo_initrd, root};
use libtest_mimic::Trial;

use crate::{story, story_with};

/// What a loader needs of the slowest way: a whole ISO by USB or TFTP, emulated.
const LOADING: Duration = Duration::from_secs(240);

const SCRIPT: &str = "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 \
                      cmdline=\"bulkhead.name=one\"\nstart one\nwait one running 60\n";

pub(crate) fn stories() -> Vec<Trial> {
    let mut stories = vec![
        story_with(Loader::Limine, "boot::damaged_limine", damaged),
        story("boot::options", options),
        story("boot::scripts", scripts),
        story("boot::installed_grub", installed_in_grub),
        story("boot::one_core", one_core),
        story("boot::many_cores", many_cores),
        story("boot::memory_8g", || big_memory("8G", "0x140000000")),
        story("boot::memory_64g", || big_memory("64G", "0xf00000000")),
        story("boot::pc", old_pc),
        story("boot::bare", bare),
        story("boot::microvm", microvm),
    ];
    for loader in [Loader::Grub, Loader::Limine] {
        for firmware in [Firmware::Bios, Firmware::Uefi] {
            let name = |what: &str| format!("boot::{what}_{loader:?}_{firmware:?}").to_lowercase();
            stories.push(story_with(loader, &name("usb"), move || {
                usb(loader, firmware);
            }));
            stories.push(story_with(loader, &name("pxe"), move || {
                pxe(loader, firmware);
            }));
        }
        let name = |what: &str| format!("boot::{what}_{loader:?}").to_lowercase();
        stories.push(story_with(loader, &name("menu"), move || menu(loader)));
        stories.push(story_with(loader, &name("ipxe"), move || ipxe(loader)));
        let can = loader.is_available() && Network::is_possible();
        let trial = story(&name("dnsmasq"), move || dnsmasq(loader));
        stories.push(trial.with_ignored_flag(!can));
    }
    stories
}

/// With the kernel, the initial RAM disk and the script that all of these use.
fn iso(name: &str, loader: Loader) -> Iso {
    Iso::new(&format!("boot_{name}_{loader:?}").to_lowercase())
        .loader(loader)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(SCRIPT)
}

/// Bulkhead's own words up to the prompt; the loader's are dropped.
fn wait_for_prompt(machine: &mut Running) -> String {
    let text = plain(&machine.wait_for_within(1, "bulkhead> ", LOADING));
    let words = text.split_once("\nBulkhead 0.").map(|(_, words)| words);
    words.unwrap_or(&text).to_string()
}

/// It is at the prompt, its script launched the Linux, and that is up.
fn launches(machine: &mut Running) {
    let greeting = wait_for_prompt(machine);
    assert!(!greeting.contains("error"), "{greeting}");
    machine.expect_states(&[("one", "running")]);
    assert_eq!(machine.wait_for_demo(2).name, "one");
}

fn usb(loader: Loader, firmware: Firmware) {
    let iso = iso("usb", loader).make();
    let run = format!("{firmware:?}").to_lowercase();
    let machine = Machine::from_stick(&iso, &run).firmware(firmware);
    launches(&mut machine.start());
}

fn pxe(loader: Loader, firmware: Firmware) {
    let name = format!("pxe_{firmware:?}").to_lowercase();
    let folder = iso(&name, loader).make_tftp_folder();
    launches(&mut Machine::from_network(&folder, None, firmware, "run").start());
}

/// The ISO as a disk behind HTTP, which iPXE makes of it.
fn ipxe(loader: Loader) {
    let iso = iso("ipxe", loader).make();
    let folder = iso.parent().expect("it lies in a folder").to_path_buf();
    let port = http::serve(&folder);
    let url = format!("http://10.0.2.2:{port}");
    let name = iso
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let script = format!("#!ipxe\nsanboot --no-describe {url}/{name}\n");
    std::fs::write(folder.join("boot.ipxe"), script).expect("a script can be written");
    let machine = Machine::from_ipxe(&folder.join("run"), &format!("{url}/boot.ipxe"));
    launches(&mut machine.start());
}

/// A byte of a kernel is not what it was: Limine says so and does not go on.
fn damaged() {
    let iso = iso("damaged", Loader::Limine).make();
    let mut bytes = std::fs::read(&iso).expect("the ISO can be read");
    let kernel = std::fs::read(Kernel::Debian61Cloud.image()).expect("the kernel can be read");
    let (at, length) = (4 << 20, 64);
    let found = bytes
        .windows(length)
        .position(|window| window == &kernel[at..at + length])
        .expect("the kernel is in the ISO");
    bytes[found] ^= 1;
    std::fs::write(&iso, bytes).expect("the ISO can be written");
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_within(1, "does not match", LOADING);
    std::thread::sleep(Duration::from_secs(3));
    assert!(!machine.com(1).text().contains("loaded by"));
}

/// The entries of the menu, chosen by default and by keys on the serial line.
fn menu(loader: Loader) {
    let safe = iso("safe", loader).setting("ENTRY", "2").make();
    let mut machine = Machine::new(&safe, "run").start();
    let greeting = wait_for_prompt(&mut machine);
    assert!(greeting.contains("bulkhead.noauto: the boot script was not run"));
    assert_eq!(
        answers::list(&machine.command("list")),
        [],
        "the script was not run"
    );
    machine.expect("include bulkhead.conf", &["one: cores 1"]);
    machine.expect_states(&[("one", "running")]);
    drop(machine);

    let verbose = iso("verbose", loader).setting("ENTRY", "3").make();
    let mut machine = Machine::new(&verbose, "run").start();
    let greeting = plain(&machine.wait_for_within(1, "bulkhead> ", LOADING));
    for text in ["TSC: ", "cores: started", "bulkhead.conf:2: start one\n"] {
        assert!(greeting.contains(text), "{text:?} is not in:\n{greeting}");
    }
    drop(machine);

    let other = build_folder().join("tests/other.conf");
    std::fs::write(&other, "version\n").expect("a script can be written");
    let chosen = iso("chosen", loader)
        .image("other.conf", other)
        .setting("TIMEOUT", "60")
        .make();
    let mut machine = Machine::new(&chosen, "run").start();
    machine.wait_for_within(1, "with other.conf", LOADING);
    std::thread::sleep(Duration::from_secs(2));
    for _ in 0..3 {
        machine.com(1).send("\x1b[B");
        std::thread::sleep(Duration::from_millis(500));
    }
    machine.com(1).send("\r");
    let greeting = wait_for_prompt(&mut machine);
    assert!(greeting.contains("command line: bulkhead.conf=other.conf"));
    assert_eq!(
        answers::list(&machine.command("list")),
        [],
        "the script was not run"
    );
}

fn options() {
    let iso = iso("options", Loader::Grub)
        .setting("CMDLINE", "quiet bulkhead.noato bulkhead.conf=nothere")
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    let greeting = wait_for_prompt(&mut machine);
    for text in [
        "warning: command line: unknown option \"quiet\" (accepted: bulkhead.conf=NAME, ",
        "warning: command line: unknown option \"bulkhead.noato\", did you mean \"bulkhead.noauto\"?",
        "error: bulkhead.conf=nothere: there is no such image (images: bulkhead.conf, linux, demo)",
    ] {
        assert!(greeting.contains(text), "{text:?} is not in:\n{greeting}");
    }
    machine.expect("version", &["Bulkhead"]);
}

/// A script that includes, waits, and goes on after errors; and what is typed while it waits.
fn scripts() {
    let folder = build_folder().join("tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let inner = folder.join("inner.conf");
    std::fs::write(&inner, SCRIPT).expect("a script can be written");
    let iso = iso("scripts", Loader::Grub)
        .image("inner.conf", inner)
        .script(
            "on-error continue\nfrobnicate\ninclude inner.conf\nwait one stopped 500ms\n\
             kill one\nwait one stopped 10\nstart one\nwait one running 30\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    let greeting = wait_for_prompt(&mut machine);
    let wanted = [
        "bulkhead.conf:2: error: unknown command \"frobnicate\"",
        "* one: launched run=1 core=1\n",
        "bulkhead.conf:4: error: \"one\" is running, not stopped, after 500 ms\n",
        "* one: killed\n",
        "* one: launched run=2 core=1\n",
        "bulkhead.conf: went on after 2 refused lines\n",
    ];
    let mut rest = greeting.as_str();
    for text in wanted {
        let at = rest.find(text);
        let at = at.unwrap_or_else(|| panic!("{text:?} does not follow in:\n{greeting}"));
        rest = &rest[at + text.len()..];
    }
    machine.wait_for_demo(2);
    // Given up by ^C, and what is typed ahead is not lost.
    machine.com(1).skip();
    machine.com(1).send("wait one stopped 60\r");
    std::thread::sleep(Duration::from_secs(1));
    machine.com(1).send("\x03");
    machine.wait_for(1, "given up (^C): \"one\" is running");
    machine.wait_for(1, "bulkhead> ");
    // Also behind more than is kept while the shell waits, which goes with it.
    machine.com(1).skip();
    machine.com(1).send("wait one stopped 60\r");
    std::thread::sleep(Duration::from_secs(1));
    machine.com(1).send(&"version\r".repeat(2500));
    machine.com(1).send("\x03");
    machine.wait_for(1, "given up (^C): \"one\" is running");
    machine.wait_for(1, "bulkhead> ");
    machine.com(1).skip();
    machine.com(1).send("wait one stopped 60\r");
    std::thread::sleep(Duration::from_secs(1));
    machine.com(1).send("version\r");
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* one: powered-off");
    machine.wait_for(1, "Bulkhead 0.");
}

/// The entry that `docs/install.md` tells to add to an installed GRUB.
fn installed_in_grub() {
    let manual = std::fs::read_to_string(root().join("docs/install.md")).expect("it can be read");
    let entry = manual
        .split("```grub\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the manual has the entry");
    let folder = build_folder().join("tests/boot_installed");
    let disk = folder.join("disk");
    // What another story left.
    let _ = std::fs::remove_dir_all(&disk);
    std::fs::create_dir_all(disk.join("boot/grub")).expect("a folder can be made");
    std::fs::create_dir_all(disk.join("boot/bulkhead")).expect("a folder can be made");
    let config = format!("set timeout=0\nserial --unit=0 --speed=115200\n{entry}");
    std::fs::write(disk.join("boot/grub/grub.cfg"), config).expect("it can be written");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let kernel = target.join("x86_64-unknown-none/release/bulkhead");
    let kernel = std::env::var_os("BULKHEAD").map_or(kernel, PathBuf::from);
    for (name, from) in [
        ("bulkhead", kernel),
        ("debian", Kernel::Debian61Cloud.image()),
        ("initrd", demo_initrd()),
    ] {
        std::fs::copy(from, disk.join("boot/bulkhead").join(name)).expect("it can be copied");
    }
    let script = SCRIPT.replace("kernel=linux initrd=demo", "kernel=debian initrd=initrd");
    std::fs::write(disk.join("boot/bulkhead/bulkhead.conf"), script).expect("it can be written");
    let image = folder.join("disk.img");
    let output = Command::new("grub-mkrescue")
        .arg("-o")
        .args([&image, &disk])
        .output()
        .expect("grub-mkrescue can be run");
    assert!(output.status.success(), "{output:?}");
    launches(&mut Machine::new(&image, "run").start());
}

/// Nothing but Bulkhead's own core: no launch, and a handoff that works.
fn one_core() {
    let iso = iso("one_core", Loader::Grub).script("").make();
    let mut machine = Machine::new(&iso, "run").cores("1").start();
    let greeting = wait_for_prompt(&mut machine);
    assert!(greeting.contains("1 cores"), "{greeting}");
    let rest = "memory=256M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one\"";
    machine.expect(
        &format!("define one cores=1 {rest}"),
        &["error: core 1 does not exist"],
    );
    machine.expect(
        &format!("define one cores=0 {rest}"),
        &["warning: one: core 0"],
    );
    machine.expect(
        "start one",
        &["error: core 0 is Bulkhead's own (accepted: handoff one)"],
    );
    machine.com(1).send("handoff one\r");
    assert_eq!(machine.wait_for_demo(2).apic_ids, [0]);
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    machine.expect_states(&[("one", "stopped")]);
}

fn many_cores() {
    let iso = iso("many_cores", Loader::Grub)
        .script(&SCRIPT.replace("cores=1", "cores=29-31"))
        .make();
    let mut machine = Machine::new(&iso, "run").cores("32").start();
    let greeting = wait_for_prompt(&mut machine);
    assert!(greeting.contains("32 cores"), "{greeting}");
    let cores = machine.command("cores");
    assert_eq!(cores.matches("parked").count(), 28, "{cores}");
    assert_eq!(machine.wait_for_demo(2).apic_ids, [29, 30, 31]);
}

/// RAM far above 4 GiB, of which the host gives only what is touched.
fn big_memory(size: &str, high: &str) {
    let script = SCRIPT.replace("memory=256M", &format!("memory=256M,512M@{high}"));
    let iso = iso(&format!("memory_{size}"), Loader::Grub)
        .script(&script)
        .make();
    let backend = format!("memory-backend-ram,id=ram,size={size},reserve=off");
    let mut machine = Machine::new(&iso, "run")
        .memory(size)
        .arguments(&["-object", &backend, "-machine", "memory-backend=ram"])
        .start();
    let greeting = wait_for_prompt(&mut machine);
    assert!(!greeting.contains("error"), "{greeting}");
    let report = machine.wait_for_demo(2);
    let kib = report.memory_total_kib;
    assert!((600 << 10..768 << 10).contains(&kib), "{kib} KiB");
}

/// The older chipset: no PCI Express, hence no ECAM and no functions to give.
fn old_pc() {
    let iso = iso("pc", Loader::Grub).make();
    let machine = Machine::new(&iso, "run").without_ecam();
    launches(&mut machine.start());
}

/// One serial port, and nothing else that a PC has beside its processors: no screen, no PS/2, no
/// 8254, no HPET, no network. What is missing is told plainly, and a Linux runs, without a console,
/// to its end: its script powers it off.
fn bare() {
    let iso = iso("bare", Loader::Grub).script(TO_ITS_END).make();
    let machine = Machine::new(&iso, "run").serial_ports(1);
    let machine = machine.arguments(&[
        "-vga",
        "none",
        "-nic",
        "none",
        "-machine",
        "i8042=off,pit=off,hpet=off",
    ]);
    let mut machine = machine.start();
    runs_to_its_end(&mut machine);
    machine.expect("keymap", &["us: there is no PS/2 controller"]);
    // The ACPI timer or CPUID has told it; without either, 1 GHz would be assumed.
    assert_ne!(megahertz(&mut machine), 1000.0);
}

/// The same of a machine that has neither PCI nor an ACPI timer nor a PC's way to read the 8254: a
/// `microvm` of QEMU's, with the image as its disk.
fn microvm() {
    let iso = iso("microvm", Loader::Grub).script(TO_ITS_END).make();
    let mut machine = Machine::micro(&iso, "run").start();
    let greeting = runs_to_its_end(&mut machine);
    let is_assumed = greeting.contains("warning: nothing tells the TSC's rate");
    assert_eq!(is_assumed, megahertz(&mut machine) == 1000.0, "{greeting}");
    machine.expect(
        "devices",
        &["PCI functions: none can be given: this machine has no ECAM"],
    );
    machine.expect(
        "define two cores=2 memory=256M kernel=linux devices=pci:00",
        &["error: "],
    );
}

/// A Linux without a console: its end, which its own script brings, says that it ran.
const TO_ITS_END: &str = "define one cores=1 memory=256M kernel=linux initrd=demo restart=never \
                          cmdline=\"bulkhead.run=poweroff\"\nstart one\n";

/// The Linux of [`TO_ITS_END`] runs; what the machine does not have is refused.
fn runs_to_its_end(machine: &mut Running) -> String {
    let greeting = wait_for_prompt(machine);
    assert!(!greeting.contains("error"), "{greeting}");
    machine.wait_for(1, "* one: powered-off");
    machine.wait_for(1, "* one: parked");
    machine.expect_states(&[("one", "stopped")]);
    machine.expect("log", &["screen: none"]);
    for device in ["com2", "com3", "com4", "ps2", "framebuffer"] {
        let define = format!("define two cores=2 memory=256M kernel=linux devices={device}");
        machine.expect(&define, &["error: ", device]);
    }
    greeting
}

/// The TSC's rate, as `machine` tells it.
fn megahertz(machine: &mut Running) -> f64 {
    let told = machine.command("machine");
    let rate = told.lines().find_map(|line| line.strip_prefix("TSC"));
    let rate = rate.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("no rate in:\n{told}"))
}

/// A network of a namespace of its own: a tap for a machine, and dnsmasq as its servers.
struct Network {
    name: String,
    server: Child,
}

const TAP: &str = "tap0";

impl Network {
    /// Whether this machine lets us: root, the tools, tap devices.
    fn is_possible() -> bool {
        let works = |tool: &str, argument: &str| {
            let mut command = Command::new(tool);
            command.arg(argument).stdout(Stdio::null());
            let status = command.stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let name = format!("bulkhead-try-{}", std::process::id());
        let exists = Path::new("/dev/net/tun").exists();
        if !exists || !works("dnsmasq", "--version") || !works("ip", "-V") {
            return false;
        }
        let made = ip(&["netns", "add", &name]);
        let tap = ["-n", &name, "tuntap", "add", TAP, "mode", "tap"];
        let possible = made && ip(&tap);
        if made {
            ip(&["netns", "del", &name]);
        }
        possible
    }

    fn new(name: &str, folder: &Path) -> Self {
        let name = format!("{name}-{}", std::process::id());
        assert!(ip(&["netns", "add", &name]));
        let inside: [&[&str]; 4] = [
            &["tuntap", "add", TAP, "mode", "tap"],
            &["addr", "add", "10.77.0.1/24", "dev", TAP],
            &["link", "set", TAP, "up"],
            &["link", "set", "lo", "up"],
        ];
        for arguments in inside {
            assert!(ip(&[&["-n", &name], arguments].concat()), "{arguments:?}");
        }
        let log = std::fs::File::create(folder.with_file_name("dnsmasq.log"));
        let log = log.expect("a log can be made");
        let server = Command::new("ip")
            .args(["netns", "exec", &name, "dnsmasq", "--no-daemon"])
            .args([
                "--user=root",
                "--interface=tap0",
                "--dhcp-leasefile=/dev/null",
            ])
            .arg(format!(
                "--conf-file={}/dnsmasq-full.conf",
                folder.display()
            ))
            .stdout(log.try_clone().expect("a file can be cloned"))
            .stderr(log)
            .spawn()
            .expect("dnsmasq can be started");
        Self { name, server }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.server.kill();
        let _ = self.server.wait();
        ip(&["netns", "del", &self.name]);
    }
}

/// The configuration that `make pxe` writes, served by a real dnsmasq.
fn dnsmasq(loader: Loader) {
    let folder = iso("dnsmasq", loader)
        .setting("NET", "10.77.0")
        .make_tftp_folder();
    let name = format!("bulkhead-{loader:?}").to_lowercase();
    let network = Network::new(&name, &folder);
    for firmware in [Firmware::Bios, Firmware::Uefi] {
        let run = format!("{firmware:?}").to_lowercase();
        let machine = Machine::from_network(&folder, Some(TAP), firmware, &run);
        launches(&mut machine.in_namespace(&network.name).start());
    }
}
