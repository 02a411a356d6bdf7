//! The full node, its chain and the network.

use serde_json::{Value, json};

use super::{MINERS, Span};
use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{fil, fil_of, items, number, seconds, text, whole, yes};

pub fn expect(recording: &Recording, ran: Span, expected: &mut Expected) {
    node(recording, expected);
    upgrades(recording, expected);
    chain(recording, ran, expected);
    f3(recording, expected);
    network(recording, expected);
}

/// Lotus' names for heights that no chain reaches are for upgrades that have no date.
fn upgrades(recording: &Recording, expected: &mut Expected) {
    let params = recording.chain("StateGetNetworkParams", json!([]));
    let head = whole(&recording.chain("ChainHead", json!([]))["Height"]);
    for (field, height) in params["ForkUpgradeParams"].as_object().unwrap() {
        let name = field.strip_prefix("Upgrade").and_then(|rest| rest.strip_suffix("Height"));
        let Some(name) = name.filter(|name| *name != "Xx" && whole(height) > head && whole(height) <= 1_000_000_000)
        else {
            continue;
        };
        let version = match name {
            "Teep" => "25",
            "Tock" => "26",
            "GoldenWeek" => "27",
            "FireHorse" => "28",
            "Solstice" => "29",
            _ => "",
        };
        let moment = number(&params["GenesisTimestamp"]) + number(height) * number(&params["BlockDelaySecs"]);
        let labels = [("name", name), ("network_version", version), ("known_to_node", "1")];
        expected.add("farcaster_network_upgrade_timestamp_seconds", &labels, moment);
    }
    expected.nothing_more_of(&["farcaster_network_upgrade_timestamp_seconds"]);
}

fn node(recording: &Recording, expected: &mut Expected) {
    let chain = |method| recording.chain(method, json!([]));
    let version = chain("Version");
    let labels = [
        ("version", text(&version["Version"])),
        ("agent", text(&version["Agent"])),
        ("network", text(chain("StateNetworkName"))),
    ];
    expected.add("farcaster_daemon_info", &labels, 1.0);
    expected.add("farcaster_network_info", &labels[2..], 1.0);
    expected.add("farcaster_daemon_start_time_seconds", &[], seconds(chain("StartTime")));
    expected.add("farcaster_daemon_peers", &[], items(chain("NetPeers")).len() as f64);
    expected.add("farcaster_network_version", &[], number(recording.chain("StateNetworkVersion", json!([null]))));
    let status = recording.chain("NodeStatus", json!([false]));
    for (kind, key) in [("blocks", "PeersToPublishBlocks"), ("messages", "PeersToPublishMsgs")] {
        expected.add("farcaster_daemon_publish_peers", &[("kind", kind)], number(&status["PeerStatus"][key]));
    }
    let reachability = number(&chain("NetAutoNatStatus")["Reachability"]);
    for (code, state) in [(0.0, "unknown"), (1.0, "public"), (2.0, "private")] {
        let is_it = if reachability == code { 1.0 } else { 0.0 };
        expected.add("farcaster_daemon_reachability", &[("state", state)], is_it);
    }
    let bandwidth = chain("NetBandwidthStats");
    expected.add("farcaster_daemon_receive_bytes_total", &[], number(&bandwidth["TotalIn"]));
    expected.add("farcaster_daemon_transmit_bytes_total", &[], number(&bandwidth["TotalOut"]));
    for (protocol, bandwidth) in chain("NetBandwidthStatsByProtocol").as_object().unwrap() {
        let labels = [("protocol", protocol.as_str())];
        expected.add("farcaster_daemon_protocol_receive_bytes_total", &labels, number(&bandwidth["TotalIn"]));
        expected.add("farcaster_daemon_protocol_transmit_bytes_total", &labels, number(&bandwidth["TotalOut"]));
    }
    for alert in items(chain("LogAlerts")) {
        let labels = [("system", text(&alert["Type"]["System"])), ("subsystem", text(&alert["Type"]["Subsystem"]))];
        expected.add("farcaster_daemon_alert_active", &labels, yes(&alert["Active"]));
    }
}

fn chain(recording: &Recording, ran: Span, expected: &mut Expected) {
    let head = recording.head();
    let blocks = items(&head["Blocks"]);
    expected.add("farcaster_chain_head_height", &[], number(&head["Height"]));
    expected.add("farcaster_chain_head_timestamp_seconds", &[], number(&blocks[0]["Timestamp"]));
    expected.add("farcaster_chain_head_blocks", &[], blocks.len() as f64);
    expected.add("farcaster_chain_base_fee_fil", &[], fil(&blocks[0]["ParentBaseFee"]));
    // The devnet's epochs take four seconds.
    let params = recording.chain("StateGetNetworkParams", json!([]));
    let (genesis, delay) = (number(&params["GenesisTimestamp"]), number(&params["BlockDelaySecs"]));
    let epoch_at = |seconds: f64| ((seconds - genesis) / delay).floor();
    expected.add_within("farcaster_chain_expected_height", &[], epoch_at(ran.from)..=epoch_at(ran.to));
    let status = recording.chain("NodeStatus", json!([false]));
    expected.add("farcaster_chain_behind_epochs", &[], number(&status["SyncStatus"]["Behind"]));
    let syncs = items(&recording.chain("SyncState", json!([]))["ActiveSyncs"]);
    let stages = ["idle", "headers", "persist_headers", "messages", "complete", "error", "fetching_messages"];
    for (number, stage) in stages.iter().enumerate() {
        let workers = syncs.iter().filter(|sync| sync["Stage"] == number).count();
        expected.add("farcaster_chain_sync_workers", &[("stage", stage)], workers as f64);
    }
    let finality = recording.chain("ChainGetTipSetFinalityStatus", json!([]));
    // The first epochs of a chain are too few for any to be final.
    let final_by_ec = match &finality["ecFinalizedTipSet"] {
        Value::Null => (number(&head["Height"]) - 900.0).max(0.0),
        tipset => number(&tipset["Height"]),
    };
    expected.add("farcaster_chain_finalized_height", &[("source", "ec")], final_by_ec);
    // Before F3 runs, asking for its certificate is an error.
    let certificate = recording.try_result("daemon", "F3GetLatestCertificate", &json!([]));
    let tipsets = certificate.map_or(&[][..], |certificate| items(&certificate["ECChain"]));
    let final_by_f3 = tipsets.last().map(|tipset| number(&tipset["Epoch"]));
    expected.add("farcaster_chain_finalized_height", &[("source", "f3")], final_by_f3);
    for (params, premium) in recording.all("daemon", "GasEstimateGasPremium") {
        expected.add("farcaster_gas_premium_fil", &[("within_epochs", &params[0].to_string())], fil(premium));
    }
}

fn f3(recording: &Recording, expected: &mut Expected) {
    expected.add("farcaster_f3_running", &[], yes(recording.chain("F3IsRunning", json!([]))));
    let progress = recording.chain("F3GetProgress", json!([]));
    for (name, key) in [("instance", "ID"), ("round", "Round"), ("phase", "Phase")] {
        expected.add(&format!("farcaster_f3_{name}"), &[], number(&progress[key]));
    }
    let participants = items(recording.chain("F3ListParticipants", json!([])));
    for (_, miner_id) in MINERS {
        let takes_part = participants.iter().any(|one| format!("t0{}", one["MinerID"]) == miner_id);
        let takes_part = if takes_part { 1.0 } else { 0.0 };
        expected.add("farcaster_miner_f3_participating", &[("miner_id", miner_id)], takes_part);
    }
}

fn network(recording: &Recording, expected: &mut Expected) {
    let power = &recording.chain("StateMinerPower", json!([MINERS[0].1, "@head"]))["TotalPower"];
    for (kind, key) in [("raw", "RawBytePower"), ("quality_adjusted", "QualityAdjPower")] {
        expected.add("farcaster_network_power_bytes", &[("kind", kind)], number(&power[key]));
    }
    let actor = &recording.chain("StateReadState", json!(["f04", "@head"]))["State"];
    for (kind, key) in [("all", "MinerCount"), ("above_min_power", "MinerAboveMinPowerCount")] {
        expected.add("farcaster_network_miners", &[("kind", kind)], number(&actor[key]));
    }
    // Network version 28: a win brings a fifth of the epoch's reward, in whole attoFIL.
    let reward = whole(&recording.chain("StateReadState", json!(["f02", "@head"]))["State"]["ThisEpochReward"]);
    expected.add("farcaster_network_block_reward_fil", &[], fil_of(reward / 5));
    for (params, pledge) in recording.all("daemon", "StateMinerInitialPledgeForSector") {
        assert_eq!((&params[0], &params[2]), (&json!(540 * 2880), &json!(0)), "of 540 days, without verified deals");
        expected.add(
            "farcaster_network_sector_pledge_fil",
            &[("sector_size_bytes", &params[1].to_string())],
            fil(pledge),
        );
    }
}
