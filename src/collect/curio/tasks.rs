//! The cluster's queue of tasks: what runs where, and what waits.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;

use super::connect::Cluster;
use super::machines;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Gather, Ticket};
use crate::tolerant::Problems;

/// Kinds of tasks times machines times miners: no cluster has as many.
const MAX_GROUPS: usize = 20_000;

/// Tasks that a machine keeps for ever, and nobody waits for.
const BACKGROUND: &str = "bg:";

pub struct Tickets(Ticket<Queue>);

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    name: Option<String>,
    since_posted: Option<String>,
    owner: Option<String>,
    miner: Option<String>,
}

/// A kind of task, the address of the machine that runs it, and the miner that it is for. The address is empty for `curio web`, which has
/// none; what waits has no owner.
type Key = (String, Option<String>, String);

/// The queue by kind, owner and miner.
#[derive(Default)]
struct Queue {
    groups: BTreeMap<Key, Group>,
    bad: Option<String>,
}

#[derive(Default)]
struct Group {
    tasks: u64,
    oldest_seconds: Option<f64>,
}

impl Gather for Queue {
    type Element = Answer;

    fn take(&mut self, element: Result<Answer, String>) {
        let task = match element {
            Ok(task) => task,
            Err(why) => return self.bad = Some(why),
        };
        let Some(name) = task.name.filter(|name| !name.is_empty()) else {
            return self.bad = Some("a task without Name".to_owned());
        };
        let miner = task.miner.filter(|miner| address::actor_id(miner).is_some());
        let key = (name, task.owner, miner.unwrap_or_default());
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return self.bad = Some(format!("more than {MAX_GROUPS} kinds of tasks"));
        }
        let group = self.groups.entry(key).or_default();
        group.tasks += 1;
        let since = task.since_posted.as_deref().and_then(parse_rfc3339);
        group.oldest_seconds = [group.oldest_seconds, since].into_iter().flatten().reduce(f64::min);
    }
}

/// The queue.
pub struct Facts(BTreeMap<Key, Group>);

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    Tickets(batch.add_each(methods::CLUSTER_TASK_SUMMARY))
}

pub fn fetch(answers: &Answers, Tickets(queue): Tickets, problems: &mut Problems) -> Result<Facts> {
    let queue = answers.get(queue)?;
    if let Some(why) = queue.bad {
        problems.note(format_args!("ClusterTaskSummary[]: {why}"));
    }
    Ok(Facts(queue.groups))
}

pub fn expose(facts: &Facts, cluster: &Cluster, machines: Option<&machines::Facts>, samples: &mut Samples) {
    let of = cluster.name.as_str();
    let machines = machines.map(machines::Facts::by_address).unwrap_or_default();
    let machine_of = |owner: &str| {
        let known = machines.get(owner).map(|machine| (machine.name.clone(), machine.worker.clone()));
        known.unwrap_or_else(|| (machines::name_at(owner).to_owned(), machines::name_at(owner).to_owned()))
    };
    let (mut tasks, mut oldest) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, f64>::new());
    let (mut of_workers, mut jobs, mut queues) =
        (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
    for ((task, owner, miner), group) in &facts.0 {
        let machine = owner.as_deref().map(machine_of);
        let state = if machine.is_none() { "waiting" } else { "running" };
        let (name, worker) = machine.unwrap_or_default();
        *tasks.entry((task, name.clone(), state)).or_default() += group.tasks;
        if let Some(since) = group.oldest_seconds {
            oldest.entry((task, state)).and_modify(|oldest| *oldest = oldest.min(since)).or_insert(since);
        }
        let miner = if miner.is_empty() { cluster.only_miner() } else { miner };
        if owner.is_none() {
            if !miner.is_empty() && !task.starts_with(BACKGROUND) {
                *queues.entry((miner, task)).or_default() += group.tasks;
            }
            continue;
        }
        if !miner.is_empty() {
            *jobs.entry((miner, task, name.clone())).or_default() += group.tasks;
        }
        *of_workers.entry((worker, name, task)).or_default() += group.tasks;
    }
    for ((task, machine, state), count) in tasks {
        samples.add(&families::CURIO_TASKS, [of, task, &machine, state], count);
    }
    for ((task, state), since) in oldest {
        samples.add(&families::CURIO_TASK_OLDEST_TIMESTAMP_SECONDS, [of, task, state], since);
    }
    for ((worker, name, task), count) in of_workers {
        samples.add(&families::WORKER_TASKS, [cluster.only_miner(), &worker, &name, task], count);
    }
    for ((miner, task, name), count) in jobs {
        samples.add(&families::MINER_JOBS, [miner, task, "running", &name], count);
    }
    for ((miner, task), count) in queues {
        samples.add(&families::MINER_SCHEDULER_QUEUE, [miner, task], count);
    }
}
