//! The images of a definition: there, and what they should be.

use core::fmt;
use core::ops::Range;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::{BzImage, BzImageError, FileKind, Uki, UkiError};
use bulkhead_memory::Region;

use crate::{Definition, Image, ImageKind, Machine, ToldKey};

/// Linux takes an uncompressed archive only where it begins at a multiple of this many bytes from the
/// initrd's start (`init/initramfs.c`), so boot loaders pad each to it.
const PADDING: u64 = 4;

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
    /// Its bytes are not those that were given to the loader.
    Altered {
        /// Its name.
        name: String,
        /// Its size in bytes.
        have: u64,
        /// The size that the loader's configuration says.
        told: u64,
    },
    /// What the loader's configuration says of it can't be read.
    Unreadable {
        /// Its name.
        name: String,
        /// What can't, and what it takes.
        key: ToldKey,
    },
    /// It is no kernel at all.
    NotAKernel {
        /// Its name.
        name: String,
        /// What it is.
        kind: FileKind,
    },
    /// It is a kernel that can't be launched.
    BadKernel {
        /// Its name.
        name: String,
        /// Why.
        reason: BzImageError,
    },
    /// It is a unified kernel image that can't be launched.
    BadUki {
        /// Its name.
        name: String,
        /// Why.
        reason: UkiError,
    },
    /// A kernel was given as initrd.
    KernelAsInitrd {
        /// Its name.
        name: String,
    },
    /// What was given as initrd is known to be something else.
    NotAnInitrd {
        /// Its name.
        name: String,
        /// What it is.
        kind: FileKind,
    },
}

impl ImageError {
    /// The name of the image that is at fault.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Absent { name, .. }
            | Self::Altered { name, .. }
            | Self::Unreadable { name, .. }
            | Self::NotAKernel { name, .. }
            | Self::BadKernel { name, .. }
            | Self::BadUki { name, .. }
            | Self::KernelAsInitrd { name }
            | Self::NotAnInitrd { name, .. } => name,
        }
    }
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
            Self::Altered { name, have, told } => write!(
                f,
                "image \"{name}\" has {have} bytes, not the {told} that the loader's configuration says \
                 (GRUB unpacks modules, unless by module2 --nounzip)"
            ),
            Self::Unreadable { name, key } => write!(
                f,
                "the loader's configuration says something of image \"{name}\" that is no number: {key}"
            ),
            Self::NotAKernel {
                name,
                kind: kind @ FileKind::Empty,
            } => write!(f, "image \"{name}\" is empty ({})", kind.instead()),
            Self::NotAKernel {
                name,
                kind: kind @ FileKind::Other,
            } => write!(
                f,
                "image \"{name}\" is not a Linux kernel ({})",
                kind.instead()
            ),
            Self::NotAKernel { name, kind } => write!(
                f,
                "image \"{name}\" is {kind}, not a bzImage ({})",
                kind.instead()
            ),
            Self::BadKernel { name, reason } => {
                write!(f, "kernel \"{name}\" can't be launched: {reason}")
            }
            Self::BadUki { name, reason } => {
                write!(f, "image \"{name}\" can't be launched: {reason}")
            }
            Self::KernelAsInitrd { name } => {
                write!(f, "image \"{name}\" is a kernel, not an initrd")
            }
            Self::NotAnInitrd {
                name,
                kind: kind @ FileKind::Empty,
            } => write!(f, "image \"{name}\" is empty ({})", kind.instead()),
            Self::NotAnInitrd { name, kind } => write!(
                f,
                "image \"{name}\" is {kind}, not an initrd (a cpio archive is accepted, compressed or not)"
            ),
        }
    }
}

/// What a definition boots: its kernel, and what comes with it.
#[derive(Clone, Copy, Debug)]
pub struct Boot<'a> {
    /// The image that holds the kernel.
    pub image: &'a Image,
    /// The kernel.
    pub bzimage: &'a BzImage,
    /// The bytes of the kernel's file: all of the image, or `.linux` of a UKI.
    pub file: Region,
    /// The UKI, if it is one.
    pub uki: Option<&'a Uki>,
}

impl<'a> Boot<'a> {
    /// The operator's command line; where he gave none, the UKI's, if there is one. So does
    /// `systemd-stub` without Secure Boot.
    ///
    /// # Errors
    /// [`ImageError::BadUki`] if the UKI's can't be used and would be.
    pub fn cmdline<'b>(&self, definition: &'b Definition) -> Result<&'b str, ImageError>
    where
        'a: 'b,
    {
        match self.uki {
            Some(uki) if definition.cmdline.is_empty() => match &uki.cmdline {
                Ok(cmdline) => Ok(cmdline),
                Err(reason) => Err(ImageError::BadUki {
                    name: self.image.name.clone(),
                    reason: *reason,
                }),
            },
            _ => Ok(&definition.cmdline),
        }
    }

    /// Finds the archives that its Linux unpacks, in order: those of the UKI, then the definition's.
    ///
    /// # Errors
    /// [`ImageError`] if there is no image of that name, or it can't be an initrd.
    pub fn initrds(
        &self,
        definition: &Definition,
        machine: &'a Machine,
    ) -> Result<Vec<Region>, ImageError> {
        let own = self.uki.into_iter().flat_map(Uki::initrds);
        let own = own.filter_map(|bytes| part(self.image, bytes)).map(Ok);
        let given = definition.initrds.iter();
        own.chain(given.map(|name| find_initrd(name, machine)))
            .collect()
    }
}

impl Definition {
    /// Finds the image that its kernel is in.
    ///
    /// # Errors
    /// [`ImageError`] if there is none of that name, or it can't be launched.
    pub fn find_kernel<'a>(&self, machine: &'a Machine) -> Result<Boot<'a>, ImageError> {
        let image = find(&self.kernel, machine)?;
        let name = || image.name.clone();
        let (bzimage, uki) = match &image.kind {
            ImageKind::Kernel(bzimage) => (bzimage, None),
            ImageKind::Uki(uki) => (&uki.kernel, Some(uki)),
            ImageKind::BadKernel(reason) => {
                let (name, reason) = (name(), *reason);
                return Err(ImageError::BadKernel { name, reason });
            }
            ImageKind::BadUki(reason) => {
                let (name, reason) = (name(), *reason);
                return Err(ImageError::BadUki { name, reason });
            }
            ImageKind::Data(kind) => {
                let (name, kind) = (name(), *kind);
                return Err(ImageError::NotAKernel { name, kind });
            }
        };
        let file = match uki {
            Some(uki) => part(image, &uki.linux),
            None => image.region,
        };
        file.map(|file| Boot {
            image,
            bzimage,
            file,
            uki,
        })
        .ok_or_else(|| ImageError::NotAKernel {
            name: name(),
            kind: FileKind::Empty,
        })
    }
}

/// Bytes of initrds with the padding between them.
#[must_use]
pub fn initrd_bytes(initrds: &[Region]) -> u64 {
    let sizes = initrds.iter().map(|initrd| initrd.size());
    sizes.fold(0, |end, size| padded(end).saturating_add(size))
}

/// Where an initrd begins if the one before ends `end` bytes behind the first one's start.
#[must_use]
pub fn padded(end: u64) -> u64 {
    end.checked_next_multiple_of(PADDING).unwrap_or(u64::MAX)
}

/// Bytes of an image, as memory; `None` if there are none.
fn part(image: &Image, bytes: &Range<usize>) -> Option<Region> {
    let start = image.region?.start();
    let at = |offset: usize| start.checked_add(offset as u64);
    Region::from_bounds(at(bytes.start)?, at(bytes.end)?)
}

fn find_initrd(name: &str, machine: &Machine) -> Result<Region, ImageError> {
    let image = find(name, machine)?;
    let name = || image.name.clone();
    let (kind, region) = match &image.kind {
        ImageKind::Data(kind) => (*kind, image.region),
        _ => return Err(ImageError::KernelAsInitrd { name: name() }),
    };
    region
        .filter(|_| kind.may_be_initrd())
        .ok_or_else(|| ImageError::NotAnInitrd { name: name(), kind })
}

/// The image of that name, as it was given to the loader.
fn find<'a>(name: &str, machine: &'a Machine) -> Result<&'a Image, ImageError> {
    let image = machine.image(name).ok_or_else(|| ImageError::Absent {
        name: name.into(),
        existing: machine
            .images
            .iter()
            .map(|image| image.name.clone())
            .collect(),
    })?;
    if let Some(key) = image.told.unreadable {
        let name = name.into();
        return Err(ImageError::Unreadable { name, key });
    }
    match image.wrong_size() {
        Some(told) => Err(ImageError::Altered {
            name: name.into(),
            have: image.bytes(),
            told,
        }),
        None => Ok(image),
    }
}
