//! What `/proc/cpuinfo` says of the processors that run here.

/// Their local APIC IDs, the first one's first.
pub(crate) fn apic_ids(cpuinfo: &str) -> impl Iterator<Item = u32> {
    let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let ids = pairs.filter(|(name, _)| name.trim() == "apicid");
    ids.filter_map(|(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_processor_has_one() {
        let info = "processor\t: 0\napicid\t\t: 2\ninitial apicid\t: 3\n\nprocessor\t: 1\napicid\t\t: 254\n";
        assert_eq!(apic_ids(info).collect::<Vec<_>>(), [2, 254]);
        assert_eq!(apic_ids("").count(), 0);
    }
}
