//! USB keyboards as hardware: controllers' registers and memory ([`bulkhead_usb`] drives them).
//!
//! A controller (xHCI) that no running partition has is Bulkhead's, if there is a screen to type at. What it
//! shares is RAM of Bulkhead's own, in which its rings stay.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_pci::{Address, BarKind, Function, Grant, Own};
use bulkhead_terminal::keyboard::{Input, Keymap};
use bulkhead_usb::{Keyboards, Needs, State, needs};

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

// The budget of the heap has as much for each, and for what its way is made of.
const _: () = assert!(Keyboards::<Shared>::EACH + 256 <= bulkhead_model::budget::USB_BYTES);

static USB: IrqLock<Keyboards<Shared>> = IrqLock::new(Keyboards::new());

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
    usb.reserve(meant.clone().count());
    for function in meant {
        let address = function.address;
        match take(&ecam, functions, function) {
            Ok((controller, needs)) => usb.add(controller, needs),
            Err(why) => log::warn!("usb {address}: {why}"),
        }
    }
}

fn take(
    ecam: &Ecam<'_>,
    functions: &[Function],
    function: &Function,
) -> Result<(Shared, Needs), Why> {
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
    let memory = Region::new(0, 0).unwrap_or(registers);
    let mut shared = Shared {
        own,
        registers,
        memory,
    };
    let needs = needs(&shared).map_err(Why::Needs)?;
    let bytes = u64::from(needs.bytes());
    let window = Region::from_bounds(1 << 20, 4 << 30).expect("constant");
    let Some(memory) = frames::take_within(bytes, window, "USB") else {
        return Err(Why::Text("gets no memory: none is free"));
    };
    shared.memory = memory;
    let kib = bytes >> 10;
    log::info!("usb {}: {kib} KiB for keyboards", function.address);
    Ok((shared, needs))
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
    let told = |address, state| log::info!("usb {address}: {}", word(state));
    USB.lock().read(tsc::uptime_ms(), told)
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
    USB.lock().set_lent(tsc::uptime_ms(), is_lent);
}

/// Leaves the controllers among some functions to the partition that is about to be launched with
/// these.
pub(crate) fn lend_to(grant: &Grant) {
    USB.lock().lend(|address| grant.has(address));
}

/// The controllers that are driven here.
pub(crate) fn addresses() -> Vec<Address> {
    USB.lock().addresses().collect()
}

/// Chooses the layout.
pub(crate) fn set_keymap(keymap: Keymap) {
    USB.lock().set_keymap(keymap);
}

/// How many keyboards there are.
pub(crate) fn keyboards() -> usize {
    USB.lock().count()
}

/// A controller that is passed over since the last call, as a line.
pub(crate) fn take_report() -> Option<String> {
    let address = USB.lock().take_failed()?;
    Some(alloc::format!(
        "the USB controller {address} does not answer: keyboards on it are not heard"
    ))
}
