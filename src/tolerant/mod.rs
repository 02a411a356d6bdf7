//! Reading answers that may be wrong, or partly so: one bad field or element is noticed and left out, the rest is read.

mod numbers;
mod problems;

pub use numbers::{Count, Float, Int};
pub use problems::{Line, Problems, SaidBefore};

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A field that may be missing, null or of the wrong type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// Not there, or null.
    #[default]
    Missing,
    /// As expected.
    Good(T),
    /// Of the wrong type, and why.
    Bad(String),
}

impl<T> Field<T> {
    /// The value; a bad one is reported under its name first.
    pub fn take(self, name: &str, problems: &mut Problems) -> Option<T> {
        match self {
            Field::Good(value) => Some(value),
            Field::Missing => None,
            Field::Bad(why) => {
                problems.note(format_args!("{name}: {why}"));
                None
            }
        }
    }
}

/// Reads a field in which null says something, and which is None only where it is left out; with `#[serde(default)]`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(parse(raw))
    }
}

fn parse<'de, T: Deserialize<'de>>(raw: &'de RawValue) -> Field<T> {
    if raw.get() == "null" {
        return Field::Missing;
    }
    match from_json(raw.get().as_bytes()) {
        Ok(value) => Field::Good(value),
        Err(why) => Field::Bad(why),
    }
}

/// Reads a value from JSON. The error says what is wrong, and does not repeat texts of the JSON, which may be long or secret.
pub fn from_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, String> {
    if json.trim_ascii_start().starts_with(b"[") && is_object::<T>() {
        return Err("a list instead of an object".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| without_texts(&error))
}

/// What is wrong with JSON, without repeating texts of it.
pub fn without_texts(error: &serde_json::Error) -> String {
    let error = error.to_string();
    match error.split_once('"').zip(error.rsplit_once('"')) {
        Some(((before, _), (_, after))) => format!("{before}\"…\"{after}"),
        None => error,
    }
}

/// Whether a type is read from an object. Serde would take a list for one too, element by element in the order of the fields, and so make
/// up numbers.
fn is_object<'de, T: Deserialize<'de>>() -> bool {
    fields::<T>().is_some()
}

/// The fields that a type reads of an object, where it is read from one.
pub fn fields<'de, T: Deserialize<'de>>() -> Option<&'static [&'static str]> {
    /// Finds out what a type asks for, and gives it nothing.
    struct Probe<'a>(&'a mut Option<&'static [&'static str]>);
    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = serde::de::value::Error;
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = Some(fields);
            Err(Error::custom(""))
        }
        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.visit_some(self)
        }
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Error::custom(""))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
            tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields = None;
    // It cannot be read: all that matters is what it asked for.
    let _ = T::deserialize(Probe(&mut fields));
    fields
}

/// Most memory that the elements of one list may take. A node that has more of anything has something wrong.
const MAX_LIST_BYTES: usize = 4 << 20;

/// Bad elements of a list that are described; the others are counted.
const MAX_BAD_ELEMENTS_SHOWN: usize = 3;

fn check_size<T, E: Error>(elements: &[T]) -> Result<(), E> {
    let fits = size_of_val(elements) <= MAX_LIST_BYTES;
    if fits { Ok(()) } else { Err(E::custom(format!("more than {} elements", elements.len() - 1))) }
}

/// Only of the first bad elements is kept what is wrong with them.
fn short<T>(element: Field<T>, bad: &mut usize) -> Field<T> {
    *bad += usize::from(matches!(element, Field::Bad(_)));
    match element {
        Field::Bad(_) if *bad > MAX_BAD_ELEMENTS_SHOWN => Field::Bad(String::new()),
        element => element,
    }
}

fn note_others(name: &str, bad: usize, problems: &mut Problems) {
    if bad > MAX_BAD_ELEMENTS_SHOWN {
        problems.note(format_args!("{name}: {} more elements like this", bad - MAX_BAD_ELEMENTS_SHOWN));
    }
}

/// A list whose elements are read one by one; null is an empty list, as Go writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<Field<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T> List<T> {
    /// The good elements; bad ones are reported under the list's name first.
    pub fn take(self, name: &str, problems: &mut Problems) -> Vec<T> {
        let (mut good, mut bad) = (Vec::new(), 0);
        for (index, field) in self.0.into_iter().enumerate() {
            match field {
                Field::Bad(_) if bad >= MAX_BAD_ELEMENTS_SHOWN => bad += 1,
                field => {
                    bad += usize::from(matches!(field, Field::Bad(_)));
                    good.extend(field.take(&format!("{name}[{index}]"), problems));
                }
            }
        }
        note_others(name, bad, problems);
        good
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list or null")
            }
            fn visit_unit<E: Error>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<List<T>, A::Error> {
                let (mut elements, mut bad) = (Vec::new(), 0);
                while let Some(raw) = access.next_element::<&RawValue>()? {
                    elements.push(short(parse(raw), &mut bad));
                    check_size(&elements)?;
                }
                Ok(List(elements))
            }
        }
        deserializer.deserialize_any(Elements(PhantomData))
    }
}

/// An object used as a dictionary, whose values are read one by one; null is an empty one.
#[derive(Clone, Debug, PartialEq)]
pub struct Map<T>(pub Vec<(String, Field<T>)>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

impl<T> Map<T> {
    /// The good entries, in the order of their keys; bad ones are reported under the dictionary's name first.
    pub fn take(self, name: &str, problems: &mut Problems) -> Vec<(String, T)> {
        let (mut entries, mut bad) = (Vec::new(), 0);
        for (key, field) in self.0 {
            match field {
                Field::Bad(_) if bad >= MAX_BAD_ELEMENTS_SHOWN => bad += 1,
                field => {
                    bad += usize::from(matches!(field, Field::Bad(_)));
                    entries.extend(field.take(&format!("{name}[{key:?}]"), problems).map(|value| (key, value)));
                }
            }
        }
        note_others(name, bad, problems);
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|a, b| a.0 == b.0);
        entries
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Map<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object or null")
            }
            fn visit_unit<E: Error>(self) -> Result<Map<T>, E> {
                Ok(Map::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map<T>, A::Error> {
                let (mut entries, mut bad) = (Vec::new(), 0);
                while let Some((key, raw)) = access.next_entry::<String, &RawValue>()? {
                    entries.push((key, short(parse(raw), &mut bad)));
                    check_size(&entries)?;
                }
                Ok(Map(entries))
            }
        }
        deserializer.deserialize_any(Entries(PhantomData))
    }
}
