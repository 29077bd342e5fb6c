//! A card below a port that passes on no I/O: its I/O BAR can't be reached, as on most boards with
//! many ports, and no PCI Express device needs one.

use std::io::{Read, Write};
use std::net::TcpListener;

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, teach};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![story("devices::no_io", no_io)]
}

/// What is sent over the card, each time.
const BYTES: usize = 4 << 20;

fn no_io() {
    let port = send_to_all();
    let card = Device::card_to_host(Card::E1000e).with_port("io-reserve=0");
    let one = Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0");
    let mut machine = boot("no_io", &[one], &Board::new().device(card));
    let said = machine.command("devices");
    // Several lines, which begin at its address.
    let Some((_, card)) = said.split_once("  0000:01:00.0  ") else {
        machine.fail(&format!("no card in:\n{said}"));
    };
    let words: Vec<&str> = card.split_ascii_whitespace().collect();
    let card = words.join(" ");
    assert!(
        card.contains("owner one; alone; unused: BAR 2 (32 of I/O) of 0000:01:00.0 has no address"),
        "{card}"
    );
    works(&mut machine, port);

    // Passed over once more when it is handed out anew.
    machine.com(2).skip();
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* one: rebooted");
    machine.wait_for_demo(2);
    works(&mut machine, port);
}

/// Megabytes come through the card, and are what was sent.
fn works(machine: &mut Running, port: u16) {
    teach(machine, 2);
    machine.linux(
        2,
        "n=$(card 01); ip addr add 10.0.1.15/24 dev $n; ip link set $n up",
    );
    // It is the card, with its own driver and an interrupt of its own.
    machine.linux_expect(2, "readlink /sys/bus/pci/devices/*/driver", "e1000e");
    let fetch = format!(
        "for i in 1 2 3 4 5 6 7 8; do nc 10.0.1.2 {port} >/tmp/got </dev/null && break; sleep 1; done; \
         wc -c </tmp/got; tr -d x </tmp/got | wc -c"
    );
    let got = machine.linux(2, &fetch);
    let wanted = [BYTES.to_string(), "0".to_string()];
    if !got.split_ascii_whitespace().eq(wanted.iter()) {
        machine.fail(&format!("through the card came: {got}"));
    }
}

/// Sends so many letters to whoever connects, until this process ends; gives the port.
fn send_to_all() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // One that breaks off is asked for again.
            let _ = stream.write_all(&vec![b'x'; BYTES]);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    port
}
