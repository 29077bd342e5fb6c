//! Which of two versions is the newer one.
//!
//! Source: the UAPI group's Version Format Specification, which is what `systemd-boot` sorts by.

use std::cmp::Ordering;

/// Compares two versions.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (without_separators(a), without_separators(b));
        // A pre-release, then the end, then what was built on something.
        for (sign, if_first) in [
            (b'~', Ordering::Less),
            (b'\0', Ordering::Less),
            (b'-', Ordering::Less),
            (b'^', Ordering::Less),
            (b'.', Ordering::Less),
        ] {
            let has = |text: &[u8]| match sign {
                b'\0' => text.is_empty(),
                sign => text.first() == Some(&sign),
            };
            match (has(a), has(b)) {
                (true, true) if sign == b'\0' => return Ordering::Equal,
                (true, true) => {
                    (a, b) = (&a[1..], &b[1..]);
                    break;
                }
                (true, false) => return if_first,
                (false, true) => return if_first.reverse(),
                (false, false) => {}
            }
        }
        let is_digits = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        let order = if is_digits(a) || is_digits(b) {
            let (number_a, rest_a) = split(a, u8::is_ascii_digit);
            let (number_b, rest_b) = split(b, u8::is_ascii_digit);
            (a, b) = (rest_a, rest_b);
            let (a, b) = (without_zeros(number_a), without_zeros(number_b));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        } else {
            let (letters_a, rest_a) = split(a, u8::is_ascii_alphabetic);
            let (letters_b, rest_b) = split(b, u8::is_ascii_alphabetic);
            (a, b) = (rest_a, rest_b);
            letters_a.cmp(letters_b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn without_separators(text: &[u8]) -> &[u8] {
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || b"~-^.".contains(byte);
    &text[text.iter().position(is_known).unwrap_or(text.len())..]
}

fn without_zeros(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b'0').count()..]
}

fn split(text: &[u8], is_in: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| is_in(byte)).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_the_specification_has_it() {
        let ascending = [
            "11~rc1", "11", "11-2", "11^post1", "11.1", "12", "12.0", "12.a", "12a",
        ];
        for (at, a) in ascending.iter().enumerate() {
            for (other, b) in ascending.iter().enumerate() {
                // "12.0" and the letters behind it are not in one row of the specification.
                if at.min(other) < 6 && at.max(other) < 7 {
                    assert_eq!(compare(a, b), at.cmp(&other), "{a} {b}");
                }
            }
        }
        assert_eq!(
            compare("6.1.0-56-amd64", "6.1.0-9-amd64"),
            Ordering::Greater
        );
        assert_eq!(
            compare("6.12.118+deb13", "6.12.117+deb13"),
            Ordering::Greater
        );
        assert_eq!(compare("1_2_3", "1.3.3"), Ordering::Greater);
    }

    proptest! {
        #[test]
        fn is_an_order(a in "[0-9a.~^_-]{0,8}", b in "[0-9a.~^_-]{0,8}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        }
    }
}
