//! The lanes that a Curio answers: what its database knows, and what it asks a full node for, which may hang.

use super::connect::Cluster;
use super::{
    alerts, ask, chain_nodes, exposure, failures, machines, market, messages, node_info, pdp, pdp_wallet, pieces,
    pipelines, porep, storage, storage_files, tasks, wins,
};
use crate::collect::lane::Lane;
use crate::collect::run::Run;

/// What the cluster's database knows. `is_up` where its web UI answered.
pub fn database_side(run: &Run, cluster: &Cluster, is_up: bool) -> Lane {
    let started = std::time::Instant::now();
    let asked = ask::ask(cluster);
    let (answers, now) = (&asked.answers, run.now);
    let mut lane =
        Lane::new(now, cluster.only_miner(), Some(cluster.curio.name())).of_cluster(&cluster.name).since(started);
    if is_up {
        cluster.expose(&mut lane.samples);
    }
    let machines = lane.collect(
        "curio_machines",
        |problems| machines::fetch(cluster, run, problems),
        |facts, samples| machines::expose(facts, cluster, now, samples),
    );
    let machines = machines.as_ref();
    lane.collect(
        "curio_tasks",
        |problems| tasks::fetch(answers, asked.tasks, problems),
        |facts, samples| tasks::expose(facts, cluster, machines, samples),
    );
    lane.collect(
        "curio_task_results",
        |problems| failures::fetch(answers, asked.failures, problems),
        |facts, samples| failures::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_pipelines",
        |problems| pipelines::fetch(answers, asked.pipelines, problems),
        |facts, samples| pipelines::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_market",
        |problems| market::fetch(answers, asked.market, problems),
        |facts, samples| market::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_pieces",
        |problems| pieces::fetch(answers, asked.pieces, problems),
        |facts, samples| pieces::expose(facts, cluster, samples),
    );
    let paths = lane.collect(
        "curio_storage",
        |problems| storage::fetch(cluster, answers, asked.storage, problems),
        |facts, samples| storage::expose(facts, cluster, machines, now, samples),
    );
    lane.collect(
        "curio_messages",
        |problems| messages::fetch(answers, asked.messages, problems),
        |facts, samples| messages::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_wins",
        |problems| wins::fetch(cluster, now, answers, asked.wins, problems),
        |facts, samples| wins::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_alerts",
        |problems| alerts::fetch(answers, asked.alerts, problems),
        |facts, samples| alerts::expose(facts, cluster, samples),
    );
    lane.collect_dated(
        "curio_machine_info",
        |problems| node_info::fetch(cluster, run, machines, problems),
        |facts, samples| node_info::expose(facts, cluster, machines, samples),
        node_info::Facts::obtained_seconds,
    );
    lane.collect(
        "curio_exposure",
        |_| exposure::fetch(cluster, is_up, run),
        |facts, samples| exposure::expose(facts, cluster, samples),
    );
    // Counted over everything that is stored, so last: if it takes too long, only it is missing.
    lane.collect_dated(
        "curio_storage_files",
        |problems| storage_files::fetch(cluster, run, paths.as_ref(), problems),
        |facts, samples| storage_files::expose(facts, cluster, paths.as_ref(), samples),
        storage_files::Facts::obtained_seconds,
    );
    lane
}

/// What Curio asks a full node for. Where that hangs, two calls are late, and the others are not made.
pub fn chain_side(run: &Run, cluster: &Cluster) -> Lane {
    let curio = &cluster.curio.apart();
    let mut lane = Lane::new(run.now, cluster.only_miner(), Some(curio.name())).of_cluster(&cluster.name);
    let nodes = lane.collect(
        "curio_chain_nodes",
        |problems| chain_nodes::fetch(curio, problems),
        |facts, samples| chain_nodes::expose(facts, cluster, samples),
    );
    lane.collect(
        "curio_porep",
        |problems| porep::fetch(curio, cluster, problems),
        |facts, samples| porep::expose(facts, cluster, samples),
    );
    let wallet = lane.collect(
        "pdp_wallet",
        |problems| pdp_wallet::fetch(curio, problems),
        |facts, samples| pdp_wallet::expose(facts, cluster, samples),
    );
    let has_key = wallet.and_then(|wallet| wallet.is_configured) == Some(true);
    let behind_seconds = nodes.and_then(|nodes| nodes.behind_seconds());
    lane.collect(
        "pdp",
        |problems| pdp::fetch(curio, cluster, has_key, behind_seconds, run.now, problems),
        |facts, samples| pdp::expose(facts, cluster, samples),
    );
    lane.collect_dated(
        "curio_stuck_sectors",
        |problems| porep::fetch_list(curio, cluster, run, problems),
        |facts, samples| porep::expose_list(facts, cluster, samples),
        porep::Listed::obtained_seconds,
    );
    lane
}
