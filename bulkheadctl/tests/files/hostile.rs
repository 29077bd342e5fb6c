//! No file makes the program panic.

use std::io::{self, Read};

use bulkheadctl::pack::Pack;
use proptest::prelude::*;

use crate::every_use::{NAMES, do_all};
use crate::machine::{file, machine};

/// A tar archive that begins with a name of eight gigabytes, and how much of it was read.
struct LongName {
    header: Vec<u8>,
    read: usize,
}

impl LongName {
    fn new() -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_path("././@LongLink").unwrap();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size((8 << 30) - 1);
        header.set_cksum();
        Self {
            header: header.as_bytes().to_vec(),
            read: 0,
        }
    }
}

impl Read for LongName {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let header = self.header.get(self.read..).unwrap_or_default();
        let length = header.len().min(into.len());
        into[..length].copy_from_slice(&header[..length]);
        into[length..].fill(b'a');
        self.read += into.len();
        Ok(into.len())
    }
}

#[test]
fn no_more_is_read_than_a_file_can_have() {
    let mut file = LongName::new();
    let error = Pack::read(&mut file).unwrap_err();
    assert!(error.contains("accepted: "), "{error}");
    assert!(file.read < 300 << 20, "{} bytes were read", file.read);
}

/// A word of a text piece: often one at an edge.
fn word() -> impl Strategy<Value = String> {
    let edges = [
        "0",
        "1",
        "fff",
        "1000",
        "ffffffff",
        "8000000000",
        "ffffffffffffffff",
        "b",
        "1f",
    ];
    prop_oneof![
        prop::sample::select(edges.to_vec()).prop_map(String::from),
        any::<u64>().prop_map(|number| format!("{number:x}")),
        Just("System RAM".to_string()),
        "[ -~]{0,6}",
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::collection::vec(word(), 0..8).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_are_no_file(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        drop(Pack::read(&bytes[..]));
    }

    #[test]
    fn a_file_that_was_changed_does_not_make_it_panic(
        changes in prop::collection::vec((0usize..1 << 20, any::<u8>()), 1..40)
    ) {
        let mut bytes = file(&machine());
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Ok(pack) = Pack::read(&bytes[..]) {
            do_all(&pack);
        }
    }

    #[test]
    fn pieces_that_were_changed_do_not_make_it_panic(
        changes in prop::collection::vec((0usize..22, 0usize..4096, any::<u8>()), 1..60)
    ) {
        let mut pack = machine();
        for (name, at, value) in changes {
            let name = NAMES[name];
            let mut bytes = pack.get(name).unwrap_or_default().to_vec();
            if bytes.is_empty() {
                continue;
            }
            let length = bytes.len();
            bytes[at % length] = value;
            pack.put(name, bytes);
        }
        do_all(&pack);
    }

    #[test]
    fn arbitrary_pieces_do_not_make_it_panic(
        pieces in prop::collection::vec(
            (0usize..22, prop_oneof![text(), prop::collection::vec(any::<u8>(), 0..300)]),
            1..8
        )
    ) {
        let mut pack = machine();
        for (name, bytes) in pieces {
            pack.put(NAMES[name], bytes);
        }
        do_all(&pack);
    }
}
