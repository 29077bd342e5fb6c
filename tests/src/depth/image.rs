//! A linked program: its functions and its constant data.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use elf::ElfBytes;
use elf::abi::{PT_LOAD, STT_FUNC, STT_NOTYPE};
use elf::endian::LittleEndian;

/// A function of the program.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Its name, demangled and without its hash.
    pub(super) name: String,
    pub(super) range: Range<u64>,
    /// Written in assembly: it has no size of its own, and may load its stack.
    pub(super) is_assembly: bool,
}

/// A linked program.
pub(super) struct Image {
    /// By address.
    pub(super) functions: BTreeMap<u64, Function>,
    symbols: BTreeMap<String, u64>,
    segments: Vec<(u64, Vec<u8>)>,
}

impl Image {
    /// Reads one.
    ///
    /// # Panics
    /// If it is no ELF with symbols.
    pub(super) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path)
            .unwrap_or_else(|error| panic!("{}: {error}: make kernel", path.display()));
        let file = ElfBytes::<LittleEndian>::minimal_parse(&bytes).expect("an ELF");
        let loaded = file.segments().expect("it has segments").iter();
        let loaded = loaded.filter(|segment| segment.p_type == PT_LOAD);
        let segments: Vec<(u64, Vec<u8>)> = loaded
            .map(|s| {
                (
                    s.p_vaddr,
                    file.segment_data(&s).expect("in the file").into(),
                )
            })
            .collect();
        let code = file.segments().expect("it has segments").iter();
        let code = code.filter(|segment| segment.p_flags & 1 != 0);
        let code: Vec<Range<u64>> = code.map(|s| s.p_vaddr..s.p_vaddr + s.p_memsz).collect();
        let (table, names) = file
            .symbol_table()
            .expect("readable")
            .expect("not stripped");
        let mut symbols = BTreeMap::new();
        let mut found: BTreeMap<u64, (String, u64)> = BTreeMap::new();
        for symbol in table.iter() {
            let name = names.get(symbol.st_name as usize).unwrap_or_default();
            let name = format!("{:#}", rustc_demangle::demangle(name));
            let address = symbol.st_value;
            symbols.insert(name.clone(), address);
            let is_code = code.iter().any(|range| range.contains(&address));
            let kind = symbol.st_symtype();
            if is_code && (kind == STT_FUNC || kind == STT_NOTYPE && !name.is_empty()) {
                let entry = found.entry(address).or_insert((name.clone(), 0));
                // Functions that were found equal share their code: the name with a size counts.
                if symbol.st_size > entry.1 {
                    *entry = (name, symbol.st_size);
                }
            }
        }
        let starts: BTreeSet<u64> = found.keys().copied().collect();
        let end_of = |start: u64| {
            let next = starts.range(start + 1..).next().copied();
            next.or_else(|| Some(code.iter().find(|range| range.contains(&start))?.end))
        };
        let functions = found.into_iter().map(|(start, (name, size))| {
            let end = if size == 0 {
                end_of(start).expect("in code")
            } else {
                start + size
            };
            let function = Function {
                name,
                range: start..end,
                is_assembly: size == 0,
            };
            (start, function)
        });
        Self {
            functions: functions.collect(),
            symbols,
            segments,
        }
    }

    /// The function that begins there.
    pub(super) fn function(&self, address: u64) -> Option<&Function> {
        self.functions.get(&address)
    }

    /// Where a symbol is.
    ///
    /// # Panics
    /// If there is none of that name.
    pub(super) fn symbol(&self, name: &str) -> u64 {
        *self
            .symbols
            .get(name)
            .unwrap_or_else(|| panic!("the kernel has no symbol {name}"))
    }

    /// The bytes from an address to the end of its segment's part in the file.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "this runs where usize has 64 bits"
    )]
    pub(super) fn bytes(&self, address: u64) -> &[u8] {
        let inside = |(start, bytes): &&(u64, Vec<u8>)| {
            (*start..*start + bytes.len() as u64).contains(&address)
        };
        let segment = self.segments.iter().find(inside);
        segment.map_or(&[], |(start, bytes)| &bytes[(address - start) as usize..])
    }

    /// The word there.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address).first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// Every aligned word of what is not code, with its address.
    pub(super) fn words(&self) -> BTreeMap<u64, u64> {
        let mut words = BTreeMap::new();
        for (start, bytes) in &self.segments {
            if self
                .functions
                .range(*start..*start + bytes.len() as u64)
                .next()
                .is_none()
            {
                let (chunks, _) = bytes.as_chunks::<8>();
                let values = chunks.iter().map(|word| u64::from_le_bytes(*word));
                words.extend((*start..).step_by(8).zip(values));
            }
        }
        words
    }
}
