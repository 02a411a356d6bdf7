//! The findings as Markdown for a bug report, without anything that reveals whose they are: hosts, miners, wallets and folders have stand-ins.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::Found;
use super::findings::{Findings, Mark, Section};
use super::print::cost;
use crate::exporter::Env;
use crate::expose::families as of;

/// Folders that say nothing about whose machine it is.
const COMMON_FOLDERS: &[&str] = &[
    "/etc/",
    "/proc/",
    "/usr/",
    "/targets",
    "/metrics",
    "/var/lib/prometheus/",
    "/var/lib/node_exporter/",
    "/var/spool/cron",
];

/// Endings of names with dots that are not hosts.
const FILE_ENDS: &[&str] =
    &["prom", "toml", "json", "py", "md", "yaml", "yml", "txt", "tmp", "service", "info", "lock"];

pub fn text(found: &Found, findings: &Findings, env: Env) -> String {
    let mut stand_ins = StandIns::of(found);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "### lotus-exporter-farcaster check --report\n");
    let _ = writeln!(text, "- version: {} (commit {})", env!("CARGO_PKG_VERSION"), crate::COMMIT);
    let _ = writeln!(text, "- system: {}", system());
    let variables = set_variables(env);
    let _ = writeln!(
        text,
        "- set in the environment, values left out: {}",
        if variables.is_empty() { "nothing" } else { &variables }
    );
    for endpoint in &found.report.endpoints {
        let told = if endpoint.is_up { &endpoint.told } else { "down" };
        let _ = writeln!(text, "- {}: {}", endpoint.kind.as_str(), stand_ins.cleaned(told));
    }
    let _ = writeln!(text, "- cost: {}", cost(found));
    for section in Section::ALL {
        let of_it = || findings.all.iter().filter(|finding| finding.section == section);
        if of_it().next().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n#### {}\n", section.heading());
        for finding in of_it() {
            let mark = match finding.mark {
                Mark::Right => "ok",
                Mark::Wrong => "**WRONG**",
                Mark::Remark => "remark",
            };
            let _ = writeln!(text, "- {mark}: {}", stand_ins.cleaned(&finding.what));
        }
    }
    let _ = writeln!(
        text,
        "\nLeft out: tokens, addresses and names of hosts, miners' ids, wallets' addresses, and folders. `host1`, `miner1`, `wallet1` stand for \
         the same host, miner or wallet throughout. What a node said is quoted as it came, without these: read it before you post it."
    );
    text
}

/// What runs this, without a name.
fn system() -> String {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let release = read("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"').to_owned());
    let kernel = read("/proc/sys/kernel/osrelease").map(|version| format!("kernel {version}"));
    let parts = [name, kernel, Some(std::env::consts::ARCH.to_owned())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The names of variables that decide what is asked.
fn set_variables(env: Env) -> String {
    let names = [
        "FULLNODE_API_INFO",
        "FULLNODE_API_INFO_FILE",
        "MINER_API_INFO",
        "MINER_API_INFO_FILE",
        "STORAGE_API_INFO",
        "BOOST_API_INFO",
        "BOOST_API_INFO_FILE",
        "LOTUS_PATH",
        "LOTUS_MINER_PATH",
        "LOTUS_STORAGE_PATH",
        "BOOST_PATH",
        "BOOST_GRAPHQL_URL",
        "FARCASTER_TEXTFILE",
        "FARCASTER_STATE_DIR",
        "FARCASTER_ADDRESSES",
        "FARCASTER_TIMEOUT",
        "FARCASTER_MINER_ID",
    ];
    let is_set = |name: &&str| env(name).is_some_and(|value| !value.is_empty());
    names.into_iter().filter(is_set).collect::<Vec<_>>().join(", ")
}

/// The stand-ins for what is left out.
struct StandIns {
    /// Names of hosts that can only be known from the nodes, the longest first.
    hosts: Vec<String>,
    known: BTreeMap<String, String>,
}

impl StandIns {
    fn of(found: &Found) -> StandIns {
        let facts = &found.facts;
        let of_nodes = found.report.endpoints.iter().map(|endpoint| {
            let address = endpoint.address.as_str();
            address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned()
        });
        let of_workers = facts.all(&of::WORKER_INFO).into_iter().map(|fact| fact.labels[2].clone());
        let of_storage = facts.all(&of::STORAGE_INFO).into_iter().map(|fact| fact.labels[2].clone());
        let of_transfers = facts.all(&of::BOOST_TRANSFERS).into_iter().map(|fact| fact.labels[1].clone());
        let names = fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).ok();
        let mut hosts: Vec<String> =
            of_nodes.chain(of_workers).chain(of_storage).chain(of_transfers).chain(names).collect();
        hosts.retain(|host| host.len() > 2);
        hosts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        hosts.dedup();
        StandIns { hosts, known: BTreeMap::new() }
    }

    /// The text with stand-ins, word by word.
    fn cleaned(&mut self, text: &str) -> String {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-._/~[]:%".contains(c);
        let mut cleaned = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            cleaned.push_str(&self.word(word));
            let next = after.find(is_of_word).unwrap_or(after.len());
            cleaned.push_str(&after[..next]);
            rest = &after[next..];
        }
        cleaned
    }

    fn word(&mut self, word: &str) -> String {
        let bare = word.trim_end_matches(['.', ':']);
        let end = &word[bare.len()..];
        format!("{}{end}", self.stand_in(bare))
    }

    fn stand_in(&mut self, word: &str) -> String {
        if word.is_empty() {
            return String::new();
        }
        if let Some((scheme, rest)) = word.split_once("://") {
            // The path of a provider's URL may hold a key.
            return match rest.split_once('/') {
                Some((authority, _)) => format!("{scheme}://{}/…", self.stand_in(authority)),
                None => format!("{scheme}://{}", self.stand_in(rest)),
            };
        }
        if word.starts_with(['/', '~']) && word.len() > 1 {
            return match COMMON_FOLDERS.iter().any(|common| word.starts_with(common)) {
                true => word.to_owned(),
                false => format!("…/{}", word.rsplit('/').next().unwrap_or_default()),
            };
        }
        // A storage path after its host.
        if let Some((host, path)) = word.split_once(":/") {
            return format!("{}:{}", self.stand_in(host), self.stand_in(&format!("/{path}")));
        }
        if let Some((host, port)) = split_port(word).filter(|(host, _)| self.is_host(host)) {
            return format!("{}:{port}", self.known(host, "host"));
        }
        if self.is_host(word) {
            return self.known(word, "host");
        }
        match address_kind(word) {
            Some(kind) => self.known(word, kind),
            None => word.to_owned(),
        }
    }

    fn is_host(&self, word: &str) -> bool {
        let is_known = self.hosts.iter().any(|host| host == word);
        let is_ip = word.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        is_known || is_ip || looks_like_host(word)
    }

    fn known(&mut self, word: &str, kind: &str) -> String {
        if let Some(known) = self.known.get(word) {
            return known.clone();
        }
        let of_kind = self.known.values().filter(|known| known.starts_with(kind)).count();
        let stand_in = format!("{kind}{}", of_kind + 1);
        self.known.insert(word.to_owned(), stand_in.clone());
        stand_in
    }
}

fn split_port(word: &str) -> Option<(&str, &str)> {
    let (host, port) = word.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some((host, port))
}

/// A name with dots, in lower case, whose ending is neither a number nor that of a file.
fn looks_like_host(word: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let end = word.rsplit('.').next().unwrap_or_default();
    word.contains('.')
        && word.split('.').all(is_label)
        && end.len() > 1
        && end.bytes().all(|byte| byte.is_ascii_lowercase())
        && !FILE_ENDS.contains(&end)
}

/// Whether it is a miner's id, or another address of Filecoin.
fn address_kind(word: &str) -> Option<&'static str> {
    let rest = word.strip_prefix(['f', 't'])?;
    let (class, rest) = rest.split_at_checked(1)?;
    let is_long = rest.len() >= 20 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match class {
        "0" if rest.len() > 2 && rest.bytes().all(|byte| byte.is_ascii_digit()) => Some("miner"),
        "1" | "2" | "3" | "4" if is_long => Some("wallet"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_whose_they_are_has_stand_ins() {
        let hosts = vec!["sealer7".to_owned()];
        let mut stand_ins = StandIns { hosts, known: BTreeMap::new() };
        for (text, expected) in [
            ("daemon 10.1.2.3:1234: 1.38.0+mainnet, head 42", "daemon host1:1234: 1.38.0+mainnet, head 42"),
            ("daemon 10.1.2.3:1235 does not answer", "daemon host1:1235 does not answer"),
            (
                "dial tcp [2001:db8::1]:99: lookup lotus.example.org: no such host",
                "dial tcp host2:99: lookup host3: no such host",
            ),
            ("a worker on sealer7 is disabled", "a worker on host4 is disabled"),
            ("power f01234, f05678; f01234", "power miner1, miner2; miner1"),
            ("wallet f3abcdefghijklmnopqrstuvwxyz2345 (worker)", "wallet wallet1 (worker)"),
            ("/home/alice/.lotus/token, /etc/cron.d/x", "…/token, /etc/cron.d/x"),
            ("http://10.1.2.3:2345/rpc/v0", "http://host1:2345/…"),
            ("the storage path 10.1.2.3:/mnt/alice/store does not", "the storage path host1:…/store does not"),
            ("chmod 600 ~/.lotus/token", "chmod 600 …/token"),
            ("farcaster.prom: F3GetProgress.ID, own.yaml", "farcaster.prom: F3GetProgress.ID, own.yaml"),
            ("0.5 s; 1.2.", "0.5 s; 1.2."),
        ] {
            assert_eq!(stand_ins.cleaned(text), expected);
        }
    }
}
