//! One case: what was done, and what is seen of all three afterwards.

use std::fmt;
use std::time::{Duration, Instant};

use super::act::{LANDED, Said, act};
use super::cases::{Act, Case};
use super::mode::Mode;
use crate::devices::{Board, Device};
use crate::iso::Iso;
use crate::port::plain;
use crate::qemu::{Machine, Running};
use crate::withheld::{Gap, Withheld, uptime};
use crate::{Kernel, answers, faulty, guest_tool, initrd_with};

/// Who was hurt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nobody: its own Linux goes on as well, and can be started again.
    Nothing,
    /// Its own Linux alone, which Bulkhead could start again.
    Contained,
    /// Others: how.
    NotContained(String),
}

/// Before how, in a verdict's words.
const NOT_CONTAINED: &str = "not contained: ";
/// Before how long.
const STOOD_STILL: &str = "the witness stood still for";

impl Verdict {
    /// Whether it may come of a host that had other work: then it is not seen again.
    #[must_use]
    pub fn may_be_the_hosts(&self) -> bool {
        matches!(self, Self::NotContained(how) if how.starts_with(STOOD_STILL) && !how.contains(';'))
    }

    /// Of its words.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "nothing happens" => Some(Self::Nothing),
            "contained" => Some(Self::Contained),
            _ => Some(Self::NotContained(
                text.strip_prefix(NOT_CONTAINED)?.to_string(),
            )),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing happens"),
            Self::Contained => f.write_str("contained"),
            Self::NotContained(how) => write!(f, "{NOT_CONTAINED}{how}"),
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Done {
    /// Who was hurt.
    pub verdict: Verdict,
    /// What the Linux that did it said, its last line.
    pub said: String,
    /// The state that `list` had for it afterwards.
    pub state: String,
}

/// Serial ports.
const SHELL: usize = 1;
pub(super) const IT: usize = 2;
pub(super) const WITNESS: usize = 3;
/// As its definition has it.
const WITNESS_CORE: u32 = 3;
/// What is waited for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(15);
/// For a restart.
const RESTART: Duration = Duration::from_secs(120);
/// What comes late, such as a panic or a watchdog, has come then.
const AFTER: Duration = Duration::from_secs(3);
/// The witness may stand still for so long, in hundredths of a second: the host has two cores for four.
const GAP: u64 = 150;
/// So much of the witness's memory is known.
const BYTES: u32 = 16 << 20;
/// A count every so many microseconds.
const INTERVAL_US: u32 = 100_000;

/// Does it on a machine of its own. `hear` is told of the machine as soon as it runs.
///
/// # Panics
/// If the machine does not come up, before anything is done to it.
pub fn run(case: &Case, mode: Mode, hear: impl FnOnce(&Running)) -> Done {
    let mut machine = start(case, mode);
    hear(&machine);
    machine.wait_for_prompt();
    machine.wait_for_demo(IT);
    machine.wait_for_demo(WITNESS);
    let clock = "read u x </proc/uptime; n=$((${u%.*}*100+1${u#*.}-100))";
    machine.linux_expect(
        WITNESS,
        &format!(
            "{clock}; : >/tmp/gaps; (i=0; l=$n; while :; do {clock}; i=$((i+1)); \
             [ $((n-l)) -le {GAP} ] || echo $n $((n-l)) >>/tmp/gaps; l=$n; \
             echo $i > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep {INTERVAL_US}; done) & \
             head -c {BYTES} /dev/urandom >/tmp/bytes; md5sum /tmp/bytes >/tmp/sum; dmesg >/tmp/before; wc -c </tmp/bytes"
        ),
        &BYTES.to_string(),
    );
    let host = Withheld::watch(&machine, &[WITNESS_CORE]);
    let said = act(case, &mut machine);
    std::thread::sleep(AFTER);
    judge(&mut machine, said, &host)
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
        Act::Code(code) => ("/lib/made.ko", code),
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
        Act::Check(what) if what.starts_with("-b") || what.contains("{RAM}") => {
            machine.arguments(&["-cpu", INTELS])
        }
        _ => machine,
    }
    .start()
}

/// Types a line into a Linux; what it printed, if it came back.
pub(super) fn ask(
    machine: &mut Running,
    com: usize,
    line: &str,
    limit: Duration,
) -> Option<String> {
    let port = machine.com(com);
    port.skip();
    port.send(&format!(
        "\x03\recho BULK''HEAD-BEGIN; {line}; echo BULK''HEAD-DONE\r"
    ));
    port.try_wait_for("BULKHEAD-BEGIN", limit).ok()?;
    let said = port.try_wait_for("BULKHEAD-DONE", limit).ok()?;
    Some(plain(&said).trim().to_string())
}

/// Types a line into Bulkhead's shell; what it printed, if it came back.
pub(super) fn shell(machine: &mut Running, line: &str, limit: Duration) -> Option<String> {
    let port = machine.com(SHELL);
    port.skip();
    port.send(&format!("{line}\r"));
    port.try_wait_for(line, limit).ok()?;
    port.try_wait_for("\n", limit).ok()?;
    port.try_wait_for("bulkhead> ", limit)
        .ok()
        .map(|said| plain(&said))
}

fn judge(machine: &mut Running, said: Said, host: &Withheld) -> Done {
    let mut hurt: Vec<String> = said.found.into_iter().collect();
    let has_come_back = said.line.is_some();
    let said = said.line.unwrap_or_default();
    if !machine.is_alive() {
        return Done {
            verdict: Verdict::NotContained("the machine is reset or off".to_string()),
            said,
            state: String::new(),
        };
    }
    let before = shell(machine, "list", ANSWER);
    let rows = before.as_deref().map(answers::list).unwrap_or_default();
    let row = rows.into_iter().find(|row| row.name == "it");
    let (state, runs) = row.map_or_else(Default::default, |row| (row.state, row.runs));
    // `it` itself: as it was, or ended and started again by its policy, or silent.
    let is_as_it_was =
        runs == 1 && state == "running" && ask(machine, IT, "true", ANSWER).is_some();
    if before.is_none() {
        hurt.push("Bulkhead's shell does not answer".to_string());
    } else if !comes_back(machine) {
        // Also where nothing is seen: what it damaged may be wanted by the next start only.
        hurt.push("it can't be started again".to_string());
    }
    if said == LANDED {
        hurt.push(LANDED.to_string());
    }
    hurt.extend(witness_is_hurt(machine, host));
    if !machine.is_alive() {
        hurt = vec!["the machine is reset or off".to_string()];
    }
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
    }
}

/// Whether the operator can have it run again.
fn comes_back(machine: &mut Running) -> bool {
    machine.com(IT).skip();
    let end = Instant::now() + RESTART;
    // One that is about to end by itself can't be restarted before it has.
    loop {
        let Some(answer) = shell(machine, "restart it force", ANSWER) else {
            return false;
        };
        if !answer.contains("error") {
            break;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(AFTER);
    }
    while Instant::now() < end {
        if ask(machine, IT, "true", ANSWER).is_some() {
            return true;
        }
    }
    false
}

/// The first line of it, without its time.
fn complaint(lines: &[&str]) -> String {
    let line = lines.get(4).and_then(|line| line.split_once("] "));
    line.map_or_else(String::new, |(_, text)| {
        format!(": {}", text.replace('|', "/"))
    })
}

/// All that is wrong with the witness.
fn witness_is_hurt(machine: &mut Running, host: &Withheld) -> Vec<String> {
    let begin = Instant::now();
    let answer = ask(
        machine,
        WITNESS,
        "cat /tmp/counter; sleep 1; cat /tmp/counter; md5sum -c -s /tmp/sum && echo same || echo changed; \
         dmesg | diff /tmp/before - | grep -iE 'rcu.*stall|unexpected|spurious|[^l]oops|lockup|BUG:|nmi received|no irq handler|clocksource.*unstable' >/tmp/c; \
         grep -c '' /tmp/c; head -n 1 /tmp/c; echo gaps; cat /proc/uptime /tmp/gaps",
        ANSWER,
    );
    let read = [begin, Instant::now()];
    match answer {
        Some(answer) => wrong(&answer, |gap, now| host.of(gap, now, read)),
        None => vec!["the witness does not answer".to_string()],
    }
}

/// In what it answered: its counter twice, whether its bytes are the same, how often its kernel complained, the first time
/// in full, and when it stood still, of which the host withheld so much.
fn wrong(answer: &str, withheld: impl Fn(Gap, u64) -> u64) -> Vec<String> {
    let lines: Vec<&str> = answer.lines().map(str::trim).collect();
    let (lines, times) = match lines.iter().position(|line| *line == "gaps") {
        Some(at) => (&lines[..at], &lines[at + 1..]),
        None => (&lines[..], &[][..]),
    };
    let counter = |line: Option<&&str>| line?.parse::<u64>().ok();
    let mut wrong = Vec::new();
    match (counter(lines.first()), counter(lines.get(1))) {
        (Some(first), Some(last)) if last <= first => {
            wrong.push("the witness counts no more".to_string());
        }
        (Some(_), Some(_)) => {}
        _ => return vec![format!("the witness does not count: {answer:?}")],
    }
    let gaps = times.get(1..).unwrap_or_default();
    let gaps: Option<Vec<Gap>> = gaps.iter().map(|line| Gap::parse(line)).collect();
    match times.first().and_then(|line| uptime(line)).zip(gaps) {
        Some((now, gaps)) => {
            let own = gaps
                .iter()
                .map(|gap| gap.length.saturating_sub(withheld(*gap, now)));
            let longest = own.max().filter(|length| *length > GAP);
            wrong.extend(longest.map(|length| format!("{STOOD_STILL} {} ms", length * 10)));
        }
        None => wrong.push(format!("the witness answers nonsense: {answer:?}")),
    }
    if lines.get(2) != Some(&"same") {
        wrong.push("the witness's memory was changed".to_string());
    }
    match lines.get(3).and_then(|count| count.parse::<u32>().ok()) {
        Some(0) => {}
        Some(_) => wrong.push(format!(
            "the witness's kernel complains{}",
            complaint(lines)
        )),
        None => wrong.push(format!("the witness answers nonsense: {answer:?}")),
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_still_is_looked_at_further() {
        let still = format!("{STOOD_STILL} 2000 ms");
        let asked = |answer: &str| wrong(answer, |_, _| 0);
        assert_eq!(
            asked("10\r\n20\r\nsame\r\n0\r\ngaps\r\n9.00 5.00"),
            [] as [&str; 0]
        );
        let long = "10\n20\nsame\n0\ngaps\n9.00 5.00\n300 160\n800 200";
        assert_eq!(asked(long), [still.as_str()]);
        // Each by itself, without what the host withheld in it.
        let by_host = |gap: Gap, now| {
            assert_eq!(now, 900);
            if gap.length == 200 { 50 } else { 10 }
        };
        assert_eq!(wrong(long, by_host), [] as [&str; 0]);
        let all = asked("10\n20\nchanged\n1\n> [ 1.0] a | b\ngaps\n9.00 5.00\n800 200");
        let wanted = [
            still.as_str(),
            "the witness's memory was changed",
            "the witness's kernel complains: a / b",
        ];
        assert_eq!(all, wanted);
        let verdict = |all: &[&str]| Verdict::NotContained(all.join("; "));
        assert!(verdict(&wanted[..1]).may_be_the_hosts());
        assert!(!verdict(&wanted).may_be_the_hosts());
        assert_eq!(
            asked("10\n10\nsame\n0\ngaps\n9.00 5.00"),
            ["the witness counts no more"]
        );
        assert_eq!(asked("nonsense").len(), 1);
        assert_eq!(asked("10\n20\nsame\n0").len(), 1);
        assert_eq!(asked("10\n20\nsame\n0\ngaps\n9.00 5.00\n8").len(), 1);
    }
}
