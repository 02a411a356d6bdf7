//! The first calls to a lotus-miner: which miner it runs. Everything else is asked elsewhere, so that it cannot keep anybody waiting.

use serde_json::json;

use crate::collect::reach::{Reach, Version, client, joined_with_commas, noted, what_it_is};
use crate::collect::run::Run;
use crate::discover::Kind;
use crate::lotus::address;
use crate::rpc::{Batch, Budget, CallError, Cause, Client, Node};
use crate::tolerant::Line;

/// A lotus-miner whose miner is known.
pub struct LotusMiner {
    /// Asks it.
    pub client: Client,
    /// The miner's id, like `f01234`.
    pub id: String,
    /// Version, if it reported one.
    pub version: Option<String>,
}

/// What a lotus-miner answered to the first calls.
pub struct MinerAnswer {
    /// What the node is remembered by.
    pub known_as: String,
    pub reach: Reach,
    pub client: Client,
    pub id: Option<String>,
    pub version: Option<String>,
}

impl MinerAnswer {
    /// What it reported about itself, for people.
    pub fn told(&self) -> String {
        joined_with_commas([self.id.clone(), self.version.clone()])
    }
}

/// Asks a lotus-miner who it is.
pub fn connect(run: &Run, node: &Node, budget: Budget) -> MinerAnswer {
    let client = client(run, node, "/rpc/v0", budget);
    let mut batch = Batch::new();
    let id = batch.add::<String>("ActorAddress", json!([]));
    let version = batch.add::<Version>("Version", json!([]));
    let answers = client.send(&batch);

    let mut reach = Reach::new(node, &answers);
    let (id, version) = (answers.get(id), answers.get(version));
    let mut problems = Vec::new();
    let id = match id {
        Err(error) if error.cause.is_missing_method() => {
            reach.is_something_else(&client, what_it_is(&version, "a full node"), Kind::Miner);
            None
        }
        Ok(id) if address::actor_id(&id).is_none() => {
            let cause = Cause::Shape("not an id address like f01234".to_owned());
            problems.push(CallError {
                node: client.name().to_owned(),
                about: String::new(),
                method: "ActorAddress".into(),
                cause,
            });
            None
        }
        id => noted(id, &mut problems),
    };
    let version = noted(version, &mut problems).map(|version| version.redacted(&client));
    if let Some(version) = version.as_ref().filter(|_| reach.is_up) {
        client.is_version(&version.identity());
    }
    if reach.lines.is_empty() {
        reach.lines.extend(problems.iter().map(Line::from));
    }
    if !reach.is_up {
        client.give_up();
    }
    let version = version.map(|version| version.version).filter(|version| !version.is_empty());
    MinerAnswer { known_as: node.known_as.clone(), reach, id, version, client }
}

/// Whether a process seals, or only proves. One that does not report it may do either.
#[derive(PartialEq, PartialOrd)]
pub enum Seals {
    No,
    Perhaps,
    Yes,
}

/// Asks a lotus-miner what it does, where its miner has several.
pub fn seals(client: &Client) -> Seals {
    // Lotus before v1.11.2 has no subsystems: one process does it all.
    match client.apart().call::<Option<Vec<String>>>("RuntimeSubsystems", json!([])) {
        Ok(Some(names)) if !names.iter().any(|name| name == "Sealing") => Seals::No,
        Err(error) if !error.cause.is_missing_method() => Seals::Perhaps,
        _ => Seals::Yes,
    }
}
