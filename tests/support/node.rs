//! One Lotus node over HTTP: go-jsonrpc's answers to single calls and batches, with the answers of a fixture. A test replaces single answers,
//! or whole replies, and sees what was asked.
//!
//! A fixture maps each method to cases `{"params": […], "result": …}` or `{"params": […], "error": {…}}`. The first case whose params are
//! the first ones of the call answers it; a case without params answers any call. `sectors` maps the states of a lotus-miner to the numbers
//! of its sectors.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Reply, Request, Server};
use super::methods::{self, Permission};

/// What a test makes a method answer.
#[derive(Clone, Debug)]
pub enum Answer {
    Result(Value),
    /// A result to put into the body as it is.
    Raw(String),
    Error(i64, String),
    NoSuchMethod,
    /// Is left out of a batch; alone, an answer with neither result nor error.
    Missing,
    /// The right result under an id that no call had.
    WrongId,
    /// The right answer, this much later.
    Late(Duration),
}

impl Request {
    pub fn is_batch(&self) -> bool {
        self.body.starts_with('[')
    }

    /// The methods called, without their prefix, with their parameters.
    pub fn calls(&self) -> Vec<(String, Value)> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let calls = if body.is_array() { body } else { json!([body]) };
        let call = |call: &Value| {
            let method = call["method"].as_str().unwrap().strip_prefix("Filecoin.").unwrap();
            (method.to_owned(), call["params"].clone())
        };
        calls.as_array().unwrap().iter().map(call).collect()
    }
}

type Rewrite = Arc<dyn Fn(&Request, Reply) -> Reply + Send + Sync>;

/// A node that listens on a port of its own until it is dropped.
pub struct Node {
    pub port: u16,
    shared: Arc<Shared>,
    _server: Server,
}

struct Shared {
    is_daemon: bool,
    fixture: Value,
    answers: Mutex<Vec<(String, Value, Answer)>>,
    rewrite: Mutex<Option<Rewrite>>,
    requests: Mutex<Vec<Request>>,
}

impl Node {
    pub fn daemon(fixture: &str) -> Node {
        Node::start(true, Node::read(fixture))
    }

    pub fn miner(fixture: &str) -> Node {
        Node::start(false, Node::read(fixture))
    }

    /// A node without a fixture, which answers each request with the given function.
    pub fn answering(is_daemon: bool, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Node {
        let node = Node::start(is_daemon, json!({}));
        node.rewrite(move |request, _| reply(request));
        node
    }

    fn read(fixture: &str) -> Value {
        let fixture = std::fs::read_to_string(super::path("fixtures").join(fixture)).unwrap();
        serde_json::from_str(&fixture).unwrap()
    }

    fn start(is_daemon: bool, fixture: Value) -> Node {
        let shared = Arc::new(Shared {
            is_daemon,
            fixture,
            answers: Mutex::default(),
            rewrite: Mutex::default(),
            requests: Mutex::default(),
        });
        let served = shared.clone();
        let server = Server::start(move |request| served.serve(request)).unwrap();
        Node { port: server.port, shared, _server: server }
    }

    /// The API info string, like `TOKEN:/ip4/127.0.0.1/tcp/1234/http`.
    pub fn info(&self, token: &str) -> String {
        let separator = if token.is_empty() { "" } else { ":" };
        format!("{token}{separator}/ip4/127.0.0.1/tcp/{}/http", self.port)
    }

    /// Makes a method answer something else.
    pub fn answer(&self, method: &str, answer: Answer) -> &Node {
        self.answer_to(method, json!([]), answer)
    }

    /// Makes a method answer something else where its first parameters are these.
    pub fn answer_to(&self, method: &str, params: Value, answer: Answer) -> &Node {
        assert!(methods::names(self.shared.is_daemon).contains(&method), "no such method: {method}");
        self.shared.answers.lock().unwrap().insert(0, (method.to_owned(), params, answer));
        self
    }

    /// Makes a method answer this result.
    pub fn result(&self, method: &str, result: Value) -> &Node {
        self.answer(method, Answer::Result(result))
    }

    /// The fixture's answer for a method.
    pub fn result_of(&self, method: &str, params: Value) -> Value {
        self.shared.lookup(method, &params)["result"].take()
    }

    /// Makes a method answer as the fixture has it, with one value in it replaced or, by an absent key, added.
    pub fn change(&self, method: &str, params: Value, pointer: &str, value: Value) -> &Node {
        let mut result = self.shared.lookup(method, &params)["result"].take();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match result.pointer_mut(parent).unwrap() {
            Value::Object(object) => {
                object.insert(key.replace("~1", "/"), value);
            }
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            other => panic!("{method}{pointer}: {other} has no parts"),
        }
        self.answer_to(method, params, Answer::Result(result))
    }

    /// Answers according to the fixture again.
    pub fn restore(&self) {
        self.shared.answers.lock().unwrap().clear();
        *self.shared.rewrite.lock().unwrap() = None;
    }

    /// Changes whole replies.
    pub fn rewrite(&self, rewrite: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> &Node {
        *self.shared.rewrite.lock().unwrap() = Some(Arc::new(rewrite));
        self
    }

    /// Answers every request the same.
    pub fn always(&self, reply: Reply) -> &Node {
        self.rewrite(move |_, _| reply.clone())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// All calls so far, with their parameters.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.requests().iter().flat_map(Request::calls).collect()
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|(called, _)| called == method).count()
    }
}

impl Node {
    /// Stops it: from now on nobody listens at its port.
    pub fn stop(self) {
        let port = self.port;
        drop(self);
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Shared {
    fn serve(&self, request: &Request) -> Reply {
        self.requests.lock().unwrap().push(request.clone());
        let reply = self.reply(request);
        let rewrite = self.rewrite.lock().unwrap().clone();
        match rewrite {
            Some(rewrite) => rewrite(request, reply),
            None => reply,
        }
    }

    /// What go-jsonrpc answers.
    fn reply(&self, request: &Request) -> Reply {
        if !methods::paths(self.is_daemon).contains(&request.path.as_str()) {
            return Reply::new(404, "404 page not found\n");
        }
        let permission = match request.header("Authorization").map(|value| value.strip_prefix("Bearer ")) {
            None => Some(Permission::Read),
            Some(token) => token.and_then(methods::permission_of),
        };
        let Some(permission) = permission else {
            return Reply::new(401, "");
        };
        match serde_json::from_str(&request.body) {
            Ok(Value::Array(calls)) if calls.is_empty() => {
                Reply::new(400, error(&Value::Null, -32600, "invalid request"))
            }
            Ok(Value::Array(calls)) => {
                let answers = calls.iter().filter_map(|call| self.answer(&request.path, permission, call).1);
                Reply::new(200, format!("[{}]", answers.collect::<Vec<_>>().join(",")))
            }
            Ok(call) => {
                let (status, body) = self.answer(&request.path, permission, &call);
                Reply::new(status, body.unwrap_or_else(|| r#"{"jsonrpc":"2.0"}"#.to_owned()))
            }
            Err(_) => Reply::new(500, error(&Value::Null, -32700, "parse error")),
        }
    }

    /// The answer to one call, and the HTTP status that it has alone. None is no answer.
    fn answer(&self, path: &str, permission: Permission, call: &Value) -> (u16, Option<String>) {
        let id = &call["id"];
        let name = call["method"].as_str().unwrap_or_default();
        let Some(method) = name.strip_prefix("Filecoin.").and_then(|name| methods::find(self.is_daemon, path, name))
        else {
            return (500, Some(error(id, -32601, &format!("method '{name}' not found"))));
        };
        let params = call["params"].as_array().cloned().unwrap_or_default();
        if params.len() != method.params {
            let message = format!("wrong param count (method '{name}'): {} != {}", params.len(), method.params);
            return (500, Some(error(id, -32602, &message)));
        }
        if permission < method.permission {
            let need = method.permission.as_str();
            let message = format!("missing permission to invoke '{}' (need '{need}')", method.name);
            return (200, Some(error(id, 1, &message)));
        }
        let params = Value::Array(params);
        let replaced = self.replaced(method.name, &params);
        let mut id = id;
        let other_id = json!(987_654_321);
        match replaced {
            None => {}
            Some(Answer::Result(result)) => return (200, Some(good(id, &result.to_string()))),
            Some(Answer::Raw(result)) => return (200, Some(good(id, &result))),
            Some(Answer::Error(code, message)) => return (200, Some(error(id, code, &message))),
            Some(Answer::NoSuchMethod) => {
                return (500, Some(error(id, -32601, &format!("method '{name}' not found"))));
            }
            Some(Answer::Missing) => return (200, None),
            Some(Answer::WrongId) => id = &other_id,
            Some(Answer::Late(delay)) => thread::sleep(delay),
        }
        let case = self.lookup(method.name, &params);
        let text = match case.get("error") {
            Some(object) => error(id, object["code"].as_i64().unwrap(), object["message"].as_str().unwrap()),
            None => good(id, &case["result"].to_string()),
        };
        (200, Some(text))
    }

    /// What a test put in place of a method's answer.
    fn replaced(&self, method: &str, params: &Value) -> Option<Answer> {
        let answers = self.answers.lock().unwrap();
        let replaced = answers.iter().find(|(of, first, _)| of == method && starts_with(params, first));
        replaced.map(|(_, _, answer)| answer.clone())
    }

    /// What the fixture has for a call: a case with its result or error.
    fn lookup(&self, method: &str, params: &Value) -> Value {
        match (method, &self.fixture["sectors"]) {
            ("SectorsSummary", Value::Object(sectors)) => {
                let counts =
                    sectors.iter().map(|(state, numbers)| (state.clone(), json!(numbers.as_array().unwrap().len())));
                json!({"result": counts.collect::<serde_json::Map<_, _>>()})
            }
            ("SectorsListInStates", Value::Object(sectors)) => {
                let states = params[0].as_array().unwrap();
                // Go writes an empty slice that was never allocated as null.
                let listed: Vec<&Value> =
                    states.iter().filter_map(|state| sectors.get(state.as_str()?)?.as_array()).flatten().collect();
                json!({"result": if listed.is_empty() { Value::Null } else { json!(listed) }})
            }
            ("StateMinerSectors", _) => {
                let of_miner = self.fixture[method].as_array().into_iter().flatten();
                let all =
                    of_miner.filter(|case| case["params"][0] == params[0]).flat_map(|case| case["result"].as_array());
                let asked = numbers(&params[1]);
                let listed = all.flatten().filter(|sector| asked.contains(&sector["SectorNumber"].as_u64().unwrap()));
                json!({"result": listed.collect::<Vec<_>>()})
            }
            _ => {
                let cases = self.fixture[method].as_array();
                let empty = json!([]);
                let matching = |case: &&Value| starts_with(params, case.get("params").unwrap_or(&empty));
                let case = cases.and_then(|cases| cases.iter().find(matching));
                let missing =
                    || json!({"error": {"code": 1, "message": format!("the fixture has no {method}{params}")}});
                case.cloned().unwrap_or_else(missing)
            }
        }
    }
}

fn starts_with(params: &Value, first: &Value) -> bool {
    let (params, first) = (params.as_array().unwrap(), first.as_array().unwrap());
    params.starts_with(first)
}

fn good(id: &Value, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
}

fn error(id: &Value, code: i64, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

/// The numbers in a bitfield, at most as many as a test has sectors.
fn numbers(runs: &Value) -> Vec<u64> {
    let (mut position, mut numbers) = (0u64, Vec::new());
    for (index, run) in runs.as_array().unwrap().iter().enumerate() {
        let end = position.saturating_add(run.as_u64().unwrap());
        numbers.extend((position..end).filter(|_| index % 2 == 1).take(20_000));
        position = end;
    }
    numbers
}
