//! One serial port of a machine, on a socket.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long QEMU may take to come to a port, on a host that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came in so far.
#[derive(Default)]
struct Received {
    text: String,
    /// Bytes of a character that is not complete yet.
    rest: Vec<u8>,
    /// When something came, and how long the text was then.
    arrivals: Vec<(Instant, usize)>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Received>,
    more: Condvar,
    /// Nothing is read any more: the other side's bytes stay in the socket, which is soon full.
    is_held: AtomicBool,
}

/// A serial port: QEMU connects to a socket that we listen on, so that not a byte is missed.
pub struct Port {
    name: String,
    path: PathBuf,
    listener: Option<UnixListener>,
    stream: Option<UnixStream>,
    shared: Arc<Shared>,
    log: PathBuf,
    /// Everything before this was waited for already.
    seen: usize,
}

/// A text did not come in time.
#[derive(Debug)]
pub struct Silence {
    /// The port.
    pub port: String,
    /// What was waited for.
    pub wanted: String,
    /// For how long.
    pub waited: Duration,
    /// Whether QEMU has closed the port.
    pub closed: bool,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.closed { "; QEMU has ended" } else { "" };
        write!(
            f,
            "{}: {:?} did not come within {:?}{end}",
            self.port, self.wanted, self.waited
        )
    }
}

impl Port {
    /// Listens for QEMU in `folder`.
    ///
    /// # Panics
    /// If the socket or the log can't be made.
    #[must_use]
    pub fn listen(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.sock"));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("the socket can be made");
        Self {
            name: name.to_string(),
            log: folder.join(format!("{name}.log")),
            path,
            listener: Some(listener),
            stream: None,
            shared: Arc::default(),
            seen: 0,
        }
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes QEMU's connection and starts to read; `false` if QEMU, which is asked for by `is_alive`, has
    /// ended instead: it refuses its arguments before or after it comes here.
    ///
    /// # Panics
    /// If QEMU runs and does not connect.
    #[must_use]
    pub fn accept(&mut self, mut is_alive: impl FnMut() -> bool) -> bool {
        let listener = self.listener.take().expect("accepted once");
        let nonblocking = listener.set_nonblocking(true);
        nonblocking.expect("a socket can be set so");
        let end = Instant::now() + PATIENCE;
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{}: {error}", self.name),
            }
            if !is_alive() {
                return false;
            }
            assert!(
                Instant::now() < end,
                "QEMU has not come to {} within {PATIENCE:?}",
                self.name
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        stream.set_nonblocking(false).expect("so can this one");
        let mut reader = stream.try_clone().expect("a socket can be cloned");
        self.stream = Some(stream);
        let shared = Arc::clone(&self.shared);
        let mut log = File::create(&self.log).expect("the log can be made");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                while shared.is_held.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut received = shared.received.lock().expect("no panic while held");
                if count == 0 {
                    received.closed = true;
                    shared.more.notify_all();
                    return;
                }
                // The log is for people; a full disk must not fail a test.
                let _ = log.write_all(&buffer[..count]);
                received.add(&buffer[..count]);
                shared.more.notify_all();
            }
        });
        true
    }

    /// Stops reading what comes, but for what is under way, or goes on with it.
    pub fn hold(&self, hold: bool) {
        self.shared.is_held.store(hold, Ordering::Relaxed);
    }

    /// Sends text as if typed. If QEMU has ended it is lost: the next wait says so.
    ///
    /// # Panics
    /// If the port was not accepted.
    pub fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    /// Sends bytes, as [`Self::send`].
    ///
    /// # Panics
    /// If the port was not accepted.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let stream = self.stream.as_mut().expect("the port was accepted");
        // The wait's failure has the last words of QEMU, and of every port.
        let _ = stream.write_all(bytes);
    }

    /// Waits until `wanted` stands in what came after the last wait; gives what stood before it.
    ///
    /// # Errors
    /// [`Silence`] after `limit`, or when QEMU has ended.
    pub fn try_wait_for(&mut self, wanted: &str, limit: Duration) -> Result<String, Silence> {
        self.wait_until(wanted, limit, |text| {
            text.find(wanted).map(|at| (at, at + wanted.len()))
        })
    }

    /// Waits until `find` finds something in what came after the last wait: it gives the start and
    /// the end of it. `what` names it in the error.
    ///
    /// # Errors
    /// As [`Self::try_wait_for`].
    ///
    /// # Panics
    /// Never: the lock is not held across a panic.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<(usize, usize)>,
    ) -> Result<String, Silence> {
        let end = Instant::now() + limit;
        let mut received = self.shared.received.lock().expect("no panic while held");
        loop {
            let fresh = &received.text[self.seen..];
            if let Some((start, stop)) = find(fresh) {
                let before = fresh[..start].to_string();
                self.seen += stop;
                return Ok(before);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || received.closed {
                return Err(Silence {
                    port: self.name.clone(),
                    wanted: what.to_string(),
                    waited: limit,
                    closed: received.closed,
                });
            }
            received = self
                .shared
                .more
                .wait_timeout(received, left)
                .expect("no panic while held")
                .0;
        }
    }

    /// All that came so far.
    ///
    /// # Panics
    /// Never: the lock is not held across a panic.
    #[must_use]
    pub fn text(&self) -> String {
        self.shared
            .received
            .lock()
            .expect("no panic while held")
            .text
            .clone()
    }

    /// All that came so far, in the pieces in which it came and when.
    ///
    /// # Panics
    /// Never: the lock is not held across a panic.
    #[must_use]
    pub fn arrivals(&self) -> Vec<(Instant, String)> {
        let received = self.shared.received.lock().expect("no panic while held");
        let mut start = 0;
        let mut pieces = Vec::new();
        for (at, end) in &received.arrivals {
            pieces.push((*at, received.text[start..*end].to_string()));
            start = *end;
        }
        pieces
    }

    /// What came after the last wait.
    #[must_use]
    pub fn unseen(&self) -> String {
        self.text()[self.seen..].to_string()
    }

    /// Forgets what came so far: the next wait looks only at what comes from now on.
    pub fn skip(&mut self) {
        self.seen = self.text().len();
    }

    /// The last `count` lines, without terminal control.
    #[must_use]
    pub fn last_lines(&self, count: usize) -> String {
        let text = plain(&self.text());
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

impl Received {
    fn add(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut used = 0;
        for chunk in self.rest.utf8_chunks() {
            self.text.push_str(chunk.valid());
            used += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                // Cut off at the end it may be completed; elsewhere it is noise.
                if used + chunk.invalid().len() == self.rest.len() && chunk.invalid().len() < 4 {
                    break;
                }
                self.text.push('\u{fffd}');
                used += chunk.invalid().len();
            }
        }
        self.rest.drain(..used);
        self.arrivals.push((Instant::now(), self.text.len()));
    }
}

/// Text without carriage returns and terminal control sequences.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    for c in characters.by_ref() {
                        if ('@'..='~').contains(&c) {
                            break;
                        }
                    }
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_waited_for_who_has_ended() {
        let folder = crate::build_folder().join("tests");
        std::fs::create_dir_all(&folder).expect("it can be made");
        let mut port = Port::listen(&folder, "ended");
        let mut looks = 0;
        let taken = port.accept(|| {
            looks += 1;
            looks < 3
        });
        assert!(!taken);
        let mut port = Port::listen(&folder, "comes");
        let path = port.path().to_path_buf();
        let comes = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            let mut stream = UnixStream::connect(path).expect("somebody listens");
            stream.write_all(b"hello").expect("and reads");
        });
        assert!(port.accept(|| true));
        let heard = port.try_wait_for("hello", Duration::from_secs(20));
        assert_eq!(heard.expect("it comes"), "");
        comes.join().expect("it has come");
    }
}
