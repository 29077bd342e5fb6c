//! `pattern`: bytes that prove themselves, for disks and networks.
//!
//! ```text
//! pattern write FILE BYTES SEED     writes them from the start of a file or disk, to the medium
//! pattern verify FILE BYTES SEED    reads them back, past the page cache
//! pattern send HOST:PORT BYTES SEED
//! pattern receive PORT BYTES SEED   from one connection to any address
//! ```
//!
//! Every eight bytes depend on the seed and on their place, so that nothing lost, doubled, moved or
//! left over passes. A size is in bytes, or in MiB with `M`. The last line is
//! `PATTERN ok bytes=N ms=N`, or `PATTERN failed: WHY` with exit status 1.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A multiple of 8: what is made, written or compared at once.
const CHUNK_BYTES: usize = 1 << 18;
/// For the other side to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The eight bytes at a place (SplitMix64 of the seed and the place's number).
fn word(seed: u64, number: u64) -> [u8; 8] {
    let mut z = (seed << 40)
        .wrapping_add(number)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

fn fill(chunk: &mut [u8], seed: u64, start: u64) {
    for (number, bytes) in (start / 8..).zip(chunk.chunks_mut(8)) {
        bytes.copy_from_slice(&word(seed, number)[..bytes.len()]);
    }
}

fn write(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < bytes {
        let count = usize::try_from(bytes - at).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        fill(&mut chunk[..count], seed, at);
        out.write_all(&chunk[..count])?;
        at += count as u64;
    }
    out.flush()
}

fn verify(from: &mut impl Read, bytes: u64, seed: u64) -> io::Result<()> {
    let mut wanted = vec![0; CHUNK_BYTES];
    let mut found = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < bytes {
        let count = usize::try_from(bytes - at).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        from.read_exact(&mut found[..count])
            .map_err(|error| io::Error::other(format!("at byte {at}: {error}")))?;
        fill(&mut wanted[..count], seed, at);
        if let Some(place) = (0..count).find(|i| found[*i] != wanted[*i]) {
            let place = at + place as u64;
            return Err(io::Error::other(format!("byte {place} is wrong")));
        }
        at += count as u64;
    }
    Ok(())
}

/// Makes the next reads come from the medium.
fn forget_cached(file: &File) -> io::Result<()> {
    // SAFETY: a call on a descriptor that is open; it changes nothing but the page cache.
    let result = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(result))
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(address) {
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(200)),
            result => return result,
        }
    }
}

fn run(what: &str, place: &str, bytes: u64, seed: u64) -> io::Result<()> {
    match what {
        "write" => {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(place)?;
            write(&mut file, bytes, seed)?;
            file.sync_all()
        }
        "verify" => {
            let mut file = File::open(place)?;
            forget_cached(&file)?;
            verify(&mut file, bytes, seed)
        }
        "send" => {
            let mut stream = connect(place)?;
            write(&mut stream, bytes, seed)?;
            // One byte back says that all was right: a lost end is then this side's failure too.
            stream.read_exact(&mut [0])
        }
        "receive" => {
            let (mut stream, _) = TcpListener::bind(format!("0.0.0.0:{place}"))?.accept()?;
            verify(&mut stream, bytes, seed)?;
            stream.write_all(&[1])
        }
        other => Err(io::Error::other(format!(
            "\"{other}\" is not write, verify, send or receive"
        ))),
    }
}

fn size(text: &str) -> Option<u64> {
    match text.strip_suffix('M') {
        Some(mib) => mib.parse::<u64>().ok()?.checked_mul(1 << 20),
        None => text.parse().ok(),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [what, place, bytes, seed] => Some((what, place)).zip(size(bytes).zip(seed.parse().ok())),
        _ => None,
    };
    let Some(((what, place), (bytes, seed))) = parsed else {
        eprintln!("usage: pattern write|verify|send|receive FILE|HOST:PORT|PORT BYTES SEED");
        return ExitCode::FAILURE;
    };
    let start = Instant::now();
    match run(what, place, bytes, seed) {
        Ok(()) => {
            println!(
                "PATTERN ok bytes={bytes} ms={}",
                start.elapsed().as_millis()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("PATTERN failed: {what}: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_verified() {
        let bytes = CHUNK_BYTES as u64 + 13;
        let mut written = Vec::new();
        write(&mut written, bytes, 7).unwrap();
        assert_eq!(written.len() as u64, bytes);
        verify(&mut written.as_slice(), bytes, 7).unwrap();
        assert!(
            verify(&mut written.as_slice(), bytes, 8).is_err(),
            "another seed"
        );
        assert!(verify(&mut &written[8..], bytes - 8, 7).is_err(), "moved");
        assert!(
            verify(&mut written.as_slice(), bytes + 1, 7).is_err(),
            "too short"
        );
        written[CHUNK_BYTES] ^= 1;
        let error = verify(&mut written.as_slice(), bytes, 7).unwrap_err();
        assert_eq!(error.to_string(), format!("byte {CHUNK_BYTES} is wrong"));
    }
}
