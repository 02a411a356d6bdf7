//! Deals in the market's pipeline, those that failed there, and the price asked.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::lotus::fil::Fil;
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, Int, List, Map, Problems};

/// Miners whose price is asked for.
const MAX_ASKS: usize = 50;

pub struct Tickets {
    pipeline: Ticket<Pipeline>,
    failed: [(&'static str, &'static str, Ticket<Map<Int>>); 4],
    asks: Vec<(String, Ticket<Ask>)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Pipeline {
    stages: Field<List<Stage>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Stage {
    name: Option<String>,
    pending: Field<Int>,
    running: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ask {
    price: Field<Fil>,
    verified_price: Field<Fil>,
}

pub struct Facts {
    stages: Vec<(String, [Option<Int>; 2])>,
    failed: Vec<(&'static str, String, Int)>,
    asks: Vec<(String, [Option<Fil>; 2])>,
}

pub fn ask(cluster: &Cluster, batch: &mut CurioBatch) -> Tickets {
    let pipeline = batch.add(methods::PIPELINE_STATS_MARKET, json!([]));
    let failed = [
        ("mk12", methods::PIPELINE_FAILED_TASKS_MARKET),
        ("mk12", methods::MK12_PIPELINE_FAILED_TASKS),
        ("mk20", methods::MK20_PIPELINE_FAILED_TASKS),
        ("pdp", methods::MK20_PDP_PIPELINE_FAILED_TASKS),
    ];
    let failed = failed.map(|(product, method)| (product, method.name(), batch.add(method, json!([]))));
    let numbers = cluster.miner_ids.iter().filter_map(|id| Some((id.clone(), address::actor_id(id)?)));
    let asks = numbers.take(MAX_ASKS).map(|(id, number)| {
        let ticket = batch.add(methods::GET_STORAGE_ASK, json!([number]));
        (id, batch.may_refuse(ticket))
    });
    let asks = asks.collect();
    Tickets { pipeline, failed, asks }
}

pub fn fetch(answers: &Answers, tickets: Tickets, problems: &mut Problems) -> Result<Facts> {
    let pipeline = problems.if_supported(answers.get(tickets.pipeline)).unwrap_or_default();
    let stages = pipeline.stages.take("PipelineStatsMarket.Stages", problems).unwrap_or_default();
    let stages = stages.take("PipelineStatsMarket.Stages", problems).into_iter().filter_map(|stage| {
        let name = stage.name?;
        let at = format!("PipelineStatsMarket.Stages[{name}]");
        let pending = stage.pending.take(&format!("{at}.Pending"), problems);
        let running = stage.running.take(&format!("{at}.Running"), problems);
        Some((name, [pending, running]))
    });
    let stages = stages.collect();
    let mut failed = Vec::new();
    for (product, method, ticket) in tickets.failed {
        let counts = problems.if_supported(answers.get(ticket)).unwrap_or_default().take(method, problems);
        let counts = counts
            .into_iter()
            .filter_map(|(key, count)| Some((product, key.strip_suffix("Failed")?.to_owned(), count)));
        failed.extend(counts);
    }
    let mut asks = Vec::new();
    for (id, ticket) in tickets.asks {
        let ask = match answers.get(ticket) {
            // The miner has none.
            Err(error) if error.cause.is_refusal() => None,
            ask => problems.if_supported(ask),
        };
        if let Some(ask) = ask {
            let price = ask.price.take("GetStorageAsk.Price", problems);
            let verified = ask.verified_price.take("GetStorageAsk.VerifiedPrice", problems);
            asks.push((id, [price, verified]));
        }
    }
    Ok(Facts { stages, failed, asks })
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    let of = cluster.name.as_str();
    for (stage, counts) in &facts.stages {
        for (state, count) in ["pending", "running"].into_iter().zip(counts) {
            samples.add(&families::CURIO_MARKET_PIPELINE_DEALS, [of, stage, state], *count);
        }
    }
    for (product, stage, count) in &facts.failed {
        samples.add(&families::CURIO_MARKET_FAILED_DEALS, [of, product, stage], *count);
    }
    for (miner, prices) in &facts.asks {
        for (kind, price) in ["unverified", "verified"].into_iter().zip(prices) {
            samples.add(&families::CURIO_ASK_PRICE_FIL, [of, miner, kind], *price);
        }
    }
}
