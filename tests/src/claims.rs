//! What a boot script asks for, as values: an independent reading of its `define` lines.

/// One `define` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The partition's name.
    pub name: String,
    /// Local APIC IDs, ascending.
    pub cores: Vec<u32>,
    /// RAM in bytes.
    pub memory_bytes: u64,
    /// The kernel's image.
    pub kernel: String,
    /// Its serial port's number, from 1.
    pub com: usize,
}

/// The partitions that a script defines, in its order.
///
/// # Errors
/// The first `define` line that can't be read, or that says less than the demo needs.
pub fn parse(script: &str) -> Result<Vec<Claim>, String> {
    script
        .lines()
        .map(words)
        .filter(|words| words.first().is_some_and(|word| word == "define"))
        .map(|words| claim(&words).ok_or_else(|| format!("can't be read: {}", words.join(" "))))
        .collect()
}

fn claim(words: &[String]) -> Option<Claim> {
    let value = |key: &str| {
        let mut values = words.iter().filter_map(|word| word.split_once('='));
        values.find(|(k, _)| *k == key).map(|(_, value)| value)
    };
    Some(Claim {
        name: words.get(1)?.clone(),
        cores: numbers(value("cores")?)?,
        memory_bytes: value("memory")?.split(',').map(size).sum::<Option<u64>>()?,
        kernel: value("kernel")?.to_string(),
        com: value("console")?.strip_prefix("com")?.parse().ok()?,
    })
}

/// A line's words; quotes keep one together, `#` starts a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            '#' if !is_quoted => break,
            ' ' | '\t' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// `1,4-6` as numbers, ascending.
#[must_use]
pub fn numbers(list: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    all.sort_unstable();
    Some(all)
}

/// `512M` or `512M@0x40000000` in bytes.
fn size(text: &str) -> Option<u64> {
    let text = text.split('@').next()?;
    let shift = match text.chars().last()? {
        'K' => 10,
        'M' => 20,
        'G' => 30,
        _ => 0,
    };
    let number: u64 = text.trim_end_matches(['K', 'M', 'G']).parse().ok()?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_demo_script() {
        let script = "# define no cores=9\n\
            define web cores=3,1-2   memory=512M@0x1000000,1G kernel=linux \
            cmdline=\"bulkhead.name=web quiet\" console=com2 # two\nstart web\n";
        assert_eq!(
            parse(script),
            Ok(vec![Claim {
                name: "web".to_string(),
                cores: vec![1, 2, 3],
                memory_bytes: (512 << 20) + (1 << 30),
                kernel: "linux".to_string(),
                com: 2,
            }])
        );
    }

    #[test]
    fn says_what_it_can_not_read() {
        assert!(parse("define web cores=x memory=1M kernel=k console=com2").is_err());
        assert!(parse("define web cores=1 memory=1M kernel=k").is_err());
        assert_eq!(parse("version"), Ok(vec![]));
    }
}
