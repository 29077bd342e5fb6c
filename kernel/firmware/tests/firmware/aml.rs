//! A small assembler of AML: each function gives the bytes of one thing.

/// Bytes, one after the other.
pub(crate) fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// Opcode, length, contents.
pub(crate) fn block(opcode: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut bytes = opcode.to_vec();
    let short = contents.len() + 1;
    if short < 0x40 {
        bytes.push(short as u8);
    } else {
        let following = [0x1000, 0x10_0000]
            .iter()
            .filter(|limit| contents.len() + 4 >= **limit)
            .count()
            + 1;
        let length = contents.len() + 1 + following;
        bytes.push((following as u8) << 6 | (length & 0xf) as u8);
        bytes.extend(&(length >> 4).to_le_bytes()[..following]);
    }
    bytes.extend(contents);
    bytes
}

/// `\`, `^` and four-letter segments with dots between them.
pub(crate) fn name(name: &str) -> Vec<u8> {
    let start = name.find(|c| !"\\^".contains(c)).unwrap_or(name.len());
    let (prefix, rest) = name.split_at(start);
    let segments: Vec<&str> = rest.split('.').filter(|part| !part.is_empty()).collect();
    let mut bytes = prefix.as_bytes().to_vec();
    match segments.len() {
        0 => bytes.push(0),
        1 => {}
        2 => bytes.push(0x2e),
        count => bytes.extend([0x2f, count as u8]),
    }
    for segment in segments {
        assert_eq!(segment.len(), 4, "{segment}");
        bytes.extend(segment.as_bytes());
    }
    bytes
}

pub(crate) fn device(at: &str, contents: &[Vec<u8>]) -> Vec<u8> {
    block(&[0x5b, 0x82], &[name(at), contents.concat()].concat())
}

pub(crate) fn scope(at: &str, contents: &[Vec<u8>]) -> Vec<u8> {
    block(&[0x10], &[name(at), contents.concat()].concat())
}

pub(crate) fn method(at: &str, body: &[Vec<u8>]) -> Vec<u8> {
    block(&[0x14], &[name(at), vec![0], body.concat()].concat())
}

/// `Name (\\variable, 0) Method (\\_PIC, 1) { Store (Arg0, variable) }`
pub(crate) fn pic(variable: &str) -> Vec<u8> {
    let variable = format!("\\{variable}");
    let store = [vec![0x70, 0x68], name(&variable)].concat();
    let pic = [name("\\_PIC"), vec![1], store].concat();
    all(&[named(&variable, integer(0)), block(&[0x14], &pic)])
}

/// `Name (at, value)`.
pub(crate) fn named(at: &str, value: Vec<u8>) -> Vec<u8> {
    [vec![8], name(at), value].concat()
}

pub(crate) fn returned(value: Vec<u8>) -> Vec<u8> {
    [vec![0xa4], value].concat()
}

/// `If (condition) { contents }`.
pub(crate) fn conditional(condition: &str, contents: &[Vec<u8>]) -> Vec<u8> {
    block(&[0xa0], &[name(condition), contents.concat()].concat())
}

pub(crate) fn otherwise(contents: &[Vec<u8>]) -> Vec<u8> {
    block(&[0xa1], &contents.concat())
}

/// The shortest encoding.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    match value {
        0 => vec![0],
        1 => vec![1],
        2..=0xff => vec![0x0a, value as u8],
        0x100..=0xffff => [vec![0x0b], (value as u16).to_le_bytes().to_vec()].concat(),
        0x1_0000..=0xffff_ffff => [vec![0x0c], (value as u32).to_le_bytes().to_vec()].concat(),
        _ => [vec![0x0e], value.to_le_bytes().to_vec()].concat(),
    }
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [&[0x0d], text.as_bytes(), &[0]].concat()
}

pub(crate) fn buffer(bytes: &[u8]) -> Vec<u8> {
    block(&[0x11], &[&integer(bytes.len() as u64), bytes].concat())
}

pub(crate) fn package(elements: &[Vec<u8>]) -> Vec<u8> {
    let contents = [vec![elements.len() as u8], elements.concat()].concat();
    block(&[0x12], &contents)
}

/// An entry of a `_PRT` whose pin leads straight to an interrupt.
pub(crate) fn entry(device: u64, pin: u64, gsi: u64) -> Vec<u8> {
    sourced(device, pin, vec![0], gsi)
}

/// An entry of a `_PRT` with any source and index.
pub(crate) fn sourced(device: u64, pin: u64, source: Vec<u8>, index: u64) -> Vec<u8> {
    let address = integer(device << 16 | 0xffff);
    package(&[address, integer(pin), source, integer(index)])
}

/// `Name (_HID, EisaId (id))`, of which the numbers are those of the specification.
pub(crate) fn kind(id: u32) -> Vec<u8> {
    named("_HID", integer(u64::from(id)))
}

pub(crate) const PNP0A03: u32 = 0x030a_d041;
pub(crate) const PNP0A08: u32 = 0x080a_d041;
pub(crate) const PNP0C0F: u32 = 0x0f0c_d041;

/// `Scope (\_SB) { Device (PCI0) { Name (_HID, PNP0A08) contents } }`.
pub(crate) fn bridge(contents: &[Vec<u8>]) -> Vec<u8> {
    let contents = [kind(PNP0A08), contents.concat()].concat();
    scope("\\_SB_", &[device("PCI0", &[contents])])
}

/// A link device whose `_CRS` is this template.
pub(crate) fn link(at: &str, template: &[u8]) -> Vec<u8> {
    device(at, &[kind(PNP0C0F), named("_CRS", buffer(template))])
}

/// `ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveLow, Shared) {gsi} }`.
pub(crate) fn interrupt(gsi: u32) -> Vec<u8> {
    let head = [0x89, 6, 0, 0x0d, 1].to_vec();
    [head, gsi.to_le_bytes().to_vec(), vec![0x79, 0]].concat()
}
