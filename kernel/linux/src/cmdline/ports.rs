//! Serial ports: which ones a command line uses, and which ones it has to keep Linux away from.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;

/// First I/O ports of the four standard serial ports, by the number in `ttyS0` and, less one, in
/// `com1`.
const COM_PORTS: [u16; 4] = [0x3f8, 0x2f8, 0x3e8, 0x2e8];
/// I/O ports of a 16550.
const COM_LENGTH: u16 = 8;
/// The address and data ports of PCI configuration mechanism 1.
const PCI_PORTS: (u16, u16) = (0xcf8, 8);
/// Ranges that Linux keeps of `reserve=` (`kernel/resource.c`, `MAXRESERVE`).
const MOST_RANGES: usize = 4;

/// The port ranges (first port, number of ports) to be kept from Linux by `reserve=`: every
/// standard serial port that is not in `owned`, and the PCI configuration ports unless 0xcf8 is.
///
/// Linux takes four ranges at most, so the nearest ones are joined where there are more. No range
/// covers an owned port.
#[must_use]
pub fn reserved_ports(owned: &[u16]) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = COM_PORTS
        .into_iter()
        .map(|base| (base, COM_LENGTH))
        .chain([PCI_PORTS])
        .filter(|(base, _)| !owned.contains(base))
        .collect();
    sort_ascending(&mut ranges);
    // Five ranges only if nothing is owned: then a join can't cover an owned port.
    while ranges.len() > MOST_RANGES {
        let gap = |at: usize| ranges[at + 1].0 - (ranges[at].0 + ranges[at].1);
        let Some(nearest) = (0..ranges.len() - 1).min_by_key(|at| gap(*at)) else {
            break;
        };
        let (base, length) = ranges.remove(nearest + 1);
        ranges[nearest].1 = base + length - ranges[nearest].0;
    }
    ranges
}

/// The standard serial ports that a `reserve=` with this value leaves alone: what a partition owns, as its Linux
/// was told. A range that can't be read leaves none.
#[must_use]
pub(super) fn owned_ports(reserved: &str) -> Vec<u16> {
    let mut numbers = reserved.split(',').map(number);
    let mut ranges = Vec::new();
    while let Some(base) = numbers.next() {
        let range = base.zip(numbers.next().flatten());
        let Some((base, length)) = range else {
            return Vec::new();
        };
        ranges.push((base, length));
    }
    let is_reserved = |port: u16| {
        let covers = |(base, length): &(u16, u16)| port >= *base && port - *base < *length;
        ranges.iter().any(covers)
    };
    COM_PORTS
        .into_iter()
        .filter(|port| !is_reserved(*port))
        .collect()
}

/// What a parameter does with serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortUse {
    /// Nothing.
    None,
    /// It uses the one whose first I/O port this is.
    Port(u16),
    /// It uses the screen.
    Screen,
    /// It uses something that no partition has, or that can't be told.
    Refused(&'static str),
}

/// Why a screen is refused to a partition that has none, and what drives one by itself to all.
pub(super) const NO_SCREEN: &str =
    "the partition has no such device (accepted: a serial port that it owns)";
const ONLY_IO: &str = "it names no serial port by its I/O port (accepted: uart8250,io,PORT)";
const NO_NUMBER: &str =
    "the kernel takes it for ttyS1, its decompressor for ttyS0 (accepted: serial,ttyS1)";
const ONLY_TWO: &str = "earlyprintk knows ttyS0 and ttyS1 only (accepted also: serial,0xPORT)";

/// What the parameter does; those that have nothing to do with serial ports use none.
pub(super) fn port_use(name: &str, value: Option<&str>) -> PortUse {
    match (name, value) {
        ("console", Some(value)) => console(value),
        // Without a value it asks the SPCR table, which a partition does not have.
        ("earlycon", Some(value)) if !value.is_empty() => early_console(value),
        ("earlyprintk", Some(value)) => early_printk(value),
        ("kgdboc", Some(value)) => debugger(value),
        _ => PortUse::None,
    }
}

/// `console=ttyS1,115200`, `console=0` for `ttyS0`, `console=uart8250,io,0x2f8`; others (`tty0`,
/// `hvc0`, an empty one) are no serial ports. Source: Linux `kernel/printk/printk.c`,
/// `console_setup()`.
fn console(value: &str) -> PortUse {
    if value.starts_with("uart") {
        return early_console(value);
    }
    match value.strip_prefix("ttyS") {
        Some(number) => tty(number),
        None if value.starts_with(|c: char| c.is_ascii_digit()) => tty(value),
        None => PortUse::None,
    }
}

/// The port of `ttyS` with this number; none for one beyond the four standard ports, which can
/// only be a device that the partition was given.
fn tty(number: &str) -> PortUse {
    let digits = number
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    // Linux reads no digits as 0.
    let index = if digits.is_empty() {
        Ok(0)
    } else {
        digits.parse::<usize>()
    };
    index
        .ok()
        .and_then(|index| COM_PORTS.get(index))
        .map_or(PortUse::None, |base| PortUse::Port(*base))
}

/// `uart8250,io,0x2f8,115200n8`, or `efifb`, which writes to the framebuffer that the zero page
/// tells of. Source: Linux `drivers/tty/serial/earlycon.c`, `drivers/firmware/efi/earlycon.c`.
fn early_console(value: &str) -> PortUse {
    let mut items = value.split(',');
    match (items.next(), items.next(), items.next().and_then(number)) {
        (Some("uart" | "uart8250" | "ns16550" | "ns16550a"), Some("io"), Some(port)) => {
            PortUse::Port(port)
        }
        (Some("efifb"), None | Some("ram"), None) => PortUse::Screen,
        _ => PortUse::Refused(ONLY_IO),
    }
}

/// `serial,ttyS1,115200`, `ttyS1`, `serial,0x2f8`, `serial` for `ttyS0`, each also with `keep`.
/// Source: Linux `arch/x86/kernel/early_printk.c` and `arch/x86/boot/early_serial_console.c`.
fn early_printk(value: &str) -> PortUse {
    let mut items = value.split(',').filter(|item| *item != "keep").peekable();
    let port = match items.next() {
        None => return PortUse::None,
        Some("serial") => {
            match items.next_if(|item| item.starts_with("ttyS") || item.starts_with("0x")) {
                // Linux reads a number, and takes one that is too large for 0.
                None if items.peek().is_some_and(|item| item.parse() == Ok(1)) => {
                    return PortUse::Refused(NO_NUMBER);
                }
                None => PortUse::Port(COM_PORTS[0]),
                Some(item) => early_port(item),
            }
        }
        Some(item) => early_port(item),
    };
    let rest_is_a_rate = items.all(|item| item.bytes().all(|byte| byte.is_ascii_digit()));
    if rest_is_a_rate {
        port
    } else {
        PortUse::Refused(NO_SCREEN)
    }
}

fn early_port(item: &str) -> PortUse {
    match item {
        "ttyS0" => PortUse::Port(COM_PORTS[0]),
        "ttyS1" => PortUse::Port(COM_PORTS[1]),
        _ if item.starts_with("ttyS") => PortUse::Refused(ONLY_TWO),
        _ if item.starts_with("0x") => {
            number(item).map_or(PortUse::Refused(ONLY_IO), PortUse::Port)
        }
        _ => PortUse::Refused(NO_SCREEN),
    }
}

/// `kms,kbd,ttyS1,115200`.
fn debugger(value: &str) -> PortUse {
    value
        .split(',')
        .find_map(|item| item.strip_prefix("ttyS"))
        .map_or(PortUse::None, tty)
}

/// A port number as the kernel reads it: hexadecimal after `0x`, else decimal.
fn number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// How an operator calls the serial port at this I/O port: `com1`, or `port 0x280`.
pub(super) fn port_name(base: u16) -> String {
    match COM_PORTS.iter().position(|port| *port == base) {
        Some(index) => format!("com{}", index + 1),
        None => format!("port {base:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn ranges_of_every_owner() {
        assert_eq!(
            reserved_ports(&[]),
            [(0x2e8, 24), (0x3e8, 8), (0x3f8, 8), (0xcf8, 8)]
        );
        assert_eq!(
            reserved_ports(&[0x3f8]),
            [(0x2e8, 8), (0x2f8, 8), (0x3e8, 8), (0xcf8, 8)]
        );
        assert_eq!(
            reserved_ports(&[0x2f8]),
            [(0x2e8, 8), (0x3e8, 8), (0x3f8, 8), (0xcf8, 8)]
        );
        assert_eq!(reserved_ports(&[0x3f8, 0x2f8, 0x3e8, 0x2e8]), [(0xcf8, 8)]);
        assert_eq!(
            reserved_ports(&[0xcf8]),
            [(0x2e8, 8), (0x2f8, 8), (0x3e8, 8), (0x3f8, 8)]
        );
    }

    #[test]
    fn what_is_reserved_says_what_is_owned() {
        for set in 0u32..1 << COM_PORTS.len() {
            let mut owned: Vec<u16> = (0..COM_PORTS.len())
                .filter(|at| set >> at & 1 == 1)
                .map(|at| COM_PORTS[at])
                .collect();
            let text = reserved_ports(&owned)
                .into_iter()
                .map(|(base, length)| format!("{base:#x},{length}"))
                .collect::<Vec<_>>()
                .join(",");
            let mut found = owned_ports(&text);
            found.sort_unstable();
            owned.sort_unstable();
            assert_eq!(found, owned, "{text}");
        }
        for wrong in ["", "0x3f8", "0x3f8,8,", "0x3f8,8,x,8", "-1,8", "99999,8"] {
            assert!(owned_ports(wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn every_set_of_owned_ports_keeps_the_promises() {
        let all: Vec<u16> = COM_PORTS.into_iter().chain([PCI_PORTS.0]).collect();
        for set in 0u32..1 << all.len() {
            let is_owned = |at: usize| set >> at & 1 == 1;
            let owned: Vec<u16> = (0..all.len())
                .filter(|at| is_owned(*at))
                .map(|at| all[at])
                .collect();
            let ranges = reserved_ports(&owned);
            assert!(ranges.len() <= MOST_RANGES);
            for base in &all {
                for port in *base..base + COM_LENGTH {
                    let covered = ranges
                        .iter()
                        .any(|(start, len)| (*start..start + len).contains(&port));
                    assert_eq!(covered, !owned.contains(base), "{port:#x} with {owned:x?}");
                }
            }
        }
    }

    #[test]
    fn uses() {
        use PortUse::{None, Port, Refused, Screen};
        for (name, value, expected) in vec![
            ("console", "ttyS1,115200", Port(0x2f8)),
            ("console", "ttyS0", Port(0x3f8)),
            ("console", "ttyS", Port(0x3f8)),
            ("console", "2", Port(0x3e8)),
            ("console", "ttyS3n8", Port(0x2e8)),
            ("console", "ttyS4", None),
            ("console", "tty0", None),
            ("console", "hvc0", None),
            ("console", "", None),
            ("console", "uart8250,io,0x2f8,115200n8", Port(0x2f8)),
            ("console", "uart,mmio,0xfe000000", Refused(ONLY_IO)),
            ("earlycon", "uart8250,io,760", Port(0x2f8)),
            ("earlycon", "uart8250,0xfe000000", Refused(ONLY_IO)),
            ("earlycon", "efifb", Screen),
            ("earlycon", "efifb,ram", Screen),
            ("earlycon", "efifb,0xfe000000", Refused(ONLY_IO)),
            ("earlycon", "", None),
            ("earlyprintk", "serial", Port(0x3f8)),
            ("earlyprintk", "serial,ttyS1,115200", Port(0x2f8)),
            ("earlyprintk", "serial,0x2e8,115200,keep", Port(0x2e8)),
            ("earlyprintk", "serial,115200", Port(0x3f8)),
            // What the kernel takes for a port its decompressor takes for a rate.
            ("earlyprintk", "serial,1", Refused(NO_NUMBER)),
            ("earlyprintk", "serial,01,115200", Refused(NO_NUMBER)),
            ("earlyprintk", "serial,0,115200", Port(0x3f8)),
            ("earlyprintk", "serial,2", Port(0x3f8)),
            ("earlyprintk", "ttyS1,keep", Port(0x2f8)),
            ("earlyprintk", "ttyS2", Refused(ONLY_TWO)),
            ("earlyprintk", "ttyS10", Refused(ONLY_TWO)),
            ("earlyprintk", "vga", Refused(NO_SCREEN)),
            ("earlyprintk", "ttyS1,vga", Refused(NO_SCREEN)),
            ("earlyprintk", "pciserial,00:16.3", Refused(NO_SCREEN)),
            ("earlyprintk", "keep", None),
            ("kgdboc", "kbd,ttyS2,115200", Port(0x3e8)),
            ("kgdboc", "kbd", None),
            ("quiet", "ttyS0", None),
        ] {
            assert_eq!(port_use(name, Some(value)), expected, "{name}={value}");
        }
    }
}
