//! What all the disks offer, and which of it is the default.

use super::grub::tests::{Made, block};
use super::menu::Menu;
use super::{Files, Place};

const DEBIAN_12: &[u8] = include_bytes!("../../tests/boot/debian-12.cfg");
const UUID: &str = "63a13da2-306c-4cc5-845c-e2af30b1a59a";

fn titles(menu: &Menu<'_>) -> Vec<String> {
    menu.rows.iter().map(|row| row.title.clone()).collect()
}

fn debian(environment: &str) -> Made {
    Made::default().with("1234-5678", &[]).with(
        UUID,
        &[
            ("/boot/grub/grub.cfg", DEBIAN_12),
            ("/boot/grub/grubenv", &block(environment)),
            ("/etc/fstab", b""),
            ("/vmlinuz", b"x"),
            ("/initrd.img", b"x"),
        ],
    )
}

#[test]
fn a_grub_and_links() {
    let files = debian("");
    let mut menu = Menu::of(&files, None);
    assert_eq!(menu.complaints, Vec::<String>::new());
    let advanced =
        "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-50-amd64";
    let recovery = format!("{advanced} (recovery mode)");
    let link = format!("/vmlinuz of {UUID}");
    assert_eq!(
        titles(&menu),
        ["Debian GNU/Linux", advanced, &recovery, &link]
    );
    assert_eq!(menu.order, [0]);
    let link = menu.choose(3);
    assert_eq!(link.options, format!("root=UUID={UUID} ro"));
    assert_eq!(menu.find("3"), Some(2));
    assert_eq!(menu.find(&recovery), Some(2));
    assert_eq!(
        menu.find(&format!("gnulinux-6.1.0-50-amd64-recovery-{UUID}")),
        Some(2)
    );
    assert_eq!(
        (menu.find("0"), menu.find("9"), menu.find("none")),
        (None, None, None)
    );
    // Once only, and written down before anything is entered.
    let files = debian("next_entry=1>1\n");
    let mut menu = Menu::of(&files, None);
    assert_eq!(menu.order, [2]);
    assert_eq!(
        menu.take_written(),
        [(Place::new(1, "/boot/grub/grubenv"), block(""))]
    );
}

#[test]
fn a_boot_of_its_own() {
    let script = b"search --fs-uuid --set=root B\nset fallback='1'\nmenuentry a { linux /vmlinuz-1 root=/dev/x }\nmenuentry b { linux /vmlinuz-0 }";
    let files = Made::default()
        .with("A", &[("/etc/fstab", b"")])
        .with("B", &[("/grub/grub.cfg", script), ("/vmlinuz", b"x")]);
    let mut menu = Menu::of(&files, None);
    assert_eq!(
        (titles(&menu), &menu.order),
        (vec!["a".to_string(), "b".to_string()], &vec![0, 1])
    );
    assert_eq!(menu.choose(0).kernel, Some(Place::new(1, "/vmlinuz-1")));
    assert!(
        Menu::of(&files, files.find(super::By::Label, "label0"))
            .rows
            .is_empty()
    );
}

#[test]
fn what_is_no_linux_is_not_offered() {
    let script = b"set default=bulkhead\nfunction f { linux $1 }\nmenuentry m { linux16 /m }\n\
        menuentry Bulkhead --id bulkhead { multiboot2 /boot/bulkhead/bulkhead }\n\
        submenu s { menuentry w { chainloader /w }\nmenuentry l { if true; then f /l; fi } }";
    let files = Made::default().with(UUID, &[("/boot/grub/grub.cfg", script)]);
    let mut menu = Menu::of(&files, None);
    assert_eq!(
        (titles(&menu), &menu.order),
        (vec!["m".to_string(), "s > l".to_string()], &vec![0])
    );
    assert_eq!(menu.choose(1).kernel, Some(Place::new(0, "/l")));
}

#[test]
fn entries_before_a_grub_and_among_its_own() {
    let entry = |version: &str| {
        format!(
            "title T {version}\nversion {version}\nsort-key t\nlinux /l-{version}\noptions root=x $kernelopts\n"
        )
    };
    let (old, new) = (entry("1"), entry("2"));
    let esp: [(&str, &[u8]); 3] = [
        ("/loader/entries/a.conf", old.as_bytes()),
        ("/loader/entries/b+3.conf", new.as_bytes()),
        ("/loader/entries/c.conf", b"title no"),
    ];
    let files = Made::default()
        .with("E", &esp)
        .with(UUID, &[("/boot/grub/grub.cfg", DEBIAN_12)]);
    let menu = Menu::of(&files, None);
    assert_eq!(titles(&menu)[..3], ["T 2", "T 1", "Debian GNU/Linux"]);
    assert_eq!(menu.order, [0, 1]);
    assert_eq!(
        menu.counted(0),
        Some((0, "b+3.conf".to_string(), "b+2-1.conf".to_string()))
    );
    assert_eq!(menu.counted(1), None);
    let script = b"load_env\nset kernelopts='ro quiet'\nset default=$saved_entry\nblscfg";
    let files = Made::default().with("E", &esp).with(
        UUID,
        &[
            ("/boot/grub2/grub.cfg", script),
            ("/boot/grub2/grubenv", &block("saved_entry=a\n")),
        ],
    );
    let mut menu = Menu::of(&files, None);
    assert_eq!(
        (titles(&menu), &menu.order),
        (vec!["T 2".to_string(), "T 1".to_string()], &vec![1])
    );
    assert_eq!(menu.choose(1).options, "root=x ro quiet");
}

#[test]
fn functions_that_call_each_other_are_looked_through_in_time() {
    let calls = "f; ".repeat(1000);
    let script = format!("function f {{ {calls} }}\nmenuentry x {{ f }}");
    let files = Made::default().with(UUID, &[("/boot/grub/grub.cfg", script.as_bytes())]);
    assert!(Menu::of(&files, None).rows.is_empty());
}

/// As `update-grub` of Debian 13 wrote it with a second file beside the kernel, `/boot/vmlinuz-broken`.
#[test]
fn debian_13_s_own_and_what_it_sources() {
    let script = include_bytes!("../../tests/boot/debian-13.cfg");
    let uuid = "852549d4-2a89-4b5c-99b8-7cff93657481";
    let custom =
        b"set fallback='1>2 panics'\nmenuentry panics { linux /boot/vmlinuz-x root=/dev/x }";
    let files = Made::default().with(
        uuid,
        &[
            ("/boot/grub/grub.cfg", script),
            ("/boot/grub/custom.cfg", custom),
            ("/boot/grub/grubenv", &block("")),
        ],
    );
    let mut menu = Menu::of(&files, None);
    assert_eq!(menu.complaints, Vec::<String>::new());
    let advanced = "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux";
    let wanted = [
        "Debian GNU/Linux".to_string(),
        format!("{advanced} broken"),
        format!("{advanced} broken (recovery mode)"),
        format!("{advanced} 6.12.117+deb13-amd64"),
        format!("{advanced} 6.12.117+deb13-amd64 (recovery mode)"),
        "panics".to_string(),
    ];
    assert_eq!(titles(&menu), wanted);
    assert_eq!(menu.order, [0, 3, 5]);
    let broken = menu.choose(0);
    assert_eq!(
        (broken.kernel, broken.initrds),
        (Some(Place::new(0, "/boot/vmlinuz-broken")), vec![])
    );
    let good = menu.choose(3);
    assert_eq!(
        good.kernel,
        Some(Place::new(0, "/boot/vmlinuz-6.12.117+deb13-amd64"))
    );
    assert_eq!(good.initrds.len(), 1);
    assert_eq!(menu.take_written(), []);
}
