//! `docs/processor.md` has the table as it is in the code. `BULKHEAD_WRITE_DOCS=1` writes it.
#![allow(missing_docs, reason = "a test has no public interface")]

use std::fmt::Write;
use std::path::PathBuf;

use bulkhead_processor::presence::Count;
use bulkhead_processor::table::{Action, AfterInit, Row, TABLE};

const START: &str = "<!-- table: written by kernel/processor/tests/docs.rs -->\n";
const END: &str = "<!-- end of the table -->\n";

fn numbers(row: &Row) -> String {
    let first = format!("{:x}", row.first);
    match (row.count, row.stride) {
        (Count::Fixed(1), _) => first,
        (Count::Fixed(count), stride) => {
            format!("{first} ... {:x}", row.first + (count - 1) * stride)
        }
        (count, 1) => format!("{first} + n; {count} of them"),
        (count, stride) => format!("{first} + {stride}n; {count} of them"),
    }
}

/// At start, and each time a core comes back.
fn done(action: Action) -> (&'static str, String) {
    let start = if action.restores() {
        "remembered"
    } else {
        "left"
    };
    let back = match action {
        Action::RestoreFirst => "as at boot, before all else".into(),
        Action::Stop => "0, first".into(),
        Action::StopAndAwait(until) => {
            let (register, bit, us) = (until.register, until.bit, until.us);
            format!("0, first, and waits for {register:x}[{bit}], at most {us} us")
        }
        Action::StopThenRestore => "0, first; as at boot".into(),
        Action::Restore => "as at boot".into(),
        Action::Rewrite => "as at boot, written in any case".into(),
        Action::Set(value) => format!("{value:#x}").replace("0x0", "0"),
        Action::Clear(bits) => format!("all but bits {} cleared", kept(bits)),
        Action::AcknowledgeCounters => "all overflows acknowledged".into(),
        Action::Leave => "left".into(),
    };
    (start, back)
}

fn kept(bits: u64) -> String {
    let kept = (0..64).filter(|bit| bits >> bit & 1 == 0);
    kept.map(|bit| bit.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn table() -> String {
    let mut text = String::from(
        "| register | number (hex) | there if | an INIT leaves | at start | between runs | why |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let init = match row.after_init {
            AfterInit::Kept => "what was in it",
            AfterInit::Reset => "0",
        };
        let (start, back) = done(row.action);
        let (name, numbers, presence, why) = (row.name, numbers(row), row.presence, row.why);
        writeln!(
            text,
            "| {name} | {numbers} | {presence} | {init} | {start} | {back} | {why} |"
        )
        .expect("a string takes it");
    }
    text
}

#[test]
fn the_page_has_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/processor.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(START).expect("the table starts");
    let (found, after) = rest.split_once(END).expect("the table ends");
    let wanted = table();
    if std::env::var_os("BULKHEAD_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{START}{wanted}{END}{after}"))
            .expect("it is written");
    } else {
        assert!(
            found == wanted,
            "docs/processor.md is not what the code does: BULKHEAD_WRITE_DOCS=1 cargo test -p bulkhead-processor"
        );
    }
}
