//! The lanes that the full node answers: the node itself, each miner, wallets and messages, and the walk along the chain.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::connect::Daemon;
use super::messages::Senders;
use super::quality::Terms;
use super::{
    balances, blocks, chain, deadlines, f3, gas, identity, messages, mpool, network, node, on_chain, power, vesting,
    wallets,
};
use crate::collect::alerts;
use crate::collect::lane::Lane;
use crate::collect::run::Run;
use crate::lotus::bitfield::BitField;
use crate::lotus::fil::Fil;

/// The message if there is no full node.
pub const NONE: &str =
    "no full node to ask: set FULLNODE_API_INFO, or LOTUS_PATH to its repo, or run as a user whose HOME has .lotus";

/// The full node, or an error if there is none.
fn up(daemon: Option<&Daemon>) -> Result<&Daemon> {
    daemon.context(NONE)
}

/// What the full node reports about itself, the chain and the network.
pub fn node_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str]) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    lane.collect("daemon", |problems| node::fetch(up(daemon)?, problems), node::expose);
    lane.collect(
        "chain",
        |problems| chain::fetch(up(daemon)?, problems),
        |facts, samples| chain::expose(facts, run.now, samples),
    );
    lane.collect(
        "f3",
        |problems| f3::fetch(up(daemon)?, problems),
        |facts, samples| f3::expose(facts, miner_ids, samples),
    );
    lane.collect(
        "alerts",
        |problems| alerts::fetch(&up(daemon)?.client, problems),
        |facts, samples| alerts::expose(facts, None, samples),
    );
    lane
}

/// The walk along the chain, which nothing waits for.
pub fn blocks_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str]) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    if !miner_ids.is_empty() {
        lane.collect_dated(
            "blocks",
            |problems| blocks::fetch(up(daemon), run, miner_ids, problems),
            blocks::expose,
            blocks::Facts::walked_seconds,
        );
    }
    lane
}

/// What later collectors need of a miner's chain side.
pub struct ChainFacts {
    pub identity: Option<identity::Facts>,
    pub is_identity_whole: bool,
    pub power: Option<power::Facts>,
    pub live: Option<LiveSectors>,
    pub fee_debt: Option<Fil>,
    pub vesting: Option<vesting::Vesting>,
}

/// The live sectors of a miner: how many, and in runs that read them all, which, and which of them are faulty.
pub struct LiveSectors {
    pub count: Option<u64>,
    pub numbers: Option<BitField>,
    pub faulty: BitField,
}

/// What the chain knows of one miner, whose program is of this version, where there is one. `others_want_live` where another node's collectors need its live sectors in this run.
pub fn chain_side(
    run: &Run,
    daemon: Option<&Daemon>,
    miner_id: &str,
    version: Option<&str>,
    others_want_live: bool,
) -> (Lane, ChainFacts) {
    let mut lane = Lane::new(run.now, miner_id, daemon.map(|daemon| daemon.client.name()));
    let identity = lane.collect(
        "identity",
        |problems| identity::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| identity::expose(facts, miner_id, version, run.address_book, samples),
    );
    let is_identity_whole = lane.is_well("identity");
    let power = lane.collect(
        "power",
        |problems| power::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| power::expose(facts, miner_id, samples),
    );
    let balances = lane.collect(
        "balances",
        |problems| balances::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| balances::expose(facts, miner_id, samples),
    );
    let told = deadlines::Told {
        deadlines_cid: balances.as_ref().and_then(|facts| facts.deadlines_cid.as_deref()),
        active_sectors: power
            .as_ref()
            .zip(identity.as_ref())
            .and_then(|(power, identity)| power.miner.raw_bytes?.to_u64()?.checked_div(identity.sector_size_bytes?)),
    };
    let wants_live = on_chain::is_due(run, miner_id) || others_want_live;
    let deadlines = lane.collect(
        "deadlines",
        |problems| deadlines::fetch(up(daemon)?, run, miner_id, told, wants_live, problems),
        |facts, samples| deadlines::expose(facts, miner_id, run.max_rows, samples),
    );
    let live = deadlines.map(|facts| LiveSectors {
        count: facts.live_count(),
        faulty: facts.faulty_sectors(),
        numbers: facts.live_sectors,
    });
    let fee_debt = balances.as_ref().and_then(|facts| facts.fee_debt);
    let vesting = balances.map(|facts| facts.vesting);
    (lane, ChainFacts { identity, is_identity_whole, power, live, fee_debt, vesting })
}

/// What later collectors need of wallets and gas.
pub struct MoneyFacts {
    /// The pledge of a new sector by its size in bytes.
    pub pledges: BTreeMap<u64, Fil>,
    /// Whose messages are counted.
    pub senders: Senders,
}

/// What the full node reports about wallets and messages, once the miners' addresses are known.
pub fn money_side(
    run: &Run,
    daemon: Option<&Daemon>,
    miner_ids: &[&str],
    chain_facts: &[ChainFacts],
) -> (Lane, MoneyFacts) {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    let told_to_a_miner = chain_facts.iter().find_map(|facts| Some(facts.power.as_ref()?.network));
    lane.collect("network", |problems| network::fetch(up(daemon)?, told_to_a_miner, problems), network::expose);
    let identities: Vec<(&str, &identity::Facts)> =
        miner_ids.iter().zip(chain_facts).filter_map(|(id, facts)| Some((*id, facts.identity.as_ref()?))).collect();
    let gas = lane.collect("gas", |problems| gas::fetch(up(daemon)?, &identities, problems), gas::expose);
    let wallets = lane.collect(
        "wallets",
        |problems| wallets::fetch(up(daemon)?, &identities, run.address_book, problems),
        wallets::expose,
    );
    let are_all = lane.is_well("wallets") && chain_facts.iter().all(|facts| facts.is_identity_whole);
    let wallets = wallets.map(|facts| facts.wallets).unwrap_or_default();
    lane.collect("mpool", |problems| mpool::fetch(up(daemon)?, run, &wallets, miner_ids, problems), mpool::expose);
    let pledges = gas.map(|gas| gas.full_pledges()).unwrap_or_default();
    (lane, MoneyFacts { pledges, senders: Senders::of(&wallets, &identities, are_all) })
}

/// Messages that were executed, once their senders are known.
pub fn messages_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str], senders: &Senders) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    lane.collect_dated(
        "messages",
        |problems| messages::fetch(up(daemon), run, senders, miner_ids, problems),
        messages::expose,
        messages::Facts::walked_seconds,
    );
    lane
}

/// What requires reading every sector on chain, and is done rarely. `pledges` are those of new sectors by their size.
pub fn slow_side(
    run: &Run,
    daemon: Option<&Daemon>,
    miner_id: &str,
    facts: ChainFacts,
    pledges: &BTreeMap<u64, Fil>,
) -> Lane {
    let mut lane = Lane::new(run.now, miner_id, daemon.map(|daemon| daemon.client.name()));
    let sector_bytes = facts.identity.and_then(|identity| identity.sector_size_bytes);
    let pledge = sector_bytes.and_then(|bytes| pledges.get(&bytes).copied());
    let (count, numbers, faulty) = match facts.live {
        Some(live) => (live.count, live.numbers, live.faulty),
        None => Default::default(),
    };
    let terms = Terms { sector_bytes, pledge, faulty };
    lane.collect_dated(
        "sectors_on_chain",
        |problems| on_chain::fetch(up(daemon), run, miner_id, numbers, count, terms, problems),
        |sums, samples| on_chain::expose(sums, facts.fee_debt, miner_id, samples),
        on_chain::Facts::obtained_seconds,
    );
    lane.collect_dated(
        "vesting",
        |problems| vesting::fetch(up(daemon), run, miner_id, facts.vesting.as_ref(), problems),
        |facts, samples| vesting::expose(facts, miner_id, samples),
        vesting::Facts::obtained_seconds,
    );
    lane
}
