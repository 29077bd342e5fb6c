//! Calls of a Linux's EFI runtime services, as its kernel makes them, with pointers that no kernel gives.
//!
//! User space can't: a module does, whose first function has room for code (`tests/src/faulty.rs`). For
//! each call the code is put into it anew; it returns an error, so that it is never there afterwards. Linux's
//! own wrappers of the services are called (`drivers/firmware/efi/runtime-wrappers.c`), which hand on
//! what they are given.
//!
//! Source: UEFI 2.10 §8, appendix D (status codes).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;

/// What the module has where the code goes.
const ROOM: &[u8] = b"room for code   ";
/// Of an argument, a register's instructions, filled with `nop`.
const SLOT: usize = 16;
const NOP: u8 = 0x90;
/// The stack's area in which the call's own places lie. Stacks have 16 KiB, of which this is at the lower end.
const AREA: u32 = 0x800;
/// At its beginning, and 16 bytes behind that: a length that is enough for what is short, and the higher byte of one that
/// is for all.
const LENGTHS: [u8; 2] = [64, 0x06];
/// `init_module` fails with this and the low byte of the status, which are no error of its own.
const FAILED: i32 = 0x100;

/// An argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Number(u64),
    /// So far into the area on the stack.
    Area(u32),
    /// The last byte of the stack, behind which no page is.
    Edge,
    /// So far into the constants behind the code.
    Constant(u8),
    /// The address of a symbol of the kernel, and so far behind it.
    Symbol(&'static str, u64),
}

use Word::{Area, Constant, Edge, Number, Symbol};

/// Places that are as they should be.
const SIZE: Word = Area(0);
const FLAGS: Word = Area(8);
const DATA: Word = Area(0x100);
const NAME: Word = Constant(0);
const VENDOR: Word = Constant(8);
/// What Bulkhead tells, a row of 448 bytes for each partition: a length, the name, the vendor.
const LONG: Word = Area(16);
const TOLD: Word = Constant(24);
const BULKHEAD: Word = Constant(40);
/// "XY" in UCS-2, its end, and a GUID of nobody; "Details" and Bulkhead's GUID (`docs/control.md`).
const CONSTANTS: [u8; 56] = *b"X\0Y\0\0\0\0\0a guid of nobody\
    D\0e\0t\0a\0i\0l\0s\0\0\0\x6e\x1f\x3a\x8b\x47\x2d\x59\x4c\x9e\x07\xb4\x1c\x6a\xd0\x5f\x23";

/// Kept over resets, and readable by boot and runtime: all that Bulkhead takes.
const ATTRIBUTES: Word = Number(7);

/// A service, by Linux's wrapper of it, and arguments with which it is served.
type Service = (&'static str, &'static [Word]);
const SET_VARIABLE: Service = (
    "virt_efi_set_variable",
    &[NAME, VENDOR, ATTRIBUTES, Number(8), DATA],
);
const GET_VARIABLE: Service = ("virt_efi_get_variable", &[NAME, VENDOR, FLAGS, SIZE, DATA]);
const GET_TOLD: Service = (
    "virt_efi_get_variable",
    &[TOLD, BULKHEAD, FLAGS, LONG, DATA],
);
const SERVICES: [Service; 12] = [
    ("virt_efi_get_time", &[DATA, FLAGS]),
    ("virt_efi_set_time", &[DATA]),
    ("virt_efi_get_wakeup_time", &[FLAGS, SIZE, DATA]),
    ("virt_efi_set_wakeup_time", &[Number(1), DATA]),
    SET_VARIABLE,
    GET_VARIABLE,
    GET_TOLD,
    ("virt_efi_get_next_variable", &[SIZE, DATA, Area(0x200)]),
    (
        "virt_efi_query_variable_info",
        &[ATTRIBUTES, SIZE, FLAGS, DATA],
    ),
    ("virt_efi_get_next_high_mono_count", &[DATA]),
    ("virt_efi_update_capsule", &[DATA, Number(1), Number(0)]),
    (
        "virt_efi_query_capsule_caps",
        &[DATA, Number(1), FLAGS, SIZE],
    ),
];

/// What no kernel gives.
const KINDS: [Word; 20] = [
    Number(0),
    Number(1),
    // Small numbers as lengths, and the zero page's end as pointers.
    Number(0xfff),
    Number(0x1000),
    Number(0x8000_0000),
    Number(0xffff_ffff),
    // The last page of user space, the first address that is none, the last such, half of all.
    Number(0x7fff_ffff_f000),
    Number(0x8000_0000_0000),
    Number(0x8000_0000_0000_0000),
    Number(0xffff_7fff_ffff_ffff),
    // A hole in the kernel's half, the vsyscall page, a device, the end of all.
    Number(0xffff_ff00_0000_0000),
    Number(0xffff_ffff_ff60_0000),
    Number(0xfee0_0000),
    Number(u64::MAX - 7),
    Number(u64::MAX),
    // Ending where no page is, not aligned, not writable, and the same for all.
    Edge,
    Area(0x301),
    READ_ONLY[0],
    READ_ONLY[1],
    SIZE,
];
const READ_ONLY: [Word; 2] = [Symbol("_text", 0), Symbol("linux_banner", 1)];

/// All of them: each argument of each service, and all at once; how many calls. Before and afterwards a
/// variable is kept and read, or it fails.
pub(super) fn all(path: &str) -> Result<u64, String> {
    let mut caller = Caller {
        module: Module::read(path)?,
        answers: BTreeMap::new(),
    };
    caller.is_served()?;
    // What is at `linux_banner`.
    let banner = || fs::read("/proc/version").map_err(|error| format!("/proc/version: {error}"));
    let before = banner()?;
    for (service, arguments) in SERVICES {
        for kind in KINDS {
            for place in 0..arguments.len() {
                let mut wrong = arguments.to_vec();
                wrong[place] = kind;
                caller.call(service, &wrong)?;
            }
            caller.call(service, &vec![kind; arguments.len()])?;
        }
    }
    caller.is_served()?;
    let (service, arguments) = GET_VARIABLE;
    for into in READ_ONLY {
        let mut wrong = arguments.to_vec();
        wrong[4] = into;
        if caller.call(service, &wrong)? == 0 || banner()? != before {
            return Err("what its kernel may only read was written".to_string());
        }
    }
    let answers = caller.answers.iter();
    let answers = answers.map(|(status, count)| format!("{count} x {status}"));
    println!("statuses: {}", answers.collect::<Vec<_>>().join(", "));
    Ok(caller.answers.values().sum())
}

struct Caller {
    module: Module,
    /// How often each status came, by its low byte.
    answers: BTreeMap<u8, u64>,
}

impl Caller {
    fn call(&mut self, service: &str, arguments: &[Word]) -> Result<u8, String> {
        let status = self.module.call(service, arguments)?;
        *self.answers.entry(status).or_default() += 1;
        Ok(status)
    }

    /// Whether it is served when it asks as it should.
    fn is_served(&mut self) -> Result<(), String> {
        for (service, arguments) in [SET_VARIABLE, GET_VARIABLE, GET_TOLD] {
            match self.call(service, arguments)? {
                0 => {}
                status => return Err(format!("{service}: status {status}")),
            }
        }
        Ok(())
    }
}

struct Module {
    bytes: Vec<u8>,
    /// Where the code goes, and how much there may be.
    room: Range<usize>,
    /// Addresses of the kernel's symbols that are asked for.
    symbols: BTreeMap<&'static str, u64>,
}

impl Module {
    fn read(path: &str) -> Result<Self, String> {
        let read = |path: &str| fs::read(path).map_err(|error| format!("{path}: {error}"));
        let bytes = read(path)?;
        let start = bytes.windows(ROOM.len()).position(|bytes| bytes == ROOM);
        let start = start.ok_or_else(|| format!("{path} has no room for code"))?;
        let pieces = bytes[start..].chunks_exact(ROOM.len());
        let count = pieces.take_while(|piece| *piece == ROOM).count();
        let symbols = read("/proc/kallsyms")?;
        Ok(Self {
            bytes,
            room: start..start + count * ROOM.len(),
            symbols: symbols_in(&String::from_utf8_lossy(&symbols)),
        })
    }

    fn symbol(&self, name: &str) -> Result<u64, String> {
        let found = self.symbols.get(name).copied();
        found.ok_or_else(|| format!("this kernel has no {name}"))
    }

    /// The low byte of the status.
    fn call(&self, service: &str, arguments: &[Word]) -> Result<u8, String> {
        let code = self.code(service, arguments)?;
        let mut module = self.bytes.clone();
        let room = &mut module[self.room.clone()];
        room.get_mut(..code.len())
            .ok_or("there is too little room for code")?
            .copy_from_slice(&code);
        // SAFETY: the bytes are a whole module's, and the words an empty string; what its code does is what
        // is tried.
        let result = unsafe {
            libc::syscall(
                libc::SYS_init_module,
                module.as_ptr(),
                module.len(),
                c"".as_ptr(),
            )
        };
        let error = io::Error::last_os_error();
        let code = error.raw_os_error().unwrap_or_default();
        match u8::try_from(code - FAILED) {
            Ok(status) if result != 0 => Ok(status),
            _ => Err(format!("{service}: the module was not run: {error}")),
        }
    }

    fn code(&self, service: &str, arguments: &[Word]) -> Result<Vec<u8>, String> {
        // push %rbp; mov %rsp,%rbp; sub $AREA,%rsp; movq $SHORT,(%rsp); movq $LONG,0x10(%rsp)
        let mut code = vec![0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec];
        code.extend(AREA.to_le_bytes());
        let [short, long] = LENGTHS;
        code.extend([0x48, 0xc7, 0x04, 0x24, short, 0, 0, 0]);
        code.extend([0x48, 0xc7, 0x44, 0x24, 0x10, 0, long, 0, 0]);
        /// Bytes from the end of the last argument to the constants.
        const REST: usize = 10 + 2 + 1 + 3 + 2 + 5 + 1;
        let constants = code.len() + arguments.len() * SLOT + REST;
        for (word, register) in arguments.iter().zip(REGISTERS) {
            let start = code.len();
            match *word {
                Number(number) => code.extend(register.load(number)),
                Symbol(name, offset) => code.extend(register.load(self.symbol(name)? + offset)),
                Area(offset) => code.extend(register.on_stack(offset)),
                Edge => {
                    code.extend(register.on_stack(0));
                    code.extend(register.last_of_stack());
                }
                Constant(offset) => {
                    let end = code.len() + Register::BEHIND;
                    let distance = constants + usize::from(offset) - end;
                    let distance = u32::try_from(distance).map_err(|_| "too far")?;
                    code.extend(register.behind(distance));
                }
            }
            code.resize(start + SLOT, NOP);
        }
        // mov $service,%rax; call *%rax; leave; movzbl %al,%eax; neg %eax; sub $FAILED,%eax; ret
        code.extend([0x48, 0xb8]);
        code.extend(self.symbol(service)?.to_le_bytes());
        code.extend([0xff, 0xd0, 0xc9, 0x0f, 0xb6, 0xc0, 0xf7, 0xd8, 0x2d]);
        code.extend(FAILED.to_le_bytes());
        code.push(0xc3);
        assert_eq!(code.len(), constants);
        code.extend(CONSTANTS);
        Ok(code)
    }
}

/// Of all that the kernel has, those that are asked for.
fn symbols_in(text: &str) -> BTreeMap<&'static str, u64> {
    let kinds = KINDS.iter().filter_map(|kind| match kind {
        Symbol(name, _) => Some(*name),
        _ => None,
    });
    let services = SERVICES.iter().map(|(service, _)| *service);
    let wanted: BTreeSet<&str> = kinds.chain(services).collect();
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((*wanted.get(words.nth(1)?)?, address))
    };
    text.lines().filter_map(symbol).collect()
}

/// By its number: below eight in an instruction itself, with its highest bit in the prefix.
#[derive(Clone, Copy)]
struct Register(u8);

/// Of arguments (System V ABI): rdi, rsi, rdx, rcx, r8.
const REGISTERS: [Register; 5] = [
    Register(7),
    Register(6),
    Register(2),
    Register(1),
    Register(8),
];

impl Register {
    const fn low(self) -> u8 {
        self.0 & 7
    }

    const fn high(self) -> u8 {
        self.0 >> 3
    }

    /// Bytes of [`Self::behind`].
    const BEHIND: usize = 7;

    /// `mov $number,%register`
    fn load(self, number: u64) -> Vec<u8> {
        let prefix = 0x48 | self.high();
        let mut code = vec![prefix, 0xb8 | self.low()];
        code.extend(number.to_le_bytes());
        code
    }

    fn lea(self, mode: u8, rest: &[u8], offset: u32) -> Vec<u8> {
        let prefix = 0x48 | self.high() << 2;
        let mut code = vec![prefix, 0x8d, mode | self.low() << 3];
        code.extend(rest);
        code.extend(offset.to_le_bytes());
        code
    }

    /// `lea offset(%rsp),%register`
    fn on_stack(self, offset: u32) -> Vec<u8> {
        self.lea(0x84, &[0x24], offset)
    }

    /// `lea offset(%rip),%register`
    fn behind(self, offset: u32) -> Vec<u8> {
        self.lea(0x05, &[], offset)
    }

    /// `or $0x3fff,%register`: a stack begins at a multiple of its 16 KiB.
    fn last_of_stack(self) -> [u8; 7] {
        let prefix = 0x48 | self.high();
        [prefix, 0x81, 0xc8 | self.low(), 0xff, 0x3f, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `objdump -d` has them.
    #[test]
    fn code_is_what_it_says() {
        let [first, .., last] = REGISTERS;
        // mov $0x1,%rdi; lea 0x100(%rsp),%rdi; lea 0x10(%rip),%rdi; or $0x3fff,%rdi
        assert_eq!(first.load(1), [0x48, 0xbf, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(first.on_stack(0x100), [0x48, 0x8d, 0xbc, 0x24, 0, 1, 0, 0]);
        assert_eq!(first.behind(16), [0x48, 0x8d, 0x3d, 16, 0, 0, 0]);
        assert_eq!(first.last_of_stack(), [0x48, 0x81, 0xcf, 0xff, 0x3f, 0, 0]);
        // mov $0x1,%r8; lea 0x100(%rsp),%r8; lea 0x10(%rip),%r8; or $0x3fff,%r8
        assert_eq!(last.load(1), [0x49, 0xb8, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(last.on_stack(0x100), [0x4c, 0x8d, 0x84, 0x24, 0, 1, 0, 0]);
        assert_eq!(last.behind(16), [0x4c, 0x8d, 0x05, 16, 0, 0, 0]);
        assert_eq!(last.last_of_stack(), [0x49, 0x81, 0xc8, 0xff, 0x3f, 0, 0]);
    }

    #[test]
    fn a_call_has_its_constants_behind_it() {
        let module = Module {
            bytes: Vec::new(),
            room: 0..0,
            symbols: symbols_in("81000000 T _text\n10 t virt_efi_get_variable\t[x]\n20 t y\n"),
        };
        let (service, arguments) = GET_VARIABLE;
        let code = module.code(service, arguments).unwrap();
        assert!(code.ends_with(&CONSTANTS));
        assert!(module.code("nobody", arguments).is_err());
        assert_eq!(module.symbols.len(), 2);
    }
}
