//! The Prometheus text format 0.0.4: families sorted, one HELP and TYPE each, labels escaped, no timestamps.

use std::fmt::Write;

use super::{Block, Kind, Sample};

/// A longer label value is of no use, and makes every scrape larger.
const MAX_LABEL_CHARACTERS: usize = 256;

/// Names and values of a sample's labels.
pub type Labels = Vec<(String, String)>;

/// The labels of a sample in braces, or nothing where there are none.
pub fn labels(names: &[&str], values: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    // As long as most turn out.
    let lengths = names.iter().zip(values).map(|(name, value)| name.len() + value.len().min(MAX_LABEL_CHARACTERS) + 4);
    let mut text = String::with_capacity(1 + lengths.sum::<usize>());
    text.push('{');
    for (index, (name, value)) in names.iter().zip(values).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(&mut text, value);
        text.push('"');
    }
    text.push('}');
    text
}

fn push_escaped(text: &mut String, value: &str) {
    let is_short = value.len() <= MAX_LABEL_CHARACTERS;
    if is_short && !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return text.push_str(value);
    }
    for character in value.chars().take(MAX_LABEL_CHARACTERS) {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

pub fn render(families: impl Iterator<Item = Block>) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut duplicates = Vec::new();
    for mut block in families.filter(|block| !block.samples.is_empty()) {
        let name = block.description.name;
        let kind = match block.description.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Summary => "summary",
        };
        let help = block.description.help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        block.samples.sort_by(|a, b| (a.suffix, &a.labels).cmp(&(b.suffix, &b.labels)));
        let mut previous = None;
        for Sample { suffix, labels, value, .. } in &block.samples {
            if previous == Some((suffix, labels)) {
                duplicates.push(format!("{name}{suffix}{labels}"));
                continue;
            }
            let _ = writeln!(text, "{name}{suffix}{labels} {}", number(*value));
            previous = Some((suffix, labels));
        }
    }
    (text, duplicates)
}

/// The shortest text that reads back as the same float.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e21).contains(&size) { format!("{value:e}") } else { format!("{value}") }
}

/// A sample's name, labels and value; nothing for a comment, and for what [`render`] does not write.
pub fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, mut rest)) = series.split_once('{') else {
        return Some((series, Vec::new(), value));
    };
    let mut labels = Vec::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (content, after) = quoted(after)?;
        labels.push((label.trim_start_matches(',').to_owned(), content));
        rest = after;
    }
    Some((name, labels, value))
}

/// What comes before the closing quote, without its escapes, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((content, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => content.push('\n'),
                other => content.push(other),
            },
            other => content.push(other),
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Family, Samples, Unit};
    use super::*;

    const NOW: f64 = 1_795_392_000.0;

    static POWER: Family<1> = Family {
        name: "test_power_bytes",
        kind: Kind::Gauge,
        unit: Unit::PowerBytes,
        help: "a \\ in a help\nand a line",
        labels: ["name"],
    };
    static AGE: Family<0> =
        Family { name: "test_age_seconds", kind: Kind::Gauge, unit: Unit::Seconds, help: "age", labels: [] };

    #[test]
    fn hostile_labels_are_escaped() {
        let mut samples = Samples::new(NOW);
        samples.add(&POWER, ["a\"b\\c\nd"], 1.5);
        samples.add(&AGE, [], 7u64);
        let (text, duplicates) = samples.render();
        assert_eq!(
            text,
            "# HELP test_age_seconds age\n# TYPE test_age_seconds gauge\ntest_age_seconds 7\n\
             # HELP test_power_bytes a \\\\ in a help\\nand a line\n# TYPE test_power_bytes gauge\n\
             test_power_bytes{name=\"a\\\"b\\\\c\\nd\"} 1.5\n"
        );
        assert!(duplicates.is_empty());
    }

    #[test]
    fn a_series_is_written_once_and_an_absent_one_not_at_all() {
        let mut samples = Samples::new(NOW);
        samples.add(&POWER, ["x"], 1u64);
        samples.add(&POWER, ["x"], 2u64);
        samples.add(&AGE, [], None::<f64>);
        samples.add(&AGE, [], f64::NAN);
        let (text, duplicates) = samples.render();
        assert!(text.ends_with("gauge\ntest_power_bytes{name=\"x\"} 1\n"));
        assert!(!text.contains("test_age_seconds"));
        assert_eq!(duplicates, ["test_power_bytes{name=\"x\"}"]);
    }

    #[test]
    fn floats_read_back_as_the_same_value() {
        for value in [0.0, 1e-18, 66.268, 0.1 + 0.2, 34359738368.0, 1.8e19, 1e300, -5e-324, 1e21] {
            assert_eq!(number(value).parse::<f64>().unwrap(), value, "{value}");
            assert!(number(value).len() < 26, "{}", number(value));
        }
    }

    #[test]
    fn rows_are_limited_to_the_smallest_ranks() {
        let mut samples = Samples::new(NOW);
        for rank in [3, 1, 2, 5, 4] {
            samples.add_row(&POWER, [&rank.to_string()], 1u64, f64::from(rank));
        }
        samples.left_out(&POWER, 10);
        samples.limit_rows(2);
        let (text, _) = samples.render();
        assert!(text.contains("name=\"1\"") && text.contains("name=\"2\"") && !text.contains("name=\"3\""));
        assert!(text.contains("farcaster_truncated_rows{family=\"test_power_bytes\"} 13\n"));
    }
}
