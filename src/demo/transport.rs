//! The simulated farm in place of the network: the same bytes in and out as over HTTP, without a port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::farm::{Farm, Node as FarmNode};
use crate::discover::Kind;
use crate::rpc::{Cause, Node, ReadAnswer, Transport};

/// Tells the time, in Unix seconds.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// The nodes of a farm.
pub fn nodes(farm: Farm, clock: Clock) -> Vec<Node> {
    let farm = Arc::new(farm);
    let turn = Arc::new(Mutex::new(()));
    let node = |kind, node, name: String| Node {
        kind,
        known_as: name.clone(),
        address: name,
        transport: Arc::new(InProcess { farm: farm.clone(), turn: turn.clone(), node, clock: clock.clone() }),
        graphql: None,
        elsewhere: None,
    };
    let miners = 0..farm.miner_count();
    let miners = miners.map(|index| node(Kind::Miner, FarmNode::Miner(index), format!("demo-miner-{index}")));
    let daemon = node(Kind::Daemon, FarmNode::Daemon, "demo-daemon".to_owned());
    let boost = node(Kind::Boost, FarmNode::Boost, "demo-boost".to_owned());
    let graphql = Some(Box::new(node(Kind::Boost, FarmNode::Boost, "demo-boost-graphql".to_owned())));
    let curios = [(FarmNode::Curio, "demo-curio"), (FarmNode::Skiff, "demo-skiff")];
    let curios = curios.into_iter().filter(|_| farm.has_curio);
    let curios = curios.map(|(of, name)| node(Kind::Curio, of, name.to_owned()));
    std::iter::once(daemon).chain(miners).chain([Node { graphql, ..boost }]).chain(curios).collect()
}

struct InProcess {
    farm: Arc<Farm>,
    /// Held while a node answers and is heard. Both are mostly allocating, and musl's allocator, which all threads share, makes them wait for
    /// each other far longer than they would take one after another.
    turn: Arc<Mutex<()>>,
    node: FarmNode,
    clock: Clock,
}

impl Transport for InProcess {
    fn post(&self, path: &str, body: &[u8], _timeout: Duration, read: ReadAnswer) -> Result<(), Cause> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer_at(&self.farm, self.node, path, body, (self.clock)());
        let body = serde_json::to_vec(&answer).map_err(|error| Cause::Failed(error.to_string()))?;
        drop(answer);
        read(200, &mut body.as_slice()).map_err(|error| Cause::Failed(error.to_string()))
    }
}

/// Answers the body of a request to this path of a node.
pub fn answer_at(farm: &Farm, node: FarmNode, path: &str, body: &[u8], now_seconds: f64) -> Value {
    match (node, path) {
        (FarmNode::Boost, "/graphql/query") => graphql(farm, body, now_seconds),
        _ => answer(farm, node, body, now_seconds),
    }
}

/// Answers the body of a GraphQL request with the body of the response.
fn graphql(farm: &Farm, body: &[u8], now_seconds: f64) -> Value {
    #[derive(Deserialize)]
    struct Request {
        query: String,
    }
    match serde_json::from_slice::<Request>(body) {
        Ok(request) => farm.graphql(&request.query, now_seconds),
        Err(error) => json!({"errors": [{"message": error.to_string()}]}),
    }
}

/// Answers the body of a request, one call or a batch, with the body of the response.
pub fn answer(farm: &Farm, node: FarmNode, body: &[u8], now_seconds: f64) -> Value {
    #[derive(Deserialize)]
    struct Request {
        id: Value,
        method: String,
        #[serde(default)]
        params: Vec<Value>,
    }
    let respond = |request: Request| {
        let mut response = json!({"jsonrpc": "2.0", "id": request.id});
        // A result that stood in `json!` would be copied.
        match farm.answer(node, &request.method, &request.params, now_seconds) {
            Ok(result) => response["result"] = result,
            Err((code, message)) => response["error"] = json!({"code": code, "message": message}),
        }
        response
    };
    if let Ok(batch) = serde_json::from_slice::<Vec<Request>>(body) {
        return batch.into_iter().map(respond).collect();
    }
    match serde_json::from_slice::<Request>(body) {
        Ok(request) => respond(request),
        Err(error) => json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": error.to_string()}}),
    }
}
