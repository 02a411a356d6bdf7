//! The devnet's nodes over HTTP, answering what was recorded, and a record of what they were asked.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::implied;
use crate::recording::Recording;
use crate::support::{Exporter, Node, Permission, Reply, Request, token};

/// A call that a node got.
pub struct Asked {
    /// `daemon`, `miner1`, `miner2`, or `standby`, the second full node.
    pub node: &'static str,
    pub method: String,
    pub params: Value,
    pub was_recorded: bool,
    /// The code of the error that it was answered with.
    pub error_code: Option<i64>,
}

/// What the nodes were asked, and what that cost.
#[derive(Default)]
pub struct Book {
    pub calls: Vec<Asked>,
    /// Requests, as node and bytes of the body that answered it.
    pub replies: Vec<(&'static str, usize)>,
}

/// The two lotus-miners and two full nodes. A full node that has a head is enough, so the second is on standby.
pub struct Devnet {
    pub recording: Arc<Recording>,
    pub daemon: Node,
    pub standby: Node,
    pub miners: [Node; 2],
    book: Arc<Mutex<Book>>,
}

/// The code for a method that the node does not have.
pub const NOT_FOUND: i64 = -32601;

impl Devnet {
    pub fn start(recording: Recording) -> Devnet {
        let recording = Arc::new(recording);
        let book = Arc::new(Mutex::default());
        let node = |name: &'static str| {
            let (recording, book) = (recording.clone(), Arc::clone(&book));
            Node::answering(name == "daemon" || name == "standby", move |request| {
                serve(name, &recording, &book, request)
            })
        };
        let miners = ["miner1", "miner2"].map(node);
        Devnet { daemon: node("daemon"), standby: node("standby"), miners, book, recording }
    }

    /// The exporter, given all four nodes with tokens that allow everything.
    pub fn exporter(&self) -> Exporter {
        let infos = |nodes: [&Node; 2]| nodes.map(|node| node.info(&token(Permission::Admin))).join(",");
        let [first, second] = &self.miners;
        let exporter = Exporter::new().env("FULLNODE_API_INFO", &infos([&self.daemon, &self.standby]));
        exporter.env("MINER_API_INFO", &infos([first, second]))
    }

    /// What the nodes were asked until now.
    pub fn book(&self) -> Book {
        std::mem::take(&mut self.book.lock().unwrap())
    }
}

fn serve(node: &'static str, recording: &Recording, book: &Mutex<Book>, request: &Request) -> Reply {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let mut asked = Vec::new();
    let mut answer = |call: &Value| answer(node, recording, &request.path, call, &mut asked);
    let (status, body) = match &body {
        Value::Array(calls) => (200, calls.iter().map(answer).collect()),
        call => {
            let answer = answer(call);
            let status = if answer["error"]["code"] == NOT_FOUND { 500 } else { 200 };
            (status, answer)
        }
    };
    let body = body.to_string();
    let mut book = book.lock().unwrap();
    book.calls.append(&mut asked);
    book.replies.push((node, body.len()));
    Reply::new(status, body)
}

fn answer(node: &'static str, recording: &Recording, path: &str, call: &Value, asked: &mut Vec<Asked>) -> Value {
    let method = call["method"].as_str().and_then(|name| name.strip_prefix("Filecoin.")).unwrap_or_default();
    let params = &call["params"];
    let recorded = recording.answer(node, path, method, params);
    let implied = || implied::answer(recording, node, method, params);
    let not_found =
        || json!({"error": {"code": NOT_FOUND, "message": format!("method 'Filecoin.{method}' not found")}});
    let answer = recorded.cloned().or_else(implied).unwrap_or_else(not_found);
    asked.push(Asked {
        node,
        method: method.to_owned(),
        params: params.clone(),
        was_recorded: recorded.is_some(),
        error_code: answer["error"]["code"].as_i64(),
    });
    let mut reply = json!({"jsonrpc": "2.0", "id": call["id"]});
    for part in ["result", "error"] {
        if let Some(value) = answer.get(part) {
            reply[part] = value.clone();
        }
    }
    reply
}
