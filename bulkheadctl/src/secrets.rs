//! What tells this machine from all others, as far as its Linux knows it: it must not be in a file.
//!
//! Names of such things in ACPI tables are each vendor's own; their values are known. So these are sought
//! wherever they stand, and however they are written.

use std::fs;

use memchr::memmem;

/// Shorter words are found by chance.
const LEAST: usize = 6;
/// What SMBIOS says that is one machine's alone; root may read it.
const NUMBERS: [&str; 6] = [
    "product_serial",
    "product_uuid",
    "board_serial",
    "board_asset_tag",
    "chassis_serial",
    "chassis_asset_tag",
];
/// What vendors put there because there is no number, in lower case. Of each there are many machines, and
/// elsewhere it may say something. All else is one's own, spaces or not.
const NO_NUMBERS: [&str; 31] = [
    "0123456789",
    "123456789",
    "1234567890",
    "asset tag",
    "asset-1234567890",
    "base board asset tag",
    "base board serial number",
    "board serial number",
    "chassis asset tag",
    "chassis serial number",
    "default",
    "default string",
    "empty",
    "fill by oem",
    "filled by oem",
    "invalid",
    "n/a",
    "no asset information",
    "no asset tag",
    "none",
    "not applicable",
    "not available",
    "not present",
    "not specified",
    "serial number",
    "serialnumber",
    "system serial number",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "unknown",
    "unspecified",
];

/// Whether it stands where a number would, and is none.
#[must_use]
pub fn is_no_number(text: &str) -> bool {
    // Some vendors have quotes around it.
    let text = text.trim().trim_matches('"').to_lowercase();
    NO_NUMBERS.contains(&text.as_str())
}

/// Byte strings that are to be taken out, and what each is replaced by.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Secrets {
    /// Those that this Linux tells.
    #[must_use]
    pub fn here() -> Self {
        let mut secrets = Self::default();
        let read = |path: String| fs::read_to_string(path).unwrap_or_default();
        for name in NUMBERS {
            secrets.add(&read(format!("/sys/class/dmi/id/{name}")));
        }
        for name in fs::read_dir("/sys/class/net")
            .into_iter()
            .flatten()
            .flatten()
        {
            let card = name.path().display().to_string();
            secrets.add(&read(format!("{card}/address")));
            secrets.add(&read(format!("{card}/phy80211/macaddress")));
        }
        // A vendor's name in capitals is no secret where the machine is called after it.
        let host = read(String::from("/proc/sys/kernel/hostname"));
        secrets.word(host.trim());
        secrets
    }

    /// Adds one as people write it. What is no serial number, UUID, address or host name, but what a vendor
    /// put there because there is none ("Default string"), is left out.
    pub fn add(&mut self, text: &str) {
        let text = text.trim();
        let is_digit = |c: &char| !matches!(c, ':' | '-' | ' ');
        let digits: String = text.chars().filter(is_digit).collect();
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() < LEAST
            || is_no_number(text)
            || digits.trim_matches(['0', 'f', 'F']).is_empty()
        {
            return;
        }
        for word in [text, &digits, &text.replace(':', "-")] {
            for word in [word.to_string(), word.to_uppercase(), word.to_lowercase()] {
                self.word(&word);
            }
        }
        // A MAC address, and a UUID in both orders (SMBIOS 3.7 §7.2.1), as bytes.
        if is_hex && matches!(digits.len(), 12 | 32) {
            let mut bytes = raw(&digits);
            self.bytes(&bytes);
            if let Some(head) = bytes.get_mut(..8).filter(|_| digits.len() == 32) {
                let (first, rest) = head.split_at_mut(4);
                first.reverse();
                rest[..2].reverse();
                rest[2..].reverse();
                self.bytes(&bytes);
            }
        }
    }

    /// Takes all of them out.
    pub fn remove_from(&self, piece: &mut [u8]) {
        for (secret, instead) in &self.pairs {
            let mut at = 0;
            let find = |piece: &[u8]| memmem::find(piece, secret);
            while let Some(found) = piece.get(at..).and_then(find) {
                at += found;
                piece[at..at + secret.len()].copy_from_slice(instead);
                at += secret.len();
            }
        }
    }

    /// As text of one byte a character, and of two.
    pub fn word(&mut self, word: &str) {
        if word.len() < LEAST {
            return;
        }
        let zeroes = "0".repeat(word.len());
        let wide = |text: &str| text.bytes().flat_map(|byte| [byte, 0]).collect();
        self.pairs.push((word.into(), zeroes.clone().into()));
        self.pairs.push((wide(word), wide(&zeroes)));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.pairs.push((bytes.to_vec(), vec![0; bytes.len()]));
    }
}

/// The bytes whose digits these are: hexadecimal, and an even number of them.
fn raw(digits: &str) -> Vec<u8> {
    let starts = (0..digits.len()).step_by(2);
    starts
        .filter_map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}
