//! The first calls to a lotus-miner: whose it is, and whether it seals.

use serde_json::json;

use crate::collect::reach::{Reach, Version, client, joined_with_commas, noted};
use crate::lotus::address;
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::{Batch, Budget, CallError, Cause, Client, Node};

/// A lotus-miner whose miner is known.
pub struct LotusMiner {
    /// Asks it.
    pub client: Client,
    /// The miner's id, like `f01234`.
    pub id: String,
    /// Version, where it told.
    pub version: Option<String>,
    /// When it started, Unix seconds, where it told.
    pub start_time_seconds: Option<f64>,
}

/// What a lotus-miner answered to the first calls.
pub struct MinerAnswer {
    pub reach: Reach,
    pub client: Client,
    pub id: Option<String>,
    pub version: Option<String>,
    pub start_time_seconds: Option<f64>,
    pub seals: Seals,
}

impl MinerAnswer {
    /// What it told of itself, for people.
    pub fn told(&self) -> String {
        joined_with_commas([self.id.clone(), self.version.clone()])
    }
}

/// Whether a process seals, or only proves. One that is down may do either.
#[derive(PartialEq, PartialOrd)]
pub enum Seals {
    No,
    Perhaps,
    Yes,
}

/// Asks a lotus-miner who it is.
pub fn connect(node: &Node, budget: Budget) -> MinerAnswer {
    let client = client(node, "/rpc/v0", budget);
    let mut batch = Batch::new();
    let id = batch.add::<String>("ActorAddress", json!([]));
    let version = batch.add::<Version>("Version", json!([]));
    let start_time = batch.add::<String>("StartTime", json!([]));
    let subsystems = batch.add::<Option<Vec<String>>>("RuntimeSubsystems", json!([]));
    let answers = client.send(&batch);

    let mut reach = Reach::new(node, &answers, id);
    let id = answers.get(id).ok().filter(|id| {
        let is_id = address::actor_id(id).is_some();
        if !is_id {
            let cause = Cause::Shape("no id address like f01234".to_owned());
            reach.errors.push(CallError { node: client.name().to_owned(), method: "ActorAddress".into(), cause });
        }
        is_id
    });
    let version = noted(answers.get(version), &mut reach.errors).map(|version| version.redacted(&client).version);
    let start_time = noted(answers.get(start_time), &mut reach.errors);
    // Lotus before v1.11.2 has no subsystems: one process does it all.
    let subsystems = noted(answers.get(subsystems), &mut reach.errors).flatten();
    let seals = match subsystems.is_none_or(|names| names.iter().any(|name| name == "Sealing")) {
        _ if !reach.is_up => Seals::Perhaps,
        true => Seals::Yes,
        false => Seals::No,
    };
    MinerAnswer {
        reach,
        id,
        version: version.filter(|version| !version.is_empty()),
        start_time_seconds: start_time.and_then(|time| parse_rfc3339(&time)),
        seals,
        client,
    }
}
