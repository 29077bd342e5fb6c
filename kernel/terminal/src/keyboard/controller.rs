//! The controller: its registers, setting it up, sending the keyboard a byte.
//!
//! Sources: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
//! Controller"; Intel 8042 with the extensions that PC chipsets have.

/// The controller's two ports, and a clock.
pub trait Ports {
    /// Reads the status register (port 0x64).
    fn status(&mut self) -> u8;
    /// Reads the data register (port 0x60).
    fn read(&mut self) -> u8;
    /// Writes the data register.
    fn write(&mut self, byte: u8);
    /// Writes the command register (port 0x64).
    fn command(&mut self, byte: u8);
    /// Waits.
    fn wait_us(&mut self, us: u64);
}

/// Status: a byte can be read.
pub(crate) const OUTPUT_FULL: u8 = 1 << 0;
/// Status: the last byte written was not taken yet.
const INPUT_FULL: u8 = 1 << 1;
/// Status: the byte to be read is the mouse's.
pub(crate) const FROM_MOUSE: u8 = 1 << 5;
/// Status where there is no controller at all.
const NOBODY: u8 = 0xff;

const READ_CONFIGURATION: u8 = 0x20;
const WRITE_CONFIGURATION: u8 = 0x60;
const SELF_TEST: u8 = 0xaa;
/// What it answers if all is well.
const PASSED: u8 = 0x55;
const DISABLE_MOUSE: u8 = 0xa7;
const DISABLE_KEYBOARD: u8 = 0xad;
const ENABLE_KEYBOARD: u8 = 0xae;

/// Configuration: interrupts of keyboard and mouse.
const INTERRUPTS: u8 = 0b11;
/// Configuration: the keyboard's clock is stopped.
const KEYBOARD_STOPPED: u8 = 1 << 4;
/// Configuration: the mouse's clock is stopped.
const MOUSE_STOPPED: u8 = 1 << 5;
/// Configuration: scan codes of set 2 are translated into those of set 1.
const TRANSLATES: u8 = 1 << 6;

/// To the keyboard: default settings; scan code set, with its number; send keys.
const SET_DEFAULTS: u8 = 0xf6;
const CHOOSE_SET: u8 = 0xf0;
const SET_2: u8 = 2;
const ENABLE: u8 = 0xf4;
/// From the keyboard: understood.
pub(crate) const ACKNOWLEDGE: u8 = 0xfa;
/// From the keyboard: say it again.
pub(crate) const RESEND: u8 = 0xfe;

/// Longest wait for the self-test in microseconds.
const SELF_TEST_US: u64 = 100_000;
/// Longest wait for the controller, and for the keyboard's answer, in microseconds.
const CONTROLLER_US: u64 = 10_000;
const KEYBOARD_US: u64 = 25_000;
const STEP_US: u64 = 10;
/// Most bytes that are thrown away: controllers hold one or two, emulations up to 16.
const LEFTOVERS: usize = 32;

/// How the controller was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Scan codes come as those of set 1.
    pub(crate) translates: bool,
    /// A keyboard answered.
    pub(crate) answers: bool,
}

/// Sets controller and keyboard up for polling; `None` where there is no controller.
///
/// Translation stays as the firmware set it: not every controller can do both. Neither controller
/// nor keyboard is reset, which takes up to a second, and which firmware that makes a PS/2 keyboard
/// of a USB one may not survive.
pub(crate) fn set_up(ports: &mut impl Ports) -> Option<Found> {
    if ports.status() == NOBODY {
        return None;
    }
    command(ports, DISABLE_KEYBOARD);
    command(ports, DISABLE_MOUSE);
    drain(ports);
    command(ports, READ_CONFIGURATION);
    // An emulation may not know the command: then translation, which all have, is assumed.
    let configuration = answer(ports, CONTROLLER_US);
    if let Some(old) = configuration {
        let new = (old & !(INTERRUPTS | KEYBOARD_STOPPED)) | MOUSE_STOPPED;
        command(ports, WRITE_CONFIGURATION);
        send(ports, new);
    }
    command(ports, ENABLE_KEYBOARD);
    let setup = [SET_DEFAULTS, CHOOSE_SET, SET_2, ENABLE];
    let answers = setup.into_iter().all(|byte| tell(ports, byte));
    Some(Found {
        translates: configuration.is_none_or(|c| c & TRANSLATES != 0),
        answers,
    })
}

/// Whether somebody answers at the ports, whatever firmware says: a controller, or firmware's
/// emulation of one. Where nobody is the ports read as all ones, but on some boards as something else,
/// and then it takes 0.2 s at most.
///
/// Its self-test comes last: it may change how the controller is configured, and an emulation need not
/// know it.
pub fn is_there(ports: &mut impl Ports) -> bool {
    if ports.status() == NOBODY || !drain(ports) {
        return false;
    }
    command(ports, READ_CONFIGURATION);
    if answer(ports, CONTROLLER_US).is_some() {
        return true;
    }
    command(ports, SELF_TEST);
    answer(ports, SELF_TEST_US) == Some(PASSED) || tell(ports, ENABLE)
}

/// Throws away what nobody has read; whether that has an end.
fn drain(ports: &mut impl Ports) -> bool {
    for _ in 0..LEFTOVERS {
        if ports.status() & OUTPUT_FULL == 0 {
            return true;
        }
        ports.read();
    }
    false
}

/// Sends a byte; says whether the controller took the one before it in time.
pub(crate) fn send(ports: &mut impl Ports, byte: u8) -> bool {
    let is_free = wait(ports, CONTROLLER_US, |status| status & INPUT_FULL == 0);
    if is_free {
        ports.write(byte);
    }
    is_free
}

fn command(ports: &mut impl Ports, byte: u8) {
    if wait(ports, CONTROLLER_US, |status| status & INPUT_FULL == 0) {
        ports.command(byte);
    }
}

/// Sends the keyboard a byte and waits for its acknowledgement; keys pressed meanwhile are lost.
fn tell(ports: &mut impl Ports, byte: u8) -> bool {
    if !send(ports, byte) {
        return false;
    }
    (0..LEFTOVERS)
        .map_while(|_| answer(ports, KEYBOARD_US))
        .any(|byte| byte == ACKNOWLEDGE)
}

/// The next byte, if it comes in time.
fn answer(ports: &mut impl Ports, us: u64) -> Option<u8> {
    wait(ports, us, |status| status & OUTPUT_FULL != 0).then(|| ports.read())
}

fn wait(ports: &mut impl Ports, us: u64, is_so: impl Fn(u8) -> bool) -> bool {
    for _ in 0..us / STEP_US {
        if is_so(ports.status()) {
            return true;
        }
        ports.wait_us(STEP_US);
    }
    is_so(ports.status())
}
