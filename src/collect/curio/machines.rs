//! The machines of a cluster, and those that have left its list.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::machine_memory::Memory;
use super::text::{host_of, seconds};
use crate::collect::run::Run;
use crate::discover::curio::is_loopback;
use crate::expose::{Samples, families};
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{self, CallError, Ticket};
use crate::tolerant::{Field, Int, List, Problems};

/// A heartbeat comes once a minute. Curio's own tool calls a machine unhealthy after so many seconds.
const MOST_SECONDS_SILENT: f64 = 120.0;

/// What a machine is called that has neither name nor address: only one that runs nothing but `curio web`, which does not listen for others.
const WITHOUT_ADDRESS: &str = "curio web";

/// Where every machine finds itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

pub struct Tickets(Ticket<List<Answer>>);

/// The list as it was told.
#[derive(Clone, Debug)]
pub struct Answers(List<Answer>);

impl Tickets {
    pub fn of(self, answers: &rpc::Answers) -> Result<Answers, CallError> {
        answers.get(self.0).map(Answers)
    }
}

impl Answers {
    /// The addresses that are those of one machine only.
    pub fn places(&self) -> BTreeSet<&str> {
        let good = self.0.0.iter().filter_map(|machine| match machine {
            Field::Good(machine) => machine.address.as_deref(),
            _ => None,
        });
        good.filter(|address| !address.is_empty() && !LOOPBACK.contains(&host_of(address))).collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    address: Option<String>,
    #[serde(rename = "ID")]
    id: Field<Int>,
    name: Option<String>,
    since_contact: Field<String>,
    cpu: Field<Int>,
    gpu: Field<Int>,
    layers: Option<String>,
    /// Since Curio v1.28.2.
    version: Option<String>,
    unschedulable: Field<bool>,
    /// Since Curio v1.26.
    restart_request: Option<String>,
    restarting: Field<bool>,
}

/// The name of a machine that has no other.
pub fn name_at(address: &str) -> &str {
    if address.is_empty() { WITHOUT_ADDRESS } else { address }
}

/// The machines.
pub struct Facts {
    pub machines: Vec<Machine>,
    gone: Vec<(String, f64)>,
}

/// A machine in the cluster's list.
pub struct Machine {
    /// Its number in the database.
    pub id: Option<u64>,
    /// Its name, or its address where it has none, or where another machine has the same.
    pub name: String,
    /// `host:port`, as tasks name it.
    pub address: String,
    /// The same, as the label `worker`: what is not the loopback of another machine.
    pub worker: String,
    contact_seconds: Option<f64>,
    cpus: Option<Int>,
    gpus: Option<Int>,
    layers: String,
    version: String,
    is_enabled: Option<bool>,
    is_restarting: Option<bool>,
}

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    Tickets(batch.add(methods::CLUSTER_MACHINES, json!([])))
}

pub fn fetch(cluster: &Cluster, run: &Run, problems: &mut Problems) -> Result<Facts> {
    let Answers(answer) = cluster.machines.clone()?;
    let failures = problems.failures();
    let mut list = answer.take("ClusterMachines", problems);
    // Of those with the same name the newest keeps it: it is the machine after its address changed.
    list.sort_by_key(|machine| {
        std::cmp::Reverse(match machine.id {
            Field::Good(Int(id)) => id,
            _ => 0,
        })
    });
    let is_whole = problems.failures() == failures;
    let mut names = BTreeSet::new();
    let machines: Vec<Machine> =
        list.into_iter().map(|answer| machine(answer, cluster, run.now, &mut names, problems)).collect();
    let section = cluster.section("machines");
    let mut memory: Memory = run.state.recall(&section);
    // One that could not be read is not gone.
    let gone = match is_whole {
        true => memory.update(machines.iter().map(|machine| (machine.name.as_str(), machine.contact_seconds)), run.now),
        false => Vec::new(),
    };
    run.state.remember(&section, &memory);
    Ok(Facts { machines, gone })
}

fn machine(
    answer: Answer,
    cluster: &Cluster,
    now: f64,
    names: &mut BTreeSet<String>,
    problems: &mut Problems,
) -> Machine {
    let address = answer.address.unwrap_or_default();
    let at = format!("ClusterMachines[{address}]");
    let name = answer.name.filter(|name| !name.is_empty() && !names.contains(name));
    let name = name.unwrap_or_else(|| name_at(&address).to_owned());
    names.insert(name.clone());
    let since = answer.since_contact.take(&format!("{at}.SinceContact"), problems);
    let since = since.and_then(|text| {
        let since = seconds(&text);
        if since.is_none() {
            problems.note(format_args!("{at}.SinceContact is not a duration"));
        }
        since
    });
    // The loopback of one machine is not that of another.
    let door = host_of(&cluster.name);
    let worker = match address.rsplit_once(':') {
        Some((host, port)) if is_loopback(host) && !is_loopback(door) => format!("{door}:{port}"),
        _ => name_at(&address).to_owned(),
    };
    let is_requested = answer.restart_request.map(|request| !request.is_empty());
    let is_restarting = answer.restarting.take(&format!("{at}.Restarting"), problems);
    Machine {
        id: answer.id.take(&format!("{at}.ID"), problems).and_then(Int::to_u64),
        contact_seconds: since.map(|since| now - since.max(0.0)),
        cpus: answer.cpu.take(&format!("{at}.Cpu"), problems),
        gpus: answer.gpu.take(&format!("{at}.Gpu"), problems),
        layers: answer.layers.unwrap_or_default(),
        version: answer.version.unwrap_or_default(),
        is_enabled: answer.unschedulable.take(&format!("{at}.Unschedulable"), problems).map(|is_cordoned| !is_cordoned),
        is_restarting: is_restarting.zip(is_requested).map(|(restarts, requested)| restarts || requested),
        name,
        worker,
        address,
    }
}

impl Facts {
    /// The machines by the address that tasks and storage paths name.
    pub fn by_address(&self) -> BTreeMap<&str, &Machine> {
        self.machines.iter().map(|machine| (machine.address.as_str(), machine)).collect()
    }
}

pub fn expose(facts: &Facts, cluster: &Cluster, now: f64, samples: &mut Samples) {
    let of = cluster.name.as_str();
    for machine in &facts.machines {
        let name = machine.name.as_str();
        let labels = [of, name, &machine.worker, &machine.layers, &machine.version];
        samples.add(&families::CURIO_MACHINE_INFO, labels, true);
        let is_up = machine.contact_seconds.map(|contact| now - contact <= MOST_SECONDS_SILENT);
        samples.add(&families::CURIO_MACHINE_UP, [of, name], is_up);
        samples.add(&families::CURIO_MACHINE_LAST_CONTACT_TIMESTAMP_SECONDS, [of, name], machine.contact_seconds);
        samples.add(&families::CURIO_MACHINE_RESTARTING, [of, name], machine.is_restarting);
        let labels = [cluster.only_miner(), &machine.worker, name];
        samples.add(&families::WORKER_INFO, [labels[0], labels[1], labels[2], ""], true);
        samples.add(&families::WORKER_ENABLED, labels, machine.is_enabled);
        samples.add(&families::WORKER_CPUS, labels, machine.cpus);
        samples.add(&families::WORKER_GPUS, labels, machine.gpus);
    }
    for (name, contact_seconds) in &facts.gone {
        samples.add(&families::CURIO_MACHINE_UP, [of, name], false);
        samples.add(&families::CURIO_MACHINE_LAST_CONTACT_TIMESTAMP_SECONDS, [of, name], *contact_seconds);
    }
}
