//! Messages that Curio sent and has not seen executed.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, Int, List, Problems};

pub struct Tickets {
    summary: Ticket<Summary>,
    pending: Ticket<Pending>,
}

/// Since Curio v1.28.3. The lists hold the twenty newest.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Summary {
    fil_pending_count: Field<Int>,
    eth_pending_count: Field<Int>,
    fil_pending: Field<List<Message>>,
    eth_pending: Field<List<Message>>,
}

/// Since Curio v1.25.1, of Filecoin's messages only.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pending {
    messages: Field<List<Message>>,
    total: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(alias = "addedAt", alias = "sendTime")]
    added_at: Option<String>,
}

/// Of each kind, how many there are, and when the oldest was sent.
pub struct Facts(Vec<(&'static str, Option<Int>, Option<f64>)>);

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    let summary = batch.add(methods::MESSAGE_QUEUE_SUMMARY, json!([]));
    Tickets { summary, pending: batch.add(methods::PENDING_MESSAGES, json!([])) }
}

pub fn fetch(answers: &Answers, tickets: Tickets, problems: &mut Problems) -> Result<Facts> {
    let summary = problems.if_supported(answers.get(tickets.summary)).unwrap_or_default();
    let pending = problems.if_supported(answers.get(tickets.pending)).unwrap_or_default();
    let total = pending.total.take("PendingMessages.total", problems);
    let fil = summary.fil_pending_count.take("MessageQueueSummary.filPendingCount", problems).or(total);
    let eth = summary.eth_pending_count.take("MessageQueueSummary.ethPendingCount", problems);
    let mut oldest = |list: Field<List<Message>>, count: Option<Int>, name| {
        let list = list.take(name, problems).unwrap_or_default().take(name, problems);
        let times: Vec<f64> = list.iter().filter_map(|message| parse_rfc3339(message.added_at.as_deref()?)).collect();
        // Where not all are named, the oldest is not known.
        let is_whole = count.is_some_and(|Int(count)| count == times.len() as i128);
        times.into_iter().reduce(f64::min).filter(|_| is_whole)
    };
    let oldest_fil = oldest(summary.fil_pending, fil, "MessageQueueSummary.filPending");
    let oldest_fil = oldest_fil.or_else(|| oldest(pending.messages, total, "PendingMessages.messages"));
    let oldest_eth = oldest(summary.eth_pending, eth, "MessageQueueSummary.ethPending");
    Ok(Facts(vec![("fil", fil, oldest_fil), ("eth", eth, oldest_eth)]))
}

pub fn expose(Facts(kinds): &Facts, cluster: &Cluster, samples: &mut Samples) {
    for (kind, count, oldest) in kinds {
        samples.add(&families::CURIO_MESSAGES_WAITING, [&cluster.name, kind], *count);
        samples.add(&families::CURIO_MESSAGE_OLDEST_TIMESTAMP_SECONDS, [&cluster.name, kind], *oldest);
    }
}
