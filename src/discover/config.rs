//! The few settings that are read from `config.toml` in a repo.

/// The value of a key in a section, without quotes. Lotus and Boost write out their defaults as comments, which do not count.
pub(super) fn setting<'a>(config: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let lines = config.lines().map(str::trim).skip_while(|line| !is_section(line, section)).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let values = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| name.trim() == key);
    let value = values.map(|(_, value)| value.trim()).last()?;
    match value.strip_prefix(['"', '\'']) {
        Some(quoted) => quoted.split(['"', '\'']).next(),
        None => value.split('#').next().map(str::trim),
    }
}

fn is_section(line: &str, name: &str) -> bool {
    let inner = line.split('#').next().unwrap_or_default().trim();
    inner.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|inner| inner.trim() == name)
}
