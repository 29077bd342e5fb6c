//! Keys of USB keyboards, by their usages.

use bulkhead_terminal::keyboard::{Input, Keymap, Keys};

/// What is typed by keys that go down and up one after the other while others are held.
fn typed(keys: &mut Keys, held: &[u8], usages: &[u8]) -> String {
    let mut bytes = Vec::new();
    for usage in held {
        assert_eq!(keys.usage(*usage, true), None);
    }
    for usage in usages {
        match keys.usage(*usage, true) {
            Some(Input::Bytes(input)) => bytes.extend(input),
            Some(Input::PageUp) => bytes.push(b'<'),
            Some(Input::PageDown) => bytes.push(b'>'),
            None => {}
        }
        assert_eq!(keys.usage(*usage, false), None);
    }
    for usage in held {
        assert_eq!(keys.usage(*usage, false), None);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn they_mean_what_a_ps_2_keyboard_s_do() {
    let mut keys = Keys::new(Keymap::Us);
    let letters: Vec<u8> = (0x04..0x28).collect();
    let text = typed(&mut keys, &[], &letters);
    assert_eq!(text, "abcdefghijklmnopqrstuvwxyz1234567890");
    let text = typed(&mut keys, &[0xe1], &letters[..28]);
    assert_eq!(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@");
    assert_eq!(typed(&mut keys, &[0xe5], &[0x2d, 0x31, 0x35, 0x38]), "_|~?");
    assert_eq!(typed(&mut keys, &[0xe0], &[0x06]), "\u{3}");
    assert_eq!(typed(&mut keys, &[0xe2], &[0x05]), "\u{1b}b");
    assert_eq!(
        typed(&mut keys, &[], &[0x28, 0x2a, 0x2b, 0x2c]),
        "\r\u{8}\t "
    );
    assert_eq!(
        typed(&mut keys, &[], &[0x52, 0x4c, 0x4b, 0x4e]),
        "\u{1b}[A\u{1b}[3~<>"
    );
    assert_eq!(typed(&mut keys, &[0xe4], &[0x50]), "\u{1b}[1;5D");
    // The number pad, with Num Lock and without.
    assert_eq!(
        typed(&mut keys, &[], &[0x5f, 0x53, 0x5f, 0x53]),
        "7\u{1b}[H"
    );
    keys.set_keymap(Keymap::De);
    assert_eq!(typed(&mut keys, &[], &[0x1c, 0x1d, 0x32, 0x64]), "zy#<");
    assert_eq!(typed(&mut keys, &[0xe6], &[0x14, 0x24]), "@{");
}

#[test]
fn locks_count_once_however_long_they_are_held() {
    let mut keys = Keys::new(Keymap::Us);
    assert_eq!(keys.locks(), [true, false]);
    for _ in 0..3 {
        assert_eq!(keys.usage(0x39, true), None);
    }
    keys.usage(0x39, false);
    assert_eq!(keys.locks(), [true, true]);
    assert_eq!(typed(&mut keys, &[], &[0x04]), "A");
}

#[test]
fn unknown_keys_mean_nothing() {
    let mut keys = Keys::new(Keymap::Jp);
    for usage in 0..=u8::MAX {
        let _ = (keys.usage(usage, true), keys.usage(usage, false));
    }
    assert_eq!(typed(&mut keys, &[], &[0x00, 0x01, 0x66, 0xa5, 0xf0]), "");
    // Backslash and Yen, which only Japanese keyboards have.
    assert_eq!(typed(&mut keys, &[0xe1], &[0x87, 0x89]), "_|");
}
