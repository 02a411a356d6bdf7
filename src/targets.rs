//! The command `targets`: the machines that the nodes name, as targets of node_exporter, in the form of Prometheus' file_sd.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::cli;
use crate::exporter::{self, Env, Gathered, Log, Notices};
use crate::expose::Facts;
use crate::standing::facts::Standing;
use crate::state::State;
use crate::textfile;

const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Asks the nodes once, and prints or writes the list. A list that may lack machines is not written.
///
/// # Errors
///
/// A lotus-miner did not name its workers, or the file cannot be written.
pub fn run(asked: &cli::Targets, env: Env) -> Result<()> {
    let (state, mut notices, log) = (State::in_memory(), Notices::default(), Log::new(asked.options.verbosity));
    let nodes = exporter::nodes(&asked.options, env, &state, &mut notices, &log);
    let Gathered { text, notices, .. } = exporter::gather(&asked.options, env, &state, &nodes, notices);
    let names = hosts(&Standing::read(&Facts::read(&text), &asked.options.miner_ids))
        .with_context(|| notices.into_lines().join("; "))?;
    let own_name = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    let (names, unresolved) = other_machines(names, own_name.trim(), resolve);
    for name in unresolved {
        log.write(&format!("{name} cannot be resolved here: if Prometheus cannot either, add it to /etc/hosts there"));
    }
    let list = list(&names, asked.port)?;
    match &asked.file {
        // Prometheus, which may read it at any moment, finds the old list or the new one.
        Some(file) => textfile::write(file, &list),
        None => exporter::write_to_stdout(&list).map(|_| ()),
    }
}

/// The machines of the workers and of the nodes, by the names that these have for them.
fn hosts(standing: &Standing) -> Result<BTreeSet<String>> {
    let mut miners = standing.miners.iter().filter(|miner| miner.has_lotus_miner).peekable();
    ensure!(miners.peek().is_some(), "no lotus-miner is known here, so there is nobody to name workers");
    let mut hosts = BTreeSet::new();
    for miner in miners {
        if !miner.workers.is_complete {
            bail!("the lotus-miner of {} did not name all of its workers", miner.miner_id);
        }
        hosts.extend(miner.workers.rows.iter().map(|worker| worker.worker_host.clone()));
    }
    hosts.extend(standing.endpoints.iter().filter_map(|endpoint| host_of(&endpoint.address)).map(str::to_owned));
    hosts.remove("");
    Ok(hosts)
}

/// `10.0.0.5:2345` or `[fd00::1]:2345` without the port.
fn host_of(address: &str) -> Option<&str> {
    let (host, _) = address.rsplit_once(':')?;
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

fn resolve(name: &str) -> Option<Vec<IpAddr>> {
    let addresses = (name, 0).to_socket_addrs().ok()?;
    Some(addresses.map(|address| address.ip()).collect())
}

/// Each machine once, by its name rather than by its address, without this one, whose node_exporter Prometheus asks already. And which names
/// nobody here can resolve.
fn other_machines(
    hosts: BTreeSet<String>,
    own_name: &str,
    resolve: impl Fn(&str) -> Option<Vec<IpAddr>>,
) -> (Vec<String>, Vec<String>) {
    let (mut names, mut unresolved, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    let (addresses, words): (Vec<String>, Vec<String>) =
        hosts.into_iter().filter(|host| host != own_name).partition(|host| host.parse::<IpAddr>().is_ok());
    for name in words.into_iter().chain(addresses) {
        match resolve(&name) {
            Some(of_name) if of_name.iter().any(|address| address.is_loopback() || known.contains(address)) => {}
            Some(of_name) => {
                known.extend(of_name);
                names.push(name);
            }
            None => {
                unresolved.push(name.clone());
                names.push(name);
            }
        }
    }
    names.sort();
    (names, unresolved)
}

fn list(names: &[String], port: u16) -> Result<String> {
    let target = |name: &String| {
        let address = if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") };
        json!({ "targets": [address], "labels": { "instance": name } })
    };
    let targets: Vec<_> = names.iter().map(target).collect();
    Ok(serde_json::to_string_pretty(&targets)? + "\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn others(hosts: &[&str]) -> (Vec<String>, Vec<String>) {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        other_machines(hosts, "miner-1", |name| match name {
            "miner-1.lan" => Some(vec!["127.0.1.1".parse().unwrap()]),
            "worker-1" => Some(vec!["10.0.0.6".parse().unwrap()]),
            "worker-9" => None,
            address => Some(vec![address.parse().unwrap()]),
        })
    }

    #[test]
    fn a_machine_is_named_once_and_this_one_never() {
        let (names, unresolved) =
            others(&["127.0.0.1", "::1", "10.0.0.6", "10.0.0.7", "miner-1", "miner-1.lan", "worker-1"]);
        assert_eq!(names, ["10.0.0.7", "worker-1"]);
        assert!(unresolved.is_empty());
    }

    #[test]
    fn a_name_that_cannot_be_resolved_stays_and_is_reported() {
        assert_eq!(others(&["worker-9"]), (vec!["worker-9".to_owned()], vec!["worker-9".to_owned()]));
    }

    #[test]
    fn addresses_of_nodes() {
        assert_eq!(host_of("10.0.0.5:2345"), Some("10.0.0.5"));
        assert_eq!(host_of("[fd00::1]:2345"), Some("fd00::1"));
        assert!(list(&["fd00::1".to_owned()], 9100).unwrap().contains("\"[fd00::1]:9100\""));
    }
}
