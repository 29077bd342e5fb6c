//! Bytes that a launch writes.

use alloc::borrow::Cow;

use bulkhead_memory::Region;

use crate::LaunchError;

/// Bulkhead's runtime services, as they are put into every partition.
#[derive(Clone, Copy, Debug)]
pub struct ResidentCode {
    /// Position-independent code and what it keeps beside it; at most
    /// [`RUNTIME_CODE_BYTES`](crate::RUNTIME_CODE_BYTES). Plans share it.
    pub code: &'static [u8],
    /// Offset in the code of a `u64` that becomes the partition's number.
    pub partition_id_offset: usize,
    /// Offset in the code of each service's entry, in UEFI's order: `GetTime` to
    /// `QueryVariableInfo` (UEFI 2.10 §4.5.1).
    pub services: [u16; 14],
}

/// Bytes to be written, and zeroes behind them up to the end of their room: of what lay there
/// before, nothing stays.
///
/// A plan is kept for as long as its partition is, and most of a firmware block is zeroes: they are
/// a number here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where they go.
    pub to: u64,
    /// They; what all plans have in common is not copied.
    pub bytes: Cow<'static, [u8]>,
    /// The room in bytes, from [`to`](Self::to): at least as many as there are.
    pub room: u64,
}

impl Write {
    /// The bytes that will be overwritten, zeroes included; `None` if there are none.
    #[must_use]
    pub fn target(&self) -> Option<Region> {
        Region::new(self.to, self.room)
    }

    /// What will be zeroes; `None` if the bytes fill the room.
    #[must_use]
    pub fn zeroes(&self) -> Option<Region> {
        let written = self.bytes.len() as u64;
        Region::new(
            self.to.checked_add(written)?,
            self.room.checked_sub(written)?,
        )
    }
}

/// A write that fills `part` with `bytes` and then zeroes.
pub(crate) fn fill(part: Region, what: &'static str, bytes: &[u8]) -> Result<Write, LaunchError> {
    check_room(part, what, bytes)?;
    // The zeroes at the end of the bytes are as good as those behind them.
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    Ok(Write {
        to: part.start(),
        bytes: Cow::Owned(bytes[..end].to_vec()),
        room: part.size(),
    })
}

fn check_room(part: Region, what: &'static str, bytes: &[u8]) -> Result<(), LaunchError> {
    if bytes.len() as u64 > part.size() {
        return Err(LaunchError::Oversized {
            what,
            bytes: bytes.len(),
            room: part.size(),
        });
    }
    Ok(())
}

/// Bytes of the partition's number in the runtime services.
const NUMBER_BYTES: usize = size_of::<u64>();

/// The runtime services with the partition's number in them: what is before it, the number, and
/// the rest. Only the number is the plan's own.
pub(crate) fn numbered(
    part: Region,
    resident: &ResidentCode,
    id: usize,
) -> Result<impl Iterator<Item = Write>, LaunchError> {
    let code = resident.code;
    let outside = |offset| LaunchError::RuntimeCode {
        offset,
        bytes: code.len(),
    };
    let mut services = resident.services.iter().map(|s| usize::from(*s));
    if let Some(service) = services.find(|service| *service >= code.len()) {
        return Err(outside(service));
    }
    check_room(part, "the runtime services", code)?;
    let offset = resident.partition_id_offset;
    let (before, rest) = code.split_at_checked(offset).ok_or(outside(offset))?;
    let (_, after) = rest.split_at_checked(NUMBER_BYTES).ok_or(outside(offset))?;
    let number = (id as u64).to_le_bytes().to_vec();
    // Inside the part, as all of the code is.
    let from = |bytes: &[u8]| part.start() + (code.len() - bytes.len()) as u64;
    let write = |to, bytes: Cow<'static, [u8]>| Write {
        to,
        room: bytes.len() as u64,
        bytes,
    };
    let writes = [
        write(part.start(), Cow::Borrowed(before)),
        write(from(rest), Cow::Owned(number)),
        Write {
            to: from(after),
            bytes: Cow::Borrowed(after),
            room: part.end() - from(after),
        },
    ];
    Ok(writes.into_iter().filter(|write| write.room != 0))
}
