//! Transfer request blocks (xHCI §6.4).

/// A TRB: what is asked of the controller, or what it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trb(pub(crate) [u32; 4]);

/// In the last dword: whose turn it is, and other bits.
pub(crate) const CYCLE: u32 = 1 << 0;
/// Of a link: the cycle bit changes behind it.
const TOGGLE: u32 = 1 << 1;
/// An event for a short packet.
const ON_SHORT: u32 = 1 << 2;
/// An event when it is done.
const ON_END: u32 = 1 << 5;
/// The parameter is the data.
const IMMEDIATE: u32 = 1 << 6;
/// To the host.
const IN: u32 = 1 << 16;

/// Types (xHCI §6.4.6).
pub(crate) mod kind {
    pub(crate) const NORMAL: u32 = 1;
    pub(crate) const SETUP: u32 = 2;
    pub(crate) const DATA: u32 = 3;
    pub(crate) const STATUS: u32 = 4;
    pub(crate) const LINK: u32 = 6;
    pub(crate) const ENABLE_SLOT: u32 = 9;
    pub(crate) const DISABLE_SLOT: u32 = 10;
    pub(crate) const ADDRESS_DEVICE: u32 = 11;
    pub(crate) const CONFIGURE_ENDPOINT: u32 = 12;
    pub(crate) const EVALUATE_CONTEXT: u32 = 13;
    pub(crate) const RESET_ENDPOINT: u32 = 14;
    pub(crate) const SET_DEQUEUE: u32 = 16;
    pub(crate) const TRANSFER_EVENT: u32 = 32;
    pub(crate) const COMMAND_EVENT: u32 = 33;
    pub(crate) const PORT_EVENT: u32 = 34;
}

/// Completion codes (xHCI §6.4.5).
pub(crate) mod code {
    pub(crate) const SUCCESS: u32 = 1;
    pub(crate) const SHORT: u32 = 13;
    /// The first and the last of those that tell of an endpoint that was stopped.
    pub(crate) const STOPPED: u32 = 26;
    pub(crate) const STOPPED_LAST: u32 = 28;
}

impl Trb {
    const fn new(parameter: [u32; 2], status: u32, kind: u32, bits: u32) -> Self {
        Self([parameter[0], parameter[1], status, kind << 10 | bits])
    }

    /// Leads back to the beginning of a ring.
    pub(crate) const fn link(to: u32) -> Self {
        Self::new([to, 0], 0, kind::LINK, TOGGLE)
    }

    /// A command, about a slot, with the address of a context.
    pub(crate) const fn command(kind: u32, slot: u8, context: u32) -> Self {
        Self::new([context, 0], 0, kind, (slot as u32) << 24)
    }

    /// A command about a slot's first endpoint.
    pub(crate) const fn endpoint(kind: u32, slot: u8, dequeue: u32) -> Self {
        Self::new([dequeue, 0], 0, kind, (slot as u32) << 24 | 1 << 16)
    }

    /// The first stage of a control transfer.
    pub(crate) const fn setup(request: [u32; 2], is_in: bool) -> Self {
        let stage = match (request[1] >> 16, is_in) {
            (0, _) => 0,
            (_, false) => 2,
            (_, true) => 3,
        };
        Self::new(request, 8, kind::SETUP, IMMEDIATE | stage << 16)
    }

    /// Its data.
    pub(crate) const fn data(buffer: u32, length: u32, is_in: bool) -> Self {
        let direction = if is_in { IN } else { 0 };
        Self::new([buffer, 0], length, kind::DATA, direction)
    }

    /// Its last stage, which goes against the data.
    pub(crate) const fn status(data_is_in: bool) -> Self {
        let direction = if data_is_in { 0 } else { IN };
        Self::new([0, 0], 0, kind::STATUS, ON_END | direction)
    }

    /// A packet of an interrupt endpoint.
    pub(crate) const fn packet(buffer: u32, length: u32) -> Self {
        Self::new([buffer, 0], length, kind::NORMAL, ON_END | ON_SHORT)
    }

    pub(crate) const fn kind(self) -> u32 {
        self.0[3] >> 10 & 0x3f
    }

    /// Of an event: how it ended.
    pub(crate) const fn code(self) -> u32 {
        self.0[2] >> 24
    }

    /// Of an event: bytes that were not transferred.
    pub(crate) const fn rest(self) -> u32 {
        self.0[2] & 0x00ff_ffff
    }

    /// Of an event: the slot.
    pub(crate) const fn slot(self) -> u8 {
        self.0[3].to_le_bytes()[3]
    }

    /// Of a transfer's event: the endpoint.
    pub(crate) const fn endpoint_id(self) -> u8 {
        self.0[3].to_le_bytes()[2] & 0x1f
    }

    /// Of a port's event: the port.
    pub(crate) const fn port(self) -> u8 {
        self.0[0].to_le_bytes()[3]
    }
}
