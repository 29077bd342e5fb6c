//! A partition that has Bulkhead's shell do lines, on hardware at which nothing happens.

use std::cell::RefCell;

use bulkhead_lifecycle::{CallerMemory, Definition, GUID, Hardware, Lifecycle, Outcome, Variables};
use bulkhead_model::RestartPolicy;

use crate::support::Session;

const NAME: u64 = 0;
const VENDOR: u64 = 0x100;
const ATTRIBUTES: u64 = 0x200;
const SIZE: u64 = 0x208;
const DATA: u64 = 0x300;

type Lives = Lifecycle<1, 2>;

/// "boss", which may ask for all.
pub(crate) struct Asker(Box<Lives>);

impl Asker {
    pub(crate) fn new() -> Self {
        let life = Box::new(Lives::new());
        life.publish(
            0,
            Some(&Definition {
                name: "boss",
                cores: &[1],
                policy: RestartPolicy::Never,
                has_control: true,
                only: &[],
                memory: 1 << 28,
                shares_low: false,
                regions: &[],
                wants_dump: false,
                watchdog: 0,
            }),
        );
        Self(life)
    }

    /// Has a line done: how that ended, what was said to it, and what stands at the operator's.
    pub(crate) fn line(&self, session: &mut Session, line: &str) -> (Outcome, String, String) {
        let passed = self.0.ask(&Calm, 0, Some(&format!("#1 do {line}")));
        assert_eq!(passed, Outcome::Passed, "{line}");
        let mut shown = String::new();
        let Session { shell, kernel, .. } = session;
        assert!(shell.serve_line(&self.0, kernel, &mut shown), "{line}");
        let (_, outcome) = self.0.answers(&Calm, 0).next().unwrap();
        let said = self.output();
        assert_eq!(self.0.ask(&Calm, 0, Some("#1 seen")), Outcome::Done);
        (outcome, said, shown)
    }

    /// What `Output` has, without its first line.
    fn output(&self) -> String {
        let memory = Ram(RefCell::new(vec![0; 0x4000]));
        let units = "Output\0".encode_utf16().flat_map(u16::to_le_bytes);
        memory.write(NAME, &units.collect::<Vec<u8>>());
        memory.write(VENDOR, &GUID);
        memory.write(SIZE, &0x3000_u64.to_le_bytes());
        let variables = Variables {
            lifecycle: &*self.0,
            hardware: &Calm,
            memory: &memory,
            caller: 0,
            store: None,
        };
        let got = variables.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]);
        assert!(got.is_some());
        let size = usize::try_from(memory.read_u64(SIZE).unwrap()).unwrap();
        let mut text = vec![0; size];
        memory.read(DATA, &mut text);
        let text = String::from_utf8(text).unwrap();
        text.split_once('\n').unwrap().1.to_string()
    }
}

struct Ram(RefCell<Vec<u8>>);

fn range(at: u64, length: usize) -> std::ops::Range<usize> {
    let at = usize::try_from(at).unwrap();
    at..at + length
}

impl CallerMemory for Ram {
    fn read(&self, from: u64, into: &mut [u8]) -> Option<()> {
        into.copy_from_slice(self.0.borrow().get(range(from, into.len()))?);
        Some(())
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Option<()> {
        let mut ram = self.0.borrow_mut();
        ram.get_mut(range(to, bytes.len()))?.copy_from_slice(bytes);
        Some(())
    }
}

struct Calm;

impl Hardware for Calm {
    fn me(&self) -> usize {
        1
    }

    fn apic_id(&self, core: usize) -> u32 {
        u32::try_from(core).unwrap()
    }

    fn now(&self) -> u64 {
        1
    }

    fn ticks(&self, us: u64) -> u64 {
        us
    }

    fn relax(&self) {}

    fn init(&self, _core: usize) {}

    fn init_delay_us(&self) -> u64 {
        0
    }

    fn startup(&self, _core: usize) {}

    fn doorbell(&self, _core: usize) {}

    fn is_boot_processor(&self, core: usize) -> bool {
        core == 0
    }

    fn is_too_early(&self, _partition: usize) -> bool {
        false
    }

    fn boot_processor_first(&self, _partition: usize) -> bool {
        false
    }

    fn ask(&self, _partition: usize, _core: usize) {}

    fn force(&self, _partition: usize, _core: usize) {}

    fn startle(&self, _core: usize) {}

    fn silence(&self, _partition: usize) {}

    fn set_up(&self, _partition: usize, _is_first: bool) {}

    fn clear(&self, _partition: usize) {}

    fn place(&self, _partition: usize) -> u64 {
        0
    }

    fn is_low_written(&self, _partition: usize) -> bool {
        true
    }

    fn mark_low(&self, _partition: usize, _clears: bool) {}

    fn hand_over(&self, _partition: usize) {}

    fn keep(&self) {}
}
