//! What a device says that it is (USB §9.6).

/// What of a device is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) is_hub: bool,
    /// The configuration and the interface by their numbers.
    pub(crate) configuration: u8,
    pub(crate) interface: u8,
    /// Its interrupt endpoint: index among contexts, largest packet, interval as it says.
    pub(crate) endpoint: u8,
    pub(crate) packet: u16,
    pub(crate) interval: u8,
}

const CONFIGURATION: u8 = 2;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;

/// Class, subclass, protocol of an interface: a keyboard that knows the boot protocol (HID §4.2, §4.3).
const KEYBOARD: [u8; 3] = [3, 1, 1];
/// The class of hubs.
const HUB: u8 = 9;

/// Finds the first keyboard, or hub, in a configuration as the device sent it. `None`: there is none
/// that can be used, or it is malformed.
pub(crate) fn function(bytes: &[u8]) -> Option<Function> {
    let first = *bytes.first_chunk::<9>()?;
    if first[1] != CONFIGURATION {
        return None;
    }
    let mut found: Option<(bool, u8)> = None;
    let mut rest = bytes;
    while let [length @ 2..=u8::MAX, kind, ..] = *rest {
        let (descriptor, behind) = rest.split_at_checked(usize::from(length))?;
        rest = behind;
        match (kind, descriptor) {
            (INTERFACE, &[_, _, number, _, _, class, subclass, protocol, ..]) => {
                let is_keyboard = [class, subclass, protocol] == KEYBOARD;
                found = (is_keyboard || class == HUB).then_some((class == HUB, number));
            }
            (ENDPOINT, &[_, _, address, attributes, low, high, interval, ..]) => {
                // To the host, by interrupt transfers.
                let is_meant = address & 0x80 != 0 && attributes & 0b11 == 0b11;
                let packet = u16::from_le_bytes([low, high]) & 0x7ff;
                if let Some((is_hub, interface)) = found
                    && is_meant
                    && address & 0xf != 0
                    && packet != 0
                {
                    return Some(Function {
                        is_hub,
                        configuration: first[5],
                        interface,
                        endpoint: 2 * (address & 0xf) + 1,
                        packet,
                        interval,
                    });
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QEMU: [u8; 34] = [
        9, 2, 34, 0, 1, 1, 8, 0xa0, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1, 0x22,
        0x3f, 0, 7, 5, 0x81, 3, 8, 0, 7,
    ];

    #[test]
    fn a_keyboard_is_found() {
        let wanted = Function {
            is_hub: false,
            configuration: 1,
            interface: 0,
            endpoint: 3,
            packet: 8,
            interval: 7,
        };
        assert_eq!(function(&QEMU), Some(wanted));
    }

    #[test]
    fn a_mouse_before_it_is_passed_over_and_each_cut_is_refused() {
        let mut both = QEMU[..9].to_vec();
        both.extend([9, 4, 0, 0, 1, 3, 1, 2, 0, 7, 5, 0x81, 3, 4, 0, 7]);
        let of_mouse = both.len();
        both.extend(&QEMU[9..]);
        both[of_mouse + 2] = 1;
        *both.last_mut().expect("not empty") = 10;
        let end = both.len() - 5;
        both[end] = 0x82;
        let found = function(&both).expect("there is a keyboard");
        assert_eq!(
            (found.interface, found.endpoint, found.interval),
            (1, 5, 10)
        );
        for length in 0..both.len() {
            assert_eq!(function(&both[..length]), None, "{length}");
        }
        assert_eq!(function(&both[..of_mouse]), None);
    }

    proptest! {
        #[test]
        fn nonsense_is_survived(mut bytes in proptest::collection::vec(0u8..12, 0..200)) {
            let _ = function(&bytes);
            if bytes.len() > 9 {
                bytes[..9].copy_from_slice(&QEMU[..9]);
                if let Some(found) = function(&bytes) {
                    prop_assert!((3..32).contains(&found.endpoint));
                }
            }
        }
    }
}
