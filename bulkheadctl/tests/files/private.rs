//! What tells one machine from another of its model is in no file.

use bulkheadctl::acpi::sum;
use bulkheadctl::scrub::scrub;
use bulkheadctl::secrets::Secrets;

use crate::machine::{file, machine, table};

#[test]
fn what_tells_one_machine_from_another_is_taken_out() {
    let mut pack = machine();
    pack.put("acpi/MSDM", table(b"MSDM", b"ABCDE-FGHIJ-KLMNO"));
    pack.put("acpi/SSDT1", table(b"SSDT", b"xx_AUXMAC_#0A1B2C3D4E5F#xx"));
    let mut card = vec![0u8; 4096];
    card[6] = 0x10;
    card[0x34] = 0x40;
    card[0x40..0x48].copy_from_slice(&[3, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
    card[0x100..0x104].copy_from_slice(&0x0001_0003u32.to_le_bytes());
    card[0x104..0x10c].fill(0x77);
    card[0x10c] = 0x88;
    pack.put("pci/0000:02:00.0/config", card);
    let before = pack.clone();
    scrub(&mut pack, &Secrets::default());
    let text = file(&pack);
    for secret in [
        &b"FGHIJ"[..],
        b"0A1B2C3D4E5F",
        &[0x77; 8],
        &[0x33, 0x44, 0x55, 0x66],
    ] {
        assert!(
            !text.windows(secret.len()).any(|window| window == secret),
            "{secret:x?}"
        );
    }
    for (name, bytes) in before.below("acpi/") {
        let after = pack.get(&format!("acpi/{name}")).unwrap();
        assert_eq!(
            (sum(after), after.len()),
            (sum(bytes), bytes.len()),
            "{name}"
        );
    }
    // What is behind stays.
    assert_eq!(pack.get("pci/0000:02:00.0/config").unwrap()[0x10c], 0x88);
    assert_eq!(pack.get("acpi/MCFG"), before.get("acpi/MCFG"));
}

/// In each way in which it may be written.
#[test]
fn what_linux_knows_of_itself_is_found_wherever_it_stands() {
    const UUID: &str = "4C4C4544-0042-3510-8052-C3C04F4B4D32";
    const MAC: &str = "52:54:00:ab:cd:ef";
    const SERIAL: &str = "PF3XK7Q2";
    const HOST: &str = "archive-7";
    let mut secrets = Secrets::default();
    for text in [
        UUID,
        MAC,
        "PF3XK7Q2\n",
        "Default string",
        "",
        "0",
        "none",
        "00:00:00:00:00:00",
        "a------",
    ] {
        secrets.add(text);
    }
    secrets.word(HOST);
    let wide: Vec<u8> = SERIAL.bytes().flat_map(|byte| [byte, 0]).collect();
    let raw = [0x52, 0x54, 0x00, 0xab, 0xcd, 0xef];
    let as_smbios = [
        0x44, 0x45, 0x4c, 0x4c, 0x42, 0x00, 0x10, 0x35, 0x80, 0x52, 0xc3, 0xc0, 0x4f, 0x4b, 0x4d,
        0x32,
    ];
    let forms: [&[u8]; 10] = [
        UUID.as_bytes(),
        b"4c4c4544-0042-3510-8052-c3c04f4b4d32",
        b"4C4C45440042351080 52C3C04F4B4D32",
        &as_smbios,
        MAC.as_bytes(),
        b"52-54-00-AB-CD-EF",
        b"525400abcdef",
        &raw,
        &wide,
        HOST.as_bytes(),
    ];
    let body = forms.join(&b"|keep|"[..]);
    let mut pack = machine();
    pack.put("acpi/SSDT1", table(b"SSDT", &body));
    let mut config = vec![0u8; 256];
    config[0x80..0x86].copy_from_slice(&raw);
    pack.put("pci/0000:02:00.0/config", config);
    pack.put(
        "dmi",
        format!("sys_vendor A\nproduct_name Archive-7 {SERIAL}\n"),
    );
    let before = pack.get("acpi/SSDT1").unwrap().to_vec();
    scrub(&mut pack, &secrets);
    let bytes = file(&pack);
    // The third has a blank in it, which nobody's UUID has: it is what stays, to see that the rest could.
    for (index, form) in forms.iter().enumerate() {
        let is_there = bytes.windows(form.len()).any(|window| window == *form);
        assert_eq!(is_there, index == 2, "{index}");
    }
    assert!(!bytes.windows(8).any(|window| window == SERIAL.as_bytes()));
    assert_eq!(
        pack.text("dmi"),
        "sys_vendor A\nproduct_name Archive-7 00000000\n"
    );
    let after = pack.get("acpi/SSDT1").unwrap();
    assert_eq!((sum(after), after.len()), (sum(&before), before.len()));
    let kept = after
        .windows(6)
        .filter(|window| window == b"|keep|")
        .count();
    assert_eq!(kept, forms.len() - 1);
}

/// A label, and groups of digits: vendors and owners write them as they like.
#[test]
fn a_number_with_spaces_is_one() {
    let body = |numbers: &[&str]| {
        let texts = numbers.iter().flat_map(|number| {
            let wide: String = number.chars().flat_map(|c| [c, '\0']).collect();
            [number.to_string(), number.to_lowercase(), wide]
        });
        texts.collect::<Vec<_>>().join("|keep|").into_bytes()
    };
    let numbers = ["S/N 12 3456A", "Property of ACME 0012345", "4C4C 4544 0042"];
    // The last one's digits alone, too.
    let mut all = body(&numbers);
    all.extend(b"|keep|4C4C45440042|keep|");
    all.extend([0x4c, 0x4c, 0x45, 0x44, 0x00, 0x42]);
    let mut secrets = Secrets::default();
    numbers.iter().for_each(|number| secrets.add(number));
    let before = all.clone();
    secrets.remove_from(&mut all);
    let left = all.split(|byte| !byte.is_ascii_alphanumeric());
    let left = left.filter(|part| part.iter().any(|byte| !b"0".contains(byte)));
    assert!(
        left.clone().all(|part| part == b"keep"),
        "{}",
        String::from_utf8_lossy(&all)
    );
    assert_eq!((left.count(), all.len()), (10, before.len()));
}

/// Of that there are many machines, and it may say something in another place.
#[test]
fn what_stands_for_no_number_is_none() {
    for text in [
        "Default string",
        "DEFAULT STRING\n",
        "To be filled by O.E.M.",
        "To Be Filled By O.E.M.",
        "Not Specified",
        "not available",
        "Not Applicable",
        "System Serial Number",
        "Base Board Serial Number",
        "Chassis Asset Tag",
        "No Asset Information",
        " None ",
        "N/A",
        "Unknown",
        "0123456789",
    ] {
        let mut secrets = Secrets::default();
        secrets.add(text);
        let mut bytes = text.as_bytes().to_vec();
        secrets.remove_from(&mut bytes);
        assert_eq!(bytes, text.as_bytes(), "{text}");
    }
}
