//! What `bulkheadctl` reads in a Linux: variables of Bulkhead's, and an operator's file.

use bulkheadctl::inside::dump::told::held;
use bulkheadctl::inside::{agent, apply, told};

use crate::Target;
use crate::bytes::text;

pub(crate) const TARGETS: [Target; 2] = [
    Target {
        name: "told",
        most: 1024,
        run: of_told,
        seeds: || {
            let texts: [&[u8]; 4] = [
                b"one defined 0 2\ntwo running 1 6\n\0one memory=64M cores=2\ntwo reason=\"x y\" hold=3\n",
                b"12 one failed 3 panic\n13 two launched 1\n",
                b"one hold=7 run=2 vmcoreinfo=0x1000 root=0x2000 pieces=1\n0x40000000 67108864\n",
                b"#10 done\n#1 refused: no\ndone: 7 0 12\nstop\n",
            ];
            texts.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "apply",
        most: 1024,
        run: |bytes| {
            let text = text(bytes);
            drop(apply::read(&text));
            drop(apply::shown(&text));
            for line in text.lines() {
                drop(apply::words(line));
                let again = apply::words(&apply::quoted(line));
                if let Ok(again) = again {
                    assert!(again.len() <= 1 || line.is_empty(), "{line:?}: {again:?}");
                }
            }
        },
        seeds: || {
            vec![
                b"define web cores=2-3 memory=512M kernel=x cmdline=\"a 'b' \\\"c\\\"\"\nset web restart=always\nstart web\n# x\n".to_vec(),
                b"web\ndefinition:\n  define web cores=2 memory=64M kernel=x\n".to_vec(),
            ]
        },
    },
];

fn of_told(bytes: &[u8]) {
    let whole = text(bytes);
    let (short, details) = whole.split_once('\0').unwrap_or((&whole, &whole));
    drop(told::partitions(short, details));
    let _ = (told::events(&whole), told::machine(&whole));
    if let Some(said) = told::answer(&whole, 1) {
        let is_it = |line: &str| {
            line.split_once(' ')
                .is_some_and(|(token, rest)| token == "#1" && rest.trim_end() == said)
        };
        assert!(whole.lines().any(is_it), "an answer to another: {said:?}");
    }
    if let Some((_, _, said)) = told::output(bytes, 1) {
        assert!(bytes.starts_with(b"#1 ") && bytes.ends_with(said));
    }
    let _ = agent::order(&whole);
    if let Some(held) = held(&whole, "one") {
        assert!(
            held.pieces
                .iter()
                .all(|piece| piece.start().is_multiple_of(4096))
        );
    }
}
