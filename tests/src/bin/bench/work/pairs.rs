//! Two workloads at once: each in a partition of its own with a core and a disk, or both in one big
//! Linux with both cores and both disks, which is what one would do without Bulkhead.

use std::time::Duration;

use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::Running;

use super::answer::{answers, megabits};
use super::figure::Figure;
use super::machines::{COM, Part, Side};
use super::tasks::{NVME, Task, VIRTIO_BLK, Way, core, disk};

/// Beyond a workload's own time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The partitions' ports.
pub(crate) const COMS: [usize; 2] = [COM, COM + 1];

pub(crate) fn parts() -> Vec<Part> {
    [("web", "01:00.0,03:00.0"), ("db", "02:00.0,04:00.0")]
        .into_iter()
        .zip(COMS)
        .map(|((name, devices), com)| Part {
            name,
            com,
            cores: 1,
            devices,
        })
        .collect()
}

pub(crate) struct Pair {
    pub(crate) figures: Vec<Figure>,
    way: PairWay,
}

enum PairWay {
    /// At once: the first in `web`, the second in `db`.
    Lines([String; 2]),
    /// A stream on the wire, from `web` to `db`.
    Wire,
}

pub(crate) fn pairs(seconds: usize) -> Vec<Pair> {
    let nvme = |operation, threads| disk("NVMe", NVME, operation, threads, seconds);
    let virtio = |operation, threads| disk("virtio-blk", VIRTIO_BLK, operation, threads, seconds);
    let core = |name| core(name, seconds);
    vec![
        pair("CPU, CPU", [core("cpu"), core("cpu")]),
        pair("pipe, memory", [core("pipe"), core("triad")]),
        pair(
            "disk, disk",
            [nvme("read random", 4), virtio("read random", 4)],
        ),
        pair("disk, CPU", [nvme("write random", 4), core("cpu")]),
        pair(
            "system calls, disk",
            [core("syscall"), virtio("write sequential", 1)],
        ),
        Pair {
            figures: vec![Figure::rate(
                "wire / web to db: virtio-net (iperf3)",
                "Mbit/s",
            )],
            way: PairWay::Wire,
        },
    ]
}

fn pair(name: &str, tasks: [Task; 2]) -> Pair {
    let mut figures = Vec::new();
    let lines = tasks.map(|mut task| {
        // Interrupts are told of in the rows of one.
        let mut figure = task.figures.remove(0);
        let place = if figures.is_empty() { "web" } else { "db" };
        figure.name = format!("{name} / {place}: {}", figure.name);
        figures.push(figure);
        match task.way {
            Way::Line(line) => line,
            Way::Stream { .. } => unreachable!("pairs have lines only"),
        }
    });
    Pair {
        figures,
        way: PairWay::Lines(lines),
    }
}

impl Pair {
    /// Does it; gives a value for each figure.
    pub(crate) fn play(&self, machine: &mut Running, side: Side, seconds: usize) -> Vec<f64> {
        let limit = Duration::from_secs(seconds as u64) + PATIENCE;
        let PairWay::Lines(lines) = &self.way else {
            set_up_wire(machine, side);
            return vec![stream(machine, side, seconds, limit)];
        };
        let output = match side {
            Side::Alone => {
                let [first, second] = lines;
                let line = format!("{first} >/tmp/1 & {second} >/tmp/2; wait; cat /tmp/1 /tmp/2");
                machine.linux_within(COM, &line, limit)
            }
            Side::Partition => in_both(machine, lines, limit),
        };
        let answers = answers(&output);
        if answers.len() != self.figures.len() {
            machine.fail(&format!("two values were wanted:\n{output}"));
        }
        answers.iter().map(|answer| answer.value).collect()
    }
}

/// Typed first, so that both begin at once.
pub(super) fn in_both(machine: &mut Running, lines: &[String; 2], limit: Duration) -> String {
    for (com, line) in COMS.into_iter().zip(lines) {
        machine.com(com).skip();
        machine.com(com).send(line);
        machine.wait_for(com, line);
    }
    for com in COMS {
        machine.com(com).send("\r");
    }
    COMS.map(|com| plain(&machine.wait_for_within(com, "# ", limit)))
        .concat()
}

/// Addresses on the wire: `web`'s and `db`'s.
const ADDRESSES: [&str; 2] = ["10.9.0.1", "10.9.0.2"];

/// Names and starts both cards. A big Linux has the far one in a name space of its own, or its
/// streams would not leave it.
fn set_up_wire(machine: &mut Running, side: Side) {
    let up = |bus: u8, address: &str| {
        format!(
            "n=$(work card {bus:02x}); n=${{n##* }}; ip addr add {address}/24 dev $n; ip link set $n up && echo UP"
        )
    };
    let [web, db] = ADDRESSES;
    match side {
        Side::Partition => {
            for (com, (bus, address)) in COMS.into_iter().zip([(3, web), (4, db)]) {
                machine.linux_expect(com, &up(bus, address), "UP");
            }
        }
        Side::Alone => {
            machine.linux_expect(COM, &up(3, web), "UP");
            machine.linux(COM, "unshare -n sleep 9999 & p=$!; sleep 1; n=$(work card 04); n=${n##* }; ip link set $n netns $p");
            let line = format!(
                "nsenter -t $p -n ip addr add {db}/24 dev $n; nsenter -t $p -n ip link set $n up && echo UP"
            );
            machine.linux_expect(COM, &line, "UP");
        }
    }
}

fn stream(machine: &mut Running, side: Side, seconds: usize, limit: Duration) -> f64 {
    let (com, place) = match side {
        Side::Partition => (COMS[1], ""),
        Side::Alone => (COM, "nsenter -t $p -n "),
    };
    machine.start_job(com, "server", &format!("{place}iperf3 -s -1"));
    let [_, db] = ADDRESSES;
    // The server may not listen yet.
    let line = format!(
        "for i in 1 2 3 4 5 6 7 8 9; do iperf3 -c {db} -t {seconds} -f k && break; sleep 1; done"
    );
    let output = machine.linux_within(COM, &line, limit);
    let Some(rate) = megabits(&output) else {
        machine.fail(&format!("no rate:\n{output}"));
    };
    machine.job(com, "server", limit);
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_a_pair_has_its_place() {
        for pair in pairs(2) {
            let PairWay::Lines(lines) = &pair.way else {
                continue;
            };
            let [web, db] = pair.figures.as_slice() else {
                panic!("two figures");
            };
            assert!(web.name.contains("/ web: ") && db.name.contains("/ db: "));
            // A longer one would be wrapped by the guest's line editor, and its echo not found.
            assert!(lines.iter().all(|line| line.len() < 60), "{lines:?}");
        }
    }
}
