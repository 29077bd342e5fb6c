//! Methods run as Intel's interpreter runs them, where that is installed (Debian's acpica-tools):
//! many made tables, of which each bridge's `_PRT` chooses one of some packages.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::{env, fs, process};

use bulkhead_firmware::discover;

use crate::fake::{Fake, RSDP, fadt};

/// Tables, and bridges in each.
const TABLES: u64 = 12;
const BRIDGES: u64 = 24;
/// Packages to choose from; the pin leads to 16 and up.
const PACKAGES: u64 = 5;

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        let Self(state) = self;
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }

    fn expression(&mut self, depth: u64) -> String {
        if depth == 0 {
            return match self.roll(6) {
                0 => "PICM".into(),
                1 => format!("0x{:X}", self.roll(1 << 30)),
                2 => self.pick(&["Zero", "One", "Ones"]).into(),
                3 => format!("VAR{}", self.roll(3)),
                4 => "FLD0".into(),
                _ => format!("Local{}", self.roll(4)),
            };
        }
        let a = self.expression(depth - 1);
        match self.roll(9) {
            8 => format!("DeRefOf (Index (NUMS, And ({a}, 3)))"),
            0 => format!("HELP ({a})"),
            1 => format!("{} ({a})", self.pick(&["LNot", "ToInteger"])),
            2 => {
                let operator = self.pick(&["Not", "FindSetLeftBit", "FindSetRightBit"]);
                format!("{operator} ({a})")
            }
            3 => format!(
                "CondRefOf ({})",
                self.pick(&["VAR0", "\\_SB.NONE", "Local1"])
            ),
            4 => {
                let inner = self.roll(depth);
                let b = self.expression(inner);
                let operator = self.pick(&["ShiftLeft", "ShiftRight"]);
                format!("{operator} ({a}, And ({b}, 0x47))")
            }
            5 => {
                let inner = self.roll(depth);
                let b = self.expression(inner);
                format!("Mod ({a}, Or ({b}, 1))")
            }
            6 => {
                let inner = self.roll(depth);
                let b = self.expression(inner);
                let operators = [
                    "Add", "Subtract", "Multiply", "And", "NAnd", "Or", "NOr", "XOr",
                ];
                let place = self.pick(&["", "Local2", "VAR1"]);
                format!("{} ({a}, {b}, {place})", self.pick(&operators))
            }
            _ => {
                let inner = self.roll(depth);
                let b = self.expression(inner);
                let operators = [
                    "LAnd",
                    "LOr",
                    "LEqual",
                    "LGreater",
                    "LLess",
                    "LNotEqual",
                    "LLessEqual",
                    "LGreaterEqual",
                ];
                format!("{} ({a}, {b})", self.pick(&operators))
            }
        }
    }

    fn statements(&mut self, depth: u64) -> String {
        let mut text = String::new();
        for _ in 0..=self.roll(3) {
            let value = self.expression(2);
            let place = self.pick(&[
                "Local0", "Local1", "Local2", "Local3", "VAR0", "VAR1", "VAR2",
            ]);
            let statement = match self.roll(if depth == 0 { 4 } else { 8 }) {
                0 | 1 => format!("Store ({value}, {place})"),
                2 => format!("{} ({place})", self.pick(&["Increment", "Decrement"])),
                3 => format!("Divide ({value}, 3, Local1, {place})"),
                4 => format!(
                    "Store (0, Local{0}) While (LLess (Local{0}, {1})) {{ Increment (Local{0}) {2} {3} }}",
                    4 + depth,
                    1 + self.roll(3),
                    self.statements(depth - 1),
                    self.pick(&["", "If (Local0) { Continue }", "If (Local3) { Break }"])
                ),
                5 => {
                    let package = match self.roll(4) {
                        0 => format!("DeRefOf (Index (PRTP, And ({value}, 3)))"),
                        1 => format!("DeRefOf (Index (INPL, And ({value}, 1)))"),
                        2 => {
                            writeln!(text, "Index (PRTP, And ({value}, 3), Local7)").unwrap();
                            "DeRefOf (Local7)".into()
                        }
                        _ => format!("T{:03}", self.roll(PACKAGES)),
                    };
                    format!("If ({value}) {{ Return ({package}) }}")
                }
                6 => format!("If ({value}) {{ {} }}", self.statements(depth - 1)),
                _ => format!(
                    "If ({value}) {{ {} }} Else {{ {} }}",
                    self.statements(depth - 1),
                    self.statements(depth - 1)
                ),
            };
            writeln!(text, "{statement}").unwrap();
        }
        text
    }

    /// A DSDT whose `TEST` returns where each bridge's pin leads, as a package.
    fn table(&mut self, revision: u64) -> String {
        let mut text = format!(
            "DefinitionBlock (\"\", \"DSDT\", {revision}, \"TEST\", \"TEST\", 1) {{\n\
             Name (\\_S5, Package () {{ 5, 5, 0, 0 }})\n\
             Name (PICM, 0)\n\
             Method (\\_PIC, 1) {{ Store (Arg0, PICM) Store (Add (Arg0, 2), FLD0) }}\n\
             OperationRegion (NVS0, SystemMemory, 0x7F000000, 0x10)\n\
             Field (NVS0, ByteAcc, NoLock, Preserve) {{ , 8, FLD0, 8 }}\n\
             Method (HELP, 1) {{ If (LGreater (Arg0, 9)) {{ Store (3, Arg0) }} Return (Add (Arg0, PICM)) }}\n"
        );
        for package in 0..PACKAGES {
            let gsi = 16 + package;
            writeln!(
                text,
                "Name (T{package:03}, Package () {{ Package () {{ 0xFFFF, 0, 0, {gsi} }} }})"
            )
            .unwrap();
        }
        text += "Name (PRTP, Package () { T000, \\T001, T002, T003, T004 })\n\
             Name (NUMS, Package (6) { 0, 0x12345, Ones, One })\n\
             Name (INPL, Package () { Package () { Package () { 0xFFFF, 0, 0, 21 } }, \
             Package () { Package () { 0xFFFF, 0, Zero, 22 } } })\n";
        let mut test = String::new();
        for bridge in 0..BRIDGES {
            let body = self.statements(2);
            let last = self.roll(PACKAGES);
            writeln!(
                text,
                "Device (\\_SB.P{bridge:03}) {{ Name (_HID, EisaId (\"PNP0A08\")) Name (_BBN, {bridge})\n\
                 Name (VAR0, {}) Name (VAR1, 1) Name (VAR2, 0)\n\
                 Method (_PRT, 0, Serialized) {{ Name (T005, 7)\n\
                 Store (T005, Local0) Store (1, Local1) Store (PICM, Local2) Store (0, Local3)\n\
                 {body} Return (T{last:03}) }} }}",
                self.roll(9)
            )
            .unwrap();
            writeln!(
                test,
                "Store (DeRefOf (Index (DeRefOf (Index (\\_SB.P{bridge:03}._PRT (), 0)), 3)), Index (RSLT, {bridge}))"
            )
            .unwrap();
        }
        format!(
            "{text}\nMethod (TEST, 0, Serialized) {{ Name (RSLT, Package ({BRIDGES}) {{}}) \\_PIC (1)\n\
             {test} Return (RSLT) }} }}"
        )
    }
}

/// What a program of acpica-tools says; `None` if it is not installed.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn methods_choose_as_by_the_reference() {
    let folder = env::temp_dir().join(format!("bulkhead-acpiexec-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut dice = Dice(1);
    for table in 0..TABLES {
        let source = dice.table(1 + table % 2);
        fs::write(folder.join("t.asl"), &source).unwrap();
        // Without optimisations: what is constant stays an expression.
        let compiled = run("iasl", &["-oa", "-vs", "t.asl"], &folder);
        let executed = compiled.clone().and_then(|text| {
            assert!(text.contains("0 Errors"), "{text}\n{source}");
            run(
                "acpiexec",
                &["-di", "-b", "execute \\TEST", "t.aml"],
                &folder,
            )
        });
        let Some(executed) = executed else {
            let text = "skipped: methods_choose_as_by_the_reference: no iasl and acpiexec\n";
            io::stderr().write_all(text.as_bytes()).unwrap();
            break;
        };
        let integers = executed.lines().filter_map(|line| {
            let (_, digits) = line.split_once("[Integer] = ")?;
            u32::from_str_radix(digits.trim(), 16).ok()
        });
        let expected: Vec<u32> = integers.collect();
        assert_eq!(expected.len() as u64, BRIDGES, "{executed}\n{source}");

        let dsdt = fs::read(folder.join("t.aml")).unwrap();
        let mut fake = Fake::machine(&[(0x2000, fadt(&[(40, &0x4000_0000u32.to_le_bytes())]))]);
        fake.blocks.push((0x4000_0000, dsdt));
        let firmware = discover(&fake, RSDP);
        assert_eq!(firmware.problems, []);
        let found: Vec<u32> = firmware.routes.iter().map(|route| route.gsi).collect();
        assert_eq!(found, expected, "table {table}\n{source}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
