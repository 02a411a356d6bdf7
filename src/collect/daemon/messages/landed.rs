//! Reading what landed: the messages of one tipset and their receipts, of which only ours are kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Walk;
use super::ledger::{Account, All, Due, Landed};
use crate::collect::daemon::mpool::actor_types;
use crate::lotus::epoch::{OLDEST_GENESIS_SECONDS, SECONDS_AHEAD};
use crate::lotus::fil::Fil;
use crate::lotus::gas::Terms;
use crate::lotus::tipset::{Link, TipSet};
use crate::lotus::{actors, address};
use crate::rpc::CallError;
use crate::tolerant::{Int, Problems};
use crate::words;

const MESSAGES: &str = "ChainGetParentMessages";
const RECEIPTS: &str = "ChainGetParentReceipts";

/// An element of ChainGetParentMessages.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    cid: Link,
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    from: String,
    to: String,
    nonce: u64,
    method: u64,
    value: Fil,
    gas_limit: Int,
    gas_fee_cap: Fil,
    gas_premium: Fil,
}

/// An element of ChainGetParentReceipts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receipt {
    exit_code: i64,
    gas_used: Int,
}

impl Message {
    /// The gas that it reserves, and the tip that it pays for that; nothing where these cannot be.
    fn offer(&self, base_fee: Option<Fil>) -> All {
        let gas_limit = self.gas_limit.0;
        let terms = |base_fee| Terms {
            gas_limit,
            // The tip does not depend on what was used of it.
            gas_used: gas_limit,
            base_fee,
            fee_cap: self.gas_fee_cap,
            premium: self.gas_premium,
        };
        let cost = base_fee.and_then(|base_fee| terms(base_fee).cost());
        let offer = cost.zip(u64::try_from(gas_limit).ok());
        offer.map_or_else(All::default, |(cost, gas_limit)| All { gas_limit, miner_tip: cost.miner_tip })
    }
}

/// One of our messages, with its place among all and its account.
struct Own {
    place: usize,
    account: usize,
    listed: Listed,
}

/// What a tipset brought: messages by their accounts, all that were due where there is no error.
pub struct Read {
    pub landed: Vec<(usize, Vec<Landed>)>,
    /// All its messages, ours and others'.
    pub all: All,
    pub error: Option<CallError>,
}

impl Walk<'_> {
    /// Reads the messages that are due of a tipset, whose receipts its child shows. Those of an account are all there or left out, with an
    /// error.
    pub(super) fn read(
        &self,
        (tipset, child): (&TipSet, &TipSet),
        due: &[Due],
        accounts: &[Account],
        problems: &mut Problems,
    ) -> Result<Read, CallError> {
        let block = child.first_cid().ok_or_else(|| self.client.misshaped(MESSAGES, "the tipset has no CIDs"))?;
        let (own, count, all) = self.messages(block, tipset.base_fee(), due, accounts)?;
        let receipts = self.receipts(block, &own, count)?;
        let types = self.types(&own, problems)?;

        let mut by_account: BTreeMap<usize, Vec<Landed>> = BTreeMap::new();
        for own in own {
            let Some(receipt) = receipts.get(&own.place) else {
                continue;
            };
            // What the chain refused before it executed it has not landed.
            if receipt.gas_used > Int(0) {
                let landed = self.landed(own.listed, receipt, tipset, &types)?;
                by_account.entry(own.account).or_default().push(landed);
            }
        }
        let (mut landed, mut error) = (Vec::new(), None);
        for Due { account, nonces } in due {
            let mut messages = by_account.remove(account).unwrap_or_default();
            messages.sort_by_key(|message| message.nonce);
            if messages.iter().map(|message| message.nonce).eq(nonces.clone()) {
                landed.push((*account, messages));
            } else {
                let address = accounts.get(*account).map_or("", |account| account.address.as_str());
                let why = format!(
                    "at epoch {}, the messages of {address} are not those that its nonce counts, {} to {}",
                    tipset.height(),
                    nonces.start,
                    nonces.end.saturating_sub(1)
                );
                error = Some(self.client.misshaped(MESSAGES, why));
            }
        }
        Ok(Read { landed, all, error })
    }

    /// The messages of accounts that something is due of, the number of all messages, and what all offered.
    fn messages(
        &self,
        block: &Value,
        base_fee: Option<Fil>,
        due: &[Due],
        accounts: &[Account],
    ) -> Result<(Vec<Own>, usize, All), CallError> {
        let (mut own, mut count, mut all) = (Vec::new(), 0, All::default());
        self.client.each::<Listed>(MESSAGES, json!([block]), |listed| {
            let place = count;
            count += 1;
            let Ok(listed) = listed else {
                return;
            };
            all.add(listed.message.offer(base_fee));
            let is_due = |due: &&Due| {
                let account = accounts.get(due.account).filter(|account| account.is(&listed.message.from));
                // Others are counted already.
                account.is_some() && listed.message.nonce >= due.nonces.start
            };
            if let Some(Due { account, .. }) = due.iter().find(is_due) {
                own.push(Own { place, account: *account, listed });
            }
        })?;
        Ok((own, count, all))
    }

    /// The receipts of our messages, by the messages' places. There is one receipt for each of all messages.
    fn receipts(&self, block: &Value, own: &[Own], all: usize) -> Result<BTreeMap<usize, Receipt>, CallError> {
        let (mut receipts, mut count) = (BTreeMap::new(), 0);
        self.client.each::<Receipt>(RECEIPTS, json!([block]), |receipt| {
            if let Some(receipt) = receipt.ok().filter(|_| own.iter().any(|own| own.place == count)) {
                receipts.insert(count, receipt);
            }
            count += 1;
        })?;
        if count != all {
            let (receipts, messages) = (words::of(count as f64, "receipt"), words::of(all as f64, "message"));
            let why = format!("{receipts} for {messages} of {MESSAGES}");
            return Err(self.client.misshaped(RECEIPTS, why));
        }
        Ok(receipts)
    }

    /// The types of the actors that name the methods. An error if they cannot be known now, since a message counts under one name for ever.
    fn types(&self, own: &[Own], problems: &mut Problems) -> Result<BTreeMap<String, String>, CallError> {
        let calls: Vec<(&str, Int)> =
            own.iter().map(|own| (own.listed.message.to.as_str(), Int(own.listed.message.method.into()))).collect();
        let failures = problems.failures();
        let types = actor_types(self.daemon, &calls, self.miner_ids, problems);
        match problems.failures() == failures {
            true => Ok(types),
            false => Err(self.client.misshaped("StateGetActor", "the receivers of messages are not known")),
        }
    }

    fn landed(
        &self,
        Listed { cid, message }: Listed,
        receipt: &Receipt,
        tipset: &TipSet,
        types: &BTreeMap<String, String>,
    ) -> Result<Landed, CallError> {
        let misshaped = |why: &str| self.client.misshaped(MESSAGES, format!("{}: {why}", cid.cid));
        let base_fee = tipset.base_fee().ok_or_else(|| misshaped("its tipset has no ParentBaseFee"))?;
        let terms = Terms {
            gas_limit: message.gas_limit.0,
            gas_used: receipt.gas_used.0,
            base_fee,
            fee_cap: message.gas_fee_cap,
            premium: message.gas_premium,
        };
        let cost = terms.cost().ok_or_else(|| misshaped("its gas or fees are impossible"))?;
        let can_be = OLDEST_GENESIS_SECONDS..self.now + SECONDS_AHEAD;
        let timestamp_seconds = tipset.timestamp_seconds().filter(|seconds| can_be.contains(&(*seconds as f64)));
        if message.value < Fil::default() || u32::try_from(receipt.exit_code).is_err() {
            return Err(misshaped("its value or exit code is impossible"));
        }
        Ok(Landed {
            nonce: message.nonce,
            to_miner: self.miner_ids.iter().find(|id| address::same(id, &message.to)).map_or("", |id| *id).to_owned(),
            method: actors::method_name(types.get(&message.to).map(String::as_str), message.method),
            exit_code: receipt.exit_code,
            cost,
            gas_limit: u64::try_from(terms.gas_limit).unwrap_or(0),
            // What a failed message would have moved stays where it is.
            value: if receipt.exit_code == 0 { message.value } else { Fil::default() },
            timestamp_seconds: timestamp_seconds.ok_or_else(|| misshaped("its tipset has no possible Timestamp"))?,
            height: tipset.height(),
            to: message.to,
            cid: cid.cid,
        })
    }
}
