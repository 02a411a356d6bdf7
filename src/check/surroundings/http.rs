//! Asks programs on this machine for a page, and not for long.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

/// A page that takes longer is not waited for.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest page that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Passes each line of a page to `take`. An error describes in a few words what happened.
pub fn lines(url: &str, mut take: impl FnMut(&str)) -> Result<(), String> {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build();
    let response = config.new_agent().get(url).call().map_err(|error| format!("does not answer ({error})"))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("answers HTTP {status}"));
    }
    let body = response.into_body().into_with_config().limit(MAX_BYTES).reader();
    let (mut reader, mut line) = (BufReader::new(body.take(MAX_BYTES)), Vec::new());
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => take(String::from_utf8_lossy(&line).trim_end()),
            Err(error) => return Err(format!("breaks off ({error})")),
        }
    }
}
