//! The miner's money: what it holds, what is locked, what it owes, and what it has in the storage market.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use super::vesting::{self, Vesting};
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::tipset::Link;
use crate::rpc::Batch;
use crate::tolerant::{Field, Problems};

/// What StateReadState, StateMinerAvailableBalance and StateMarketBalance return.
pub struct Facts {
    balance: Option<Fil>,
    available: Option<Fil>,
    pub fee_debt: Option<Fil>,
    precommit_deposits: Option<Fil>,
    initial_pledge: Option<Fil>,
    pub vesting: Vesting,
    market_escrow: Option<Fil>,
    market_locked: Option<Fil>,
    /// The CID of the miner's deadlines, which changes whenever anything about them does.
    pub deadlines_cid: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ActorState {
    balance: Field<Fil>,
    state: Field<MinerState>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MinerState {
    pre_commit_deposits: Field<Fil>,
    locked_funds: Field<Fil>,
    vesting_funds: Field<vesting::State>,
    initial_pledge: Field<Fil>,
    fee_debt: Field<Fil>,
    deadlines: Field<Link>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MarketBalance {
    escrow: Field<Fil>,
    locked: Field<Fil>,
}

pub fn fetch(daemon: &Daemon, miner_id: &str, problems: &mut Problems) -> Result<Facts> {
    let params = || json!([miner_id, daemon.tipset_key]);
    let mut batch = Batch::new();
    let actor = batch.add::<ActorState>("StateReadState", params());
    let available = batch.add::<Fil>("StateMinerAvailableBalance", params());
    let market = batch.add::<MarketBalance>("StateMarketBalance", params());
    let answers = daemon.client.send(&batch);
    let actor = problems.ok(answers.get(actor)).unwrap_or_default();
    let available = problems.ok(answers.get(available));
    let market = problems.if_supported(answers.get(market)).unwrap_or_default();

    let state = actor.state.take("StateReadState.State", problems).unwrap_or_default();
    let deadlines = state.deadlines.take("StateReadState.State.Deadlines", problems);
    let locked_funds = state.locked_funds.take("StateReadState.State.LockedFunds", problems);
    let vesting = state.vesting_funds.take("StateReadState.State.VestingFunds", problems).unwrap_or_default();
    let vesting = vesting.take(locked_funds, problems);
    let mut of = |field: Field<Fil>, name| field.take(name, problems);
    Ok(Facts {
        balance: of(actor.balance, "StateReadState.Balance"),
        available,
        fee_debt: of(state.fee_debt, "StateReadState.State.FeeDebt"),
        precommit_deposits: of(state.pre_commit_deposits, "StateReadState.State.PreCommitDeposits"),
        initial_pledge: of(state.initial_pledge, "StateReadState.State.InitialPledge"),
        vesting,
        market_escrow: of(market.escrow, "StateMarketBalance.Escrow"),
        market_locked: of(market.locked, "StateMarketBalance.Locked"),
        deadlines_cid: deadlines.map(|cid| cid.cid),
    })
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    samples.add(&families::MINER_BALANCE_FIL, [miner_id], facts.balance);
    samples.add(&families::MINER_AVAILABLE_FIL, [miner_id], facts.available);
    samples.add(&families::MINER_FEE_DEBT_FIL, [miner_id], facts.fee_debt);
    let locked = &families::MINER_LOCKED_FIL;
    samples.add(locked, [miner_id, "precommit_deposits"], facts.precommit_deposits);
    samples.add(locked, [miner_id, "initial_pledge"], facts.initial_pledge);
    samples.add(locked, [miner_id, "vesting"], facts.vesting.locked);
    samples.add(&families::MINER_MARKET_ESCROW_FIL, [miner_id], facts.market_escrow);
    samples.add(&families::MINER_MARKET_LOCKED_FIL, [miner_id], facts.market_locked);
}
