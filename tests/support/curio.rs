//! The web UI of a Curio over HTTP, with the answers that a real one gave. Times in them are moved so that they are as old now as they were then.
//!
//! A fixture maps each method to cases `{"params": […], "result": …}` or `{"params": […], "error": {…}}`; the first whose params are the first
//! ones of the call answers it. What has no case is a method that this Curio does not have.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use lotus_farcaster::lotus::epoch::{civil_date, parse_rfc3339};
use serde_json::{Value, json};

use super::http::{Reply, Request, Server};
use super::node::Answer;

/// When the fixtures were recorded, 2026-11-25T23:12:27Z.
const RECORDED_SECONDS: f64 = 1_795_648_347.0;

const PATH: &str = "/api/webrpc/v0";

/// Writes the answers of a batch.
type Write = fn(Vec<String>) -> String;

/// A Curio that listens on a port of its own until it is dropped.
pub struct Curio {
    pub port: u16,
    shared: Arc<Shared>,
    _server: Server,
}

struct Shared {
    fixture: Value,
    answers: Mutex<Vec<(String, Answer)>>,
    /// What becomes of the answers of a batch.
    batch: Mutex<Option<Write>>,
    requests: Mutex<Vec<Request>>,
}

impl Curio {
    /// The cluster.
    pub fn cluster() -> Curio {
        Curio::start("curio/curio.json")
    }

    /// The skiff.
    pub fn skiff() -> Curio {
        Curio::start("curio/skiff.json")
    }

    fn start(fixture: &str) -> Curio {
        let text = std::fs::read_to_string(super::path("fixtures").join(fixture)).unwrap();
        let mut fixture: Value = serde_json::from_str(&text).unwrap();
        move_times(&mut fixture, now() - RECORDED_SECONDS);
        let shared = Arc::new(Shared {
            fixture,
            answers: Mutex::default(),
            batch: Mutex::default(),
            requests: Mutex::default(),
        });
        let served = shared.clone();
        let server = Server::start(move |request| served.serve(request)).unwrap();
        Curio { port: server.port, shared, _server: server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it is called in labels.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Makes a method answer something else.
    pub fn answer(&self, method: &str, answer: Answer) -> &Curio {
        self.shared.answers.lock().unwrap().insert(0, (method.to_owned(), answer));
        self
    }

    /// Makes a method answer this result.
    pub fn result(&self, method: &str, result: Value) -> &Curio {
        self.answer(method, Answer::Result(result))
    }

    /// Makes these methods unknown, as they are to an older Curio.
    pub fn lacks(&self, methods: &[&str]) -> &Curio {
        for method in methods {
            self.answer(method, Answer::NoSuchMethod);
        }
        self
    }

    /// Writes the answers of batches otherwise; what cannot be encoded is an empty text there.
    pub fn write_batches(&self, write: Write) -> &Curio {
        *self.shared.batch.lock().unwrap() = Some(write);
        self
    }

    /// What it answers to a method.
    pub fn result_of(&self, method: &str) -> Value {
        self.shared.fixture[method][0]["result"].clone()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The methods called in each request, without their prefix.
    pub fn calls(&self) -> Vec<Vec<String>> {
        self.requests().iter().map(methods).collect()
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().flatten().filter(|called| *called == method).count()
    }
}

/// The methods of a request, with `!` where one is of another namespace.
fn methods(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let calls = if body.is_array() { body } else { json!([body]) };
    let name = |call: &Value| {
        let name = call["method"].as_str().unwrap_or_default();
        name.strip_prefix("CurioWeb.").map_or_else(|| format!("!{name}"), str::to_owned)
    };
    calls.as_array().unwrap().iter().map(name).collect()
}

impl Shared {
    fn serve(&self, request: &Request) -> Reply {
        self.requests.lock().unwrap().push(request.clone());
        if request.path != PATH {
            return Reply::new(404, "404 page not found\n");
        }
        match serde_json::from_str(&request.body) {
            Ok(Value::Array(calls)) => {
                // One after the other.
                let answers: Vec<String> = calls.iter().map(|call| self.answer(call).1.unwrap_or_default()).collect();
                let write = *self.batch.lock().unwrap();
                let text = write.map(|write| write(answers.clone()));
                // What cannot be encoded is not in the list.
                let usual = || answers.into_iter().filter(|answer| !answer.is_empty()).collect::<Vec<_>>().join(",");
                Reply::new(200, text.unwrap_or_else(|| format!("[{}]", usual())))
            }
            Ok(call) => {
                let (status, body) = self.answer(&call);
                Reply::new(status, body.unwrap_or_default())
            }
            Err(_) => Reply::new(500, error(&Value::Null, -32700, "unmarshaling request")),
        }
    }

    /// The answer to one call, and the status that it has alone; none where it cannot be encoded.
    fn answer(&self, call: &Value) -> (u16, Option<String>) {
        let id = &call["id"];
        let name = call["method"].as_str().unwrap_or_default();
        let no_method = (500, Some(error(id, -32601, &format!("method '{name}' not found"))));
        let Some(method) = name.strip_prefix("CurioWeb.") else { return no_method };
        let replaced =
            self.answers.lock().unwrap().iter().find(|(of, _)| of == method).map(|(_, answer)| answer.clone());
        match replaced {
            None => {}
            Some(Answer::Result(result)) => return (200, Some(good(id, &result.to_string()))),
            Some(Answer::Raw(result)) => return (200, Some(good(id, &result))),
            Some(Answer::Error(code, message)) => return (200, Some(error(id, code, &message))),
            Some(Answer::NoSuchMethod) => return no_method,
            Some(Answer::Missing) => return (200, None),
            Some(Answer::WrongId) => return (200, Some(good(&json!(987_654), "null"))),
            Some(Answer::Late(delay)) => thread::sleep(delay),
        }
        let params = call["params"].as_array().cloned().unwrap_or_default();
        let cases = self.fixture[method].as_array();
        let fits = |case: &&Value| params.starts_with(case["params"].as_array().unwrap());
        match cases.and_then(|cases| cases.iter().find(fits)) {
            None => no_method,
            Some(case) => match case.get("error") {
                Some(object) => {
                    let (code, message) = (object["code"].as_i64().unwrap(), object["message"].as_str().unwrap());
                    (if code == -32601 { 500 } else { 200 }, Some(error(id, code, message)))
                }
                None => (200, Some(good(id, &case["result"].to_string()))),
            },
        }
    }
}

fn good(id: &Value, result: &str) -> String {
    format!(r#"{{"id":{id},"jsonrpc":"2.0","result":{result}}}"#)
}

fn error(id: &Value, code: i64, message: &str) -> String {
    json!({"error": {"code": code, "message": message}, "id": id, "jsonrpc": "2.0"}).to_string()
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// RFC 3339, as Go writes it.
pub fn rfc3339(seconds: f64) -> String {
    let (days, rest) = ((seconds / 86_400.0).floor() as i64, seconds.rem_euclid(86_400.0));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (rest as i64 / 3600, rest as i64 / 60 % 60, rest % 60.0);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:09.6}Z")
}

fn move_times(value: &mut Value, by: f64) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| move_times(element, by)),
        Value::Object(fields) => fields.values_mut().for_each(|field| move_times(field, by)),
        Value::String(text) if text.ends_with('Z') && text.contains('T') => {
            if let Some(seconds) = parse_rfc3339(text) {
                *text = rfc3339(seconds + by);
            }
        }
        _ => {}
    }
}
