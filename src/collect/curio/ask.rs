//! What a cluster's database knows, asked in one batch.

use crate::rpc::Answers;
use crate::rpc::curio::CurioBatch;

use super::connect::Cluster;
use super::{alerts, failures, market, messages, pieces, pipelines, storage, tasks, wins};

/// The calls of each concern.
pub struct Asked {
    pub answers: Answers,
    pub tasks: tasks::Tickets,
    pub failures: failures::Tickets,
    pub pipelines: pipelines::Tickets,
    pub market: market::Tickets,
    pub pieces: pieces::Tickets,
    pub storage: storage::Tickets,
    pub messages: messages::Tickets,
    pub wins: wins::Tickets,
    pub alerts: alerts::Tickets,
}

/// Asks it all.
pub fn ask(cluster: &Cluster) -> Asked {
    let mut batch = CurioBatch::default();
    let tasks = tasks::ask(&mut batch);
    let failures = failures::ask(&mut batch);
    let pipelines = pipelines::ask(&mut batch);
    let market = market::ask(cluster, &mut batch);
    let pieces = pieces::ask(&mut batch);
    let storage = storage::ask(&mut batch);
    let messages = messages::ask(&mut batch);
    let wins = wins::ask(&mut batch);
    let alerts = alerts::ask(&mut batch);
    let answers = cluster.curio.send(&batch);
    Asked { answers, tasks, failures, pipelines, market, pieces, storage, messages, wins, alerts }
}
