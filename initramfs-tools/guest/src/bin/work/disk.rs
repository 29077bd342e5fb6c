//! A disk past the page cache, by several threads that each wait for their own.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const RANDOM_BYTES: usize = 4 << 10;
pub(crate) const SEQUENTIAL_BYTES: usize = 128 << 10;
/// What buffers and places must be a multiple of.
const ALIGNMENT: usize = 4 << 10;
/// In so much time before nothing is counted.
const WARM_UP: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Random,
    Sequential,
}

pub(crate) struct Job {
    pub(crate) is_write: bool,
    pub(crate) order: Order,
    /// So many operations at once.
    pub(crate) threads: u64,
    pub(crate) seconds: f64,
}

impl Job {
    const fn bytes(&self) -> usize {
        match self.order {
            Order::Random => RANDOM_BYTES,
            Order::Sequential => SEQUENTIAL_BYTES,
        }
    }
}

/// Operations in a second.
pub(crate) fn rate(path: &Path, job: &Job) -> io::Result<f64> {
    let mut disk = OpenOptions::new()
        .read(true)
        .write(job.is_write)
        .custom_flags(libc::O_DIRECT)
        .open(path)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    let blocks = disk.seek(SeekFrom::End(0))? / job.bytes() as u64;
    if blocks < job.threads {
        return Err(io::Error::other(format!("{} is too small", path.display())));
    }
    let ready = Barrier::new(usize::try_from(job.threads).unwrap_or(1));
    std::thread::scope(|scope| {
        let (disk, ready) = (&disk, &ready);
        let threads: Vec<_> = (0..job.threads)
            .map(|number| {
                scope.spawn(move || thread(disk, job, ready, Places::of(job, number, blocks)))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it does not panic"))
            .sum()
    })
}

/// One thread's operations in a second.
fn thread(disk: &File, job: &Job, ready: &Barrier, mut places: Places) -> io::Result<f64> {
    let mut space = vec![0x5a; job.bytes() + ALIGNMENT];
    let start = space.as_ptr().align_offset(ALIGNMENT);
    let buffer = &mut space[start..start + job.bytes()];
    let mut operate = || {
        let place = places.next_block() * job.bytes() as u64;
        if job.is_write {
            disk.write_all_at(buffer, place)
        } else {
            disk.read_exact_at(buffer, place)
        }
    };
    ready.wait();
    let warm = Instant::now();
    while warm.elapsed() < WARM_UP {
        operate()?;
    }
    let length = Duration::from_secs_f64(job.seconds);
    let start = Instant::now();
    let mut count = 0.0;
    loop {
        operate()?;
        count += 1.0;
        let elapsed = start.elapsed();
        if elapsed >= length {
            return Ok(count / elapsed.as_secs_f64());
        }
    }
}

/// Where one thread's operations go: the same in every run.
struct Places {
    order: Order,
    /// Blocks that this thread may take: all of the disk at random, or its share in their order.
    first: u64,
    count: u64,
    state: u64,
}

impl Places {
    fn of(job: &Job, thread: u64, blocks: u64) -> Self {
        let share = blocks / job.threads;
        let (first, count, state) = match job.order {
            // Any seed but zero.
            Order::Random => (0, blocks, (thread + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            Order::Sequential => (thread * share, share, 0),
        };
        Self {
            order: job.order,
            first,
            count,
            state,
        }
    }

    fn next_block(&mut self) -> u64 {
        let block = match self.order {
            Order::Random => {
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                self.state % self.count
            }
            Order::Sequential => {
                self.state += 1;
                (self.state - 1) % self.count
            }
        };
        self.first + block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(is_write: bool, order: Order, threads: u64) -> Job {
        Job {
            is_write,
            order,
            threads,
            seconds: 0.01,
        }
    }

    #[test]
    fn sequential_shares_do_not_overlap() {
        let job = job(true, Order::Sequential, 2);
        let blocks = |thread| {
            let mut places = Places::of(&job, thread, 7);
            [(); 4].map(|()| places.next_block())
        };
        assert_eq!(blocks(0), [0, 1, 2, 0]);
        assert_eq!(blocks(1), [3, 4, 5, 3]);
    }

    #[test]
    fn random_places_are_all_over_the_disk_and_differ_by_thread() {
        let job = job(false, Order::Random, 2);
        let blocks = |thread| {
            let mut places = Places::of(&job, thread, 1000);
            [(); 500].map(|()| places.next_block())
        };
        let first = blocks(0);
        assert!(first.iter().all(|block| *block < 1000));
        assert!(first.iter().any(|block| *block < 100));
        assert!(first.iter().any(|block| *block >= 900));
        assert!(first.windows(2).any(|pair| pair[1] < pair[0]));
        assert_ne!(first, blocks(1));
        assert_eq!(first, blocks(0), "every run is the same");
    }
}
