//! `mem=`, which may not promise more memory than the claim has.

use bulkhead_memory::parse_size;

/// Whether `mem=` with this value is more than `claim_bytes`, or is no size at all.
///
/// Linux takes it as the address where RAM ends, so it never adds any. More than the claim is
/// refused all the same: whoever writes it believes in memory that is not there.
pub(super) fn is_beyond(value: &str, claim_bytes: u64) -> bool {
    value != "nopentium" && parse_size(value).map_or(true, |bytes| bytes > claim_bytes)
}
