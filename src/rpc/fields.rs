//! An object less the fields that nobody reads: leaving them out takes a fraction of the time that it takes to parse them.

use super::json::{IS_STRUCTURE, ends_literal, quote_or_backslash};

/// Copies these fields of the object that `json` begins with, and returns how long the object is. None where it does not end within `json`, or
/// has something in it that few objects have, such as an escape sequence in a name: then the copy is worth nothing.
pub fn copy(json: &[u8], fields: &[&str], into: &mut Vec<u8>) -> Option<usize> {
    // Most names have the length of none.
    let lengths = fields.iter().fold(0, |lengths, field| lengths | length_bit(field.len()));
    into.clear();
    into.push(b'{');
    let mut at = skip_space(json, 1);
    if json.get(at) == Some(&b'}') {
        into.push(b'}');
        return Some(at + 1);
    }
    loop {
        let name = json.get(at..end_of_name(json, at)?)?;
        at = skip_space(json, at + name.len());
        if json.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(json, at + 1);
        let value = json.get(at..end_of_value(json, at)?)?;
        if lengths & length_bit(name.len() - 2) != 0 && is_one_of(fields, name) {
            if into.len() > 1 {
                into.push(b',');
            }
            into.extend_from_slice(name);
            into.push(b':');
            into.extend_from_slice(value);
        }
        at = skip_space(json, at + value.len());
        match json.get(at)? {
            b',' => at = skip_space(json, at + 1),
            b'}' => break,
            _ => return None,
        }
    }
    into.push(b'}');
    Some(at + 1)
}

/// Whether a name, in its quotes, is that of a field.
pub fn is_one_of(fields: &[&str], name: &[u8]) -> bool {
    matches!(name, [b'"', name @ .., b'"'] if fields.iter().any(|field| field.as_bytes() == name))
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Where the name ends that begins here. None where it has an escape sequence.
fn end_of_name(json: &[u8], start: usize) -> Option<usize> {
    if json.get(start) != Some(&b'"') {
        return None;
    }
    let end = start + 1 + quote_or_backslash(json.get(start + 1..)?)?;
    (json[end] == b'"').then_some(end + 1)
}

/// Where the string ends that begins here.
fn end_of_string(json: &[u8], start: usize) -> Option<usize> {
    if json.get(start) != Some(&b'"') {
        return None;
    }
    let mut at = start + 1;
    loop {
        at += quote_or_backslash(json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where the value ends that begins here.
fn end_of_value(json: &[u8], start: usize) -> Option<usize> {
    match json.get(start)? {
        b'"' => end_of_string(json, start),
        b'{' | b'[' => {
            let (mut at, mut depth) = (start, 0_usize);
            loop {
                at += json.get(at..)?.iter().position(|byte| IS_STRUCTURE[usize::from(*byte)])?;
                match json[at] {
                    b'"' => {
                        at = end_of_string(json, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    _ => depth -= 1,
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let length = json[start..].iter().position(|byte| ends_literal(*byte))?;
            (length > 0).then_some(start + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::copy;

    fn copied(json: &str) -> Option<(String, usize)> {
        let mut into = b"something else".to_vec();
        let length = copy(json.as_bytes(), &["A", "Long"], &mut into)?;
        Some((String::from_utf8_lossy(&into).into_owned(), length))
    }

    #[test]
    fn what_nobody_reads_is_left_out() {
        for (json, expected) in [
            (r#"{"A":1,"B":2}"#, r#"{"A":1}"#),
            (r#"{"B":{"A":3,"c":["}",{"\"":[]}]},"A":{"A":[1,"]"]},"Longer":null}"#, r#"{"A":{"A":[1,"]"]}}"#),
            (r#"{ "B" : "a\"}" , "Long" : "x\\" , "A" : -1.5e3 }"#, r#"{"Long":"x\\","A":-1.5e3}"#),
            (r#"{"A":1,"A":2}"#, r#"{"A":1,"A":2}"#),
            (r#"{}"#, "{}"),
            (r#"{ "a": 1 }"#, "{}"),
        ] {
            assert_eq!(copied(json), Some((expected.to_owned(), json.len())), "{json}");
            assert_eq!(copied(&format!("{json},{{\"A\":5}}]")), Some((expected.to_owned(), json.len())), "{json}");
            for end in 1..json.len() {
                assert_eq!(copied(&json[..end]), None, "{}", &json[..end]);
            }
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_others() {
        for json in
            [r#"{"\u0041":1}"#, r#"{A:1}"#, r#"{"A" 1}"#, r#"{"A":}"#, r#"{"A":1,}"#, r#"{"A":1;"B":2}"#, r#"{"A":[1}"#]
        {
            assert_eq!(copied(json), None, "{json}");
        }
    }
}
