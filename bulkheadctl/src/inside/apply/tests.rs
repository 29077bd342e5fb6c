use super::read::definition;
use super::*;
use proptest::prelude::*;

const FILE: &str = "\
# a machine\n\
define web cores=2,3 memory=512M kernel=linux cmdline=\"a b\" restart=always # main\n\
define db cores=1 memory=1024M kernel=linux\n\
set db control=web\n\
start web db\n";

fn present(line: &str, is_live: bool) -> Present {
    let text = format!("x: running, 1 run\ndefinition:\n  define {line}\npolicy:\n");
    Present {
        definition: shown(&text).unwrap(),
        links: Vec::new(),
        memory: Vec::new(),
        is_live,
    }
}

fn said(present: &[Present], may_restart: bool) -> Vec<String> {
    let steps = plan(&read(FILE).unwrap(), present, may_restart);
    steps.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_there_is_defined_and_started() {
    assert_eq!(
        said(&[], false),
        [
            "define web cores=2,3 memory=512M kernel=linux cmdline=\"a b\" restart=always",
            "start web",
            "define db cores=1 memory=1024M kernel=linux control=web",
            "start db",
        ]
    );
}

#[test]
fn isolation_of_all_is_set_where_it_differs() {
    let of = |text: &str, shown: &str| {
        let step = isolation(&read(text).unwrap(), shown);
        step.map(|step| {
            assert!(step.is_line());
            (step.request().unwrap(), step.to_string())
        })
    };
    let shown = "default: dma where it can be, else bare\nIOMMU: none reported\n";
    let bare = ("isolation bare", "isolation bare (was: default)");
    let bare = Some((bare.0.to_string(), bare.1.to_string()));
    assert_eq!(of("isolation bare\n", shown), bare);
    assert_eq!(
        of("isolation bare\nisolation default # again\n", shown),
        None
    );
    assert_eq!(of("isolation dma\n", "dma\nIOMMU: in use\n"), None);
    assert_eq!(of("start\n", shown), None);
    for wrong in ["isolation", "isolation all", "isolation dma bare"] {
        let why = read(wrong).unwrap_err();
        assert_eq!(why, "line 1: accepted: isolation bare, dma or default");
    }
}

#[test]
fn what_means_the_same_is_left() {
    let web = "web cores=2-3 memory=512M kernel=linux cmdline=\"a b\" restart=always";
    let db = "db cores=1 memory=1G kernel=linux control=web";
    assert_eq!(
        said(&[present(web, true), present(db, true)], false),
        [""; 0]
    );
    assert_eq!(
        said(&[present(web, true), present(db, false)], false),
        ["start db"]
    );
}

/// Neither is told as what `show` prints, and nothing of it would be another after `set`.
#[test]
fn another_spelling_is_no_difference() {
    for (wanted, is) in [
        ("console=mem", ""),
        ("console=COM2", "console=com2"),
        ("devices=none watchdog=none node=none", ""),
        ("devices=1:0.0,COM3", "devices=com3,0000:01:00.0"),
        ("devices=pci:00,ioapic00", "devices=bus0,ioapic0"),
        ("devices=pci:0,0000:0A:1F.3", "devices=0000:0a:1f.3,bus0"),
        ("watchdog=030 node=01", "watchdog=30 node=1"),
        ("control=mail,db", "control=db,mail"),
        ("control=", ""),
    ] {
        let of = |keys: &str| format!("web cores=2 memory=1G@0x100000000 kernel=linux {keys}");
        let wanted = of(wanted).replace("1G@0x100000000", "1024m@4G");
        let steps = plan(
            &read(&format!("define {wanted}")).unwrap(),
            &[present(&of(is), true)],
            true,
        );
        assert_eq!(steps, [], "{wanted}");
    }
    // A size of a link, too.
    let two = "define a x=1\ndefine b x=1\nlink a b 0x800000\n";
    assert_eq!(read(two).unwrap().links[0].size, 8 << 20);
}

/// What the shell would refuse is said to it, so that it says why.
#[test]
fn what_no_parser_takes_is_a_difference() {
    for (wanted, is) in [
        ("console=com9", "console=com2"),
        ("devices=eth0", ""),
        ("watchdog=+30", "watchdog=30"),
        ("restart=", ""),
        ("cores=3-2", "cores=2-3"),
        ("cores=0-4294967295", "cores=1"),
        ("cores=+2", "cores=2"),
        ("memory=1Q", "memory=1G"),
        ("memory=1G@", "memory=1G"),
    ] {
        let wanted = read(&format!("define web {wanted}")).unwrap();
        let steps = plan(&wanted, &[present(&format!("web {is}"), false)], false);
        assert!(
            matches!(steps[..], [Step::Set(..)]),
            "{wanted:?}: {steps:?}"
        );
    }
}

#[test]
fn what_differs_is_set_and_what_runs_only_if_that_was_said() {
    let web = present(
        "web cores=2-3 memory=512M kernel=old console=com2 restart=always",
        true,
    );
    let db = present(
        "db cores=1 memory=1G kernel=linux control=web devices=00:1f.2",
        false,
    );
    let all = [web, db];
    let set =
        "set web kernel=linux cmdline=\"a b\" console=none (was: kernel=old cmdline= console=com2)";
    let db = ["set db devices= (was: devices=00:1f.2)", "start db"];
    let left = format!("left: {set}; it runs (accepted: --restart)");
    assert_eq!(said(&all, false), [left.as_str(), db[0], db[1]]);
    assert_eq!(
        said(&all, true),
        ["kill web", set, "start web", db[0], db[1]]
    );
}

#[test]
fn a_file_is_refused_by_its_line() {
    for (file, why) in [
        (
            "\nhalt\n",
            "line 2: \"halt\" (accepted: define, set, isolation, link, start)",
        ),
        (
            "define a x=1\ndefine a x=2",
            "line 2: \"a\" is defined twice",
        ),
        ("set a x=1", "line 1: \"a\" is not defined above"),
        ("start a", "line 1: \"a\" is not defined above"),
        ("define a x", "line 1: \"x\" is not key=value"),
        ("define", "line 1: which partition?"),
        ("define a ' '=1", "line 1: \" \" is no key"),
        (
            "define a x=\"1",
            "line 1: this quote is not closed: a second \" is missing",
        ),
    ] {
        assert_eq!(read(file), Err(why.to_string()));
    }
}

proptest! {
    #[test]
    fn any_file_is_read(text in any::<String>(), line in "define [a-c] [ -~]{0,40}") {
        let _ = (read(&text), shown(&text));
        if let Ok(wanted) = read(&line) {
            let steps = plan(&wanted, &[], true);
            // What is sent is read back as what was meant.
            for step in steps {
                let words = words(&step.request().unwrap()).unwrap();
                prop_assert_eq!(definition(&words[1..]).unwrap(), wanted.definitions[0].clone());
            }
        }
    }
}

const LINKED: &str = "\
define a cores=1 memory=1G kernel=linux\n\
define b cores=2 memory=1G kernel=linux\n\
define c cores=3 memory=1G kernel=linux\n\
link a b\n\
link c a 8M\n\
start a b c\n";

/// `live` of a, b and c run; `links` is what `show` has of each.
fn of_three(live: &str, links: &[(&str, &str)], may_restart: bool) -> Vec<String> {
    let present = ["a", "b", "c"].map(|name| {
        let core = name.as_bytes()[0] - b'a' + 1;
        let mut one = present(
            &format!("{name} cores={core} memory=1G kernel=linux"),
            live.contains(name),
        );
        let rows = links.iter().filter(|(of, _)| *of == name);
        let text: String = rows.map(|(_, row)| format!("  link     {row}\n")).collect();
        one.links = shown_links(name, &text);
        one
    });
    let steps = plan(&read(LINKED).unwrap(), &present, may_restart);
    steps.iter().map(ToString::to_string).collect()
}

const AS_WANTED: [(&str, &str); 4] = [
    ("a", "b, 4M at 0x100200000, inside ff00:00:00.0"),
    ("a", "c, 8M at 0x100800000, inside ff01:00:00.0"),
    ("b", "a, 4M at 0x100200000, inside ff00:00:00.0"),
    ("c", "a, 8M at 0x100800000, inside ff00:00:00.0"),
];

#[test]
fn links_come_before_either_end_is_started() {
    let new = plan(&read(LINKED).unwrap(), &[], false);
    let new: Vec<String> = new.iter().map(ToString::to_string).collect();
    let steps = [
        "link a b 4M",
        "link a c 8M",
        "start a",
        "start b",
        "start c",
    ];
    assert_eq!(new[3..], steps);
    assert_eq!(of_three("", &[], false), steps);
    assert_eq!(of_three("abc", &AS_WANTED, false), [""; 0]);
    assert_eq!(of_three("ac", &AS_WANTED, false), ["start b"]);
}

#[test]
fn a_link_of_what_runs_is_changed_only_if_that_was_said() {
    let smaller = [
        AS_WANTED[0],
        ("a", "c, 4M at 0x100800000, inside ff01:00:00.0"),
        AS_WANTED[2],
    ];
    let left = "left: unlink a c, link a c 8M;";
    let accepted = "(accepted: --restart)";
    assert_eq!(
        of_three("ab", &smaller, false),
        ["start c".to_string(), format!("{left} a runs {accepted}")]
    );
    assert_eq!(
        of_three("ac", &smaller, false),
        [
            "start b".to_string(),
            format!("{left} a and c run {accepted}")
        ]
    );
    assert_eq!(
        of_three("ab", &smaller, true),
        ["kill a", "unlink a c", "link a c 8M", "start a", "start c"]
    );
}

#[test]
fn a_link_that_the_file_does_not_have_is_taken_away_and_one_with_others_is_left() {
    let more = [
        ("b", "c, 4M at 0x200000000, inside ff01:00:00.0"),
        ("b", "other, 4M at 0x300000000, inside ff02:00:00.0"),
    ];
    let all: Vec<_> = AS_WANTED.into_iter().chain(more).collect();
    assert_eq!(
        of_three("", &all, false),
        ["start a", "unlink b c", "start b", "start c"]
    );
    assert_eq!(
        of_three("abc", &all, false),
        ["left: unlink b c; b and c run (accepted: --restart)"]
    );
}

#[test]
fn a_link_line_is_refused_by_what_is_wrong() {
    let two = "define a x=1\ndefine b x=1\n";
    for (line, why) in [
        ("link a", "accepted: link NAME NAME [SIZE]"),
        ("link a b 4M 1", "accepted: link NAME NAME [SIZE]"),
        ("link a a", "\"a\" can't be linked with itself"),
        ("link a c", "\"c\" is not defined above"),
        ("link a b 4X", "\"4X\" is no size"),
        ("link b a\nlink a b 8M", "\"a\" and \"b\" are linked twice"),
    ] {
        let error = read(&format!("{two}{line}")).unwrap_err();
        assert!(error.ends_with(why), "{error}");
    }
}
