//! The images of a launch.

use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_model::{Boot, Definition, Machine, initrd_bytes, padded};

use crate::{Copy, LaunchError, Write};

/// The images of a partition, checked.
#[derive(Clone, Debug)]
pub(crate) struct Images<'a> {
    pub(crate) boot: Boot<'a>,
    /// The archives that its Linux unpacks, in order.
    pub(crate) initrds: Vec<Region>,
}

impl<'a> Images<'a> {
    /// Finds them.
    pub(crate) fn of(machine: &'a Machine, definition: &Definition) -> Result<Self, LaunchError> {
        let boot = definition
            .find_kernel(machine)
            .map_err(LaunchError::Kernel)?;
        Ok(Self {
            boot,
            initrds: boot
                .initrds(definition, machine)
                .map_err(LaunchError::Initrd)?,
        })
    }

    /// Bytes that the initrds take in one piece; 0 without any.
    pub(crate) fn initrd_bytes(&self) -> u64 {
        initrd_bytes(&self.initrds)
    }

    /// How the initrds become one that begins at `start`, and the zeros between them.
    pub(crate) fn join_at(&self, start: u64) -> (Vec<Copy>, Vec<Write>) {
        let mut end = 0;
        let (mut copies, mut gaps) = (Vec::with_capacity(self.initrds.len()), Vec::new());
        for from in &self.initrds {
            let next = padded(end);
            if next != end {
                gaps.push(Write {
                    to: start + end,
                    bytes: (&[]).into(),
                    room: next - end,
                });
            }
            copies.push(Copy {
                from: *from,
                to: start + next,
            });
            end = next + from.size();
        }
        (copies, gaps)
    }
}
