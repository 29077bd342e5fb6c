//! The agent as a service of first processes that are not systemd: the files of `bulkheadctl/share`, as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::inside::initrd;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, initrd_with, packed_initrd, root};
use libtest_mimic::Trial;

use crate::{long_story, story};

const BOSS: usize = 2;
const WEB: usize = 3;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("agent_inits::busybox", busybox),
        long_story("agent_inits::openrc", openrc),
    ]
}

fn share(name: &str) -> PathBuf {
    root().join("bulkheadctl/share").join(name)
}

/// One that may ask for all, and beside it the one whose init it is about.
fn start(name: &str, initrd_of_web: &Path) -> Running {
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", initrd(&format!("{name}_boss")))
        .image("web", initrd_of_web)
        .script(
            "define boss cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define web cores=2 memory=256M kernel=linux initrd=web console=com3 watchdog=10 restart=never cmdline=\"bulkhead.name=web quiet\"\n\
             start boss web\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(BOSS);
    machine
}

/// What each of them has to do: it comes again when it was killed, leaves when it is stopped, and before the end.
fn comes_and_goes(machine: &mut Running, begin: fn(&mut Running)) {
    machine.linux(WEB, "pkill -9 -f ^/usr/bin/bulkheadctl.agent");
    std::thread::sleep(std::time::Duration::from_secs(12));
    machine.expect_states(&[("web", "running")]);
    machine.expect("show web", &["heard "]);

    let ended = |machine: &mut Running, asked: &str, end: &str| {
        let line = format!("bulkheadctl {asked} web --within 60 2>&1; echo code $?");
        machine.com(1).skip();
        let said = machine.linux_within(BOSS, &line, std::time::Duration::from_secs(90));
        assert!(said.contains("code 0"), "{said}");
        let told = machine.wait_for(1, &format!("* web: {end}"));
        assert!(told.contains("* web: its agent leaves"), "{told}");
    };
    ended(machine, "restart", "rebooted");
    begin(machine);
    ended(machine, "stop", "powered-off");
    machine.expect_states(&[("web", "stopped")]);
}

/// busybox's own init, by the lines of `bulkhead-agent.inittab`.
fn busybox() {
    let module = format!(
        "/lib/modules/{}/efivarfs.ko",
        Kernel::Debian612Cloud.release()
    );
    let files = [
        ("/usr/bin/bulkheadctl", root().join("build/bulkheadctl")),
        ("/share/inittab", share("bulkhead-agent.inittab")),
        (module.as_str(), Kernel::Debian612Cloud.module()),
    ];
    let machine = &mut start("agent_busybox", &initrd_with("agent_busybox.img", &files));
    let begin = |machine: &mut Running| {
        machine.wait_for_demo(WEB);
        machine.linux(WEB, "cat /share/inittab >>/etc/inittab; kill -HUP 1");
        machine.wait_for(1, "* web: its agent is heard");
    };
    begin(machine);
    comes_and_goes(machine, begin);
}

/// OpenRC of Debian 13 as the first process, with busybox for the programs that its scripts run.
fn openrc() {
    let found = Command::new(root().join("tools/openrc"))
        .output()
        .expect("tools/openrc can be run");
    assert!(found.status.success(), "tools/openrc failed");
    let tree = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let init = build_folder().join("tests/agent_openrc.init");
    std::fs::write(&init, OPENRC_INIT).expect("it can be written");
    let release = Kernel::Debian612Cloud.release();
    let file = |to: &str, from: &Path| ["--file".to_owned(), format!("{to}={}", from.display())];
    let arguments = [
        ["--init".to_owned(), init.display().to_string()],
        ["--tree".to_owned(), format!("/={tree}")],
        file("/usr/bin/bulkheadctl", &root().join("build/bulkheadctl")),
        file(
            "/etc/init.d/bulkhead-agent",
            &share("bulkhead-agent.openrc"),
        ),
        file(
            &format!("/lib/modules/{release}/efivarfs.ko"),
            &Kernel::Debian612Cloud.module(),
        ),
    ];
    let packed = packed_initrd("agent_openrc.img", arguments.into_iter().flatten());
    let machine = &mut start("agent_openrc", &packed);
    let begin = |machine: &mut Running| {
        machine.wait_for(WEB, "web# ");
        machine.wait_for(1, "* web: its agent is heard");
    };
    begin(machine);
    machine.linux_expect(WEB, "cat /proc/1/comm", "openrc-init");
    // Stopped, it is not missed; nor does its supervisor bring it back.
    machine.linux(WEB, "rc-service bulkhead-agent stop");
    machine.wait_for(1, "* web: its agent leaves");
    std::thread::sleep(std::time::Duration::from_secs(12));
    machine.expect_states(&[("web", "running")]);
    machine.linux_expect(WEB, "pgrep -f ^/usr/bin/bulkheadctl.agent | wc -l", "0");
    machine.linux(WEB, "rc-service bulkhead-agent start");
    machine.wait_for(1, "* web: its agent is heard");
    comes_and_goes(machine, begin);
}

/// What an initial RAM disk does before; efivarfs is left to the service.
const OPENRC_INIT: &str = "#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /run /dev/pts /var/log /tmp /etc/runlevels/default /etc/runlevels/boot
mount -t tmpfs run /run
mount -t devpts devpts /dev/pts
insmod /lib/modules/$(uname -r)/efivarfs.ko
hostname web
chmod 755 /etc/init.d/bulkhead-agent
ln -s /etc/init.d/bulkhead-agent /etc/runlevels/default
ln -s /run /var/run
touch /etc/fstab /etc/insserv.conf
PS1='web# ' setsid cttyhack sh &
exec /sbin/openrc-init
";
