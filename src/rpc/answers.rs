//! From the body of an HTTP answer to values: each answer of a batch is read as it arrives, and only what its type needs is kept. One that
//! is too long, or has a different shape, affects no other.

use std::any::Any;
use std::io;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::batch::Slot;
use super::fields::Fields;
use super::json::{Source, Value, malformed, why_malformed};
use super::{Cause, Client};
use crate::tolerant::{self, Int};

/// The longest answer that is read as a whole, in bytes.
pub const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// The longest element of a list that is read element by element.
const MAX_ELEMENT_BYTES: u64 = 256 << 10;

/// The longest error, id or name of a field.
const MAX_PART_BYTES: u64 = 256 << 10;

/// Reads one value into what a call is answered with. The outer error is the network's, or that the JSON is broken.
pub(super) type Parser = fn(&mut Value) -> io::Result<Slot>;

/// The same, with the index of the call.
pub(super) type ParseCall<'a> = &'a mut dyn FnMut(usize, &mut Value) -> io::Result<Slot>;

/// What a body holds.
pub(super) enum Body {
    /// Answers.
    Answers,
    /// One error in place of a list of answers: the node knows no batches.
    RefusedBatch,
    /// A list of answers that is not whole JSON.
    Garbled,
    /// Something else.
    NotJsonRpc(Cause),
}

/// A `T` that may borrow, from the whole value.
pub(super) fn whole<T>(value: &mut Value) -> io::Result<Slot>
where
    T: for<'de> Deserialize<'de> + Send + 'static,
{
    let mut bytes = Vec::new();
    if !value.read_whole(&mut bytes, MAX_ANSWER_BYTES)? {
        return Ok(Err(Cause::TooLarge(MAX_ANSWER_BYTES)));
    }
    Ok(boxed(tolerant::from_json::<T>(&bytes).map_err(Cause::Shape)))
}

/// A field that is read as it comes, into a value that does not grow with it.
pub trait LongField: DeserializeOwned + Send + 'static {
    /// How the field is called.
    const NAME: &'static str;
}

/// A `T` from an object without its long field, and that field.
pub(super) fn split<T, L>(value: &mut Value) -> io::Result<Slot>
where
    T: for<'de> Deserialize<'de> + Send + 'static,
    L: LongField,
{
    if value.first()? != Some(b'{') {
        return whole::<T>(value).map(|slot| slot.and(Err(Cause::Shape("not an object".to_owned()))));
    }
    let source = value.open();
    source.take(b'{')?;
    let (mut rest, mut part) = (b"{".to_vec(), Vec::new());
    let (mut long, mut wrong) = (None::<L>, None);
    each_until(source, b'}', |source| {
        let name = read_name(source)?;
        let mut value = source.value()?;
        if name == L::NAME {
            match serde_json::from_reader(io::BufReader::new(&mut value)) {
                Ok(read) => long = Some(read),
                Err(error) if error.is_io() => return Err(error.into()),
                Err(error) => wrong = Some(Cause::Shape(format!("{name}: {}", tolerant::without_texts(&error)))),
            }
            return value.skip();
        }
        let room = MAX_ANSWER_BYTES.saturating_sub(rest.len() as u64);
        if !value.read_whole(&mut part, room)? {
            wrong = Some(Cause::TooLarge(MAX_ANSWER_BYTES));
            return Ok(());
        }
        if rest.len() > 1 {
            rest.push(b',');
        }
        rest.extend(serde_json::to_vec(&name)?);
        rest.push(b':');
        rest.extend_from_slice(&part);
        Ok(())
    })?;
    rest.push(b'}');
    let read = tolerant::from_json::<T>(&rest).map_err(Cause::Shape);
    Ok(boxed(wrong.map_or(Ok(()), Err).and(read).map(|read| (read, long))))
}

/// Takes up the elements of a list one by one, so that a long one need not be kept.
pub trait Gather: Default + Send + 'static {
    /// What an element is read into.
    type Element: for<'de> Deserialize<'de>;

    /// Takes an element, or what is wrong with it.
    fn take(&mut self, element: Result<Self::Element, String>);
}

/// Gathers a list.
pub(super) fn gathered<G: Gather>(value: &mut Value) -> io::Result<Slot> {
    let mut gathered = G::default();
    Ok(elements(value, |element| gathered.take(element))?.and_then(|_| boxed(Ok(gathered))))
}

/// Gives each element of a list to `take`: the `T`, or what is wrong with it. Null is an empty list.
pub(super) fn elements<T>(value: &mut Value, take: impl FnMut(Result<T, String>)) -> io::Result<Slot>
where
    T: for<'de> Deserialize<'de>,
{
    Elements::new::<T>().read(value, take).map(|read| read.and_then(|()| boxed(Ok(()))))
}

/// The same for an object of lists: each element comes with the name of its list, and before the first one comes the name alone.
pub(super) fn named_elements<T>(
    value: &mut Value,
    mut take: impl FnMut(&str, Option<Result<T, String>>),
) -> io::Result<Slot>
where
    T: for<'de> Deserialize<'de>,
{
    if value.first()? != Some(b'{') {
        return not_unless_null(value, "not an object").map(|read| read.and_then(|()| boxed(Ok(()))));
    }
    let source = value.open();
    source.take(b'{')?;
    let (mut elements, mut wrong) = (Elements::new::<T>(), Ok(()));
    each_until(source, b'}', |source| {
        let name = read_name(source)?;
        take(&name, None);
        let mut list = source.value()?;
        if let Err(Cause::Shape(why)) = elements.read(&mut list, |element| take(&name, Some(element)))? {
            wrong = Err(Cause::Shape(format!("{name}: {why}")));
        }
        Ok(())
    })?;
    Ok(boxed(wrong))
}

/// Reads the elements of lists. Of each object the fields that nobody reads are left out as they come, which takes a fraction of the time
/// that it takes to parse them.
struct Elements {
    fields: Option<Fields>,
    element: Vec<u8>,
    part: Vec<u8>,
}

impl Elements {
    fn new<T: for<'de> Deserialize<'de>>() -> Self {
        Elements { fields: Fields::of::<T>(), element: Vec::new(), part: Vec::new() }
    }

    fn read<T>(&mut self, value: &mut Value, mut take: impl FnMut(Result<T, String>)) -> io::Result<Result<(), Cause>>
    where
        T: for<'de> Deserialize<'de>,
    {
        if value.first()? != Some(b'[') {
            return not_unless_null(value, "not a list");
        }
        let source = value.open();
        source.take(b'[')?;
        each_until(source, b']', |source| {
            let is_object = source.peek()? == Some(b'{');
            let fits = match self.fields.as_mut().filter(|_| is_object) {
                Some(fields) => {
                    let in_place = |json: &[u8]| {
                        let (length, element) = fields.read(json)?;
                        take(element);
                        Some(length)
                    };
                    if source.try_use(in_place)? {
                        return Ok(());
                    }
                    read_fields(source, fields, &mut self.element, &mut self.part)?
                }
                None => source.value()?.read_whole(&mut self.element, MAX_ELEMENT_BYTES)?,
            };
            let too_long = || Err(format!("longer than {MAX_ELEMENT_BYTES} bytes"));
            take(if fits { tolerant::from_json(&self.element) } else { too_long() });
            Ok(())
        })?;
        Ok(Ok(()))
    }
}

/// Copies an object with these fields alone, wherever it ends. Whether it has not too many bytes then.
fn read_fields(source: &mut Source, fields: &Fields, element: &mut Vec<u8>, part: &mut Vec<u8>) -> io::Result<bool> {
    let mut fits = true;
    element.clear();
    element.push(b'{');
    source.take(b'{')?;
    each_until(source, b'}', |source| {
        fits &= source.value()?.read_whole(part, MAX_PART_BYTES)?;
        // What an escape sequence stands for is left to serde.
        let is_read = part.contains(&b'\\') || fields.has(part);
        if !source.take(b':')? {
            return Err(malformed("a field without a value"));
        }
        if !is_read {
            return source.value()?.skip();
        }
        if element.len() > 1 {
            element.push(b',');
        }
        element.extend_from_slice(part);
        element.push(b':');
        let room = MAX_ELEMENT_BYTES.saturating_sub(element.len() as u64);
        fits &= source.value()?.read_whole(part, room)?;
        element.extend_from_slice(part);
        Ok(())
    })?;
    element.push(b'}');
    Ok(fits)
}

/// Null, in place of a list or an object.
fn not_unless_null(value: &mut Value, why: &str) -> io::Result<Result<(), Cause>> {
    let mut other = Vec::new();
    value.read_whole(&mut other, MAX_PART_BYTES)?;
    Ok(if other == b"null" { Ok(()) } else { Err(Cause::Shape(why.to_owned())) })
}

fn boxed<T: Send + 'static>(read: Result<T, Cause>) -> Slot {
    read.map(|value| Box::new(value) as Box<dyn Any + Send>)
}

/// Reads what is between commas, up to the end of the list or object.
fn each_until(source: &mut Source, end: u8, mut read: impl FnMut(&mut Source) -> io::Result<()>) -> io::Result<()> {
    if source.take(end)? {
        return Ok(());
    }
    loop {
        read(source)?;
        if source.take(end)? {
            return Ok(());
        }
        if !source.take(b',')? {
            return Err(malformed("a comma is missing"));
        }
    }
}

/// Reads the body into one slot for each call; those that are not answered stay as they are. The error is the network's.
pub(super) fn read_body(
    status: u16,
    source: &mut Source,
    first_id: u64,
    client: &Client,
    slots: &mut [Option<Slot>],
    parse: ParseCall,
) -> io::Result<Body> {
    if status == 200 && client.may_be_silent() && source.peek()?.is_none() {
        return Ok(Body::Answers);
    }
    let is_list = source.peek()? == Some(b'[');
    let read = match (is_list, slots.len()) {
        (true, 2..) => read_list(source, first_id, client, slots, parse),
        (false, _) if source.peek()? == Some(b'{') => read_single(source, first_id, client, slots, parse),
        _ => Ok(false),
    };
    match read {
        Ok(true) if is_list || slots.len() == 1 => Ok(Body::Answers),
        Ok(true) => Ok(Body::RefusedBatch),
        Err(error) if why_malformed(&error).is_none() => Err(error),
        _ if is_list && slots.len() > 1 => Ok(Body::Garbled),
        Err(error) if source.head().trim_ascii_start().starts_with(b"{") => {
            Ok(Body::NotJsonRpc(Cause::Failed(format!("the answer is broken JSON: {error}"))))
        }
        _ => Ok(Body::NotJsonRpc(not_json_rpc(status, source.head(), client))),
    }
}

fn read_list(
    source: &mut Source,
    first_id: u64,
    client: &Client,
    slots: &mut [Option<Slot>],
    parse: ParseCall,
) -> io::Result<bool> {
    let (mut position, mut is_in_order) = (0, true);
    source.take(b'[')?;
    each_until(source, b']', |source| {
        let response = read_response(source, first_id, slots.len(), position, client, parse)?;
        if let Some(slot) = response.index.and_then(|index| slots.get_mut(index)) {
            *slot = Some(response.outcome);
        }
        is_in_order &= !response.is_misread;
        position += 1;
        Ok(())
    })?;
    if is_in_order {
        Ok(true)
    } else {
        Err(malformed("answers in a different order from the calls, with their ids last"))
    }
}

/// Whether it is the answer to the only call, or an error in place of a list.
fn read_single(
    source: &mut Source,
    first_id: u64,
    client: &Client,
    slots: &mut [Option<Slot>],
    parse: ParseCall,
) -> io::Result<bool> {
    let response = read_response(source, first_id, slots.len(), 0, client, parse)?;
    match slots {
        [slot] => {
            // An error without an id is about the only call there is.
            if response.index.is_some() || response.is_error {
                *slot = Some(response.outcome);
            }
            Ok(response.is_json_rpc)
        }
        _ => Ok(response.is_error),
    }
}

/// One answer, and the call that it is about.
struct Response {
    index: Option<usize>,
    outcome: Slot,
    is_error: bool,
    /// It has a field that belongs into an answer.
    is_json_rpc: bool,
    /// Its result was taken for that of another call.
    is_misread: bool,
}

/// Where the result comes before its id, as some nodes write it, it is taken for that of the call at the same position, until the
/// id says otherwise.
fn read_response(
    source: &mut Source,
    first_id: u64,
    calls: usize,
    position: usize,
    client: &Client,
    parse: ParseCall,
) -> io::Result<Response> {
    if !source.take(b'{')? {
        source.value()?.skip()?;
        let outcome = Err(Cause::NoAnswer);
        return Ok(Response { index: None, outcome, is_error: false, is_json_rpc: false, is_misread: false });
    }
    let (mut index, mut error, mut result) = (None, None, None);
    each_until(source, b'}', |source| {
        match read_name(source)?.as_str() {
            "id" => {
                let id = read_part::<Int>(source)?.ok().flatten().and_then(Int::to_u64);
                let place = id.and_then(|id| usize::try_from(id.checked_sub(first_id)?).ok());
                index = place.filter(|place| *place < calls);
            }
            "error" => error = read_error(source, client)?,
            "result" => {
                let place = index.unwrap_or(position);
                let mut value = source.value()?;
                let outcome = if place < calls { parse(place, &mut value)? } else { Err(Cause::NoAnswer) };
                value.skip()?;
                result = Some((place, outcome));
            }
            _ => source.value()?.skip()?,
        }
        Ok(())
    })?;
    let is_json_rpc = error.is_some() || result.is_some() || index.is_some();
    let is_error = error.is_some();
    let is_misread = !is_error && matches!((&result, index), (Some((place, _)), Some(index)) if *place != index);
    let outcome = match (error, result, index) {
        (Some(cause), _, _) => Err(cause),
        (None, Some((_, outcome)), Some(_)) => outcome,
        // No result is the null of Lotus before v1.27.1.
        (None, None, Some(index)) => {
            let mut null = b"null".as_slice();
            parse(index, &mut Source::new(&mut null).value()?)?
        }
        (None, _, None) => Err(Cause::NoAnswer),
    };
    let index = index.filter(|_| !is_misread);
    Ok(Response { index, outcome, is_error, is_json_rpc, is_misread })
}

/// The name of a field, up to its value.
fn read_name(source: &mut Source) -> io::Result<String> {
    let name: String = read_part(source)?.ok().flatten().ok_or_else(|| malformed("a field without a name"))?;
    if !source.take(b':')? {
        return Err(malformed("a field without a value"));
    }
    Ok(name)
}

fn read_part<T: for<'de> Deserialize<'de>>(source: &mut Source) -> io::Result<Result<Option<T>, Cause>> {
    let mut bytes = Vec::new();
    if !source.value()?.read_whole(&mut bytes, MAX_PART_BYTES)? {
        return Ok(Err(Cause::TooLarge(MAX_PART_BYTES)));
    }
    Ok(tolerant::from_json(&bytes).map_err(Cause::Shape))
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

/// Null is not an error.
fn read_error(source: &mut Source, client: &Client) -> io::Result<Option<Cause>> {
    Ok(match read_part::<ErrorObject>(source)? {
        Ok(error) => error.map(|error| Cause::from_error_object(error.code, &client.redact(&error.message))),
        Err(cause) => Some(cause),
    })
}

/// The message about a body that is not JSON-RPC.
pub(super) fn not_json_rpc(status: u16, head: &[u8], client: &Client) -> Cause {
    if status != 200 {
        return Cause::Http(status);
    }
    // A secret that is cut would no longer be found, so the cut comes last; nor does the first one cut any that would be shown.
    let start = client.redact(&String::from_utf8_lossy(head));
    Cause::NotJsonRpc(start.chars().take(40).collect())
}
