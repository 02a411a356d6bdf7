//! The recorded calls of one run: what was asked of which node, and what it answered.

use serde_json::{Value, json};

/// Stands in the fixture for the key of the run's head, which most calls name.
const HEAD: &str = "@head";

/// A whole run of the exporter with an empty state, as the nodes of a devnet answered it.
pub struct Recording {
    /// Its number.
    pub run: u64,
    /// The key of the head.
    key: Value,
    calls: Vec<Call>,
}

struct Call {
    node: String,
    path: String,
    method: String,
    params: Value,
    /// An object with `result` or `error`.
    answer: Value,
}

impl Recording {
    pub fn load(run: u64) -> Recording {
        let text = std::fs::read_to_string(crate::support::path("fixtures/devnet/calls.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_run = lines.filter(|line| line["runs"].as_array().unwrap().contains(&run.into()));
        let calls: Vec<Call> = of_run.map(Call::read).collect();
        let head = calls.iter().find(|call| call.method == "ChainHead").unwrap();
        Recording { run, key: head.answer["result"]["Cids"].clone(), calls }
    }

    /// Makes a node answer with this result.
    pub fn replace(&mut self, node: &str, method: &str, params: Value, result: Value) {
        let path = usual_path(node).to_owned();
        let (node, method) = (node.to_owned(), method.to_owned());
        self.calls.insert(0, Call { node, path, method, params, answer: json!({"result": result}) });
    }

    /// What was answered to this call; None where it was not recorded.
    pub fn answer(&self, node: &str, path: &str, method: &str, params: &Value) -> Option<&Value> {
        let params = self.named(params);
        let is_it = |call: &&Call| {
            (call.node.as_str(), call.path.as_str(), call.method.as_str()) == (node, path, method)
                && call.params == params
        };
        self.calls.iter().find(is_it).map(|call| &call.answer)
    }

    /// What the full node answered to this call, which was recorded. `@head` among the parameters is the key of the head.
    pub fn chain(&self, method: &str, params: Value) -> &Value {
        self.result("daemon", method, &params)
    }

    /// What a lotus-miner answered to this call, which was recorded.
    pub fn result(&self, node: &str, method: &str, params: &Value) -> &Value {
        self.try_result(node, method, params)
            .unwrap_or_else(|| panic!("run {}: {node} was not asked {method}{params}", self.run))
    }

    /// Like [`Recording::result`], for calls that may not have been recorded, or that returned an error.
    pub fn try_result(&self, node: &str, method: &str, params: &Value) -> Option<&Value> {
        let asked =
            self.calls.iter().find(|call| (&*call.node, &*call.method) == (node, method) && call.params == *params);
        asked?.answer.get("result")
    }

    /// All that a node answered to calls of one method, with their parameters.
    pub fn all<'a>(&'a self, node: &'a str, method: &'a str) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        let asked = self.calls.iter().filter(move |call| (&*call.node, &*call.method) == (node, method));
        asked.map(|call| (&call.params, &call.answer["result"]))
    }

    /// The head.
    pub fn head(&self) -> &Value {
        self.chain("ChainHead", Value::Array(Vec::new()))
    }

    /// Parameters as the fixture has them: with a name for the key of the head.
    fn named(&self, params: &Value) -> Value {
        let name = |param: &Value| if *param == self.key { HEAD.into() } else { param.clone() };
        params.as_array().map_or(Value::Null, |params| params.iter().map(name).collect())
    }
}

/// Where most calls of a node go; of the others the fixture has the path.
fn usual_path(node: &str) -> &'static str {
    if node == "daemon" { "/rpc/v1" } else { "/rpc/v0" }
}

impl Call {
    fn read(mut line: Value) -> Call {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let node = text(&line["node"]);
        Call {
            path: line.get("path").map_or_else(|| usual_path(&node).to_owned(), text),
            node,
            method: text(&line["method"]),
            params: line["params"].take(),
            answer: line,
        }
    }
}
