//! Every method answers with a value of the wrong type: each wrong type in turn.

use serde_json::{Value, json};

use crate::support::{Answer, Farm, MINER, Metrics, OTHER, names};
use crate::{assert_nothing_made_up, assert_others_unharmed};

/// What each method answers, and the collectors that need it.
struct Method {
    is_of_daemon: bool,
    name: &'static str,
    /// `object`, `list`, `text`, `number` or `bool`.
    kind: &'static str,
    /// Null means something: an empty list, or nothing.
    may_be_null: bool,
    /// Those that report that they failed.
    collectors: &'static [&'static str],
    /// Those that have less to show, although they do not fail.
    others: &'static [&'static str],
}

const fn method(
    is_of_daemon: bool,
    name: &'static str,
    kind: &'static str,
    may_be_null: bool,
    collectors: &'static [&'static str],
    others: &'static [&'static str],
) -> Method {
    Method { is_of_daemon, name, kind, may_be_null, collectors, others }
}

/// `*` stands for each miner that is asked about.
#[rustfmt::skip]
const METHODS: &[Method] = &[
    method(true, "Version", "object", false, &["daemon"], &[]),
    method(true, "ChainHead", "object", false, &["blocks", "chain", "messages", "sectors_on_chain *", "vesting *"], &["power *", "mpool", "network"]),
    method(true, "ChainReadObj", "text", false, &["vesting *"], &[]),
    method(true, "ChainGetTipSetByHeight", "object", false, &["blocks", "messages"], &[]),
    method(true, "ChainGetParentMessages", "list", true, &["messages"], &[]),
    method(true, "ChainGetParentReceipts", "list", true, &["messages"], &[]),
    method(true, "StateRewardDistribution", "object", false, &["blocks"], &[]),
    method(true, "StateNetworkName", "text", false, &["daemon"], &["network"]),
    method(true, "StateGetNetworkParams", "object", false, &["daemon"], &["chain", "network"]),
    method(true, "StateNetworkVersion", "number", false, &["daemon"], &["mpool", "gas", "network", "sectors_on_chain *"]),
    method(true, "StartTime", "text", false, &["daemon"], &[]),
    method(true, "NetPeers", "list", false, &["daemon"], &[]),
    method(true, "NodeStatus", "object", false, &["daemon", "chain"], &[]),
    method(true, "NetAutoNatStatus", "object", false, &["daemon"], &[]),
    method(true, "NetBandwidthStats", "object", false, &["daemon"], &[]),
    method(true, "NetBandwidthStatsByProtocol", "object", true, &["daemon"], &[]),
    method(true, "SyncState", "object", false, &["chain"], &[]),
    method(true, "ChainGetTipSetFinalityStatus", "object", false, &["chain"], &[]),
    method(true, "F3IsRunning", "bool", false, &["f3"], &[]),
    method(true, "F3GetProgress", "object", false, &["f3"], &[]),
    method(true, "F3GetLatestCertificate", "object", true, &["f3"], &["chain"]),
    method(true, "F3ListParticipants", "list", true, &["f3"], &[]),
    method(true, "LogAlerts", "list", true, &["alerts"], &[]),
    method(true, "StateReadState", "object", false, &["balances *", "network", "vesting *"], &["sectors_on_chain *"]),
    method(true, "StateMinerInfo", "object", false, &["identity *"], &["wallets", "messages", "mpool", "gas", "sectors_on_chain *"]),
    method(true, "StateAccountKey", "text", false, &["identity *"], &["wallets", "messages", "mpool"]),
    method(true, "StateLookupID", "text", false, &["wallets"], &["messages", "mpool"]),
    method(true, "StateMinerPower", "object", false, &["power *"], &["network"]),
    method(true, "MinerGetBaseInfo", "object", true, &["blocks", "power *"], &[]),
    method(true, "StateMinerAvailableBalance", "number", false, &["balances *"], &[]),
    method(true, "StateMarketBalance", "object", false, &["balances *"], &[]),
    method(true, "StateMinerProvingDeadline", "object", false, &["deadlines *"], &[]),
    method(true, "StateMinerDeadlines", "list", false, &["deadlines *", "expired_sectors *", "sectors_on_chain *"], &["missing_sectors *"]),
    method(true, "StateMinerPartitions", "list", false, &["deadlines *", "expired_sectors *", "sectors_on_chain *"], &["missing_sectors *"]),
    method(true, "StateMinerSectors", "list", false, &["sectors_on_chain *"], &[]),
    method(true, "GasEstimateGasPremium", "number", false, &["gas"], &[]),
    method(true, "StateMinerInitialPledgeForSector", "number", false, &["gas"], &["sectors_on_chain *"]),
    method(true, "WalletList", "list", true, &["wallets"], &["messages", "mpool"]),
    method(true, "WalletBalance", "number", false, &["wallets"], &[]),
    method(true, "StateVerifiedClientStatus", "number", true, &["wallets"], &[]),
    method(true, "MpoolPending", "list", true, &["mpool"], &[]),
    method(true, "StateActorCodeCIDs", "object", false, &["mpool"], &[]),
    method(true, "StateGetActor", "object", false, &["messages", "mpool"], &[]),
    // Then the miner is not known, and is not asked about at all.
    method(false, "ActorAddress", "text", false, &[], &["everything *"]),
    method(false, "Version", "object", false, &[], &["identity *"]),
    method(false, "StartTime", "text", false, &["process *"], &[]),
    method(false, "RuntimeSubsystems", "list", true, &[], &[]),
    method(false, "SectorsSummary", "object", true, &["sectors *"], &[]),
    method(false, "SectorsListInStates", "list", true, &["pipeline *", "expired_sectors *"], &[]),
    method(false, "SectorsStatus", "object", false, &["pipeline *"], &[]),
    method(false, "WorkerStats", "object", true, &["workers *"], &["jobs *"]),
    method(false, "WorkerJobs", "object", true, &["jobs *"], &[]),
    method(false, "SealingSchedDiag", "object", false, &["scheduler *"], &[]),
    method(false, "LogAlerts", "list", true, &["alerts *"], &[]),
    method(false, "StorageLocal", "object", true, &["storage_paths *"], &[]),
    method(false, "StorageList", "object", true, &["storage_paths *"], &["storage *", "missing_sectors *"]),
    method(false, "StorageInfo", "object", false, &["storage_paths *"], &[]),
    method(false, "StorageFindSector", "list", true, &[], &[]),
    method(false, "StorageStat", "object", false, &["storage *"], &[]),
];

#[test]
fn the_table_has_every_method() {
    let known: Vec<_> = METHODS.iter().map(|method| (method.is_of_daemon, method.name)).collect();
    for is_of_daemon in [true, false] {
        for name in names(is_of_daemon) {
            assert!(known.contains(&(is_of_daemon, name)), "{name}");
        }
    }
}

/// Replaces the answers of each method in turn by `answer`, which is JSON of the type `kind`.
fn answer_everything(answer: &str, kind: &str) {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for method in METHODS {
        // The type that it answers with anyway is not an error, unless a list contains nothing of what is expected.
        let is_expected = kind == method.kind && kind != "list" || kind == "null" && method.may_be_null;
        // Asked only where a miner has two processes, and of sectors in a path that is gone.
        if ["RuntimeSubsystems", "StorageFindSector"].contains(&method.name) {
            continue;
        }
        // Peers are only counted, whatever they are; and an empty list is not accepted if others report some.
        let is_counted = method.name == "NetPeers" && kind.ends_with("list");
        if is_expected && kind == "object" {
            empty_object(&farm, &before, method);
        } else if !is_expected && !is_counted {
            surprise(&farm, &before, method, answer);
        }
    }
}

fn surprise(farm: &Farm, before: &Metrics, method: &Method, answer: &str) {
    let (node, miners) = match method.is_of_daemon {
        true => (&farm.daemon, vec![MINER, OTHER]),
        false => (&farm.miner, vec![MINER]),
    };
    let each = |names: &[&str]| -> Vec<String> {
        let of = |name: &&str| -> Vec<String> { miners.iter().map(|miner| name.replace('*', miner)).collect() };
        let mut names: Vec<String> = names.iter().flat_map(of).collect();
        names.sort();
        names.dedup();
        names
    };
    node.answer(method.name, Answer::Raw(answer.to_owned()));
    let (after, stderr) = farm.exporter().collect();
    node.restore();
    let said = format!("{}: {answer:.40}: {stderr}", method.name);

    let failed = each(method.collectors);
    assert_eq!(after.failed(), failed, "{said}");
    let kind = if method.is_of_daemon { "daemon" } else { "miner" };
    let names_it =
        |line: &str| line.contains(&format!("{kind} 127.0.0.1:{}: ", node.port)) && line.contains(method.name);
    assert!(stderr.lines().any(names_it), "{said}");
    assert!(stderr.lines().all(|line| line.len() < 400), "{said}");

    let mut harmed = [failed, each(method.others)].concat();
    if harmed.contains(&format!("everything {MINER}")) {
        harmed = before.0.keys().map(|key| crate::collector_of_series(key, Some(MINER))).collect();
        harmed.extend(["gas", "wallets", "mpool"].map(str::to_owned));
    }
    let harmed: Vec<&str> = harmed.iter().map(String::as_str).collect();
    assert_others_unharmed(before, &after, &harmed);
    // An unintelligible message is still one that waits.
    if method.name != "MpoolPending" {
        assert_nothing_made_up(before, &after);
    }
}

/// An object without any field that is looked for: what was in them is absent, and not zero.
fn empty_object(farm: &Farm, before: &Metrics, method: &Method) {
    let node = if method.is_of_daemon { &farm.daemon } else { &farm.miner };
    node.result(method.name, json!({}));
    let (after, _) = farm.exporter().collect();
    node.restore();
    assert_nothing_made_up(before, &after);
}

#[test]
fn a_text() {
    answer_everything(r#""surprise""#, "text");
}

#[test]
fn an_object() {
    answer_everything("{}", "object");
}

#[test]
fn a_list() {
    answer_everything("[[1]]", "list");
}

#[test]
fn null() {
    answer_everything("null", "null");
}

#[test]
fn an_enormous_number() {
    answer_everything("1e400", "vast number");
}

#[test]
fn deep_nesting() {
    answer_everything(&format!("{}{}", "[".repeat(1000), "]".repeat(1000)), "deep list");
}

/// The answer is a text of a megabyte: stderr need not repeat it.
#[test]
fn a_long_text() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let answer = Value::from("long".repeat(250_000)).to_string();
    for name in ["NetPeers", "StateMinerInfo"] {
        let method = METHODS.iter().find(|method| method.name == name).unwrap();
        surprise(&farm, &before, method, &answer);
    }
    let wrong_field = json!({"Reachability": "long".repeat(250_000)}).to_string();
    let method = METHODS.iter().find(|method| method.name == "NetAutoNatStatus").unwrap();
    surprise(&farm, &before, method, &wrong_field);
}
