//! A Linux without a network card reaches the network through its neighbour: by the commands of `docs/links.md`, as
//! they stand there.

use std::time::Duration;

use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd, http, initrd_with, root, through};

use super::PATIENCE;

const WEB: usize = 2;
const DB: usize = 3;
/// What only the host has.
const PAGE: &str = "what the world says";

/// `web` of 6.12 with a card to the host, and `db` of 6.1 with none.
fn start() -> Running {
    let mut tools = through::nft();
    tools.push(("/bin/bulkheadctl".into(), root().join("build/bulkheadctl")));
    let line = |name: &str, core: u32, kernel: Kernel, com: usize, more: &str| {
        let kernel = kernel.name();
        format!(
            "define {name} cores={core} memory=512M kernel={kernel} initrd=for-{kernel},tools console=com{com} {more} \
             cmdline=\"bulkhead.name={name} quiet panic=1\"\n"
        )
    };
    let (web, db) = (Kernel::Debian612, Kernel::Debian61);
    let script = line("web", 1, web, WEB, "devices=0000:01:00.0")
        + &line("db", 2, db, DB, "")
        + "link web db\nstart web db\n";
    let mut iso =
        Iso::new("links_neighbour").image("tools", initrd_with("links_neighbour.img", &tools));
    for kernel in [web, db] {
        iso = iso
            .image(kernel.name(), kernel.image())
            .image(&format!("for-{}", kernel.name()), device_initrd(kernel));
    }
    let board = Board::new().device(Device::card_to_host(Card::Virtio));
    let mut machine = Machine::new(&iso.script(&script).make(), "run")
        .memory("3G")
        .board(&board)
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(WEB);
    machine.wait_for_demo(DB);
    machine
}

/// As somebody would type it.
fn type_line(machine: &mut Running, com: usize, line: &str) {
    machine.com(com).skip();
    machine.com(com).send(line);
    // A long one is echoed in pieces, if it does not fit into the row.
    machine.com(com).send("\r");
    machine.wait_for_within(com, "# ", PATIENCE);
    machine.linux(com, "sleep 1");
}

pub(super) fn through_a_neighbour() {
    let folder = build_folder().join("tests/links_neighbour/www");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join("page"), PAGE).expect("the page can be written");
    let port = http::serve(&folder);
    let fetch = format!("{}; echo code $?", through::fetch(port, "page"));

    let machine = &mut start();
    let [web, db] = through::commands();
    let [net, forward, translate] = &web[..] else {
        panic!("three commands were wanted: {web:?}");
    };
    assert!(translate.starts_with("nft "), "{translate}");
    machine.linux_expect(DB, "ls /sys/class/net", "lo");
    machine.linux(
        WEB,
        "ip addr add 10.0.1.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.1.2",
    );
    machine.linux_expect(WEB, &fetch, PAGE);
    for com in [WEB, DB] {
        machine.linux(
            com,
            "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing",
        );
    }
    for line in [net, forward] {
        type_line(machine, WEB, line);
    }
    for line in &db {
        type_line(machine, DB, line);
    }
    // Without the third one the answer finds no way back.
    let said = machine.linux_within(DB, &fetch, Duration::from_secs(60));
    assert!(!said.contains(PAGE) && said.contains("code "), "{said}");
    type_line(machine, WEB, translate);
    let said = machine.linux_within(DB, &fetch, Duration::from_secs(60));
    println!("{said}");
    if !said.contains(PAGE) {
        let tables = machine.linux(WEB, "nft list ruleset; ip route; dmesg | tail -5");
        machine.fail(&format!("{said}\n{tables}"));
    }
}
