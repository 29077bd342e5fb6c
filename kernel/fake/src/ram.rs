//! What a plan leaves in memory.

use bulkhead_launch::LaunchPlan;
use bulkhead_memory::Region;

/// The bytes of `part` once the plan's writes were carried out.
///
/// # Panics
/// If any byte of it is not written, or twice.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the tests run where usize has 64 bits"
)]
pub fn written(plan: &LaunchPlan, part: Region) -> Vec<u8> {
    let mut ram: Vec<Option<u8>> = vec![None; part.size() as usize];
    for write in &plan.writes {
        let Some(target) = write.target().filter(|target| target.overlaps(part)) else {
            continue;
        };
        assert!(part.contains_region(target), "{target} is in two parts");
        let zeroes = write.zeroes().map_or(0, |zeroes| zeroes.size() as usize);
        let bytes = write.bytes.iter().copied();
        let start = (write.to - part.start()) as usize;
        let bytes = bytes.chain(std::iter::repeat_n(0, zeroes));
        for (place, byte) in ram[start..].iter_mut().zip(bytes) {
            assert_eq!(place.replace(byte), None, "written twice");
        }
    }
    let byte = |byte: Option<u8>| byte.expect("nothing is written there");
    ram.into_iter().map(byte).collect()
}
