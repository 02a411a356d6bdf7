//! Every metric family is named and described according to Prometheus' guidelines and this project's vocabulary.

use std::collections::BTreeSet;

use lotus_farcaster::expose::families::ALL;
use lotus_farcaster::expose::{Description, Kind, Unit};

/// Units that names may end in; anything that has another unit must be converted.
const BASE_UNITS: [&str; 3] = ["seconds", "bytes", "fil"];

/// Units, and other words for amounts, that must not be in a name.
const OTHER_UNITS: [&str; 16] = [
    "ms",
    "milliseconds",
    "minutes",
    "hours",
    "days",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "tib",
    "bits",
    "attofil",
    "nanofil",
    "percent",
];

/// Words for times, which always need the unit.
const TIME_WORDS: [&str; 4] = ["timestamp", "duration", "time", "timeout"];

/// Labels that Prometheus itself puts on every series, and one that people would take for the type of the metric.
const RESERVED_LABELS: [&str; 4] = ["site", "job", "instance", "type"];

/// Fails with every family that `is_wrong` finds fault with.
fn no_family(is_wrong: impl Fn(&Description) -> bool, fault: &str) {
    let wrong: Vec<&str> = ALL.iter().filter(|family| is_wrong(family)).map(|family| family.name).collect();
    assert!(wrong.is_empty(), "{fault}: {wrong:#?}");
}

fn words(family: &Description) -> Vec<&'static str> {
    family.name.split('_').collect()
}

/// The words without the `total` that a counter ends in.
fn words_with_unit_last(family: &Description) -> Vec<&'static str> {
    let mut words = words(family);
    if words.last() == Some(&"total") {
        words.pop();
    }
    words
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .split('_')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

#[test]
fn there_are_families_and_each_name_is_unique() {
    let names: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
    assert!(!names.is_empty());
    assert_eq!(names.len(), ALL.len(), "a name stands twice");
}

#[test]
fn names_are_snake_case_with_the_prefix() {
    no_family(|family| !family.name.starts_with("farcaster_"), "without the prefix farcaster_");
    no_family(|family| !is_snake_case(family.name), "not snake_case");
}

#[test]
fn counters_and_only_they_end_in_total() {
    no_family(
        |family| (family.kind == Kind::Counter) != family.name.ends_with("_total"),
        "a counter without _total, or something else with it",
    );
}

#[test]
fn names_do_not_end_like_histograms_and_summaries() {
    no_family(
        |family| ["count", "sum", "bucket"].iter().any(|ending| words(family).last() == Some(ending)),
        "ends in _count, _sum or _bucket",
    );
}

#[test]
fn units_are_base_units_and_come_last() {
    no_family(
        |family| {
            let words = words_with_unit_last(family);
            words.iter().rev().skip(1).any(|word| BASE_UNITS.contains(word))
        },
        "the unit is not the last word",
    );
    no_family(|family| words(family).iter().any(|word| OTHER_UNITS.contains(word)), "not in a base unit");
    no_family(
        |family| {
            let words = words_with_unit_last(family);
            words.iter().any(|word| TIME_WORDS.contains(word)) && words.last() != Some(&"seconds")
        },
        "a time that is not in seconds",
    );
}

/// The unit decides what is published. A unit in the table adds to the name, and never contradicts it.
#[test]
fn the_unit_in_the_name_is_that_of_the_values() {
    let says_else = |family: &Description| match (Unit::of(family.name), family.unit) {
        (Unit::Fil, Unit::FilLessDebts) | (Unit::Count, Unit::Scale | Unit::Gas) => false,
        (Unit::Time { .. }, Unit::Time { .. }) => false,
        (of_name, unit) => of_name != unit,
    };
    no_family(says_else, "the unit in the table is another than that in the name");
    let of_words = |family: &Description| {
        let words = words_with_unit_last(family);
        let unit = words.last().filter(|word| BASE_UNITS.contains(word));
        unit.is_some() && Unit::of(family.name) == Unit::Count
    };
    no_family(of_words, "a unit in the name that is taken for a count");
}

#[test]
fn labels_are_snake_case_unique_and_not_reserved() {
    no_family(|family| family.labels.iter().any(|label| !is_snake_case(label)), "a label is not snake_case");
    no_family(
        |family| family.labels.iter().any(|label| RESERVED_LABELS.contains(label)),
        "a label has a reserved name (a scrape would rename `job` to `exported_job`)",
    );
    no_family(
        |family| family.labels.iter().collect::<BTreeSet<_>>().len() != family.labels.len(),
        "a label stands twice",
    );
}

#[test]
fn helps_are_one_line_and_end_with_a_full_stop() {
    no_family(|family| !family.help.ends_with('.'), "no full stop");
    no_family(|family| family.help.contains('\n') || family.help.trim() != family.help, "not one clean line");
}
