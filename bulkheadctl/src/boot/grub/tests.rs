//! Scripts that Debian's `update-grub` has written, and such as nobody should.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Script, default_of, fallbacks_of};
use crate::boot::environment::Environment;
use crate::boot::{Files, Place, Target, Volume};

/// File systems in memory: a UUID, a label and files each.
#[derive(Default)]
pub(crate) struct Made(Vec<(&'static str, BTreeMap<String, Vec<u8>>)>);

impl Made {
    pub(crate) fn with(mut self, uuid: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, bytes)| ((*path).to_string(), bytes.to_vec()));
        self.0.push((uuid, files.collect()));
        self
    }
}

impl Files for Made {
    fn volumes(&self) -> usize {
        self.0.len()
    }
    fn names(&self, volume: Volume) -> (String, String) {
        (self.0[volume].0.to_string(), format!("label{volume}"))
    }
    fn read(&self, place: &Place, most: usize) -> Option<Vec<u8>> {
        let bytes = self.0.get(place.volume)?.1.get(&place.path)?;
        (bytes.len() <= most).then(|| bytes.clone())
    }
    fn list(&self, place: &Place) -> Vec<String> {
        let start = format!("{}/", place.path);
        let files = self
            .0
            .get(place.volume)
            .into_iter()
            .flat_map(|(_, files)| files.keys());
        files
            .filter_map(|path| path.strip_prefix(&start).map(str::to_string))
            .collect()
    }
    fn size(&self, place: &Place) -> Option<u64> {
        self.read(place, usize::MAX).map(|bytes| bytes.len() as u64)
    }
    fn is_folder(&self, place: &Place) -> bool {
        !self.list(place).is_empty()
    }
}

pub(crate) fn block(text: &str) -> Vec<u8> {
    let mut block = format!("# GRUB Environment Block\n{text}").into_bytes();
    block.resize(1024, b'#');
    block
}

const UUID: &str = "63a13da2-306c-4cc5-845c-e2af30b1a59a";
const CONFIG: &str = "/boot/grub/grub.cfg";
const ENVIRONMENT: &str = "/boot/grub/grubenv";
/// As `update-grub` wrote it in the stories, on an NVMe disk.
const DEBIAN_12: &[u8] = include_bytes!("../../../tests/boot/debian-12.cfg");
const RELEASE: &str = "6.1.0-50-amd64";

/// The script on the second of two file systems, as behind an EFI system partition.
fn disks(script: &[u8], environment: &str) -> Made {
    let files = [(CONFIG, script), (ENVIRONMENT, &block(environment))];
    Made::default().with("1234-5678", &[]).with(UUID, &files)
}

fn run(files: &Made) -> Script<'_> {
    Script::run(files, &Place::new(1, CONFIG))
}

fn debian(environment: &str) -> Made {
    disks(DEBIAN_12, environment)
}

/// What is written, as the names and values that are set.
fn written(script: &mut Script<'_>) -> Vec<(String, String)> {
    let blocks = script.take_written();
    assert!(blocks.len() <= 1 && blocks.iter().all(|(place, _)| place.path == ENVIRONMENT));
    let Some((_, bytes)) = blocks.first() else {
        return vec![];
    };
    assert_eq!(bytes.len(), 1024);
    let read = Environment::parse(bytes).expect("a block");
    read.iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

fn default_target(script: &mut Script<'_>) -> Target {
    let path = default_of(script.items(), script.variable("default")).expect("a default");
    let mut items = script.items().to_vec();
    let (last, outer) = path.split_last().expect("not empty");
    for at in outer {
        items = items[*at].items.clone();
    }
    script.choose(&items[*last].clone(), "chosen")
}

#[test]
fn debian_12_s_own() {
    let files = debian("");
    let mut script = run(&files);
    assert_eq!(script.complaints, Vec::<String>::new());
    let titles: Vec<_> = script
        .items()
        .iter()
        .map(|item| item.title.as_str())
        .collect();
    assert_eq!(
        titles,
        [
            "Debian GNU/Linux",
            "Advanced options for Debian GNU/Linux",
            "UEFI Firmware Settings"
        ]
    );
    assert_eq!(script.items()[1].items.len(), 2);
    assert_eq!(script.items()[0].id, format!("gnulinux-simple-{UUID}"));
    let target = default_target(&mut script);
    assert_eq!(
        target.kernel,
        Some(Place::new(1, &format!("/boot/vmlinuz-{RELEASE}")))
    );
    assert_eq!(
        target.initrds,
        [Place::new(1, &format!("/boot/initrd.img-{RELEASE}"))]
    );
    assert_eq!(
        target.options,
        format!("root=UUID={UUID} ro quiet crashkernel=384M-:128M")
    );
    assert_eq!(written(&mut script), []);
    let firmware = script.items()[2].clone();
    assert_eq!(script.choose(&firmware, "x"), Target::default());
}

#[test]
fn grub_reboot_is_for_once() {
    let recovery = format!("gnulinux-advanced-{UUID}>gnulinux-{RELEASE}-recovery-{UUID}");
    for next in [
        recovery.as_str(),
        "1>1",
        "Advanced options for Debian GNU/Linux>1",
    ] {
        let files = debian(&format!("saved_entry=0\nnext_entry={next}\n"));
        let mut script = run(&files);
        assert!(
            default_target(&mut script).options.ends_with(" ro single"),
            "{next}"
        );
        assert_eq!(
            written(&mut script),
            [("saved_entry".to_string(), "0".to_string())]
        );
    }
    // Once it is written, the next boot is as ever.
    let files = debian("saved_entry=0\n");
    let mut script = run(&files);
    assert!(!default_target(&mut script).options.contains("single"));
}

#[test]
fn an_entry_that_saves_itself_does_so_unless_it_is_for_once() {
    let text = String::from_utf8(DEBIAN_12.to_vec()).expect("text");
    // What GRUB_DEFAULT=saved and GRUB_SAVEDEFAULT=true make of it.
    let text = text
        .replace("set default=\"0\"", "set default=\"${saved_entry}\"")
        .replace("load_video\n\t\tinsmod gzio", "savedefault\n\t\tload_video");
    let files = disks(text.as_bytes(), "saved_entry=1>0\n");
    let mut script = run(&files);
    let item = script.items()[1].items[0].clone();
    script.choose(&item, "a>b");
    assert_eq!(
        written(&mut script),
        [("saved_entry".to_string(), "a>b".to_string())]
    );
    assert_eq!(written(&mut script), []);
    let files = disks(text.as_bytes(), "saved_entry=1>0\nnext_entry=1>1\n");
    let mut script = run(&files);
    let item = script.items()[1].items[1].clone();
    script.choose(&item, "c>d");
    assert_eq!(
        written(&mut script),
        [("saved_entry".to_string(), "1>0".to_string())]
    );
    // And without a word in the block.
    let files = debian("");
    assert_eq!(written(&mut run(&files)), []);
}

fn made(script: &str) -> Made {
    disks(script.as_bytes(), "")
}

#[test]
fn which_entry_a_text_means() {
    let files = made(
        "menuentry a --id x { linux /a }\nsubmenu 'b>c' { submenu d { menuentry e { true } }\nmenuentry f {\n}\n}\nmenuentry g{ true; }\n",
    );
    let script = run(&files);
    let path = |text: &str| default_of(script.items(), text);
    for (text, wanted) in [
        ("0", vec![0]),
        ("x", vec![0]),
        ("a", vec![0]),
        ("", vec![0]),
        ("no", vec![0]),
        ("7", vec![0]),
        ("1", vec![1, 0, 0]),
        ("b>>c", vec![1, 0, 0]),
        ("1>1", vec![1, 1]),
        ("b>>c>f", vec![1, 1]),
        ("1>0>0", vec![1, 0, 0]),
        ("1>9", vec![1, 0, 0]),
    ] {
        assert_eq!(path(text), Some(wanted), "{text}");
    }
    assert_eq!(fallbacks_of(script.items(), "1>1 0"), [vec![1, 1], vec![0]]);
    assert_eq!(fallbacks_of(script.items(), ""), Vec::<Vec<usize>>::new());
    assert_eq!(default_of(&[], "0"), None);
}

#[test]
fn the_language() {
    let say = "set r=; if [ -f /boot/grub/grub.cfg -a ! -e /no ]; then r=${r}1; fi
        if test a = b -o '(' 2 -lt 10 ')' ; then r=${r}2; elif true; then r=${r}x; else r=${r}y; fi
        for i in a \"b c\" $none \"\" ; do r=\"${r}[$i]\"; done
        w=aa; while [ \"$w\" != a ]; do w=a; done
        until [ x = x ]; do r=x; done
        function f { r=\"$r($1,$#)\"; return 1; r=x; }
        if f 1 '2 3'; then r=x; fi
        for i in 1 2 3; do if [ $i = 2 ]; then break; fi; r=\"$r$i\"; done
        set v='a  b'; for i in $v c; do r=\"$r.$i\"; done  # a comment
        r=\"$r\"\\$\\\nx'#'";
    let files = made(say);
    let script = run(&files);
    assert_eq!(script.complaints, Vec::<String>::new());
    assert_eq!(script.variable("r"), "12[a][b c][](1,2)1.a.b.c$x#");
}

#[test]
fn other_files_and_file_systems() {
    let main = "search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt1 ABCD-0123\n\
                menuentry far { linux /kernel \"a=b c\" d; initrd /one (fs1)/two }\n\
                search.fs_uuid 63a13da2-306c-4cc5-845c-e2af30b1a59a other hd0,gpt2\n\
                search --set root --label label0; source ($other)/boot/grub/more.cfg\n\
                set root='hd7,gpt9'; if [ -s /boot/grub/more.cfg ]; then blscfg; fi";
    let files = [
        (CONFIG, main.as_bytes()),
        ("/boot/grub/more.cfg", b"set seen=$root"),
    ];
    let files = Made::default()
        .with("1234-5678", &[])
        .with(UUID, &files)
        .with("abcd-0123", &[]);
    let mut script = run(&files);
    assert_eq!(script.variable("seen"), "fs0");
    assert!(script.wants_entries);
    let item = script.items()[0].clone();
    script.set("root", "fs2");
    let target = script.choose(&item, "far");
    assert_eq!(target.kernel, Some(Place::new(2, "/kernel")));
    assert_eq!(
        target.initrds,
        [Place::new(2, "/one"), Place::new(1, "/two")]
    );
    assert_eq!(target.options, "\"a=b c\" d");
}

#[test]
fn what_does_not_end_is_ended() {
    for (script, says) in [
        ("while true; do true; done", "not ended"),
        ("while true; do done", "not ended"),
        ("function f { f; }\nf", "in each other"),
        ("source /boot/grub/grub.cfg", "in each other"),
        ("if true; then", "there is no"),
        ("fi", "without its beginning"),
        ("menuentry x {", "there is no"),
        ("function { }", "missing"),
        ("for x in a; done", "without its beginning"),
    ] {
        let files = made(script);
        let found = run(&files).complaints.join("; ");
        assert!(found.contains(says), "{script}: {found}");
    }
    let deep = "if true; then ".repeat(1000);
    assert!(run(&made(&deep)).complaints[0].contains("blocks in each other"));
    let many = "menuentry x { true }\n".repeat(1000);
    assert_eq!(run(&made(&many)).items().len(), 512);
    let files =
        made("set a=xxxxxxxx\nfor i in 1 2 3 4 5 6 7 8 9 a b c d e f; do a=\"$a$a$a$a\"; done");
    assert!(run(&files).variable("a").len() <= 8 << 10);
    let files = disks(&vec![b'x'; 2 << 20], "");
    assert!(!run(&files).complaints.is_empty());
    let files = disks(b"menuentry \xff\xfe { true }", "");
    assert_eq!(run(&files).items().len(), 1);
}

proptest! {
    #[test]
    fn any_words(script in "(if|then|fi|else|elif|for|in|do|done|while|until|function|menuentry|submenu|set|\\[|\\]|save_env|load_env|source|search|linux|\\$[a-c?@]|\\$\\{|[a-c=]|['\"{};\n #>!()-]){0,60}") {
        let files = made(&script);
        let mut script = run(&files);
        let _ = script.take_written();
        for item in script.items().to_vec() {
            let _ = script.choose(&item, "x");
        }
        let _ = default_of(script.items(), "0>1");
    }

    #[test]
    fn any_bytes(script in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = run(&disks(&script, "")).take_written();
    }
}
