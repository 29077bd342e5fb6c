//! The operator's seat: an ssh login in a whole Debian, from which its neighbour is watched, explained, dumped,
//! started, stopped, restarted, and reached the network from.

use std::fs::{File, create_dir_all};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::inside::agent;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd, initrd_with, root};

use super::{BOOT, COM, PROMPT, has_started_all, made, package};

/// The neighbour's console.
const WEB: usize = 3;
/// Ends the demo there, whose first process is no init.
const BY_FORCE: &str = "--poweroff-command 'poweroff -f' --reboot-command 'reboot -f'";

/// One that may log in.
struct Login {
    key: PathBuf,
    port: u16,
}

impl Login {
    /// A key of its own, and a port of the host that leads to the Debian's 22.
    fn new(folder: &Path) -> Self {
        create_dir_all(folder).expect("the folder can be made");
        let key = folder.join("key");
        let _ = std::fs::remove_file(&key);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f"]);
        super::upgrade::run(keygen.arg(&key));
        // It is free when QEMU takes it, unless another program is quicker, which QEMU would say.
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = socket.local_addr().expect("it is bound").port();
        Self { key, port }
    }

    /// What a command says there with that as its input, and its exit code.
    fn run(&self, line: &str, input: Stdio) -> (i32, String) {
        let output = Command::new("ssh")
            .args(["-F", "none", "-o", "BatchMode=yes"])
            .args(["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"])
            .args(["-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "ConnectTimeout=120", "-i"])
            .arg(&self.key)
            .args(["-p", &self.port.to_string(), "root@127.0.0.1"])
            .arg(format!("{line} 2>&1"))
            .stdin(input)
            .output()
            .expect("ssh can be run");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        println!("ssh# {line}\n{said}");
        (output.status.code().unwrap_or(-1), said.into_owned())
    }

    /// It ends well, and says all of that.
    fn expect(&self, machine: &Running, line: &str, wanted: &[&str]) -> String {
        let (code, said) = self.run(line, Stdio::null());
        if code != 0 || wanted.iter().any(|text| !said.contains(text)) {
            machine.fail(&format!(
                "{line}: {wanted:?} were expected:\n{said}\ncode {code}"
            ));
        }
        said
    }
}

pub(super) fn by_ssh() {
    let login = Login::new(&build_folder().join("tests/by_ssh"));
    let machine = &mut start(&login);
    let (code, said) = login.run(
        "cat >/tmp/deb && dpkg -x /tmp/deb / && systemctl daemon-reload && systemctl start bulkhead-agent bulkhead-events",
        File::open(package::package_file()).expect("it is there").into(),
    );
    assert_eq!(code, 0, "{said}");
    login.expect(
        machine,
        "systemctl is-active bulkhead-agent bulkhead-events",
        &["active\nactive"],
    );
    machine.wait_for(1, "* main: its agent is heard");
    login.expect(machine, "bulkheadctl list", &["main ", "web ", "running"]);

    died(machine, &login);
    ended_in_order(machine, &login);
    network(machine, &login);

    // The Debian itself, from the shell: by its agent and systemd.
    package::stop(machine);
    machine.expect_states(&[("main", "stopped"), ("web", "running")]);
}

/// It crashes: that is told, explained, in the journal, and its memory in a file.
fn died(machine: &mut Running, login: &Login) {
    machine.com(WEB).send("echo c >/proc/sysrq-trigger\r");
    machine.wait_for(1, "* web: failed");
    login.expect(
        machine,
        "bulkheadctl events",
        &["web: failed run=1 reason=\"panic: sysrq triggered crash\""],
    );
    login.expect(
        machine,
        "bulkheadctl show web",
        &["reason   sysrq triggered crash"],
    );
    login.expect(
        machine,
        "bulkheadctl log web | grep 'Kernel panic'",
        &["sysrq triggered crash"],
    );
    login.expect(
        machine,
        "for i in $(seq 30); do journalctl -o cat -u bulkhead-events | grep 'web: failed' && break; sleep 1; done",
        &["sysrq triggered crash"],
    );
    login.expect(machine, "bulkheadctl dump web /var/tmp/web.core", &[]);
    login.expect(
        machine,
        "od -A n -c -N 4 /var/tmp/web.core",
        &["177   E   L   F"],
    );
    login.expect(
        machine,
        "grep -c -a 'sysrq triggered crash' /var/tmp/web.core",
        &[],
    );
    login.expect(machine, "bulkheadctl start web", &[]);
    machine.wait_for_demo(WEB);
}

/// Asked, by its agent: restarted, stopped; and by force.
fn ended_in_order(machine: &mut Running, login: &Login) {
    agent(machine, WEB, "web", BY_FORCE);
    login.expect(machine, "bulkheadctl restart web --within 60", &[]);
    machine.wait_for(1, "* web: rebooted");
    machine.wait_for_demo(WEB);
    agent(machine, WEB, "web", BY_FORCE);
    login.expect(machine, "bulkheadctl stop web --within 60", &[]);
    machine.wait_for(1, "* web: powered-off");
    login.expect(machine, "bulkheadctl show web", &["stopped"]);
    login.expect(machine, "bulkheadctl start web", &[]);
    machine.wait_for_demo(WEB);
}

/// As `docs/links.md` has it: the neighbour has no card, and reaches the host through this one's.
fn network(machine: &mut Running, login: &Login) {
    machine.linux(
        WEB,
        "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing",
    );
    machine.linux(WEB, "bulkheadctl net main link >/tmp/net 2>&1 & sleep 1");
    machine.linux(
        WEB,
        "ip addr add 10.9.0.2/24 dev link; ip link set dev link up; ip route add default via 10.9.0.1",
    );
    login.expect(
        machine,
        "modprobe tun; systemd-run -q bulkheadctl net web link; for i in $(seq 30); do ip link show dev link >/dev/null && break; sleep 1; done; \
         ip addr add 10.9.0.1/24 dev link && ip link set dev link up && echo 1 >/proc/sys/net/ipv4/ip_forward && \
         nft add table ip nat \"{ chain out { type nat hook postrouting priority srcnat; oifname != link masquerade; }; }\"",
        &[],
    );
    for address in ["10.9.0.1", "10.0.2.2"] {
        let said = machine.linux_within(WEB, &format!("ping -c 5 {address} | tail -n 3"), BOOT);
        assert!(said.contains(" 0% packet loss"), "{address}: {said}");
    }
}

/// A whole Debian with its disk and a card, a neighbour that has neither, and a link.
fn start(login: &Login) -> Running {
    let folder = made("bookworm");
    let kernel = Kernel::Debian612;
    let program = root().join("build/bulkheadctl");
    let iso = Iso::new("by_ssh")
        .image("linux", folder.join("vmlinuz"))
        .image("initrd", folder.join("initrd"))
        .image("other", kernel.image())
        .image("drivers", device_initrd(kernel))
        .image("tools", initrd_with("by_ssh.img", &[("/bin/bulkheadctl", program)]))
        .script(
            "define main cores=1,2 memory=1536M kernel=linux initrd=initrd console=com2 control=yes \
             devices=01:00.0,02:00.0 cmdline=\"root=LABEL=root ro quiet\"\n\
             define web cores=3 memory=512M kernel=other initrd=drivers,tools console=com3 restart=never \
             cmdline=\"bulkhead.name=web quiet panic=1\"\n\
             link main web\n\
             start main web\n",
        )
        .make();
    let disk = Device::nvme(&folder.join("disk")).with_drive_option("snapshot=on");
    let card = Device::card_to_host_with_ssh(Card::E1000e, login.port);
    let mut machine = Machine::new(&iso, "run")
        .memory("3G")
        .board(&Board::new().device(disk).device(card))
        .arguments(&["-boot", "d"])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(WEB);
    machine.wait_for_within(COM, PROMPT, BOOT);
    has_started_all(&mut machine, COM);
    let key = std::fs::read_to_string(login.key.with_extension("pub")).expect("it was made");
    machine.linux(
        COM,
        &format!(
            "mkdir -p -m 700 /root/.ssh; echo '{}' >/root/.ssh/authorized_keys",
            key.trim()
        ),
    );
    machine.linux_expect(
        COM,
        "cd /sys/class/net; for card in e*; do ip addr add 10.0.2.15/24 dev $card && ip link set $card up && echo $card is up; done; cd",
        "is up",
    );
    machine.linux_expect(COM, "systemctl is-active ssh", "active");
    machine
}
