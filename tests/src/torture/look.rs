//! One case: what was done, and what is seen of all three afterwards.

use std::time::Instant;

use super::act::{LANDED, Said, act};
use super::case::{Act, Case};
use super::mode::Mode;
use super::talk::{AFTER, ANSWER, Host, IT, WITNESS, WITNESS_CORE, ask, comes_back, row, shell};
use super::verdict::{Done, Hurt, Verdict};
use super::witness::Witness;
use crate::devices::{Board, Device};
use crate::iso::Iso;
use crate::qemu::{Machine, Running};
use crate::{Kernel, faulty, guest_tool, initrd_with};

/// Does it on a machine of its own. `hear` is told of the machine as soon as it runs.
///
/// # Panics
/// If the machine does not come up, before anything is done to it; or it was not done.
pub fn run(case: &Case, mode: Mode, hear: impl FnOnce(&Running)) -> Done {
    let mut machine = start(case, mode);
    hear(&machine);
    machine.wait_for_prompt();
    machine.wait_for_demo(IT);
    machine.wait_for_demo(WITNESS);
    let witness = Witness::begin(&mut machine);
    let host = Host::watch(&machine);
    let said = act(case, &mut machine);
    std::thread::sleep(AFTER);
    judge(&mut machine, said, &witness, &host)
}

fn start(case: &Case, mode: Mode) -> Running {
    let name = format!("torture/{mode}/{}", case.name);
    // The cloud kernel has no machine checks, which then end a machine as a triple fault does.
    let kernel = match case.act {
        Act::Check(_) => Kernel::Debian61,
        _ => Kernel::Debian61Cloud,
    };
    let mut files = vec![
        ("/bin/hostile".to_string(), guest_tool("hostile")),
        ("/bin/unlock".to_string(), guest_tool("unlock")),
        (
            format!("/lib/modules/{}/efivarfs.ko", kernel.release()),
            kernel.module(),
        ),
    ];
    let (file, code): (_, &[u8]) = match case.act {
        Act::Code(code, _) => ("/lib/made.ko", code),
        _ => ("/lib/room.ko", faulty::ROOM),
    };
    let module = faulty::module(&name, kernel, code);
    files.push((file.to_string(), module));
    // Only where it is looked at: what has no card has no walls for one.
    let has_two = matches!(case.act, Act::Beside(..));
    let iso = Iso::new(&name)
        .image("linux", kernel.image())
        .image("initrd", initrd_with(&format!("{name}/initrd.img"), &files))
        .script(&format!(
            "define it cores=1,2 memory=256M kernel=linux initrd=initrd console=com2 restart=on-failure \
             devices=01:00.0 isolation={mode} cmdline=\"bulkhead.name=it iomem=relaxed quiet panic=1\"\n\
             define witness cores={WITNESS_CORE} memory=256M kernel=linux initrd=initrd console=com3 restart=never{} \
             cmdline=\"bulkhead.name=witness quiet\"\n\
             start it witness\n",
            if has_two { " devices=02:00.0" } else { "" }
        ))
        .make();
    let board = Board::new().device(Device::edu());
    let board = match has_two {
        true => board.device(Device::edu()),
        false => board,
    };
    let board = match mode {
        Mode::Bare => board,
        Mode::Dma => board.iommu("intel-iommu,intremap=off"),
    };
    let machine = Machine::new(&iso, "run").board(&board);
    // Processors that tell a machine check to all (QEMU, `cpu_x86_support_mca_broadcast`), and from errors in
    // whose memory Linux recovers (Intel SDM Vol. 3B, "Recovery of Uncorrected Recoverable Errors").
    const INTELS: &str = "max,vendor=GenuineIntel,family=6,model=94";
    match case.act {
        Act::Check(what) if what.starts_with("-b") || what.contains('{') => {
            machine.arguments(&["-cpu", INTELS])
        }
        _ => machine,
    }
    .start()
}

fn judge(machine: &mut Running, said: Said, witness: &Witness, host: &Host) -> Done {
    let reset = |said| Done {
        verdict: Verdict::NotContained("the machine is reset or off".to_string()),
        said,
        state: String::new(),
        may_be_the_hosts: false,
        earlier: Vec::new(),
    };
    let mut hurt: Vec<Hurt> = said.found.into_iter().map(Hurt::seen).collect();
    let has_come_back = said.line.is_some();
    let said = said.line.unwrap_or_default();
    if !machine.is_alive() {
        return reset(said);
    }
    let begin = Instant::now();
    let before = shell(machine, "list", ANSWER);
    let shell_was_slow = before.is_none() && host.was_busy(begin);
    let listed = before.as_deref().and_then(|list| row(list, "it"));
    let (state, runs) = listed.map_or_else(Default::default, |row| (row.state, row.runs));
    // `it` itself: as it was, or ended and started again by its policy, or silent.
    let runs_on = runs == 1 && state == "running";
    let begin = Instant::now();
    let is_as_it_was = runs_on && ask(machine, IT, "true", ANSWER).is_some();
    let it_was_slow = runs_on && has_come_back && !is_as_it_was && host.was_busy(begin);
    if before.is_none() {
        hurt.push(Hurt {
            how: "Bulkhead's shell does not answer".to_string(),
            may_be_the_hosts: shell_was_slow,
        });
    } else {
        // Also where nothing is seen: what it damaged may be wanted by the next start only.
        hurt.extend(comes_back(machine, host, "it", IT));
    }
    if said == LANDED {
        hurt.push(Hurt::seen(LANDED));
    }
    hurt.extend(witness.is_hurt(machine, host));
    if hurt.is_empty() {
        hurt.extend(witness.next_is_hurt(machine, host));
    }
    if !machine.is_alive() {
        return Done {
            state,
            ..reset(said)
        };
    }
    let may_be_the_hosts = match hurt.is_empty() {
        true => it_was_slow,
        false => hurt.iter().all(|hurt| hurt.may_be_the_hosts),
    };
    let hurt: Vec<String> = hurt.into_iter().map(|hurt| hurt.how).collect();
    let verdict = match (hurt.is_empty(), is_as_it_was) {
        (true, true) => {
            assert!(
                has_come_back,
                "it was not done in time, and nothing is seen"
            );
            Verdict::Nothing
        }
        (true, false) => Verdict::Contained,
        (false, _) => Verdict::NotContained(hurt.join("; ")),
    };
    Done {
        verdict,
        said,
        state,
        may_be_the_hosts,
        earlier: Vec::new(),
    }
}
