//! The witness: what it does meanwhile, and all that is seen to be wrong with it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::talk::{ANSWER, Host, WITNESS, ask, comes_back};
use super::verdict::Hurt;
use crate::neighbour::COMPLAINTS;
use crate::qemu::Running;
use crate::withheld::{CLOCK, Gap, uptime};

/// Before how long.
const STOOD_STILL: &str = "the witness stood still for";
/// It may stand still for so long, in hundredths of a second: the host has two cores for four.
const GAP: u64 = 150;
/// So much of its memory is known.
const BYTES: u32 = 16 << 20;
/// A count every so many microseconds.
const INTERVAL_US: u32 = 100_000;
/// Its clock may go by so many seconds more or less than the host's.
const JUMP: i64 = 5;
/// And its next start's may be so far from the host's.
const OFF: i64 = 60;
/// A variable of its own, and all their names.
const VARIABLES: &str =
    "v=/sys/firmware/efi/efivars; m=$v/Mine-12345678-1234-1234-1234-123456789abc";

/// What it was before the case.
pub(super) struct Witness {
    lead: Lead,
    names: String,
}

impl Witness {
    /// Has it count, and looks at its clock and its variables.
    ///
    /// # Panics
    /// If it does not, or its clock is wrong before anything is done.
    pub(super) fn begin(machine: &mut Running) -> Self {
        machine.linux_expect(
            WITNESS,
            &format!(
                "{CLOCK}; : >/tmp/gaps; (i=0; l=$n; while :; do {CLOCK}; i=$((i+1)); \
                 [ $((n-l)) -le {GAP} ] || echo $n $((n-l)) >>/tmp/gaps; l=$n; \
                 echo $i > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep {INTERVAL_US}; done) & \
                 head -c {BYTES} /dev/urandom >/tmp/bytes; md5sum /tmp/bytes >/tmp/sum; dmesg >/tmp/before; wc -c </tmp/bytes"
            ),
            &BYTES.to_string(),
        );
        machine.linux_expect(
            WITNESS,
            &format!(
                "{VARIABLES}; printf '\\007\\000\\000\\000mine' >$m && echo has $(tail -c 4 $m)"
            ),
            "has mine",
        );
        let now = Now::of(machine).expect("the witness answers before anything is done");
        assert!(
            now.lead.off() <= OFF,
            "the witness's clock is wrong: {now:?}"
        );
        Self {
            lead: now.lead,
            names: now.names,
        }
    }

    /// All that is wrong with it.
    pub(super) fn is_hurt(&self, machine: &mut Running, host: &Host) -> Vec<Hurt> {
        let begin = Instant::now();
        let answer = ask(
            machine,
            WITNESS,
            &format!(
                "cat /tmp/counter; sleep 1; cat /tmp/counter; md5sum -c -s /tmp/sum && echo same || echo changed; \
                 dmesg | diff /tmp/before - | grep '^+' | grep -iE '{COMPLAINTS}' >/tmp/c; \
                 grep -c '' /tmp/c; head -n 1 /tmp/c; echo gaps; cat /proc/uptime /tmp/gaps"
            ),
            ANSWER,
        );
        let read = [begin, Instant::now()];
        let Some(answer) = answer else {
            return vec![silent(host, begin)];
        };
        let mut hurt = wrong(&answer, |gap, now| host.witness.of(gap, now, read));
        let begin = Instant::now();
        match Now::of(machine) {
            Some(now) => hurt.extend(self.differs(&now).map(Hurt::seen)),
            None => hurt.push(silent(host, begin)),
        }
        hurt
    }

    /// How it is not as it was.
    fn differs(&self, now: &Now) -> Option<String> {
        let jump = self.lead.jump(&now.lead);
        if jump.abs() > JUMP {
            return Some(format!("the witness's clock has jumped by {jump} s"));
        }
        (now.names != self.names)
            .then(|| "the witness's variables are not as they were".to_string())
    }

    /// All that is wrong with its next start: what the machine keeps is read there.
    pub(super) fn next_is_hurt(&self, machine: &mut Running, host: &Host) -> Option<Hurt> {
        if let Some(hurt) = comes_back(machine, host, "witness", WITNESS) {
            return Some(hurt);
        }
        let begin = Instant::now();
        let Some(now) = Now::of(machine) else {
            return Some(silent(host, begin));
        };
        if now.lead.off() > OFF {
            return Some(Hurt::seen(format!(
                "the witness's next start has a clock that is {} s off",
                now.lead.off()
            )));
        }
        (now.names != self.names)
            .then(|| Hurt::seen("the witness's next start has other variables"))
    }
}

fn silent(host: &Host, since: Instant) -> Hurt {
    Hurt {
        how: "the witness does not answer".to_string(),
        may_be_the_hosts: host.was_busy(since),
    }
}

/// By how many seconds its clock is before the host's: no less and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lead {
    least: i64,
    most: i64,
}

impl Lead {
    /// What it said when the host's was between these two.
    fn of(said: i64, [before, after]: [i64; 2]) -> Self {
        // All are whole seconds, of which some part has gone.
        Self {
            least: said - after - 1,
            most: said - before + 1,
        }
    }

    /// By how much it has changed at least.
    const fn jump(&self, now: &Self) -> i64 {
        if now.least > self.most {
            now.least - self.most
        } else if now.most < self.least {
            now.most - self.least
        } else {
            0
        }
    }

    /// How far it is from none at least.
    const fn off(&self) -> i64 {
        Self { least: 0, most: 0 }.jump(self).abs()
    }
}

/// Its clock, and its variables: their names, and the value of one.
#[derive(Debug)]
struct Now {
    lead: Lead,
    names: String,
}

impl Now {
    fn of(machine: &mut Running) -> Option<Self> {
        let seconds = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(0))
        };
        let before = seconds();
        let line = format!("date +%s; {VARIABLES}; ls $v | md5sum; tail -c 4 $m; echo");
        let answer = ask(machine, WITNESS, &line, ANSWER)?;
        let (said, names) = answer.split_once('\n')?;
        Some(Self {
            lead: Lead::of(said.trim().parse().ok()?, [before, seconds()]),
            names: names.trim().to_string(),
        })
    }
}

/// The first line of it, without its time.
fn complaint(lines: &[&str]) -> String {
    let line = lines.get(4).and_then(|line| line.split_once("] "));
    line.map_or_else(String::new, |(_, text)| {
        format!(": {}", text.replace('|', "/"))
    })
}

/// In what it answered: its counter twice, whether its bytes are the same, how often its kernel complained, the first time
/// in full, and when it stood still, of which the host withheld so much.
fn wrong(answer: &str, withheld: impl Fn(Gap, u64) -> u64) -> Vec<Hurt> {
    let lines: Vec<&str> = answer.lines().map(str::trim).collect();
    let (lines, times) = match lines.iter().position(|line| *line == "gaps") {
        Some(at) => (&lines[..at], &lines[at + 1..]),
        None => (&lines[..], &[][..]),
    };
    let counter = |line: Option<&&str>| line?.parse::<u64>().ok();
    let nonsense = || Hurt::seen(format!("the witness answers nonsense: {answer:?}"));
    let mut wrong = Vec::new();
    match (counter(lines.first()), counter(lines.get(1))) {
        (Some(first), Some(last)) if last <= first => {
            wrong.push(Hurt::seen("the witness counts no more"));
        }
        (Some(_), Some(_)) => {}
        _ => {
            return vec![Hurt::seen(format!(
                "the witness does not count: {answer:?}"
            ))];
        }
    }
    let gaps = times.get(1..).unwrap_or_default();
    let gaps: Option<Vec<Gap>> = gaps.iter().map(|line| Gap::parse(line)).collect();
    match times.first().and_then(|line| uptime(line)).zip(gaps) {
        Some((now, gaps)) => {
            let own = gaps
                .iter()
                .map(|gap| gap.length.saturating_sub(withheld(*gap, now)));
            let longest = own.max().filter(|length| *length > GAP);
            wrong.extend(longest.map(|length| Hurt {
                how: format!("{STOOD_STILL} {} ms", length * 10),
                may_be_the_hosts: true,
            }));
        }
        None => wrong.push(nonsense()),
    }
    if lines.get(2) != Some(&"same") {
        wrong.push(Hurt::seen("the witness's memory was changed"));
    }
    match lines.get(3).and_then(|count| count.parse::<u32>().ok()) {
        Some(0) => {}
        Some(_) => wrong.push(Hurt::seen(format!(
            "the witness's kernel complains{}",
            complaint(lines)
        ))),
        None => wrong.push(nonsense()),
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(wrong: &[Hurt]) -> Vec<&str> {
        wrong.iter().map(|hurt| hurt.how.as_str()).collect()
    }

    #[test]
    fn who_stood_still_is_looked_at_further() {
        let still = format!("{STOOD_STILL} 2000 ms");
        let asked = |answer: &str| wrong(answer, |_, _| 0);
        assert_eq!(
            asked("10\r\n20\r\nsame\r\n0\r\ngaps\r\n9.00 5.00"),
            [] as [Hurt; 0]
        );
        let long = "10\n20\nsame\n0\ngaps\n9.00 5.00\n300 160\n800 200";
        assert_eq!(how(&asked(long)), [still.as_str()]);
        assert!(asked(long)[0].may_be_the_hosts);
        // Each by itself, without what the host withheld in it.
        let by_host = |gap: Gap, now| {
            assert_eq!(now, 900);
            if gap.length == 200 { 50 } else { 10 }
        };
        assert_eq!(wrong(long, by_host), [] as [Hurt; 0]);
        let all = asked("10\n20\nchanged\n1\n+[ 1.0] a | b\ngaps\n9.00 5.00\n800 200");
        let wanted = [
            still.as_str(),
            "the witness's memory was changed",
            "the witness's kernel complains: a / b",
        ];
        assert_eq!(how(&all), wanted);
        assert!(all[1..].iter().all(|hurt| !hurt.may_be_the_hosts));
        assert_eq!(
            how(&asked("10\n10\nsame\n0\ngaps\n9.00 5.00")),
            ["the witness counts no more"]
        );
        assert_eq!(asked("nonsense").len(), 1);
        assert_eq!(asked("10\n20\nsame\n0").len(), 1);
        assert_eq!(asked("10\n20\nsame\n0\ngaps\n9.00 5.00\n8").len(), 1);
    }

    #[test]
    fn a_clock_that_jumps_is_seen_and_one_that_is_read_late_is_not() {
        let lead = |said, read| Lead::of(said, read);
        let first = lead(1000, [999, 1001]);
        assert_eq!(first, Lead { least: -2, most: 2 });
        // The answer took half a minute.
        assert_eq!(first.jump(&lead(1030, [1002, 1032])), 0);
        assert_eq!(first.jump(&lead(4600, [1000, 1001])), 3596);
        assert_eq!(first.jump(&lead(400, [1000, 1001])), -597);
        assert_eq!(first.off(), 0);
        assert_eq!(lead(4600, [1000, 1001]).off(), 3598);
        assert_eq!(lead(900, [1000, 1000]).off(), 99);
        let witness = Witness {
            lead: first,
            names: "abc  -\nmine".to_string(),
        };
        let now = |lead, names: &str| Now {
            lead,
            names: names.to_string(),
        };
        assert_eq!(witness.differs(&now(first, "abc  -\nmine")), None);
        let jumped = witness.differs(&now(lead(1100, [1000, 1000]), "abc  -\nmine"));
        assert_eq!(
            jumped.as_deref(),
            Some("the witness's clock has jumped by 97 s")
        );
        for names in ["abd  -\nmine", "abc  -\nhis!", "abc  -"] {
            assert!(witness.differs(&now(first, names)).is_some(), "{names}");
        }
    }
}
