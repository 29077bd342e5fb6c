//! USB keyboards as hardware: controllers' registers and memory, who has which, and when they run.
//!
//! A controller (xHCI) that no running partition has is Bulkhead's, if there is a screen to type at.
//! Before a partition with it is launched, and when the shell's core leaves, it is halted and reset,
//! and may not use memory any more; when it is nobody's again it is set up anew. What it shares is RAM
//! of Bulkhead's own, in which its rings stay.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_pci::{Address, BarKind, Function, Grant, Own};
use bulkhead_terminal::keyboard::{Input, Keymap, Keys};
use bulkhead_usb::{Host, State, needs};

use crate::boot::Alone;
use crate::console::screen;
use crate::cpu::tsc;
use crate::mem::{frames, phys};
use crate::pci::Ecam;
use crate::sync::IrqLock;
use shared::Shared;

mod shared;

/// Most controllers: a board has one or two.
const MOST: usize = bulkhead_model::budget::USB_CONTROLLERS;
/// Class, subclass, interface of an xHCI controller.
const XHCI: [u8; 3] = [0x0c, 0x03, 0x30];
/// Longest waits in microseconds, with the shell standing still: for the halt, for the reset.
const HALT_US: u64 = 20_000;
const RESET_US: u64 = 250_000;
/// Keys that mean nothing and are taken at once: all that a report can tell.
const AT_ONCE: usize = 20;

struct Controller {
    own: Own,
    shared: Shared,
    host: Host,
    /// A partition has it, or may have.
    is_lent: bool,
}

// The budget of the heap has as much for each, and for what its way is made of.
const _: () = assert!(size_of::<Controller>() + 256 <= bulkhead_model::budget::USB_BYTES);

struct Usb {
    controllers: Vec<Controller>,
    keys: Option<Keys>,
    keymap: Keymap,
    /// What was not told yet: a controller that is passed over, and why.
    failed: Option<Address>,
}

static USB: IrqLock<Usb> = IrqLock::new(Usb {
    controllers: Vec::new(),
    keys: None,
    keymap: Keymap::Us,
    failed: None,
});

/// Finds the controllers and takes memory for them, if there is a screen.
#[inline(never)] // off the stack of all that follows
pub(crate) fn find(alone: &Alone, functions: &[Function]) {
    if screen::wants_status().is_none() {
        return;
    }
    let ecam = Ecam::before_launches(alone);
    let is_meant = |f: &&Function| [f.class, f.subclass, f.interface] == XHCI;
    let meant = functions.iter().filter(is_meant).take(MOST);
    let mut usb = USB.lock();
    usb.controllers.reserve_exact(meant.clone().count());
    for function in meant {
        let address = function.address;
        match Controller::new(&ecam, functions, function) {
            Ok(controller) => usb.controllers.push(controller),
            Err(why) => log::warn!("usb {address}: {why}"),
        }
    }
}

impl Controller {
    fn new(ecam: &Ecam<'_>, functions: &[Function], function: &Function) -> Result<Self, Why> {
        let mut bars = function.bars.iter();
        let bar = bars.find(|bar| bar.index == 0 && bar.kind != BarKind::Io);
        let registers = bar
            .and_then(|bar| bar.region())
            .filter(|r| phys::reaches(*r));
        let own = Own::of(functions, function.address);
        let (Some(registers), Some(own)) = (registers, own) else {
            return Err(Why::Text("has no address"));
        };
        if !own.open(ecam, ecam) {
            return Err(Why::Text("does not answer"));
        }
        let nothing = Region::new(0, 0).unwrap_or(registers);
        let mut shared = Shared {
            registers,
            memory: nothing,
        };
        let needs = needs(&shared).map_err(Why::Needs)?;
        let bytes = u64::from(needs.bytes());
        let window = Region::from_bounds(1 << 20, 4 << 30).expect("constant");
        let Some(memory) = frames::take_within(bytes, window, "USB") else {
            return Err(Why::Text("gets no memory: none is free"));
        };
        shared.memory = memory;
        let host = Host::new(&shared, needs);
        log::info!(
            "usb {}: {} KiB for keyboards",
            function.address,
            bytes >> 10
        );
        Ok(Self {
            own,
            host,
            shared,
            // Until it is seen that nobody has it.
            is_lent: true,
        })
    }

    /// It is nobody's: sets it up.
    fn start(&mut self) {
        // SAFETY: a function that no running partition has; this is the shell's core, which alone
        // launches any, and all that is done with controllers is done under the lock.
        let ecam = unsafe { Ecam::of_nobody() };
        if self.own.open(&ecam, &ecam) {
            self.host.start(&mut self.shared, tsc::uptime_ms());
        }
    }

    /// Halts and resets it.
    fn stop(&mut self) {
        let Self { host, shared, .. } = self;
        if !matches!(host.state(), State::Off | State::Failed) {
            host.halt(shared);
            if tsc::wait_until(HALT_US, || host.has_halted(shared)) {
                host.reset(shared);
                let _ = tsc::wait_until(RESET_US, || host.is_reset(shared));
            }
        }
        self.master(false);
    }

    fn master(&self, may: bool) {
        // SAFETY: as in `start`.
        let ecam = unsafe { Ecam::of_nobody() };
        self.own.master(&ecam, may);
    }
}

/// Why a controller is passed over.
enum Why {
    Text(&'static str),
    Needs(bulkhead_usb::NeedsError),
}

impl core::fmt::Display for Why {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Needs(error) => error.fmt(f),
        }
    }
}

/// What the operator did, if anything.
pub(crate) fn read() -> Option<Input> {
    let mut usb = USB.lock();
    let usb = &mut *usb;
    let now = tsc::uptime_ms();
    for controller in usb.controllers.iter_mut().filter(|c| !c.is_lent) {
        for _ in 0..AT_ONCE {
            let before = controller.host.state();
            let key = controller.host.poll(&mut controller.shared, now);
            let state = controller.host.state();
            if state != before {
                log::info!("usb {}: {}", controller.own.address(), word(state));
                controller.master(matches!(state, State::Ready | State::Running));
                if state == State::Failed {
                    usb.failed = Some(controller.own.address());
                }
            }
            let Some(key) = key else { break };
            let keys = usb.keys.get_or_insert_with(|| Keys::new(usb.keymap));
            let input = keys.usage(key.usage, key.is_down);
            let [num_lock, caps_lock] = keys.locks();
            controller
                .host
                .set_lights(u8::from(num_lock) | u8::from(caps_lock) << 1);
            if input.is_some() {
                return input;
            }
        }
    }
    None
}

const fn word(state: State) -> &'static str {
    match state {
        State::Off => "off",
        State::Starting => "is being reset",
        State::Ready => "was reset",
        State::Running => "runs",
        State::Failed => "does not answer",
    }
}

/// Says of each controller whether a partition has it. One that comes back is set up anew.
pub(crate) fn set_lent(is_lent: impl Fn(Address) -> bool) {
    let mut usb = USB.lock();
    for controller in &mut usb.controllers {
        let is_lent = is_lent(controller.own.address());
        if controller.is_lent == is_lent {
            continue;
        }
        controller.is_lent = is_lent;
        if is_lent {
            controller.stop();
        } else {
            controller.start();
        }
    }
    if usb.controllers.iter().all(|controller| controller.is_lent) {
        // Whatever was held was let go elsewhere.
        usb.keys = None;
    }
}

/// Leaves the controllers among some functions to the partition that is about to be launched with
/// these.
pub(crate) fn lend_to(grant: &Grant) {
    let mut usb = USB.lock();
    for controller in usb.controllers.iter_mut().filter(|c| !c.is_lent) {
        if grant.has(controller.own.address()) {
            controller.is_lent = true;
            controller.stop();
        }
    }
}

/// The controllers that are driven here.
pub(crate) fn addresses() -> Vec<Address> {
    let usb = USB.lock();
    usb.controllers.iter().map(|c| c.own.address()).collect()
}

/// Chooses the layout.
pub(crate) fn set_keymap(keymap: Keymap) {
    let mut usb = USB.lock();
    usb.keymap = keymap;
    if let Some(keys) = &mut usb.keys {
        keys.set_keymap(keymap);
    }
}

/// How many keyboards there are.
pub(crate) fn keyboards() -> usize {
    let usb = USB.lock();
    let mine = usb.controllers.iter().filter(|c| !c.is_lent);
    mine.map(|controller| controller.host.keyboards()).sum()
}

/// A controller that is passed over since the last call, as a line.
pub(crate) fn take_report() -> Option<String> {
    let address = USB.lock().failed.take()?;
    Some(alloc::format!(
        "the USB controller {address} does not answer: keyboards on it are not heard"
    ))
}
