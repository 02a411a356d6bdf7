//! How to read values in Lotus' answers: the test's own reading, which shares nothing with the exporter's.

use serde_json::Value;

/// A whole number, which Lotus writes as a number or in a string.
pub fn whole(value: &Value) -> i128 {
    match value {
        Value::Number(number) => number.to_string().parse().unwrap(),
        Value::String(text) => text.parse().unwrap(),
        other => panic!("{other} is not a whole number"),
    }
}

/// A number.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap(),
        other => whole(other) as f64,
    }
}

/// 1 or 0.
pub fn yes(value: &Value) -> f64 {
    if value.as_bool().unwrap() { 1.0 } else { 0.0 }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

/// The items of a list, which Go writes as null when it is empty.
pub fn items(value: &Value) -> &[Value] {
    if value.is_null() { &[] } else { value.as_array().unwrap() }
}

/// FIL from attoFIL.
pub fn fil(value: &Value) -> f64 {
    fil_of(whole(value))
}

/// FIL from attoFIL, as the float nearest to the decimal fraction.
pub fn fil_of(atto: i128) -> f64 {
    let digits = format!("{atto:019}");
    let (whole, fraction) = digits.split_at(digits.len() - 18);
    format!("{whole}.{fraction}").parse().unwrap()
}

/// The members of a set, which Lotus writes as lengths of runs: so many that are not in it, so many that are, and so on.
pub fn members(runs: &Value) -> Vec<u64> {
    let mut members = Vec::new();
    let mut next = 0;
    for (index, run) in items(runs).iter().enumerate() {
        let end = next + run.as_u64().unwrap();
        if index % 2 == 1 {
            members.extend(next..end);
        }
        next = end;
    }
    members
}

/// How many members a set has.
pub fn count(runs: &Value) -> f64 {
    members(runs).len() as f64
}

/// Unix seconds of a time like `2026-11-25T22:49:25.907468044Z`.
pub fn seconds(time: &Value) -> f64 {
    let time = text(time).strip_suffix('Z').expect("UTC");
    let (date, clock) = time.split_once('T').unwrap();
    let date: Vec<u64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let clock: Vec<&str> = clock.split(':').collect();
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if is_leap(date[0]) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..date[0]).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let days = years + months[..date[1] as usize - 1].iter().sum::<u64>() + date[2] - 1;
    let minutes = days * 1440 + clock[0].parse::<u64>().unwrap() * 60 + clock[1].parse::<u64>().unwrap();
    (minutes * 60) as f64 + clock[2].parse::<f64>().unwrap()
}

#[test]
fn times_and_sets() {
    assert_eq!(seconds(&"1970-01-01T00:00:00Z".into()), 0.0);
    // `date -u -d 2026-11-25T22:51:41Z +%s`, which is also what the head of the first run says.
    assert_eq!(seconds(&"2026-11-25T22:51:41.25Z".into()), 1_795_647_101.25);
    assert_eq!(members(&serde_json::json!([2, 2, 3, 1])), [2, 3, 7]);
    assert_eq!(members(&serde_json::json!([0])), [0; 0]);
    assert_eq!(fil_of(1), 1e-18);
    assert_eq!(fil_of(36_266_072_986_376_045_631), 36.266_072_986_376_045);
}
