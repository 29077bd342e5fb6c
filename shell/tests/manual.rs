//! `docs/shell.md` and `docs/devices.md` are true: their sessions are typed again, those of a page
//! one after another on one machine, and the shell has to say what they say.
//!
//! A block marked `console` is a session; what follows `bulkhead> ` is typed, and the rest is
//! compared. A line `...` stands for any number of lines. A line that begins with `* ` is an
//! event, which the kernel would send here and the test does.

mod support;

use support::Session;

const MANUAL: &str = include_str!("../../docs/shell.md");

#[test]
fn the_manual_is_true() {
    let sessions = replay_page(MANUAL);
    assert!(sessions > 5, "only {sessions} sessions were found");
}

#[test]
fn the_page_about_devices_is_true() {
    let sessions = replay_page(include_str!("../../docs/devices.md"));
    assert!(sessions > 1, "only {sessions} sessions were found");
}

#[test]
fn the_page_about_links_is_true() {
    let sessions = replay_page(include_str!("../../docs/links.md"));
    assert!(sessions > 1, "only {sessions} sessions were found");
}

/// Types the sessions of a page; how many there were.
fn replay_page(page: &str) -> usize {
    let mut session = Session::default();
    let blocks = page.split("```console\n").skip(1);
    let replayed = blocks.map(|block| {
        let (block, _) = block.split_once("```").unwrap();
        replay(block, &mut session);
    });
    replayed.count()
}

fn replay(block: &str, session: &mut Session) {
    for step in block.split("bulkhead> ").skip(1) {
        let (line, expected) = step.split_once('\n').unwrap_or((step, ""));
        let mut said = session.line(line);
        for event in expected.lines().filter_map(|line| line.strip_prefix("* ")) {
            session.shell.event(event, &mut session.terminal);
            said.push_str(&format!("* {event}\n"));
        }
        assert!(
            agrees(expected, &said),
            "\n{line}\nmanual:\n{expected}\nshell:\n{said}"
        );
    }
}

/// Whether `said` is `expected`, where a line `...` fits anything.
fn agrees(expected: &str, said: &str) -> bool {
    let mut parts = expected.split("...\n");
    let Some(mut rest) = parts.next().and_then(|start| said.strip_prefix(start)) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = true;
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || (open && expected.ends_with("...\n"))
}

#[test]
fn the_manual_names_everything() {
    let mut session = Session::new();
    let overview = session.line("help");
    for row in overview.lines().filter(|row| !row.starts_with('"')) {
        let (usage, summary) = row.split_at(27);
        assert!(MANUAL.contains(usage.trim()), "{usage}");
        assert!(row.len() < 80 && !summary.is_empty(), "{row}");
        let verb = usage.split(' ').next().unwrap();
        let topic = session.line(&format!("help {verb}"));
        assert!(topic.starts_with(usage.trim()), "{topic}");
        assert!(topic.lines().all(|row| row.len() < 80), "{topic}");
    }
}
