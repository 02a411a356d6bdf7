//! Reading small files that somebody named, who may have named anything.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// No token, address, configuration or list of names is longer.
pub const CONFIGURATION_BYTES: u64 = 1 << 20;

/// The text of a file that has at most so many bytes.
///
/// # Errors
///
/// It cannot be read, is not UTF-8, or is longer: then no more than that was read, so that `/dev/zero` does no harm.
pub fn read_text(path: &Path, most_bytes: u64) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(most_bytes + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most_bytes {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {most_bytes} bytes")));
    }
    Ok(text)
}

/// The text of a file that configures something.
///
/// # Errors
///
/// As of [`read_text`].
pub fn read_configuration(path: &Path) -> Result<String> {
    read_text(path, CONFIGURATION_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_refused() {
        let error = read_configuration(Path::new("/dev/zero")).map_err(|error| error.kind());
        assert_eq!(error, Err(ErrorKind::FileTooLarge));
    }

    #[test]
    fn a_file_of_the_most_bytes_is_read() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        std::fs::write(&path, "1234")?;
        assert_eq!(read_text(&path, 4)?, "1234");
        assert!(read_text(&path, 3).is_err());
        Ok(())
    }
}
