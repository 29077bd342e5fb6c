//! What Bulkhead's variables say, taken apart. Nothing in it is trusted: what is no row is left out.

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// One word.
    pub state: String,
    /// How often its kernel was entered.
    pub runs: u32,
    /// Its boot core.
    pub core: u32,
    /// What only those are told that may ask for it.
    pub detail: Option<Detail>,
}

/// More of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// `restart=`
    pub restart: String,
    /// Failures in a row.
    pub failures: u32,
    /// Its RAM in bytes.
    pub memory: u64,
    /// `no`, `yes` or `some`.
    pub control: String,
    /// `yes`, or `awaited` while its restart waits for its dump.
    pub dump: Option<String>,
    /// The partition that reads its memory.
    pub held: Option<String>,
    /// The partitions that it is linked to.
    pub links: Vec<String>,
    /// Seconds since its kernel was entered, if it runs.
    pub up: Option<u64>,
    /// `yes`, `silent`, `stopping` or `restarting`, if an agent was heard in this run.
    pub agent: Option<String>,
    /// Seconds since it was heard.
    pub heard: Option<u64>,
    /// `watchdog=`
    pub watchdog: Option<u32>,
    /// What keeps its devices in: `bare` or `dma`; none without devices.
    pub isolation: Option<String>,
    /// Requests of its devices that an IOMMU has blocked.
    pub blocked: Option<u64>,
    /// How many cores it has.
    pub count: u32,
    /// Which, as far as there is room: then `+` is the end.
    pub cores: String,
    /// How its last run ended.
    pub end: Option<String>,
    /// Why it failed, in that Linux's own words.
    pub reason: Option<String>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts up from 1.
    pub ticket: u32,
    /// Whose.
    pub name: String,
    /// What.
    pub kind: String,
    /// `run` 2 and the like.
    pub details: Vec<(String, String)>,
}

/// Bulkhead, and who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Which form the variables have.
    pub protocol: u32,
    /// Bulkhead's.
    pub version: String,
    /// The partition that this is.
    pub name: String,
    /// Whether its shell has its core.
    pub has_shell: bool,
    /// How many partitions there are.
    pub partitions: u32,
    /// Whether it may ask for others.
    pub has_control: bool,
    /// Which; none: all.
    pub only: Vec<String>,
}

fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    pairs.find_map(|(name, value)| (name == key).then_some(value))
}

fn number<T: std::str::FromStr + Default>(words: &[&str], key: &str) -> T {
    let found = value(words, key).and_then(|value| value.parse().ok());
    found.unwrap_or_default()
}

/// The rows of `Partitions`, with what `Details` has of them.
#[must_use]
pub fn partitions(short: &str, details: &str) -> Vec<Partition> {
    let mut all: Vec<Partition> = short.lines().filter_map(row).collect();
    for detailed in details.lines().filter_map(detail_row) {
        match all.iter_mut().find(|known| known.name == detailed.name) {
            Some(known) => *known = detailed,
            // `Partitions` has no room for all.
            None => all.push(detailed),
        }
    }
    all
}

fn row(line: &str) -> Option<Partition> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [name, state, runs, core] = words[..] else {
        return None;
    };
    Some(Partition {
        name: name.to_string(),
        state: state.to_string(),
        runs: runs.parse().ok()?,
        core: core.parse().ok()?,
        detail: None,
    })
}

fn detail_row(line: &str) -> Option<Partition> {
    let (line, reason) = match line.split_once(" reason=") {
        Some((line, reason)) => (line, Some(reason.trim_end().to_string())),
        None => (line, None),
    };
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (name, words) = words.split_first()?;
    let text = |key| value(words, key).unwrap_or_default().to_string();
    Some(Partition {
        name: (*name).to_string(),
        state: value(words, "state")?.to_string(),
        runs: number(words, "runs"),
        core: number(words, "core"),
        detail: Some(Detail {
            restart: text("restart"),
            failures: number(words, "failures"),
            memory: number(words, "memory"),
            control: text("control"),
            dump: value(words, "dump").map(String::from),
            held: value(words, "held").map(String::from),
            links: value(words, "links")
                .into_iter()
                .flat_map(|names| names.split(','))
                .filter(|name| !name.is_empty())
                .map(String::from)
                .collect(),
            up: value(words, "up").and_then(|up| up.parse().ok()),
            agent: value(words, "agent").map(String::from),
            heard: value(words, "heard").and_then(|heard| heard.parse().ok()),
            watchdog: value(words, "watchdog").and_then(|seconds| seconds.parse().ok()),
            isolation: value(words, "isolation").map(String::from),
            blocked: value(words, "blocked").and_then(|count| count.parse().ok()),
            count: number(words, "count"),
            cores: text("cores"),
            end: value(words, "end").map(String::from),
            reason,
        }),
    })
}

/// The rows of `Events`.
#[must_use]
pub fn events(text: &str) -> Vec<Event> {
    let event = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [ticket, name, kind, details @ ..] = &words[..] else {
            return None;
        };
        let pairs = details.iter().filter_map(|word| word.split_once('='));
        Some(Event {
            ticket: ticket.parse().ok()?,
            name: (*name).to_string(),
            kind: (*kind).to_string(),
            details: pairs
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
        })
    };
    text.lines().filter_map(event).collect()
}

impl Event {
    /// The detail of that key.
    #[must_use]
    pub fn detail(&self, key: &str) -> Option<&str> {
        let mut details = self.details.iter();
        details.find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }
}

/// `Machine`.
#[must_use]
pub fn machine(text: &str) -> Option<Machine> {
    let mut lines = text.lines();
    let words: Vec<&str> = lines.next()?.split_ascii_whitespace().collect();
    let rights: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let only = rights.iter().skip(1).map(ToString::to_string);
    Some(Machine {
        protocol: value(&words, "protocol")?.parse().ok()?,
        version: value(&words, "version")?.to_string(),
        name: value(&words, "name")?.to_string(),
        has_shell: value(&words, "shell") == Some("here"),
        partitions: number(&words, "partitions"),
        has_control: value(&rights, "control") == Some("yes"),
        only: only.collect(),
    })
}

/// What `Answers` says of a token.
#[must_use]
pub fn answer(text: &str, token: u64) -> Option<&str> {
    let start = format!("#{token:x} ");
    text.lines()
        .find_map(|line| line.strip_prefix(start.as_str()))
        .map(str::trim_end)
}

/// What `Output` has for a token: from which byte on, how many were said, and the text.
#[must_use]
pub fn output(text: &[u8], token: u64) -> Option<(usize, usize, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = text.split_at(end);
    let head = std::str::from_utf8(head).ok()?;
    let mut words = head.strip_prefix(&format!("#{token:x} "))?.split(' ');
    let from = words.next()?.parse().ok()?;
    let total = words.next()?.parse().ok()?;
    Some((from, total, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DETAILS: &str = "\
one state=failed runs=1 restart=never failures=1 memory=67108864 core=2 control=no count=2 cores=2,4 end=failed reason=VFS: no=root state=x   \n\
two state=running runs=3 restart=always failures=0 memory=1024 core=6 control=some links=one,four up=12 count=1 cores=6            \n\
                   \n";

    #[test]
    fn rows_are_taken_apart() {
        let all = partitions("one failed 1 2\nthree defined 0 9\nbad row\n", DETAILS);
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["one", "three", "two"]);
        let detail = all[0].detail.clone().unwrap();
        assert_eq!(detail.reason.as_deref(), Some("VFS: no=root state=x"));
        assert_eq!((detail.end.as_deref(), detail.up), (Some("failed"), None));
        let two = all[2].detail.clone().unwrap();
        assert_eq!(two.up, Some(12));
        assert_eq!(
            (detail.links.len(), two.links.join(" ")),
            (0, String::from("one four"))
        );
        assert_eq!(all[1].detail, None);
    }

    #[test]
    fn answers_are_the_tokens_own() {
        let text = "#1 ok\n#10 busy: passed\n";
        assert_eq!(answer(text, 1), Some("ok"));
        assert_eq!(answer(text, 0x10), Some("busy: passed"));
        assert_eq!(answer(text, 2), None);
        assert_eq!(
            output(b"#1f 3 10\nabc\n", 0x1f),
            Some((3, 10, &b"abc\n"[..]))
        );
        assert_eq!(output(b"#1f 3 10\nabc\n", 1), None);
        assert_eq!(output(b"none\n", 1), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (partitions(&text, &text), events(&text), machine(&text), answer(&text, 1));
            let _ = output(&bytes, 1);
        }
    }
}
