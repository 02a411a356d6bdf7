//! Objects of which few fields are read: finding these takes a fraction of the time that it takes to parse all.

use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Error;

use super::json::{ENDS_LITERAL, IS_STRUCTURE, quote_or_backslash};
use crate::tolerant;

/// The fields that a type reads, and where they are in the object that was looked at last.
pub struct Fields {
    names: &'static [&'static str],
    /// The index of the name, and the place of the value.
    found: Vec<(usize, Range<usize>)>,
    /// The elements of a list mostly have the same fields in the same order.
    before: Layout,
}

/// The names of an object's fields, one after another as they stood there, each with its colon.
#[derive(Default)]
struct Layout {
    text: Vec<u8>,
    /// Where each ends, and which field it is.
    names: Vec<(usize, Option<usize>)>,
}

impl Layout {
    /// Which field it is, and how long the name, if `json` begins with the one at this position.
    fn known(&self, position: usize, json: &[u8]) -> Option<(Option<usize>, usize)> {
        let (end, index) = *self.names.get(position)?;
        let name = &self.text[self.end_of(position)..end];
        json.starts_with(name).then_some((index, name.len()))
    }

    /// Another name stands at this position.
    fn set(&mut self, position: usize, name: &[u8], index: Option<usize>) {
        self.text.truncate(self.end_of(position));
        self.names.truncate(position);
        self.text.extend_from_slice(name);
        self.names.push((self.text.len(), index));
    }

    /// Where the names before this position end.
    fn end_of(&self, position: usize) -> usize {
        position.checked_sub(1).and_then(|last| self.names.get(last)).map_or(0, |(end, _)| *end)
    }
}

impl Fields {
    /// Those of a type that is read from an object.
    pub fn of<T: for<'de> Deserialize<'de>>() -> Option<Fields> {
        Some(Fields { names: tolerant::fields::<T>()?, found: Vec::new(), before: Layout::default() })
    }

    /// Whether a name, in its quotes, is that of a field.
    pub fn has(&self, name: &[u8]) -> bool {
        self.index(name).is_some()
    }

    /// Reads the object that `json` begins with: how long it is, and the `T`. None where it does not end within `json`, or has something in it
    /// that few objects have, such as an escape sequence in a name.
    pub fn read<'de, T: Deserialize<'de>>(&mut self, json: &'de [u8]) -> Option<(usize, Result<T, String>)> {
        let length = self.find(json)?;
        let object = Object { json, names: self.names, rest: self.found.iter(), value: 0..0 };
        Some((length, T::deserialize(object).map_err(|error| tolerant::without_texts(&error))))
    }

    fn find(&mut self, json: &[u8]) -> Option<usize> {
        self.found.clear();
        let mut at = skip_space(json, 1);
        if json.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        let mut position = 0;
        loop {
            let (index, after_name) = self.name(position, json, at)?;
            at = skip_space(json, after_name);
            let end = end_of_value(json, at)?;
            if let Some(index) = index {
                self.found.push((index, at..end));
            }
            at = skip_space(json, end);
            match json.get(at)? {
                b',' => at = skip_space(json, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
            position += 1;
        }
    }

    /// Which field it is whose name begins here, and where its colon ends.
    fn name(&mut self, position: usize, json: &[u8], start: usize) -> Option<(Option<usize>, usize)> {
        if let Some((index, length)) = self.before.known(position, &json[start..]) {
            return Some((index, start + length));
        }
        let name = json.get(start..end_of_name(json, start)?)?;
        let colon = skip_space(json, start + name.len());
        if json.get(colon) != Some(&b':') {
            return None;
        }
        let index = self.index(name);
        self.before.set(position, &json[start..=colon], index);
        Some((index, colon + 1))
    }

    fn index(&self, name: &[u8]) -> Option<usize> {
        let [b'"', name @ .., b'"'] = name else { return None };
        self.names.iter().position(|field| field.as_bytes() == name)
    }
}

/// An object of which only the fields that were found are read.
struct Object<'de, 'f> {
    json: &'de [u8],
    names: &'static [&'static str],
    rest: std::slice::Iter<'f, (usize, Range<usize>)>,
    /// Where the value is of the field whose name was read last.
    value: Range<usize>,
}

impl<'de> Deserializer<'de> for Object<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Object<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        self.value = value.clone();
        let name: StrDeserializer<Error> = self.names[*index].into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.json[self.value.clone()]);
        let value = seed.deserialize(&mut json)?;
        json.end()?;
        Ok(value)
    }
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
            let length = json[start..].iter().position(|byte| ENDS_LITERAL[usize::from(*byte)])?;
            (length > 0).then_some(start + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Element {
        #[serde(alias = "Alias")]
        a: serde_json::Value,
        long: Option<String>,
    }

    fn read(json: &str) -> Option<(usize, Result<Element, String>)> {
        let mut fields = Fields::of::<Option<Element>>()?;
        fields.find(br#"{"A" :"something else", "B" : 1}"#);
        fields.read(json.as_bytes())
    }

    #[test]
    fn an_object_is_read_as_serde_reads_it() {
        for json in [
            r#"{"A":1,"B":2}"#,
            r#"{"B":{"A":3,"c":["}",{"\"":[]}]},"A":{"A":[1,"]"]},"Longer":null}"#,
            r#"{ "B" : "a\"}" , "Long" : "x\\" , "A" : -1.5e3 }"#,
            r#"{"Alias":true,"Long":null}"#,
            r#"{"Long":"\u00e9"}"#,
            r#"{}"#,
            r#"{ "a": 1 }"#,
        ] {
            let expected: Element = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!(read(json), Some((json.len(), Ok(expected))), "{json}");
            let length = read(&format!("{json},{{\"A\":5}}]")).map(|(length, _)| length);
            assert_eq!(length, Some(json.len()), "{json}");
            for end in 1..json.len() {
                assert_eq!(read(&json[..end]), None, "{}", &json[..end]);
            }
        }
    }

    #[test]
    fn objects_need_not_have_the_same_fields() {
        let mut fields = Fields::of::<Element>().unwrap_or_else(|| panic!("an object"));
        for (json, a, long) in [
            (r#"{"B":1,"A":2,"Long":"x"}"#, 2, Some("x")),
            (r#"{"B":1,"A":3,"Long":"y"}"#, 3, Some("y")),
            (r#"{"A":4}"#, 4, None),
            (r#"{"A":5,"Long":"z","B":"A"}"#, 5, Some("z")),
            (r#"{"Long":"B","AB":0,"A" : 6}"#, 6, Some("B")),
            (r#"{ "Long" : "B", "A": 7 }"#, 7, Some("B")),
        ] {
            let expected = Element { a: a.into(), long: long.map(str::to_owned) };
            assert_eq!(fields.read(json.as_bytes()), Some((json.len(), Ok(expected))), "{json}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_field_is_an_error_of_its_object_alone() {
        for json in [
            r#"{"A":1,"A":2}"#,
            r#"{"A":1,"Alias":2}"#,
            r#"{"A":01}"#,
            r#"{"A":nul}"#,
            r#"{"A":[1,]}"#,
            r#"{"Long":5}"#,
            r#"{"Long":"\x"}"#,
        ] {
            assert!(matches!(read(json), Some((length, Err(_))) if length == json.len()), "{json}: {:?}", read(json));
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_others() {
        for json in
            [r#"{"\u0041":1}"#, r#"{A:1}"#, r#"{"A" 1}"#, r#"{"A":}"#, r#"{"A":1,}"#, r#"{"A":1;"B":2}"#, r#"{"A":[1}"#]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
