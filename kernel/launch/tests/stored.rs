//! How much heap a plan takes while it is kept.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bulkhead_fake::large::{Size, large};
use bulkhead_fake::{Fake, MIB, at, claim, with_devices};
use bulkhead_launch::LaunchPlan;

/// The system's allocator, with a count of what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Bytes as the kernel's allocator rounds them.
fn rounded(layout: Layout) -> isize {
    layout.size().next_multiple_of(8).max(16) as isize
}

// SAFETY: all of it is done by the system's allocator; beside that a number changes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + rounded(layout));
        // SAFETY: by the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - rounded(layout));
        // SAFETY: by the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of the plan of "web", kept, with its box.
fn kept(fake: &Fake) -> isize {
    let before = HELD.get();
    let plan = Box::new(fake.plan("web").without_view());
    let bytes = HELD.get() - before;
    assert!(bytes > size_of::<LaunchPlan>() as isize);
    drop(plan);
    assert_eq!(HELD.get(), before);
    bytes
}

#[test]
fn a_plain_plan_is_small() {
    let bytes = kept(&Fake::with_web());
    println!("plain: {bytes} bytes");
    assert!(bytes <= 5 << 10, "{bytes}");
}

/// `bulkhead_model::budget` has 768 for an end, its part of the claim included.
#[test]
fn a_link_takes_little() {
    let mut fake = Fake::with_web();
    fake.define("db", claim(&[4], &[at(128 * MIB, None)]))
        .unwrap();
    let without = kept(&fake);
    fake.ledger
        .link(&fake.machine, ["web", "db"], None, |_| true)
        .unwrap();
    let bytes = kept(&fake) - without;
    println!("a link: {bytes} bytes");
    assert!(bytes <= 660, "{bytes}");
}

#[test]
fn a_plan_with_many_devices_has_what_they_need_and_no_more() {
    let mut fake = Fake::new();
    fake.machine = large(Size {
        cores: 64,
        functions: 1024,
        ranges: 100,
        images: 2,
    });
    let own = |devices| {
        let mut change = with_devices(claim(&[2], &[at(256 * MIB, None)]), devices);
        change.kernel = Some("linux0".into());
        change
    };
    fake.define("web", own("")).unwrap();
    let without = kept(&fake);
    println!("without devices, of a large machine: {without} bytes");
    assert!(without <= (11 << 10) + 32, "{without}");
    fake.set("web", own("pci:10,pci:11,pci:12,pci:13")).unwrap();
    let with = kept(&fake);
    let functions = fake.plan("web").grant.functions() as isize;
    let each = (with - without) / functions;
    println!("with {functions} functions: {with} bytes, {each} for each");
    assert!(functions >= 124 && each <= 200, "{functions}, {each}");
}
