//! The images of a launch.

use bulkhead_linux::BzImage;
use bulkhead_model::{Definition, Image, Machine};

use crate::LaunchError;

/// The images of a partition, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Images<'a> {
    pub(crate) kernel: &'a Image,
    pub(crate) bzimage: &'a BzImage,
    pub(crate) initrd: Option<&'a Image>,
}

impl<'a> Images<'a> {
    /// Finds them.
    pub(crate) fn of(machine: &'a Machine, definition: &Definition) -> Result<Self, LaunchError> {
        let (kernel, bzimage) = definition
            .find_kernel(machine)
            .map_err(LaunchError::Kernel)?;
        Ok(Self {
            kernel,
            bzimage,
            initrd: definition
                .find_initrd(machine)
                .map_err(LaunchError::Initrd)?,
        })
    }

    /// Size of the initrd in bytes; 0 without one.
    pub(crate) fn initrd_bytes(&self) -> u64 {
        self.initrd.map_or(0, |image| image.region.size())
    }
}
