//! Files that somebody names, which may be larger than the memory, or have no end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a boot script.
pub const MOST_OF_SCRIPT: u64 = 8 << 20;
/// Most bytes of an image.
pub const MOST_OF_IMAGE: u64 = 2 << 30;

/// All of a file that has at most `most` bytes.
///
/// # Errors
/// Those of reading it, and that it is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    all(File::open(path)?, most)
}

/// All that comes, at most `most` bytes.
///
/// # Errors
/// Those of reading it, and that it is longer.
pub fn all(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("longer than what is accepted: {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_is_accepted_is_read_and_no_more() {
        let path = std::env::temp_dir().join(format!("bulkheadctl-bounded-{}", std::process::id()));
        std::fs::write(&path, [7; 1 << 20]).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap(), [7; 1 << 20]);
        let error = read(&path, (1 << 20) - 1).unwrap_err().to_string();
        assert!(
            error.starts_with("longer than what is accepted: "),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();
        assert!(read(Path::new("/dev/zero"), 1 << 20).is_err());
    }
}
