//! PCI devices of a machine: each behind a root port of its own, so that each is a claim.
//!
//! [`Board`] gathers them. The n-th device lies on bus n: root port n is device n+1 on bus 0, and
//! the firmware numbers buses in that order. Bulkhead calls its function `0000:0n:00.0`, and the
//! Linux that has it `0001:0n:00.0`.

use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device behind a root port, with what hangs on it.
#[derive(Clone, Debug)]
pub struct Device {
    /// `-device` values; `{port}` is the root port's name and `{n}` its number.
    devices: Vec<String>,
    /// `-drive` and `-netdev` arguments, with the same names.
    backends: Vec<(&'static str, String)>,
    /// More properties of its root port, each with a comma before it.
    port: String,
}

impl Device {
    fn new(device: &str) -> Self {
        Self {
            devices: vec![format!("{device},bus={{port}}")],
            backends: Vec::new(),
            port: String::new(),
        }
    }

    fn with_drive(mut self, disk: &Path) -> Self {
        let disk = disk.display();
        let drive = format!("if=none,id=drive{{n}},format=raw,file={disk}");
        self.backends.push(("-drive", drive));
        self
    }

    /// An NVMe disk.
    #[must_use]
    pub fn nvme(disk: &Path) -> Self {
        Self::new("nvme,drive=drive{n},serial=BULKHEAD{n}").with_drive(disk)
    }

    /// A virtio disk.
    #[must_use]
    pub fn virtio_blk(disk: &Path) -> Self {
        Self::new("virtio-blk-pci,drive=drive{n}").with_drive(disk)
    }

    /// An AHCI controller with a disk.
    #[must_use]
    pub fn ahci(disk: &Path) -> Self {
        Self::new("ich9-ahci,id=ahci{n}")
            .and("ide-hd,bus=ahci{n}.0,drive=drive{n}")
            .with_drive(disk)
    }

    /// A virtio SCSI controller with a disk.
    #[must_use]
    pub fn virtio_scsi(disk: &Path) -> Self {
        Self::new("virtio-scsi-pci,id=scsi{n}")
            .and("scsi-hd,bus=scsi{n}.0,drive=drive{n}")
            .with_drive(disk)
    }

    /// QEMU's `edu`: told by its registers, it copies memory from and to any address.
    #[must_use]
    pub fn edu() -> Self {
        Self::new("edu,dma_mask=0xffffffffffffffff")
    }

    /// An xHCI controller with nothing on it.
    #[must_use]
    pub fn xhci() -> Self {
        Self::new("qemu-xhci,id=xhci{n}")
    }

    /// An xHCI controller with a keyboard and a disk.
    #[must_use]
    pub fn xhci_with_keyboard_and_disk(disk: &Path) -> Self {
        Self::xhci()
            .and("usb-kbd,bus=xhci{n}.0")
            .and("usb-storage,bus=xhci{n}.0,drive=drive{n}")
            .with_drive(disk)
    }

    /// A function that another process makes, by a socket: [`made_card`](crate::made_card).
    #[must_use]
    pub(crate) fn by_socket(socket: &Path) -> Self {
        let socket = socket.display();
        Self {
            devices: vec![format!(
                "{{\"driver\":\"vfio-user-pci\",\"bus\":\"{{port}}\",\
                 \"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}"
            )],
            backends: Vec::new(),
            port: String::new(),
        }
    }

    /// A network card on a hub: whatever one card on it sends, all others receive. A card that does
    /// not take what it gets makes the others wait.
    #[must_use]
    pub fn card(model: Card, hub: u32) -> Self {
        Self::card_on(model, &format!("hubport,id=net{{n}},hubid={hub}"))
    }

    /// A network card on a wire to the host, by QEMU's own network stack: the host is `10.0.n.2` of
    /// the n-th device, and what it listens on at 127.0.0.1 answers there.
    #[must_use]
    pub fn card_to_host(model: Card) -> Self {
        Self::card_on(model, "user,id=net{n},net=10.0.{n}.0/24")
    }

    /// The same, and that port of the host's leads to ssh of who is `10.0.n.15`.
    #[must_use]
    pub fn card_to_host_with_ssh(model: Card, port: u16) -> Self {
        let forward = format!("hostfwd=tcp:127.0.0.1:{port}-:22");
        Self::card_on(
            model,
            &format!("user,id=net{{n}},net=10.0.{{n}}.0/24,{forward}"),
        )
    }

    /// Two network cards on a wire on which frames are lost that the other side does not take.
    ///
    /// # Panics
    /// If the host has no UDP ports left.
    #[must_use]
    pub fn cards_on_lossy_wire(models: [Card; 2]) -> [Self; 2] {
        // Two at once, so that they differ. They are free when QEMU takes them, unless another
        // program is quicker, which QEMU would say.
        let sockets = [(), ()].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port is free"));
        let [one, two] = sockets.map(|socket| socket.local_addr().expect("it is bound").port());
        let end = |model, local, remote| {
            let side =
                |name, port| format!("{name}.type=inet,{name}.host=127.0.0.1,{name}.port={port}");
            let (local, remote) = (side("local", local), side("remote", remote));
            Self::card_on(model, &format!("dgram,id=net{{n}},{local},{remote}"))
        };
        [end(models[0], one, two), end(models[1], two, one)]
    }

    /// A virtio card on a wire to another machine, by a socket: that which listens is started first.
    #[must_use]
    pub fn card_on_stream(socket: &Path, listens: bool) -> Self {
        let server = if listens { "on" } else { "off" };
        let address = format!("addr.type=unix,addr.path={}", socket.display());
        Self::card_on(
            Card::Virtio,
            &format!("stream,id=net{{n}},server={server},{address}"),
        )
    }

    /// A virtio card on a TAP of the host that is there.
    #[must_use]
    pub fn card_on_tap(tap: &str) -> Self {
        Self::card_on(
            Card::Virtio,
            &format!("tap,id=net{{n}},ifname={tap},script=no,downscript=no"),
        )
    }

    fn card_on(model: Card, backend: &str) -> Self {
        let model = match model {
            Card::E1000e => "e1000e",
            Card::Igb => "igb",
            Card::Virtio => "virtio-net-pci",
        };
        let mut device = Self::new(&format!(
            "{model},netdev=net{{n}},mac=52:54:00:00:00:0{{n}}"
        ));
        device.backends.push(("-netdev", backend.to_string()));
        device
    }

    /// With one more `-device`, which hangs on this one.
    #[must_use]
    pub fn and(mut self, device: &str) -> Self {
        self.devices.push(device.to_string());
        self
    }

    /// With more properties of the device itself: `queues=4`.
    #[must_use]
    pub fn with(mut self, properties: &str) -> Self {
        self.devices[0] += &format!(",{properties}");
        self
    }

    /// With more properties of the root port above it: `io-reserve=0`.
    #[must_use]
    pub fn with_port(mut self, properties: &str) -> Self {
        self.port = format!(",{properties}");
        self
    }

    /// With more properties of its drive: `throttling.bps-read=1000000`.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn with_drive_option(mut self, properties: &str) -> Self {
        let drive = self.backends.iter_mut().find(|(key, _)| *key == "-drive");
        drive.expect("it has a drive").1 += &format!(",{properties}");
        self
    }
}

/// A model of network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Intel 82574, one queue each way.
    E1000e,
    /// Intel 82576.
    Igb,
    /// Paravirtual.
    Virtio,
}

/// The root ports of a machine with a device each.
#[derive(Clone, Debug, Default)]
pub struct Board {
    devices: Vec<Device>,
    /// The IOMMU, which QEMU wants before what is behind it.
    iommu: Option<&'static str>,
    /// What stands in memory when the machine is switched on: QEMU's `loader`.
    left: Vec<String>,
}

impl Board {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With an IOMMU, as QEMU's `-device` has it.
    #[must_use]
    pub const fn iommu(mut self, iommu: &'static str) -> Self {
        self.iommu = Some(iommu);
        self
    }

    /// With memory that holds what is in a file when the machine is switched on.
    #[must_use]
    pub fn left_file(mut self, address: u64, file: &Path) -> Self {
        let file = file.display();
        let what = format!("loader,file={file},addr={address:#x},force-raw=on");
        self.left.push(what);
        self
    }

    /// With one more root port, and the device behind it.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.devices.push(device);
        self
    }

    /// QEMU's arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(iommu) = self.iommu {
            arguments.extend(["-device".to_string(), iommu.to_string()]);
        }
        for left in &self.left {
            arguments.extend(["-device".to_string(), left.clone()]);
        }
        for (number, device) in (1..).zip(&self.devices) {
            let mut add = |key: &str, value: &str| {
                let value = value
                    .replace("{port}", &format!("port{number}"))
                    .replace("{n}", &number.to_string());
                arguments.extend([key.to_string(), value]);
            };
            let place = number + 1;
            let port = format!(
                "pcie-root-port,id={{port}},chassis={{n}},slot={{n}},addr={place:x}.0{}",
                device.port
            );
            add("-device", &port);
            for (key, value) in &device.backends {
                add(key, value);
            }
            for value in &device.devices {
                add("-device", value);
            }
        }
        arguments
    }
}

/// An empty disk of so many MiB, made anew, in a story's folder.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn empty_disk(folder: &Path, name: &str, mib: u64) -> PathBuf {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let path = folder.join(name);
    let file = File::create(&path).expect("the disk can be made");
    file.set_len(mib << 20).expect("it can be sparse");
    path
}

/// A disk with an empty ext4 on it, made anew.
///
/// # Panics
/// If it can't be made: `mke2fs` is in Debian's e2fsprogs.
#[must_use]
pub fn ext4_disk(folder: &Path, name: &str, mib: u64) -> PathBuf {
    let path = empty_disk(folder, name, mib);
    let status = Command::new("/sbin/mke2fs")
        .args(["-q", "-t", "ext4"])
        .arg(&path)
        .status()
        .expect("mke2fs is installed (package e2fsprogs)");
    assert!(status.success(), "mke2fs failed");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_numbered() {
        let board = Board::new()
            .device(Device::nvme(Path::new("/d")).with("max_ioqpairs=2"))
            .device(Device::card(Card::Igb, 7).with_port("io-reserve=0"));
        let wanted = [
            "-device",
            "pcie-root-port,id=port1,chassis=1,slot=1,addr=2.0",
            "-drive",
            "if=none,id=drive1,format=raw,file=/d",
            "-device",
            "nvme,drive=drive1,serial=BULKHEAD1,bus=port1,max_ioqpairs=2",
            "-device",
            "pcie-root-port,id=port2,chassis=2,slot=2,addr=3.0,io-reserve=0",
            "-netdev",
            "hubport,id=net2,hubid=7",
            "-device",
            "igb,netdev=net2,mac=52:54:00:00:00:02,bus=port2",
        ];
        assert_eq!(board.arguments(), wanted);
    }
}
