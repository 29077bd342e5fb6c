//! What is told of a partition is told by its own name, whoever has its number by then.

use bulkhead_conductor::How;
use bulkhead_fake::{MIB, at, claim};
use bulkhead_lifecycle::{Duty, End};

use crate::board::Board;
use crate::world::World;

fn lines(world: &mut World) -> Vec<String> {
    std::iter::from_fn(|| world.conductor.next_line().map(|(_, line)| line)).collect()
}

/// Its Linux powers off, on its only core, which does all that follows.
fn power_off(world: &World) {
    let core = world.core_of(0).unwrap();
    world.end(core, 0, End::PoweredOff);
    let hw = Board::seen_from(&world.board, core);
    assert_eq!(world.lives().duty(&hw), Duty::End(0));
    world.lives().finish(&hw, 0);
}

#[test]
fn what_happened_before_it_was_undefined_is_told_by_its_name() {
    let mut world = World::new();
    for name in ["one", "two", "three"] {
        world.define(name, claim(&[1], &[at(128 * MIB, Some(0x1000_0000))]));
        world.launch(name, How::Start);
        world.settle();
        assert_eq!(lines(&mut world), [""; 0], "all is told");
        power_off(&world);
        // As lines that are pasted: nothing is told between them.
        world.undefine(name);
        world.define("four", claim(&[1], &[at(128 * MIB, Some(0x1000_0000))]));
        let told = lines(&mut world);
        assert!(told.contains(&format!("{name}: powered-off")), "{told:?}");
        let is_its = |line: &String| line.starts_with(&format!("{name}: "));
        assert!(told.iter().all(is_its), "{told:?}");
        world.undefine("four");
    }
}
