//! A day of an operator: what is typed on the console of a Linux with a network card and the right over its
//! neighbour, which is stopped, crashes, is dumped, runs again and reaches the network.

use std::time::{Duration, Instant};

use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd, http, initrd_with, root, through, tool};

use super::{READING, recorded, type_keys};

/// Their consoles.
const WEB: usize = 2;
const DB: usize = 3;
/// A dump, a boot.
const PATIENCE: Duration = Duration::from_secs(180);
/// What leaves a console.
const LEAVE: &str = "\x1d";
/// What is typed first.
const FIRST: &str = "# web is a Debian with a network card, and may ask for db";
const PAGE: &str = "it is the world that answers\n";

/// The recording.
pub(super) fn record() -> String {
    let folder = build_folder().join("tests/pictures_day/www");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join("page"), PAGE).expect("the page can be written");
    let port = http::serve(&folder);
    let start = Instant::now();
    let mut machine = boot();
    play(&mut machine, port);
    recorded(
        &mut machine,
        WEB,
        start,
        "web: a day of its operator, in QEMU",
        &format!("web# {FIRST}"),
    )
}

fn boot() -> Running {
    let mut tools = through::nft();
    tools.push(("/bin/bulkheadctl".into(), root().join("build/bulkheadctl")));
    let (web, db) = (Kernel::Debian612, Kernel::Debian61);
    let mut iso = Iso::new("pictures_day").image("tools", initrd_with("pictures_day.img", &tools));
    for kernel in [web, db] {
        iso = iso
            .image(kernel.name(), kernel.image())
            .image(&format!("for-{}", kernel.name()), device_initrd(kernel));
    }
    let line = |name: &str, kernel: Kernel, more: &str| {
        let kernel = kernel.name();
        format!(
            "define {name} kernel={kernel} initrd=for-{kernel},tools {more} \
             cmdline=\"bulkhead.name={name} quiet panic=1\"\n"
        )
    };
    let script = line(
        "web",
        web,
        "cores=1 memory=1G console=com2 control=yes devices=0000:01:00.0",
    ) + &line(
        "db",
        db,
        "cores=2 memory=384M console=com3 restart=on-failure dump=yes",
    ) + "link web db\nstart web db\n";
    let board = Board::new().device(Device::card_to_host(Card::Virtio));
    let mut machine = Machine::new(&iso.script(&script).make(), "run")
        .memory("3G")
        .board(&board)
        .start();
    tool::watch(&machine);
    machine.wait_for_prompt();
    for com in [WEB, DB] {
        machine.wait_for_demo(com);
    }
    for com in [WEB, DB] {
        machine.linux(
            com,
            "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing",
        );
    }
    machine.linux(
        WEB,
        "stty cols 100 rows 30; ip addr add 10.0.1.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.1.2",
    );
    agent(&mut machine);
    machine.com(WEB).skip();
    machine.com(WEB).send("\r");
    machine.wait_for(WEB, "web# ");
    machine
}

/// What a distribution's unit would start in `db`, with a shell in place of a login.
fn agent(machine: &mut Running) {
    machine.linux(
        DB,
        "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing; bulkheadctl agent --login '/bin/sh -i' >/tmp/agent 2>&1 & sleep 1",
    );
    machine.wait_for(1, "* db: its agent is heard");
}

fn play(machine: &mut Running, port: u16) {
    let say = |machine: &mut Running, line: &str| enter(machine, line, "web# ");
    say(
        machine,
        "# web is a Debian with a network card, and may ask for db",
    );
    say(machine, "bulkheadctl list");
    say(machine, "bulkheadctl stop db");
    say(machine, "bulkheadctl list");
    say(machine, "bulkheadctl start db");
    machine.wait_for_demo(DB);
    agent(machine);
    say(
        machine,
        "# now somebody in db: echo c > /proc/sysrq-trigger",
    );
    machine.com(DB).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* db: launches again when its memory was dumped");
    say(machine, "bulkheadctl show db");
    say(machine, "bulkheadctl log db | tail -n 4");
    say(machine, "bulkheadctl dump db /tmp/db.core");
    machine.wait_for_demo(DB);
    agent(machine);
    say(machine, "bulkheadctl events | tail -n 5");
    say(
        machine,
        "# db has no network card: it gets a network from here",
    );
    let [web, db] = through::commands();
    for line in &web {
        say(machine, line);
    }
    say_in_db(machine, &db, port);
    say(machine, "bulkheadctl list");
}

/// At its console, which is opened from `web`.
fn say_in_db(machine: &mut Running, lines: &[String], port: u16) {
    enter(machine, "bulkheadctl console db", "# ");
    for line in lines {
        enter(machine, line, "# ");
    }
    let fetch = through::fetch(port, "page");
    machine.com(WEB).skip();
    type_keys(machine, WEB, &fetch);
    machine.wait_for_within(WEB, PAGE.trim(), PATIENCE);
    std::thread::sleep(READING);
    machine.com(WEB).skip();
    machine.com(WEB).send(LEAVE);
    machine.wait_for(WEB, "web# ");
}

/// Types a line key by key, and waits for the prompt after it.
fn enter(machine: &mut Running, line: &str, prompt: &str) {
    machine.com(WEB).skip();
    type_keys(machine, WEB, line);
    machine.wait_for(WEB, "\n");
    machine.wait_for_within(WEB, prompt, PATIENCE);
    std::thread::sleep(READING);
}
