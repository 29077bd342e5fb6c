//! Commands inside a partition, over a made Bulkhead that keeps requests as the real one does.
#![allow(missing_docs, reason = "a test binary has no public interface")]

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bulkheadctl::inside::link::{Trouble, Variables};
use bulkheadctl::inside::{Wish, run};

const PARTITIONS: &str = "boss running 1 1\nspare failed 2 3\nother running 1 9\n";
const DETAILS: &str = "\
boss state=running runs=1 restart=never failures=0 memory=268435456 core=1 isolation=dma blocked=3 control=some up=70 count=1 cores=1    \n\
spare state=failed runs=2 restart=never failures=1 memory=67108864 core=3 control=no count=1 cores=3 end=failed reason=it said so   \n";
const EVENTS: &str = "4 boss launched run=1            \n9 spare failed run=2          \n";
const MACHINE: &str =
    "protocol=1 version=0.2.0 name=boss shell=here partitions=3 seen=2\ncontrol=yes spare\n";

/// What is answered to a request: the outcomes that it reads one after the other, and what is said.
type Answer = (&'static [&'static str], String);

/// Whether it is the trouble that is expected.
type Is = fn(&Trouble) -> bool;

#[derive(Default)]
struct Made {
    /// Requests, without their tokens.
    asked: RefCell<Vec<String>>,
    /// Whether each token was given back.
    open: RefCell<Vec<String>>,
    /// What is answered next, per request that is made.
    script: RefCell<Vec<Answer>>,
    now: RefCell<Option<(String, Answer, usize, usize)>>,
    /// How many writes find all places taken.
    full: RefCell<u32>,
}

impl Variables for Made {
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let text = match name {
            "Partitions" => PARTITIONS.into(),
            "Details" => DETAILS.into(),
            "Events" => EVENTS.into(),
            "Machine" => MACHINE.into(),
            "Answers" => match &mut *self.now.borrow_mut() {
                Some((token, (outcomes, _), nth, _)) => {
                    let outcome = outcomes[(*nth).min(outcomes.len() - 1)];
                    *nth += 1;
                    format!("#0 ok\n{token} {outcome}\n#ffff error: another's\n")
                }
                None => "none\n".into(),
            },
            "Output" => match &*self.now.borrow() {
                Some((token, (_, said), _, from)) => {
                    // As much as three bytes are kept.
                    let kept = &said[*from..said.len().min(from + 3)];
                    format!("{token} {from} {}\n{kept}", said.len())
                }
                None => "none\n".into(),
            },
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(text.into_bytes())
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        assert_eq!(name, "Control");
        let text = String::from_utf8(value.to_vec()).unwrap();
        let (token, words) = text.split_once(' ').unwrap();
        if words == "seen" {
            self.open.borrow_mut().retain(|open| open != token);
            return Ok(());
        }
        if *self.full.borrow() > 0 {
            *self.full.borrow_mut() -= 1;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let mut open = self.open.borrow_mut();
        assert!(!open.contains(&token.to_string()), "a token twice");
        open.push(token.to_string());
        self.asked.borrow_mut().push(words.to_string());
        let answer = self.script.borrow_mut().remove(0);
        let words: Vec<&str> = words.split(' ').collect();
        let from = match words[..] {
            ["do", from, ..] => from.parse().unwrap(),
            _ => 0,
        };
        let is_refused = answer.0[0].starts_with("error");
        *self.now.borrow_mut() = Some((token.to_string(), answer, 0, from));
        if is_refused {
            Err(io::ErrorKind::InvalidInput.into())
        } else {
            Ok(())
        }
    }
}

fn wish(line: &str) -> Wish {
    let (flags, mut words): (Vec<String>, Vec<String>) = line
        .split(' ')
        .map(String::from)
        .partition(|word| word.starts_with("--"));
    let command = words.remove(0);
    let patience = Some(Duration::from_secs(2));
    Wish {
        command,
        words,
        flags,
        patience,
        ..Wish::default()
    }
}

fn made(script: &[Answer]) -> Made {
    let made = Made::default();
    made.script.borrow_mut().extend(script.iter().cloned());
    made
}

fn said(made: &Made, line: &str) -> Result<String, Trouble> {
    let mut out = Vec::new();
    run(&wish(line), made, &mut out)?;
    // Each place was given back.
    assert_eq!(made.open.borrow()[..], [""; 0]);
    Ok(String::from_utf8(out).unwrap())
}

const OK: &[&str] = &["ok"];

#[test]
fn what_is_read_needs_no_request() {
    let made = made(&[]);
    let list = said(&made, "list").unwrap();
    assert!(
        list.contains("spare  failed   3      64M     2     -       failed: it said so\n"),
        "{list}"
    );
    assert!(
        list.contains("other  running  -      -       1     -       -\n"),
        "{list}"
    );
    assert_eq!(said(&made, "list --names").unwrap(), "boss\nspare\nother\n");
    let events = "boss: launched run=1\nspare: failed run=2 reason=\"panic: it said so\"\n";
    assert_eq!(said(&made, "events").unwrap(), events);
    assert!(
        said(&made, "metrics")
            .unwrap()
            .contains("bulkhead_partition_up_seconds{name=\"boss\"} 70\n")
    );
    assert!(
        said(&made, "time")
            .unwrap()
            .starts_with("boss: run 1, up 1m 10s\n")
    );
    let shown: serde_json::Value =
        serde_json::from_str(&said(&made, "show spare --json").unwrap()).unwrap();
    assert_eq!(
        (&shown["reason"], &shown["up_seconds"]),
        (&"it said so".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        (&shown["isolation"], &shown["blocked_requests"]),
        (&serde_json::Value::Null, &0.into())
    );
    let shown: serde_json::Value =
        serde_json::from_str(&said(&made, "show boss --json").unwrap()).unwrap();
    assert_eq!(
        (&shown["isolation"], &shown["blocked_requests"]),
        (&"dma".into(), &3.into())
    );
    let shown = said(&made, "show boss").unwrap();
    let rows = "devices  isolation=dma\nblocked  3 requests of its devices, by the IOMMU\n";
    assert!(shown.contains(rows), "{shown}");
    match said(&made, "show nobody") {
        Err(Trouble::Refused(why)) => assert!(why.contains("boss, spare, other"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_waits_for_its_own_answer_and_gives_its_place_back() {
    let made = made(&[
        (&["busy: passed", "busy: passed", "ok"], String::new()),
        (OK, String::new()),
    ]);
    *made.full.borrow_mut() = 2;
    assert_eq!(said(&made, "kill spare other").unwrap(), "");
    assert_eq!(made.asked.borrow()[..], ["kill spare", "kill other"]);
}

#[test]
fn refusals_are_in_bulkheads_words_and_kinds() {
    let said_why = || String::from("no!");
    let cases: [(Answer, Is); 5] = [
        (
            (&["error: refused; Output says why"], said_why()),
            |t| matches!(t, Trouble::Refused(w) if w == "no!"),
        ),
        (
            (&["error: there is no such partition"], said_why()),
            |t| matches!(t, Trouble::Refused(w) if w == "there is no such partition"),
        ),
        (
            (&["error: this partition has not control=yes"], said_why()),
            |t| matches!(t, Trouble::Denied(_)),
        ),
        ((&["busy: passed"], said_why()), |t| {
            matches!(t, Trouble::Late(_))
        }),
        (
            (&["busy: x", "error: a core did not come back"], said_why()),
            |t| matches!(t, Trouble::Refused(_)),
        ),
    ];
    for (answer, is_it) in cases {
        let made = made(std::slice::from_ref(&answer));
        let trouble = said(&made, "start spare").unwrap_err();
        assert!(is_it(&trouble), "{answer:?}: {trouble:?}");
        assert_eq!(made.open.borrow()[..], [""; 0]);
    }
}

fn refused(made: &Made, line: &str) -> String {
    match said(made, line) {
        Err(Trouble::Refused(why)) => why,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn an_unknown_name_is_told_with_those_that_there_are() {
    let unknown: Answer = (&["error: there is no such partition"], String::new());
    let made = made(&[unknown.clone(), unknown]);
    assert_eq!(
        refused(&made, "start nobody"),
        "there is no partition \"nobody\" (partitions: boss, spare, other)"
    );
    let meant =
        "there is no partition \"spair\", did you mean \"spare\"? (partitions: boss, spare, other)";
    assert_eq!(refused(&made, "kill spair"), meant);
    assert_eq!(refused(&made, "show spair"), meant);
    assert_eq!(made.asked.borrow()[..], ["start nobody", "kill spair"]);
}

#[test]
fn of_several_names_the_one_that_is_refused_is_said_and_nobody_is_touched_for_an_unknown_one() {
    let wrong: Answer = (&["error: its state does not allow it"], String::new());
    let made = made(&[(OK, String::new()), wrong]);
    let unknown =
        "there is no partition \"spar\", did you mean \"spare\"? (partitions: boss, spare, other)";
    assert_eq!(refused(&made, "start other spar"), unknown);
    assert_eq!(made.asked.borrow()[..], [""; 0]);
    assert_eq!(
        refused(&made, "start other spare"),
        "spare: its state does not allow it (done before: other)"
    );
}

#[test]
fn a_shell_that_is_there_is_not_woken_and_so_it_is_said() {
    let wrong: Answer = (&["error: its state does not allow it"], String::new());
    assert_eq!(
        refused(&made(&[wrong]), "shell"),
        "Bulkhead's shell is there, and need not be woken (accepted: after its operator's halt)"
    );
}

#[test]
fn what_the_shell_says_is_put_together_from_pieces() {
    let text = String::from("abcdefgh");
    let made = made(&[
        (
            &["error: another line is before it; try again"],
            String::new(),
        ),
        (OK, text.clone()),
        (OK, text.clone()),
        (OK, text.clone()),
    ]);
    assert_eq!(said(&made, "log spare 2").unwrap(), text);
    let asked = [
        "do 0 log spare 2",
        "do 0 log spare 2",
        "do 3 log spare 2",
        "do 6 log spare 2",
    ];
    assert_eq!(made.asked.borrow()[..], asked);
}

#[test]
fn a_line_is_typed_as_the_shell_reads_it() {
    let made = made(&[(OK, String::new())]);
    let mut wish = wish("set spare");
    wish.words.push(String::from("cmdline=quiet a=\"b c\""));
    run(&wish, &made, &mut Vec::new()).unwrap();
    assert_eq!(
        made.asked.borrow()[..],
        [r#"do 0 set spare cmdline="quiet a=\"b c\"""#]
    );
    for bad in ["cmdline=\n", &"x".repeat(2000)] {
        let mut wish = wish.clone();
        wish.words.push(bad.to_string());
        let done = run(&wish, &made, &mut Vec::new());
        assert!(matches!(done, Err(Trouble::Refused(_))), "{done:?}");
    }
}

/// As of a variable that is not set: it is a word all the same, and not that nothing was said.
#[test]
fn an_empty_word_is_one() {
    for (line, typed) in [
        ("poweroff ", "do 0 poweroff \"\""),
        ("link a  b", "do 0 link a \"\" b"),
        ("set a x=", "do 0 set a x="),
    ] {
        let made = made(&[(&["ok"], String::new())]);
        said(&made, line).unwrap();
        assert_eq!(made.asked.borrow()[..], [typed]);
    }
}

#[test]
fn a_link_is_the_shells_and_so_is_why_not() {
    let refused: &[&str] = &["error: \"spare\" is running and can't be unlinked"];
    let made = made(&[(OK, "ok\n".into()), (refused, String::new())]);
    assert_eq!(said(&made, "link spare other 8M").unwrap(), "ok\n");
    let done = said(&made, "unlink spare other");
    assert!(
        matches!(&done, Err(Trouble::Refused(why)) if why.contains("can't be unlinked")),
        "{done:?}"
    );
    assert_eq!(
        made.asked.borrow()[..],
        ["do 0 link spare other 8M", "do 0 unlink spare other"]
    );
}

/// Answers to the requests for a text, which comes in pieces.
fn pieces(text: &str) -> Vec<Answer> {
    vec![(OK, text.to_string()); text.len().div_ceil(3)]
}

/// Applies a file to `boss` with core 1 and `other` with cores 8 and 9, which run; what is answered to the steps,
/// what was asked then, and what was said.
fn applied(
    file: &str,
    answers: &[Answer],
    out: &mut dyn io::Write,
) -> (Result<bool, Trouble>, Vec<String>) {
    let shown = |line: &str| {
        pieces(&format!(
            "definition:\n  define {line} memory=64M kernel=k\n"
        ))
    };
    let mut script = shown("boss cores=1");
    script.extend(shown("other cores=8-9"));
    script.extend(answers.iter().cloned());
    let made = made(&script);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("wanted-{:?}", std::thread::current().id()));
    fs::write(&path, file).unwrap();
    let wish = wish(&format!("apply {} --restart", path.display()));
    let done = run(&wish, &made, out);
    fs::remove_file(path).unwrap();
    assert_eq!(made.open.borrow()[..], [""; 0]);
    let asked = made.asked.take().into_iter();
    let asked = asked.filter(|asked| !asked.contains(" show "));
    (done, asked.collect())
}

const MOVED: &str =
    "define boss cores=1,9 memory=64M kernel=k\ndefine other cores=8 memory=64M kernel=k\n";

/// The one that gets it stands first in the file.
#[test]
fn a_core_goes_from_one_that_runs_to_another() {
    let (done, asked) = applied(MOVED, &vec![(OK, String::new()); 6], &mut Vec::new());
    assert!(matches!(done, Ok(true)), "{done:?}");
    let steps = [
        "kill other",
        "do 0 set other cores=8",
        "start other",
        "kill boss",
        "do 0 set boss cores=1,9",
        "start boss",
    ];
    assert_eq!(asked, steps);
}

#[test]
fn what_apply_has_killed_is_started_again_where_the_change_is_refused() {
    let refused: Answer = (&["error: refused; Output says why"], "no!".into());
    let ok: Answer = (OK, String::new());
    let mut said = Vec::new();
    let (done, asked) = applied(MOVED, &[ok.clone(), refused.clone(), ok.clone()], &mut said);
    assert_eq!(
        asked,
        ["kill other", "do 0 set other cores=8", "start other"]
    );
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.ends_with("(was: cores=8-9)\nback: start other\n"),
        "{said}"
    );
    let why = "no!\nstarted again: other";
    assert!(
        matches!(&done, Err(Trouble::Refused(said)) if said == why),
        "{done:?}"
    );
    // Nor can it be started as it is to be, or at all.
    let answers = [ok.clone(), ok.clone(), refused.clone(), ok, refused];
    let (done, asked) = applied(MOVED, &answers, &mut Vec::new());
    assert_eq!(
        asked[2..],
        ["start other", "do 0 set other cores=8-9", "start other"]
    );
    let why = "no!\nnot done: start other: no!";
    assert!(
        matches!(&done, Err(Trouble::Refused(said)) if said == why),
        "{done:?}"
    );
}

/// Whoever has read until then.
struct Reader(usize);

impl io::Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_apply_has_killed_does_not_stay_down_because_nobody_reads() {
    let (done, asked) = applied(MOVED, &vec![(OK, String::new()); 2], &mut Reader(1));
    assert_eq!(asked, ["kill other", "start other"]);
    assert!(matches!(done, Err(Trouble::Missing(_))), "{done:?}");
}

/// The program itself, with files for variables.
#[test]
fn a_stop_has_its_time_and_may_be_one_by_force() {
    for (line, asked) in [
        ("stop spare other", "stop spare|stop other"),
        ("stop spare --force", "kill spare"),
        ("restart spare", "restart spare"),
        ("restart spare --force", "restart spare 0"),
    ] {
        let ok: Answer = (&["busy: it was asked to end", "ok"], String::new());
        let made = made(&[ok.clone(), ok]);
        let mut out = Vec::new();
        assert!(
            matches!(run(&wish(line), &made, &mut out), Ok(true)),
            "{line}"
        );
        assert_eq!(made.asked.borrow().join("|"), asked);
    }
    let made = made(&[(&["ok"], String::new())]);
    let within = Wish {
        within: Some(300),
        ..wish("stop spare")
    };
    assert!(matches!(run(&within, &made, &mut Vec::new()), Ok(true)));
    assert_eq!(*made.asked.borrow(), ["stop spare 300"]);
}

#[test]
fn the_program_says_where_it_is_not() {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("efivars-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkheadctl"));
        let done = command
            .env("BULKHEAD_EFIVARS", &folder)
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            done.status.code().unwrap(),
            text(done.stdout),
            text(done.stderr),
        )
    };
    fs::write(folder.join("Boot0000-x"), "x").unwrap();
    let (code, _, why) = run(&["list"]);
    assert!(
        code == 3 && why.contains("does not run in a partition of Bulkhead"),
        "{why}"
    );
    let put = |name: &str, text: &str| {
        let file = folder.join(format!("{name}-8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23"));
        fs::write(file, format!("\u{6}\0\0\0{text}")).unwrap();
    };
    put("Partitions", PARTITIONS);
    let (code, _, why) = run(&["list"]);
    assert!(
        code == 3 && why.contains("older than this program"),
        "{why}"
    );
    put("Details", DETAILS);
    put(
        "Machine",
        "protocol=2 version=9 name=boss shell=here\ncontrol=no\n",
    );
    let (code, _, why) = run(&["list"]);
    assert!(code == 3 && why.contains("another form"), "{why}");
    put("Machine", MACHINE);
    let (code, list, _) = run(&["list"]);
    assert!(code == 0 && list.starts_with("NAME "), "{list}");
    for wrong in [
        &["list", "x"][..],
        &["show"],
        &["show", "a", "--follow"],
        &["start", "a", "--timeout", "x"],
    ] {
        let (code, _, why) = run(wrong);
        assert_eq!(code, 2, "{wrong:?}: {why}");
    }
    let (code, _, why) = run(&["stop", "spare"]);
    assert!(
        code == 3 && why.contains("Bulkhead's variable Answers"),
        "{why}"
    );
    fs::remove_dir_all(&folder).unwrap();
}
