//! A kernel without hardware, and an operator who types.

#![allow(
    dead_code,
    reason = "every test file includes this module and uses its own part of it"
)]

pub(crate) mod image;
mod login;
mod machine;
pub(crate) mod refused;
mod terminal;

use core::cell::RefCell;
use core::fmt;
use std::collections::VecDeque;

use bulkhead_conductor::{ConductError, How, can_launch};
use bulkhead_fake::{Happening, happen};
use bulkhead_launch::ResidentCode;
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_lifecycle::{Agent, CoreState, Order, Refusal, Terminals};
use bulkhead_linux::FileKind;
use bulkhead_memory::Region;
use bulkhead_model::{Change, End, Image, ImageKind, Isolation, Machine, State, Told, Warning};
use bulkhead_pci::{Address, Answer, Function};
use bulkhead_printk::{Follower, Note, Piece};
use bulkhead_shell::{Control, Shell};

pub(crate) use terminal::Terminal;

/// Runtime services that do nothing.
static CODE: [u8; 4096] = [0xc3; 4096];

/// A [`Control`] that does what it is told and remembers it.
pub(crate) struct FakeKernel {
    pub(crate) machine: Machine,
    pub(crate) ledger: Ledger,
    /// Names of the partitions that were started, in order.
    pub(crate) started: Vec<String>,
    /// Numbers of the partitions that were killed, in order.
    pub(crate) killed: Vec<usize>,
    /// Names of the partitions that were restarted, in order.
    pub(crate) restarted: Vec<String>,
    /// Names of the partitions whose plans are kept for later.
    pub(crate) prepared: Vec<String>,
    /// The partitions to which Bulkhead's core was handed, in order.
    pub(crate) handed: Vec<String>,
    /// How often Bulkhead's core was parked.
    pub(crate) halts: usize,
    /// The partition whose start fails.
    pub(crate) broken: Option<&'static str>,
    /// How often the machine was asked to end.
    pub(crate) ends: usize,
    /// The texts of images, by the address at which the image begins.
    pub(crate) texts: Vec<(u64, &'static str)>,
    /// The bytes of other images than scripts, by the address at which the image begins; a kernel
    /// that is not among them is whole.
    pub(crate) files: Vec<(u64, Vec<u8>)>,
    /// What will happen, in order: when, to whom, and what.
    pub(crate) later: VecDeque<(u64, &'static str, Happening)>,
    /// What was seen to happen and is still to be told.
    pub(crate) untold: VecDeque<String>,
    /// Milliseconds that a look at all partitions takes.
    pub(crate) observe_ms: u64,
    /// Milliseconds since Bulkhead was entered; a pause takes ten.
    pub(crate) now_ms: u64,
    /// When the operator presses `^C`.
    pub(crate) interrupt_ms: Option<u64>,
    /// The keyboard's layout.
    pub(crate) keymap: &'static str,
    /// Whether the screen has a status line.
    pub(crate) status: bool,
    /// Bytes of memory that are free.
    pub(crate) free_bytes: usize,
    /// What answers in a function's place, if not the function.
    pub(crate) answers: Vec<(Address, Answer)>,
    /// Bridges whose slot's card is wanted out.
    pub(crate) wanted_out: Vec<Address>,
    /// What a Linux prints, piece by piece.
    pub(crate) said: RefCell<VecDeque<(&'static str, Option<Note>)>>,
    /// Why a Linux panicked.
    pub(crate) reason: Option<String>,
    /// What keeps the devices of all live ones in, if it is not as they would be launched now.
    pub(crate) isolation: Option<Isolation>,
    /// The agents, by the number of their partition.
    pub(crate) agents: Vec<(usize, Agent)>,
    /// What the one of the partition that is attached to has.
    pub(crate) login: login::Shared,
    /// When they are all forgotten, as at the end of their runs, which is observed later.
    pub(crate) forgotten_ms: Option<u64>,
    /// What was asked of them, and how many seconds they have.
    pub(crate) ordered: Vec<(String, Order, u32)>,
    /// Why the machine can't be powered off, where that is known before.
    pub(crate) lacks_off: Option<&'static str>,
}

impl Default for FakeKernel {
    fn default() -> Self {
        Self {
            machine: machine::machine(),
            ledger: Ledger::default(),
            started: Vec::new(),
            killed: Vec::new(),
            restarted: Vec::new(),
            prepared: Vec::new(),
            handed: Vec::new(),
            halts: 0,
            broken: None,
            ends: 0,
            texts: Vec::new(),
            files: Vec::new(),
            later: VecDeque::new(),
            untold: VecDeque::new(),
            observe_ms: 0,
            now_ms: 83_012,
            interrupt_ms: None,
            keymap: "us",
            status: true,
            free_bytes: usize::MAX,
            answers: Vec::new(),
            wanted_out: Vec::new(),
            said: RefCell::default(),
            reason: None,
            isolation: None,
            agents: Vec::new(),
            login: login::Shared::default(),
            forgotten_ms: None,
            ordered: Vec::new(),
            lacks_off: None,
        }
    }
}

impl FakeKernel {
    /// The next thing that is due happens: what is told of it.
    fn happen(&mut self) -> Option<String> {
        let (_, name, event) = self.later.pop_front_if(|(at, ..)| *at <= self.now_ms)?;
        self.apply(name, event);
        Some(format!("{name}: {event:?}"))
    }

    /// Adds an image that holds `text`.
    pub(crate) fn add_script(&mut self, name: &str, text: &'static str) {
        let start = 0x7d00_0000 + 0x10_0000 * self.texts.len() as u64;
        self.texts.push((start, text));
        self.machine.images.push(Image {
            name: name.into(),
            region: Region::new(start, text.len() as u64),
            kind: ImageKind::Data(FileKind::Other),
            told: Told::default(),
        });
    }

    /// Tells the ledger what happened to a partition.
    pub(crate) fn apply(&mut self, name: &str, what: Happening) {
        let id = self.ledger.find(name).unwrap().id;
        assert!(happen(&mut self.ledger, id, what), "{name}: {what:?}");
    }

    /// Whether it is the one that fails.
    fn works(&self, name: &str, error: ConductError) -> Result<(), ConductError> {
        match self.broken {
            Some(broken) if broken == name => Err(error),
            _ => Ok(()),
        }
    }
}

/// Why a launch fails.
const NOT_PARKED: ConductError = ConductError::NotParked {
    core: 2,
    state: "silent",
};
/// Why an end fails.
const LOST: ConductError = ConductError::CoreLost { core: 2 };

impl FakeKernel {
    /// An agent in that partition is heard.
    pub(crate) fn hear(&mut self, name: &str) {
        let id = self.ledger.find(name).unwrap().id;
        let agent = Agent {
            heard_ms: Some(400),
            ..Agent::default()
        };
        self.agents.push((id, agent));
    }
}

impl Control for FakeKernel {
    fn agent(&self, id: usize) -> Agent {
        let mut agents = self.agents.iter();
        let found = agents.find_map(|(known, agent)| (*known == id).then_some(*agent));
        found.unwrap_or_default()
    }

    fn isolation(&self, _id: usize) -> Option<Isolation> {
        self.isolation
    }

    fn terminals(&self) -> Option<&dyn Terminals> {
        Some(&self.login)
    }

    fn order(&mut self, name: &str, order: Order, seconds: u32) -> Result<(), ConductError> {
        self.works(name, NOT_PARKED)?;
        let partition = self.ledger.find(name).unwrap();
        let (id, state) = (partition.id, partition.life.state);
        // As the lifecycle has it.
        if state != State::Waiting && !self.agent(id).can_be_asked() {
            return Err(ConductError::Refused(Refusal::NoAgent));
        }
        if let Some((_, agent)) = self.agents.iter_mut().find(|(known, _)| *known == id) {
            agent.order = Some(order);
            agent.left_ms = u64::from(seconds) * 1000;
        }
        self.ordered.push((name.into(), order, seconds));
        Ok(())
    }

    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.define(&self.machine, name, change)
    }

    fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.set(&self.machine, name, change)
    }

    fn undefine(&mut self, name: &str) -> Result<(), PlanError> {
        self.ledger.undefine(name)
    }

    fn link(&mut self, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError> {
        self.ledger.link(&self.machine, names, size, |_| true)
    }

    fn unlink(&mut self, names: [&str; 2]) -> Result<(), PlanError> {
        self.ledger.unlink(names, |_| true)
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are 14 services")]
    fn resident_code(&self) -> ResidentCode {
        ResidentCode {
            code: &CODE,
            partition_id_offset: 8,
            services: core::array::from_fn(|i| 16 + 16 * i as u16),
        }
    }

    fn observe(&mut self) {
        self.now_ms += self.observe_ms;
        while let Some(line) = self.happen() {
            self.untold.push_back(line);
        }
    }

    fn answer(&self, function: &Function) -> Answer {
        let mut answers = self.answers.iter();
        let other = answers.find(|(address, _)| *address == function.address);
        other.map_or(Answer::Here, |(_, answer)| *answer)
    }

    fn removal_asked(&self, bridge: &Function) -> bool {
        self.wanted_out.contains(&bridge.address)
    }

    fn launch(&mut self, name: &str, how: How) -> Result<(), ConductError> {
        let code = self.resident_code();
        can_launch(&self.machine, &self.ledger, &code, name, how)?;
        let boot_core = self.ledger.get(name)?.claim.boot_core();
        assert_ne!(boot_core, self.machine.boot_core);
        if self.ledger.get(name)?.life.state.is_live() {
            self.works(name, LOST)?;
            self.apply(name, Happening::Ended(End::Killed));
            self.restarted.push(name.into());
        } else {
            self.works(name, NOT_PARKED)?;
            self.started.push(name.into());
        }
        self.apply(name, Happening::Launch);
        self.apply(name, Happening::Launched);
        Ok(())
    }

    fn prepare(&mut self) -> Vec<(String, ConductError)> {
        let (machine, ledger, code) = (&self.machine, &self.ledger, self.resident_code());
        let mut not = Vec::new();
        let mut prepared = Vec::new();
        for partition in ledger {
            let name = partition.definition.name.clone();
            if ledger.check_launch(machine, &name).is_err() {
                continue;
            }
            match ledger.plan(machine, &code, &name) {
                Ok(_) => prepared.push(name),
                Err(error) => not.push((name, error.into())),
            }
        }
        self.prepared = prepared;
        not
    }

    /// The Linux that gets the core powers off at once.
    fn handoff(&mut self, name: &str) -> Result<(), ConductError> {
        self.works(name, NOT_PARKED)?;
        let boot_core = self.ledger.get(name)?.claim.boot_core();
        assert_eq!(boot_core, self.machine.boot_core);
        let off = Happening::Ended(End::PoweredOff);
        for what in [Happening::Launch, Happening::Launched, off] {
            self.apply(name, what);
        }
        self.handed.push(name.into());
        Ok(())
    }

    /// Wakes at once.
    fn halt(&mut self) -> Result<(), ConductError> {
        if self.broken.is_some() {
            return Err(NOT_PARKED);
        }
        self.halts += 1;
        Ok(())
    }

    fn kill(&mut self, name: &str) -> Result<(), ConductError> {
        self.works(name, LOST)?;
        self.apply(name, Happening::Ended(End::Killed));
        self.killed.push(self.ledger.get(name)?.id);
        Ok(())
    }

    fn free_bytes(&self) -> usize {
        self.free_bytes
    }

    fn log(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "[    0.001] loaded by Limine 8.2.0")
    }

    fn printed(
        &self,
        id: usize,
        run: Option<u32>,
        out: &mut dyn fmt::Write,
    ) -> Result<bool, fmt::Error> {
        let life = self.ledger.by_id(id).map(|partition| &partition.life);
        let runs = life.map_or(0, |life| life.runs);
        let run = run.unwrap_or(runs);
        if run == 0 || run > runs || run + 3 < runs {
            return Ok(false);
        }
        writeln!(
            out,
            "[    0.000000] Linux version 6.1.0-50-cloud-amd64 of run {run}"
        )?;
        Ok(true)
    }

    fn follow(&self, id: usize, _: &mut Follower, piece: &mut Piece) -> Option<Note> {
        assert!(self.ledger.by_id(id).is_some());
        let (text, note) = self.said.borrow_mut().pop_front()?;
        text.bytes().for_each(|byte| piece.push(byte));
        note
    }

    fn printed_runs(&self, id: usize) -> [Option<u32>; 3] {
        let life = self.ledger.by_id(id).map(|partition| &partition.life);
        let ended = life.map_or(0, |life| {
            life.runs - u32::from(life.state == State::Running)
        });
        [2, 1, 0].map(|back| ended.checked_sub(back).filter(|run| *run > 0))
    }

    fn set_isolation(&mut self, isolation: Option<Isolation>) {
        self.machine.isolation = isolation;
    }

    fn reason(&self, _id: usize) -> Option<String> {
        self.reason.clone()
    }

    fn core_state(&self, apic_id: u32) -> CoreState {
        let is_it = |core: &&bulkhead_model::Core| core.apic_id == apic_id;
        let core = self.machine.cores.iter().find(is_it);
        match self.ledger.owner_of_core(apic_id) {
            _ if !core.is_some_and(|core| core.responding) => CoreState::Absent,
            _ if apic_id == self.machine.boot_core => CoreState::Bulkhead,
            Some(name) if self.ledger.find(name).unwrap().life.state.is_live() => {
                CoreState::Running
            }
            _ => CoreState::Parked,
        }
    }

    fn reset(&mut self) -> String {
        self.ends += 1;
        "the firmware has no reset register".into()
    }

    fn lacks_poweroff(&self) -> Option<String> {
        self.lacks_off.map(String::from)
    }

    fn poweroff(&mut self) -> String {
        self.ends += 1;
        "the firmware has no S5 state".into()
    }

    fn version(&self) -> &str {
        "Bulkhead 0.1.0"
    }

    fn uptime_ms(&self) -> u64 {
        self.now_ms
    }

    fn image_bytes(&self, region: Region) -> &'static [u8] {
        let start = region.start();
        if let Some((_, text)) = self.texts.iter().find(|(at, _)| *at == start) {
            return text.as_bytes();
        }
        let file = self.files.iter().find(|(at, _)| *at == start);
        let images = &mut self.machine.images.iter();
        let image = images.find(|image| image.region == Some(region));
        match (file, image.map(|image| &image.kind)) {
            (Some((_, file)), _) => file.clone().leak(),
            (None, Some(ImageKind::Kernel(_))) => &image::WHOLE,
            (None, _) => &[0xff],
        }
    }

    fn next_event(&mut self) -> Option<String> {
        let untold = self.untold.pop_front();
        untold.or_else(|| self.happen())
    }

    fn pause(&mut self) -> bool {
        self.now_ms += 10;
        if self.forgotten_ms.is_some_and(|at| at <= self.now_ms) {
            self.agents.clear();
        }
        self.interrupt_ms.is_some_and(|at| at <= self.now_ms)
    }

    fn partition_uptime_ms(&self, id: usize) -> Option<u64> {
        let partition = self.ledger.by_id(id)?;
        (partition.life.state == State::Running).then_some(self.now_ms - 83_000 + 3_725_000)
    }

    fn keymaps(&self) -> &'static [&'static str] {
        &["us", "uk", "de", "jp"]
    }

    fn keymap(&self) -> (&'static str, &'static str) {
        (self.keymap, "PS/2, scan code set 1 (translated)")
    }

    fn set_keymap(&mut self, name: &str) {
        let known = self.keymaps().iter().find(|known| **known == name);
        self.keymap = known.expect("the shell has checked it");
    }

    fn status(&self) -> Option<bool> {
        Some(self.status)
    }

    fn set_status(&mut self, on: bool) {
        self.status = on;
    }
}

/// A shell, its kernel and its terminal.
pub(crate) struct Session {
    pub(crate) shell: Shell,
    pub(crate) kernel: FakeKernel,
    pub(crate) terminal: Terminal,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// At the first prompt.
    pub(crate) fn new() -> Self {
        let mut session = Self {
            shell: Shell::new(),
            kernel: FakeKernel::default(),
            terminal: Terminal::default(),
        };
        session.shell.prompt(&mut session.terminal);
        session
    }

    /// At the first prompt, with some lines executed before, all of which must succeed.
    pub(crate) fn after(lines: &str) -> Self {
        let mut session = Self::new();
        let mut said = String::new();
        let done = session
            .shell
            .script("setup", lines, &mut session.kernel, &mut said);
        assert!(done.is_ok(), "{said}");
        session
    }

    /// Types keys, sent as bytes.
    pub(crate) fn keys(&mut self, keys: &str) {
        for byte in keys.bytes() {
            self.shell.feed(byte, &mut self.kernel, &mut self.terminal);
        }
    }

    /// Types a line, and returns what stands below it when the prompt is back.
    pub(crate) fn line(&mut self, line: &str) -> String {
        let mut said = String::new();
        for byte in line.bytes().chain([b'\r']) {
            let out: &mut dyn fmt::Write = if byte == b'\r' {
                &mut said
            } else {
                &mut self.terminal
            };
            self.shell.feed(byte, &mut self.kernel, out);
        }
        let below = said.split_once('\n').unwrap().1;
        below.strip_suffix("bulkhead> ").unwrap().to_string()
    }
}
