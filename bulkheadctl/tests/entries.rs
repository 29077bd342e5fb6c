//! The package's script for `/etc/grub.d`, in a folder that stands for `/`.
#![allow(missing_docs, reason = "a test binary has no public interface")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = include_str!("../../packaging/grub.d/12_bulkhead");
/// Stands for the program: it writes down what is to be checked, and is outside of partitions.
const PROGRAM: &str =
    "#!/bin/sh\n[ \"$1\" = check ] || exit 1\nprintf '%s\\n' \"$@\" >\"$0.asked\"\n";
const LIBRARY: &str = "prepare_grub_to_access_device() { echo insmod part_gpt; }\n\
                       make_system_path_relative_to_its_root() { echo \"$1\"; }\n";

struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let folder = format!("{}-{name}", std::process::id());
        let root = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder));
        let _ = fs::remove_dir_all(&root.0);
        root.put("boot/bulkhead/bulkhead", "");
        root.put("usr/bin/bulkheadctl", PROGRAM);
        root.put("usr/bin/grub-probe", "#!/bin/sh\necho /dev/sda1\n");
        root.put("grub-mkconfig_lib", LIBRARY);
        root.put("var/lib/bulkhead/none", "");
        root
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What it prints: lines of GRUB's language, in which this root is left out.
    fn entries(&self) -> Vec<String> {
        let here = self.0.to_str().unwrap();
        let mut script = SCRIPT.to_string();
        for folder in [
            "/boot",
            "/etc/bulkhead",
            "/etc/default/bulkhead",
            "/var/lib",
            "/usr/bin",
        ] {
            script = script.replace(folder, &format!("{here}{folder}"));
        }
        self.put("12_bulkhead", &script);
        let path = format!("{here}/usr/bin:{}", std::env::var("PATH").unwrap());
        let done = Command::new("sh")
            .arg(self.path("12_bulkhead"))
            .env("PATH", path)
            .env("pkgdatadir", here)
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{complaint}");
        let text = String::from_utf8(done.stdout).unwrap().replace(here, "");
        text.lines().map(|line| line.trim().to_string()).collect()
    }

    fn checked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("usr/bin/bulkheadctl.asked")).unwrap();
        let asked = asked.replace(self.0.to_str().unwrap(), "");
        asked.lines().map(String::from).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The names of the images that an entry's lines load.
fn loaded(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter().filter(|line| line.starts_with("module2 "));
    lines.filter_map(|line| line.rsplit(' ').next()).collect()
}

/// The first entry.
fn first(lines: &[String]) -> &[String] {
    let end = lines.iter().position(|line| line == "}").unwrap();
    &lines[..end]
}

#[test]
fn an_entry_loads_every_image_that_its_script_names_and_no_other() {
    let root = Root::new("named");
    for file in [
        "vmlinuz-6.1",
        "initrd.img-6.1",
        "vmlinuz-6.12",
        "initrd.img-6.12",
    ] {
        root.put(&format!("boot/{file}"), "");
    }
    let images = [
        "agent",
        "tools+1",
        "a.b",
        "unused",
        "net.conf",
        "more.conf",
        "deep",
        "tools1",
        "axb",
    ];
    let mut all = String::from("# by hand\n");
    for name in images {
        all += &format!("{name}={}\n", root.path("img").join(name).display());
        root.put(&format!("img/{name}"), "");
    }
    root.put("etc/bulkhead/images", &all);
    root.put("img/net.conf", "include more.conf\n");
    root.put("img/more.conf", "set web initrd=deep,initrd\n");
    root.put(
        "etc/bulkhead/bulkhead.conf",
        "# unused kernels: kernel=unused\n\
         define web kernel=linux initrd=initrd,agent,tools+1\n\
         set db \"initrd=a.b\"\ninclude net.conf\n",
    );
    let lines = root.entries();
    let wanted = [
        "bulkhead.conf",
        "linux",
        "initrd",
        "agent",
        "tools+1",
        "a.b",
        "net.conf",
        "more.conf",
        "deep",
    ];
    assert_eq!(loaded(first(&lines)), wanted, "{lines:#?}");
    let titles = lines.iter().filter(|line| line.starts_with("menuentry "));
    let titles: Vec<&str> = titles.filter_map(|line| line.split('\'').nth(1)).collect();
    let each = [
        "Bulkhead",
        "Bulkhead, with Linux 6.12",
        "Bulkhead, with Linux 6.1",
    ];
    assert_eq!(titles, each);
}

#[test]
fn a_path_with_a_space_is_one_word() {
    let root = Root::new("spaces");
    root.put("boot/vmlinuz-6.1", "");
    root.put("my images/it's", "");
    let image = format!("agent={}", root.path("my images/it's").display());
    root.put("etc/bulkhead/images", &image);
    root.put(
        "etc/bulkhead/bulkhead.conf",
        "define web kernel=linux initrd=agent\n",
    );
    let lines = root.entries();
    let wanted = "module2 --nounzip '/my images/it'\\''s' agent";
    assert!(lines.iter().any(|line| line == wanted), "{lines:#?}");
    let checked = root.checked();
    assert_eq!(checked[..2], ["check", "/etc/bulkhead/bulkhead.conf"]);
    let pairs = [
        "--image",
        "linux=/boot/vmlinuz-6.1",
        "--image",
        "agent=/my images/it's",
    ];
    assert_eq!(checked[2..], pairs);
}
