//! GraphQL as Boost uses it: many root fields in one request, each of which fails on its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answers::{MAX_ANSWER_BYTES, not_json_rpc};
use super::client::refused_by_status;
use super::error::one_line;
use super::json::why_malformed;
use super::{CallError, Cause, Client, Share};
use crate::tolerant::{self, Problems};

/// One root field of a query.
#[derive(Clone, Debug)]
pub struct RootField {
    /// What its answer is called, its alias: different for every field of a query.
    pub key: String,
    /// Its name in the schema, used in messages.
    pub name: &'static str,
    /// Its arguments and what of it is wanted, like `(limit:1){totalCount}`, in one line.
    pub rest: String,
}

/// The answers to the root fields of a query.
pub struct Fields {
    node: String,
    data: BTreeMap<String, Box<RawValue>>,
    failed: BTreeMap<String, (&'static str, Cause)>,
}

#[derive(Default, Deserialize)]
struct Response {
    #[serde(default)]
    data: Option<BTreeMap<String, Box<RawValue>>>,
    #[serde(default)]
    errors: Option<Vec<ErrorEntry>>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Option<Vec<Value>>,
    #[serde(default)]
    locations: Option<Vec<Location>>,
}

#[derive(Deserialize)]
struct Location {
    line: usize,
}

impl ErrorEntry {
    /// The root field that it is about: named by the path of an answer, or by the line of a query that the schema does not allow.
    fn field<'a>(&self, asked: &[&'a RootField]) -> Option<&'a RootField> {
        match self.path.as_ref().and_then(|path| path.first()) {
            Some(key) => asked.iter().find(|field| key.as_str() == Some(&field.key)).copied(),
            None => asked.get(self.locations.as_ref()?.first()?.line.checked_sub(2)?).copied(),
        }
    }

    fn cause(&self, field: Option<&RootField>, client: &Client) -> Cause {
        let message = one_line(&client.redact(&self.message));
        // The words of graph-gophers, where a Boost is older than the field.
        let unknown = field.map(|field| format!("Cannot query field \"{}\"", field.name));
        match unknown {
            Some(unknown) if message.starts_with(&unknown) => Cause::NoSuchMethod,
            _ => Cause::Failed(format!("the node answered \"{message}\"")),
        }
    }
}

impl Client {
    /// Asks for root fields of a GraphQL schema, all in one request. Where one that must not be null fails, GraphQL answers none of them: then
    /// the others are asked for once more.
    ///
    /// An error means that nothing was answered at all.
    pub fn query(&self, wanted: &[RootField]) -> Result<Fields, CallError> {
        let mut fields = Fields { node: self.name().to_owned(), data: BTreeMap::new(), failed: BTreeMap::new() };
        let (missing, wanted): (Vec<&RootField>, Vec<&RootField>) =
            wanted.iter().partition(|field| self.habits.lacks(&habit(field.name)));
        fields.failed.extend(missing.into_iter().map(|field| (field.key.clone(), (field.name, Cause::NoSuchMethod))));
        let without = self.query_once(&wanted, &mut fields)?;
        if !without.is_empty() && without.len() < wanted.len() {
            let others: Vec<&RootField> = wanted.into_iter().filter(|field| !without.contains(&field.key)).collect();
            // Answers about the first ones remain, whatever happens to this.
            if let Err(error) = self.query_once(&others, &mut fields) {
                let failed = others.into_iter().map(|field| (field.key.clone(), (field.name, error.cause.clone())));
                fields.failed.extend(failed);
            }
        }
        for (name, _) in fields.failed.values().filter(|(_, cause)| cause.is_missing_method()) {
            self.habits.note_missing(&habit(name));
        }
        let errors = fields.failed.values().filter(|(_, cause)| !cause.is_missing_method()).count();
        self.count_errors(errors);
        Ok(fields)
    }

    /// Asks once. Where nothing was answered because of some of the fields, their keys.
    fn query_once(&self, asked: &[&RootField], fields: &mut Fields) -> Result<BTreeSet<String>, CallError> {
        let lines = asked.iter().map(|field| format!("{}:{}{}\n", field.key, field.name, field.rest));
        let query = format!("{{\n{}}}", lines.collect::<String>());
        let fail = |cause| {
            self.count_errors(1);
            CallError { node: self.name().to_owned(), about: String::new(), method: "query".into(), cause }
        };
        let (status, body) = self.post_query(&json!({ "query": query })).map_err(fail)?;
        let response: Response = tolerant::from_json(&body).unwrap_or_default();
        let errors = response.errors.unwrap_or_default();
        if response.data.is_none() && errors.is_empty() {
            return Err(fail(match not_json_rpc(status, &body, self) {
                Cause::NotJsonRpc(start) => {
                    Cause::Failed(format!("the answer is not GraphQL's (it starts with {start:?})"))
                }
                other => other,
            }));
        }
        let (mut without, mut of_no_field) = (BTreeSet::new(), None);
        for error in &errors {
            let field = error.field(asked);
            let cause = error.cause(field, self);
            match field {
                Some(field) => {
                    without.insert(field.key.clone());
                    fields.failed.entry(field.key.clone()).or_insert((field.name, cause));
                }
                None if response.data.is_none() => return Err(fail(cause)),
                None => of_no_field = Some(cause),
            }
        }
        let Some(data) = response.data else {
            return Ok(without);
        };
        // It is the reason for what is null, as far as anybody can tell.
        let is_null = |field: &&&RootField| data.get(&field.key).is_none_or(|value| value.get() == "null");
        for field in asked.iter().filter(is_null) {
            if let Some(cause) = &of_no_field {
                fields.failed.entry(field.key.clone()).or_insert((field.name, cause.clone()));
            }
        }
        fields.data.extend(data);
        Ok(BTreeSet::new())
    }

    /// The HTTP status and the body.
    fn post_query(&self, query: &Value) -> Result<(u16, Vec<u8>), Cause> {
        let mut answer = Err(Cause::NoAnswer);
        self.exchange(self.path(), query, 1, Share::Whole, &mut |status, source| {
            let mut body = Vec::new();
            answer = match (refused_by_status(status), source.value()?.read_whole(&mut body, MAX_ANSWER_BYTES)) {
                (Some(cause), _) => Err(cause),
                (None, Ok(true)) => Ok((status, body)),
                (None, Ok(false)) => Err(Cause::TooLarge(MAX_ANSWER_BYTES)),
                (None, Err(error)) if why_malformed(&error).is_some() => Ok((status, source.head().to_vec())),
                (None, Err(error)) => return Err(error),
            };
            Ok(())
        })?;
        answer
    }
}

/// How a field that a node does not have is remembered.
fn habit(name: &str) -> String {
    format!("query {name}")
}

impl Fields {
    /// The answer to one field. None where it is null, where the node does not have it, or where it failed, which is a problem.
    pub fn take<'a, T: Deserialize<'a>>(&'a self, key: &str, problems: &mut Problems) -> Option<T> {
        let fail = |name: &'static str, cause: &Cause| {
            let cause = cause.clone();
            CallError { node: self.node.clone(), about: String::new(), method: name.into(), cause }
        };
        if let Some((name, cause)) = self.failed.get(key) {
            return problems.if_supported(Err(fail(name, cause)));
        }
        let raw = self.data.get(key)?.get();
        if raw == "null" {
            return None;
        }
        match tolerant::from_json(raw.as_bytes()) {
            Ok(value) => Some(value),
            Err(why) => {
                problems.error(CallError {
                    node: self.node.clone(),
                    about: String::new(),
                    method: key.to_owned().into(),
                    cause: Cause::Shape(why),
                });
                None
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::rpc::{Budget, Habits, ReadAnswer, Transport};

    /// Answers each request with the next of these bodies, and keeps what was asked.
    struct Script {
        bodies: Mutex<Vec<&'static str>>,
        asked: Mutex<Vec<String>>,
    }

    impl Transport for Script {
        fn post(&self, path: &str, body: &[u8], _: Duration, read: ReadAnswer) -> Result<(), Cause> {
            let body: Value = serde_json::from_slice(body).unwrap();
            self.asked.lock().unwrap().push(format!("{path} {}", body["query"].as_str().unwrap()));
            let answer = self.bodies.lock().unwrap().remove(0);
            read(200, &mut answer.as_bytes()).map_err(|error| Cause::Failed(error.to_string()))
        }

        fn redact(&self, text: &str) -> String {
            text.replace("s3cr3t", "[secret]")
        }
    }

    fn field(key: &str, name: &'static str) -> RootField {
        RootField { key: key.to_owned(), name, rest: "{n}".to_owned() }
    }

    #[derive(Deserialize)]
    struct Answer {
        n: u64,
    }

    type Numbers = Result<[Option<u64>; 2], String>;

    /// The numbers of `a` and `b`, the lines, and the requests.
    fn ask(bodies: &[&'static str]) -> (Numbers, Vec<String>, Vec<String>) {
        let script = Arc::new(Script { bodies: Mutex::new(bodies.to_vec()), asked: Mutex::default() });
        let budget = Budget::new(Duration::from_secs(10));
        let client = Client::new("boost b:1".to_owned(), "/graphql/query", script.clone(), budget, Habits::default());
        let mut problems = Problems::new("boost b:1");
        let fields = client.query(&[field("a", "funds"), field("b", "storage")]);
        let numbers = fields.map(|fields| ["a", "b"].map(|key| Some(fields.take::<Answer>(key, &mut problems)?.n)));
        let asked = script.asked.lock().unwrap().clone();
        let lines = problems.into_lines().iter().map(ToString::to_string).collect();
        (numbers.map_err(|error| error.to_string()), lines, asked)
    }

    #[test]
    fn one_request_asks_for_everything_one_field_per_line() {
        let (numbers, lines, asked) = ask(&[r#"{"data":{"a":{"n":1},"b":{"n":2}}}"#]);
        assert_eq!((numbers, lines), (Ok([Some(1), Some(2)]), vec![]));
        assert_eq!(asked, ["/graphql/query {\na:funds{n}\nb:storage{n}\n}"]);
    }

    #[test]
    fn a_field_that_fails_is_reported_and_the_other_is_there() {
        let (numbers, lines, asked) =
            ask(&[r#"{"data":{"a":null,"b":{"n":2}},"errors":[{"message":"no s3cr3t\nfunds","path":["a"]}]}"#]);
        assert_eq!(numbers, Ok([None, Some(2)]));
        assert_eq!(lines, ["boost b:1: funds: the node answered \"no [secret]\""]);
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn an_error_without_a_field_belongs_to_what_is_missing() {
        let (numbers, lines, _) = ask(&[r#"{"data":{"a":{"n":1},"b":null},"errors":[{"message":"timeout"}]}"#]);
        assert_eq!(numbers, Ok([Some(1), None]));
        assert_eq!(lines, ["boost b:1: storage: the node answered \"timeout\""]);
    }

    #[test]
    fn a_field_that_voids_the_whole_answer_is_no_longer_asked_for() {
        let (numbers, lines, asked) = ask(&[
            r#"{"data":null,"errors":[{"message":"no funds","path":["a","Escrow"]}]}"#,
            r#"{"data":{"b":{"n":2}}}"#,
        ]);
        assert_eq!(numbers, Ok([None, Some(2)]));
        assert_eq!(lines, ["boost b:1: funds: the node answered \"no funds\""]);
        assert_eq!(asked[1], "/graphql/query {\nb:storage{n}\n}");
    }

    #[test]
    fn a_field_that_an_older_node_does_not_have_is_no_problem() {
        let unknown = r#"{"errors":[{"message":"Cannot query field \"storage\" on type \"RootQuery\".","locations":[{"line":3,"column":3}]}]}"#;
        let (numbers, lines, asked) = ask(&[unknown, r#"{"data":{"a":{"n":1}}}"#]);
        assert_eq!((numbers, lines), (Ok([Some(1), None]), vec![]));
        assert_eq!(asked.len(), 2);
    }

    #[test]
    fn what_is_not_graphql_is_reported() {
        for body in ["<html>s3cr3t", r#"{"jsonrpc":"2.0"}"#, "[]"] {
            let (numbers, _, _) = ask(&[body]);
            let error = numbers.unwrap_err();
            assert!(error.contains("boost b:1: query: the answer is not GraphQL's") && !error.contains("s3cr3t"));
        }
        let (numbers, _, _) = ask(&[r#"{"errors":[{"message":"internal"}]}"#]);
        assert_eq!(numbers.unwrap_err(), "boost b:1: query: the node answered \"internal\"");
    }

    #[test]
    fn nulls_and_other_types_make_nothing_up() {
        let (numbers, lines, _) = ask(&[r#"{"data":{"a":null,"b":{"n":"x"}}}"#]);
        assert_eq!(numbers, Ok([None, None]));
        assert!(lines.len() == 1 && lines[0].contains("boost b:1: b:"), "{lines:?}");
    }
}
