//! What a file's name says of it, which is what the page says.

use serde_json::Value;

use super::metadata::Metadata;

/// The one whose work was done with Bulkhead's own core at its prompt.
pub(super) const AT_PROMPT: &str = "work-6.1-core";

/// `work-6.1-cloud-two`: the kernel behind the part, and a word for what is not as usual.
pub(super) fn check(
    name: &str,
    part: &str,
    rows: &[Value],
    metadata: &Metadata,
) -> Result<(), String> {
    let words: Vec<&str> = name.split('-').collect();
    let has = |word: &str| words.contains(&word);
    let begins = |word: &&&str| word.starts_with(|first: char| first.is_ascii_digit());
    let version = words.iter().skip(1).find(begins);
    let wanted = if has("two") { 2 } else { 1 };
    if let Some(cores) = metadata.cores.filter(|cores| *cores != wanted) {
        return Err(format!(
            "\"cores\" is {cores}: by the file's name {wanted} is accepted"
        ));
    }
    for kernel in rows.iter().filter_map(|row| row["kernel"].as_str()) {
        let accepted = |what: String| {
            Err(format!(
                "\"kernel\" is {kernel:?}: by the file's name {what} is accepted"
            ))
        };
        if let Some(version) = version
            && !kernel.starts_with(&format!("{version}."))
        {
            return accepted(format!("a {version}.x"));
        }
        // Other parts have one kind only.
        if part == "work" && has("cloud") != kernel.contains("-cloud-") {
            return accepted(match has("cloud") {
                true => "a cloud kernel".to_string(),
                false => "no cloud kernel".to_string(),
            });
        }
    }
    let is_parked = name != AT_PROMPT;
    match name.starts_with("work-") && metadata.is_halted != is_parked {
        true => Err(format!(
            "\"halted\" is {}: {is_parked} is accepted, as the page says; false of {AT_PROMPT} alone",
            metadata.is_halted
        )),
        false => Ok(()),
    }
}
