//! Whose time is right: the real-time clock's or Bulkhead's own.

use bulkhead_services::rtc::Reading::{NoTime, Stopped, Time, Unreadable};
use bulkhead_services::rtc::Verdict::{self, Adopt, Leave, LetGo, PutBack};
use bulkhead_services::rtc::{EARLIEST, MOST, Ours, Reading};
use proptest::prelude::*;

/// 2026-11-28 16:37:02 UTC.
const NOW: i64 = 1_795_883_822;
/// 2000-01-01: where a clock without a battery begins.
const DEAD: i64 = 946_684_800;
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// Where nobody but an owner has set it.
fn judge(reading: Reading, ours: Option<i64>, is_owned: bool) -> Verdict {
    let ours = ours.map(|now| Ours { now, trusted: now });
    bulkhead_services::rtc::judge(reading, ours, is_owned)
}

#[test]
fn a_clock_that_was_wrong_at_boot_is_not_written_back_once_it_was_repaired() {
    // By whoever synchronises: two hours off, as one in local time, or 26 years.
    assert_eq!(judge(Time(NOW), Some(NOW - 2 * HOUR), false), Adopt(NOW));
    assert_eq!(judge(Time(NOW), Some(NOW + 2 * HOUR), false), Adopt(NOW));
    assert_eq!(judge(Time(NOW), Some(DEAD), false), Adopt(NOW));
    // Its battery had failed, so that nothing was known.
    assert_eq!(judge(Time(NOW), None, false), Adopt(NOW));
    // Not repaired yet.
    assert_eq!(judge(Time(DEAD + 60), Some(DEAD), false), Leave);
    assert_eq!(judge(Time(DEAD), None, false), Leave);
}

#[test]
fn the_owner_s_setting_stays() {
    for set in [NOW - YEAR, NOW + YEAR, NOW + HOUR, DEAD, 0] {
        assert_eq!(judge(Time(set), Some(NOW), true), Adopt(set));
        assert_eq!(judge(Time(set), None, true), Adopt(set));
    }
    assert_eq!(judge(NoTime, Some(NOW), true), Leave);
}

#[test]
fn what_nobody_owns_is_put_back_from_another_date() {
    for set in [NOW - YEAR, NOW + YEAR, DEAD, EARLIEST - 1] {
        assert_eq!(judge(Time(set), Some(NOW), false), PutBack);
    }
    assert_eq!(judge(NoTime, Some(NOW), false), PutBack);
}

#[test]
fn what_can_t_be_read_was_set_by_nobody() {
    for ours in [None, Some(NOW), Some(DEAD)] {
        for is_owned in [false, true] {
            assert_eq!(judge(Unreadable, ours, is_owned), Leave);
        }
    }
    assert_eq!(judge(NoTime, None, false), Leave);
}

#[test]
fn one_that_was_left_standing_is_let_go_unless_it_is_somebodys() {
    assert_eq!(judge(Stopped, Some(NOW), false), LetGo);
    assert_eq!(judge(Stopped, Some(NOW), true), Leave);
    assert_eq!(judge(Stopped, None, false), Leave);
    assert_eq!(judge(Stopped, Some(DEAD), false), Leave);
}

#[test]
fn who_does_not_own_it_leads_it_away_by_a_day_at_most() {
    let judge = |time, now, trusted| {
        bulkhead_services::rtc::judge(Time(time), Some(Ours { now, trusted }), false)
    };
    let led = NOW + 23 * HOUR;
    assert_eq!(judge(led, NOW, NOW), Adopt(led));
    assert_eq!(judge(led + 2 * HOUR, led, NOW), PutBack);
    // Back to where it was.
    assert_eq!(judge(NOW - HOUR, led, NOW), Adopt(NOW - HOUR));
}

proptest! {
    /// Whatever is read: it is the owner's to say, and without one it is never written for less than a day.
    #[test]
    fn it_is_written_only_without_an_owner_and_for_more_than_a_day(
        time in any::<i64>(),
        ours in proptest::option::of(any::<i64>()),
        is_owned: bool,
    ) {
        if judge(Time(time), ours, is_owned) == PutBack {
            prop_assert!(!is_owned);
            let ours = ours.expect("a time to write");
            prop_assert!(ours >= EARLIEST && (time < EARLIEST || time.abs_diff(ours) > MOST));
        }
    }
}
