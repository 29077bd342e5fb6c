//! A neighbour that counts while the other partition is put through something.

use std::time::Duration;

use bulkhead_tests::qemu::Running;

/// A Linux on a port, whose counter must never stand still.
pub(crate) struct Neighbour {
    com: usize,
    last: u64,
}

impl Neighbour {
    /// Starts its counter: a shell loop that writes a number every 10 ms.
    pub(crate) fn watch(machine: &mut Running, com: usize) -> Self {
        machine.linux(
            com,
            "(i=0; while :; do i=$((i+1)); echo $i > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep 10000; done) & true",
        );
        std::thread::sleep(Duration::from_millis(500));
        let mut neighbour = Self { com, last: 0 };
        neighbour.last = neighbour.counter(machine);
        neighbour
    }

    fn counter(&self, machine: &mut Running) -> u64 {
        let text = machine.linux(self.com, "cat /tmp/counter");
        let last = text.lines().last().unwrap_or("").trim().to_string();
        last.parse()
            .unwrap_or_else(|_| machine.fail(&format!("{text:?} is not a counter")))
    }

    /// Its counter went on since the last look, and goes on now.
    pub(crate) fn runs_on(&mut self, machine: &mut Running, after: &str) {
        let first = self.counter(machine);
        std::thread::sleep(Duration::from_millis(500));
        let second = self.counter(machine);
        if first <= self.last || second <= first {
            let last = self.last;
            machine.fail(&format!(
                "after {after:?} the neighbour stood still: {last}, {first}, {second}"
            ));
        }
        self.last = second;
    }

    /// Its kernel complained of nothing.
    pub(crate) fn noticed_nothing(&self, machine: &mut Running) {
        let complaints = machine.linux(
            self.com,
            "dmesg | grep -iE 'rcu.*stall|unexpected|spurious|oops|lockup|BUG:|unknown nmi' | head -5",
        );
        assert_eq!(complaints, "", "the neighbour noticed something");
    }
}
