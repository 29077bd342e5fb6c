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
        self.entries_and_complaints().0
    }

    /// The same, and what it says to who runs it.
    fn entries_and_complaints(&self) -> (Vec<String>, String) {
        let here = self.0.to_str().unwrap();
        let mut script = SCRIPT.to_string();
        for folder in [
            "/boot",
            "/etc/bulkhead",
            "/etc/default/bulkhead",
            "/var/lib",
            "/usr/bin",
            "/sys",
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
        let lines = text.lines().map(|line| line.trim().to_string());
        (lines.collect(), complaint.replace(here, ""))
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

/// A line of `images` without a name or with a backslash, and a name that is said twice.
#[test]
fn what_the_administrator_says_of_images_is_taken_as_it_stands() {
    let root = Root::new("images");
    root.put("boot/vmlinuz-6.1", "");
    root.put("img/a\\new\\tree", "");
    let backslashes = root.path("img/a\\new\\tree");
    let images = format!(
        "=/img/nameless\ntools = /img/t\nagent={}",
        backslashes.display()
    );
    root.put("etc/bulkhead/images", &images);
    root.put(
        "etc/bulkhead/bulkhead.conf",
        "define web kernel=linux initrd=agent\n",
    );
    let (lines, said) = root.entries_and_complaints();
    for line in ["=/img/nameless", "tools = /img/t"] {
        let why = format!("images: \"{line}\" is left out (accepted: NAME=/PATH)\n");
        assert_eq!(said.matches(&why).count(), 1, "{said}");
    }
    let wanted = "module2 --nounzip '/img/a\\new\\tree' agent";
    assert!(lines.iter().any(|line| line == wanted), "{lines:#?}");
    let pairs = [
        "--image",
        "linux=/boot/vmlinuz-6.1",
        "--image",
        "agent=/img/a\\new\\tree",
    ];
    assert_eq!(root.checked()[2..], pairs);
}

/// Where an image of the administrator's has a name that this system's kernels have, it is meant.
#[test]
fn an_image_of_the_administrators_takes_the_place_of_one_of_the_systems() {
    let root = Root::new("replaced");
    for file in ["vmlinuz-6.1", "initrd.img-6.1"] {
        root.put(&format!("boot/{file}"), "");
    }
    root.put("img/own", "");
    let images = format!("initrd={}\n", root.path("img/own").display());
    root.put("etc/bulkhead/images", &images);
    root.put(
        "etc/bulkhead/bulkhead.conf",
        "define web kernel=linux initrd=initrd\n",
    );
    let lines = root.entries();
    assert_eq!(
        loaded(&lines),
        ["bulkhead.conf", "linux", "initrd"],
        "{lines:#?}"
    );
    let own = "module2 --nounzip '/img/own' initrd";
    assert!(lines.iter().any(|line| line == own), "{lines:#?}");
    let last = root.checked().last().cloned();
    assert_eq!(last.as_deref(), Some("initrd=/img/own"));
    assert_eq!(root.checked().len(), 6);
}

/// `/boot` is full: what boots is what was accepted before, and where that is nothing there is no entry.
#[test]
fn a_script_that_can_not_be_copied_is_no_entry() {
    let root = Root::new("full");
    root.put("boot/vmlinuz-6.1", "");
    root.put("etc/bulkhead/bulkhead.conf", "define web kernel=linux\n");
    root.put("usr/bin/cp", "#!/bin/sh\nexit 1\n");
    assert_eq!(root.entries(), [""; 0]);
    root.put("boot/bulkhead/bulkhead.conf", "# before\n");
    assert_eq!(loaded(&root.entries()), ["bulkhead.conf"]);
    assert!(!root.path("boot/bulkhead/bulkhead.conf.new").exists());
}

/// Without efivarfs the program does not know that, and a survey of it would be of no machine.
#[test]
fn in_a_partition_the_script_is_checked_against_the_machine_that_was_saved_outside() {
    let root = Root::new("inside");
    root.put("boot/vmlinuz-6.1", "");
    root.put("etc/bulkhead/bulkhead.conf", "define web kernel=linux\n");
    root.put("sys/class/dmi/id/product_name", "Bulkhead partition\n");
    let (lines, said) = root.entries_and_complaints();
    assert!(
        said.contains("is not checked: this is a partition"),
        "{said}"
    );
    assert_eq!(loaded(&lines), ["bulkhead.conf", "linux"]);
    root.put("var/lib/bulkhead/machine.tar", "saved");
    root.entries();
    let checked = root.checked();
    let last = checked[checked.len() - 2..].join(" ");
    assert_eq!(last, "--from /var/lib/bulkhead/machine.tar");
}

/// What a survey that failed has written is not the machine.
#[test]
fn the_machine_that_was_saved_is_replaced_by_a_whole_one_only() {
    for (code, wanted) in [(0, "new"), (1, "new"), (3, "saved")] {
        let root = Root::new(&format!("survey{code}"));
        root.put("boot/vmlinuz-6.1", "");
        root.put("etc/bulkhead/bulkhead.conf", "define web kernel=linux\n");
        root.put("var/lib/bulkhead/machine.tar", "saved");
        let program = format!(
            "#!/bin/sh\ncase $1 in check) ;; survey) printf new >\"$3\"; exit {code} ;; *) exit 1 ;; esac\n"
        );
        root.put("usr/bin/bulkheadctl", &program);
        root.entries();
        let machine = fs::read_to_string(root.path("var/lib/bulkhead/machine.tar"));
        assert_eq!(machine.unwrap(), wanted);
    }
}
