//! What a machine boots.

use std::path::Path;

use super::{Firmware, Machine};

impl Machine {
    /// A q35 with 4 cores, 2 GiB and four serial ports that boots an ISO made by
    /// [`crate::iso::Iso::make`]. Its sockets and logs lie beside the ISO, in a folder called
    /// `run`.
    ///
    /// # Panics
    /// If the image lies in no folder.
    #[must_use]
    pub fn new(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        Self::booted_by(
            folder,
            vec!["-cdrom".to_string(), iso.display().to_string()],
        )
    }

    /// The same, with the ISO as a USB stick. What is written to it is forgotten.
    ///
    /// # Panics
    /// If the image lies in no folder.
    #[must_use]
    pub fn from_stick(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        let drive = format!(
            "if=none,id=stick,format=raw,snapshot=on,file={}",
            iso.display()
        );
        let arguments = ["-device", "qemu-xhci", "-drive", &drive];
        let arguments = arguments
            .into_iter()
            .chain(["-device", "usb-storage,drive=stick,removable=on"]);
        Self::booted_by(folder, arguments.map(String::from).collect())
    }

    /// The same, with the ISO as a virtio disk: the BIOS has it in much fewer instructions than from
    /// a CD, each word of which it reads from a port.
    ///
    /// # Panics
    /// If the image lies in no folder.
    #[must_use]
    pub fn from_disk(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        let drive = format!(
            "if=none,id=iso,format=raw,readonly=on,file={}",
            iso.display()
        );
        // Behind all root ports, whose numbers are those of the devices.
        let device = "virtio-blk-pci,drive=iso,bootindex=0,addr=1e";
        let arguments = ["-drive", &drive, "-device", device];
        Self::booted_by(folder, arguments.map(String::from).to_vec())
    }

    /// A `microvm` in place of the q35, with the ISO as a disk: one serial port, and neither PCI nor
    /// any of a PC's old devices that it can do without. It has no CD drive.
    ///
    /// # Panics
    /// If the image lies in no folder.
    #[must_use]
    pub fn micro(iso: &Path, run: &str) -> Self {
        let folder = iso.parent().expect("an ISO lies in a folder").join(run);
        let drive = format!(
            "if=none,id=disk,format=raw,snapshot=on,file={}",
            iso.display()
        );
        let arguments = ["-drive", &drive, "-device", "virtio-blk-device,drive=disk"];
        Self {
            kind: "microvm,acpi=on",
            ports: 1,
            ..Self::booted_by(folder, arguments.map(String::from).to_vec())
        }
    }

    /// The same, booted over a network: by QEMU's own servers from a TFTP folder, or by those that
    /// are on the tap interface of that name. UEFI's own network stack is used, not that of the
    /// card's ROM.
    ///
    /// # Panics
    /// If the image lies in no folder.
    #[must_use]
    pub fn from_network(tftp: &Path, tap: Option<&str>, firmware: Firmware, run: &str) -> Self {
        let folder = tftp.parent().expect("it lies in a folder").join(run);
        let file = match firmware {
            Firmware::Bios => "bios.pxe",
            Firmware::Uefi => "uefi.efi",
        };
        let network = match tap {
            Some(tap) => format!("tap,id=net,ifname={tap},script=no,downscript=no"),
            None => format!("user,id=net,tftp={},bootfile={file}", tftp.display()),
        };
        let card = match firmware {
            Firmware::Bios => "virtio-net-pci,netdev=net",
            Firmware::Uefi => "virtio-net-pci,netdev=net,romfile=",
        };
        let arguments = ["-netdev", &network, "-device", card];
        Self::booted_by(folder, arguments.map(String::from).to_vec()).firmware(firmware)
    }

    /// A machine whose network card's own iPXE, which is what QEMU's cards have, runs the script at
    /// a URL. `10.0.2.2` is this host.
    #[must_use]
    pub fn from_ipxe(folder: &Path, url: &str) -> Self {
        let network = format!("user,id=net,bootfile={url}");
        let arguments = ["-netdev", &network, "-device", "virtio-net-pci,netdev=net"];
        Self::booted_by(folder.to_path_buf(), arguments.map(String::from).to_vec())
    }

    /// The same, with nothing to boot but what is on its disks. Its sockets and logs lie in `folder`.
    #[must_use]
    pub fn from_disks(folder: &Path) -> Self {
        Self::booted_by(folder.to_path_buf(), Vec::new())
    }

    /// The same without Bulkhead: QEMU itself starts a Linux, to compare with. Two serial ports;
    /// as a third one the words of the BIOS, which says "Booting from ROM" before it loads the
    /// kernel. Its sockets and logs lie in `folder`.
    #[must_use]
    pub fn without_bulkhead(folder: &Path, kernel: &Path, initrd: &Path, cmdline: &str) -> Self {
        let (kernel, initrd) = (kernel.display(), initrd.display());
        let boot = [
            ("-kernel", kernel.to_string()),
            ("-initrd", initrd.to_string()),
            ("-append", cmdline.to_string()),
        ];
        let boot = boot
            .into_iter()
            .flat_map(|(key, value)| [key.to_string(), value]);
        Self {
            ports: 2,
            has_debug_port: true,
            ..Self::booted_by(folder.to_path_buf(), boot.collect())
        }
    }
}
