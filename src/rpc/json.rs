//! JSON as it arrives: each value is a reader of its own, which ends where the value ends. So one answer can be read, or left out, without
//! keeping what comes before or after it, and what is wrong within a value does not hide where the next one begins.

use std::fmt;
use std::io::{self, ErrorKind, Read};

/// What is read from the network at once, at first, and where that did not hold it all. Most answers are short, and memory that is touched for
/// the first time is what costs most of reading them.
const BUFFER_BYTES: [usize; 2] = [4 << 10, 32 << 10];

/// By so much grows the buffer of an answer at most.
const GROWTH_BYTES: usize = 64 << 10;

/// So much of a body's start is kept, to be shown where it is not JSON.
const HEAD_BYTES: usize = 4096;

/// A string is cut after this many bytes, which is more than anybody shows of it.
pub const MAX_STRING_BYTES: usize = 64 << 10;

/// No number has this many characters.
const MAX_LITERAL_BYTES: usize = 4096;

/// The bytes of a body, with a look at the next one.
pub struct Source<'a> {
    reader: &'a mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    bytes: u64,
    head: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Reads nothing yet.
    pub fn new(reader: &'a mut dyn Read) -> Self {
        Source { reader, buffer: Vec::new(), at: 0, end: 0, bytes: 0, head: Vec::new() }
    }

    /// How many bytes came over the network so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was read and not yet used, at least one byte where the body has not ended.
    fn available(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            let [first, further] = BUFFER_BYTES;
            self.buffer.resize(if self.bytes < first as u64 { first } else { further }, 0);
            (self.at, self.end) = (0, 0);
            self.end = loop {
                match self.reader.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    read => break read?,
                }
            };
            self.bytes += self.end as u64;
            let missing = HEAD_BYTES.saturating_sub(self.head.len()).min(self.end);
            self.head.extend_from_slice(&self.buffer[..missing]);
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// The next byte that is not white space, which stays.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let available = self.available()?;
            match available.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(spaces) => {
                    self.at += spaces;
                    return Ok(Some(self.buffer[self.at]));
                }
                None if available.is_empty() => return Ok(None),
                None => self.at = self.end,
            }
        }
    }

    /// Takes the next byte that is not white space where it is this one.
    pub fn take(&mut self, byte: u8) -> io::Result<bool> {
        let is_there = self.peek()? == Some(byte);
        self.at += usize::from(is_there);
        Ok(is_there)
    }

    /// Shows what has arrived and was not used yet, from the next byte that is not white space. Whether some of it was used, which is as much
    /// as `user` says.
    pub fn try_use(&mut self, user: impl FnOnce(&[u8]) -> Option<usize>) -> io::Result<bool> {
        self.peek()?;
        let used = user(&self.buffer[self.at..self.end]);
        self.at += used.unwrap_or_default();
        Ok(used.is_some())
    }

    /// How the body begins, as far as it was read.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The next value.
    pub fn value(&mut self) -> io::Result<Value<'_, 'a>> {
        self.peek()?;
        Ok(Value { source: self, scan: Scan { place: Place::Before, depth: 0, run: 0 } })
    }
}

/// Where a value's reader is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Before the first byte.
    Before,
    /// In a number, `true`, `false` or `null` that is the whole value.
    Literal,
    /// In a list or an object, between strings.
    Between,
    /// In a string. So many bytes of an escape sequence are still to come.
    Str { escaped: u8 },
    /// The value has ended.
    After,
}

/// One value: a reader of its bytes. Long strings are cut, and the rest is as it came.
pub struct Value<'s, 'a> {
    source: &'s mut Source<'a>,
    scan: Scan,
}

impl<'a> Value<'_, 'a> {
    /// The source, for whoever reads the value from its first byte to its last.
    pub fn open(&mut self) -> &mut Source<'a> {
        self.scan.place = Place::After;
        self.source
    }

    /// The first byte of a value that has not been read yet.
    pub fn first(&mut self) -> io::Result<Option<u8>> {
        self.source.peek()
    }

    /// Leaves out what has not been read of the value.
    pub fn skip(&mut self) -> io::Result<()> {
        while !self.piece(usize::MAX)?.is_empty() {}
        Ok(())
    }

    /// Reads the whole value into a buffer, if it has at most this many bytes. Otherwise skips it and returns false.
    pub fn read_whole(&mut self, into: &mut Vec<u8>, limit: u64) -> io::Result<bool> {
        into.clear();
        loop {
            let piece = self.piece(usize::MAX)?;
            if piece.is_empty() {
                return Ok(true);
            }
            if (into.len() + piece.len()) as u64 > limit {
                break;
            }
            if into.capacity() - into.len() < piece.len() {
                // A buffer that doubles would take twice what it holds.
                into.reserve_exact(piece.len().max(into.len().min(GROWTH_BYTES)));
            }
            into.extend_from_slice(piece);
        }
        *into = Vec::new();
        self.skip()?;
        Ok(false)
    }

    /// The next bytes of the value, at most this many; none at its end.
    fn piece(&mut self, most: usize) -> io::Result<&[u8]> {
        while self.scan.place != Place::After {
            if self.source.available()?.is_empty() {
                if self.scan.place != Place::Literal {
                    return Err(malformed("it breaks off"));
                }
                self.scan.place = Place::After;
                break;
            }
            let from = self.source.at;
            let to = self.source.end.min(from.saturating_add(most));
            let shown = self.scan.shown(&self.source.buffer[from..to]);
            if self.scan.run > MAX_LITERAL_BYTES && matches!(self.scan.place, Place::Between | Place::Literal) {
                return Err(malformed("a number of thousands of digits"));
            }
            if shown > 0 {
                self.source.at += shown;
                return Ok(&self.source.buffer[from..from + shown]);
            }
            if self.scan.place != Place::After {
                self.source.at += self.scan.hidden(&self.source.buffer[from..to]);
            }
        }
        Ok(&[])
    }
}

impl Read for Value<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let piece = self.piece(into.len())?;
        into[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

/// What is known about a value from its bytes so far.
struct Scan {
    place: Place,
    /// Lists and objects that are open.
    depth: u64,
    /// Bytes of the string, or of the literal, so far.
    run: usize,
}

impl Scan {
    /// How many of these bytes are of the value, and passed on as they are.
    fn shown(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while self.place != Place::After {
            match self.place {
                Place::Str { escaped: 0 } => {
                    let room = MAX_STRING_BYTES.saturating_sub(self.run).min(bytes.len() - at);
                    let plain = quote_or_backslash(&bytes[at..at + room]).unwrap_or(room);
                    self.run += plain;
                    at += plain;
                }
                Place::Between => {
                    let rest = &bytes[at..];
                    let plain =
                        &rest[..rest.iter().position(|byte| IS_STRUCTURE[usize::from(*byte)]).unwrap_or(rest.len())];
                    self.run = match plain.iter().rposition(|byte| is_separator(*byte)) {
                        Some(separator) => plain.len() - separator - 1,
                        None => self.run + plain.len(),
                    };
                    at += plain.len();
                }
                _ => {}
            }
            let Some(&byte) = bytes.get(at) else { break };
            // Most of what is not plain, and never hidden.
            if byte == b'"' && matches!(self.place, Place::Between | Place::Str { escaped: 0 }) {
                self.quote();
                at += 1;
                continue;
            }
            if self.hides(byte) || !self.step(byte) {
                break;
            }
            at += 1;
        }
        at
    }

    /// How many of these bytes are cut from a long string.
    fn hidden(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let (Place::Str { escaped }, Some(&byte)) = (self.place, bytes.get(at)) {
            if !self.hides(byte) {
                break;
            }
            // From here on nothing of the string is shown but its end.
            self.run = usize::MAX;
            self.place = Place::Str { escaped: still_escaped(escaped, byte) };
            at += 1;
        }
        at
    }

    /// Whether the byte is cut. A character, a surrogate pair and an escape sequence are never cut: the cut comes before a plain one.
    fn hides(&self, byte: u8) -> bool {
        let Place::Str { escaped } = self.place else { return false };
        let is_end = escaped == 0 && byte == b'"';
        let is_plain = escaped == 0 && byte != b'\\' && byte.is_ascii();
        self.run >= MAX_STRING_BYTES && !is_end && (is_plain || self.run == usize::MAX)
    }

    /// A string begins or ends.
    fn quote(&mut self) {
        self.run = 0;
        self.place = match self.place {
            Place::Str { .. } if self.depth == 0 => Place::After,
            Place::Str { .. } => Place::Between,
            _ => Place::Str { escaped: 0 },
        };
    }

    /// Takes the next byte into account. Whether it is of the value.
    fn step(&mut self, byte: u8) -> bool {
        let run = std::mem::take(&mut self.run);
        self.place = match (self.place, byte) {
            (Place::Before | Place::Between | Place::Str { escaped: 0 }, b'"') => {
                self.quote();
                return true;
            }
            (Place::Before | Place::Between, b'[' | b'{') => {
                self.depth += 1;
                Place::Between
            }
            (Place::Between, b']' | b'}') => {
                self.depth -= 1;
                if self.depth == 0 { Place::After } else { Place::Between }
            }
            (Place::Before | Place::Literal, byte) if ENDS_LITERAL[usize::from(byte)] => {
                self.place = Place::After;
                return false;
            }
            (Place::Before | Place::Literal, _) => {
                self.run = run + 1;
                Place::Literal
            }
            (Place::Str { escaped }, _) => {
                self.run = run.saturating_add(1);
                Place::Str { escaped: still_escaped(escaped, byte) }
            }
            // Taken before, many at once.
            (Place::Between, _) => Place::Between,
            (Place::After, _) => return false,
        };
        true
    }
}

/// How many bytes of an escape sequence are to come after this byte of a string.
fn still_escaped(escaped: u8, byte: u8) -> u8 {
    match (escaped, byte) {
        (0, b'\\') => 5,
        (0, _) => 0,
        (5, b'u') => 4,
        (5, _) => 0,
        (left, _) => left - 1,
    }
}

/// What is wrong with the JSON itself, and not with the network.
#[derive(Debug)]
struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// An error that says what is wrong with the JSON.
pub fn malformed(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, Malformed(what))
}

/// What is wrong with the JSON, where that and not the network is the error.
pub fn why_malformed(error: &io::Error) -> Option<&'static str> {
    error.get_ref()?.downcast_ref::<Malformed>().map(|malformed| malformed.0)
}

/// The bytes that begin or end a string, a list or an object.
pub const IS_STRUCTURE: [bool; 256] = table(b"\"[]{}");

/// The bytes that a number, `true`, `false` or `null` ends before.
pub const ENDS_LITERAL: [bool; 256] = table(b",: \n\r\t]}");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// Where the first of these two is. Strings are most of what nodes answer, so it looks at eight bytes at once.
pub fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while let Some((eight, others)) = rest.split_first_chunk::<8>() {
        let eight = u64::from_le_bytes(*eight);
        let found = equal_bytes(eight, b'"') | equal_bytes(eight, b'\\');
        if found != 0 {
            return Some(bytes.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = others;
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(bytes.len() - rest.len() + at)
}

/// The highest bit of the lowest byte that is this one, and of some above it; 0 where none is.
fn equal_bytes(eight: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero_where_equal = eight ^ (ONES * u64::from(byte));
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & (ONES << 7)
}

/// Comes between values.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Returns a text in pieces of this many bytes.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn values(text: &str, piece: usize) -> Vec<String> {
        let mut pieces = Pieces(text.as_bytes(), piece);
        let mut source = Source::new(&mut pieces);
        let mut values = Vec::new();
        assert!(source.take(b'[').unwrap());
        loop {
            let mut value = Vec::new();
            source.value().unwrap().read_to_end(&mut value).unwrap();
            values.push(String::from_utf8(value).unwrap());
            if !source.take(b',').unwrap() {
                break;
            }
        }
        assert!(source.take(b']').unwrap());
        assert_eq!(source.peek().unwrap(), None);
        values
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        let all = [
            r#"{"a": [1, {"b]": "x\"}"}], "c": "\\"}"#,
            "-1.5e3",
            "null",
            r#""],[""#,
            "[]",
            "true",
            "{}",
            "\"\\u005d\"",
        ];
        for piece in [1, 2, 7, 1000] {
            assert_eq!(values(&format!("[{}]", all.join(" ,\n ")), piece), all);
            assert_eq!(values(&format!(" [{}] ", all.join(",")), piece), all);
        }
    }

    #[test]
    fn what_is_left_out_takes_no_memory_and_hides_nothing() {
        let text = format!(r#"[[{}0],"next"]"#, "1,".repeat(100_000));
        let mut bytes = text.as_bytes();
        let mut source = Source::new(&mut bytes);
        assert!(source.take(b'[').unwrap());
        let mut whole = Vec::new();
        assert!(!source.value().unwrap().read_whole(&mut whole, 1000).unwrap());
        assert_eq!(whole.capacity(), 0);
        assert!(source.take(b',').unwrap());
        assert!(source.value().unwrap().read_whole(&mut whole, 1000).unwrap());
        assert_eq!(whole, b"\"next\"");
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        for unit in ["x", "é", "\\n", "\\ud83d\\ude00"] {
            for lead in ["", "a", "ab", "abc"] {
                let text = format!("[\"{lead}{}tail\"]", unit.repeat(2 * MAX_STRING_BYTES / unit.len()));
                let mut bytes = text.as_bytes();
                let mut source = Source::new(&mut bytes);
                let value: Vec<String> = serde_json::from_reader(source.value().unwrap()).unwrap();
                assert!(value[0].len() <= 2 * MAX_STRING_BYTES + 3, "{unit}");
                assert!(unit != "x" || value[0].len() == MAX_STRING_BYTES, "{}", value[0].len());
            }
        }
    }

    #[test]
    fn the_first_quote_or_backslash_is_found_wherever_it_is() {
        // What differs from them by little, and what is not ASCII.
        let other = [b'!', b'#', b'[', b']', 0xA2, 0xDC, 0x80, 0xFF, 0, 0x21, 0x23];
        for length in 0..40 {
            let plain: Vec<u8> = other.iter().cycle().take(length).copied().collect();
            assert_eq!(quote_or_backslash(&plain), None);
            for at in 0..length {
                for first in [b'"', b'\\'] {
                    let mut bytes = plain.clone();
                    bytes[at] = first;
                    bytes[at + 1..].fill(b'"');
                    assert_eq!(quote_or_backslash(&bytes), Some(at));
                    bytes[at + 1..].copy_from_slice(&plain[at + 1..]);
                    assert_eq!(quote_or_backslash(&bytes), Some(at));
                }
            }
        }
    }

    #[test]
    fn endless_numbers_are_refused() {
        for text in ["1".repeat(10_000), format!("[{}]", "1".repeat(100_000))] {
            let mut bytes = text.as_bytes();
            assert!(Source::new(&mut bytes).value().and_then(|mut value| value.skip()).is_err());
        }
    }

    #[test]
    fn truncated_input_is_an_error() {
        for text in ["[1, 2", "{\"a\": \"", "\"\\", "", "[{}"] {
            let mut bytes = text.as_bytes();
            assert!(Source::new(&mut bytes).value().and_then(|mut value| value.skip()).is_err(), "{text}");
        }
    }
}
