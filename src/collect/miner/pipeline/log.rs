//! What a sector's log contains (SectorsStatus.Log). The log of a sector that fails and is retried for weeks has thousands of entries and
//! megabytes, so entries are read one after another, and none is kept.
//!
//! Lotus writes an entry for each event, before it decides what the event does. An event that does not fit the sector's state is followed by
//! an entry about the error and has done nothing, and neither have those that came with it: they are written again when their turn comes.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::lotus::sector_events::{Course, is_failure};
use crate::rpc::LongField;

/// No network is older than this, the middle of 2017.
const EARLIEST_SECONDS: u64 = 1_500_000_000;

/// What is kept of a line until secrets are taken out of it and it is shortened for good.
const MAX_LINE_CHARACTERS: usize = 2000;

/// More events than lotus-miner ever applies at once to one sector.
const MAX_EVENTS_AT_ONCE: usize = 8;

/// What a sector's log contains. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Whether there is a log at all. It may be empty.
    pub is_told: bool,
    pub created_seconds: Option<u64>,
    pub last_seconds: Option<u64>,
    pub course: Course,
    /// It was begun for deals, and not as committed capacity.
    pub is_for_deals: bool,
    /// The first line of the newest error.
    pub error: Option<String>,
    /// It had become too long, and Lotus took entries out of its middle.
    pub has_gap: bool,
    /// What is wrong with it, if anything.
    pub flaw: Option<String>,
}

impl LongField for Log {
    const NAME: &'static str = "Log";
}

/// Reads a log entry by entry.
#[derive(Default)]
struct Reader {
    log: Log,
    entries: usize,
    bad_entries: usize,
    /// The newest events, with what was before each of them.
    events: Vec<(String, Course)>,
}

impl Reader {
    fn read(&mut self, entry: Result<Entry, String>) {
        let index = self.entries;
        self.entries += 1;
        match entry {
            Ok(entry) => self.take(index, entry),
            Err(why) => {
                self.bad_entries += 1;
                self.log.flaw.get_or_insert_with(|| format!("[{index}]: {why}"));
            }
        }
    }

    fn take(&mut self, index: usize, entry: Entry) {
        if index == 0 {
            self.log.created_seconds = Some(entry.seconds);
        }
        self.log.last_seconds = self.log.last_seconds.max(Some(entry.seconds));
        let Some(event) = entry.kind.strip_prefix("event;") else {
            self.log.has_gap |= entry.kind == "truncate";
            if entry.kind.starts_with("error;") {
                self.refuse(&entry.message);
            }
            if !entry.message.is_empty() && entry.kind != "truncate" {
                self.log.error = Some(entry.message);
            }
            return;
        };
        let event = event.rsplit('.').next().unwrap_or(event);
        self.log.is_for_deals |= index == 0 && event == "SectorStart";
        if !entry.trace.is_empty() {
            self.log.error = Some(entry.trace);
        } else if is_failure(event) {
            // Failures of an update's message have no words.
            self.log.error = Some(event.to_owned());
        }
        if self.events.len() == MAX_EVENTS_AT_ONCE {
            self.events.remove(0);
        }
        self.events.push((event.to_owned(), self.log.course));
        self.log.course.apply(event, entry.seconds);
    }

    /// Takes back what did not fit the sector's state. Other errors are about what was done.
    fn refuse(&mut self, error: &str) {
        let events = std::mem::take(&mut self.events);
        if !error.contains("planner for state") {
            return;
        }
        let is_named = |(event, _): &&(String, Course)| {
            error.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == event)
        };
        let refused = events.iter().rev().find(is_named).or(events.last());
        if let Some((_, before)) = refused {
            self.log.course = *before;
        }
    }

    fn end(mut self) -> Log {
        if let Some(flaw) = self.log.flaw.as_mut().filter(|_| self.bad_entries > 1) {
            *flaw = format!("{flaw}, the first of {} bad entries", self.bad_entries);
        }
        self.log.is_told = true;
        self.log
    }
}

/// An entry of a log, without the rest of its texts.
struct Entry {
    kind: String,
    seconds: u64,
    trace: String,
    message: String,
}

/// A JSON value of any kind; what it is instead, where it is not what is needed.
struct Any<T>(Result<T, &'static str>);

/// The methods of a visitor for what is of a wrong kind. It is read to its end, so that what follows can be read.
macro_rules! wrong {
    (null) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Any(Err("null")))
        }
    };
    (number) => {
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Any(Err("a number")))
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Any(Err("a number")))
        }
    };
    (text) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Any(Err("a text")))
        }
    };
    (list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            while access.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Any(Err("a list")))
        }
    };
    (object) => {
        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Any(Err("an object")))
        }
    };
    (others) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Any(Err("true or false")))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Any(Err("a number that is not whole")))
        }
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("anything")
        }
    };
}

impl<'de> Deserialize<'de> for Log {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Any<Log>;
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Any<Log>, A::Error> {
                let mut reader = Reader::default();
                while let Some(entry) = access.next_element::<Any<Fields>>()? {
                    reader.read(entry.0.map_err(|kind| format!("{kind} instead of an object")).and_then(Fields::entry));
                }
                Ok(Any(Ok(reader.end())))
            }
            fn visit_unit<E: Error>(self) -> Result<Any<Log>, E> {
                Ok(Any(Ok(Reader::default().end())))
            }
            wrong!(number);
            wrong!(text);
            wrong!(object);
            wrong!(others);
        }
        let flawed = |kind| Log { flaw: Some(format!(": {kind} instead of a list")), ..Log::default() };
        Ok(deserializer.deserialize_any(Entries)?.0.unwrap_or_else(flawed))
    }
}

/// The fields of an entry, as they are in the log.
#[derive(Default)]
struct Fields {
    kind: Option<Any<Scalar>>,
    timestamp: Option<Any<Scalar>>,
    trace: Option<Any<Scalar>>,
    message: Option<Any<Scalar>>,
}

impl Fields {
    fn entry(self) -> Result<Entry, String> {
        let text = |field: Option<Any<Scalar>>, name: &str| match field.map(|value| value.0) {
            None | Some(Ok(Scalar::Null)) => Ok(None),
            Some(Ok(Scalar::Text(text))) => Ok(Some(text)),
            Some(Ok(Scalar::Whole(_))) => Err(format!("{name} is a number")),
            Some(Err(kind)) => Err(format!("{name} is {kind}")),
        };
        let seconds = match self.timestamp.map(|value| value.0) {
            None | Some(Ok(Scalar::Null)) => return Err("it has no Timestamp".to_owned()),
            Some(Ok(Scalar::Whole(seconds))) => Some(seconds),
            Some(Ok(Scalar::Text(text))) => text.parse().ok(),
            Some(Err(_)) => None,
        };
        let seconds = seconds.ok_or("its Timestamp is not a whole number")?;
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds >= EARLIEST_SECONDS);
        Ok(Entry {
            kind: text(self.kind, "its Kind")?.ok_or("it has no Kind")?,
            seconds: seconds.ok_or("its Timestamp is before any network began")?,
            trace: text(self.trace, "its Trace")?.unwrap_or_default(),
            message: text(self.message, "its Message")?.unwrap_or_default(),
        })
    }
}

impl<'de> Deserialize<'de> for Any<Fields> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier)]
        enum Key {
            Kind,
            Timestamp,
            Trace,
            Message,
            #[serde(other)]
            Other,
        }
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Any<Fields>;
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Any<Fields>, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = access.next_key()? {
                    let field = match key {
                        Key::Kind => &mut fields.kind,
                        Key::Timestamp => &mut fields.timestamp,
                        Key::Trace => &mut fields.trace,
                        Key::Message => &mut fields.message,
                        Key::Other => {
                            access.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *field = Some(access.next_value()?);
                }
                Ok(Any(Ok(fields)))
            }
            wrong!(null);
            wrong!(number);
            wrong!(text);
            wrong!(list);
            wrong!(others);
        }
        deserializer.deserialize_any(Object)
    }
}

/// A value that is neither a list nor an object. Of a text, the first line with content, cut to a readable length.
enum Scalar {
    Null,
    Whole(i128),
    Text(String),
}

impl<'de> Deserialize<'de> for Any<Scalar> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = Any<Scalar>;
            fn visit_unit<E: Error>(self) -> Result<Any<Scalar>, E> {
                Ok(Any(Ok(Scalar::Null)))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Any<Scalar>, E> {
                Ok(Any(Ok(Scalar::Whole(value.into()))))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Any<Scalar>, E> {
                Ok(Any(Ok(Scalar::Whole(value.into()))))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Any<Scalar>, E> {
                let line = value.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
                Ok(Any(Ok(Scalar::Text(line.chars().take(MAX_LINE_CHARACTERS).collect()))))
            }
            wrong!(list);
            wrong!(object);
            wrong!(others);
        }
        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const START: u64 = 1_795_000_000;

    /// As an answer is read that is too long to be kept.
    fn read(log: &Value) -> Log {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Status {
            log: Log,
            state: String,
        }
        let text = json!({ "Log": log, "State": "after it" }).to_string();
        let status: Status = serde_json::from_reader(text.as_bytes()).unwrap();
        assert_eq!(status.state, "after it");
        status.log
    }

    /// An entry for each event, so many seconds after the start.
    fn events(of: &[(&str, u64)]) -> Vec<Value> {
        let entry = |(event, seconds): &(&str, u64)| {
            json!({
                "Kind": format!("event;sealing.{event}"),
                "Timestamp": START + seconds,
                "Trace": if event.ends_with("Failed") { "no space" } else { "" },
                "Message": "{\"User\":{}}",
            })
        };
        of.iter().map(entry).collect()
    }

    fn refusal(message: &str, seconds: u64) -> Value {
        json!({ "Kind": "error;*xerrors.wrapError", "Timestamp": START + seconds, "Trace": "", "Message": message })
    }

    fn seconds(time: Option<u64>) -> Option<u64> {
        time.map(|time| time - START)
    }

    const TO_SEED: &[(&str, u64)] = &[("SectorStart", 0), ("SectorPacked", 10), ("SectorPreCommitLanded", 20)];

    #[test]
    fn no_log_an_empty_one_and_no_list() {
        assert_eq!(read(&Value::Null), read(&json!([])));
        assert!(read(&Value::Null).is_told && !Log::default().is_told);
        for wrong in [json!(7), json!(-7), json!(0.5), json!(true), json!("x"), json!({"a": [{"b": {}}]})] {
            let log = read(&wrong);
            assert!(!log.is_told && log.flaw.unwrap().ends_with("instead of a list"), "{wrong}");
        }
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out_and_named() {
        let whole = events(TO_SEED);
        for (wrong, why) in [
            (json!(7), "a number"),
            (json!("event"), "a text"),
            (json!([["event;sealing.SectorTicket", START]]), "a list"),
            (Value::Null, "null"),
            (json!({"Timestamp": START}), "no Kind"),
            (json!({"Kind": ["x"], "Timestamp": START}), "its Kind is a list"),
            (json!({"Kind": "event;sealing.SectorProving"}), "no Timestamp"),
            (json!({"Kind": "event;sealing.SectorProving", "Timestamp": {"a": 1}}), "whole number"),
            (json!({"Kind": "event;sealing.SectorProving", "Timestamp": 1.5}), "whole number"),
            (json!({"Kind": "event;sealing.SectorProving", "Timestamp": i64::MIN}), "before any network"),
            (json!({"Kind": "event;sealing.SectorProving", "Timestamp": START, "Trace": 7}), "its Trace is a number"),
            (json!({"Kind": "event;sealing.SectorProving", "Timestamp": START, "Message": {}}), "Message is an object"),
        ] {
            let log = read(&json!([whole[0], wrong, whole[1], wrong, whole[2]]));
            let flaw = log.flaw.unwrap();
            assert!(flaw.starts_with("[1]: ") && flaw.contains(why), "{flaw}");
            assert!(flaw.ends_with(", the first of 2 bad entries"), "{flaw}");
            let good = read(&json!(whole));
            assert_eq!((good.course, good.flaw), (log.course, None));
            assert_eq!(read(&json!([wrong, whole[1]])).created_seconds, None, "nobody knows when it was begun");
        }
        let text = json!([{"Timestamp": START.to_string(), "Kind": "event;sealing.SectorStart", "New": [{}]}]);
        assert_eq!(read(&text).course.entered_seconds, Some(START), "numbers may be texts");
    }

    #[test]
    fn what_was_refused_did_not_happen() {
        let before = read(&json!(events(TO_SEED)));
        let name = "SectorPreCommitLanded";
        let unexpected = format!(
            "state machine error: running planner for state WaitSeed failed: planner for state WaitSeed received unexpected event sealing.{name} ({{User:{{}}}})"
        );
        let error = refusal(&unexpected, 50);
        // Alone, and with another one that came at the same time.
        for with in [&[(name, 50)][..], &[("SectorTicket", 50), (name, 50)], &[(name, 50), ("SectorSeedReady", 50)]] {
            let log = read(&json!([events(TO_SEED), events(with), vec![error.clone()]].concat()));
            let kept = if with[0].0 == "SectorTicket" { 50 } else { 20 };
            assert_eq!(seconds(log.course.entered_seconds), Some(kept), "{with:?}");
            assert_eq!(log.course.reach, before.course.reach, "{with:?}");
            assert_eq!(log.error.as_ref(), Some(&unexpected));
        }
        // The event was applied, and its consequence is a separate error.
        let error = refusal("state machine error: sector 7 failed unrecoverably", 50);
        let log = read(&json!([events(TO_SEED), events(&[("SectorForceState", 50)]), vec![error]].concat()));
        assert_eq!(seconds(log.course.entered_seconds), Some(50));
        // A retry that was refused is none.
        let retry = "state machine error: running planner for state WaitSeed failed: planCommitting got event of unknown type sealing.SectorRetryWaitSeed, events: []";
        let log =
            read(&json!([events(TO_SEED), events(&[("SectorRetryWaitSeed", 50)]), vec![refusal(retry, 50)]].concat()));
        assert_eq!(log.course.retries, 0);
    }

    #[test]
    fn the_newest_error_by_its_first_line() {
        let with = |kind: &str, trace: &str, message: &str| {
            let entry = json!({"Kind": kind, "Timestamp": START, "Trace": trace, "Message": message});
            read(&json!([events(TO_SEED), events(&[("SectorSealPreCommit1Failed", 30)]), vec![entry]].concat())).error
        };
        let error = |text: &str| Some(text.to_owned());
        assert_eq!(with("event;sealing.SectorRetrySealPreCommit1", "", "{}"), error("no space"));
        assert_eq!(with("event;sealing.SectorFatalError", "\n \n ffi: \"bad\" \nstack", "{}"), error("ffi: \"bad\""));
        assert_eq!(
            with("event;sealing.SectorSubmitReplicaUpdateFailed", "", "{}"),
            error("SectorSubmitReplicaUpdateFailed")
        );
        assert_eq!(with("panic", "", "panic: nil\nstack"), error("panic: nil"));
        assert_eq!(with("truncate", "", "truncating log (above 8000 entries)"), error("no space"));
        let long = with("event;sealing.SectorCommitFailed", &"é".repeat(100_000), "{}").unwrap();
        assert_eq!(long.chars().count(), MAX_LINE_CHARACTERS);
    }

    #[test]
    fn a_gap_is_noticed() {
        let gap = json!({"Kind": "truncate", "Timestamp": START + 900, "Message": "truncating log"});
        let log = read(&json!([events(TO_SEED), vec![gap]].concat()));
        assert!(log.has_gap);
        assert_eq!((seconds(log.course.entered_seconds), log.error), (Some(20), None));
    }
}
