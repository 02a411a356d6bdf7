//! Numbers as people read them, the same on every screen.

use crate::lotus::epoch::civil_date;

/// What stands for a value that no run has brought.
pub const NOT_KNOWN: &str = "not known";

/// `6,570,000`.
pub fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 { format!("-{text}") } else { text }
}

/// `1 sector`, `2 sectors`.
pub fn of(number: f64, thing: &str) -> String {
    let plural = if number == 1.0 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// `is` of one, `are` of others.
pub fn is(number: f64) -> &'static str {
    if number == 1.0 { "is" } else { "are" }
}

/// `precommit/1` of `seal/v0/precommit/1`.
pub fn task(task: &str) -> &str {
    task.strip_prefix("seal/v0/").unwrap_or(task)
}

/// `5.94 TiB`.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = bytes;
    let mut unit = 0;
    // What would be printed as 1024 is 1 of the next.
    while size >= 1023.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{size:.0} B") } else { format!("{} {}", significant(size), UNITS[unit]) }
}

/// `18.1 FIL`, or in nanoFIL where that has fewer digits.
pub fn fil(fil: f64) -> String {
    match fil.abs() {
        0.0 => "0 FIL".to_owned(),
        size if size < 1e-15 => format!("{} attoFIL", significant(fil * 1e18)),
        size if size < 1e-5 => format!("{} nanoFIL", significant(fil * 1e9)),
        size if size < 1000.0 => format!("{} FIL", significant(fil)),
        _ => format!("{} FIL", count(fil)),
    }
}

/// `12.3 %` of a share.
pub fn share(ratio: f64) -> String {
    format!("{} %", significant(ratio * 100.0))
}

/// Three digits, or all that stand before the point, without zeros that tell nothing.
pub fn significant(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-6 {
        return format!("{number:.2e}");
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    if decimals == 0 {
        return count(number);
    }
    let text = format!("{number:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn span(seconds: f64) -> String {
    let whole = seconds.abs() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {small_unit}"),
    };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        86_400..864_000 => two(days, "d", hours % 24, "h"),
        _ => format!("{} d", count(days as f64)),
    }
}

/// `2026-11-26 08:15:30 UTC`.
pub fn utc(unix_seconds: f64) -> String {
    let seconds = unix_seconds as i64;
    let (year, month, day) = civil_date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0.0, 999.0, 1000.0, 6_570_000.0, -1234.0].map(count), ["0", "999", "1,000", "6,570,000", "-1,234"]);
        assert_eq!(
            [of(1.0, "sector"), of(0.0, "sector"), of(2000.0, "sector")],
            ["1 sector", "0 sectors", "2,000 sectors"]
        );
        assert_eq!(
            [0.0, 1023.0, 1024.0, 34_359_738_368.0, 1_048_500.0, 6_528_350_289_920.0].map(bytes),
            ["0 B", "1023 B", "1 KiB", "32 GiB", "1 MiB", "5.94 TiB"]
        );
        assert_eq!(
            [0.0, 1e-18, 1.52e-10, 0.000_04, 18.123_4, -0.25, 123_456_789.0].map(fil),
            ["0 FIL", "1 attoFIL", "0.152 nanoFIL", "0.00004 FIL", "18.1 FIL", "-0.25 FIL", "123,456,789 FIL"]
        );
        assert_eq!([0.0, 0.123_45, 1.0, 2.84e-7].map(share), ["0 %", "12.3 %", "100 %", "0.0000284 %"]);
        assert_eq!(
            [0.4, 59.9, 60.0, 3600.0, 11_100.0, 187_200.0, 8_640_000.0].map(span),
            ["0 s", "59 s", "1 min", "1 h", "3 h 5 min", "2 d 4 h", "100 d"]
        );
        assert_eq!(utc(1_795_680_930.9), "2026-11-26 08:15:30 UTC");
    }
}
