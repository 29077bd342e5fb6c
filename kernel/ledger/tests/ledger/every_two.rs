//! Every two claims of up to three cores and four places of memory: the second is taken if it shares nothing with the
//! first, and else refused and nothing is changed.

use bulkhead_fake::{Fake, MIB, at, claim};
use bulkhead_ledger::{Ledger, Owner};
use bulkhead_memory::{Region, RegionSet};
use bulkhead_model::Change;

const CORES: [u32; 3] = [1, 2, 3];
const PLACES: u64 = 4;
const PLACE: u64 = 64 * MIB;
const BASE: u64 = 0x4000_0000;

/// Which cores and which places, a bit for each, and the claim.
fn claims() -> Vec<(u64, u64, Change)> {
    let mut all = Vec::new();
    for cores in 1..1u64 << CORES.len() {
        let chosen = CORES
            .iter()
            .enumerate()
            .filter(|(n, _)| cores >> n & 1 == 1);
        let chosen: Vec<u32> = chosen.map(|(_, core)| *core).collect();
        for places in 1..1u64 << PLACES {
            let runs = (0..PLACES).filter(|place| places >> place & 1 == 1);
            let memory: Vec<_> = runs.map(|place| at(PLACE, BASE + place * PLACE)).collect();
            all.push((cores, places, claim(&chosen, &memory)));
        }
    }
    all
}

#[test]
fn the_second_is_taken_if_it_shares_nothing_and_each_byte_has_one_owner() {
    let machine = Fake::new().machine;
    let claims = claims();
    let mut taken = 0;
    for (cores, places, first) in &claims {
        let mut one = Ledger::new();
        one.define(&machine, "web", first.clone()).unwrap();
        for (other_cores, other_places, second) in &claims {
            let mut both = one.clone();
            let is_taken = both.define(&machine, "db", second.clone()).is_ok();
            let is_apart = cores & other_cores == 0 && places & other_places == 0;
            assert_eq!(is_taken, is_apart, "{first:?}\n{second:?}");
            if !is_taken {
                assert_eq!(both, one);
                continue;
            }
            taken += 1;
            let spans = both.memory_map(&machine);
            let owned = |name: &str| -> RegionSet {
                let is_its = |owner: Owner<'_>| owner == Owner::Partition(name);
                spans
                    .iter()
                    .filter(|span| is_its(span.owner))
                    .map(|span| span.region)
                    .collect()
            };
            let (web, db) = (owned("web"), owned("db"));
            assert!(web.intersection(&db).is_empty());
            // Besides there is a chunk of low memory for each.
            let placed = |set: &RegionSet| set.within(Region::new(BASE, PLACES * PLACE).unwrap());
            assert_eq!(placed(&web).total(), u64::from(places.count_ones()) * PLACE);
            assert_eq!(
                placed(&db).total(),
                u64::from(other_places.count_ones()) * PLACE
            );
        }
    }
    // Of three cores, and of four places, each is one's, the other's or nobody's: 3^n, without those in which one has none.
    let ways = |n: u32| 3usize.pow(n) - 2 * 2usize.pow(n) + 1;
    assert_eq!(taken, ways(3) * ways(4));
}
