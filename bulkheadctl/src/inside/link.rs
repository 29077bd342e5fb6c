//! Bulkhead's variables as files of efivarfs, and one request by its token.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::told;

/// The GUID in the files' names.
const GUID: &str = "8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23";
const EFIVARS: &str = "/sys/firmware/efi/efivars";
/// Boot services and runtime; efivarfs puts it before the value.
pub(crate) const ATTRIBUTES: [u8; 4] = [6, 0, 0, 0];

/// Why something was not done.
#[derive(Debug)]
pub enum Trouble {
    /// The command line is wrong.
    Usage(String),
    /// Bulkhead refused it, in its words.
    Refused(String),
    /// There is none, or another one, or a file can't be read or written.
    Missing(String),
    /// The right is missing.
    Denied(String),
    /// No answer in time.
    Late(String),
}

impl Trouble {
    /// The same, told otherwise.
    #[must_use]
    pub fn map(self, told: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Usage(why) => Self::Usage(told(why)),
            Self::Refused(why) => Self::Refused(told(why)),
            Self::Missing(why) => Self::Missing(told(why)),
            Self::Denied(why) => Self::Denied(told(why)),
            Self::Late(why) => Self::Late(told(why)),
        }
    }
}

/// Where variables are read and written.
pub trait Variables {
    /// The value of one.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Writes to one.
    ///
    /// # Errors
    /// What the system says: a refused request is an error too.
    fn write(&self, name: &str, value: &[u8]) -> io::Result<()>;
}

/// Those of this Linux.
#[derive(Debug)]
pub struct Efivars(PathBuf);

impl Efivars {
    /// Those that are there.
    ///
    /// # Errors
    /// A sentence says why there is no Bulkhead here.
    pub fn here() -> Result<Self, Trouble> {
        let folder = std::env::var_os("BULKHEAD_EFIVARS").unwrap_or_else(|| EFIVARS.into());
        let here = Self(folder.into());
        if here.path("Machine").exists() {
            return Ok(here);
        }
        let folder = here.0.display();
        let mut entries = fs::read_dir(&here.0).into_iter().flatten();
        Err(Trouble::Missing(if here.path("Partitions").exists() {
            String::from("the Bulkhead around this Linux is older than this program")
        } else if entries.next().is_some() {
            format!(
                "this Linux does not run in a partition of Bulkhead: {folder} has no variables of its"
            )
        } else if PathBuf::from("/sys/firmware/efi").exists() {
            format!(
                "whether this is a partition of Bulkhead can't be seen: {folder} is empty (accepted: \
                 modprobe efivarfs; mount -t efivarfs efivarfs {folder})"
            )
        } else {
            String::from(
                "this Linux does not run in a partition of Bulkhead: it has no EFI firmware",
            )
        }))
    }

    /// One to be read and written again and again.
    pub(super) fn held(&self, name: &str) -> io::Result<File> {
        let path = self.path(name);
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        match open() {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.unlock(name)?;
                open()
            }
            done => done,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}-{GUID}"))
    }

    /// The file of one, to be written: its attributes first, in one call each time.
    pub(crate) fn writer(&self, name: &str) -> io::Result<File> {
        let path = self.path(name);
        let open = || OpenOptions::new().write(true).open(&path);
        match open() {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.unlock(name)?;
                open()
            }
            done => done,
        }
    }

    /// Linux makes the variables of whom it does not know immutable.
    fn unlock(&self, name: &str) -> io::Result<()> {
        use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
        let file = File::open(self.path(name))?;
        let flags = ioctl_getflags(&file)?;
        ioctl_setflags(&file, flags - IFlags::IMMUTABLE)?;
        Ok(())
    }
}

impl Variables for Efivars {
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        // Linux asks how long it is and then for the value: EINVAL if it has become longer meanwhile.
        const TRIES: u32 = 50;
        // In one call: the next one would ask Bulkhead again.
        let mut bytes = vec![0; 64 << 10];
        let mut file = File::open(self.path(name))?;
        let mut tries = 0;
        let length = loop {
            match file.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::InvalidInput && tries < TRIES => {
                    tries += 1
                }
                done => break done?,
            }
        };
        bytes.truncate(length);
        Ok(bytes.split_off(ATTRIBUTES.len().min(length)))
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        let mut file = self.writer(name)?;
        let whole = [&ATTRIBUTES[..], value].concat();
        let written = file.write(&whole)?;
        (written == whole.len())
            .then_some(())
            .ok_or_else(|| ErrorKind::WriteZero.into())
    }
}

/// One that stays open, to be written and read again and again.
#[derive(Debug)]
pub struct Held(File);

/// What is read at most of it.
const MOST_HELD: usize = 4 << 10;

/// Something that is written and read again and again.
pub trait Exchange {
    /// Writes, and says how long the value is then: efivarfs has asked for that.
    ///
    /// # Errors
    /// What the system says.
    fn write(&mut self, value: &[u8]) -> io::Result<usize>;

    /// Reads the value.
    ///
    /// # Errors
    /// What the system says.
    fn read(&mut self) -> io::Result<Vec<u8>>;
}

impl Held {
    /// # Errors
    /// What the system says.
    pub fn open(variables: &Efivars, name: &str) -> io::Result<Self> {
        variables.held(name).map(Self)
    }
}

impl Exchange for Held {
    fn write(&mut self, value: &[u8]) -> io::Result<usize> {
        let whole = [&ATTRIBUTES[..], value].concat();
        self.0.write_at(&whole, 0)?;
        let length = usize::try_from(self.0.metadata()?.len()).unwrap_or(usize::MAX);
        Ok(length.saturating_sub(ATTRIBUTES.len()))
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; MOST_HELD];
        let mut tries = 0;
        let length = loop {
            match self.0.read_at(&mut bytes, 0) {
                // It has become longer meanwhile.
                Err(error) if error.kind() == ErrorKind::InvalidInput && tries < 50 => tries += 1,
                done => break done?,
            }
        };
        bytes.truncate(length);
        Ok(bytes.split_off(ATTRIBUTES.len().min(length)))
    }
}

/// Reads one as text.
///
/// # Errors
/// Why it can't be read.
pub fn text(variables: &impl Variables, name: &str) -> Result<String, Trouble> {
    let bytes = variables
        .read(name)
        .map_err(|error| Trouble::Missing(format!("Bulkhead's variable {name}: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Makes a request, waits for its answer, and gives what was said.
///
/// # Errors
/// What Bulkhead answered, or why there was no answer.
pub fn ask(variables: &impl Variables, words: &str, patience: Duration) -> Result<Said, Trouble> {
    let end = Instant::now() + patience;
    loop {
        match Request::new(variables)?.made(words, end) {
            // Another asker is before this one.
            Err(Trouble::Late(_)) if Instant::now() < end => pause(20),
            done => return done,
        }
    }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// A token of its own; given back when the answer was seen.
struct Request<'a, V: Variables> {
    variables: &'a V,
    token: u64,
    is_kept: bool,
}

impl<V: Variables> Drop for Request<'_, V> {
    fn drop(&mut self) {
        if self.is_kept {
            let _ = self.send("seen");
        }
    }
}

impl<'a, V: Variables> Request<'a, V> {
    fn new(variables: &'a V) -> Result<Self, Trouble> {
        let mut bytes = [0; 8];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(|error| Trouble::Missing(format!("/dev/urandom: {error}")))?;
        Ok(Self {
            variables,
            token: u64::from_le_bytes(bytes).max(1),
            is_kept: false,
        })
    }

    fn send(&self, words: &str) -> io::Result<()> {
        let text = format!("#{:x} {words}", self.token);
        self.variables.write("Control", text.as_bytes())
    }

    /// `Late` where it is worth another try.
    fn made(mut self, words: &str, end: Instant) -> Result<Said, Trouble> {
        let sent = self.send(words);
        if let Err(error) = &sent {
            match error.kind() {
                ErrorKind::PermissionDenied => {
                    return Err(Trouble::Denied(format!("only root can ask: {error}")));
                }
                // EFI_OUT_OF_RESOURCES: all places for answers are taken.
                ErrorKind::StorageFull => return Err(late("all answers are kept for others")),
                _ => {}
            }
        }
        self.is_kept = true;
        let mut waited = 1;
        loop {
            let answers = text(self.variables, "Answers")?;
            let answer = told::answer(&answers, self.token);
            match (answer, &sent) {
                (Some("ok"), _) => return Ok(self.said().unwrap_or_default()),
                (Some(busy), _) if busy.starts_with("busy") => {
                    if Instant::now() > end {
                        // It goes on; its answer is nobody's.
                        return Err(late(busy));
                    }
                    pause(waited);
                    waited = (waited * 2).min(50);
                }
                (Some(error), _) => return Err(self.refused(error)),
                (None, Err(error)) => {
                    return Err(Trouble::Refused(format!(
                        "the request was not taken: {error}"
                    )));
                }
                (None, Ok(())) => return Err(late("the answer is lost")),
            }
        }
    }

    fn refused(&self, answer: &str) -> Trouble {
        let why = answer.strip_prefix("error: ").unwrap_or(answer);
        if why.starts_with("another line is before it") {
            return late(why);
        }
        if why.contains("control=") {
            return Trouble::Denied(why.to_string());
        }
        let said = self.said().filter(|_| why.contains("Output says why"));
        let said = said.map(|said| String::from_utf8_lossy(&said.bytes).into_owned());
        Trouble::Refused(said.unwrap_or_else(|| why.to_string()))
    }

    /// What the shell said, as far as it is kept.
    fn said(&self) -> Option<Said> {
        let bytes = self.variables.read("Output").ok()?;
        let (from, total, text) = told::output(&bytes, self.token)?;
        Some(Said {
            goes_on: from + text.len() < total,
            bytes: text.to_vec(),
        })
    }
}

/// What Bulkhead's shell said.
#[derive(Debug, Default)]
pub struct Said {
    /// From the byte on that was asked for, as much as is kept at once.
    pub bytes: Vec<u8>,
    /// Whether there is more behind it, to be asked for by its offset.
    pub goes_on: bool,
}

fn late(why: &str) -> Trouble {
    Trouble::Late(format!("not answered in time: {why}"))
}

/// Has the shell do a line; all that it says, however long.
///
/// # Errors
/// As [`ask`].
pub fn line(variables: &impl Variables, line: &str, patience: Duration) -> Result<String, Trouble> {
    let said = line_from(variables, line, 0, patience)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The same from that byte of it on.
///
/// # Errors
/// As [`ask`].
pub fn line_from(
    variables: &impl Variables,
    line: &str,
    offset: usize,
    patience: Duration,
) -> Result<Vec<u8>, Trouble> {
    /// More than the longest log.
    const MOST: usize = 1 << 20;
    if line.len() > bulkhead_lifecycle::LINE_BYTES {
        let most = bulkhead_lifecycle::LINE_BYTES;
        return Err(Trouble::Refused(format!(
            "a line of {} bytes (accepted: {most})",
            line.len()
        )));
    }
    if !line
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        let why = "only printable ASCII can be passed to Bulkhead's shell";
        return Err(Trouble::Refused(why.to_string()));
    }
    let mut said = Vec::new();
    loop {
        let from = offset + said.len();
        let piece = ask(variables, &format!("do {from} {line}"), patience)?;
        said.extend_from_slice(&piece.bytes);
        if !piece.goes_on || piece.bytes.is_empty() || said.len() >= MOST {
            return Ok(said);
        }
    }
}
