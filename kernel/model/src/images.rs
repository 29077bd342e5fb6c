//! Images: there, and what they should be.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::{BzImage, BzImageError};

use crate::{Definition, Image, ImageKind, Machine};

/// Why an image can't be used.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageError {
    /// The loader brought no image of that name.
    Absent {
        /// The name.
        name: String,
        /// Names of those that there are.
        existing: Vec<String>,
    },
    /// It is no kernel at all.
    NotAKernel {
        /// Its name.
        name: String,
    },
    /// It is a kernel that can't be launched.
    BadKernel {
        /// Its name.
        name: String,
        /// Why.
        reason: BzImageError,
    },
    /// A kernel was given as initrd.
    KernelAsInitrd {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { name, existing } => {
                write!(f, "there is no image \"{name}\" (images: ")?;
                match existing.as_slice() {
                    [] => f.write_str("none)"),
                    names => write!(f, "{})", names.join(", ")),
                }
            }
            Self::NotAKernel { name } => write!(f, "image \"{name}\" is not a Linux kernel"),
            Self::BadKernel { name, reason } => {
                write!(f, "kernel \"{name}\" can't be launched: {reason}")
            }
            Self::KernelAsInitrd { name } => {
                write!(f, "image \"{name}\" is a kernel, not an initrd")
            }
        }
    }
}

impl Definition {
    /// Finds the image that its kernel is.
    ///
    /// # Errors
    /// [`ImageError`] if there is none of that name, or it can't be launched.
    pub fn find_kernel<'a>(
        &self,
        machine: &'a Machine,
    ) -> Result<(&'a Image, &'a BzImage), ImageError> {
        let kernel = find(&self.kernel, machine)?;
        let name = || kernel.name.clone();
        match &kernel.kind {
            ImageKind::Kernel(bzimage) => Ok((kernel, bzimage)),
            ImageKind::BadKernel(reason) => Err(ImageError::BadKernel {
                name: name(),
                reason: *reason,
            }),
            ImageKind::Data => Err(ImageError::NotAKernel { name: name() }),
        }
    }

    /// Finds the image that its initrd is, if it has one.
    ///
    /// # Errors
    /// [`ImageError`] if there is none of that name, or it is a kernel.
    pub fn find_initrd<'a>(&self, machine: &'a Machine) -> Result<Option<&'a Image>, ImageError> {
        let Some(name) = &self.initrd else {
            return Ok(None);
        };
        let image = find(name, machine)?;
        match image.kind {
            ImageKind::Data => Ok(Some(image)),
            ImageKind::Kernel(_) | ImageKind::BadKernel(_) => {
                Err(ImageError::KernelAsInitrd { name: name.clone() })
            }
        }
    }
}

fn find<'a>(name: &str, machine: &'a Machine) -> Result<&'a Image, ImageError> {
    machine.image(name).ok_or_else(|| ImageError::Absent {
        name: name.into(),
        existing: machine
            .images
            .iter()
            .map(|image| image.name.clone())
            .collect(),
    })
}
