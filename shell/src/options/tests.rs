//! Options, and what is none.

use super::*;
use proptest::prelude::*;

#[test]
fn nothing_said() {
    for line in ["", "  \t"] {
        let options = Options::parse(line);
        assert_eq!(options, Options::default());
        assert_eq!(options.script, "bulkhead.conf");
        assert!(options.runs_script && !options.is_verbose);
    }
}

#[test]
fn each_option() {
    let options = Options::parse(" bulkhead.conf=net.conf  bulkhead.noauto bulkhead.verbose ");
    assert_eq!(options.script, "net.conf");
    assert!(options.is_script_named && options.is_verbose && !options.runs_script);
    assert!(options.problems.is_empty() && options.hears_usb);
    let options = Options::parse("bulkhead.nousb");
    assert!(options.problems.is_empty() && !options.hears_usb && options.runs_script);
    let options = Options::parse("bulkhead.conf=a bulkhead.conf=b");
    assert_eq!(options.script, "b");
}

#[test]
fn ports_for_the_shell() {
    let options = Options::parse(
        "bulkhead.console=COM2,9600 bulkhead.console=pci:04:00.0,921600@14745600 \
         bulkhead.console=pci:0001:02:1f.7 bulkhead.console=spcr,keep bulkhead.console=none",
    );
    assert_eq!(options.problems, [""; 0]);
    let places: Vec<String> = options
        .consoles
        .iter()
        .map(|console| format!("{} {:?}", console.place, console.speed.map(|s| s.baud())))
        .collect();
    assert_eq!(
        places,
        [
            "com2 Some(Some(9600))",
            "pci:0000:04:00.0 Some(Some(921600))",
            "pci:0001:02:1f.7 None",
            "spcr Some(None)",
            "none None"
        ]
    );
}

#[test]
fn what_is_not_understood_is_said_and_survived() {
    let table = [
        (
            "bulkhead.noato",
            "unknown option \"bulkhead.noato\", did you mean \"bulkhead.noauto\"? (accepted: \
             bulkhead.conf=NAME, bulkhead.console=PORT, bulkhead.noauto, bulkhead.nousb, \
             bulkhead.verbose)",
        ),
        (
            "quiet",
            "unknown option \"quiet\" (accepted: bulkhead.conf=NAME, bulkhead.console=PORT, \
             bulkhead.noauto, bulkhead.nousb, bulkhead.verbose)",
        ),
        (
            "console=ttyS1,9600",
            "unknown option \"console=ttyS1,9600\", did you mean \"bulkhead.console\"? \
             (accepted: bulkhead.conf=NAME, bulkhead.console=PORT, bulkhead.noauto, \
             bulkhead.nousb, bulkhead.verbose)",
        ),
        (
            "bulkhead.console",
            "bulkhead.console needs a port: bulkhead.console=com2,9600",
        ),
        (
            "bulkhead.console=com5",
            "bulkhead.console: \"com5\" is no port (accepted: com1-com4, pci:0000:01:00.0 or \
             spcr, with ,RATE behind it if wanted; none)",
        ),
        (
            "bulkhead.console=pci:4",
            "bulkhead.console: \"4\" is not a PCI function (accepted: 0000:01:00.0, 01:00.0; \
             hexadecimal)",
        ),
        (
            "bulkhead.console=com1,fast",
            "bulkhead.console: \"fast\" is not a rate (accepted: RATE, RATE@CLOCK in Hz, or \
             keep)",
        ),
        (
            "bulkhead.console=com1,230400",
            "bulkhead.console: 230400 baud can't be made of a clock of 1843200 Hz (nearest: \
             115200)",
        ),
        (
            "bulkhead.console=none,9600",
            "bulkhead.console: none has no rate",
        ),
        (
            "bulkhead.conf=",
            "bulkhead.conf needs the name of an image: bulkhead.conf=NAME",
        ),
        ("bulkhead.noauto=1", "bulkhead.noauto takes no value"),
        ("bulkhead.nousb=0", "bulkhead.nousb takes no value"),
        (
            "bulkhead.nosub",
            "unknown option \"bulkhead.nosub\", did you mean \"bulkhead.nousb\"? (accepted: \
             bulkhead.conf=NAME, bulkhead.console=PORT, bulkhead.noauto, bulkhead.nousb, \
             bulkhead.verbose)",
        ),
    ];
    for (line, problem) in table {
        let options = Options::parse(&format!("{line} bulkhead.verbose"));
        assert_eq!(options.problems, [problem]);
        assert!(options.is_verbose && options.runs_script);
    }
}

proptest! {
    #[test]
    fn any_line_is_survived(line in any::<String>()) {
        let options = Options::parse(&line);
        let console = Options::parse(&format!("bulkhead.console={line}"));
        prop_assert!(console.problems.iter().all(|text| !text.contains(char::is_control)));
        prop_assert!(options.problems.iter().all(|text| !text.contains(char::is_control)));
    }
}
