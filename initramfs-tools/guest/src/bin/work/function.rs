//! A PCI function, by its bus: what hangs on it, and the interrupts that it has taken.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For a driver to find what it drives.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Function {
    bus: String,
}

impl Function {
    /// The first function on a bus, in whatever segment.
    pub(crate) fn on_bus(bus: &str) -> Self {
        Self {
            bus: bus.to_string(),
        }
    }

    /// Its disk.
    pub(crate) fn disk(&self) -> io::Result<PathBuf> {
        let name = self.wait_for("/sys/block", "disk")?;
        Ok(Path::new("/dev").join(disk_of_path(&name)))
    }

    /// Its network card.
    pub(crate) fn card(&self) -> io::Result<String> {
        self.wait_for("/sys/class/net", "network card")
    }

    /// The name in a folder of links to devices that leads to this function.
    fn wait_for(&self, folder: &str, what: &str) -> io::Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                // A device may have gone meanwhile.
                let place = entry.path().canonicalize().unwrap_or_default();
                if self.is_in(&place) {
                    return Ok(entry.file_name().to_string_lossy().into_owned());
                }
            }
            if Instant::now() > end {
                let bus = &self.bus;
                return Err(io::Error::other(format!("no {what} on bus {bus}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_in(&self, place: &Path) -> bool {
        let end = format!(":{}:00.0", self.bus);
        let mut parts = place.iter();
        parts.any(|part| part.to_string_lossy().ends_with(&end))
    }

    /// How many interrupts it has taken, on all cores and by all its vectors.
    pub(crate) fn interrupts(&self) -> io::Result<u64> {
        let mut folders = fs::read_dir("/sys/bus/pci/devices")?.filter_map(Result::ok);
        let Some(folder) = folders.find(|entry| self.is_in(&entry.path())) else {
            return Err(io::Error::other(format!("nothing on bus {}", self.bus)));
        };
        let vectors: HashSet<String> = fs::read_dir(folder.path().join("msi_irqs"))?
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        Ok(sum(&fs::read_to_string("/proc/interrupts")?, &vectors))
    }
}

/// The disk of what belongs to a controller: with several paths to a disk each has its own name,
/// `nvme0c0n1` for `nvme0n1`.
fn disk_of_path(name: &str) -> String {
    let path = name.strip_prefix("nvme").and_then(|rest| {
        let (controller, rest) = rest.split_once('c')?;
        let (_, space) = rest.split_once('n')?;
        Some(format!("nvme{controller}n{space}"))
    });
    path.unwrap_or_else(|| name.to_string())
}

/// The sum of those lines of `/proc/interrupts`: a column for each core, then words.
fn sum(text: &str, vectors: &HashSet<String>) -> u64 {
    let cores = text.lines().next().unwrap_or_default();
    let cores = cores.split_ascii_whitespace().count();
    let lines = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines
        .filter(|(number, _)| vectors.contains(number.trim()))
        .flat_map(|(_, counts)| counts.split_ascii_whitespace().take(cores))
        .filter_map(|count| count.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_vectors_on_all_cores_are_counted() {
        let text = "           CPU0       CPU1\n\
                     \x20 4:         11          0   IO-APIC   4-edge      ttyS0\n\
                     \x2024:          5          7  PCI-MSIX-0001:01:00.0   0-edge      nvme0q0\n\
                     \x2025:        100       2000  PCI-MSIX-0001:01:00.0   1-edge      nvme0q1\n\
                     \x2026:          9          9  PCI-MSIX-0001:02:00.0   0-edge      virtio0\n\
                     LOC:       4000       4000   Local timer interrupts\n";
        let vectors = ["24", "25"].map(String::from).into();
        assert_eq!(sum(text, &vectors), 2112);
        assert_eq!(sum(text, &HashSet::new()), 0);
        assert_eq!(sum("", &vectors), 0);
    }

    #[test]
    fn a_path_is_no_disk() {
        assert_eq!(disk_of_path("nvme0c1n2"), "nvme0n2");
        assert_eq!(disk_of_path("nvme0n1"), "nvme0n1");
        assert_eq!(disk_of_path("vda"), "vda");
    }

    #[test]
    fn a_function_is_found_by_its_bus() {
        let function = Function::on_bus("01");
        let is_in = |place| function.is_in(Path::new(place));
        assert!(is_in(
            "/sys/devices/pci0001:00/0001:01:00.0/nvme/nvme0/nvme0n1"
        ));
        assert!(!is_in(
            "/sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/virtio1"
        ));
        assert!(!is_in("/sys/devices/pci0001:01/0001:01:01.0"));
    }
}
